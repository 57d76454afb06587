"""Inner folds against scikit-learn's ``StratifiedGroupKFold``: as level in classes, without its time."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from photism.data.split import inner_folds


def unevenness(labels: np.ndarray, folds: np.ndarray, n_folds: int) -> float:
    """Mean over classes and folds of the distance from an equal share, as a fraction of the share."""
    table = np.array([np.bincount(folds[labels == label], minlength=n_folds) for label in np.unique(labels)])
    share = table.sum(axis=1, keepdims=True) / n_folds
    return float(np.abs(table / share - 1.0).mean())


@pytest.mark.parametrize("seed", range(4))
def test_classes_are_at_least_as_level_as_scikit_learns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = rng.geometric(0.02, size=600)  # a few large groups, many small
    favourite = rng.integers(0, 6, size=groups.max() + 1)
    labels = np.where(rng.random(600) < 0.8, favourite[groups], rng.integers(0, 6, size=600))
    theirs = np.empty(600, dtype=np.int64)
    splitter = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    for fold, (_, held_out) in enumerate(splitter.split(labels, labels, groups)):
        theirs[held_out] = fold
    ours = inner_folds(labels, groups, 5, seed)
    assert unevenness(labels, ours, 5) <= unevenness(labels, theirs, 5) * 1.1
