"""Is every variation justified? A suffix trained with all of a kind's variations, with one less, with none.

One set of each kind, training and validation files only: an even share of each, cut as ``photism train`` cuts, where
the probes say. Every training begins with the probe's head and sees the same files; only what views are made of
differs, and the seed, which chooses views and batches. What is compared is the loss (nats) of every validation file, of
the trained suffix by itself at its best epoch, and of what would be kept (``blend``), less that of the training with
all default variations and the same seed. Intervals are 95 % of a bootstrap that draws seeds and groups of files, both
whole (Owen 2007, The pigeonhole bootstrap, doi 10.1214/07-AOAS122); they are not corrected for their number.
What was measured is kept in ``--out``: stop and continue at any time. Test files are never read.

    PHOTISM_DATA=../shared/data python -m benchmarks.variations [SET ...] --out FOLDER [--seeds 0 1 2]
    python -m benchmarks.variations --out FOLDER --table
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.main_job import DATA

N_DRAWS = 10_000
# With fewer groups than this, files are drawn as if each stood alone, and the table says so.
LEAST_GROUPS = 10


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


def arms_of(kind: str) -> dict[str, tuple[str, ...]]:
    """List what is tried for a kind: a name, and the variations that are then applied, in the table's order."""
    from photism.pictures import vary_binary, vary_image, vary_mouse, vary_sound

    module = {"image": vary_image, "sound": vary_sound, "binary": vary_binary, "mouse": vary_mouse}[kind]
    usual = set(module.DEFAULT_OPS)
    chosen = {"all": usual, "none": set()}
    chosen |= {f"less {name}": usual - {name} for name in module.DEFAULT_OPS}
    chosen |= {f"with {name}": usual | {name} for name in module.OPS if name not in usual}
    return {arm: tuple(name for name in module.OPS if name in names) for arm, names in chosen.items()}


# ── training ─────────────────────────────────────────────────────────────────────────────────────────


class Bench:
    """One set made ready: its files, what the frozen network says of them, and the plan that all trainings share.

    ``material`` has no part for files that are left out; ``aside`` and ``head`` are fitted once a seed.
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
        self._heads: dict[tuple[int, tuple[str, ...]], object] = {}

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

    def head(self, layers: tuple[str, ...], seed: int):
        """Fit the probe's head to the training files, once a seed."""
        from threadpoolctl import threadpool_limits

        from photism.training.classifier import fit_classifier
        from photism.training.fit import folds_of

        if (seed, layers) not in self._heads:
            y, n_classes = self.material.y, len(self.material.labels)
            features = self.asked.features.keep(self.train, layers=layers)
            with threadpool_limits(limits=1, user_api="blas"):
                folds = folds_of(y, self.material.units, self.train, seed)
                self._heads[seed, layers] = fit_classifier(features, y, folds, layers=layers, n_classes=n_classes).head
        return self._heads[seed, layers]

    def views(self, ops: tuple[str, ...], seed: int):
        """Make the maps; without variations the plain ones are all there is."""
        from photism.training.views import make_views

        n_views = self.plan.views if ops else 0
        return make_views(
            self.material, self.cut, plain=self.train | self.valid, varied=self.train, n_views=n_views, seed=seed,
            executor=self.executor, cache=self.work, ops=ops or None,
        )  # fmt: skip

    def measure(self, ops: tuple[str, ...], seed: int) -> dict[str, np.ndarray]:
        """Train once; return losses (nats) and whether answers are right for every validation file."""
        from photism.recognizers.suffix import Suffix
        from photism.training.blend import HeldOut, answers_on_the_way, choose_blend, frozen_logits, weights_of
        from photism.training.calibration import temperature_for
        from photism.training.features import by_file, softmax
        from photism.training.finetune import finetune

        material, plan = self.material, replace(self.plan, seed=seed)
        views = self.views(ops, seed)
        suffix = Suffix(self.backbone, after=plan.after, panels=self.asked.panels, head=self.head(plan.layers, seed))
        start, groups = weights_of(suffix), np.unique(np.array(material.groups), return_inverse=True)[1]
        tuned = finetune(suffix, views, material.y, groups, train=self.train, valid=self.valid, plan=plan)
        files = np.flatnonzero(self.valid)
        windows, logits = answers_on_the_way(suffix, start, views, files)
        alone = by_file(softmax(logits[1.0] / temperature_for(logits[1.0], windows, material.y)), windows)[files]
        frozen = None
        if plan.frozen_layers:
            held = self.asked.features.keep(self.valid, layers=plan.frozen_layers)
            frozen = frozen_logits(self.head(plan.frozen_layers, seed), held, windows)
        held_out = HeldOut(windows, logits, frozen)
        kept = held_out.probabilities(choose_blend(held_out, material.y))[files]
        y = material.y[files]
        found = {"groups": groups[files], "epoch": np.array(tuned.best_epoch)}
        for name, probability in (("alone", alone), ("kept", kept)):
            found[f"{name}_nats"] = -np.log(np.maximum(probability[np.arange(len(y)), y], 1e-12))
            found[f"{name}_right"] = probability.argmax(axis=1) == y
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


