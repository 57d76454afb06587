"""Pointer recordings: CSV, TSV or semicolon tables, JSON lines or a JSON array, to seconds and pixels.

Covered: a header (or keys) that names time, x and y in one of the usual spellings, in any order, beside any other
columns; buttons and their states; Balabit's data set with its lost coordinates. Not covered: tables without a
header, which any numbers could be; several pointers in one file; drawing, which is the renderer's.
"""

from __future__ import annotations

import csv
import io
import json
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Bool, Float64

from photism.data.files import DEFAULT_LIMITS, HEAD_BYTES, Limits, open_regular, shown
from photism.data.track_words import UNIT_SECONDS, Buttons, Columns, find_columns, is_scroll, tell_unit
from photism.errors import DecodeError
from photism.types import PointerTrack

__all__ = ["decode_track", "looks_like_track", "track_facts"]

Event: TypeAlias = tuple[int, Any, Any, Any, Any, Any]
"""Line number, then the cells of time, x, y, button and state, as the file holds them."""

_DELIMITERS = (",", ";", "\t", "|")
_MIN_POINTS = 2
_LOST = 65535.0
"""What Balabit's recorder wrote where the remote desktop sent no coordinate (0xFFFF)."""
_FARTHEST_PX = 1e7
_LONGEST_S = 1e9
_BLANK = ("", None)
_PARSERS_RAISE = (AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError)
_SNIFF_BYTES = 1 << 22


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a text keeps its rows: a delimiter for tables, None for JSON."""

    columns: Columns
    delimiter: str | None


def looks_like_track(head: bytes) -> bool:
    """Tell whether a file's first bytes are a header (or JSON keys) naming time, x and y, with a first row to match.

    Parameters
    ----------
    head : bytes
        The file's first bytes.

    Examples
    --------
    >>> looks_like_track(b"x,y,t\\n1,2,3\\n"), looks_like_track(b"x,y,t are letters\\n")
    (True, False)
    """
    text = _head_text(head)
    layout = None if text is None else _find_layout(text)
    if text is None or layout is None:
        return False
    events = _Events()
    try:
        for event in _events(text, layout):
            events.add(event)
            if len(events.ticks):
                return True
    except _PARSERS_RAISE:
        return False
    return layout.delimiter is not None  # a table's header and nothing below it


def track_facts(stream: BufferedReader, size_bytes: int, *, limits: Limits = DEFAULT_LIMITS) -> Mapping[str, float]:
    """Read a recording's points, duration, extents and clock; nothing where the recording is damaged.

    Parameters
    ----------
    stream : BufferedReader
        The open file.
    size_bytes : int
        Size on disk.
    limits : Limits, optional
        Caps that a recording must stay under.

    Returns
    -------
    Mapping
        ``n_points``, ``duration_s``, ``x_min_px``, ``x_max_px``, ``y_min_px``, ``y_max_px`` and ``tick_s`` (seconds
        that the time column counts in). Points and duration of a file beyond 4 MiB are extrapolated from its start.
    """
    stream.seek(0)
    data = stream.read(_SNIFF_BYTES)
    whole = len(data) >= size_bytes
    if not whole:
        data = data[: data.rfind(b"\n") + 1]
    try:
        track = _read_track(data, "", limits, open_end=not whole)
    except DecodeError:
        return {}  # decode_track says what is wrong
    grown = size_bytes / max(len(data), 1)
    low, high = track.xy_px.min(axis=0), track.xy_px.max(axis=0)
    return {
        "n_points": float(round(len(track.time_s) * grown)),
        "duration_s": float(track.time_s[-1]) * grown,
        "x_min_px": float(low[0]),
        "x_max_px": float(high[0]),
        "y_min_px": float(low[1]),
        "y_max_px": float(high[1]),
        "tick_s": UNIT_SECONDS[track.time_unit],
    }


def decode_track(path: Path, *, limits: Limits = DEFAULT_LIMITS) -> PointerTrack:
    """Read a pointer recording: seconds from its first event, pixels, and the buttons that are down.

    Parameters
    ----------
    path
        The file; its ending is not looked at.
    limits
        ``limits.text_bytes`` caps the file, ``limits.points`` its events.

    Returns
    -------
    PointerTrack
        ``time_s`` float64 (t,) rising from 0; ``xy_px`` float64 (t, 2); ``buttons`` uint8 (t,), bit 0 left, bit 1
        right, bit 2 middle; ``time_unit`` as stated by the header or told from the numbers (ISO dates count as s).

    Raises
    ------
    DecodeError
        If the file is no recording, a row is damaged, fewer than two points remain, or a limit is exceeded.

    Notes
    -----
    Events out of order are sorted by time, events of the same time keep the file's order: recorders that merge two
    sources write them so. Left out, because they say nothing about the place: rows where x and y are both blank
    (other events in a mixed log), Balabit's lost coordinates (65535) and its wheel events (written at 0, 0); presses
    and releases on such rows still count.

    References
    ----------
    Fülöp, Kovács, Kurics, Windhager-Pokol: Balabit Mouse Dynamics Challenge data set, 2016.
    """
    name = shown(path)
    with open_regular(path) as (stream, size_bytes):
        if size_bytes > limits.text_bytes:
            raise DecodeError(
                f"{name} is {size_bytes} bytes long; at most {limits.text_bytes} were expected (limit text_bytes)."
            )
        if not looks_like_track(stream.read(HEAD_BYTES)):
            raise DecodeError(
                f"{name} is not a pointer track: a header naming time, x and y, with numbers below it, was expected."
            )
        stream.seek(0)
        data = stream.read(limits.text_bytes + 1)
    return _read_track(data, name, limits, open_end=False)


def _head_text(head: bytes) -> str | None:
    """Read the first bytes as text, whole lines of it where there are several; None where they are no text."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = head.decode("utf-16", errors="ignore")
    elif b"\0" in head:
        return None
    else:
        text = head.decode("utf-8-sig", errors="ignore")
    if len(head) < HEAD_BYTES:
        return text
    last = max(text.rfind("\n"), text.rfind("\r"))
    return text[: last + 1] if last > 0 else text


