"""Is every variation justified? Trainings with about half of a kind's variations each, as a screening design chooses.

One set of each kind, training and validation files only: an even share of each, cut as ``photism train`` cuts, where
the probes say. Every training begins with the probe's head and sees the same files; what differs is which variations
its views are made of, and the seed that draws views and batches. Trainings differ by chance more than by any one
variation, so that leaving out one at a time tells little: here each training says something of every variation. Which
are used is told by the columns of a Hadamard matrix, Sylvester's (after R. L. Plackett and J. P. Burman, The design of
optimum multifactorial experiments, Biometrika 33, 1946, doi 10.1093/biomet/33.4.305): every variation is used in half
of the trainings, and with every other one in a quarter. A second round has all signs turned, which frees what one
variation does from what two do together. An effect is the loss (nats) of validation files with a variation less that
without it, of the suffix by itself at its best epoch, and of what would be kept (``blend``). Intervals are 95 % of
Student's t on what the trainings differ by otherwise: for other seeds, not for other files; they are not corrected for
their number.
What was measured is kept in ``--out``: stop and continue at any time. Test files are never read.

    PHOTISM_DATA=../shared/data python -m benchmarks.variations [SET ...] --out FOLDER [--rounds 1]
    python -m benchmarks.variations --out FOLDER --table
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import stats
from scipy.linalg import hadamard

from benchmarks.main_job import DATA

LEAST_FREE = 3  # so many trainings more than effects, at least, tell what they differ by otherwise


@dataclass(frozen=True, slots=True)
class Set:
    """A set's kind, its CSV, and the fold that stays unread (None: the CSV's own test part does)."""

    kind: str
    csv: str
    test_fold: str | None = None


SETS = {
    "clothing10": Set("image", "clothing10.csv"),
    "fsdd": Set("sound", "fsdd.csv", "george"),
    "filefrag": Set("binary", "filefrag.csv"),
    "mouse_bots": Set("mouse", "mouse_bots.csv", "1"),
}


def variations_of(kind: str) -> dict[str, bool]:
    """Name a kind's variations in the order in which they are applied, and say which are used by default."""
    from photism.pictures import vary_binary, vary_image, vary_mouse, vary_sound

    module = {"image": vary_image, "sound": vary_sound, "binary": vary_binary, "mouse": vary_mouse}[kind]
    return {name: name in module.DEFAULT_OPS for name in module.OPS}


def design(n_variations: int, n_rounds: int) -> np.ndarray:
    """Say which variations each training uses: bool (n, n_variations), rounds one after the other.

    Of a Hadamard matrix those columns come first whose number has an odd count of bits: of them, which are half of all,
    no two together are confounded with a third.
    """
    n = 1
    while n < n_variations + 1 + LEAST_FREE:
        n *= 2
    columns = sorted(range(1, n), key=lambda column: (column.bit_count() % 2 == 0, column))[:n_variations]
    first = hadamard(n)[:, columns] > 0
    return np.concatenate([first if number % 2 == 0 else ~first for number in range(n_rounds)])


# ── training ─────────────────────────────────────────────────────────────────────────────────────────


