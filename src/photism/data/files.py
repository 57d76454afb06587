"""How a user's file is opened: only regular files, never waiting, within caps, and quietly.

Every decoder opens through ``open_regular``, so that a named pipe, a device, a folder or an empty file gets its
sentence and nothing ever blocks on it. This file does not know what the bytes mean; that is for
``photism.data.sniff`` and the decoders.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from io import BufferedReader
from pathlib import Path

from photism.data.listing import printable
from photism.errors import DecodeError, OptionError

__all__ = ["DEFAULT_LIMITS", "HEAD_BYTES", "Limits", "open_regular", "quiet", "shown"]

HEAD_BYTES = 4096
"""How many bytes from the start of a file are enough to tell what it is."""

_SPARSE_FROM_BYTES = 1 << 26
_SPARSE_RATIO = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Caps that one file may not exceed; a file beyond them is refused with a sentence, never cut.

    Parameters
    ----------
    pixels
        Width times height of an image as its header states it. Pillow's own guard (about 179 million) stays in force.
    seconds
        Length of a sound.
    values
        Samples of a sound over all channels; four bytes of memory each.
    bytes
        Size of a file that is read as bytes. Raw bytes are mapped, not loaded, so this guards time, not memory.
    text_bytes
        Size of a file that is read as text and held whole: hex dumps and pointer tracks.
    points
        Events of a pointer track.

    Raises
    ------
    OptionError
        If a cap is not a positive number.
    """

    pixels: int = 100_000_000
    seconds: float = 3600.0
    values: int = 1 << 28
    bytes: int = 1 << 36
    text_bytes: int = 1 << 28
    points: int = 5_000_000

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not value > 0:
                raise OptionError(f"The limit {each.name} must be a positive number, but it is {value}.")


DEFAULT_LIMITS = Limits()


def shown(path: Path) -> str:
    """Write a path so that it can be printed anywhere: bytes that are not UTF-8 and control characters are escaped.

    >>> shown(Path("a\\nb.png"))
    'a\\\\nb.png'
    """
    return printable(str(path))


@contextmanager
def open_regular(path: Path) -> Iterator[tuple[BufferedReader, int]]:
    """Open a file for reading if it is a regular, non-empty one, and give its stream and its size in bytes.

    Parameters
    ----------
    path : Path
        The file; a link is followed.

    Raises
    ------
    DecodeError
        If the file is missing, unreadable, a folder, a pipe, a device, a socket, empty, or a large file that is
        almost all holes.

    Notes
    -----
    ``O_NONBLOCK`` makes opening a named pipe return at once; the type is then asked of the open descriptor, so
    that nothing can be swapped in between.
    """
    name = shown(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:  # ValueError: a NUL inside the path
        cause = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DecodeError(f"{name} cannot be opened: {cause}.") from error
    try:
        status = os.fstat(descriptor)
        _refuse_special(name, status)
        yield os.fdopen(descriptor, "rb", closefd=False), status.st_size
    finally:
        os.close(descriptor)


def _refuse_special(name: str, status: os.stat_result) -> None:
    """Raise DecodeError unless the status is that of a regular file that holds something."""
    if not stat.S_ISREG(status.st_mode):
        kinds = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket"))
        what = next((word for test, word in kinds if test(status.st_mode)), "a device")
        raise DecodeError(f"{name} is {what}; a regular file was expected.")
    if status.st_size == 0:
        raise DecodeError(f"{name} is empty; a file with content was expected.")
    blocks = getattr(status, "st_blocks", None)
    if status.st_size >= _SPARSE_FROM_BYTES and blocks is not None:
        stored = blocks * 512
        if stored * _SPARSE_RATIO < status.st_size:
            raise DecodeError(
                f"{name} is sparse: it claims {status.st_size} bytes but stores {stored}; a whole file was expected."
            )


_quiet_lock = threading.Lock()
_quiet_depth = 0
_quiet_saved: int | None = None


@contextmanager
def quiet() -> Iterator[None]:
    """Send what C libraries write to file descriptor 2 nowhere, for as long as the block runs.

    libmpg123 inside libsndfile, and some image codecs, print complaints of their own about damaged files; what is
    wrong with a file is told by the ``DecodeError`` instead.

    Notes
    -----
    The descriptor belongs to the process: what *other* threads write to stderr meanwhile is lost too. Blocks may
    nest and overlap between threads; the last one out restores the descriptor.
    """
    global _quiet_depth, _quiet_saved
    with _quiet_lock:
        if _quiet_depth == 0:
            _quiet_saved = _silence_descriptor()
        _quiet_depth += 1
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_depth -= 1
            if _quiet_depth == 0 and _quiet_saved is not None:
                os.dup2(_quiet_saved, 2)
                os.close(_quiet_saved)
                _quiet_saved = None


def _silence_descriptor() -> int | None:
    """Point descriptor 2 at the null device and return a copy of what it was; None where it is closed."""
    if sys.stderr is not None and not sys.stderr.closed:
        sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # no stderr at all: nothing to keep quiet
        return None
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)
    return saved
