"""The words that pointer recordings use: which column is the time, the place, the button, and in which unit.

This file covers names and tokens only. Reading rows and making a ``PointerTrack`` of them is
``photism.data.decode_track``.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float64

__all__ = ["UNIT_SECONDS", "Buttons", "Columns", "find_columns", "is_scroll", "tell_unit"]

UNIT_SECONDS: Final[Mapping[str, float]] = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}

_DATES_S = (1e8, 4.1e9)
_LONGEST_STEP_S = 100.0

_UNIT_WORDS: Mapping[str, str] = {
    "ms": "ms", "msec": "ms", "msecs": "ms", "millis": "ms", "millisecond": "ms", "milliseconds": "ms",
    "us": "us", "usec": "us", "µs": "us", "μs": "us", "micros": "us", "microsecond": "us", "microseconds": "us",
    "ns": "ns", "nsec": "ns", "nanos": "ns", "nanosecond": "ns", "nanoseconds": "ns",
    "s": "s", "sec": "s", "secs": "s", "second": "s", "seconds": "s",
}  # fmt: skip
# the client's clock comes first: a server's also holds the jitter of the network (Balabit)
_TIME_NAMES = (
    "clienttimestamp", "clienttime", "t", "time", "timestamp", "ts", "eventtime", "eventtimestamp", "timeelapsed",
    "elapsed", "elapsedtime", "relativetime", "unixtime", "epoch", "epochtime", "datetime", "date", "recordtimestamp",
    "servertimestamp",
)  # fmt: skip
_PLACE_FORMS = (
    "{}", "mouse{}", "{}mouse", "cursor{}", "pointer{}", "pos{}", "{}pos", "position{}", "{}position", "coord{}",
    "{}coord", "coordinate{}", "{}coordinate", "mousepos{}", "cursorpos{}", "mouseposition{}", "cursorposition{}",
    "screen{}", "client{}", "page{}", "offset{}", "abs{}", "point{}", "loc{}", "location{}",
)  # fmt: skip
_BUTTON_NAMES = ("buttons", "button", "btn", "mousebutton", "buttonname", "whichbutton")
_STATE_NAMES = (
    "state", "buttonstate", "eventtype", "event", "eventname", "type", "action", "status", "pressed", "ispressed",
    "down", "isdown", "mousedown", "clicked", "click",
)  # fmt: skip
_SPLIT_UNIT = re.compile(r"^(.*?)[\s_\-.(\[/]+([a-zµμ]+)[)\]]?$")
_NOT_WORD = re.compile(r"[^a-z0-9µμ]+")

_LEFT, _RIGHT, _MIDDLE = 1, 2, 4  # as MouseEvent.buttons of the W3C's UI Events
_BUTTON_BITS: Mapping[str, int] = {
    "left": _LEFT, "l": _LEFT, "primary": _LEFT, "lmb": _LEFT, "leftbutton": _LEFT, "buttonleft": _LEFT,
    "right": _RIGHT, "r": _RIGHT, "secondary": _RIGHT, "rmb": _RIGHT, "rightbutton": _RIGHT, "buttonright": _RIGHT,
    "middle": _MIDDLE, "m": _MIDDLE, "mmb": _MIDDLE, "middlebutton": _MIDDLE, "buttonmiddle": _MIDDLE,
    "x1": 8, "x2": 16,
}  # fmt: skip
_BITS_BY_NUMBER = {0: _LEFT, 1: _MIDDLE, 2: _RIGHT, 3: 8, 4: 16}  # MouseEvent.button, beside a state
_SCROLL_WORDS = ("scroll", "wheel")


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a recording keeps what a track needs: a key (JSON) or a place in the row (CSV) each."""

    time: int | str
    x: int | str
    y: int | str
    button: int | str | None
    state: int | str | None
    unit: str | None
    """Unit that the time column's name states, if it states one."""


def _plain(name: str) -> str:
    return _NOT_WORD.sub("", name.lower())


def _name_and_unit(name: str) -> tuple[str, str | None]:
    """Split ``time (ms)``, ``t_ms``, ``timestampMs`` or ``ms`` into a plain name and a unit.

    >>> _name_and_unit("Time [ms]"), _name_and_unit("x_px"), _name_and_unit("timestampMs")
    (('time', 'ms'), ('x', 'px'), ('timestamp', 'ms'))
    """
    lowered = name.strip().strip("\"'").lstrip("\ufeff").lower()
    plain = _plain(lowered)
    if plain in _TIME_NAMES:
        return plain, None
    if plain in _UNIT_WORDS:
        return "time", _UNIT_WORDS[plain]
    if match := _SPLIT_UNIT.match(lowered):
        unit = match[2]
        if unit in ("px", "pixel", "pixels"):
            return _plain(match[1]), "px"
        if unit in _UNIT_WORDS:
            return _plain(match[1]), _UNIT_WORDS[unit]
    for word in ("ms", "us", "ns", "sec", "seconds", "millis", "milliseconds"):
        if plain.endswith(word) and plain[: -len(word)] in _TIME_NAMES:
            return plain[: -len(word)], _UNIT_WORDS[word]
    return (plain[:-2], "px") if plain in ("xpx", "ypx") else (plain, None)