def _find_layout(text: str) -> _Layout | None:
    """Find the header of a table or the keys of JSON; None where there is no recording."""
    first = text.lstrip()
    if first[:1] in ("{", "["):
        try:
            _, row = next(_json_rows(first))
        except (StopIteration, ValueError, RecursionError):
            return None
        names = [name for name in row if isinstance(name, str)]
        columns = find_columns(names, names)
        return None if columns is None else _Layout(columns, None)
    line = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    if len(line) > HEAD_BYTES:
        return None
    for delimiter in _DELIMITERS:
        if delimiter in line:
            names = line.split(delimiter)
            if columns := find_columns(names, range(len(names))):
                return _Layout(columns, delimiter)
    return None


def _events(text: str, layout: _Layout) -> Iterator[Event]:
    """Give every row below the header as line number and the cells that matter."""
    return _table_events(text, layout) if layout.delimiter else _json_events(text.lstrip(), layout.columns)


def _table_events(text: str, layout: _Layout) -> Iterator[Event]:
    """Give the rows of a table; blank lines and comments are passed over."""
    columns = layout.columns
    time, x, y = int(columns.time), int(columns.x), int(columns.y)
    button = None if columns.button is None else int(columns.button)
    state = None if columns.state is None else int(columns.state)
    comma_is_point = layout.delimiter == ";"
    reader = csv.reader(io.StringIO(text, newline=None), delimiter=layout.delimiter or ",")
    seen_header = False
    try:
        for row in reader:
            if not row or row[0].startswith("#") or not any(row):
                continue
            if not seen_header:
                seen_header = True
                continue
            cells: tuple[Any, ...] = (row[time], row[x], row[y])
            if comma_is_point:
                cells = tuple(cell.replace(",", ".") for cell in cells)
            yield (
                reader.line_num,
                *cells,
                None if button is None else row[button],
                None if state is None else row[state],
            )
    except csv.Error as error:
        raise ValueError(str(error)) from error


def _json_events(text: str, columns: Columns) -> Iterator[Event]:
    """Give the objects of JSON lines or of an array; a truth value is no number."""
    for line, row in _json_rows(text):
        cells = [row.get(str(key)) for key in (columns.time, columns.x, columns.y)]
        if any(isinstance(cell, bool) for cell in cells):
            raise TypeError("a truth value is no number")
        button = None if columns.button is None else row.get(str(columns.button))
        state = None if columns.state is None else row.get(str(columns.state))
        yield line, cells[0], cells[1], cells[2], button, state


