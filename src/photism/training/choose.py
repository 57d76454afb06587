"""Two recognizers on the same files, which neither has seen: is the more laborious one better beyond chance?

Validation files judge; where validation is one fold (a speaker, a hospital) every fold's do, unseen by either. Both
get the temperature that suits them on these files, so that neither wins by being surer of itself; then their losses are
compared file by file. Covers the judges, the comparison and the decision; not what is compared (``adapt``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int

from photism.data.material import Material

__all__ = ["FEWEST_WRONG", "MOST_WORSE", "SIGNIFICANT", "Comparison", "Judges", "can_be_beaten", "compare"]

SIGNIFICANT = 0.05
"""The probability, one-sided, below which a difference is not taken for chance."""
FEWEST_WRONG = math.ceil(math.log2(1 / SIGNIFICANT))
"""Right where the simpler one is wrong, and never the other way round: so often, to be told from chance (2^-m)."""
MOST_WORSE = 1
"""So many folds may be answered worse where files were the observations."""


@dataclass(frozen=True, slots=True)
class Judges:
    """The files on which recognizers are compared, and what counts as one observation among them.

    ``files`` int (f,) ascending, ``groups`` f names. ``n_folds`` is 0 where validation files judge. Where validation is
    a given fold, training and validation files do, each answered without its fold, and ``n_folds`` folds are the
    observations: one new speaker says little of the next (LOG.md, 2026-11-23).
    """

    files: Int[np.ndarray, " f"]
    groups: tuple[str, ...]
    n_folds: int

    @classmethod
    def of(cls, material: Material) -> Judges:
        """Name the judges of a data set.

        Parameters
        ----------
        material : Material
        """
        by_fold = material.by_fold
        files = np.flatnonzero(material.mask("valid") | material.mask("train") if by_fold else material.mask("valid"))
        names = material.units if by_fold else material.groups
        groups = tuple(names[i] for i in files.tolist())
        return cls(files, groups, len(set(groups)) if by_fold else 0)

    def who_have(self, *answers: Float64[np.ndarray, "m k"]) -> Judges:
        """Return those that were answered in every table.

        Parameters
        ----------
        answers : float64 (n_samples, k)
            NaN rows are no answers.
        """
        kept = np.isfinite(np.hstack(answers)[self.files]).all(axis=1)
        names = tuple(name for name, known in zip(self.groups, kept, strict=True) if known)
        return Judges(self.files[kept], names, len(set(names)) if self.n_folds else 0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What validation, or every fold in turn, says of a challenger beside the simpler recognizer.

    Losses are means over files (nats), accuracies fractions; ``p_value`` is one-sided: how probable so large a lead of
    the challenger is where there is none. ``n_folds`` says how many folds judged; 0 where validation did. Where
    groups of files were the observations even so, ``n_worse`` says how many folds the challenger answered worse.
    """

    simple_loss_nats: float
    challenger_loss_nats: float
    simple_accuracy: float
    challenger_accuracy: float
    p_value: float
    n_folds: int = 0
    n_worse: int | None = None

    @property
    def challenger_wins(self) -> bool:
        """Whether the challenger is to be kept: better beyond chance, and not less often right. A tie is simple's."""
        if self.n_worse is not None and self.n_worse > MOST_WORSE:
            return False
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
    return len(wrong) >= FEWEST_WRONG


def compare(
    simple: Float64[np.ndarray, "n k"],
    challenger: Float64[np.ndarray, "n k"],
    y: Int[np.ndarray, " n"],
    groups: Sequence[str],
    *,
    n_folds: int = 0,
    folds: Sequence[str] | None = None,
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
    n_folds : int
        How many folds the files are of, where whole folds were left out.
    folds : sequence of n, optional
        The fold of every file, where groups of files are the observations and folds are counted besides (``n_worse``).

    Returns
    -------
    Comparison

    Notes
    -----
    Student's t on the groups' mean differences in loss; where there are fewer than two groups, or all differences are
    the same, nothing can be told (p = 1). Folds that one network answered together are not quite independent: p is
    then somewhat too small.
    """
    rows = np.arange(len(y))
    losses = [-np.log(np.maximum(one[rows, y], 1e-12)) for one in (simple, challenger)]
    lead = losses[0] - losses[1]
    _, index = np.unique(np.array(groups), return_inverse=True)
    means = np.bincount(index, weights=lead) / np.bincount(index)
    p_value = 1.0
    # A lead that is the same everywhere, but for its last bits, does not say what chance does.
    if len(means) > 1 and float(np.ptp(means)) > 1e-9 * float(np.abs(means).max()):
        from scipy import stats  # half a second to import

        p_value = float(stats.ttest_1samp(means, 0.0, alternative="greater").pvalue)
    right = [float(np.mean(one.argmax(axis=1) == y)) for one in (simple, challenger)]
    p_value = 1.0 if math.isnan(p_value) else p_value
    n_worse = None
    if folds is not None:
        _, fold = np.unique(np.array(folds), return_inverse=True)
        n_worse = int((np.bincount(fold, weights=lead) < 0).sum())
    return Comparison(float(losses[0].mean()), float(losses[1].mean()), right[0], right[1], p_value, n_folds, n_worse)
