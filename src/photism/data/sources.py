"""DATA becomes a data set: every listed file is looked at once, in workers that can be killed.

Covers reading a folder or a CSV into samples, telling the kind of the whole from the content of the files, and turning
whatever cannot be used into ``Skipped`` with a reason. Does not cover the layouts (``folders.py``, ``tables.py``),
what one file is (``sniff.py``), decoding, or the split.
"""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from photism.data.folders import list_folder
from photism.data.listing import Listing, printable
from photism.data.sniff import decide_kind, sniff
from photism.data.tables import list_table
from photism.errors import DataError, DecodeError, OptionError, WorkerError
from photism.executor import Executor, ProcessExecutor
from photism.types import Kind, Sample, Skipped, Sniffed

__all__ = ["Dataset", "look_at", "read_dataset"]

_SNIFF_TIMEOUT_S = 20.0  # a header is read in milliseconds; this is for a disk that sleeps
_FEW_ITEMS = 2


@dataclass(frozen=True, slots=True)
class Dataset:
    """What DATA holds: usable samples sorted by name, and everything that is not usable, with reasons.

    ``facts`` maps each sample's path to what its content says; ``kinds`` counts usable files by what they look like,
    strays included; ``warnings`` are sentences; ``root`` is the folder that names start from.
    """

    samples: tuple[Sample, ...]
    skipped: tuple[Skipped, ...]
    kind: Kind
    facts: Mapping[Path, Sniffed]
    kinds: Mapping[str, int]
    warnings: tuple[str, ...]
    root: Path

    @property
    def classes(self) -> dict[str, int]:
        """The number of samples of each label, labels sorted."""
        return dict(sorted(Counter(sample.label or "" for sample in self.samples).items()))


def read_dataset(
    data: Path,
    *,
    kind: Kind | None = None,
    group_by: str | None = None,
    n_classes_min: int = 2,
    executor: Executor | None = None,
) -> Dataset:
    """Read DATA: list it, look at the content of every file, and decide what kind of data it is.

    Parameters
    ----------
    data
        A folder with one subfolder a class; a folder with train, valid and test; or a CSV (``list_table``).
    kind
        What to read every file as; told from content where it is None.
    group_by
        The CSV's column that holds what a split must never cut, in place of ``group``.
    n_classes_min
        The least number of classes that must be left: 2 for training, 1 for measuring.
    executor
        Where files are looked at; workers of its own by default.

    Returns
    -------
    Dataset
        At least one sample.

    Raises
    ------
    DataError
        If DATA does not exist, is empty, has no classes or too few, has no usable file, or holds two kinds in earnest.
    OptionError
        If ``group_by`` names no column.

    Notes
    -----
    Nothing is changed, moved or written. The result does not depend on the order in which files are met. Files are
    opened in worker processes: one that hangs or crashes its reader is skipped with that reason.
    """
    listing = _list(data, group_by)
    if executor is None:
        with ProcessExecutor(timeout_s=_SNIFF_TIMEOUT_S) as own:
            usable = _look_at_all(listing, own)
    else:
        usable = _look_at_all(listing, executor)
    if not usable:
        raise DataError(_nothing_usable(data, listing))
    chosen = kind or decide_kind(list(usable.values()), [s.label for s in listing.samples if s.path in usable])
    samples = _keep_kind(listing, usable, chosen, by_hand=kind is not None)
    if not samples:
        raise DataError(_nothing_usable(data, listing))
    n_classes = len({sample.label for sample in samples})
    if n_classes < n_classes_min:
        left = len({sample.label for sample in listing.samples}) - n_classes
        others = f" and {left} more without a file that can be read as {chosen}" if left else ""
        raise DataError(
            f"{data} has one class ({samples[0].label}){others}: expected {n_classes_min} classes at least."
        )
    return Dataset(
        samples=tuple(samples),
        skipped=tuple(sorted(listing.skipped, key=lambda each: (each.path, each.reason))),
        kind=chosen,
        facts={sample.path: usable[sample.path] for sample in samples},
        kinds=dict(Counter(each.kind for each in usable.values()).most_common()),
        warnings=(*listing.warnings, *_class_warnings(listing, samples)),
        root=listing.root,
    )


def look_at(path: Path) -> Sniffed | str:
    """Sniff one file; where it cannot be used, return the reason as a sentence (run in a worker)."""
    try:
        return sniff(path)
    except DecodeError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - one odd file must not end the reading of all the others
        return f"{printable(str(path))} could not be read: {type(error).__name__}: {printable(str(error))}."


def _list(data: Path, group_by: str | None) -> Listing:
    try:
        mode = data.stat().st_mode
    except (OSError, ValueError) as error:
        cause = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read ({error})"
        raise DataError(f"{data} {cause}: expected a folder with one subfolder a class, or a CSV.") from error
    if stat.S_ISREG(mode):
        return list_table(data, group_by=group_by)
    if not stat.S_ISDIR(mode):
        raise DataError(f"{data} is neither a folder nor a file: expected one subfolder a class, or a CSV.")
    if group_by is not None:
        raise OptionError(f"--group-by {group_by} names a column of a CSV, but {data} is a folder.")
    return list_folder(data)


def _look_at_all(listing: Listing, executor: Executor) -> dict[Path, Sniffed]:
    """Look at every listed file; what cannot be used moves to the skipped ones."""
    usable: dict[Path, Sniffed] = {}
    answers = executor.map(look_at, [sample.path for sample in listing.samples])
    for sample, answer in zip(listing.samples, answers, strict=True):
        if isinstance(answer, Sniffed):
            usable[sample.path] = answer
        else:
            reason = f"{printable(sample.name)} was given up: {answer}." if isinstance(answer, WorkerError) else answer
            listing.skipped.append(Skipped(printable(sample.name), reason))
    return usable


def _keep_kind(listing: Listing, usable: dict[Path, Sniffed], kind: Kind, *, by_hand: bool) -> list[Sample]:
    """Return the samples that can be read as the kind; anything can be read as bytes."""
    samples = []
    for sample in listing.samples:
        if (sniffed := usable.get(sample.path)) is None:
            continue
        if kind in (sniffed.kind, "binary"):
            samples.append(sample)
        else:
            whole = f"it is to be read as {kind}" if by_hand else f"the data set is read as {kind}"
            listing.skip(sample.name, f"looks like {sniffed.kind}, but {whole}")
    return samples


def _class_warnings(listing: Listing, samples: list[Sample]) -> list[str]:
    """Say which classes lost every file and which have too few to learn from and to measure."""
    counts = Counter(sample.label or "" for sample in samples)
    listed = {sample.label or "" for sample in listing.samples}
    warnings = [f"No file of class {label} can be used." for label in sorted(listed - counts.keys())]
    few = [label for label, n in sorted(counts.items()) if n <= _FEW_ITEMS]
    for label in few:
        items = "one item" if counts[label] == 1 else f"{counts[label]} items"
        warnings.append(f"Class {label} has {items} only: too few to learn from and to measure.")
    return warnings


def _nothing_usable(data: Path, listing: Listing) -> str:
    if not listing.skipped and not listing.samples:
        return f"{data} lists no file: expected one subfolder a class with files, or a CSV with rows."
    first = listing.skipped[-1]
    return f"None of the files of {data} can be used. For one: {first.reason}"
