"""Linear probes on every layer and on joined layers, and the choice between them by cross-validation.

Covers the choice of layers: kernel ridge on Gram matrices, where joining layers is adding matrices and leaving a fold
out is solving a small system, so that some thirty candidates are compared in a few seconds. Does not cover the head
that is finally fitted on the chosen layers (``classifier``) nor its training curve (``head``).

Nothing here sees the validation or the test part: callers pass the training part's windows and inner folds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int

from photism.executor import count_cores
from photism.recognizers.layer_names import by_panel, panel_of, stage_of
from photism.training.features import Features, by_file, divisors, rows_by_fold, softmax

__all__ = ["Candidate", "Selection", "balanced_weights", "held_out_answers", "select_layers"]

# Ridge penalties for Gram matrices whose diagonal is 1 on average.
STRENGTHS = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0)
# Sharpness of the softmax over ridge answers: answers lie in about [-0.5, 1], so useful values lie well above 1.
SHARPNESS = np.geomspace(1.0, 64.0, 13)
# A constant added to every Gram matrix: an intercept whose penalty is too weak to matter.
INTERCEPT = 1.0
MAX_WINDOWS = 800
COLUMNS_SQUARED = 4096  # at a time: a layer of 800 sounds takes 115 MB, and its squares need not take as much again
# How many neighbouring stages are joined, besides all of them.
JOINED = (3, 4)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One layer, or several joined, and how well a ridge probe on it answers for files it has not seen.

    ``loss_nats`` is the mean cross-entropy over files (down is good), ``loss_error`` its standard error,
    ``accuracy`` a fraction in [0, 1], ``strength`` the ridge penalty that was best.
    """

    layers: tuple[str, ...]
    loss_nats: float
    loss_error: float
    accuracy: float
    strength: float


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen layers, and every candidate that was compared, in the order of the comparison."""

    layers: tuple[str, ...]
    candidates: tuple[Candidate, ...]

    @property
    def single(self) -> tuple[Candidate, ...]:
        """The candidates of one layer, in the network's order: the figure "accuracy against depth"."""
        return tuple(c for c in self.candidates if len(c.layers) == 1)


def held_out_answers(
    gram: Float64[np.ndarray, "n n"],
    target: Float64[np.ndarray, "n k"],
    weight: Float64[np.ndarray, " n"],
    folds: Sequence[Int[np.ndarray, " _"]],
    *,
    strength: float,
) -> Float64[np.ndarray, "n k"]:
    """Answer for every row as a kernel ridge regression that was fitted without the row's fold.

    Parameters
    ----------
    gram : float64 (n, n)
        Inner products of the rows, positive semi-definite.
    target : float64 (n, k)
    weight : float64 (n,)
        Positive weights of the rows' squared errors.
    folds : list of int (m,)
        Row numbers of each fold; together they are all rows.
    strength : float
        The ridge penalty, beside the sum of weighted squared errors.

    Returns
    -------
    float64 (n, k)

    Notes
    -----
    With G = (K + lI)^-1, the residuals of a left-out fold f are (G_ff)^-1 (G y)_f: exact, and one
    inverse serves every fold. The penalty stays that of all rows when a fold is left out.

    References
    ----------
    An, Liu and Venkatesh 2007, Fast cross-validation algorithms for least squares support vector machine and kernel
    ridge regression, doi:10.1016/j.patcog.2006.12.015
    """
    root = np.sqrt(weight)
    system = gram * root[:, None] * root[None, :]
    system[np.diag_indices_from(system)] += strength
    # numpy's general inverse, though the system is positive definite: LAPACK's potri took five times as long here.
    inverse = np.linalg.inv(system)
    dual = inverse @ (target * root[:, None])
    answers = np.empty_like(target)
    for rows in folds:
        residual = np.linalg.solve(inverse[np.ix_(rows, rows)], dual[rows])
        answers[rows] = target[rows] - residual / root[rows, None]
    return answers


