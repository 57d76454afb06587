"""Features that a test can know everything about: classes as clouds, files of one or several windows."""

from __future__ import annotations

import numpy as np

from photism.training.features import Features


def clouds(
    *,
    n_files: int = 120,
    n_classes: int = 3,
    d: int = 20,
    apart: float = 3.0,
    windows: int = 1,
    seed: int = 0,
    layers: tuple[str, ...] = ("p/a",),
) -> tuple[Features, np.ndarray, np.ndarray]:
    """Features, classes and inner folds; later layers are noisier than earlier ones."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n_files) % n_classes)
    of_window = np.repeat(np.arange(n_files), windows)
    made = {}
    for depth, name in enumerate(layers):
        centre = apart / (1 + 2 * depth) * rng.standard_normal((n_classes, d)) / np.sqrt(d)
        made[name] = (centre[y[of_window]] + rng.standard_normal((len(of_window), d)) / np.sqrt(d)).astype(np.float32)
    weight = np.full(len(of_window), 1 / windows, np.float32)
    folds = np.empty(n_files, dtype=np.int64)
    for c in range(n_classes):
        members = np.flatnonzero(y == c)
        folds[members] = np.arange(len(members)) % 5
    return Features(made, of_window, weight, n_files), y, folds
