"""One measured figure of a reader study: its value, its 95 % interval, what it is about and what it takes for granted.

Covers the value that every measure here returns, and how it reads as a sentence. Does not cover how any figure is
found: each file of this folder says that of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from scipy.special import stdtr, stdtrit

from photism.types import JSON

__all__ = ["Estimate", "Unit", "number", "p_value", "t_interval", "two_sided_p"]

Unit: TypeAlias = Literal["percent", "points", "AUC", "kappa"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval.

    ``value, low, high, se`` are fractions where ``unit`` is ``percent`` or ``points`` (0.05 is 5 points) and plain
    numbers for ``AUC`` and ``kappa``. ``estimand`` says what is estimated and over whom a mean is taken,
    ``assumption`` what the interval rests on, ``method`` how it was found. ``p`` is two-sided, against a difference (or
    kappa) of 0. ``df`` is None for a normal distribution. ``case_variance`` is the part of ``se`` squared that more
    cases would shrink; the rest is people.
    """

    name: str
    value: float
    low: float
    high: float
    estimand: str
    assumption: str
    method: str
    unit: Unit
    n_cases: int
    n_readers: int = 1
    se: float | None = None
    df: float | None = None
    p: float | None = None
    case_variance: float | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return every field by its name; nothing is nested."""
        return {name: getattr(self, name) for name in self.__slots__}

    def to_text(self) -> str:
        """Return the figure as a sentence with its interval."""
        p = "" if self.p is None else f", p {p_value(self.p)}"
        return f"{self.name}: {self.figures()}{p}."

    def figures(self) -> str:
        """Return the value and its interval, without the name.

        Examples
        --------
        >>> Estimate("gain", 0.012, -0.004, 0.028, "", "", "", "points", 321).figures()
        '+1.2 points (95 % −0.4 to 2.8)'
        """
        word = {"percent": " %", "points": " points", "AUC": "", "kappa": ""}[self.unit]
        plus = "+" if self.unit == "points" and self.value > 0 else ""
        low, high = number(self.low, self.unit), number(self.high, self.unit)
        return f"{plus}{number(self.value, self.unit)}{word} (95 % {low} to {high})"


def number(value: float, unit: Unit) -> str:
    """Write a figure as people read it: percent and points with one decimal, AUC and kappa with three.

    Parameters
    ----------
    value : float
        A fraction for ``percent`` and ``points``.
    unit : Unit

    Examples
    --------
    >>> number(-0.0317, "points"), number(0.9, "AUC")
    ('−3.2', '0.900')
    """
    text = f"{100 * value:.1f}" if unit in ("percent", "points") else f"{value:.3f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "−")


def p_value(p: float) -> str:
    """Write a p value with as many digits as anybody needs.

    Parameters
    ----------
    p : float
        In [0, 1].

    Examples
    --------
    >>> p_value(0.0517), p_value(0.00001)
    ('0.052', '< 0.001')
    """
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def t_interval(value: float, se: float, df: float | None = None) -> tuple[float, float]:
    """Give the 95 % interval of a figure that has a t distribution.

    Parameters
    ----------
    value, se : float
    df : float, optional
        Degrees of freedom, above 0; None (or infinite) for a normal distribution.
    """
    reach = se * float(stdtrit(math.inf if df is None else df, 0.975))
    return value - reach, value + reach


def two_sided_p(value: float, se: float, df: float | None = None) -> float:
    """Give the two-sided p of a figure against 0, on a t distribution.

    Parameters
    ----------
    value, se : float
        Where ``se`` is 0, p is 1 for a value of 0, else 0.
    df : float, optional
        Degrees of freedom, above 0; None (or infinite) for a normal distribution.
    """
    if se <= 0:
        return 1.0 if value == 0 else 0.0
    return 2.0 * float(stdtr(math.inf if df is None else df, -abs(value) / se))
