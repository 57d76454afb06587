"""Fits what tells whether a file is like anything that was taught, from taught files alone.

Nothing foreign is ever shown to it: how far is too far is read from taught files that were held out of the fit, groups
whole. Covers the fit and the threshold; measuring is ``photism.recognizers.familiarity``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float32, Float64, Int

from photism.recognizers.familiarity import Familiarity, Neighbours, Ruler, Texture, proportions
from photism.recognizers.layer_names import by_panel, panel_of
from photism.training.features import Features, by_file, rows_by_fold

__all__ = ["PASSING", "familiar_layers", "familiar_rate", "fit_familiarity"]

PASSING = 0.96
"""The share of held-out taught files that the threshold lets pass."""

# Where in a panel's sequence of stages to look, 0 the first, 1 the last: for nine stages the second, fourth and sixth.
# Measured: neighbours at a later stage, or textures at the first, tell less (LOG.md, 2026-11-22).
DEPTHS = (0.125, 0.375, 0.625)
RANK = 64
SHRINKAGE = 0.05
STEP = 1 / 16
MAX_TAUGHT, MAX_TAUGHT_BYTES = 2000, 4_000_000
MAX_ASKED = 4000
ROWS_AT_A_TIME = 1000  # whose distances to all that is taught are in memory
LEAST_FILES = 20


def familiar_layers(names: Iterable[str], chosen: Sequence[str]) -> tuple[str, ...]:
    """Name the layers that familiarity looks at: an early and two middle ones of the first panel that the head reads.

    Parameters
    ----------
    names : layer names, ``panel/stage``
        All that the frozen pass gives, in the network's order.
    chosen : layer names
        Those of the head.

    Returns
    -------
    tuple of names

    Examples
    --------
    >>> familiar_layers([f"a/b{i}" for i in range(9)], ["a/b7"])
    ('a/b1', 'a/b3', 'a/b5')
    """
    every = tuple(names)
    stages = by_panel(every)[panel_of(next(name for name in every if name in chosen))]
    return tuple(dict.fromkeys(stages[round(depth * (len(stages) - 1))] for depth in DEPTHS))


def fit_familiarity(
    features: Features, folds: Int[np.ndarray, " m"], *, layers: Sequence[str], seed: int = 0
) -> Familiarity | None:
    """Fit the two distances to taught files, and their threshold to files held out of the fit.

    Parameters
    ----------
    features : Features
        Windows of everything that is taught.
    folds : int (n_samples,)
        Inner fold of every file, groups whole; -1 for files that take no part.
    layers : names
        Where to look (``familiar_layers``); the first, earliest one serves for neighbours.
    seed : int
        Which windows stand for all where there are too many.

    Returns
    -------
    Familiarity or None
        None where fewer than 20 files or two folds are taught: too few to tell what is usual.

    Notes
    -----
    Keeps at most 2000 windows or 4 MB to be near to. Deterministic given the seed.

    References
    ----------
    Lee, Lee, Lee and Shin 2018, arXiv 1807.03888 (Mahalanobis distances on features of several layers);
    Sun, Ming, Zhu and Li 2022, arXiv 2204.06507 (nearest neighbours)
    """
    features = _thin(features, folds, seed)
    rows = rows_by_fold(folds, features)
    files = features.files
    if len(files) < LEAST_FILES or len(rows) < 2:
        return None
    fold_of_row = folds[features.sample_of_window]
    places = {name: features.places.get(name, 1) for name in layers}
    neighbours, kept = _neighbours(features, layers[0], seed)
    near = _nearest(neighbours, features, fold_of_row, fold_of_row[kept])
    textures, usual = [], np.zeros(features.n_windows)
    for name in layers:
        texture, held_out = _texture(features, name, places[name], rows)
        textures.append(texture)
        usual += texture.ruler.read(held_out) / len(layers)
    nearest, unusual = Ruler.of(near), Ruler.of(usual)
    scores = np.maximum(nearest.read(near), unusual.read(usual))
    of_files = by_file(scores[:, None], features)[files, 0]
    threshold = float(np.quantile(of_files, PASSING))
    return Familiarity(neighbours, nearest, tuple(textures), unusual, threshold)


def familiar_rate(familiarity: Familiarity, features: Features) -> float:
    """Count the files that are like something taught: a fraction in [0, 1] of the files that have windows here.

    Parameters
    ----------
    familiarity : Familiarity
    features : Features
        Windows of a held-out part.
    """
    scores = np.empty(features.n_windows)
    for rows, layers in features.chunks_by_layer(familiarity.layers):
        scores[rows] = familiarity.scores(layers)
    of_files = by_file(scores[:, None], features)[features.files, 0]
    return float(np.mean(of_files <= familiarity.threshold))


def _thin(features: Features, folds: Int[np.ndarray, " m"], seed: int) -> Features:
    """Keep files that take part, and of these at most so many that they have ``MAX_ASKED`` windows."""
    mask = np.zeros(features.n_samples, dtype=bool)
    mask[features.sample_of_window] = True
    mask &= folds >= 0
    share = MAX_ASKED / max(int(mask[features.sample_of_window].sum()), 1)
    if share < 1:
        files = np.random.default_rng(seed).permutation(np.flatnonzero(mask))
        mask[files[round(share * len(files)) :]] = False
    return features.keep(mask)


def _neighbours(features: Features, layer: str, seed: int) -> tuple[Neighbours, Int[np.ndarray, " k"]]:
    """Windows to be near to, and their row numbers."""
    values = features.read((layer,))
    mean, scale = _standard(values)
    most = max(50, min(MAX_TAUGHT, MAX_TAUGHT_BYTES // values.shape[1]))
    kept = np.sort(np.random.default_rng(seed).permutation(len(values))[:most])
    rounded = np.clip(np.rint((values[kept] - mean) / scale / STEP), -127, 127).astype(np.int8)
    return Neighbours(layer, mean, scale, rounded, STEP), kept


def _nearest(
    neighbours: Neighbours, features: Features, fold: Int[np.ndarray, " n"], fold_of_taught: Int[np.ndarray, " k"]
) -> Float64[np.ndarray, " n"]:
    """Each window's distance to the nearest neighbour of another fold."""
    nearest = np.empty(features.n_windows)
    for start in range(0, len(nearest), ROWS_AT_A_TIME):
        rows = slice(start, start + ROWS_AT_A_TIME)
        distances = neighbours.distances({neighbours.layer: features.read((neighbours.layer,), rows)})
        distances[fold[rows, None] == fold_of_taught] = np.inf
        nearest[rows] = distances.min(axis=1)
    # A fold may hold every neighbour that was kept; its own windows then say nothing.
    usual = float(np.median(nearest[np.isfinite(nearest)]))
    return np.asarray(np.where(np.isfinite(nearest), nearest, usual), dtype=np.float64)


