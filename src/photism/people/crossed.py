"""Means of answers where people and cases cross, though not every person answered every case.

Covers the mean over answers, over people or over cases of one number an answer (right or wrong, or a difference from a
machine), with an interval for more people and more cases like these. Does not cover what the number is
(``noninferiority``), nor ratings (``mrmc``).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Bool, Float64, Int

from photism.errors import DataError
from photism.people.estimate import Estimate, Unit, t_interval, two_sided_p
from photism.people.obuchowski_rockette import Sampling
from photism.training.intervals import Z_95, wilson

__all__ = ["MEAN_OVER", "Over", "crossed_mean"]

Over: TypeAlias = Literal["answers", "people", "cases"]

MEAN_OVER = {
    "answers": "mean over answers: a person counts by how much she answered, a case by how often it was answered",
    "people": "mean over people: each person counts the same, on the cases that she answered",
    "cases": "mean over cases: each case counts the same, by those who answered it",
}
WHO = {
    "random": "people and cases are random samples of more like them, cases independent of one another",
    "fixed": "cases are a random sample, each independent of the others; the answer is for these people only",
}
WHO_IN_GROUPS = {
    "random": "people and groups of cases are random samples of more like them, groups independent of one another",
    "fixed": "groups of cases are a random sample, each independent of the others; the answer is for these people only",
}
METHOD = "weighted mean; variance over people and cases crossed, Hillis's degrees of freedom"


def crossed_mean(
    gap: Float64[np.ndarray, "r n"],
    answered: Bool[np.ndarray, "r n"],
    *,
    over: Over,
    readers: Sampling,
    name: str,
    estimand: str,
    unit: Unit,
    groups: Sequence[Hashable] | None = None,
) -> Estimate:
    """Estimate the mean of one number an answer, people and cases crossed.

    Parameters
    ----------
    gap : float64 (r, n)
        The number; 0 where there is no answer.
    answered : bool (r, n)
    over : {"answers", "people", "cases"}
        What the mean is taken over.
    readers : {"random", "fixed"}
        Whether people are a sample of more like them, or just these are meant.
    name, estimand : str
    unit : {"points", "percent"}
        A difference in [-1, 1] (tested against 0), or a share in [0, 1].
    groups : n group names, optional
        Cases of one group (patient, recording) are one observation; each case its own group where None.

    Returns
    -------
    Estimate

    Raises
    ------
    DataError
        If nobody answered, or one person only where people are random.

    Notes
    -----
    The variance is that of people plus what answers of different people to one case have in common. With every case
    answered by everybody this is Obuchowski and Rockette's for one modality (up to 1 / n). To a difference's
    variance that of one made-up case is added, so that few errors do not make the interval too short.

    References
    ----------
    Hillis 2014, doi:10.1002/sim.5926; Cameron, Gelbach and Miller 2011, doi:10.1198/jbes.2010.07136 (two-way clusters);
    Agresti and Min 2005, doi:10.1002/sim.1781
    """
    gap, answered, ids = _of_those_who_answered(gap, answered, groups)
    r, n, n_groups = *answered.shape, len(np.unique(ids))
    if r == 0:
        raise DataError("expected answers of people to these cases, received none.")
    if r == 1 and readers == "random":
        raise DataError(
            "expected at least two people to speak of people in general, received one. With readers fixed the answer "
            "is for this person only."
        )
    weight = _weights(answered, over)
    value = float((weight * gap).sum() / weight.sum())
    variance, df, case_variance = _crossed(_sums(weight * (gap - value), ids), weight, readers)
    if unit == "points":
        one = _variance_of_one_case(value, n_groups)
        variance, case_variance = variance + one, case_variance + one
    se = variance**0.5
    low, high = _interval(value, se, df, n_groups, unit)
    who = (WHO if groups is None else WHO_IN_GROUPS)[readers]
    p = two_sided_p(value, se, df) if unit == "points" else None
    return Estimate(
        name, value, low, high, estimand, who, METHOD, unit, n, r, se=se, df=df, p=p, case_variance=case_variance
    )


def _of_those_who_answered(
    gap: Float64[np.ndarray, "r n"], answered: Bool[np.ndarray, "r n"], groups: Sequence[Hashable] | None
) -> tuple[Float64[np.ndarray, "p c"], Bool[np.ndarray, "p c"], Int[np.ndarray, " c"]]:
    """Keep people and cases that have any answer; with each case's group."""
    ids = np.arange(gap.shape[1]) if groups is None else np.unique([str(g) for g in groups], return_inverse=True)[1]
    people, cases = answered.any(axis=1), answered.any(axis=0)
    return gap[np.ix_(people, cases)], answered[np.ix_(people, cases)], ids[cases]


def _weights(answered: Bool[np.ndarray, "r n"], over: Over) -> Float64[np.ndarray, "r n"]:
    """Weigh every answer, so that answers, people or cases count alike; all weights add up to 1."""
    r, n = answered.shape
    total = {
        "answers": answered.sum(),
        "people": r * answered.sum(axis=1, keepdims=True),
        "cases": n * answered.sum(axis=0),
    }
    return np.asarray(answered / total[over])


def _variance_of_one_case(difference: float, n: int) -> float:
    """What one case more than n adds to a difference's variance.

    Few answers differ where both are good, and their number says too little of how it varies. As Agresti and Min do:
    one case more on which the machine and everybody part, half of it either way, and half a case each of both right and
    both wrong.
    """
    return (1 + 2 * difference**2) / n**2


def _sums(part: Float64[np.ndarray, "r n"], ids: Int[np.ndarray, " n"]) -> Float64[np.ndarray, "r g"]:
    """Add up the cases of each group."""
    found = np.zeros((len(part), int(ids.max()) + 1))
    np.add.at(found.T, ids, part.T)
    return found[:, np.unique(ids)]


def _crossed(
    part: Float64[np.ndarray, "r g"], weight: Float64[np.ndarray, "r n"], readers: Sampling
) -> tuple[float, float | None, float]:
    """Variance, degrees of freedom and the part of the variance that more cases would shrink."""
    r, n = part.shape
    correction = n / max(n - 1, 1)
    of_cases = correction * float(np.square(part.sum(axis=0)).sum())
    if readers == "fixed":
        return of_cases, None, of_cases
    of_answers = correction * float(np.square(part).sum())
    of_people = r / (r - 1) * float(np.square(part.sum(axis=1)).sum())
    variance = of_people + max((of_cases - of_answers) * r / (r - 1), 0.0)
    if of_people == 0 or variance == 0:
        return variance, None, min(of_cases, variance)
    # People who answered more weigh more over answers: so many of equal weight vary as much.
    n_equal = 1.0 / float(np.square(weight.sum(axis=1)).sum())
    return variance, max(n_equal - 1, 1.0) * (variance / of_people) ** 2, min(of_cases, variance)


def _interval(value: float, se: float, df: float | None, n: int, unit: Unit) -> tuple[float, float]:
    """An interval that has width where nothing varied, and stays where shares are."""
    if unit == "points":
        low, high = t_interval(value, se, df)
        return max(low, -1.0), min(high, 1.0)
    if se == 0 or not 0 < value < 1:
        return wilson(value, n)
    # Wilson's interval on as many answers as vary this much, with t in place of the normal quantile.
    ratio = (t_interval(0.0, 1.0, df)[1] / Z_95) ** 2
    return wilson(value, value * (1 - value) / (se**2 * ratio))
