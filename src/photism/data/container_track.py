"""How a pointer recording was written down: layout, line ends, form and grid of its numbers; and its simple measures.

Covers tables and JSON alike. Does not cover how the pointer moved, beyond length and speed.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TypeAlias

import numpy as np
from jaxtyping import Float64

from photism.data.decode_track import decode_track
from photism.data.files import open_regular
from photism.data.track_words import UNIT_SECONDS, find_columns
from photism.types import PointerTrack

__all__ = ["track_container"]

Properties: TypeAlias = dict[str, float | str]

_READ_BYTES = 1 << 16
_ROWS = 400
_TELLING_STEPS = 8  # the common divisor of fewer is chance
_DECIMALS = 6
_HEADER_LENGTH = 120
_LAYOUTS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_FRACTION = re.compile(r"\.(\d*)")


def track_container(path: Path) -> tuple[Properties, Properties]:
    """Read a recording's container and the simple properties of its content.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    DecodeError
        If the file is no recording, or damaged.
    """
    track = decode_track(path)
    with open_regular(path) as (stream, size_bytes):
        data = stream.read(_READ_BYTES)
    is_wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    container: Properties = {
        "text": "UTF-16" if is_wide else "UTF-8 with a mark" if data[:3] == b"\xef\xbb\xbf" else "plain",
        "line ends": _line_ends(data),
        "time unit": track.time_unit,
    }
    if size_bytes <= _READ_BYTES:
        container["last line ends"] = "yes" if data.rstrip(b"\0")[-1:] in b"\r\n" else "no"
    text = data.decode("utf-16" if is_wide else "utf-8-sig", errors="ignore")
    container.update(_written(text, UNIT_SECONDS[track.time_unit]))
    return container, _measures(track)


def _line_ends(data: bytes) -> str:
    """Name how lines end."""
    n_both = data.count(b"\r\n")
    alone = {"CRLF": n_both, "LF": data.count(b"\n") - n_both, "CR": data.count(b"\r") - n_both}
    return " and ".join(name for name, n in alone.items() if n) or "none"


def _written(text: str, unit_s: float) -> Properties:
    """Read the form of the numbers from their text."""
    stripped = text.lstrip()
    found: Properties = {}
    if stripped[:1] in ("{", "["):
        keys = list(dict.fromkeys(re.findall(r'"([^"\\]{1,40})"\s*:', stripped[:4096])))
        found["layout"] = "JSON array" if stripped[0] == "[" else "JSON lines"
        found["columns"] = " ".join(keys)[:_HEADER_LENGTH]
        columns = find_columns(keys, keys)
        if columns is None:
            return found
        time, *places = (
            re.findall(rf'"{re.escape(str(key))}"\s*:\s*"?([^",}}\]\s]+)', text)[:_ROWS]
            for key in (columns.time, columns.x, columns.y)
        )
    else:
        lines = [line for line in text.splitlines()[: _ROWS + 20] if line.strip() and not line.startswith("#")]
        if not lines:
            return found
        delimiter = max(_LAYOUTS, key=lines[0].count)
        found["layout"] = _LAYOUTS[delimiter] + (", quoted" if '"' in "".join(lines[:3]) else "")
        found["columns"] = lines[0][:_HEADER_LENGTH]
        names = lines[0].split(delimiter)
        columns = find_columns(names, range(len(names)))
        if columns is None:
            return found
        # the last line may be cut
        rows = [line.split(delimiter) for line in (lines[1:-1] or lines[1:])]
        time, *places = (
            [row[int(key)].strip(' "') for row in rows if len(row) == len(names)]
            for key in (columns.time, columns.x, columns.y)
        )
    found.update(_forms("time", time))
    found.update(_forms("place", [*places[0], *places[1]]))
    found["clock counts in (ms)"] = round(_grid(time) * unit_s * 1000, _DECIMALS)
    found["grid of x (px)"], found["grid of y (px)"] = _grid(places[0]), _grid(places[1])
    return found


def _forms(name: str, cells: list[str]) -> Properties:
    """Say how numbers are written: whole, whole with a point, or with so many decimals."""
    decimals = [match[1] for cell in cells if (match := _FRACTION.search(cell))]
    if not cells:
        return {}
    most = max((len(each) for each in decimals), default=0)
    if not decimals:
        form = "whole"
    elif not any(each.strip("0") for each in decimals):
        form = f"whole, with .{'0' * most}"
    else:
        form = "fractions"
    found: Properties = {f"{name} is written": form, f"{name} decimals": float(most)}
    if any("e" in cell.lower() for cell in cells):
        found[f"{name} is written"] = "with exponents"
    return found


def _grid(cells: list[str]) -> float:
    """Find the largest step of which all differences are multiples; NaN where there are too few to tell."""
    try:
        values = np.unique(np.array(cells, np.float64))
    except ValueError:  # dates
        return math.nan
    if len(values) <= _TELLING_STEPS or not np.isfinite(values).all() or np.abs(values).max() > 2**52 / 10**_DECIMALS:
        return math.nan
    fine = np.rint(np.diff(values) * 10**_DECIMALS).astype(np.int64)
    return float(int(np.gcd.reduce(fine)) / 10**_DECIMALS)


def _measures(track: PointerTrack) -> Properties:
    """Measure length, duration, speed and extent."""
    xy: Float64[np.ndarray, "t 2"] = track.xy_px
    steps_s = np.diff(track.time_s)
    lengths = np.hypot(*np.diff(xy, axis=0).T)
    duration_s, path_px = float(track.time_s[-1]), float(lengths.sum())
    extent = np.ptp(xy, axis=0)
    return {
        "points": float(len(xy)),
        "duration (s)": duration_s,
        "path (px)": path_px,
        "mean speed (px/s)": path_px / duration_s if duration_s > 0 else 0.0,
        "width (px)": float(extent[0]),
        "height (px)": float(extent[1]),
        "start x (px)": float(xy[0, 0]),
        "start y (px)": float(xy[0, 1]),
        "straightness": float(math.dist(xy[0], xy[-1])) / path_px if path_px > 0 else 0.0,
        "median interval (ms)": round(float(np.median(steps_s)) * 1000, _DECIMALS),
        "share of equal times": float(np.mean(steps_s == 0)),
        "share of still steps": float(np.mean(lengths == 0)),
    }