def _json_rows(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Give line number and object of JSON lines, or of one JSON array of objects, without holding all of them."""
    decoder = json.JSONDecoder()
    is_array = text.startswith("[")
    separators = " \t\r\n," if is_array else " \t\r\n"
    place, line = int(is_array), 1
    while True:
        start = place
        while place < len(text) and text[place] in separators:
            place += 1
        line += text.count("\n", start, place)
        if place >= len(text):
            if is_array:
                raise ValueError(f"line {line}: the array does not end")
            return
        if is_array and text[place] == "]":
            return
        start = place
        row, place = decoder.raw_decode(text, place)
        if not isinstance(row, dict):
            raise ValueError(f"line {line}: an object was expected")
        yield line, row
        line += text.count("\n", start, place)


def _tick(cell: Any) -> tuple[float, bool]:  # a cell of a table or of JSON: whatever the file holds
    """Read one timestamp and tell whether it is a date; raises what float() and fromisoformat() raise."""
    try:
        return float(cell), False
    except ValueError:
        moment = datetime.fromisoformat(cell.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), True


def _read_track(data: bytes, name: str, limits: Limits, *, open_end: bool) -> PointerTrack:
    """Read all rows of a recording's text; ``open_end`` allows a JSON array to be cut."""
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DecodeError(f"{name} is not text in UTF-8 from byte {error.start} on.") from error
    layout = _find_layout(text)
    if layout is None:
        raise DecodeError(f"{name} has no header that names time, x and y.")
    events = _Events()
    try:
        for event in _events(text, layout):
            if len(events.ticks) >= limits.points:
                raise DecodeError(f"{name} holds more than {limits.points} events (limit points).")
            events.add(event)
    except _PARSERS_RAISE as error:
        if not (open_end and layout.delimiter is None):
            said = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise DecodeError(
                f"{name} is damaged near line {events.line}: time, x and y were expected ({said})."
            ) from error
    if events.n_dates not in (0, len(events.ticks)):
        raise DecodeError(f"{name} mixes dates and numbers in its time column; one of them was expected.")
    return _assemble(events, "s" if events.n_dates else layout.columns.unit, name)


class _Events:
    """The columns of a recording while its rows are read."""

    def __init__(self) -> None:
        self.ticks, self.x, self.y = array("d"), array("d"), array("d")
        self.held, self.has_place = array("B"), array("B")
        self.n_dates = 0
        self.line = 1
        self._buttons = Buttons()

    def add(self, event: Event) -> None:
        """Append one row; raises what converting its cells raises."""
        self.line, time, x, y, button, state = event
        mask = 0 if button is None and state is None else self._buttons.after(button, state)
        if x in _BLANK and y in _BLANK:
            return
        tick, is_date = _tick(time)
        x_px, y_px = float(x), float(y)
        self.ticks.append(tick)
        self.x.append(x_px)
        self.y.append(y_px)
        self.held.append(mask)
        self.has_place.append(not (x_px == y_px == 0.0 and is_scroll(button, state)))
        self.n_dates += is_date


def _assemble(events: _Events, unit: str | None, name: str) -> PointerTrack:
    """Leave out events without a place, sort by time, turn ticks into seconds, and refuse what is no recording."""
    ticks = np.array(events.ticks, np.float64)
    xy_px = np.column_stack((np.array(events.x, np.float64), np.array(events.y, np.float64)))
    held = np.array(events.held, np.uint8)
    is_finite = np.isfinite(ticks) & np.isfinite(xy_px).all(axis=1)
    if not is_finite.all():
        raise DecodeError(f"{name}: event {int(np.argmin(is_finite)) + 1} holds a time, x or y that is not finite.")
    keep = np.array(events.has_place, bool) & ~_lost_places(xy_px)
    ticks, xy_px, held = ticks[keep], xy_px[keep], held[keep]
    if len(ticks) < _MIN_POINTS:
        points = "one point" if len(ticks) == 1 else f"{len(ticks)} points"
        raise DecodeError(f"{name} holds {points} with a position; at least {_MIN_POINTS} were expected.")
    if np.abs(xy_px).max() > _FARTHEST_PX:
        raise DecodeError(f"{name} holds coordinates beyond {_FARTHEST_PX:g} pixels; a screen's were expected.")
    order = np.argsort(ticks, kind="stable")
    ticks = ticks[order]
    unit = unit or tell_unit(ticks)
    time_s = (ticks - ticks[0]) * UNIT_SECONDS[unit]
    if time_s[-1] > _LONGEST_S:
        raise DecodeError(f"{name} lasts {time_s[-1]:g} s by its clock (unit {unit}), which no recording does.")
    return PointerTrack(time_s, xy_px[order], held[order], unit)


def _lost_places(xy_px: Float64[np.ndarray, "n 2"]) -> Bool[np.ndarray, " n"]:
    """Mark events at 65535: both coordinates, or one of them where no screen of the recording reaches half as far.

    A recording in normalised coordinates (0 to 65535) keeps its edges by the second condition.
    """
    is_lost = xy_px == _LOST
    if not is_lost.any():
        return np.zeros(len(xy_px), bool)
    others = xy_px[~is_lost]
    by_one = len(others) == 0 or float(others.max()) <= _LOST / 2
    lost: Bool[np.ndarray, " n"] = is_lost.any(axis=1) if by_one else is_lost.all(axis=1)
    return lost
