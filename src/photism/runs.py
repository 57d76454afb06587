"""A run's folder: prepared, found again, and read.

Covers what is written where, whether a folder may be used, and the ``Run`` that a user gets back. Does not cover what a
training computes (``experiment``).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

from photism.data.duplicates import content_hash
from photism.data.records import SplitRow, read_split_csv
from photism.errors import DecodeError, EngineError, InputError, RunError
from photism.recognizers.recognizer import Recognizer, load_recognizer
from photism.training.history import read_history
from photism.types import JSON, EpochRow, Part

__all__ = ["PLAN", "Origin", "Run", "load", "origin_of", "prepare", "read_json", "undone_if_refused", "write_whole"]

PLAN = "plan.json"


@dataclass(frozen=True)
class Run:
    """What a training left behind, in its folder."""

    folder: Path
    metrics: Mapping[str, JSON]

    @property
    def report(self) -> Path:
        """The page that tells it all."""
        return self.folder / "report.html"

    @cached_property
    def history(self) -> tuple[EpochRow, ...]:
        """The training curve, one row an epoch."""
        return read_history(self.folder / "history.jsonl")

    @cached_property
    def recognizer(self) -> Recognizer:
        """The recognizer, loaded on first use."""
        return load(self.folder)

    def to_text(self) -> str:
        """Return the result in a few lines."""
        return (self.folder / "log.txt").read_text(encoding="utf-8").rstrip().rpartition("\n\n")[2]

    def __repr__(self) -> str:
        held_out = cast("Mapping[str, JSON]", self.metrics["test"] or self.metrics["valid"])
        return f"Run({str(self.folder)!r}, accuracy {held_out['accuracy']:.3f} on {held_out['n']} held-out files)"

    def _repr_html_(self) -> str:
        lines = self.to_text().replace("&", "&amp;").replace("<", "&lt;")
        return f"<pre>{lines}</pre>"


def load(run: str | Path, *, engine: str | None = None) -> Recognizer:
    """Load the recognizer of a run.

    Parameters
    ----------
    run : path
        A folder that ``train`` made.
    engine : str, optional
        Which engine answers; the run's own by default.

    Returns
    -------
    Recognizer

    Raises
    ------
    RunError
        Where there is no run, it is damaged, or a newer photism wrote it.
    """
    folder = Path(run)
    if not (folder / "recognizer").is_dir():
        state = "an unfinished run" if (folder / PLAN).is_file() else "nothing of the sort"
        raise RunError(f"{folder}: expected a folder that photism train has made, and found {state}.")
    recognizer = load_recognizer(folder / "recognizer")
    return recognizer if engine is None else recognizer.by(engine)


@dataclass(frozen=True)
class Origin:
    """Which files a recognizer comes from: what its run says of each, and the folder that their names start from."""

    root: Path
    rows: tuple[SplitRow, ...]

    @cached_property
    def parts(self) -> Mapping[Path, Part]:
        """The part of each file, by its place with links followed."""
        return {(self.root / row.name).resolve(): row.part for row in self.rows}

    @cached_property
    def taught(self) -> frozenset[str]:
        """The SHA-256 of every file that made the recognizer."""
        return frozenset(row.sha256 for row in self.rows if row.part != "test" and row.sha256)

    def made_by(self, path: Path) -> bool:
        """Say whether a file is one of the training or validation files, there or as a copy under another name.

        Parameters
        ----------
        path : Path
            One that cannot be read is known by its place only.
        """
        if self.parts.get(path.resolve()) in ("train", "valid"):
            return True
        try:
            return bool(self.taught) and content_hash(path) in self.taught
        except DecodeError:
            return False


def origin_of(run: str | Path) -> Origin:
    """Return which files a run's recognizer comes from; none where the run's folder does not tell.

    Parameters
    ----------
    run : path
        A folder that ``train`` made.
    """
    folder = Path(run)
    try:
        data = Path(json.loads((folder / PLAN).read_text(encoding="utf-8"))["data"])
        rows = read_split_csv(folder / "split.csv")
    except (OSError, ValueError, KeyError, TypeError):
        return Origin(folder, ())  # a bundle that was copied without its evidence still answers
    return Origin(data if data.is_dir() else data.parent, rows)


def prepare(folder: Path, plan: Mapping[str, JSON], *, resume: bool, replace_run: bool) -> Run | None:
    """Make the run's folder and keep the plan in it; return the run where it is finished already.

    Parameters
    ----------
    folder : Path
    plan : mapping
        What was asked for; a run is resumed only where the same is asked for again.
    resume, replace_run : bool
        Continue, or start over, where the folder holds a run.

    Raises
    ------
    RunError
        Where the folder may not be used, or cannot be written.
    """
    plan_path = folder / PLAN
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        if not plan_path.is_file():
            raise RunError(f"{folder} is already there and is no run of photism: expected a new folder for --out.")
        if replace_run:
            if cast("Mapping[str, JSON]", read_json(plan_path)).get("data") != plan["data"]:
                raise RunError(f"{folder} holds a run on other data: expected a new folder, or one of an earlier try.")
            shutil.rmtree(folder)
        elif not resume:
            raise RunError(f"{folder} already holds a run: expected a new folder, or --resume to continue that run.")
        elif read_json(plan_path) != dict(plan):
            raise RunError(f"{folder} was started with other data or options: expected the same ones with --resume.")
        if not replace_run:  # what a process left that was killed while it wrote
            for left in folder.glob(".recognizer-*"):
                shutil.rmtree(left, ignore_errors=True)
        if not replace_run and (folder / "metrics.json").is_file():
            shutil.rmtree(folder / "unfinished", ignore_errors=True)
            return Run(folder, cast("Mapping[str, JSON]", read_json(folder / "metrics.json")))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(plan_path, json.dumps(plan, indent=2))
    except OSError as error:
        raise RunError(f"{folder} cannot be written: {error.strerror or error}.") from error
    return None


@contextmanager
def undone_if_refused(folder: Path, *, fresh: bool) -> Iterator[None]:
    """Leave nothing behind where the data or an option is wrong: the next try may use the same folder.

    Parameters
    ----------
    folder : Path
        The run's.
    fresh : bool
        Whether everything in it is of this try; else, and once a training has left its state there, all stays.
    """
    try:
        yield
    except (InputError, EngineError):
        if fresh and not (folder / "unfinished").exists():
            for path in folder.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            with suppress(OSError):  # a link to a folder stays
                folder.rmdir()
        raise


def read_json(path: Path) -> object:
    """Read a JSON file of a run.

    Parameters
    ----------
    path : Path

    Raises
    ------
    RunError
        Where it is not there or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} is damaged: expected the JSON that photism train wrote.") from error


def write_whole(path: Path, text: str) -> None:
    """Write a text file whole or not at all.

    Parameters
    ----------
    path : Path
    text : str
    """
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
