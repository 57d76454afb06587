"""The two CSV files that a run keeps about its data: which part each file was in, and what was skipped.

Covers writing them so that a spreadsheet opens them without running anything, and reading the parts back. Does not
cover reading the user's own tables (``tables.py``).
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import cast

from photism.data.listing import printable
from photism.types import PARTS, Part, Sample, Skipped

__all__ = ["read_split_csv", "safe_cell", "write_skipped_csv", "write_split_csv"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


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
    return f"'{printable(text)}" if text.startswith(_FORMULA) else printable(text)


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


def read_split_csv(path: Path) -> dict[str, tuple[Part, str]]:
    """Read back each file's part and SHA-256 ("" where there is none), by the name that was written.

    Parameters
    ----------
    path
        What ``write_split_csv`` wrote.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        rows = list(csv.DictReader(file))
    return {
        _plain_cell(row["path"]): (cast("Part", row["part"]), row.get("sha256") or "")
        for row in rows
        if row.get("part") in PARTS
    }


def _plain_cell(text: str) -> str:
    """Undo ``safe_cell``."""
    return text[1:] if text[:1] == "'" and safe_cell(text[1:]) == text else text


def write_skipped_csv(path: Path, skipped: Sequence[Skipped]) -> None:
    """Write ``skipped.csv``: one row a skipped file with path and reason, in the order given.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    _write(path, ("path", "reason"), ((each.path, each.reason) for each in skipped))


def _write(path: Path, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Write a table beside its place and move it there: a reader never sees half of one."""
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    os.replace(unfinished, path)
