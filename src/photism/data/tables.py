"""A CSV as a data set: one row a file, with the columns path and label and optionally group, fold and split.

Covers the dialects that people and spreadsheets write (delimiters, byte order marks, line ends, quoting), rows that
cannot be used, and files listed twice. Does not cover folders (``folders.py``), nor opening a listed file.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from photism.data.listing import PART_SPELLINGS, Listing, is_utf8, litter_reason
from photism.errors import DataError, OptionError
from photism.types import Part, Sample

__all__ = ["list_table"]

_DELIMITERS = ",;\t|"
_HEADER_CHARS = 65_536  # a first line longer than this is no header
_HELD_OUT_FIRST: tuple[Part | None, ...] = ("test", "valid", "train", None)


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    sample: Sample


def list_table(table: Path, *, group_by: str | None = None) -> Listing:
    """List the samples of a CSV.

    Parameters
    ----------
    table
        A text file in UTF-8 or UTF-16 with a header. Columns ``path`` and ``label`` must be there; ``group``, ``fold``
        and ``split`` (train, valid, test) may be; other columns are ignored. Upper and lower case do not matter,
        and the delimiter may be a comma, semicolon, tab or bar.
    group_by
        The column that takes the place of ``group``.

    Returns
    -------
    Listing
        Samples sorted by name, which is the path as written; a path that is not absolute starts from the CSV's own
        folder. No listed file has been opened.

    Raises
    ------
    DataError
        If the file is not such a CSV, a quote is never closed, or ``split`` holds another word; the sentence names
        the line.
    OptionError
        If there is no column ``group_by``.

    Notes
    -----
    A file that is listed twice is used once. Where its rows put it in two parts it stays in the part that is held
    out (test before valid before train); where they give it two labels no row is used.
    """
    text = _read_text(table)
    header, rows = _parse(table, text)
    names = [name.strip().lower() for name in header]
    if group_by is not None and group_by.strip().lower() not in names:
        raise OptionError(f"--group-by {group_by}: {table} has no such column; it has {', '.join(header)}.")
    columns = {name: names.index(name) for name in reversed(names)}  # the first of two equal names counts
    if group_by is not None:
        columns["group"] = columns[group_by.strip().lower()]
    listing = Listing(table.parent, columns=tuple(name.strip() for name in header))
    taken = [row for line, cells in rows if (row := _row(table, line, cells, columns, len(header), listing))]
    _drop_repeats(taken, listing)
    listing.samples.sort(key=lambda sample: sample.name)
    return listing


def _read_text(table: Path) -> str:
    """Decode the file; bytes that are not UTF-8 stay recognisable and spoil their own row only."""
    try:
        with table.open("rb") as stream:
            head = stream.read(_HEADER_CHARS)
            wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
            # looked at before the rest is read: DATA may be any file, of any size
            endless = len(head) == _HEADER_CHARS and b"\n" not in head and b"\r" not in head
            if not wide and (b"\0" in head or endless):
                raise DataError(f"{table} is neither a folder nor a CSV with the columns path and label.")
            data = head + stream.read()
    except OSError as error:
        raise DataError(f"{table} cannot be read: {error.strerror}.") from error
    return data.decode("utf-16", "replace") if wide else data.decode("utf-8-sig", "surrogateescape")


def _parse(table: Path, text: str) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Find the delimiter by the header; return the header and an iterator of (line number, cells)."""
    skipped = 0
    delimiters = _DELIMITERS
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep=") and len(first.strip()) == 5:  # a spreadsheet's own first line
        text, skipped, delimiters = rest, 1, first.strip()[4]
    header = text.lstrip("\r\n").splitlines()[0] if text.strip() else ""
    for delimiter in delimiters:
        cells = next(csv.reader([header], delimiter=delimiter, skipinitialspace=True), [])
        if {"path", "label"} <= {cell.strip().lower() for cell in cells}:
            return cells, _rows(table, text, delimiter, skipped)
    found = header[:200].strip() or "nothing"
    raise DataError(f"{table} must begin with a header that names the columns path and label; it begins with: {found}")


def _rows(table: Path, text: str, delimiter: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    is_header = True
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not is_header:
                yield reader.line_num + skipped, cells
            is_header = False
    except csv.Error as error:
        raise DataError(
            f"{table}, line {reader.line_num + skipped}: {error}; expected cells as CSV quotes them."
        ) from error


def _row(
    table: Path, line: int, cells: list[str], columns: dict[str, int], n_columns: int, listing: Listing
) -> _Row | None:
    """Turn the cells of one line into a sample, or note why it is skipped."""

    def cell(column: str) -> str:
        place = columns.get(column)
        return cells[place].strip() if place is not None and place < len(cells) else ""

    name, label = cell("path"), cell("label")
    where = name or f"line {line}"
    split = cell("split")
    if any(extra.strip() for extra in cells[n_columns:]):
        reason = f"is in a row of {len(cells)} cells (line {line}) where the header names {n_columns} columns"
    elif not name:
        reason = "has no path"
    elif not label:
        reason = f"has no label (line {line})"
    elif not is_utf8("".join(cells)):
        reason = f"is in a row that is not UTF-8 (line {line})"
    elif litter := litter_reason(os.path.basename(name)):
        reason = litter
    else:
        if split and split.lower() not in PART_SPELLINGS:
            raise DataError(f"{table}, line {line}: the split must be train, valid or test, not {split}.")
        part = PART_SPELLINGS[split.lower()] if split else None
        path = _locate(table.parent, name)
        return _Row(line, Sample(path, name, label, cell("group") or None, cell("fold") or None, part))
    listing.skip(where, reason)
    return None


def _locate(folder: Path, name: str) -> Path:
    """Join the folder and the path as written; Windows separators are understood where the file is found that way."""
    path = folder / name
    if "\\" in name and os.sep != "\\" and not os.path.lexists(path):
        other = folder / name.replace("\\", "/")
        return other if os.path.lexists(other) else path
    return path


def _drop_repeats(rows: list[_Row], listing: Listing) -> None:
    """Keep one row a file; all are dropped where they contradict each other about the label."""
    by_file: dict[str, list[_Row]] = {}
    for row in rows:
        by_file.setdefault(os.path.normpath(row.sample.path), []).append(row)
    for same in by_file.values():
        labels = {row.sample.label: row.line for row in reversed(same)}
        if len(labels) > 1:
            told = " and ".join(f"{label} (line {line})" for label, line in sorted(labels.items(), key=lambda x: x[1]))
            listing.skip(same[0].sample.name, f"has contradictory labels: {told}")
            continue
        kept = min(same, key=lambda row: (_HELD_OUT_FIRST.index(row.sample.part), row.line))
        listing.samples.append(kept.sample)
        for row in same:
            if row is not kept:
                listing.skip(row.sample.name, f"is listed twice: line {kept.line} is used, line {row.line} is not")
