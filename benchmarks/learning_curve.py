"""How honest is a learning curve's forecast? Half of the training files foretell what all of them reach.

Of each set's training part (the test part takes no part) a random half of each class's groups is taken, as if nothing
else existed: layers, strength, curve and forecast come from it alone. The truth is the curve of all of them at its full
size: accuracy over all files, each answered without its group, with the layers and strength of the half, so that only
the number of files differs.

    PHOTISM_DATA=../shared/data python -m benchmarks.learning_curve [SET ...] [--halves 10]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np

from benchmarks.labels import frozen_features
from photism.training.classifier import fit_classifier
from photism.training.features import Features
from photism.training.fit import folds_of
from photism.training.out_of_fold import inner_products
from photism.training.probe import INTERCEPT, select_layers
from photism.trust.learning_curve import _Heads, learning_curve

FOLDS = {"esc10": "1"}


def half_of(mask: np.ndarray, y: np.ndarray, groups: Sequence[str], seed: int) -> np.ndarray:
    """Mark the files of a random half of each class's groups."""
    rng, chosen = np.random.default_rng(seed), set()
    for c in np.unique(y[mask]):
        names = sorted({groups[i] for i in np.flatnonzero(mask & (y == c))})
        chosen |= set(rng.permutation(names)[: (len(names) + 1) // 2].tolist())
    return mask & np.array([group in chosen for group in groups])


def reached(
    features: Features,
    y: np.ndarray,
    groups: Sequence[str],
    *,
    layers: Sequence[str],
    strength: float,
    k: int,
    unmeasured: Sequence[int],
) -> float:
    """Accuracy over all files of the measured classes, each answered by a head on all others but its group."""
    products, _ = inner_products(features, layers=layers)
    products += np.float32(INTERCEPT)
    files = features.files
    _, group = np.unique([groups[i] for i in files.tolist()], return_inverse=True)
    hit, _ = _Heads(products, y[files], group, k, strength).judged(np.arange(len(files)))
    return float(hit[~np.isin(y[files], unmeasured)].mean())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=["esc10", "clothing10", "filefrag", "cifar10"])
    parser.add_argument("--halves", type=int, default=10)
    parser.add_argument("--max-files", type=int, default=6000, help="take an even share of a larger training part")
    options = parser.parse_args()
    print(
        "| set | files | half | at the half % | truth at all % | forecast % (mean) | mean width | mean miss | "
        "intervals that hold the truth | seconds |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    for name in options.sets:
        cached = frozen_features(name, test_fold=FOLDS.get(name))
        y, groups, k = cached.material.y, cached.material.groups, len(cached.material.labels)
        pool = cached.material.mask("train") | cached.material.mask("valid")
        pool &= cached.features.keep(pool).share(options.max_files)
        rows = []
        for seed in range(options.halves):
            half = half_of(pool, y, groups, seed)
            features = cached.features.keep(half)
            folds = folds_of(y, groups, half, seed)
            layers = select_layers(features, y, folds, n_classes=k, seed=seed).layers
            strength = fit_classifier(features, y, folds, layers=layers, n_classes=k).strength
            started = time.perf_counter()
            how = {"layers": layers, "strength": strength}
            curve = learning_curve(features, y, groups, **how, n_classes=k, train=half, seed=seed)
            seconds = time.perf_counter() - started
            assert curve is not None
            ahead = curve.forecast(int(pool.sum()) - int(half.sum()))
            truth = reached(cached.features.keep(pool), y, groups, **how, k=k, unmeasured=curve.unmeasured)
            covered = ahead.accuracy_low <= truth <= ahead.accuracy_high
            rows.append(
                (curve.rows[0].accuracy, truth, ahead.accuracy, ahead.accuracy_high - ahead.accuracy_low,
                 abs(ahead.accuracy - truth), covered, seconds)
            )  # fmt: skip
        start, truth, said, width, miss, covered, seconds = np.mean(rows, axis=0)
        print(
            f"| {name} | {pool.sum()} | {half.sum()} | {100 * start:.1f} | {100 * truth:.1f} | {100 * said:.1f} | "
            f"{100 * width:.1f} | {100 * miss:.1f} | {round(covered * len(rows))} of {len(rows)} | {seconds:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
