"""Wrong labels found: 3 % of the training labels flipped, and how many of the first so many suspects are flips.

Labels of the CSV's own training part (where photism would cut a validation part from it, that too) are flipped to any
other class uniformly at random. Held-out probabilities come from the frozen network's later stages, as in ``train``;
precision is taken at the true count. Wrong labels that the sets held before count as misses. The test parts take no
part. Choices were made with other seeds (1000 and on).

``--also`` reads other networks' features as well, as ``train`` does where it asked a larger network; ``--tuned`` adds
the first network's answers after fine-tuning in cross-validation, as ``train`` does where it keeps a fine-tuned one.

    PHOTISM_DATA=../shared/data python -m benchmarks.labels [SET ...] [--seeds 20] [--share 0.03] [--tuned]
        [--also efficientnet_lite2]
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.main_job import DATA
from photism.data.material import Material, gather
from photism.executor import ProcessExecutor
from photism.pictures.table import fit_recipe
from photism.recognizers.backbones import Backbone, load_backbone
from photism.store import cache_root
from photism.training.budget import plans_for
from photism.training.cross_tuned import cross_tuned
from photism.training.features import Features
from photism.training.fit import probe_of
from photism.training.frozen import Asked, ask
from photism.training.ground import Ground
from photism.training.out_of_fold import held_out_probabilities
from photism.trust.labels import find_suspects
from photism.types import Recipe


@dataclass(frozen=True)
class Cached:
    """A set as a frozen network was asked about it."""

    material: Material
    recipe: Recipe
    backbone: Backbone
    asked: Asked

    @property
    def features(self) -> Features:
        """What the network answered for every file."""
        return self.asked.features


def frozen_features(
    name: str, *, test_fold: str | None = None, backbone: str = "efficientnet_lite0", test: bool = False
) -> Cached:
    """Read a set and ask the frozen network, or the cache, for its features; of the test part only where wanted."""
    with ProcessExecutor() as executor:
        data = DATA / f"{name}.csv"
        material = gather(data, kind=None, group_by=None, test_fold=test_fold, seed=0, executor=executor)
        if not test:
            untested = tuple(replace(s, part=None) if s.part == "test" else s for s in material.samples)
            material = replace(material, samples=untested)
        network = load_backbone(backbone)
        recipe = fit_recipe(material.dataset.kind, material.facts("train"), size_px=network.size_px, options={})
        asked = ask(material, recipe, network, engine=None, executor=executor, cache=cache_root())
    return Cached(material.without(asked.skipped), recipe, network, asked)


def flipped(
    y: np.ndarray, files: np.ndarray, n_classes: int, *, share: float, seed: int
) -> tuple[np.ndarray, set[int]]:
    """Flip a share of the files' classes to any other class; return the classes and which files were flipped."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(files, round(share * len(files)), replace=False)
    z = y.copy()
    z[chosen] = (z[chosen] + rng.integers(1, n_classes, len(chosen))) % n_classes
    return z, set(chosen.tolist())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=["clothing10", "cifar10"])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=0.03)
    parser.add_argument("--also", nargs="*", default=[], help="other backbones whose features are read as well")
    parser.add_argument("--tuned", action="store_true", help="fine-tune in cross-validation as well")
    options = parser.parse_args()
    print(
        "| set | files | flipped | precision at the true count % (least, most) | estimated (mean) | "
        "intervals that hold the truth | seconds |\n|---|---|---|---|---|---|---|"
    )
    for name in options.sets:
        print(row_of(name, options), flush=True)


def row_of(name: str, options: argparse.Namespace) -> str:
    """Measure one set over all seeds, and write its line."""
    cached = frozen_features(name)
    material = cached.material
    # A validation part that photism cut itself is a piece of the CSV's training part.
    given = any(sample.part == "valid" for sample in material.dataset.samples)
    mask = material.mask("train") if given else material.mask("train") | material.mask("valid")
    if options.tuned and given:
        raise SystemExit(f"{name} has a validation part of its own, which fine-tuning would learn from.")
    features, k = cached.features.keep(mask), len(material.labels)
    others = [frozen_features(name, backbone=one).features.keep(mask) for one in options.also]
    files = features.files
    precision, estimate, covered, seconds = [], [], 0, []
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        z, truth = flipped(material.y, files, k, share=options.share, seed=seed)
        started = time.perf_counter()
        tuned = [after_tuning(cached, z)] if options.tuned else []
        probability = held_out_probabilities(features, z, material.groups, n_classes=k, others=others, tuned=tuned)
        suspects = find_suspects(probability, z, material.samples, labels=material.labels)
        seconds.append(time.perf_counter() - started)
        precision.append(np.mean([one.index in truth for one in suspects.items[: len(truth)]]))
        estimate.append(suspects.n_wrong)
        covered += suspects.n_low <= len(truth) <= suspects.n_high
        print(f"{name} seed {seed}: {100 * precision[-1]:.1f} % in {seconds[-1]:.0f} s", file=sys.stderr, flush=True)
    return (
        f"| {name} | {len(files)} | {len(truth)} | {100 * np.mean(precision):.1f} ({100 * min(precision):.1f}, "
        f"{100 * max(precision):.1f}) | {np.mean(estimate):.0f} | {covered} of {options.seeds} | "
        f"{np.median(seconds):.0f} |"
    )


def after_tuning(cached: Cached, z: np.ndarray) -> np.ndarray:
    """Answer for the flipped files by networks fine-tuned in cross-validation, as deep as their probes say."""
    material = cached.material
    labels = material.labels
    samples = tuple(s if c < 0 else replace(s, label=labels[c]) for s, c in zip(material.samples, z, strict=True))
    material = replace(material, samples=samples)
    fitted = probe_of(material, cached.asked, seed=0)
    with ProcessExecutor() as executor:
        ground = Ground(material, cached.recipe, cached.backbone, cached.asked, fitted, executor, cache_root())
        ((_, plan),) = plans_for(ground, always=True, from_layer=None, seed=0, seconds_left=lambda: None)
        return cross_tuned(ground, plan, reaches=(1.0,)).probabilities


if __name__ == "__main__":
    main()
