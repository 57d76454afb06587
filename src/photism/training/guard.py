"""The guard: what a training curve says, in a word and a sentence.

Covers the first verdict, from the curve alone: learning, memorising, stalled or diverging. Does not cover why (leaks,
wrong labels, too few files): that is for later floors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from photism.types import EpochRow, Verdict

__all__ = ["verdict"]

# A fall of the loss by less than this share of the chance level is no learning.
LEAST_FALL = 0.05
# A rise of the validation loss by more than this share of the chance level, over its minimum, is memorising begun.
LEAST_RISE = 0.05
# What is learned is memorised if less than this share of the training loss's fall shows in validation.
LEAST_TRANSFER = 0.2
# A loss of this many times the chance level is what steps that overshoot leave behind.
OVERSHOT = 1.5


def verdict(rows: Sequence[EpochRow], *, chance_nats: float, patience: int = 8) -> Verdict:
    """Say what a curve shows.

    Parameters
    ----------
    rows : EpochRow
        At least one, in the order of the epochs.
    chance_nats : float
        Loss of an answer that knows nothing: ln(number of classes), above 0.
    patience : int
        A run that ended this many epochs after its best epoch, or sooner, was stopped in time: what it keeps had not
        begun to memorise.

    Returns
    -------
    Verdict
        ``onset_epoch`` is the first epoch after the best one whose validation loss had risen for good (None where it
        had not), ``gap_nats`` validation less training loss at the best epoch.

    Raises
    ------
    ValueError
        If there are no rows.

    Notes
    -----
    In this order. *Diverging*: a loss is not finite, or the best validation loss and some training loss are above
    1.5 x chance, or the last third's training loss is above chance. *Stalled*: the training loss fell by less than 5 %
    of chance. *Memorising*: of the training loss's fall less than a fifth shows in validation, or the run went on for
    more than ``patience`` epochs after its best one and ended with a validation loss that had risen by more than 5 %
    of chance. Else *learning*, whatever the training accuracy.
    """
    if not rows:
        raise ValueError("expected a curve of one epoch at least, received none")
    finite = [row for row in rows if math.isfinite(row.valid_loss_nats) and math.isfinite(row.train_loss_nats)]
    if len(finite) < len(rows):
        epoch = next(row.epoch for row in rows if row not in finite)
        best = min(finite, key=lambda row: row.valid_loss_nats) if finite else rows[0]
        return Verdict("diverging", epoch, best.epoch, _gap(best), f"The loss was no longer a number in epoch {epoch}.")
    best = min(rows, key=lambda row: row.valid_loss_nats)
    last = rows[-1]
    tail = rows[-max(1, len(rows) // 3) :]
    late = sum(row.train_loss_nats for row in tail) / len(tail)
    worst = max(row.train_loss_nats for row in rows)  # steps that overshoot show in training too
    lost = min(worst, best.valid_loss_nats) > OVERSHOT * chance_nats
    if lost or late > chance_nats * (1 + LEAST_FALL):
        text = (
            f"The losses ended at {late:.2f} (training) and {last.valid_loss_nats:.2f} nats (validation), "
            f"where an answer that knows nothing has {chance_nats:.2f}: the steps overshoot."
        )
        return Verdict("diverging", _first_above(rows, chance_nats), best.epoch, _gap(best), text)
    fall = chance_nats - min(row.train_loss_nats for row in rows)
    if fall < LEAST_FALL * chance_nats:
        text = (
            f"In {len(rows)} epochs the training loss fell from {chance_nats:.3f} (an answer that knows nothing) "
            f"to {last.train_loss_nats:.3f} nats only."
        )
        return Verdict("stalled", None, best.epoch, _gap(best), text)
    return _learned(rows, best, chance_nats, fall, patience)


def _learned(rows: Sequence[EpochRow], best: EpochRow, chance: float, fall: float, patience: int) -> Verdict:
    """Decide between learning and memorising where the training loss has fallen."""
    last = rows[-1]
    rise = last.valid_loss_nats - best.valid_loss_nats
    onset = _onset(rows, best, LEAST_RISE * chance) if rise > LEAST_RISE * chance else None
    gained = chance - best.valid_loss_nats
    if gained < LEAST_TRANSFER * fall:
        text = (
            f"The training loss fell by {fall:.2f} nats, the validation loss by {max(gained, 0.0):.2f}: "
            "what was learned does not carry over to files it has not seen."
        )
        return Verdict("memorising", onset or best.epoch, best.epoch, _gap(best), text)
    if onset is not None and last.epoch - best.epoch > patience:
        text = (
            f"The validation loss was lowest in epoch {best.epoch} ({best.valid_loss_nats:.2f} nats) and rose by "
            f"{rise:.2f} until epoch {last.epoch}, while the training loss fell to {last.train_loss_nats:.2f}."
        )
        return Verdict("memorising", onset, best.epoch, _gap(best), text)
    text = (
        f"The validation loss fell from {chance:.2f} (an answer that knows nothing) to {best.valid_loss_nats:.2f} nats "
        f"in epoch {best.epoch} of {last.epoch}; training was at {best.train_loss_nats:.2f} there."
    )
    return Verdict("learning", onset, best.epoch, _gap(best), text)


def _gap(row: EpochRow) -> float:
    return float(row.valid_loss_nats - row.train_loss_nats)


def _onset(rows: Sequence[EpochRow], best: EpochRow, rise: float) -> int | None:
    """First epoch after the best one from which the validation loss stays above its minimum by ``rise``."""
    onset = None
    for row in reversed(rows):
        if row.epoch <= best.epoch or row.valid_loss_nats <= best.valid_loss_nats + rise:
            break
        onset = row.epoch
    return onset


def _first_above(rows: Sequence[EpochRow], chance: float) -> int | None:
    return next((row.epoch for row in rows if row.train_loss_nats > chance * (1 + LEAST_FALL)), None)
