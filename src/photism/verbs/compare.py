"""``photism compare``: a recognizer beside people: its answers asked, theirs read, the comparison written down.

Covers which file is what, how runs answer (only what they were not trained on), and what is left in a folder. The
measures are ``people``, the page is ``report.compare_page``.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from photism.data.listing import printable
from photism.data.records import SplitRow
from photism.errors import DataError, InputError, OptionError, RunError
from photism.executor import Executor, ProcessExecutor
from photism.people.answers import Answers
from photism.people.compare import Comparison, Settings, compare_people
from photism.people.counts import read_counts, read_index
from photism.people.machine import Machine, Said, machine_of, read_predictions, said_of
from photism.people.matching import match_samples
from photism.people.trials import Repeats, Trials, read_trials
from photism.pictures.table import first_window
from photism.recognizers.recognizer import Recognizer
from photism.report.compare_page import N_PICTURED, save_comparison
from photism.report.words import NOUNS
from photism.runs import Origin, load, origin_of, write_whole
from photism.types import Progress, Recipe, Skipped, Window, silent
from photism.verbs.making import making

__all__ = ["FIGURES", "PAGE", "Reading", "compare"]

PAGE, FIGURES = "comparison.html", "comparison.json"


@dataclass(frozen=True, slots=True)
class Reading:
    """How people's file is read.

    ``repeats``: which of several answers of one person to one item; ``condition``: only these trials; ``machine``: the
    observer in the file that is the machine. For a matrix of counts (``.npy``): ``labels`` in the order of its columns,
    and ``index`` (``FILE.csv:COLUMN``), which sample each row is.
    """

    repeats: Repeats = "first"
    condition: str | None = None
    machine: str | None = None
    labels: tuple[str, ...] = ()
    index: str | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """What runs answered, and what is needed to draw their items."""

    machine: Machine
    noun: str
    recipe: Recipe


@dataclass(frozen=True, slots=True)
class _Known:
    """One run with its data: each file by the name that DATA gives it, links not followed."""

    folder: Path
    recognizer: Recognizer
    origin: Origin
    rows: Mapping[str, SplitRow]


def compare(
    sources: Sequence[Path],
    *,
    settings: Settings,
    reading: Reading,
    out: Path | None = None,
    pictures: bool = True,
    engine: str | None = None,
    command: str | None = None,
    progress: Progress = silent,
) -> Comparison:
    """Compare a recognizer with people, or people among themselves.

    Parameters
    ----------
    sources : sequence of Path
        People's trials last (a CSV, or counts as ``.npy``); before them nothing, one file of predictions, or runs.
    settings : Settings
        What is fixed beforehand; the margin above all.
    reading : Reading
        How people's file is read.
    out : Path, optional
        The folder to make: ``comparison.html`` and ``comparison.json``.
    pictures : bool
        Whether the page shows pictures of the data.
    engine : str, optional
        Which engine answers; the runs' own by default.
    command : str, optional
        What the page shows as the command that made it.
    progress : callable
        Told (phase, done, total).

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        Where a file or an option is wrong; the sentence says which.

    Notes
    -----
    Each run answers only items of its own test part, or files that its training never listed; items that made the
    recognizer are left out and counted. Several runs (the folds of a cross-validation) answer as one recognizer.
    """
    if not sources:
        raise OptionError("compare expects people's trials, and a run or a file of predictions before them.")
    *before, trials = sources
    people = _read_people(trials, reading)
    asked: _Asked | None = None
    folder = nullcontext() if out is None else making(out, verb="compare", mark=FIGURES)
    with folder, ProcessExecutor() as executor:
        if before and all(path.is_dir() for path in before):
            asked = _ask(before, _samples(people), trials.parent, executor, engine, progress)
            machine: Machine | None = asked.machine
            settings = replace(settings, noun=asked.noun) if settings.noun == "items" else settings
        else:
            people, machine = _machine_of_files(before, people, reading)
        found = compare_people(people, machine, settings)
        if out is not None:
            windows = {}
            if asked is not None and pictures:
                windows = _draw(found, asked.machine.files, asked.recipe, executor)
            save_comparison(found, out / PAGE, windows=windows, pictures=pictures, command=command)
            write_whole(out / FIGURES, json.dumps(found.to_json(), indent=2, allow_nan=False))
    return found


def _read_people(path: Path, reading: Reading) -> Trials | Answers:
    if path.is_dir():
        raise DataError(
            f"{path} is a folder: expected people's trials as the last argument, a CSV or a .npy of counts."
            + (
                " For two runs beside each other: `photism evaluate RUN DATA`, each."
                if (path / "recognizer").is_dir()
                else ""
            )
        )
    if path.suffix.lower() != ".npy":
        if reading.index or reading.labels:
            raise OptionError("--index and --labels describe a .npy of counts: expected neither beside a CSV.")
        return read_trials(path, repeats=reading.repeats, condition=reading.condition)
    if reading.index is None or not reading.labels:
        raise OptionError(
            f"{path}: a matrix of counts does not name its columns and rows: expected --labels A,B,… in the columns' "
            "order and --index FILE.csv:COLUMN, where COLUMN holds each sample's row."
        )
    samples, truth = read_index(reading.index)
    return read_counts(path, labels=reading.labels, samples=samples, truth=truth)


def _samples(people: Trials | Answers) -> list[str]:
    if isinstance(people, Answers):
        return list(people.items)
    return list(dict.fromkeys(trial.sample for trial in people.trials))


def _machine_of_files(
    before: Sequence[Path], people: Trials | Answers, reading: Reading
) -> tuple[Trials | Answers, Machine | None]:
    """The machine from a file of predictions, or from people's own file; None where there is none."""
    if len(before) > 1:
        raise OptionError(
            f"expected runs, or one file of predictions, before people's trials, and received {len(before)} of which "
            f"{next(path for path in before if not path.is_dir())} is no folder."
        )
    if before and reading.machine is not None:
        raise OptionError("--machine names an observer of people's file: expected no run or predictions beside it.")
    if before:
        if not before[0].exists():
            raise InputError(f"{before[0]} does not exist: expected a run's folder or a file of predictions.")
        return people, read_predictions(before[0], _samples(people))
    if reading.machine is None:
        return people, None
    if isinstance(people, Answers):
        raise OptionError("--machine names an observer, and a matrix of counts has none.")
    if reading.machine not in people.observers:
        found = ", ".join(people.observers[:12])
        raise OptionError(f"--machine {reading.machine}: {people.name} has no such observer; it has {found}.")
    own = replace(people, trials=tuple(t for t in people.trials if t.observer == reading.machine), notes=())
    rest = replace(people, trials=tuple(t for t in people.trials if t.observer != reading.machine))
    if not rest.trials:
        raise DataError(f"{people.name} has no observer but {reading.machine}: expected people beside the machine.")
    return rest, machine_of(own, _samples(rest))


