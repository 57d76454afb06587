"""Who answered what: trials read from a CSV, in photism's own form or in one of the forms that others write.

Covers the forms' columns, what a row must hold, second answers of one person to one item, and conditions. Does not
cover counts of labels without names (``counts``), nor whether the samples are known to a recognizer (``matching``).
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from photism.data.records import plain_cell
from photism.errors import DataError, OptionError
from photism.types import Trial

__all__ = [
    "REPEATS",
    "Repeats",
    "Trials",
    "keep_condition",
    "read_rows",
    "read_trials",
    "settle_repeats",
]

Repeats: TypeAlias = Literal["first", "last", "all"]
REPEATS: tuple[Repeats, ...] = ("first", "last", "all")

_DELIMITERS = ",;\t|"
_NO_ANSWER = ("", "nan")
_LARGEST_BYTES = 1_000_000_000


def _short_imagename(name: str) -> str:
    """Take the trial's own prefix off (``0001_cl_s01_bear_n02132136_3.png``): observers saw the same image."""
    parts = name.split("_")
    if len(parts) < 2:
        return name
    return "_".join(parts[-2:]) if parts[-2].startswith("n0") else parts[-1]


def _as_it_is(name: str) -> str:
    return name


@dataclass(frozen=True, slots=True)
class _Form:
    """Which column holds which field of a ``Trial``; ``needs`` are the columns by which the form is known."""

    name: str
    needs: tuple[str, ...]
    columns: Mapping[str, str]
    sample: Callable[[str], str] = _as_it_is


_FORMS = (
    _Form(
        "photism",
        ("sample", "observer"),
        {
            "sample": "sample",
            "observer": "observer",
            "truth": "truth",
            "response": "response",
            "confidence": "confidence",
            "rating": "rating",
            "condition": "condition",
            "response_time_s": "response_time_s",
        },
    ),
    _Form(
        "model-vs-human",
        ("subj", "object_response", "category", "imagename"),
        {
            "sample": "imagename",
            "observer": "subj",
            "truth": "category",
            "response": "object_response",
            "condition": "condition",
            "response_time_s": "rt",
        },
        _short_imagename,
    ),
    _Form(
        "reader study",
        ("reader", "case", "truth", "rating"),
        {"sample": "case", "observer": "reader", "truth": "truth", "rating": "rating", "condition": "treatment"},
    ),
    _Form(
        "worker table",
        ("worker", "prediction", "recording"),
        {"sample": "recording", "observer": "worker", "truth": "truth", "response": "prediction"},
    ),
)


@dataclass(frozen=True, slots=True)
class Trials:
    """Trials in the order of their file.

    ``form`` is the form they came in, ``repeated`` how many answers were not the first of one person to one item
    under one condition, ``kept`` which of them are in ``trials``; ``notes`` are sentences for the reader.
    """

    name: str
    form: str
    trials: tuple[Trial, ...]
    repeated: int = 0
    kept: Repeats = "all"
    notes: tuple[str, ...] = ()

    @property
    def observers(self) -> tuple[str, ...]:
        """Everybody who answered, in order of appearance."""
        return tuple(dict.fromkeys(trial.observer for trial in self.trials))

    @property
    def conditions(self) -> tuple[str, ...]:
        """Every condition, in order of appearance; empty where there is none."""
        return tuple(dict.fromkeys(trial.condition for trial in self.trials if trial.condition is not None))

    @property
    def truths(self) -> tuple[str, ...]:
        """Every label that is the truth of an item, sorted."""
        return tuple(sorted({trial.truth for trial in self.trials if trial.truth is not None}))

    @property
    def is_rated(self) -> bool:
        """Whether every trial has a rating and a truth, and there are two truths: what an ROC curve takes."""
        whole = all(trial.rating is not None and trial.truth is not None for trial in self.trials)
        return whole and len(self.truths) == 2


def read_trials(path: Path, *, repeats: Repeats = "first", condition: str | None = None) -> Trials:
    """Read trials from a CSV whose header is one of the known forms.

    Parameters
    ----------
    path : Path
        A CSV with the columns ``sample, observer`` and ``response`` or ``rating`` (and ``truth, confidence, condition,
        response_time_s``); or of model-vs-human (``subj, object_response, category, imagename``); or of a reader study
        (``reader, case, truth, rating``, and ``treatment``); or a worker table (``worker, prediction, truth,
        recording``). Upper and lower case do not matter; the delimiter may be a comma, semicolon, tab or bar.
    repeats : {"first", "last", "all"}
        Which of several answers of one person to one item under one condition are used.
    condition : str, optional
        Use the trials of this condition only.

    Returns
    -------
    Trials
        One trial at least.

    Raises
    ------
    DataError
        Where the file is none of these forms, a cell is not what its column needs, or one item has two truths.
    OptionError
        Where no trial has this ``condition``.
    """
    header, rows = read_rows(path)
    form = _form_of(path, header)
    trials, empty = [], 0
    for line, row in rows:
        trial = _trial(path, line, row, form)
        if trial is None:
            empty += 1
        else:
            trials.append(trial)
    if not trials:
        raise DataError(f"{path} holds no answer: expected one row an answer, and found {empty} rows without one.")
    _check_truth(path, trials)
    notes = [] if not empty else [f"{empty} rows of {path.name} hold no answer, and are left out."]
    read = Trials(path.name, form.name, tuple(trials), notes=tuple(notes))
    return settle_repeats(read if condition is None else keep_condition(read, condition), repeats)