class Bench:
    """One set made ready: its files, what the frozen network says of them, and the plan that all trainings share.

    ``material`` has no part for files that are left out; heads are fitted once.
    """

    def __init__(self, name: str, given: argparse.Namespace, work: Path, executor) -> None:
        from photism.data.material import gather
        from photism.pictures.table import fit_recipe
        from photism.recognizers.backbones import DEFAULT_BACKBONE, load_backbone
        from photism.store import cache_root
        from photism.training.frozen import ask
        from photism.training.views import Cut

        one = SETS[name]
        found = gather(DATA / one.csv, kind=None, group_by=None, test_fold=one.test_fold, seed=0, executor=executor)
        found = shared_evenly(found, {"train": given.files, "valid": given.valid_files})
        backbone = load_backbone(DEFAULT_BACKBONE)
        recipe = fit_recipe(found.dataset.kind, found.facts("train"), size_px=backbone.size_px)
        self.asked = ask(found, recipe, backbone, engine=None, executor=executor, cache=cache_root())
        self.material = found.without(self.asked.skipped)
        self.backbone, self.executor, self.work = backbone, executor, work
        self.train, self.valid = self.material.mask("train"), self.material.mask("valid")
        # Folds that validation consists of; 0 where it was not cut along folds.
        units = {unit for unit, held in zip(self.material.units, self.valid, strict=True) if held}
        self.n_folds = len(units) if self.material.by_fold else 0
        self.plan, self.evidence = self._planned(given)
        self.cut = Cut(backbone, self.plan.after, recipe, self.asked.panels, self.asked.engine)
        self._heads: dict[tuple[str, ...], object] = {}

    def _planned(self, given: argparse.Namespace):
        """Choose the depth by probes on the training files, and the standard length unless one is given."""
        from threadpoolctl import threadpool_limits

        from photism.training.fit import folds_of
        from photism.training.plan import Plan, choose_depth, fit_plan
        from photism.training.probe import select_layers

        y = self.material.y
        with threadpool_limits(limits=1, user_api="blas"):
            folds = folds_of(y, self.material.units, self.train, 0)
            train = self.asked.features.keep(self.train)
            selection = select_layers(train, y, folds, n_classes=len(self.material.labels), seed=0)
        depth = choose_depth(selection, self.backbone.stage_names)
        plan = Plan(after=depth.after, layers=depth.layers, frozen_layers=depth.frozen_layers)
        plan = fit_plan(plan, int(self.train.sum()))
        assert plan is not None
        wanted = {"epochs": given.epochs, "views": given.views}
        return replace(plan, **{key: value for key, value in wanted.items() if value is not None}), depth.evidence

    def head(self, layers: tuple[str, ...]):
        """Fit the probe's head to the training files, once."""
        from threadpoolctl import threadpool_limits

        from photism.training.classifier import fit_classifier
        from photism.training.fit import folds_of

        if layers not in self._heads:
            y, n_classes = self.material.y, len(self.material.labels)
            features = self.asked.features.keep(self.train, layers=layers)
            with threadpool_limits(limits=1, user_api="blas"):
                folds = folds_of(y, self.material.units, self.train, 0)
                self._heads[layers] = fit_classifier(features, y, folds, layers=layers, n_classes=n_classes).head
        return self._heads[layers]

    def views(self, ops: tuple[str, ...], seed: int):
        """Make the maps; without variations the plain ones are all there is."""
        from photism.training.views import make_views

        n_views = self.plan.views if ops else 0
        return make_views(
            self.material, self.cut, plain=self.train | self.valid, varied=self.train, n_views=n_views, seed=seed,
            executor=self.executor, cache=self.work, ops=ops or None,
        )  # fmt: skip

    def measure(self, ops: tuple[str, ...], seed: int) -> dict[str, float]:
        """Train once; return loss (nats) and accuracy (%) on validation files."""
        from photism.recognizers.suffix import Suffix
        from photism.training.blend import HeldOut, answers_on_the_way, choose_blend, frozen_logits, weights_of
        from photism.training.calibration import temperature_for
        from photism.training.features import by_file, softmax
        from photism.training.finetune import finetune

        material, plan = self.material, replace(self.plan, seed=seed)
        views = self.views(ops, seed)
        suffix = Suffix(self.backbone, after=plan.after, panels=self.asked.panels, head=self.head(plan.layers))
        start, groups = weights_of(suffix), np.unique(np.array(material.groups), return_inverse=True)[1]
        tuned = finetune(suffix, views, material.y, groups, train=self.train, valid=self.valid, plan=plan)
        files = np.flatnonzero(self.valid)
        windows, logits = answers_on_the_way(suffix, start, views, files)
        alone = by_file(softmax(logits[1.0] / temperature_for(logits[1.0], windows, material.y)), windows)[files]
        frozen = None
        if plan.frozen_layers:
            held = self.asked.features.keep(self.valid, layers=plan.frozen_layers)
            frozen = frozen_logits(self.head(plan.frozen_layers), held, windows)
        held_out = HeldOut(windows, logits, frozen)
        kept = held_out.probabilities(choose_blend(held_out, material.y))[files]
        y = material.y[files]
        found = {"epoch": float(tuned.best_epoch)}
        for name, probability in (("alone", alone), ("kept", kept)):
            found[f"{name}_nats"] = float(-np.log(np.maximum(probability[np.arange(len(y)), y], 1e-12)).mean())
            found[f"{name}_percent"] = 100 * float(np.mean(probability.argmax(axis=1) == y))
        return found