def result_path(out: Path, name: str, seed: int, arm: str) -> Path:
    """Where one training's figures are kept."""
    return out / name / f"{seed}-{arm.replace(' ', '-')}.npz"


def run_set(name: str, given: argparse.Namespace) -> None:
    """Measure what is missing of one set; maps of varied views are thrown away as soon as they were used."""
    from photism.executor import ProcessExecutor

    arms = {arm: ops for arm, ops in arms_of(SETS[name].kind).items() if given.arms is None or arm in given.arms}
    missing = [(s, arm) for s in given.seeds for arm in arms if not result_path(given.out, name, s, arm).is_file()]
    if not missing:
        return
    work = given.out / name / "maps"
    with ProcessExecutor() as executor:
        bench = Bench(name, given, work, executor)
        about = {
            "files": int(bench.train.sum()), "valid_files": int(bench.valid.sum()),
            "valid_folds": bench.n_folds, "evidence": bench.evidence,
            **{key: bench.plan.to_json()[key] for key in ("after", "layers", "frozen_layers", "epochs", "views")},
        }  # fmt: skip
        keep_settings(given.out / name / "settings.json", about)
        bench.views((), 0)
        plain = set(work.iterdir())
        for seed, arm in missing:
            began = time.perf_counter()
            found = bench.measure(arms[arm], seed)
            seconds = time.perf_counter() - began
            path = result_path(given.out, name, seed, arm)
            with path.with_suffix(".new").open("wb") as file:
                np.savez(file, seconds=seconds, **found)
            path.with_suffix(".new").replace(path)
            for folder in set(work.iterdir()) - plain:
                shutil.rmtree(folder)
            nats, right = found["alone_nats"].mean(), 100 * found["alone_right"].mean()
            print(f"{name} seed {seed} {arm}: {nats:.3f} nats, {right:.1f} %, {seconds:.0f} s", file=sys.stderr)
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


def paired_interval(difference: np.ndarray, groups: np.ndarray, *, seed: int = 0) -> tuple[float, float, float]:
    """Average differences over seeds and files, with a 95 % interval for other seeds and other groups of files.

    Parameters
    ----------
    difference : float (s, f)
        One row a seed, one column a file.
    groups : int (f,)
        Files of one group are drawn together.
    seed : int
        Of the bootstrap.

    Returns
    -------
    (mean, low, high)
        Percentiles of 10,000 draws; a single seed is not drawn.
    """
    n_seeds = len(difference)
    _, group = np.unique(groups, return_inverse=True)
    sums = np.stack([np.bincount(group, weights=row) for row in difference])
    sizes = np.bincount(group)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), N_DRAWS)
    seeds = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), N_DRAWS)
    means = ((drawn @ sums.T) * seeds).sum(axis=1) / (n_seeds * (drawn @ sizes))
    low, high = np.percentile(means, [2.5, 97.5])
    return float(difference.mean()), float(low), float(high)


