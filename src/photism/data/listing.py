"""What DATA lists before any file is opened: samples, what is skipped at sight, and the words both layouts share.

Covers the ``Listing`` that ``folders`` and ``tables`` fill, the spellings of parts, and the litter that operating
systems leave in folders. Does not cover what is inside the files: that is ``sources`` and ``sniff``.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from photism.types import Part, Sample, Skipped

__all__ = ["PART_SPELLINGS", "Listing", "is_utf8", "litter_reason", "printable"]

PART_SPELLINGS: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
    "dev": "valid",
    "test": "test",
    "testing": "test",
}
"""How users write the parts, in lower case."""

_LITTER = {
    ".ds_store": "macOS",
    "__macosx": "macOS",
    "thumbs.db": "Windows",
    "ehthumbs.db": "Windows",
    "desktop.ini": "Windows",
    "$recycle.bin": "Windows",
    ".directory": "KDE",
}


@dataclass(slots=True)
class Listing:
    """Samples and skipped files in the order they were met, and sentences about what looks odd.

    ``columns`` are the names of a table's columns; None for folders.
    """

    root: Path
    samples: list[Sample] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    columns: tuple[str, ...] | None = None

    def skip(self, name: str, predicate: str) -> None:
        """Note a file that is not used: the name, made printable, and the predicate are one sentence."""
        self.skipped.append(Skipped(printable(name), f"{printable(name)} {predicate}."))


def litter_reason(name: str) -> str | None:
    """Say why a file or folder of this name is litter, or return None where it is not.

    >>> litter_reason("Thumbs.db")
    'is litter left by Windows'
    >>> litter_reason("cat.png") is None
    True
    """
    if system := _LITTER.get(name.lower()):
        return f"is litter left by {system}"
    return "is litter left by macOS" if name.startswith("._") else None


def is_utf8(name: str) -> bool:
    """Tell whether a name, as the system gave it, is text: it may hold bytes that are not."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(name: str) -> str:
    r"""Write a name so that it survives any file or terminal: bytes that are not UTF-8 and control characters escaped.

    Spaces of every width stay as they are: macOS writes one into the name of every screenshot.

    >>> printable("caf\udce9\n 9.41\u202fAM.wav")
    'caf\\xe9\\n 9.41\u202fAM.wav'
    """
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if _is_seen(c) else c.encode("unicode_escape").decode() for c in text)


def _is_seen(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"
