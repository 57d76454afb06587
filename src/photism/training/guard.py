"""The guard: what a training curve says, in a word, a sentence and numbers with intervals.

Covers the verdict from the curve alone: learning, memorising, stalled or diverging; where memorising began, how large
the gap between training and validation is, and what going on has cost. Intervals come from drawing validation's groups
again. Does not cover why (``trust.causes``) nor stopping: the best epoch is kept whatever ended a training.

Where memorising begins is the turning point of the *smoothed* validation loss. The minimum of the raw one jumps by
several epochs with a few hundred files where the curve is flat; that of the smoothed one was within an epoch of a large
held-out set's in 92 to 100 % of trainings (``benchmarks/verdicts.py``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float64, Int

from photism.training.curve import Held
from photism.training.intervals import bootstrap_weights
from photism.types import EpochRow, Verdict

__all__ = ["smooth", "verdict"]

# A fall of the loss by less than this share of the chance level is no learning.
LEAST_FALL = 0.05
# A rise of the validation loss by more than this share of the chance level, over its minimum, is memorising begun.
LEAST_RISE = 0.05
# What is learned is memorised if less than this share of the training loss's fall shows in validation.
LEAST_TRANSFER = 0.2
# A loss of this many times the chance level is what steps that overshoot leave behind.
OVERSHOT = 1.5
N_DRAWS = 1000
SMOOTHINGS = 3


def verdict(
    rows: Sequence[EpochRow], *, chance_nats: float, held: Held | None = None, patience: int = 8, seed: int = 0
) -> Verdict:
    """Say what a curve shows.

    Parameters
    ----------
    rows : EpochRow
        At least one, in the order of the epochs.
    chance_nats : float
        Loss of an answer that knows nothing: ln(number of classes), above 0.
    held : Held, optional
        Validation files' own losses; without them there are no intervals.
    patience : int
        A run that ended this many epochs after its best epoch, or sooner, was stopped in time: what it keeps had not
        begun to memorise.
    seed : int
        Of the bootstrap.

    Returns
    -------
    Verdict
        ``onset_epoch`` is the epoch after the turning point of the smoothed validation loss; None where the loss does
        not end above that point by more than 5 % of chance, or does so by chance.

    Raises
    ------
    ValueError
        If there are no rows.

    Notes
    -----
    In this order. *Diverging*: a loss is not finite, or some epoch's training loss is above 1.5 x chance, or the last
    third's is above chance: steps that overshoot make training itself worse than knowing nothing. *Stalled*: the
    training loss fell by less than 5 % of chance. *Memorising*: of the training loss's fall less than a fifth shows in
    validation, or the run has an onset and went on for more than ``patience`` epochs after its best one. Else
    *learning*, whatever the training accuracy.
    """
    if not rows:
        raise ValueError("expected a curve of one epoch at least, received none")
    finite = [row for row in rows if math.isfinite(row.valid_loss_nats) and math.isfinite(row.train_loss_nats)]
    if len(finite) < len(rows):
        epoch = next(row.epoch for row in rows if row not in finite)
        best = min(finite, key=lambda row: row.valid_loss_nats) if finite else rows[0]
        return Verdict("diverging", epoch, best.epoch, _gap(best), f"The loss was no longer a number in epoch {epoch}.")
    best = min(rows, key=lambda row: row.valid_loss_nats)
    drawn = None if held is None else _draw(rows, best, held, chance_nats, seed)
    found = _named(rows, best, chance_nats, patience, drawn)
    found = replace(found, cost_nats=float(rows[-1].valid_loss_nats - best.valid_loss_nats))
    return found if drawn is None else _bounded(found, drawn)


def smooth(values: Float[np.ndarray, "*b e"]) -> Float64[np.ndarray, "*b e"]:
    """Smooth a curve over its epochs: weights 1, 2, 1, three times over, the ends repeated.

    Parameters
    ----------
    values : float (..., e)

    Examples
    --------
    >>> smooth(np.array([0.0, 0.0, 64.0, 0.0, 0.0])).tolist()
    [7.0, 15.0, 20.0, 15.0, 7.0]
    """
    smoothed = np.asarray(values, dtype=np.float64)
    for _ in range(SMOOTHINGS):
        padded = np.concatenate([smoothed[..., :1], smoothed, smoothed[..., -1:]], axis=-1)
        smoothed = (padded[..., :-2] + 2.0 * padded[..., 1:-1] + padded[..., 2:]) / 4.0
    return smoothed


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What each draw of validation's groups says: the epoch after the loss turned, the gap, the rise and the cost."""

    onset: Int[np.ndarray, " b"]
    gap: Float64[np.ndarray, " b"]
    rise: Float64[np.ndarray, " b"]
    cost: Float64[np.ndarray, " b"]