def find_columns(names: Sequence[str], keys: Sequence[int | str]) -> Columns | None:
    """Find the columns of a pointer recording; None where time, x or y is missing.

    Parameters
    ----------
    names
        The header's names.
    keys
        What to index a row with, one for each name.

    Notes
    -----
    A header that also names z is a sensor in space, not a pointer on a screen.

    Examples
    --------
    >>> find_columns(["x", "y", "t"], [0, 1, 2])
    Columns(time=2, x=0, y=1, button=None, state=None, unit=None)
    >>> find_columns(["timestamp", "x", "y", "z"], [0, 1, 2, 3]) is None
    True
    """
    found: dict[str, tuple[int | str, str | None]] = {}
    for name, key in zip(names, keys, strict=True):
        plain, unit = _name_and_unit(name)
        found.setdefault(plain, (key, unit))
    time = next((found[name] for name in _TIME_NAMES if name in found), None)
    form = next((form for form in _PLACE_FORMS if form.format("x") in found and form.format("y") in found), None)
    if time is None or form is None or form.format("z") in found:
        return None
    button = next((found[name][0] for name in _BUTTON_NAMES if name in found), None)
    state = next((found[name][0] for name in _STATE_NAMES if name in found), None)
    unit = time[1] if time[1] in UNIT_SECONDS else None
    return Columns(time[0], found[form.format("x")][0], found[form.format("y")][0], button, state, unit)


def tell_unit(ticks: Float64[np.ndarray, " n"]) -> str:
    """Tell the unit of numeric timestamps: by their size if they count from 1970, else by their steps.

    Parameters
    ----------
    ticks
        At least one timestamp, in rising order.

    Returns
    -------
    str
        ``s``, ``ms``, ``us`` or ``ns``.

    Notes
    -----
    Counts that fall between 1973 and 2100 in one of the units are dates, unless their steps would be minutes. Clocks
    that start elsewhere are told by the tenth percentile of the steps above zero, since pointers report every 1 to
    20 ms while they move: below 0.5 means seconds, from 700 on microseconds, from 700,000 on nanoseconds, all else
    milliseconds. Over 3000 recordings in milliseconds, of mostly 10 to 300 points, that percentile was 3 to 376.
    """
    steps = np.diff(ticks)
    steps = steps[steps > 0]
    step = float(np.percentile(steps, 10)) if len(steps) else 0.0
    for unit, seconds in UNIT_SECONDS.items():
        is_date = _DATES_S[0] <= ticks[0] * seconds <= _DATES_S[1] and ticks[-1] * seconds <= _DATES_S[1]
        if is_date and step * seconds <= _LONGEST_STEP_S:
            return unit
    if len(steps) == 0:
        return "ms"
    if step < 0.5:
        return "s"
    return "ms" if step < 700 else "us" if step < 700_000 else "ns"


class Buttons:
    """Follow presses and releases through a recording, one event at a time.

    The mask has bit 0 for the left, 1 for the right and 2 for the middle button.

    >>> buttons = Buttons()
    >>> [buttons.after(*event) for event in (("Left", "Pressed"), ("NoButton", "Drag"), ("Left", "Released"))]
    [1, 1, 0]
    """

    def __init__(self) -> None:
        self._held = 0
        self._known: dict[Hashable, tuple[str, int]] = {}

    def after(self, button: object, state: object) -> int:
        """Return the mask of buttons that are down at this event.

        ``button`` and ``state`` are as found in the file, None where the recording has no such column. Words that
        are not known change nothing.
        """
        key = (str(button), str(state), button is None, state is None)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = _meaning(button, state)
        verb, bits = known
        if verb == "press":
            self._held |= bits
        elif verb == "release":
            self._held &= ~bits
        elif verb == "hold":
            self._held = bits
        elif verb == "click":
            return self._held | bits
        elif verb == "drag":
            return self._held or bits
        return self._held


def is_scroll(button: object, state: object) -> bool:
    """Tell whether an event is the wheel's."""
    return _plain(str(button)).startswith(_SCROLL_WORDS) or _plain(str(state)).startswith(_SCROLL_WORDS)


def _meaning(button: object, state: object) -> tuple[str, int]:
    """Translate one pair of words to (press | release | hold | click | drag | keep, mask)."""
    button_word = "" if button is None else _plain(str(button))
    state_word = "" if state is None else _plain(str(state))
    if is_scroll(button, state):
        return "keep", 0
    number = _small_number(button)
    if state is None:
        if number is not None:
            return "hold", number
        return "hold", _BUTTON_BITS.get(button_word, 0)
    bits = _BITS_BY_NUMBER.get(number, 0) if number is not None else _BUTTON_BITS.get(button_word, 0)
    bits = bits or next((b for word, b in _BUTTON_BITS.items() if len(word) > 3 and word in state_word), _LEFT)
    if "drag" in state_word:
        return "drag", bits
    if "release" in state_word or state_word.endswith("up"):
        return "release", bits
    if "press" in state_word or state_word.endswith("down"):
        return "press", bits
    if "click" in state_word or "tap" in state_word:
        return "click", bits
    if state_word in ("0", "1", "true", "false"):
        return "hold", bits if state_word in ("1", "true") else 0
    return "keep", 0


def _small_number(value: object) -> int | None:
    """Read a button's number or mask; None where it is a word or out of range."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    return int(number) if 0 <= number <= 255 and number == int(number) else None