def shared_evenly(material, sizes: Mapping[str, int]):
    """Keep about so many files of the parts that are named, evenly over every class, and none of any other part."""
    parts: list[str | None] = [None] * len(material.samples)
    for part, size in sizes.items():
        numbers = np.flatnonzero(material.mask(part))
        y = material.y[numbers]
        share = min(1.0, size / len(numbers))
        for label in np.unique(y):
            of_class = numbers[y == label]
            n = max(2, round(share * len(of_class)))
            for i in of_class[np.unique(np.linspace(0, len(of_class) - 1, n).round().astype(int))]:
                parts[i] = part
    samples = tuple(replace(s, part=part) for s, part in zip(material.samples, parts, strict=True))
    return replace(material, samples=samples).without({})


def result_path(out: Path, name: str, number: int) -> Path:
    """Where one training's figures are kept."""
    return out / name / f"{number:03d}.json"


def run_set(name: str, given: argparse.Namespace) -> None:
    """Train what is missing of one set; maps of varied views are thrown away as soon as they were used."""
    from photism.executor import ProcessExecutor
    from photism.pictures.view import VARIATION_VERSION

    names = list(variations_of(SETS[name].kind))
    runs = design(len(names), given.rounds)
    missing = [number for number in range(len(runs)) if not result_path(given.out, name, number).is_file()]
    if not missing:
        return
    work = given.out / name / "maps"
    with ProcessExecutor() as executor:
        bench = Bench(name, given, work, executor)
        about = {
            "variations": names, "version": VARIATION_VERSION,
            "files": int(bench.train.sum()), "valid_files": int(bench.valid.sum()),
            "valid_folds": bench.n_folds, "evidence": bench.evidence,
            **{key: bench.plan.to_json()[key] for key in ("after", "layers", "frozen_layers", "epochs", "views")},
        }  # fmt: skip
        keep_settings(given.out / name / "settings.json", about)
        bench.views((), 0)
        plain = set(work.iterdir())
        for number in missing:
            ops = tuple(one for one, used in zip(names, runs[number], strict=True) if used)
            began = time.perf_counter()
            found = bench.measure(ops, number)
            seconds = time.perf_counter() - began
            path = result_path(given.out, name, number)
            path.with_suffix(".new").write_text(json.dumps({"ops": ops, "seconds": seconds, **found}))
            path.with_suffix(".new").replace(path)
            for folder in set(work.iterdir()) - plain:
                shutil.rmtree(folder)
            print(
                f"{name} {number + 1} of {len(runs)}, {'+'.join(ops) or 'none'}: {found['alone_nats']:.3f} nats, "
                f"{found['alone_percent']:.1f} %, {seconds:.0f} s",
                file=sys.stderr,
            )
    shutil.rmtree(work)


