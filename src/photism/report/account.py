"""The input of every report: an ``Account`` of one training run, frozen, made of plain numbers and pictures.

It covers what the page and the terminal may say, and nothing about how they say it. The experiment fills it; the
page never opens a file, never measures and never asks a network. What is unknown is None (or empty) and its part of
the page is left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from photism.report.deciding import Decided
from photism.types import JSON, EpochRow, Kind, Part, Recipe, Signal, Skipped, Verdict, Window

__all__ = [
    "Account",
    "CalibrationBin",
    "ClassCount",
    "ClassRow",
    "Leak",
    "Measures",
    "Mistake",
    "Origin",
    "Probe",
    "Shown",
    "Steps",
    "examples_wanted",
]

N_MISTAKES_SHOWN = 12
N_SUSPECTS_SHOWN = 8
"""How many of the most confident mistakes the page shows; more may be given and are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassCount:
    """How many usable files a class has in each part; ``n_groups`` is None where no groups were given."""

    label: str
    n_train: int
    n_valid: int
    n_test: int = 0
    n_groups: int | None = None

    @property
    def n(self) -> int:
        """Files of this class in all parts together."""
        return self.n_train + self.n_valid + self.n_test


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRow:
    """What was measured for one class: fractions in [0, 1], ``n`` true items, a 95 % interval on recall."""

    label: str
    n: int
    precision: float | None
    recall: float | None
    recall_low: float | None
    recall_high: float | None
    f1: float | None
    auroc: float | None = None
    auprc: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationBin:
    """The answers given with a confidence in [``low``, ``high``): how many, how sure, how often right (fractions)."""

    low: float
    high: float
    n: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What was measured on one held-out part: fractions in [0, 1], losses in nats, ``low``/``high`` a 95 % interval.

    ``confusion[i][j]`` counts items of class ``i`` that were answered ``j``, in the order of ``Account.labels``.
    ``sensitivity`` and ``specificity`` are for two classes, of ``positive`` at ``threshold``.
    """

    n: int
    accuracy: float
    low: float
    high: float
    macro_f1: float | None = None
    loss_nats: float | None = None
    ece: float | None = None
    majority_baseline: float | None = None
    auroc: float | None = None
    auprc: float | None = None
    per_class: tuple[ClassRow, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    calibration: tuple[CalibrationBin, ...] = ()
    positive: str | None = None
    threshold: float | None = None
    sensitivity: float | None = None
    specificity: float | None = None

    @classmethod
    def from_json(cls, metrics: Mapping[str, JSON]) -> Measures:
        """Read the measures of one part as ``metrics.json`` writes them.

        Absent keys become None or empty; numbers that are not finite become None.

        Parameters
        ----------
        metrics
            ``n, accuracy, low, high`` and, where measured, ``macro_f1, loss_nats, ece, majority_baseline, auroc,
            auprc, per_class [{label, n, precision, recall, recall_low, recall_high, f1, auroc, auprc}], confusion
            [[n]], calibration [{low, high, n, confidence, accuracy}], positive, threshold, sensitivity, specificity``.

        Raises
        ------
        KeyError
            One of ``n, accuracy, low, high`` is missing.

        Examples
        --------
        >>> Measures.from_json({"n": 80, "accuracy": 0.9, "low": 0.8, "high": 0.95, "ece": float("nan")}).ece is None
        True
        """
        rows = cast("Sequence[Mapping[str, JSON]]", metrics.get("per_class") or ())
        bins = cast("Sequence[Mapping[str, JSON]]", metrics.get("calibration") or ())
        confusion = cast("Sequence[Sequence[int]]", metrics.get("confusion") or ())
        positive = metrics.get("positive")
        return cls(
            n=int(cast("float", metrics["n"])),
            accuracy=float(cast("float", metrics["accuracy"])),
            low=float(cast("float", metrics["low"])),
            high=float(cast("float", metrics["high"])),
            macro_f1=_number(metrics, "macro_f1"),
            loss_nats=_number(metrics, "loss_nats"),
            ece=_number(metrics, "ece"),
            majority_baseline=_number(metrics, "majority_baseline"),
            auroc=_number(metrics, "auroc"),
            auprc=_number(metrics, "auprc"),
            per_class=tuple(_class_row(row) for row in rows),
            confusion=tuple(tuple(int(n) for n in row) for row in confusion),
            calibration=tuple(_calibration_bin(bin_) for bin_ in bins),
            positive=None if positive is None else str(positive),
            threshold=_number(metrics, "threshold"),
            sensitivity=_number(metrics, "sensitivity"),
            specificity=_number(metrics, "specificity"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One linear probe on the frozen features of a stage (or of joined stages): its cross-validated accuracy.

    Give them in the order of depth, joined stages last. ``low``/``high`` is a 95 % interval.
    """

    name: str
    accuracy: float
    low: float | None = None
    high: float | None = None
    loss_nats: float | None = None
    chosen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An example of a class: a file's name, its label and one window of it as the recognizer sees it."""

    name: str
    label: str
    window: Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A held-out file that was answered wrongly, with the probability of the wrong answer."""

    name: str
    truth: str
    predicted: str
    probability: float
    window: Window | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """How one raw file became a picture: the decoded signal and the window that was rendered from it."""

    name: str
    label: str
    signal: Signal
    window: Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """A held-out item that also sits in another part (``similarity`` 1 for the same bytes, None for one source)."""

    kind: str
    path: str
    split: str
    of: str
    of_split: str
    similarity: float | None = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the pretrained weights come from."""

    backbone: str
    licence: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Everything the report of one ``photism train`` says.

    ``title`` is mostly the data set's name. ``verdict`` and ``history`` are None and empty where no curve was
    trained. ``familiar_rate`` is the fraction of ``familiar_part``'s items that the recognizer calls familiar.
    ``mistakes`` come most confident first and belong to ``held_out_part``. ``seconds`` maps phases to seconds,
    ``trust`` says in sentences what speaks for and against the data, ``questioned`` whether they were audited,
    ``suspects`` are files whose labels may be wrong (their ``probability`` is that of a wrong label), ``decided``
    explains answers (true class, why), ``attempts`` tells fine-tuning in sentences, ``versions`` names to versions,
    ``chosen`` what was chosen (``method``, ``stages``, ``engine``, ...).
    """

    title: str
    command: str
    kind: Kind
    labels: tuple[str, ...]
    counts: tuple[ClassCount, ...]
    recipe: Recipe
    valid: Measures | None
    test: Measures | None = None
    verdict: Verdict | None = None
    history: tuple[EpochRow, ...] = ()
    probes: tuple[Probe, ...] = ()
    attempts: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    examples: tuple[Shown, ...] = ()
    steps: Steps | None = None
    skipped: tuple[Skipped, ...] = ()
    duplicates: tuple[tuple[str, ...], ...] = ()
    leaks: tuple[Leak, ...] = ()
    trust: tuple[str, ...] = ()
    questioned: bool = False
    suspects: tuple[Mistake, ...] = ()
    decided: tuple[Decided, ...] = ()
    warnings: tuple[str, ...] = ()
    kinds_found: Mapping[str, int] = field(default_factory=dict)
    n_groups: int | None = None
    folds_whole: bool = False
    group_by: str | None = None
    familiar_rate: float | None = None
    chosen: Mapping[str, JSON] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    origins: tuple[Origin, ...] = ()
    finished: str | None = None

    @property
    def held_out(self) -> Measures | None:
        """What the headline rests on: the test part where there is one, else the validation part."""
        return self.test if self.test is not None else self.valid

    @property
    def held_out_part(self) -> Part:
        """The name of the part ``held_out`` was measured on."""
        return "test" if self.test is not None else "valid"


def examples_wanted(n_classes: int) -> int:
    """Say how many examples a class the page has room for, so that no more are rendered.

    Parameters
    ----------
    n_classes
        Classes in the data set, at least 1.

    Returns
    -------
    int
        6 for up to four classes, 4 for up to twelve, 2 for up to twenty-four, else 1.

    Examples
    --------
    >>> [examples_wanted(k) for k in (2, 10, 24, 72)]
    [6, 4, 2, 1]
    """
    return next((n for limit, n in ((4, 6), (12, 4), (24, 2)) if n_classes <= limit), 1)


def _number(row: Mapping[str, JSON], key: str) -> float | None:
    value = row.get(key)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _class_row(row: Mapping[str, JSON]) -> ClassRow:
    return ClassRow(
        label=str(row["label"]),
        n=int(cast("float", row["n"])),
        precision=_number(row, "precision"),
        recall=_number(row, "recall"),
        recall_low=_number(row, "recall_low"),
        recall_high=_number(row, "recall_high"),
        f1=_number(row, "f1"),
        auroc=_number(row, "auroc"),
        auprc=_number(row, "auprc"),
    )


def _calibration_bin(row: Mapping[str, JSON]) -> CalibrationBin:
    return CalibrationBin(
        low=float(cast("float", row["low"])),
        high=float(cast("float", row["high"])),
        n=int(cast("float", row["n"])),
        confidence=_number(row, "confidence"),
        accuracy=_number(row, "accuracy"),
    )