def _draw(rows: Sequence[EpochRow], best: EpochRow, held: Held, chance: float, seed: int) -> _Drawn:
    _, groups = np.unique(held.groups, return_inverse=True)
    weight = bootstrap_weights(groups, n_draws=N_DRAWS, seed=seed)
    weight = weight[weight.sum(axis=1) > 0]
    # A file that is answered as wrongly as can be would rule every draw that holds it; its loss is cut for this alone.
    losses = np.minimum(held.losses_nats.astype(np.float64), 10.0 * chance)
    curves = (weight @ losses.T) / weight.sum(axis=1, keepdims=True)
    flat = smooth(curves)
    at = [row.epoch for row in rows].index(best.epoch)
    return _Drawn(
        onset=np.array([row.epoch for row in rows])[np.minimum(flat.argmin(axis=1) + 1, len(rows) - 1)],
        gap=curves[:, at] - best.train_loss_nats,
        rise=flat[:, -1] - flat.min(axis=1),
        cost=curves[:, -1] - curves[:, at],
    )


def _bounded(found: Verdict, drawn: _Drawn) -> Verdict:
    """Add intervals: of the onset where there is one, of the gap and the cost always."""
    gap, cost = (np.percentile(values, [2.5, 97.5]) for values in (drawn.gap, drawn.cost))
    found = replace(
        found, gap_low=float(gap[0]), gap_high=float(gap[1]), cost_low=float(cost[0]), cost_high=float(cost[1])
    )
    if found.onset_epoch is None or found.state == "diverging":
        return found
    low, high = np.percentile(drawn.onset, [2.5, 97.5], method="closest_observation")
    return replace(found, onset_low=min(int(low), found.onset_epoch), onset_high=max(int(high), found.onset_epoch))


def _named(
    rows: Sequence[EpochRow], best: EpochRow, chance_nats: float, patience: int, drawn: _Drawn | None
) -> Verdict:
    """Name the state of a curve whose losses are all numbers."""
    last = rows[-1]
    tail = rows[-max(1, len(rows) // 3) :]
    late = sum(row.train_loss_nats for row in tail) / len(tail)
    worst = max(rows, key=lambda row: row.train_loss_nats)
    if worst.train_loss_nats > OVERSHOT * chance_nats or late > chance_nats * (1 + LEAST_FALL):
        text = (
            f"The training loss rose to {worst.train_loss_nats:.2f} nats in epoch {worst.epoch}, where an answer that "
            f"knows nothing has {chance_nats:.2f}: the steps overshoot. It ended at {last.train_loss_nats:.2f}, "
            f"validation at {last.valid_loss_nats:.2f}."
        )
        return Verdict("diverging", _first_above(rows, chance_nats), best.epoch, _gap(best), text)
    fall = chance_nats - min(row.train_loss_nats for row in rows)
    if fall < LEAST_FALL * chance_nats:
        text = (
            f"In {len(rows)} epochs the training loss fell from {chance_nats:.3f} (an answer that knows nothing) "
            f"to {last.train_loss_nats:.3f} nats only."
        )
        return Verdict("stalled", None, best.epoch, _gap(best), text)
    onset = _onset(rows, chance_nats, drawn)
    gained = chance_nats - best.valid_loss_nats
    if gained < LEAST_TRANSFER * fall:
        text = (
            f"The training loss fell by {fall:.2f} nats, the validation loss by {max(gained, 0.0):.2f}: "
            "what was learned does not carry over to files it has not seen."
        )
        return Verdict("memorising", onset or best.epoch, best.epoch, _gap(best), text)
    if onset is not None and last.epoch - best.epoch > patience:
        rise = last.valid_loss_nats - best.valid_loss_nats
        text = (
            f"The validation loss was lowest in epoch {best.epoch} ({best.valid_loss_nats:.2f} nats) and rose by "
            f"{rise:.2f} until epoch {last.epoch}, while the training loss fell to {last.train_loss_nats:.2f}."
        )
        return Verdict("memorising", onset, best.epoch, _gap(best), text)
    text = (
        f"The validation loss fell from {chance_nats:.2f} (an answer that knows nothing) to "
        f"{best.valid_loss_nats:.2f} nats in epoch {best.epoch} of {last.epoch}; training was at "
        f"{best.train_loss_nats:.2f} there."
    )
    return Verdict("learning", onset, best.epoch, _gap(best), text)


def _gap(row: EpochRow) -> float:
    return float(row.valid_loss_nats - row.train_loss_nats)


def _onset(rows: Sequence[EpochRow], chance: float, drawn: _Drawn | None) -> int | None:
    """The epoch after the smoothed validation loss's turning point, where it ends clearly above that point."""
    curve = smooth(np.array([row.valid_loss_nats for row in rows]))
    at = int(curve.argmin())
    if curve[-1] - curve[at] <= LEAST_RISE * chance or at + 1 == len(rows):
        return None
    # A draw's own minimum is always below its end: the rise is real where it is clearly above what noise leaves.
    if drawn is not None and float(np.percentile(drawn.rise, 2.5)) <= LEAST_RISE * chance / 2:
        return None
    return rows[at + 1].epoch


def _first_above(rows: Sequence[EpochRow], chance: float) -> int | None:
    return next((row.epoch for row in rows if row.train_loss_nats > chance * (1 + LEAST_FALL)), None)
