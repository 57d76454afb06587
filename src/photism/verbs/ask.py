"""What a recognizer is asked: render, predict, evaluate, one function each.

The doors (command line, Python) call these and print what comes back. Training is ``experiment``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32

from photism.data.sniff import sniff
from photism.data.sources import Dataset, read_dataset
from photism.errors import DataError, DecodeError, InputError, OptionError
from photism.executor import ProcessExecutor
from photism.pictures.table import fit_recipe, render_file
from photism.recognizers.familiarity import Familiarity
from photism.recognizers.recognizer import Recognizer
from photism.report.figures import draw_picture
from photism.report.words import printable
from photism.runs import load, origin_of
from photism.training.features import Features
from photism.training.metrics import measure
from photism.types import JSON, PARTS, Kind, Part, Prediction, Progress, Sample, Skipped, silent

if TYPE_CHECKING:
    from photism.trust.shift import Shift

__all__ = ["Evaluated", "evaluate", "predict", "render"]


N_NAMED = 5  # files that made the recognizer, in the text; all of them are in the JSON


def render(
    file: Path,
    out: Path,
    *,
    axes: bool = False,
    run: Path | None = None,
    kind: Kind | None = None,
    options: Mapping[str, JSON] | None = None,
) -> Kind:
    """Write the picture that a recognizer sees of one file, and say what it was read as.

    Parameters
    ----------
    file : Path
        Any file.
    out : Path
        The PNG to write.
    axes : bool
        Label the sides in the data's units.
    run : Path, optional
        Use the recipe of this run; else one is fitted to the file alone.
    kind : optional
        What to read the file as; told from content by default.
    options : mapping, optional
        Options of the renderer.

    Returns
    -------
    {"image", "sound", "binary", "mouse"}

    Raises
    ------
    InputError
        Where the file cannot be read or drawn, or ``out`` cannot be written.
    """
    try:
        if run is not None:
            if kind is not None or options:
                raise OptionError("--run brings its own recipe: expected neither --kind nor --set beside it.")
            recipe = load(run).recipe
        else:
            sniffed = sniff(file)
            recipe = fit_recipe(kind or sniffed.kind, [sniffed.facts], options=options)
        windows = render_file(file, recipe)
    except DecodeError as error:
        raise InputError(str(error)) from error
    try:
        draw_picture(windows[0], out, axes=axes, name=file.name)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror or error}.") from error
    return recipe.kind


def predict(
    run: Path,
    files: Sequence[Path],
    *,
    engine: str | None = None,
    stdin: Iterable[str] | None = None,
    progress: Progress = silent,
) -> Iterator[Prediction]:
    """Answer for files, for every file of folders, and for paths that come on standard input.

    Parameters
    ----------
    run : Path
        A run's folder.
    files : sequence of Path
        Files and folders; ``-`` stands for the lines of ``stdin``.
    engine : str, optional
        Which engine; the run's own by default.
    stdin : lines, optional
        Where ``-`` reads from: a text stream, say.
    progress : callable
        Told (phase, done, total).

    Raises
    ------
    InputError
        Where the run cannot be loaded, or none of the files exists.
    """
    recognizer = load(run, engine=engine)
    paths = list(_files(files, stdin))
    if not any(os.path.lexists(path) for path in paths):
        missing = [file for file in files if str(file) != "-" and not os.path.lexists(file)]
        if missing:
            raise InputError(f"{missing[0]} does not exist: expected a file or a folder to answer for.")
        raise InputError(f"{', '.join(map(str, files[:3]))}: expected files to answer for, and found none.")
    return _answers(recognizer, paths, progress)


def _answers(recognizer: Recognizer, paths: Sequence[Path], progress: Progress) -> Iterator[Prediction]:
    with ProcessExecutor() as executor:
        for done, answer in enumerate(recognizer.answers(paths, executor), 1):
            yield answer
            progress("predict", done, len(paths))


def _files(files: Sequence[Path], stdin: Iterable[str] | None) -> Iterator[Path]:
    for file in files:
        if str(file) == "-" and stdin is not None:
            yield from (Path(line.rstrip("\r\n")) for line in stdin if line.strip())
        elif file.is_dir():
            for place, folders, names in os.walk(file):
                folders.sort()
                yield from (Path(place, name) for name in sorted(names))
        else:
            yield file


@dataclass(frozen=True, slots=True)
class WrongAnswer:
    """A file whose answer is not its label, and how probable that answer was said to be."""

    path: str
    label: str
    answer: str
    probability: float


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What ``evaluate`` measured; ``taught`` names files that made the recognizer, ``files`` the others.

    ``shift`` says whether the others look like the taught ones, ``n_right_of_files`` how many of them are right,
    ``wrong`` which files are answered wrongly, the surest first.
    """

    measures: Mapping[str, JSON]
    skipped: tuple[Skipped, ...]
    files: tuple[str, ...] = ()
    shift: Shift | None = None
    taught: tuple[str, ...] = ()
    n_right_of_files: int = 0
    wrong: tuple[WrongAnswer, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return the contract's JSON."""
        return {
            **self.measures,
            "taught": list(self.taught),
            "n_right_of_others": self.n_right_of_files,
            "wrong": [asdict(one) for one in self.wrong],
            "skipped": [{"path": one.path, "reason": one.reason} for one in self.skipped],
            "shift": self._shift_json(),
        }

    def _shift_json(self) -> dict[str, object] | None:
        if self.shift is None:
            return None
        foreign = [{"path": self.files[one.index], "score": one.score} for one in self.shift.foreign]
        return {**self.shift.to_json(), "foreign": foreign}

    def to_text(self) -> str:
        """Return one line for a reader, and one for each class."""
        m = self.measures
        lines = [
            f"accuracy {_percent(m['accuracy'])} (95 % interval {_percent(m['low'])} to {_percent(m['high'])}) "
            f"on {m['n']} items; macro-F1 {_percent(m['macro_f1'])}, loss {m['loss_nats']:.3f} nats, "
            f"calibration error {_percent(m['ece'])}"
        ]
        for row in m["per_class"]:  # type: ignore[union-attr]  # a list of objects, by the contract
            lines.append(f"  {row['label']}: recall {_percent(row['recall'])} of {row['n']}")  # type: ignore[index,call-overload]
        if self.wrong:
            lines.append(f"answered wrongly: {len(self.wrong)}, the surest first")
            lines += [
                f"  {one.path}: {one.answer} ({_percent(one.probability)}), labelled {one.label}"
                for one in self.wrong[:N_NAMED]
            ]
        if m["n_taught"]:
            named = f"{', '.join(self.taught[:N_NAMED])}{', …' if len(self.taught) > N_NAMED else ''}"
            lines.append(
                f"{m['n_taught']} of these {m['n']} files made this recognizer: this is no measure of it ({named})"
            )
            if self.files:
                lines.append(f"of the {len(self.files)} others {self.n_right_of_files} are answered rightly")
        if self.shift is not None:
            lines.append(f"training files against those that were not taught: {self.shift.to_text()}")
            if self.shift.found and self.shift.foreign:
                foreign = ", ".join(self.files[one.index] for one in self.shift.foreign[:N_NAMED])
                lines.append(f"most foreign: {foreign}")
        lines += [f"skipped {one.path}: {one.reason}" for one in self.skipped]
        return "\n".join(map(printable, lines))


def _percent(value: object) -> str:
    return "n/a" if not isinstance(value, int | float) else f"{100 * value:.1f} %"


def evaluate(
    run: Path,
    data: Path,
    *,
    group_by: str | None = None,
    part: str | None = None,
    engine: str | None = None,
    progress: Progress = silent,
) -> Evaluated:
    """Measure a recognizer on labelled data.

    Parameters
    ----------
    run : Path
        A run's folder.
    data : Path
        A folder or a CSV, as for training; one class is enough.
    group_by : str, optional
        The CSV's column by which intervals are clustered.
    part : {"train", "valid", "test"}, optional
        Measure only this part: the one that a file had in the run; what the run never listed has DATA's own.
    engine : str, optional
        Which engine; the run's own by default.
    progress : callable
        Told (phase, done, total).

    Raises
    ------
    InputError
        Where the run cannot be loaded or DATA holds nothing that it can answer for.
    """
    if part is not None and part not in PARTS:
        raise OptionError(f"--part expects train, valid or test, and received {part!r}.")
    recognizer = load(run, engine=engine)
    dataset = read_dataset(data, kind=recognizer.recipe.kind, group_by=group_by, n_classes_min=1)
    origin = origin_of(run)
    parts = origin.parts  # before what a table says: --test-fold overrides a split
    samples = [one for one in dataset.samples if part in (None, parts.get(one.path.resolve()) or one.part)]
    skipped = [*dataset.skipped, *(_unknown(sample) for sample in samples if sample.label not in recognizer.labels)]
    samples = [sample for sample in samples if sample.label in recognizer.labels]
    answered, unread = _answered(recognizer, samples, progress)
    skipped += unread
    if not answered:
        raise DataError(f"{data} holds no file that {run} can answer for: {_first(skipped, dataset, part)}")
    probability = np.array([one.answer.probabilities for one in answered])
    truth = np.array([recognizer.labels.index(str(one.sample.label)) for one in answered])
    groups = [one.sample.group or one.sample.name for one in answered]
    decision = recognizer.decision
    measures = measure(
        probability,
        truth,
        labels=recognizer.labels,
        groups=groups,
        positive=decision.positive if decision else None,
        threshold=decision.threshold if decision else None,
    )
    made = np.array([origin.made_by(one.sample.path) for one in answered])
    new = np.flatnonzero(~made).tolist()
    return Evaluated(
        {**measures, "n_taught": len(answered) - len(new)},
        tuple(skipped),
        tuple(answered[i].sample.name for i in new),
        # Files that made the recognizer cannot differ from those that made it: the others are compared.
        _shift(recognizer.familiarity, [answered[i].seen for i in new], [groups[i] for i in new]),
        tuple(answered[i].sample.name for i in np.flatnonzero(made).tolist()),
        int((recognizer.classes_of(probability)[new] == truth[new]).sum()),
        _wrong_answers(answered),
    )


@dataclass(frozen=True, slots=True)
class _Answered:
    """A file, its answer, and how familiarity sees it: a row a window, none where it keeps nothing."""

    sample: Sample
    answer: Prediction
    seen: Float32[np.ndarray, "w d"]


def _wrong_answers(answered: Sequence[_Answered]) -> tuple[WrongAnswer, ...]:
    """List what is not called what it is labelled, the surest answers first."""
    found = [
        WrongAnswer(one.sample.name, str(one.sample.label), str(one.answer.label), float(one.answer.probability or 0.0))
        for one in answered
        if one.answer.label != one.sample.label
    ]
    return tuple(sorted(found, key=lambda one: -one.probability))


def _answered(
    recognizer: Recognizer, samples: Sequence[Sample], progress: Progress
) -> tuple[list[_Answered], list[Skipped]]:
    """Ask for every file; return what was answered, and what cannot be read."""
    near = None if recognizer.familiarity is None else recognizer.familiarity.neighbours.layer
    answered, unread = [], []
    with ProcessExecutor() as executor:
        answers = recognizer.answers_seen([sample.path for sample in samples], executor)
        for done, (sample, (answer, layers)) in enumerate(zip(samples, answers, strict=True), 1):
            if answer.error is None:
                # A copy: the row is a view of everything that was computed for its batch.
                seen = np.empty((0, 0), np.float32) if near is None else layers[near].copy()
                answered.append(_Answered(sample, answer, seen))
            else:
                unread.append(Skipped(sample.name, answer.error))
            progress("predict", done, len(samples))
    return answered, unread


def _shift(
    familiarity: Familiarity | None, rows: Sequence[Float32[np.ndarray, "w d"]], groups: Sequence[str]
) -> Shift | None:
    """Compare files with what the recognizer keeps of those that were taught; None where one is missing."""
    if familiarity is None or not rows:
        return None
    from photism.trust.shift import shift_from_familiarity  # slow to import, and only evaluate needs it

    windows = np.array([len(one) for one in rows])
    number = np.repeat(np.arange(len(rows)), windows)
    weight = (1.0 / windows).astype(np.float32)[number]
    seen = Features({familiarity.neighbours.layer: np.concatenate(rows)}, number, weight, len(rows))
    return shift_from_familiarity(familiarity, seen, groups)


def _unknown(sample: Sample) -> Skipped:
    return Skipped(sample.name, f"its label {sample.label!r} is none of the classes that the recognizer was taught.")


def _first(skipped: Sequence[Skipped], dataset: Dataset, part: Part | str | None) -> str:
    return skipped[0].reason if skipped else f"none of its {len(dataset.samples)} files belongs to the part {part!r}."