def keep_settings(path: Path, about: Mapping[str, object]) -> None:
    """Write down what all trainings of a set share; refuse to continue with something else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file() and json.loads(path.read_text()) != about:
        raise SystemExit(
            f"{path} says {path.read_text()}, and now it would be {json.dumps(about)}: choose another --out"
        )
    path.write_text(json.dumps(about))


# ── comparing ────────────────────────────────────────────────────────────────────────────────────────


def effects(used: np.ndarray, measured: np.ndarray) -> tuple[np.ndarray, float]:
    """Estimate what each variation changes, and how far an interval of 95 % reaches to both sides.

    Parameters
    ----------
    used : bool (n, v)
        Which variations each training used.
    measured : float (n,)

    Returns
    -------
    effects : float (v,)
        Least squares: with a variation less without it.
    reach : float
        Of Student's t on the residuals; the same for all in a whole design, the largest otherwise.
    """
    signs = np.column_stack([np.ones(len(used)), np.where(used, 0.5, -0.5)])
    found, *_ = np.linalg.lstsq(signs, measured, rcond=None)
    free = len(measured) - signs.shape[1]
    spread = np.sqrt(np.sum((measured - signs @ found) ** 2) / free)
    widest = np.sqrt(np.diag(np.linalg.inv(signs.T @ signs))[1:].max())
    return found[1:], float(stats.t.ppf(0.975, free) * spread * widest)


def table(name: str, out: Path) -> list[str]:
    """Write a set's table in Markdown; empty where too few trainings are there."""
    paths = sorted((out / name).glob("[0-9]*.json"))
    usual = variations_of(SETS[name].kind)
    if len(paths) < len(usual) + 1 + LEAST_FREE:
        return []
    runs = [json.loads(path.read_text()) for path in paths]
    about = json.loads((out / name / "settings.json").read_text())
    used = np.array([[one in run["ops"] for one in usual] for run in runs])
    columns = {key: np.array([run[key] for run in runs]) for key in ("alone_nats", "alone_percent", "kept_nats")}
    found = {key: effects(used, values) for key, values in columns.items()}
    mixed = ""
    if len(usual) > len(design(len(usual), 1)) // 2 and len(runs) < len(design(len(usual), 2)):
        mixed = "With one round what one variation does is not free of what two others do together. "
    lines = [
        f"### {name} ({SETS[name].kind})\n",
        f"{len(runs)} trainings of {np.mean([run['seconds'] for run in runs]):.0f} s, {about['files']} training files, "
        f"{about['valid_files']} validation files, {about['epochs']} epochs, cut behind {about['after']}, varied views "
        f"of a file: {about['views']}. On average {columns['alone_nats'].mean():.3f} nats and "
        f"{columns['alone_percent'].mean():.1f} %, as kept {columns['kept_nats'].mean():.3f} nats. {mixed}\n",
        "| variation | used by default | effect in nats (95 %) | in points | as kept, in nats | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for index, (one, default) in enumerate(usual.items()):
        cells = [one, "yes" if default else "no"]
        for key, digits in (("alone_nats", 3), ("alone_percent", 2), ("kept_nats", 3)):
            effect, reach = found[key][0][index], found[key][1]
            cells.append(f"{effect:+.{digits}f} (± {reach:.{digits}f})")
        cells.append(says(found["alone_nats"][0][index], found["alone_nats"][1]))
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def says(effect: float, reach: float) -> str:
    """Put an effect on the loss into words."""
    if abs(effect) <= reach:
        return "no effect shown"
    return "helps" if effect < 0 else "harms"


def main() -> None:
    """Measure what is missing, then print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=list(SETS), metavar="SET", help=", ".join(SETS))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--files", type=int, default=1500, help="training files at most")
    parser.add_argument("--valid-files", type=int, default=800)
    parser.add_argument("--epochs", type=int, help="instead of the standard number")
    parser.add_argument("--views", type=int, help="instead of the standard number")
    parser.add_argument("--table", action="store_true", help="train nothing")
    given = parser.parse_args()
    if not given.table:
        for name in given.sets:
            run_set(name, given)
    for name in given.sets:
        print("\n".join([*table(name, given.out), ""]))


if __name__ == "__main__":
    main()