def _ask(
    runs: Sequence[Path],
    samples: Sequence[str],
    folder: Path,
    executor: Executor,
    engine: str | None,
    progress: Progress,
) -> _Asked:
    """Let every run answer the items of its own test part."""
    known = [_know(run, engine) for run in runs]
    first = known[0]
    for one in known[1:]:
        if set(one.recognizer.labels) != set(first.recognizer.labels):
            raise RunError(f"{one.folder} and {first.folder} know different labels: expected runs on the same data.")
    # A quiz writes names so that they survive any table: they are looked for as it wrote them.
    listed = {printable(place): one.origin.root / row.name for one in known for place, row in one.rows.items()}
    matched = match_samples(samples, listed)
    found = {sample: listed[place] for sample, place in matched.found.items()}
    fresh = {sample: folder / sample for sample in matched.unknown if (folder / sample).is_file()}
    skipped = [
        *(
            Skipped(s, "is no file of the run's data, nor beside the trials.")
            for s in matched.unknown
            if s not in fresh
        ),
        *(Skipped(s, "may mean several files of the run's data.") for s in matched.unclear),
    ]
    turns: list[list[tuple[str, Path]]] = [[] for _ in known]
    n_taught = 0
    for sample, path in {**found, **fresh}.items():
        turn = _who_answers(known, path)
        if turn is None:
            n_taught += 1
        else:
            turns[turn].append((sample, path))
    if not any(turns):
        raise DataError(_nothing(samples, runs, skipped, n_taught))
    said, files = _answer(known, turns, executor, skipped, progress)
    rows = {place: row for one in reversed(known) for place, row in one.rows.items()}
    told = {sample: row for sample, path in files.items() if (row := rows.get(os.path.normpath(path)))}
    truth = {sample: row.label for sample, row in told.items() if row.label}
    groups = {sample: row.group for sample, row in told.items() if row.group}
    name = _name([one.folder.resolve().name for one in known])
    recipe, decision = first.recognizer.recipe, first.recognizer.decision
    machine = Machine(
        name,
        first.recognizer.labels,
        said,
        truth,
        files,
        groups,
        tuple(skipped),
        n_taught,
        None if decision is None else decision.positive,
    )
    return _Asked(machine, NOUNS[recipe.kind][1], recipe)