def keep_condition(read: Trials, condition: str) -> Trials:
    """Keep the trials of one condition.

    Parameters
    ----------
    read : Trials
    condition : str
        As it is written in the file.

    Raises
    ------
    OptionError
        Where no trial has it.
    """
    kept = tuple(trial for trial in read.trials if trial.condition == condition)
    if not kept:
        found = ", ".join(read.conditions) or "none"
        raise OptionError(f"--condition {condition}: {read.name} has no such condition; it has {found}.")
    return replace(read, trials=kept)


def settle_repeats(read: Trials, repeats: Repeats) -> Trials:
    """Count second answers of one person to one item under one condition, and keep those that are asked for.

    Parameters
    ----------
    read : Trials
    repeats : {"first", "last", "all"}

    Returns
    -------
    Trials
        With ``repeated`` and a sentence about it where there are any.
    """
    key = [(trial.observer, trial.sample, trial.condition) for trial in read.trials]
    again = len(key) - len(set(key))
    if not again:
        return replace(read, kept=repeats)
    pairs = sum(times > 1 for times in Counter(key).values())
    kept = read.trials
    if repeats != "all":
        ordered = read.trials if repeats == "first" else read.trials[::-1]
        chosen = {(t.observer, t.sample, t.condition): t for t in reversed(ordered)}
        alive = {id(trial) for trial in chosen.values()}
        kept = tuple(trial for trial in read.trials if id(trial) in alive)
    used = {"first": "the first answer is used", "last": "the last answer is used", "all": "all answers are used"}
    note = f"{again} answers repeat one of the same person to the same item ({pairs} pairs): {used[repeats]}."
    return replace(read, trials=kept, repeated=again, kept=repeats, notes=(*read.notes, note))


def read_rows(path: Path) -> tuple[tuple[str, ...], Iterator[tuple[int, Mapping[str, str]]]]:
    """Read a CSV with a header: the column names in lower case, and (line, cells by column) for every row.

    Parameters
    ----------
    path : Path
        UTF-8, with or without a byte order mark.

    Raises
    ------
    DataError
        Where it cannot be read or is no text; while rows are read, where a row is not as long as the header.
    """
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise DataError(f"{path} is larger than {_LARGEST_BYTES // 10**9} GB: expected a CSV of trials.")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no text in UTF-8: expected a CSV of trials.") from error
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    header = tuple(name.strip().lower() for name in next((row for row in reader if any(row)), []))
    return header, _rows(path, reader, header)


def _rows(path: Path, reader: Iterator[list[str]], header: tuple[str, ...]) -> Iterator[tuple[int, Mapping[str, str]]]:
    line = 1
    try:
        for cells in reader:
            line = getattr(reader, "line_num", line + 1)
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
                raise DataError(
                    f"{path}, line {line}: expected {len(header)} cells as in the header, and found {len(cells)}."
                )
            yield line, dict(zip(header, (cell.strip() for cell in cells), strict=False))
    except csv.Error as error:
        raise DataError(f"{path}, line {line}: {error}; expected cells as CSV quotes them.") from error


def _form_of(path: Path, header: Sequence[str]) -> _Form:
    for form in _FORMS:
        if not set(form.needs) <= set(header):
            continue
        if form.name == "photism" and not {"response", "rating"} & set(header):
            raise DataError(f"{path} has neither a column response nor rating: expected one of them at least.")
        return form
    expected = "; or ".join(",".join(form.needs) for form in _FORMS[1:])
    found = ", ".join(header)[:200] or "nothing"
    raise DataError(f"{path}: expected a header with sample,observer,truth,response (or {expected}); found: {found}.")


def _trial(path: Path, line: int, row: Mapping[str, str], form: _Form) -> Trial | None:
    """Turn a row into a trial; None where it holds no answer."""

    def cell(field: str) -> str | None:
        text = row.get(form.columns.get(field, ""), "")
        return None if text.lower() in _NO_ANSWER else plain_cell(text)

    sample, observer = cell("sample"), cell("observer")
    if sample is None or observer is None:
        missing = form.columns["sample" if sample is None else "observer"]
        raise DataError(f"{path}, line {line}: the column {missing} is empty.")
    response, rating = cell("response"), _number(path, line, form.columns.get("rating"), cell("rating"))
    if response is None and rating is None:
        return None
    confidence = _number(path, line, form.columns.get("confidence"), cell("confidence"))
    if confidence is not None and not 0 <= confidence <= 1:
        raise DataError(
            f"{path}, line {line}: a confidence is expected in 0 to 1, and is {confidence:g}; another scale goes "
            "into the column rating."
        )
    return Trial(
        sample=form.sample(sample),
        observer=observer,
        truth=cell("truth"),
        response=response,
        confidence=confidence,
        rating=rating,
        condition=cell("condition"),
        response_time_s=_number(path, line, form.columns.get("response_time_s"), cell("response_time_s")),
    )


def _number(path: Path, line: int, column: str | None, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{path}, line {line}: the column {column} is expected to hold a number, and holds {text!r}.")
    return value


def _check_truth(path: Path, trials: Sequence[Trial]) -> None:
    truth: dict[str, str] = {}
    for trial in trials:
        if trial.truth is not None and truth.setdefault(trial.sample, trial.truth) != trial.truth:
            raise DataError(
                f"{path}: {trial.sample} has two truths, {truth[trial.sample]} and {trial.truth}: expected one."
            )
