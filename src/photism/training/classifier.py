"""The head: a linear classifier on the chosen layers, its strength chosen by cross-validation.

It is a ridge regression on class indicators whose answers, divided by a temperature, are logits. That is linear, has a
closed form and exact held-out answers for a whole grid of strengths within a second or two. On four data sets of three
kinds it was right a little more often than multinomial logistic regression; its loss was lower on two of them and
higher on two (LOG.md, 2026-11-22).

Does not cover which layers are joined (``probe``), the head's training curve (``head``) nor how a temperature is found
(``calibration``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float32, Float64, Int

from photism.recognizers.head import Head
from photism.training.calibration import losses_nats, temperature_for
from photism.training.features import Features, rows_by_fold
from photism.training.probe import INTERCEPT, balanced_weights, held_out_answers

__all__ = ["Fit", "Try", "fit_classifier", "standard"]

# Penalties from firm to weak, beside a sum over windows whose squared norm and weight are 1 on average: the best one
# then hardly depends on how many windows there are.
STRENGTHS = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3)
# The strength is chosen on so many windows at most, and held-out answers are computed for so many.
MAX_WINDOWS_TRIED, MAX_WINDOWS_HELD_OUT = 1000, 2000


@dataclass(frozen=True, slots=True)
class Try:
    """One strength, and its mean held-out loss over files (nats, after the best temperature)."""

    strength: float
    loss_nats: float


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted head with what cross-validation said about it.

    ``held_out`` are the windows that were answered by heads that never saw their file's fold (all of them, or an even
    share of the files of a large set), and ``held_out_logits`` (n, k) those answers, before the temperature.
    """

    head: Head
    strength: float
    tries: tuple[Try, ...]
    held_out: Features
    held_out_logits: Float32[np.ndarray, "n k"]


def fit_classifier(
    features: Features,
    y: Int[np.ndarray, " m"],
    folds: Int[np.ndarray, " m"],
    *,
    layers: Sequence[str],
    n_classes: int,
    max_windows_tried: int = MAX_WINDOWS_TRIED,
    max_windows_held_out: int = MAX_WINDOWS_HELD_OUT,
) -> Fit:
    """Fit the head on all given windows, with the strength that answers best for files of a left-out fold.

    Parameters
    ----------
    features : Features
        The training part's windows.
    y : int (n_samples,)
        Class of every file, in [0, n_classes).
    folds : int (n_samples,)
        Inner fold of every file, groups whole; -1 for files that take no part in the cross-validation.
    layers : names
        The chosen layers; joined in the order of ``features``.
    n_classes : int
    max_windows_tried, max_windows_held_out : int
        With more windows, an even share of the files is compared, and answered while held out.

    Returns
    -------
    Fit
        Its head's temperature is the one that suits the held-out answers.

    Notes
    -----
    Classes weigh the same, a class's files weigh the same, a file's windows share its weight. Solves a system with a
    row a window or a row a feature, whichever is smaller. Deterministic.
    """
    names = tuple(name for name in features.layers if name in layers)
    mean, scale = standard(features, names)
    joined = np.concatenate([features.layers[name] for name in names], axis=1)
    joined -= mean
    joined /= scale
    table = _Table(joined, y[features.sample_of_window], balanced_weights(features, y, n_classes), n_classes)
    tries = _walk(*_thin(table, features, max_windows_tried), y, folds)
    strength = min(tries, key=lambda one: one.loss_nats).strength
    some, held_out = _thin(table, features, max_windows_held_out)
    logits = some.held_out(rows_by_fold(folds, held_out), strength).astype(np.float32)
    weight, bias = table.solve(strength)
    head = Head(names, mean, scale, weight, bias, temperature_for(logits, held_out, y))
    return Fit(head, strength, tries, held_out, logits)


def standard(features: Features, names: Sequence[str]) -> tuple[Float32[np.ndarray, " d"], Float32[np.ndarray, " d"]]:
    """Compute what standardises the joined features of some layers and gives every layer the same say.

    Parameters
    ----------
    features : Features
        The training part's windows.
    names : layer names, in the order in which they are joined

    Returns
    -------
    mean, scale : float32 (d,)
        (x - mean) / scale has unit variance in each feature, times 1 / sqrt(d_layer * n_layers): a window's squared
        norm is 1 on average. A feature that never varies has an infinite scale: it says nothing.
    """
    share = features.weight / features.weight.sum()
    means, scales = [], []
    for name in names:
        values = features.layers[name]
        mean = share @ values
        spread = np.sqrt(share @ np.square(values - mean))
        alive = spread > 1e-6 * max(float(spread.max()), 1e-30)
        norm = np.sqrt(max(int(alive.sum()), 1) * len(names))
        means.append(mean)
        scales.append(np.where(alive, spread * norm, np.inf))
    return np.concatenate(means).astype(np.float32), np.concatenate(scales).astype(np.float32)


