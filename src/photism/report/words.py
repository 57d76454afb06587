"""How numbers, times and the names of users' files are written, the same on the page and in the terminal.

It does not escape HTML: the template does (autoescape), and ``drawing.py`` does for the charts.
"""

from __future__ import annotations

import math
import unicodedata

from photism.types import Kind

__all__ = ["NOT_ASKED", "NOUNS", "READ_AS", "count", "interval", "number", "percent", "printable", "seconds", "shorten"]

NOUNS: dict[Kind, tuple[str, str]] = {
    "image": ("image", "images"),
    "sound": ("sound", "sounds"),
    "binary": ("file", "files"),
    "mouse": ("pointer track", "pointer tracks"),
}
"""What one item, and several, of a kind are called in a sentence."""

READ_AS: dict[Kind, str] = {"image": "images", "sound": "sounds", "binary": "bytes", "mouse": "pointer tracks"}
"""What files of a kind are read as, whatever else they may be."""

NOT_ASKED = "Near copies, shortcuts, wrong labels and drift were not looked for"
"""What is said where the data were not audited, before the reason."""

_SPACE = "\u202f"  # narrow, never broken: 93.8 % stays together and thousands are set apart
_NOTHING = "–"
_JOINERS = "\u200c\u200d"  # Persian and Indic words and joined emoji need them, and they cannot trick a reader


def percent(fraction: float | None, *, digits: int = 1) -> str:
    """Write a fraction in [0, 1] as per cent; None and what is not finite become a dash.

    Parameters
    ----------
    fraction
        In [0, 1]. Only 1 itself is written as 100, and only 0 as 0: a reader takes them for "always" and "never".
    digits
        Decimals, 0 or more.

    Examples
    --------
    >>> percent(0.9375), percent(1.0), percent(None), percent(0.9999)
    ('93.8\\u202f%', '100\\u202f%', '–', '99.9\\u202f%')
    """
    if fraction is None or not math.isfinite(fraction):
        return _NOTHING
    return f"{_digits(fraction, digits)}{_SPACE}%"


def _digits(fraction: float, digits: int) -> str:
    if fraction == 1.0:
        return "100"
    step = 10.0**-digits
    value = round(100.0 * fraction, digits)
    if 0.0 < fraction < 1.0:
        value = min(max(value, step), 100.0 - step)
    return f"{value:.{digits}f}"


def interval(low: float | None, high: float | None, *, digits: int = 1) -> str:
    """Write two fractions as a range in per cent, a dash where one is unknown.

    Parameters
    ----------
    low, high
        Fractions in [0, 1].
    digits
        Decimals, 0 or more.

    Examples
    --------
    >>> interval(0.862, 0.971)
    '86.2–97.1\\u202f%'
    """
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return _NOTHING
    return f"{_digits(low, digits)}–{_digits(high, digits)}{_SPACE}%"


def number(value: float | None, *, digits: int = 2) -> str:
    """Write a plain number with fixed digits, a dash for None and for what is not finite.

    Parameters
    ----------
    value
        Any number.
    digits
        Decimals, 0 or more.

    Examples
    --------
    >>> number(0.12345), number(None)
    ('0.12', '–')
    """
    return _NOTHING if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def count(n: int) -> str:
    """Write a count ``n`` with its thousands set apart.

    Examples
    --------
    >>> count(1234567)
    '1\\u202f234\\u202f567'
    """
    return f"{n:,}".replace(",", _SPACE)


def seconds(value: float) -> str:
    """Write a duration (``value`` in seconds, 0 or more) so that a person can read it.

    Examples
    --------
    >>> [seconds(v) for v in (0.0042, 0.84, 12.3, 185.0, 7260.0)]
    ['4\\u202fms', '0.8\\u202fs', '12\\u202fs', '3\\u202fmin 05\\u202fs', '2\\u202fh 01\\u202fmin']
    """
    if value < 0.1:
        return f"{1000.0 * value:.0f}{_SPACE}ms"
    if value < 9.95:
        return f"{value:.1f}{_SPACE}s"
    whole = round(value)
    if whole < 60:
        return f"{whole}{_SPACE}s"
    if whole < 3600:
        return f"{whole // 60}{_SPACE}min {whole % 60:02d}{_SPACE}s"
    return f"{whole // 3600}{_SPACE}h {whole % 3600 // 60:02d}{_SPACE}min"


def printable(text: str) -> str:
    r"""Make a name safe to show: what no screen can show, or what would trick one, is spelled out.

    Bytes of a file name that are not UTF-8 (Python keeps them as surrogates) become ``\xNN``; control and
    formatting characters (line breaks, terminal escapes, right-to-left overrides) become ``\uNNNN``.

    Parameters
    ----------
    text
        A file's name, a label, or anything else that comes from the user's files.

    Returns
    -------
    str
        Text that encodes to UTF-8; still to be escaped for HTML.

    Examples
    --------
    >>> print(printable("caf\udce9 \x1b[31m\u202egpj.exe"))
    caf\xe9 \u001b[31m\u202egpj.exe
    """
    return "".join(_spell(character) for character in text)


def _spell(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # surrogateescape, PEP 383
        return f"\\x{code - 0xDC00:02x}"
    if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and character not in _JOINERS:
        return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
    return character


def shorten(text: str, width: int) -> str:
    """Cut the middle out of a long name: the start says where it is from, the end says which file it is.

    Parameters
    ----------
    text
        The name.
    width
        The most characters to keep, at least 4.

    Examples
    --------
    >>> shorten("recordings/2019/speaker_04/word_0017.wav", 24)
    'recordings/…ord_0017.wav'
    """
    if len(text) <= width:
        return text
    tail = min((width - 1) * 9 // 20 + 2, width - 2)
    return text[: max(1, width - 1 - tail)] + "…" + text[-tail:]
