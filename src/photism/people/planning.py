"""How many cases, and how many readers, would decide? To be asked before a study.

Covers right answers of two observers of the same cases (non-inferiority at a margin), and areas under ROC curves of
several readers, from the variances of a pilot study. Does not cover studies that look at their data midway.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import stats

from photism.errors import OptionError
from photism.people.mrmc import MRMC, Standalone, compare_modalities, compare_standalone
from photism.people.simulate import simulate_study
from photism.training.intervals import Z_95
from photism.types import JSON

__all__ = ["Plan", "conjecture_pilot", "plan_mrmc", "plan_noninferiority", "power_mrmc"]

MAX_CASES = 1_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """How many cases (and readers) decide with which power; ``n_cases`` None where no number of cases does.

    ``goal`` is what would be shown, ``assumption`` what the number rests on.
    """

    n_cases: int | None
    n_readers: int
    power: float
    goal: str
    assumption: str

    def to_json(self) -> dict[str, JSON]:
        """Return every field by its name, and the sentence."""
        return {name: getattr(self, name) for name in self.__slots__} | {"sentence": self.to_text()}

    def to_text(self) -> str:
        """Return the plan as a sentence."""
        who = f"{self.n_readers} readers" if self.n_readers > 1 else "one reader"
        if self.n_cases is None:
            more = f"With {who} no number of cases shows that {self.goal}: more readers would."
            return f"{more} It supposes {self.assumption}."
        return (
            f"About {self.n_cases} cases and {who} show that {self.goal}, {100 * self.power:.0f} times in 100. It "
            f"supposes {self.assumption}."
        )


def plan_noninferiority(
    *, accuracy: float, people_accuracy: float, margin: float, agreement: float | None = None, power: float = 0.8
) -> Plan:
    """Say how many cases would show that a machine is not worse than a person by more than a margin.

    Parameters
    ----------
    accuracy, people_accuracy : float
        Shares of right answers that are thought true, in (0, 1).
    margin : float
        By how much less would still do, above 0 and below 1 (0.05 is 5 points).
    agreement : float, optional
        How often both are right or both wrong, in [0, 1]; as often as independent errors would bring about, where None
        (cautious: errors mostly fall on the same cases).
    power : float
        How often the study is to succeed if all this is so, in (0, 1).

    Returns
    -------
    Plan

    Raises
    ------
    OptionError
        If a share is out of range, the agreement is impossible for these accuracies, or the machine is thought to be
        worse by the margin or more.

    Notes
    -----
    The paired two-sided 95 % interval is to stay above minus the margin. The cases needed follow from how often just
    one of the two is right.

    References
    ----------
    Liu, Hsueh, Hsieh and Chen 2002, doi:10.1002/sim.1012; Connor 1987, doi:10.2307/2531961

    Examples
    --------
    >>> plan_noninferiority(accuracy=0.95, people_accuracy=0.95, margin=0.05, agreement=0.94).n_cases
    189
    """
    for name, share in (("accuracy", accuracy), ("people's accuracy", people_accuracy), ("power", power)):
        if not 0 < share < 1:
            raise OptionError(f"expected {name} between 0 and 1, received {share:g}.")
    if not 0 < margin < 1:
        raise OptionError(f"expected a margin above 0 and below 1 (0.05 is 5 points), received {margin:g}.")
    gap = accuracy - people_accuracy
    if gap + margin < 1e-9:  # 0.90 - 0.95 + 0.05 is not nought
        raise OptionError(f"expected a machine worse by less than the margin ({margin:g}), received {gap:+g}.")
    both_chance = accuracy * people_accuracy + (1 - accuracy) * (1 - people_accuracy)
    discordant = 1 - (both_chance if agreement is None else agreement)
    most = min(accuracy + people_accuracy, 2 - accuracy - people_accuracy)
    if not abs(gap) - 1e-9 <= discordant <= most + 1e-9:
        raise OptionError(
            f"expected an agreement from {1 - most:.3g} to {1 - abs(gap):.3g} for these accuracies, received "
            f"{1 - discordant:.3g}."
        )
    reach = Z_95 + float(stats.norm.ppf(power))
    # At least so many that the interval is narrow enough even if the two never differ.
    n = max(reach**2 * (discordant - gap**2) / (gap + margin) ** 2, Z_95**2 * (1 - margin) / margin)
    goal = f"the machine is not worse than people by {100 * margin:g} points or more"
    assumption = (
        f"{100 * accuracy:.1f} % right answers of the machine, {100 * people_accuracy:.1f} % of a person, and that "
        f"both are right or both wrong in {100 * (1 - discordant):.1f} %"
    )
    return Plan(math.ceil(n), 1, power, goal, assumption)


def power_mrmc(
    pilot: MRMC | Standalone, *, difference: float, n_readers: int, n_cases: int, margin: float = 0.0
) -> float:
    """Give the power of a study with so many readers and cases, from a pilot study's variances.

    Parameters
    ----------
    pilot : MRMC or Standalone
        With random readers and cases.
    difference : float
        That is thought true, in AUC.
    n_readers, n_cases : int
        Of the study to come, at least 2 readers; positive and negative cases in the pilot's proportion.
    margin : float
        0: to find a difference (two-sided, 5 %). Above 0: to show non-inferiority at it (one-sided, 2.5 %).

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    OptionError
        If there are fewer than 2 readers or cases.

    References
    ----------
    Hillis, Obuchowski and Berbaum 2011, doi:10.1016/j.acra.2010.09.007; Hillis and Schartz 2018,
    doi:10.1117/1.JMI.5.3.031410
    """
    if n_readers < 2 or n_cases < 2:
        raise OptionError(f"expected at least 2 readers and 2 cases, received {n_readers} and {n_cases}.")
    terms, r = pilot.terms, n_readers
    shrink = pilot.difference.n_cases / n_cases
    mean_square, var, cov1 = (float(part[0]) for part in (terms.mean_square, terms.var, terms.cov1))
    two = isinstance(pilot, MRMC)
    between = max(float(terms.cov2[0] - terms.cov3[0]), 0.0)
    own = max(mean_square - var + cov1 + between, 0.0)
    # Expected mean square of readers, what it is held against, and the variance of the difference.
    square = own + shrink * max(var - cov1 - between, 0.0)
    total = square + r * shrink * between
    se = math.sqrt(total * (2 if two else 1) / r)
    df = (r - 1) * (total / square) ** 2 if square > 0 else math.inf
    if se == 0:
        return 1.0 if abs(difference) + margin > 0 else 0.05
    df = min(df, 1e6)
    limit, shift = float(stats.t.ppf(0.975, df)), (difference + margin) / se
    above = float(stats.nct.sf(limit, df, shift))
    return above if margin > 0 else above + float(stats.nct.cdf(-limit, df, shift))


def conjecture_pilot(
    *, areas: tuple[float, ...] = (0.80, 0.85), structure: str = "HL", seed: int = 0
) -> MRMC | Standalone:
    """Simulate a large study to plan from, where there is no pilot study yet.

    Parameters
    ----------
    areas : 1 or 2 numbers in (0, 1)
        Each modality's area under the ROC curve that is thought likely; one: a stand-alone reader against readers.
    structure : {"HL", "LL", "HH", "LH"}
        What readers' ratings of a case have in common (high, low), and how much their skills differ.
    seed : int

    Returns
    -------
    MRMC or Standalone
        Of 80 readers and 400 cases, half of them positive.

    Raises
    ------
    OptionError
        If the structure is unknown.

    References
    ----------
    Roe and Metz 1997, doi:10.1016/S1076-6332(97)80032-3
    """
    alone = len(areas) == 1
    study = simulate_study(
        n_readers=80, n_positive=200, n_negative=200, areas=areas, structure=structure, seed=seed, standalone=alone
    )
    return compare_standalone(study, machine="machine") if alone else compare_modalities(study)


def plan_mrmc(
    pilot: MRMC | Standalone, *, difference: float, n_readers: int, margin: float = 0.0, power: float = 0.8
) -> Plan:
    """Say how many cases a study with so many readers needs, from a pilot study's variances.

    Parameters
    ----------
    pilot : MRMC or Standalone
        With random readers and cases.
    difference : float
        That is thought true, in AUC.
    n_readers : int
        Of the study to come, at least 2.
    margin : float
        0: to find a difference. Above 0: to show non-inferiority at it.
    power : float
        How often the study is to succeed if all this is so, in (0, 1).

    Returns
    -------
    Plan
        ``n_cases`` None where these readers are too few for any number of cases (up to a million).

    Raises
    ------
    OptionError
        If the power is out of range, there are fewer than 2 readers, or there is nothing to find: no difference, or
        one that is at the margin or beyond.

    References
    ----------
    Hillis, Obuchowski and Berbaum 2011, doi:10.1016/j.acra.2010.09.007
    """
    if not 0 < power < 1:
        raise OptionError(f"expected a power between 0 and 1, received {power:g}.")
    if difference + margin <= 0 if margin > 0 else difference == 0:
        raise OptionError(f"expected a difference that can be shown, received {difference:g} at margin {margin:g}.")

    def enough(n_cases: int) -> bool:
        found = power_mrmc(pilot, difference=difference, n_readers=n_readers, n_cases=n_cases, margin=margin)
        return bool(found >= power)

    few, many = 1, 2
    while many < MAX_CASES and not enough(many):
        few, many = many, 2 * many
    goal = (
        f"AUC is not lower by {margin:g} or more"
        if margin > 0
        else f"a difference of {abs(difference):g} in AUC is there"
    )
    assumption = (
        f"a true difference of {difference:+g} in AUC and the pilot's variances ({pilot.difference.n_readers} readers, "
        f"{pilot.difference.n_cases} cases)"
    )
    if many >= MAX_CASES:
        return Plan(None, n_readers, power, goal, assumption)
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if enough(middle) else (middle, many)
    return Plan(many, n_readers, power, goal, assumption)