@dataclass(frozen=True)
class _Table:
    """Rows ready for fitting: standardised features, classes and weights (1 on average)."""

    x: Float32[np.ndarray, "n d"]
    y: Int[np.ndarray, " n"]
    weight: Float64[np.ndarray, " n"]
    n_classes: int

    @cached_property
    def target(self) -> Float64[np.ndarray, "n k"]:
        """Class indicators less their mean under balance: what the answers aim at."""
        return np.asarray(np.eye(self.n_classes)[self.y] - 1.0 / self.n_classes, dtype=np.float64)

    @cached_property
    def wide(self) -> Float32[np.ndarray, "n e"]:
        """The features and a constant, whose coefficient is penalised like any other's."""
        return np.concatenate([self.x, np.full((len(self.x), 1), np.sqrt(INTERCEPT), np.float32)], axis=1)

    @cached_property
    def gram(self) -> Float64[np.ndarray, "n n"]:
        """Inner products of the rows."""
        return np.asarray(self.wide @ self.wide.T, dtype=np.float64)

    @property
    def dual(self) -> bool:
        """Whether a system with a row a window is smaller than one with a row a feature."""
        return len(self.x) <= int(self.x.shape[1])

    def solve(self, strength: float) -> tuple[Float32[np.ndarray, "d k"], Float32[np.ndarray, " k"]]:
        """Coefficients of the features, and biases."""
        if self.dual:
            root = np.sqrt(self.weight)[:, None]
            system = _penalised(self.gram * root * root.T, strength)
            mix = root * np.linalg.solve(system, root * self.target)
            theta = self.wide.T @ mix.astype(np.float32)
        else:
            square, product = self._moments(np.arange(len(self.x)))
            solved = np.linalg.solve(_penalised(square, strength), product)
            theta = solved.astype(np.float32)
        return theta[:-1], theta[-1] * np.float32(np.sqrt(INTERCEPT))

    def held_out(self, folds: Sequence[Int[np.ndarray, " _"]], strength: float) -> Float64[np.ndarray, "n k"]:
        """Answers for the rows of each fold by a fit to all other rows."""
        if self.dual:
            return held_out_answers(self.gram, self.target, self.weight, folds, strength=strength)
        parts = [self._moments(rows) for rows in folds]
        square, product = sum(part[0] for part in parts), sum(part[1] for part in parts)
        answers = np.zeros(self.target.shape)
        for rows, (of_fold, product_of_fold) in zip(folds, parts, strict=True):
            system = _penalised(square - of_fold, strength)
            theta = np.linalg.solve(system, product - product_of_fold)
            answers[rows] = self.wide[rows] @ theta.astype(np.float32)
        return answers

    def _moments(self, rows: Int[np.ndarray, " _"]) -> tuple[Float64[np.ndarray, "e e"], Float64[np.ndarray, "e k"]]:
        """Weighted sums of products of the rows' features, with one another and with the targets."""
        kept = self.wide[rows]
        heavy = (kept * self.weight[rows, None].astype(np.float32)).T
        return (heavy @ kept).astype(np.float64), (heavy @ self.target[rows].astype(np.float32)).astype(np.float64)


def _penalised(system: Float64[np.ndarray, "s s"], strength: float) -> Float64[np.ndarray, "s s"]:
    system = system.copy()
    system[np.diag_indices_from(system)] += strength
    return system


def _thin(table: _Table, features: Features, max_windows: int) -> tuple[_Table, Features]:
    """Keep about ``max_windows`` rows: whole files, evenly over the list."""
    step = -(-len(table.x) // max_windows)
    if step <= 1:
        return table, features
    mask = np.zeros(features.n_samples, dtype=bool)
    mask[np.unique(features.sample_of_window)[::step]] = True
    rows = mask[features.sample_of_window]
    return replace(table, x=table.x[rows], y=table.y[rows], weight=table.weight[rows]), features.keep(mask, layers=())


def _walk(table: _Table, features: Features, y: Int[np.ndarray, " m"], folds: Int[np.ndarray, " m"]) -> tuple[Try, ...]:
    """Walk downhill in the strength from the middle of the list: the loss has one valley."""
    rows = rows_by_fold(folds, features)
    seen: dict[int, Try] = {}

    def loss(step: int) -> float:
        if not 0 <= step < len(STRENGTHS):
            return float("inf")
        if step not in seen:
            logits = table.held_out(rows, STRENGTHS[step])
            losses = losses_nats(logits / temperature_for(logits, features, y), features, y)
            seen[step] = Try(STRENGTHS[step], float(losses.mean()))
        return seen[step].loss_nats

    step = len(STRENGTHS) // 2
    while loss(step - 1) < loss(step):
        step -= 1
    while loss(step + 1) < loss(step):
        step += 1
    return tuple(seen[step] for step in sorted(seen))
