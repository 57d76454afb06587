"""The guard: a verdict in one word and one sentence, from a training curve.

The words are defined in GLOSSARY.md so that two people would agree on a curve. Everything is judged on the losses of single
validation files, paired between epochs and clustered by group, so that a rise within the noise is not called one.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float64

from photism.training.curve import Curve
from photism.types import Verdict

__all__ = ["judge"]

STALLED_FRACTION = 0.02
"""A training loss that never falls by more than this part of what knowing nothing costs has stalled."""
RISE_ERRORS, RISE_FRACTION = 2.0, 0.02
"""A rise counts from so many standard errors on, and from this part of what knowing nothing costs."""


def judge(curve: Curve) -> Verdict:
    """Say what a curve shows.

    Parameters
    ----------
    curve : Curve
        As ``train_curve`` returned it.

    Returns
    -------
    Verdict
        *diverging* where training ends worse than knowing nothing; *stalled* where the training loss hardly fell;
        *memorising* where, after the best epoch, the validation loss rose beyond its noise while the training loss went
        on falling; else *learning*.
    """
    rows, nothing = curve.rows, math.log(curve.n_classes)
    best = curve.best_epoch
    index = best - 1
    train = np.array([row.train_loss_nats for row in rows])
    gap = rows[index].valid_loss_nats - rows[index].train_loss_nats
    if not np.isfinite(train).all() or train[-1] > nothing:
        ending = f"{train[-1]:.2f} nats" if math.isfinite(train[-1]) else "no finite number"
        told = f"the training loss ended at {ending}, where knowing nothing costs {nothing:.2f} nats."
        return Verdict("diverging", None, best, gap if math.isfinite(gap) else 0.0, told)
    if train.min() > (1 - STALLED_FRACTION) * nothing:
        told = f"the training loss fell only from {nothing:.2f} to {train.min():.2f} nats in {len(rows)} epochs."
        return Verdict("stalled", None, best, gap, told)
    rises = np.array([_rise(curve, index, later) for later in range(len(rows))])
    size, error = rises[-1]
    lowest = f"the validation loss was lowest in epoch {best} of {len(rows)} ({rows[index].valid_loss_nats:.3f} nats)"
    rose = size > max(RISE_ERRORS * error, RISE_FRACTION * nothing)
    if rose and train[-1] < train[index]:
        onset = _onset(rises, index)
        told = (
            f"{lowest} and then rose by {size:.3f} ± {1.96 * error:.3f} while the training loss fell from "
            f"{train[index]:.3f} to {train[-1]:.3f}; from epoch {onset} on it memorised."
        )
        return Verdict("memorising", onset, best, gap, told)
    if index == len(rows) - 1:
        told = f"{lowest}, its last: it was still learning."
    else:
        told = f"{lowest} and did not rise beyond its noise after it ({size:+.3f} ± {1.96 * error:.3f} nats by the end)."
    return Verdict("learning", None, best, gap, told)


def _rise(curve: Curve, best: int, later: int) -> tuple[float, float]:
    """Mean rise of the validation loss between two epochs, and its standard error, clustered by group."""
    rise = curve.valid_losses_nats[later] - curve.valid_losses_nats[best]
    _, group = np.unique(np.array(curve.valid_groups), return_inverse=True)
    n_groups = int(group.max()) + 1
    excess: Float64[np.ndarray, " g"] = np.bincount(group, weights=rise - rise.mean())
    if n_groups < 2:
        return float(rise.mean()), math.inf
    return float(rise.mean()), float(math.sqrt(n_groups / (n_groups - 1) * np.square(excess).sum()) / len(rise))


def _onset(rises: Float64[np.ndarray, "e 2"], best: int) -> int:
    """The first epoch after the best from which on every rise lies beyond its noise."""
    beyond = rises[:, 0] > RISE_ERRORS * rises[:, 1]
    onset = len(beyond)
    while onset - 1 > best and beyond[onset - 1]:
        onset -= 1
    return onset + 1
