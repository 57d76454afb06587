"""A temporary file for what has to be remembered of each file of a data set until all have been seen.

Covers arrays put one after another into one file, and read again in workers by their place. Does not cover what is
worth keeping, nor keeping it any longer: the file goes when the search is over (a search that is killed leaves it to
whoever clears the folder of temporary files).

Disk: at most ``MOST_BYTES``; what comes later is not kept, and whoever needs it makes it again.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Known", "Place", "Shelf"]

MOST_BYTES = 1 << 29
"""Thumbnails of 130,000 images, or 4.6 hours of sound."""
LEAST_FREE_BYTES = 1 << 30
"""Room that is left to others on the disk."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an array lies."""

    file: Path
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def read(self) -> NDArray[Any]:
        """Read the array (in any process)."""
        n_values = int(np.prod(self.shape))
        return np.fromfile(self.file, self.dtype, n_values, offset=self.offset).reshape(self.shape)


@dataclass(frozen=True, slots=True)
class Known:
    """A file, and what was kept of it, None where nothing was.

    Parameters
    ----------
    path : Path
    place : Place, optional
    """

    path: Path
    place: Place | None = None


class Shelf:
    """A temporary file that arrays are put into; a context manager, which removes it.

    Parameters
    ----------
    most_bytes : int
        How long the file may grow.

    Examples
    --------
    >>> with Shelf() as shelf:
    ...     place = shelf.put(np.arange(3))
    ...     place.read()
    array([0, 1, 2])
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._things = ExitStack()
        self._file: FileIO | None = None
        self._left_bytes = 0
        with suppress(OSError):  # without a folder for temporary files nothing is kept
            self._path = Path(self._things.enter_context(tempfile.TemporaryDirectory(prefix="photism-"))) / "kept.bin"
            self._file = self._things.enter_context(FileIO(self._path, "w"))  # no buffer: workers see what was put
            self._left_bytes = min(most_bytes, shutil.disk_usage(self._path.parent).free - LEAST_FREE_BYTES)

    def put(self, values: NDArray[Any]) -> Place | None:
        """Append an array and return its place, None where there is no room for it.

        Parameters
        ----------
        values : array
            Of any shape and type but objects.
        """
        if self._file is None or values.nbytes > self._left_bytes:
            return None
        place = Place(self._path, self._file.tell(), values.shape, values.dtype)
        try:
            n_bytes = self._file.write(values.tobytes())
        except OSError:  # the disk is full after all: whoever needs the rest makes it again
            n_bytes = 0
        if n_bytes < values.nbytes:
            self._left_bytes = 0
            return None
        self._left_bytes -= n_bytes
        return place

    def __enter__(self) -> Shelf:
        """Return the shelf."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Remove the file."""
        self._things.close()
