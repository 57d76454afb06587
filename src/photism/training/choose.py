"""Two recognizers on the same validation files: is the more laborious one better beyond chance?

Both get the temperature that suits them on these files, so that neither wins by being surer of itself; then their
losses are compared file by file. Covers the comparison and the decision; not what is compared (``adapt``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int
from scipy import stats

__all__ = ["SIGNIFICANT", "Comparison", "can_be_beaten", "compare"]

SIGNIFICANT = 0.05
"""The probability, one-sided, below which a difference is not taken for chance."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What validation says of a challenger beside the simpler recognizer.

    Losses are means over files (nats), accuracies fractions; ``p_value`` is one-sided: how probable so large a lead of
    the challenger is where there is none.
    """

    simple_loss_nats: float
    challenger_loss_nats: float
    simple_accuracy: float
    challenger_accuracy: float
    p_value: float

    @property
    def challenger_wins(self) -> bool:
        """Whether the challenger is to be kept: better beyond chance, and not less often right. A tie is simple's."""
        return self.p_value < SIGNIFICANT and self.challenger_accuracy >= self.simple_accuracy


def can_be_beaten(simple: Float64[np.ndarray, "n k"], y: Int[np.ndarray, " n"], groups: Sequence[str]) -> bool:
    """Say whether a recognizer errs often enough for a better one to be told apart from it on these files.

    A challenger that rights every error in m groups and makes none of its own has a sign test's p of 2 to the -m.

    Parameters
    ----------
    simple : float64 (n, k)
        Probabilities.
    y : int (n,)
    groups : sequence of n
    """
    wrong = {group for group, right in zip(groups, simple.argmax(axis=1) == y, strict=True) if not right}
    return bool(0.5 ** len(wrong) < SIGNIFICANT)


def compare(
    simple: Float64[np.ndarray, "n k"],
    challenger: Float64[np.ndarray, "n k"],
    y: Int[np.ndarray, " n"],
    groups: Sequence[str],
) -> Comparison:
    """Compare probabilities for the same files by a paired test that counts a group as one observation.

    Parameters
    ----------
    simple, challenger : float64 (n, k)
        Probabilities; rows sum to 1.
    y : int (n,)
        Classes.
    groups : sequence of n
        What is one observation.

    Returns
    -------
    Comparison

    Notes
    -----
    Student's t on the groups' mean differences in loss; where there are fewer than two groups, or all differences are
    the same, nothing can be told (p = 1).
    """
    rows = np.arange(len(y))
    losses = [-np.log(np.maximum(one[rows, y], 1e-12)) for one in (simple, challenger)]
    lead = losses[0] - losses[1]
    _, index = np.unique(np.array(groups), return_inverse=True)
    means = np.bincount(index, weights=lead) / np.bincount(index)
    p_value = 1.0
    # A lead that is the same everywhere, but for its last bits, does not say what chance does.
    if len(means) > 1 and float(np.ptp(means)) > 1e-9 * float(np.abs(means).max()):
        p_value = float(stats.ttest_1samp(means, 0.0, alternative="greater").pvalue)
    right = [float(np.mean(one.argmax(axis=1) == y)) for one in (simple, challenger)]
    return Comparison(
        float(losses[0].mean()), float(losses[1].mean()), right[0], right[1], 1.0 if math.isnan(p_value) else p_value
    )
