"""The two CSV files that a run keeps about its data: which part each file was in, and what was skipped.

Covers writing them so that a spreadsheet opens them without running anything, and reading the parts back. Does not
cover reading the user's own tables (``tables.py``).
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from photism.data.listing import printable
from photism.types import PARTS, Part, Sample, Skipped

__all__ = ["SplitRow", "plain_cell", "read_split_csv", "safe_cell", "write_skipped_csv", "write_split_csv"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True, slots=True)
class SplitRow:
    """One file as a run's ``split.csv`` tells of it: its name in DATA; its content's SHA-256, "" where unknown."""

    name: str
    label: str
    group: str | None
    part: Part
    sha256: str


def safe_cell(text: str) -> str:
    r"""Write a text so that no spreadsheet takes it for a formula; bytes that are not UTF-8 are escaped.

    References
    ----------
    OWASP, *CSV Injection*.

    Examples
    --------
    >>> safe_cell("=1+1"), safe_cell("cat.png")
    ("'=1+1", 'cat.png')
    """
    return printable(text) if _guarded(text) == text else f"'{printable(text)}"


def plain_cell(text: str) -> str:
    """Undo what keeps a spreadsheet from running a cell; what ``safe_cell`` escaped besides stays escaped.

    Parameters
    ----------
    text : str

    Examples
    --------
    >>> plain_cell("'=1+1"), plain_cell("'tis")
    ('=1+1', "'tis")
    """
    return text[1:] if text[:1] == "'" and _guarded(text[1:]) == text else text


def _guarded(text: str) -> str:
    """Write an apostrophe before what a spreadsheet would run; before such an apostrophe, too: each can be undone."""
    return f"'{text}" if text.lstrip("'").startswith(_FORMULA) else text


def write_split_csv(path: Path, samples: Sequence[Sample], hashes: Mapping[Path, str]) -> None:
    """Write ``split.csv``: one row a sample with path (its name), label, group, part and SHA-256, sorted by name.

    Parameters
    ----------
    path : Path
        The file to write.
    samples : sequence of Sample
        In any order.
    hashes : mapping of path to str
        ``content_hash`` of each sample's file: under whatever name it comes back, it is known again.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    rows = (
        (s.name, s.label or "", s.group or "", s.part or "", hashes.get(s.path, ""))
        for s in sorted(samples, key=lambda s: s.name)
    )
    _write(path, ("path", "label", "group", "part", "sha256"), rows)


def read_split_csv(path: Path) -> tuple[SplitRow, ...]:
    """Read back what a run wrote about its files, names as they were.

    Parameters
    ----------
    path
        What ``write_split_csv`` wrote.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError, KeyError, TypeError
        If it is no such table.
    """
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        try:
            rows = list(csv.DictReader(file, strict=True))
        except csv.Error as error:
            raise ValueError(f"{path}: {error}") from error
    return tuple(
        SplitRow(
            name=plain_cell(row["path"]),
            label=plain_cell(row["label"]),
            group=plain_cell(row["group"]) or None,
            part=cast("Part", row["part"]),
            sha256=row.get("sha256") or "",
        )
        for row in rows
        if row["part"] in PARTS
    )


def write_skipped_csv(path: Path, skipped: Sequence[Skipped]) -> None:
    """Write ``skipped.csv``: one row a skipped file with path and reason, in the order given.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    _write(path, ("path", "reason"), ((printable(each.path), printable(each.reason)) for each in skipped))


def _write(path: Path, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Write a table beside its place and move it there: a reader never sees half of one."""
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        quoting = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(header)
        for row in rows:
            # csv quotes a line feed by itself, a carriage return not before Python 3.13.
            (quoting if any("\r" in cell for cell in row) else writer).writerow([_guarded(cell) for cell in row])
    os.replace(unfinished, path)
