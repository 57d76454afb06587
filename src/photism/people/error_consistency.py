"""Do two observers err on the same cases more often than their accuracies alone would bring about?

Covers error consistency (Cohen's kappa of right and wrong) of two observers, of a machine with people, and of people
among themselves, with a bootstrap over cases. Does not cover which wrong label was given (``agreement``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Float64, Int

from photism.errors import DataError
from photism.people.estimate import Estimate
from photism.types import JSON

__all__ = ["ErrorConsistency", "error_consistency", "error_consistency_among_people", "error_consistency_with_people"]

N_DRAWS = 4000
# Weight of a made-up case, one for each way in which two observers can be right and wrong. Of several people, who
# answer it all alike, it weighs less, by the root of their number: in simulations of five people and 100 cases a 95 %
# interval held the truth 98 times in 100 with half a case, 93 times with half an answer, 95 times so.
HALF_A_CASE = 0.5
MACHINE_MADE_UP = (1.0, 1.0, 0.0, 0.0)  # whether the machine is right in each of the four made-up cases
# Draws are taken in blocks of so many numbers.
MAX_CELLS = 4_000_000
TOGETHER = "cases are a random sample, each independent of the others; these observers only"
METHOD = "percentile bootstrap over cases, smoothed by a made-up case for each way to be right and wrong"

# Of b draws: how often answers agreed, and how often accuracies alone would have it.
_Shares: TypeAlias = tuple[Float64[np.ndarray, " b"], Float64[np.ndarray, " b"]]


@dataclass(frozen=True, slots=True)
class ErrorConsistency:
    """How often two observers are both right or both wrong, how often accuracy alone would have it, and kappa.

    ``observed`` and ``expected`` are shares in [0, 1]; ``kappa`` is (observed - expected) / (1 - expected): 1 where
    they err on just the same cases, 0 where errors fall independently, below 0 where each is right when the other errs.
    """

    observed: float
    expected: float
    kappa: Estimate

    def to_json(self) -> dict[str, JSON]:
        """Return all three."""
        return {"observed": self.observed, "expected": self.expected, "kappa": self.kappa.to_json()}

    def to_text(self) -> str:
        """Return kappa and what it is made of as sentences."""
        return (
            f"{self.kappa.to_text()} Both right or both wrong: {100 * self.observed:.1f} % of answers, where "
            f"accuracies alone would bring {100 * self.expected:.1f} %."
        )


def error_consistency(
    a: Bool[np.ndarray, " n"],
    b: Bool[np.ndarray, " n"],
    *,
    name: str = "error consistency",
    seed: int = 0,
    n_draws: int = N_DRAWS,
) -> ErrorConsistency:
    """Estimate whether two observers err on the same cases.

    Parameters
    ----------
    a, b : bool (n,)
        True where the observer was right; the same cases in the same order.
    name : str
    seed, n_draws : int
        Of the bootstrap.

    Returns
    -------
    ErrorConsistency

    Raises
    ------
    DataError
        If there are no cases, or each is right (or wrong) throughout: then there are no errors to compare.

    Notes
    -----
    Each draw takes n of the cases and, with a chance of half a case each, four made-up ones (both right, one, the
    other, neither): a plain bootstrap of few errors draws intervals that are too short. Deterministic given the seed.

    References
    ----------
    Geirhos, Meding and Wichmann 2020, arXiv:2006.16736; Efron and Tibshirani 1993, doi:10.1007/978-1-4899-4541-9

    Examples
    --------
    >>> right = np.arange(100) < 90
    >>> error_consistency(right, right).kappa.value
    1.0
    """
    return error_consistency_with_people(a, b[None].astype(np.float64), name=name, seed=seed, n_draws=n_draws)


def error_consistency_with_people(
    machine: Bool[np.ndarray, " n"],
    people: Float[np.ndarray, "r n"],
    *,
    name: str = "error consistency, machine with people",
    seed: int = 0,
    n_draws: int = N_DRAWS,
) -> ErrorConsistency:
    """Estimate whether a machine errs on the cases on which people err.

    Parameters
    ----------
    machine : bool (n,)
        True where the machine was right.
    people : float (r, n)
        1 where the person was right, 0 where wrong, NaN where she did not answer.
    name : str
    seed, n_draws : int
        Of the bootstrap.

    Returns
    -------
    ErrorConsistency
        Pooled over people: each person's observed and expected agreement with the machine on the cases that she
        answered, weighted by how many these are. A person without errors has a share in it, where a mean of kappas
        could not hold her.

    Raises
    ------
    DataError
        If nobody answered, or no errors are there to compare.
    """
    # The made-up cases: machine right, people right; right, wrong; wrong, right; wrong, wrong.
    cases = _cases(people, machine, at_least=1, made_up=(1.0, 0.0, 1.0, 0.0))
    estimand = "agreement of right and wrong beyond accuracy"
    if len(people) > 1:
        estimand += ", machine with each person on the cases that she answered, mean over answers"
    return _bootstrap(cases, _with_machine, name=name, estimand=estimand, seed=seed, n_draws=n_draws)


def error_consistency_among_people(
    people: Float[np.ndarray, "r n"],
    *,
    name: str = "error consistency, people with one another",
    seed: int = 0,
    n_draws: int = N_DRAWS,
) -> ErrorConsistency:
    """Estimate whether people err on the same cases as one another.

    Parameters
    ----------
    people : float (r, n)
        1 where the person was right, 0 where wrong, NaN where she did not answer.
    name : str
    seed, n_draws : int
        Of the bootstrap.

    Returns
    -------
    ErrorConsistency
        Pooled over all pairs of answers to one case; what accuracy alone would bring comes from each person's accuracy
        over all her answers.

    Raises
    ------
    DataError
        If no case has two answers, or no errors are there to compare.
    """
    # The made-up cases: everybody right, everybody wrong, and twice half of them.
    cases = _cases(people, None, at_least=2, made_up=(1.0, 0.0, 0.5, 0.5))
    estimand = "agreement of right and wrong beyond accuracy, mean over pairs of answers to one case"
    return _bootstrap(cases, _among_people, name=name, estimand=estimand, seed=seed, n_draws=n_draws)


@dataclass(frozen=True, slots=True)
class _Cases:
    """Cases that were answered alike, counted once, and behind them the four made-up ones.

    ``answered`` and ``right`` say who answered each, and rightly: 1 or 0, in a made-up case as much of an answer as is
    typical of the person. ``machine`` is 1 where the machine is right; it has no row where there is none. ``counts`` is
    how often each occurs, ``people_a_case`` how many answer a typical case.
    """

    answered: Float64[np.ndarray, "r m"]
    right: Float64[np.ndarray, "r m"]
    machine: Float64[np.ndarray, "o m"]
    counts: Int[np.ndarray, " k"]
    people_a_case: float


def _cases(
    people: Float[np.ndarray, "r n"],
    machine: Bool[np.ndarray, " n"] | None,
    *,
    at_least: int,
    made_up: tuple[float, float, float, float],
) -> _Cases:
    """Count the cases that so many people answered at least; ``made_up`` is how far people are right in the four."""
    given = ~np.isnan(people)
    kept = given.sum(axis=0) >= at_least
    answered, right = given[:, kept].astype(np.float64), np.nan_to_num(people[:, kept])
    typical = answered.mean(axis=1, keepdims=True) if kept.any() else np.zeros((len(people), 1))
    own = np.zeros((0, len(kept))) if machine is None else machine[None].astype(np.float64)
    patterns, counts = np.unique(np.vstack([answered, right, own[:, kept]]), axis=1, return_counts=True)
    answered, right, own = np.split(patterns, [len(people), 2 * len(people)])
    return _Cases(
        answered=np.concatenate([answered, np.repeat(typical, 4, axis=1)], axis=1),
        right=np.concatenate([right, typical * np.array(made_up)], axis=1),
        machine=np.concatenate([own, np.tile(MACHINE_MADE_UP, (len(own), 1))], axis=1),
        counts=counts,
        people_a_case=float(typical.sum()),
    )


def _with_machine(cases: _Cases, weights: Float64[np.ndarray, "b m"]) -> _Shares:
    """The machine's agreement with people: what was observed, and what accuracies alone would bring."""
    answered, right, own = cases.answered, cases.right, cases.machine[0]
    same = right * own + (answered - right) * (1 - own)
    size = np.maximum(weights @ answered.T, 1e-300)
    theirs, mine = (weights @ right.T) / size, (weights @ (answered * own).T) / size
    chance = size * (theirs * mine + (1 - theirs) * (1 - mine))
    total = size.sum(axis=1)
    return (weights @ same.T).sum(axis=1) / total, chance.sum(axis=1) / total