def _texture(
    features: Features, layer: str, places: int, rows: Sequence[Int[np.ndarray, " _"]]
) -> tuple[Texture, Float64[np.ndarray, " n"]]:
    """What is usual in a layer, and each window's distance from what is usual in the other folds."""
    values = np.concatenate([proportions(part, places) for _, part in features.chunks((layer,))])
    held_out = np.zeros(len(values))
    for held in rows:
        others = np.concatenate([other for other in rows if other is not held])
        part = _usual(values[others], layer, places, Ruler(0.0, 1.0))
        held_out[held] = part.distances({layer: features.read((layer,), held)})
    return _usual(values, layer, places, Ruler.of(held_out)), held_out


def _usual(values: Float32[np.ndarray, "n d"], layer: str, places: int, ruler: Ruler) -> Texture:
    """Fit a shrunk covariance: ``RANK`` directions with their own variance, one variance for the rest."""
    mean, scale = _standard(values)
    standard = ((values - mean) / scale).astype(np.float64)
    n, d = standard.shape
    power, basis = np.linalg.eigh(standard.T @ standard / n)
    rank = max(1, min(RANK, n // 2, d - 1))
    total = float(np.maximum(power, 0).sum())
    alive = max(int(np.isfinite(scale).sum()), 1)
    power, basis = np.maximum(power[::-1][:rank], 0), basis[:, ::-1][:, :rank]
    rest = max((total - float(power.sum())) / max(alive - rank, 1), 1e-6)
    shrunk = (1 - SHRINKAGE) * power + SHRINKAGE * max(total / alive, 1e-6)
    return Texture(layer, places, mean, scale, basis.astype(np.float32), shrunk.astype(np.float32), rest, ruler)


def _standard(values: Float32[np.ndarray, "n d"]) -> tuple[Float32[np.ndarray, " d"], Float32[np.ndarray, " d"]]:
    spread = values.std(axis=0)
    alive = spread > 1e-6 * max(float(spread.max()), 1e-30)
    return values.mean(axis=0), np.where(alive, spread, np.inf).astype(np.float32)