def select_layers(
    features: Features,
    y: Int[np.ndarray, " m"],
    folds: Int[np.ndarray, " m"],
    *,
    n_classes: int,
    seed: int = 0,
    max_windows: int = MAX_WINDOWS,
) -> Selection:
    """Choose the layer, or the few layers to join, that answer best for files they have not seen.

    Every single layer is tried, then neighbouring stages joined (three, four and all of them, over every panel at
    once, and in the panel of the best single layer alone), and the join with the lowest held-out loss wins. Single
    layers are there to show what each knows: a penalised join hardly loses to its best part, and mostly beats it.

    Parameters
    ----------
    features : Features
        The training part's windows.
    y : int (n_samples,)
        Class of every file, in [0, n_classes).
    folds : int (n_samples,)
        Inner fold of every file (groups whole); -1 for files that take no part.
    n_classes : int
    seed : int
        Decides which files stand for all when there are too many.
    max_windows : int
        With more windows than these, a part of the files (every class keeps its share) makes the choice.

    Returns
    -------
    Selection

    Raises
    ------
    ValueError
        If fewer than two folds hold windows: the caller decides what a set that small can be asked.

    Notes
    -----
    Cost grows with ``max_windows`` cubed for each candidate. Deterministic given the seed.
    """
    chosen_files = _thin_out(features, y, folds, seed=seed, max_windows=max_windows)
    features = features.keep(chosen_files)
    rows = rows_by_fold(folds, features)
    if len(rows) < 2:
        raise ValueError(f"cross-validation needs two folds with windows, received {len(rows)}")
    judge = _Judge(features, y, rows, n_classes)
    grams = {name: _gram(features, name) for name in features.layers}
    middle = len(STRENGTHS) // 2
    with ThreadPoolExecutor(count_cores()) as pool:  # numpy lets go of the interpreter while it solves
        candidates = list(pool.map(lambda name: judge.candidate((name,), grams[name], middle), grams))
        single = min(candidates, key=lambda c: c.loss_nats)
        start = STRENGTHS.index(single.strength)
        # Another panel may say nothing, and weigh as much: the best one's stages are joined by themselves, too.
        own = by_panel(grams)[panel_of(single.layers[0])]
        joins = dict.fromkeys([*_joins(tuple(grams)), *_joins(own)])
        candidates += pool.map(lambda names: judge.candidate(names, _joined(grams, names), start), joins)
    # Validation parts of four sets agreed: the best single layer answers worse than the best join, however close they
    # are here.
    best = min(candidates[len(grams) :] or candidates, key=lambda c: c.loss_nats)
    return Selection(layers=best.layers, candidates=tuple(candidates))


def _joined(grams: Mapping[str, Float64[np.ndarray, "n n"]], names: Sequence[str]) -> Float64[np.ndarray, "n n"]:
    """Inner products of layers side by side: the sum of each layer's own."""
    first, *others = names
    return np.asarray(sum((grams[name] for name in others), start=grams[first]))