def says(arm: str, low: float, high: float) -> str:
    """Put an interval of a difference of losses into words."""
    if low <= 0.0 <= high:
        return "no difference shown"
    worse = low > 0.0
    if arm.startswith("with"):
        return "would harm" if worse else "would help"
    return "justified" if worse else "harmful"


def table(name: str, seeds: Sequence[int], out: Path) -> list[str]:
    """Write a set's table in Markdown; empty where the training with all variations is not there."""
    found = {
        arm: {s: dict(np.load(path)) for s in seeds if (path := result_path(out, name, s, arm)).is_file()}
        for arm in arms_of(SETS[name].kind)
    }
    if not found["all"]:
        return []
    about = json.loads((out / name / "settings.json").read_text())
    groups = next(iter(found["all"].values()))["groups"]
    n_groups = len(np.unique(groups))
    drawn = f"{n_groups} groups drawn whole"
    if n_groups < LEAST_GROUPS:
        drawn, groups = f"files drawn as if independent (they are of {n_groups} group)", np.arange(len(groups))
    if about["valid_folds"]:
        drawn += f", all of {about['valid_folds']} fold: what other folds would say is not in the intervals"
    lines = [
        f"### {name} ({SETS[name].kind})\n",
        f"{about['files']} training files, {about['valid_files']} validation files ({drawn}); "
        f"{about['epochs']} epochs, cut behind {about['after']}, varied views of a file: {about['views']}. "
        "Differences are to `all` at the same seeds; above 0 is a higher loss, or a higher accuracy.\n",
        "| variations | seeds | nats | accuracy % | difference in nats (95 %) | difference in points (95 %) "
        "| as kept: nats | difference as kept (95 %) | verdict | s |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    return [*lines, *(row for arm, runs in found.items() if (row := row_of(arm, runs, found["all"], groups)))]


def row_of(
    arm: str,
    runs: Mapping[int, Mapping[str, np.ndarray]],
    all_runs: Mapping[int, Mapping[str, np.ndarray]],
    groups: np.ndarray,
) -> str:
    """Write the line of one choice of variations; empty where nothing is there to be compared."""
    seeds = [seed for seed in runs if seed in all_runs]
    if not seeds:
        return ""

    def stacked(key: str, of: Mapping[int, Mapping[str, np.ndarray]]) -> np.ndarray:
        return np.stack([of[seed][key].astype(float) for seed in seeds])

    cells = [arm, str(len(seeds)), f"{stacked('alone_nats', runs).mean():.4f}"]
    cells += [f"{100 * stacked('alone_right', runs).mean():.2f}"]
    compared = {}
    for key, unit, digits in (("alone_nats", 1, 4), ("alone_right", 100, 2), ("kept_nats", 1, 4)):
        difference = unit * (stacked(key, runs) - stacked(key, all_runs))
        compared[key] = paired_interval(difference, groups)
        mean, low, high = compared[key]
        if key == "kept_nats":
            cells.append(f"{stacked(key, runs).mean():.4f}")
        cells.append("" if arm == "all" else f"{mean:+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f})")
    cells.append("" if arm == "all" else says(arm, *compared["alone_nats"][1:]))
    cells.append(f"{np.mean([runs[seed]['seconds'] for seed in seeds]):.0f}")
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure what is missing, then print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=list(SETS), metavar="SET", help=", ".join(SETS))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--arms", nargs="+", metavar="ARM", help='only these, e.g. all "less flip" none')
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
        print("\n".join([*table(name, given.seeds, given.out), ""]))


if __name__ == "__main__":
    main()
