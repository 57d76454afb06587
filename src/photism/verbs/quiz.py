"""``photism quiz``: the items that a recognizer is measured on, asked of people, in a browser or in a terminal.

Covers which files are asked about, what the recognizer says of them, and the way from RUN and DATA to ``trials.csv``.
The server is ``quiz_server``, the terminal ``quiz_terminal``, the state ``people/quiz``.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from photism.data.records import safe_cell
from photism.data.sources import Dataset, read_dataset
from photism.errors import DataError, OptionError
from photism.executor import Executor, ProcessExecutor
from photism.people.quiz import Item, Quiz, Scale, choose_items, read_scale
from photism.people.tally import Tally
from photism.people.trial_log import TrialLog, trial_columns
from photism.recognizers.recognizer import Recognizer
from photism.report.quiz_page import Sheet
from photism.runs import Origin, load, origin_of
from photism.types import PARTS, Part, Progress, Sample, Skipped, silent
from photism.verbs.quiz_server import ExhibitDesk, QuizServer
from photism.verbs.quiz_terminal import Lines, Screen, ask_in_terminal

__all__ = ["Played", "quiz"]

_NOTE = "These two figures are no comparison yet: that takes a margin set beforehand, and mostly more people."
_TAUGHT_NOTE = (
    "The recognizer was fitted to these items, so its figure is no measure of it: hold a test part out (a test folder, "
    "a split column, --test-fold) before people and recognizer are compared."
)


@dataclass(frozen=True, slots=True)
class Played:
    """What a quiz left behind: where the answers are, how far everybody came, and what was left out.

    ``n_taught`` counts items that the recognizer was fitted to; ``compare`` is the command line that comes next, None
    where the recognizer could not answer these items fairly.
    """

    trials: Path
    n_items: int
    n_taught: int
    tallies: tuple[Tally, ...]
    skipped: tuple[Skipped, ...]
    compare: str | None

    @property
    def finished(self) -> bool:
        """Whether somebody came, and everybody who came has answered everything."""
        return bool(self.tallies) and all(tally.finished for tally in self.tallies)

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "trials": str(self.trials),
            "n_items": self.n_items,
            "n_taught": self.n_taught,
            "finished": self.finished,
            "readers": [tally.to_json() for tally in self.tallies],
            "skipped": [{"path": one.path, "reason": one.reason} for one in self.skipped],
            "compare": self.compare,
        }

    def to_text(self) -> str:
        """Return one line a reader, and what comes next."""
        lines = [tally.to_text() for tally in self.tallies]
        if any(tally.finished for tally in self.tallies):
            lines.append(_TAUGHT_NOTE if self.n_taught else _NOTE)
            lines += [f"next: {self.compare}"] if self.compare else []
        return "\n".join([*lines, f"answers: {self.trials}"])


def quiz(
    run: Path,
    data: Path,
    *,
    out: Path,
    n: int = 100,
    part: str | None = None,
    rating: str | None = None,
    positive: str | None = None,
    condition: str | None = None,
    seed: int = 0,
    port: int = 0,
    terminal: tuple[Lines, Screen] | None = None,
    engine: str | None = None,
    announce: Callable[[str], None],
    opened: Callable[[str], object] | None = None,
    progress: Progress = silent,
) -> Played:
    """Ask people about the items that a recognizer has answered, until Ctrl-C or, in a terminal, the last item.

    Parameters
    ----------
    run : Path
        A run's folder.
    data : Path
        A folder or a CSV, as for training.
    out : Path
        ``trials.csv``: made, or continued.
    n : int
        Items at most, the same for everybody, shared out evenly between the classes.
    part : {"train", "valid", "test"}, optional
        Ask about this part; by default the test part, else the validation part, else all where none has a part.
    rating : str, optional
        A scale such as ``1..5`` beside the label, for two classes.
    positive : str, optional
        What a high rating speaks for; by default the run's own, else the second label.
    condition : str, optional
        Under what the answers are given: kept in a column of its own.
    seed : int
        Items and orders follow from it.
    port : int
        0 for any that is free.
    terminal : (reader, writer) of text, optional
        Ask there, one person, and not in a browser.
    engine : str, optional
        Which engine answers for the recognizer; the run's own by default.
    announce : callable
        Told sentences: the address, what was left out.
    opened : callable, optional
        Told the address once it answers.
    progress : callable
        Told (phase, done, total).

    Raises
    ------
    InputError
        Where the run, the data, an option or ``out`` is not what a quiz needs.
    """
    if n < 1:
        raise OptionError(f"--n expects one item at least, and received {n}.")
    recognizer = load(run, engine=engine)
    scale = _scale(recognizer, rating, positive)
    with ProcessExecutor() as executor:
        asked = _ask_first(run, data, out, recognizer, executor, n=n, part=part, seed=seed, progress=progress)
        columns = trial_columns(rating=scale is not None, condition=condition is not None)
        sheet = Sheet(recognizer.recipe.kind, recognizer.labels, len(asked.items), scale, condition)
        with TrialLog(out, columns) as log:
            state = Quiz(asked.items, recognizer.labels, log, scale=scale, condition=condition, seed=seed)
            command = _nothing if asked.n_taught else partial(_compare, run, out, log, scale, condition)
            for sentence in asked.warnings():
                announce(sentence)
            if terminal is not None:
                ask_in_terminal(state, sheet, recognizer.recipe, executor, *terminal)
            else:
                desk = ExhibitDesk(recognizer.recipe, executor)
                with QuizServer(state, sheet, desk, command=command, note=asked.note, port=port) as server:
                    _serve(server, announce, opened)
            tallies = tuple(reader.tally() for reader in state.readers)
            return Played(out, len(asked.items), asked.n_taught, tallies, asked.skipped, command())


@dataclass(frozen=True, slots=True)
class _Asked:
    """The items of a quiz with what the recognizer says of each, and what is to be said before people are asked.

    ``n_taught`` counts items that the recognizer was fitted to, ``unread`` are chosen files that it could not read,
    ``skipped`` these and all that the data had left out before.
    """

    items: list[Item]
    n_taught: int
    unread: list[Skipped]
    skipped: tuple[Skipped, ...]

    @property
    def note(self) -> str:
        return _TAUGHT_NOTE if self.n_taught else _NOTE

    def warnings(self) -> list[str]:
        said = [f"left out {one.path}: {one.reason}" for one in self.unread]
        if self.n_taught:
            said.append(f"{self.n_taught} of these {len(self.items)} items made the recognizer. {_TAUGHT_NOTE}")
        return said


def _ask_first(
    run: Path,
    data: Path,
    out: Path,
    recognizer: Recognizer,
    executor: Executor,
    *,
    n: int,
    part: str | None,
    seed: int,
    progress: Progress,
) -> _Asked:
    """Choose the items, and let the recognizer answer before people do."""
    samples, dataset, origin = _samples(run, data, recognizer, part, executor)
    chosen = choose_items([Item(_named(sample, origin.parts, out)) for sample in samples], n, seed=seed)
    items, unread = _ask_recognizer(recognizer, [item.sample for item in chosen], executor, progress)
    n_taught = sum(origin.made_by(item.sample.path) for item in items)
    return _Asked(items, n_taught, unread, (*dataset.skipped, *unread))


def _scale(recognizer: Recognizer, rating: str | None, positive: str | None) -> Scale | None:
    if rating is None:
        if positive is not None:
            raise OptionError("--positive goes with --rating: expected both or neither.")
        return None
    decided = recognizer.decision.positive if recognizer.decision else None
    return read_scale(rating, labels=recognizer.labels, positive=positive or decided)


def _samples(
    run: Path, data: Path, recognizer: Recognizer, part: str | None, executor: Executor
) -> tuple[list[Sample], Dataset, Origin]:
    """Return the files to choose from: what was held out, where nothing else is asked for."""
    if part is not None and part not in PARTS:
        raise OptionError(f"--part expects train, valid or test, and received {part!r}.")
    dataset = read_dataset(data, kind=recognizer.recipe.kind, n_classes_min=1, executor=executor)
    origin = origin_of(run)
    known = [sample for sample in dataset.samples if sample.label in recognizer.labels]
    if not known:
        raise DataError(
            f"{data} holds no file of a class that {run} was taught: expected {', '.join(recognizer.labels[:6])}."
        )
    # What the run says of a file goes before what a table says: --test-fold overrides a split.
    parts = [origin.parts.get(sample.path.resolve()) or sample.part for sample in known]
    if part is None and not any(parts):
        return known, dataset, origin  # the run knows none of these files
    for wanted in ("test", "valid") if part is None else (part,):
        if found := [sample for sample, its in zip(known, parts, strict=True) if its == wanted]:
            return found, dataset, origin
    raise DataError(
        f"{data}: expected items of the part {part or 'test or valid'}, and all {len(known)} files "
        f"belong to {' and '.join(sorted({its or 'none' for its in parts}))}."
    )


def _named(sample: Sample, own: Mapping[Path, Part], out: Path) -> Sample:
    """Name a file as ``compare`` finds it: as DATA does, or by its way from ``trials.csv`` if the run never saw it."""
    path, name = sample.path.resolve(), sample.name
    if path not in own:
        try:
            name = Path(os.path.relpath(path, out.resolve().parent)).as_posix()
        except ValueError:  # another drive of Windows
            name = path.as_posix()
    if safe_cell(name).startswith("'"):  # a cell that a spreadsheet would run: the same path, written harmlessly
        name = f"./{name}"
    return replace(sample, name=name)


def _compare(run: Path, out: Path, log: TrialLog, scale: Scale | None, condition: str | None) -> str:
    words = ["photism", "compare", str(run), str(out), "--margin", "0.05"]
    words += ["--positive", scale.positive] if scale else []
    words += ["--condition", condition] if condition is not None else []
    if len({row["observer"] for row in log.rows}) == 1:
        words += ["--readers", "fixed"]  # one person says nothing about people in general
    return shlex.join(words)


def _nothing() -> None:
    """Give no command line."""


def _ask_recognizer(
    recognizer: Recognizer, samples: Sequence[Sample], executor: Executor, progress: Progress
) -> tuple[list[Item], list[Skipped]]:
    """Return what the recognizer says of each file; what it cannot read is asked of nobody."""
    items, skipped = [], []
    answers = recognizer.answers([sample.path for sample in samples], executor)
    for done, (sample, answer) in enumerate(zip(samples, answers, strict=True), 1):
        if answer.label is None:
            skipped.append(Skipped(sample.name, answer.error or "could not be read."))
        else:
            items.append(Item(sample, answer.label))
        progress("recognizer", done, len(samples))
    if not items:
        raise DataError(f"None of the files can be asked about. For one: {skipped[0].reason}")
    return items, skipped


def _serve(server: QuizServer, announce: Callable[[str], None], opened: Callable[[str], object] | None) -> None:
    announce(f"quiz: {server.address} (Ctrl-C stops it; every answer is kept)")
    if opened is not None:
        opened(server.address)
    try:
        server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        return