def _among_people(cases: _Cases, weights: Float64[np.ndarray, "b m"]) -> _Shares:
    """People's agreement, pair by pair: what was observed, and what accuracies alone would bring."""
    answered, right = cases.answered, cases.right
    wrong = answered - right
    accuracy = (weights @ right.T) / np.maximum(weights @ answered.T, 1e-300)
    all_of, both, neither = (
        _pairs(x.sum(axis=0)[None], np.square(x).sum(axis=0)[None]) for x in (answered, right, wrong)
    )
    chance = _pairs(accuracy @ answered, np.square(accuracy) @ np.square(answered))
    chance = chance + _pairs((1 - accuracy) @ answered, np.square(1 - accuracy) @ np.square(answered))
    total = (weights * all_of).sum(axis=1)
    return (weights * (both + neither)).sum(axis=1) / total, (weights * chance).sum(axis=1) / total


def _pairs(x: Float64[np.ndarray, "b m"], own: Float64[np.ndarray, "b m"]) -> Float64[np.ndarray, "b m"]:
    """Count pairs of two people: the sum of their products, each with herself (``own``) left out."""
    return np.asarray((np.square(x) - own) / 2)


def _bootstrap(
    cases: _Cases,
    measure: Callable[[_Cases, Float64[np.ndarray, "b m"]], _Shares],
    *,
    name: str,
    estimand: str,
    seed: int,
    n_draws: int,
) -> ErrorConsistency:
    """Measure the cases as they are, then draws of them: how often each pattern of answers, then four made-up cases."""
    counts, n = cases.counts, int(cases.counts.sum())
    if n == 0:
        raise DataError("expected cases that both observers answered, received none.")
    observed, expected = (float(part[0]) for part in measure(cases, np.append(counts, np.zeros(4))[None]))
    if expected > 1 - 1e-12:
        raise DataError("expected errors to compare, received none: everybody is right (or wrong) on every case.")
    chances = np.append(counts, np.full(4, HALF_A_CASE / max(cases.people_a_case, 1.0) ** 0.5))
    rng, block = np.random.default_rng(seed), max(MAX_CELLS // len(chances), 1)
    sizes = [min(block, n_draws - begun) for begun in range(0, n_draws, block)]
    draws = (rng.multinomial(n, chances / chances.sum(), size=size).astype(np.float64) for size in sizes)
    both, chance = (np.concatenate(parts) for parts in zip(*(measure(cases, one) for one in draws), strict=True))
    drawn = (both - chance)[chance < 1 - 1e-12] / (1 - chance)[chance < 1 - 1e-12]
    value, se = (observed - expected) / (1 - expected), float(drawn.std())
    low, high = (float(v) for v in np.percentile(drawn, [2.5, 97.5]))
    low, high = min(low, value), max(high, value)
    n_people = len(cases.answered)
    found = Estimate(
        name, value, low, high, estimand, TOGETHER, METHOD, "kappa", n, n_people, se=se, case_variance=se**2
    )
    return ErrorConsistency(observed, expected, found)
