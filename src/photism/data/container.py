"""Properties of one file that have nothing to do with what it shows, and simple ones of what it shows.

*Container*: how the file was made and kept (format, codec, quantisation, numbers' form, tags, ending, folder). A class
that can be told by these was collected or saved in another way than the rest. *Content*: what anyone would measure
first (size, length, level, brightness). Covers reading them for one file, in a worker; bytes are read here, the other
kinds in ``container_image``, ``container_sound`` and ``container_track``. Does not cover whether any of them tells the
class (``photism.trust.shortcuts``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import TypeAlias

import numpy as np

from photism.data.container_image import GRID_TRACE, image_container
from photism.data.container_sound import BAND_LIMIT, sound_container
from photism.data.container_track import track_container
from photism.data.decode_bytes import dump_encoding
from photism.data.files import HEAD_BYTES, open_regular, shown
from photism.errors import DecodeError
from photism.types import Kind

__all__ = ["FILE_NAME", "FOLDER", "TRACES", "Nuisances", "nuisances"]

Properties: TypeAlias = Mapping[str, float | str]

FOLDER, FILE_NAME = "folder", "file name"
"""The container properties that hold names as the user wrote them: the folder's path, the name without ending."""

TRACES = frozenset({BAND_LIMIT, GRID_TRACE})
"""Container properties that are measured on the content, which can feign them: they need stronger evidence."""

_READ_BYTES = 1 << 16
_PRINTABLE = np.zeros(256, bool)
_PRINTABLE[[9, 10, 13, *range(32, 127)]] = True


@dataclass(frozen=True, slots=True)
class Nuisances:
    """What can be said of a file without knowing what it is about: name of the property → number or word.

    A property that a file does not have is left out; one that cannot be told of it (the grid of three points) is NaN.
    """

    container: Properties
    content: Properties


def nuisances(path: Path, kind: Kind) -> Nuisances | str:
    """Read the properties of one file's container and the simple ones of its content.

    Parameters
    ----------
    path : Path
        The file; whatever it is, it is only read.
    kind : "image" | "sound" | "binary" | "mouse"
        What it is read as.

    Returns
    -------
    Nuisances or str
        A string is the reason why the file cannot be read, in one sentence.

    Notes
    -----
    Long files are not read whole: a sound's level is that of its first five seconds, an image beyond a million pixels
    is looked at through fewer pixels where its format allows, bytes are counted in the first 64 KiB.
    """
    try:
        with open_regular(path) as (stream, size_bytes):
            container, content = _read(path, kind, stream, size_bytes)
    except DecodeError as error:
        return str(error)
    named = {"extension": path.suffix or "(none)", FOLDER: str(path.parent), FILE_NAME: path.stem}
    return Nuisances({**named, **container}, content)


def _read(path: Path, kind: Kind, stream: BufferedReader, size_bytes: int) -> tuple[Properties, Properties]:
    """Read a file as its kind; raises DecodeError."""
    if kind == "image":
        return image_container(stream, size_bytes, shown(path))
    if kind == "sound":
        return sound_container(stream, size_bytes, shown(path))
    if kind == "mouse":
        return track_container(path)
    return _bytes_container(stream, size_bytes)


def _bytes_container(stream: BufferedReader, size_bytes: int) -> tuple[Properties, Properties]:
    """Read a file as bytes: what a dump is written like, and how its bytes are spread."""
    head = stream.read(_READ_BYTES)
    encoding = dump_encoding(head[:HEAD_BYTES], size_bytes)
    container: dict[str, float | str] = {"encoding": encoding}
    if encoding != "raw":
        container["line ends"] = "CRLF" if b"\r\n" in head else "LF" if b"\n" in head else "CR"
    values = np.frombuffer(head, np.uint8)
    share = np.bincount(values, minlength=256) / len(values)
    seen = share[share > 0]
    return container, {
        "size (bytes)": float(size_bytes),
        "entropy (bits a byte)": float(-(seen * np.log2(seen)).sum()),
        "share of zero bytes": float(share[0]),
        "share of printable bytes": float(share[_PRINTABLE].sum()),
    }