def _joins(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The joins to try: runs of neighbouring stages in every panel, and the same stage of several panels."""
    stages = list(dict.fromkeys(map(stage_of, names)))
    joins: dict[tuple[str, ...], None] = {}
    for width in (1, *JOINED, len(stages)):
        for start in range(len(stages) - width + 1):
            wanted = stages[start : start + width]
            joins[tuple(name for name in names if stage_of(name) in wanted)] = None
    return [join for join in joins if len(join) > 1]


def balanced_weights(features: Features, y: Int[np.ndarray, " m"], n_classes: int) -> Float64[np.ndarray, " n"]:
    """Weigh windows so that every file of a class counts the same and every class counts the same; the mean is 1.

    Parameters
    ----------
    features : Features
    y : int (n_samples,)
    n_classes : int

    Returns
    -------
    float64 (n_windows,)
        Classes that have no window here take no part.
    """
    of_window = y[features.sample_of_window]
    mass = np.bincount(of_window, weights=features.weight, minlength=n_classes)
    weight = features.weight.astype(np.float64) / mass[of_window]
    return np.asarray(weight * (len(weight) / weight.sum()), dtype=np.float64)


class _Judge:
    """Scores Gram matrices on the same files, weights and folds."""

    def __init__(
        self, features: Features, y: Int[np.ndarray, " m"], rows: list[Int[np.ndarray, " _"]], n_classes: int
    ) -> None:
        self.features, self.rows = features, rows
        self.files = np.unique(features.sample_of_window)
        self.truth = y[self.files]
        self.weight = balanced_weights(features, y, n_classes)
        self.target = np.eye(n_classes)[y[features.sample_of_window]] - 1.0 / n_classes

    def candidate(self, layers: tuple[str, ...], gram: Float64[np.ndarray, "n n"], start: int) -> Candidate:
        """Score one Gram matrix with its best strength and sharpness.

        The loss has one valley in the strength, so the search walks downhill from ``start``.
        """
        scaled = gram / max(float(np.mean(np.diag(gram))), 1e-30) + INTERCEPT
        seen: dict[int, tuple[Float64[np.ndarray, " f"], float]] = {}

        def loss(step: int) -> float:
            if not 0 <= step < len(STRENGTHS):
                return math.inf
            if step not in seen:
                strength = STRENGTHS[step]
                answers = held_out_answers(scaled, self.target, self.weight, self.rows, strength=strength)
                seen[step] = self._losses(answers)
            return float(seen[step][0].mean())

        step = start
        while loss(step - 1) < loss(step):
            step -= 1
        while loss(step + 1) < loss(step):
            step += 1
        losses, accuracy = seen[step]
        return Candidate(
            layers=layers,
            loss_nats=float(losses.mean()),
            loss_error=float(losses.std(ddof=1) / math.sqrt(len(losses))),
            accuracy=accuracy,
            strength=STRENGTHS[step],
        )

    def _losses(self, answers: Float64[np.ndarray, "n k"]) -> tuple[Float64[np.ndarray, " f"], float]:
        best: Float64[np.ndarray, " f"] | None = None
        accuracy = 0.0
        for sharpness in SHARPNESS:
            probability = by_file(softmax(sharpness * answers), self.features)[self.files]
            losses = -np.log(np.maximum(probability[np.arange(len(self.files)), self.truth], 1e-12))
            if best is None or losses.mean() < best.mean():
                best, accuracy = losses, float(np.mean(probability.argmax(axis=1) == self.truth))
        assert best is not None
        return best, accuracy


def _gram(features: Features, name: str) -> Float64[np.ndarray, "n n"]:
    """Inner products of a layer's standardised features, on average 1 along the diagonal."""
    values = features.read((name,))
    weight = features.weight / features.weight.sum()
    values -= weight @ values
    parts = [weight @ np.square(values[:, i : i + COLUMNS_SQUARED]) for i in range(0, values.shape[1], COLUMNS_SQUARED)]
    values /= divisors(np.sqrt(np.concatenate(parts))).astype(np.float32)
    gram = (values @ values.T).astype(np.float64)
    return np.asarray(gram / max(float(np.mean(np.diag(gram))), 1e-30), dtype=np.float64)


def _thin_out(
    features: Features, y: Int[np.ndarray, " m"], folds: Int[np.ndarray, " m"], *, seed: int, max_windows: int
) -> np.ndarray:
    """Mask of the files that make the choice: all, or a share of each class and fold, at least one of each."""
    present = np.zeros(features.n_samples, dtype=bool)
    present[features.sample_of_window] = True
    present &= folds >= 0
    n_windows = int(present[features.sample_of_window].sum())
    share = max_windows / max(n_windows, 1)
    if share >= 1:
        return present
    order = np.random.default_rng(seed).permutation(features.n_samples)
    kept = np.zeros_like(present)
    for label in np.unique(y[present]):
        for fold in np.unique(folds[present]):
            files = order[(present & (y == label) & (folds == fold))[order]]
            kept[files[: max(1, round(share * len(files)))]] = True
    return kept