def _name(folders: Sequence[str]) -> str:
    """Call several runs by the words that their folders' names begin with in common, or by the first of them."""
    if len(folders) == 1:
        return folders[0]
    words = [re.split(r"[-_. ]+", folder) for folder in folders]
    alike = [one[0] for one in zip(*words, strict=False) if len(set(one)) == 1]
    shared = "-".join(alike) if alike and folders[0].startswith(alike[0]) else folders[0]
    return f"{shared} ({len(folders)} runs)" if alike else f"{shared} and {len(folders) - 1} more"


def _know(run: Path, engine: str | None) -> _Known:
    recognizer = load(run, engine=engine)
    origin = origin_of(run)
    if not origin.rows:
        raise RunError(
            f"{run} does not say what it was trained on (split.csv and plan.json): expected the whole run's folder, or "
            "the answers of `photism predict` as a file."
        )
    return _Known(run, recognizer, origin, {os.path.normpath(origin.root / row.name): row for row in origin.rows})


def _who_answers(known: Sequence[_Known], path: Path) -> int | None:
    """The first run that holds the file in its test part, or where none lists it that never saw it; None where it
    made the others, under whatever name.
    """
    parts = [one.origin.parts.get(path.resolve()) for one in known]
    wanted = "test" if "test" in parts else None
    if wanted is None and any(parts):
        return None
    fair = (i for i, one in enumerate(known) if parts[i] == wanted and not one.origin.made_by(path))
    return next(fair, None)


def _nothing(samples: Sequence[str], runs: Sequence[Path], skipped: Sequence[Skipped], n_taught: int) -> str:
    what = f"{len(runs)} runs" if len(runs) > 1 else str(runs[0])
    if n_taught:
        return (
            f"{what} can answer none of {len(samples)} samples fairly: {n_taught} of them made the recognizer. "
            "Expected items of a test part; `photism train --test-fold K`, one run a fold, gives every item an answer."
        )
    return f"{what} knows none of {len(samples)} samples; {skipped[0].path!r} {skipped[0].reason}"


def _answer(
    known: Sequence[_Known],
    turns: Sequence[Sequence[tuple[str, Path]]],
    executor: Executor,
    skipped: list[Skipped],
    progress: Progress,
) -> tuple[dict[str, Said], dict[str, Path]]:
    said: dict[str, Said] = {}
    files: dict[str, Path] = {}
    total, done = sum(map(len, turns)), 0
    for one, turn in zip(known, turns, strict=True):
        answers = one.recognizer.answers([path for _, path in turn], executor) if turn else ()
        for (sample, path), answer in zip(turn, answers, strict=True):
            done += 1
            progress("answer", done, total)
            if answer.error is not None:
                skipped.append(Skipped(sample, answer.error))
            else:
                said[sample], files[sample] = said_of(answer), path
    if not said:
        raise DataError(f"none of {total} files could be read; {skipped[-1].path!r}: {skipped[-1].reason}")
    return said, files


def _draw(found: Comparison, files: Mapping[str, Path], recipe: Recipe, executor: Executor) -> dict[str, Window]:
    """Render the items that the page shows."""
    if found.right is None:
        return {}
    named = (sample for one in found.right.by_machine for sample in one.samples[:N_PICTURED])
    wanted = [sample for sample in dict.fromkeys(named) if sample in files]
    drawn = executor.map(partial(first_window, recipe=recipe), [files[sample] for sample in wanted])
    return {sample: window for sample, window in zip(wanted, drawn, strict=True) if isinstance(window, tuple)}
