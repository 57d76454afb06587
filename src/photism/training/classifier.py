"""The head: a linear classifier on the chosen layers, its strength chosen by cross-validation.

It is a ridge regression on class indicators whose answers, divided by a temperature, are logits. That is linear, has a
closed form and exact held-out answers for a whole grid of strengths within a second or two. On four data sets of three
kinds it was right a little more often than multinomial logistic regression; its loss was lower on two of them and
higher on two (LOG.md, 2026-11-22).

Does not cover how the regression is solved (``ridge``), which layers are joined (``probe``), the head's training curve
(``head``) nor how a temperature is found (``calibration``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int

from photism.recognizers.head import Head
from photism.training.calibration import losses_nats, temperature_for
from photism.training.features import Features, divisors, rows_by_fold
from photism.training.probe import balanced_weights
from photism.training.ridge import RidgeRows
from photism.types import Mask

__all__ = ["Fit", "Try", "fit_classifier", "standard"]

# Penalties from firm to weak, beside a sum over windows whose squared norm and weight are 1 on average: the best one
# then hardly depends on how many windows there are.
STRENGTHS = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3)
# The strength is chosen on so many windows at most, and held-out answers are computed for so many.
MAX_WINDOWS_TRIED, MAX_WINDOWS_HELD_OUT = 1000, 2000
# The largest system that is solved in closed form: 170 MB. All stages of the packaged backbones for images fit in.
MAX_SIDE = 4608


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
    max_side: int = MAX_SIDE,
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
    max_side : int
        With more windows and more features than these, the head is found by steps instead of in closed form.

    Returns
    -------
    Fit
        Its head's temperature is the one that suits the held-out answers.

    Notes
    -----
    Classes weigh the same, a class's files weigh the same, a file's windows share its weight. Solves a system with a
    row a window or a row a feature, whichever is smaller; where both are large, by conjugate gradients until answers
    (before the temperature) are right to 1e-5 on average. Features are read some at a time: memory does not grow with
    the number of files beyond that. Deterministic.

    References
    ----------
    Strakoš and Tichý 2002, On error estimation in the conjugate gradient method and why it works in finite precision
    computations, ETNA 13 (when to stop); Frangella, Tropp and Udell 2021, Randomized Nyström preconditioning,
    arXiv 2110.02820
    """
    names = tuple(name for name in features.layers if name in layers)
    mean, scale = standard(features, names)
    table = RidgeRows(
        features=features.keep(_all(features), layers=names),
        mean=mean,
        scale=scale,
        y=y[features.sample_of_window],
        weight=balanced_weights(features, y, n_classes),
        n_classes=n_classes,
    )
    if table.dual and min(table.sides) <= max_side:
        _ = table.gram  # which the last solution needs: its parts are then there for the rest
    tries = _walk(table.share(max_windows_tried), y, folds)
    strength = min(tries, key=lambda one: one.loss_nats).strength
    some = table.share(max_windows_held_out)
    held_out = some.features.keep(_all(some.features), layers=())
    logits = some.held_out(rows_by_fold(folds, held_out), strength).astype(np.float32)
    weight, bias = table.solve(strength, some if min(table.sides) > max_side else None)
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
        (x - mean) / scale has about the same variance in each feature of a layer (``divisors``), the same sum of
        variances in each layer, and a squared norm of 1 on average. A feature that never varies has an infinite
        scale: it says nothing.
    """
    d = features.width(names)
    total, centre = float(features.weight.sum()), np.zeros(d, np.float32)
    first, second = np.zeros(d), np.zeros(d)
    for rows, values in features.chunks(names):
        share = features.weight[rows] / np.float32(total)
        if rows.start == 0:  # near the mean, so that no digits are lost when its square is taken off
            centre = values.mean(axis=0)
        values -= centre
        first += share @ values
        np.square(values, out=values)
        second += share @ values
    mean = centre + first
    spread = np.sqrt(np.maximum(second - np.square(first), 0.0))
    scales, start = [], 0
    for name in names:
        part = spread[start : start + features.width((name,))]
        scale = divisors(part)
        norm = np.sqrt(max(float(np.square(part / scale).sum()), 1e-30) * len(names))
        scales.append(scale * norm)
        start += len(part)
    return mean.astype(np.float32), np.concatenate(scales).astype(np.float32)


def _all(features: Features) -> Mask:
    return np.ones(features.n_samples, dtype=bool)


def _walk(table: RidgeRows, y: Int[np.ndarray, " m"], folds: Int[np.ndarray, " m"]) -> tuple[Try, ...]:
    """Walk downhill in the strength from the middle of the list: the loss has one valley."""
    features = table.features.keep(_all(table.features), layers=())
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
