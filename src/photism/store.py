"""An append-only store of array rows on disk, found again by content key.

Rendered pictures and pooled features are both "some rows for one file's content": this is the one place that
keeps them. ``rows.bin`` holds the rows one after another, ``index.jsonl`` says which rows belong to which key. A
process that dies in the middle of writing leaves rows without an index line; the next writer overwrites them.

Not covered: what a row means, and when a store is worth opening. Nothing here is precious: a damaged store is
emptied and filled again.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from photism.errors import OptionError

__all__ = ["Kept", "RowStore", "cache_limit", "cache_root", "list_cache", "trim_cache"]

DEFAULT_CACHE_BYTES = 20 * 2**30
STORES = ("pictures", "features", "maps")
NETWORKS = ("engines", "backbones")
IN_USE = "in-use"
"""A store's file that whoever reads or writes the store holds a shared lock on."""


def cache_root() -> Path:
    """Return the folder for everything that can be made again: ``$PHOTISM_CACHE``, or the user's cache folder."""
    if given := os.environ.get("PHOTISM_CACHE"):
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "photism"


def cache_limit() -> int:
    """Return how many bytes the cache may hold: ``$PHOTISM_CACHE_BYTES``, or 20 GiB.

    Raises
    ------
    OptionError
        Where that is no number of bytes.
    """
    given = os.environ.get("PHOTISM_CACHE_BYTES", str(DEFAULT_CACHE_BYTES))
    if not given.strip().isdecimal():
        raise OptionError(f"$PHOTISM_CACHE_BYTES expects a number of bytes, such as 20000000000, and is {given!r}.")
    return int(given)


@dataclass(frozen=True, slots=True)
class Kept:
    """One thing in the cache that can be made again: what sort, where, its bytes, and when it was last used (s)."""

    sort: str
    path: Path
    n_bytes: int
    used_s: float


def list_cache(root: Path) -> tuple[Kept, ...]:
    """List what photism keeps in a folder, the longest unused first; files of anyone else are not seen.

    Parameters
    ----------
    root : Path
    """
    found = []
    for sort in STORES:
        for folder in root.glob(f"{sort}-*"):
            rows = folder / "rows.bin"
            if rows.is_file():
                found.append(Kept(sort, folder, sum(_size(path) for path in folder.iterdir()), rows.stat().st_mtime))
    for sort in NETWORKS:
        for path in (root / sort).rglob("*"):
            if path.is_file():
                found.append(Kept(sort, path, _size(path), path.stat().st_mtime))
    return tuple(sorted(found, key=lambda one: (one.used_s, one.path)))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # another process has just removed it
        return 0


def trim_cache(root: Path, *, limit_bytes: int | None = None) -> int:
    """Delete what was used longest ago until at most ``limit_bytes`` remain; return the bytes freed.

    Parameters
    ----------
    root : Path
        The folder of the cache; nothing in it but what photism keeps is touched.
    limit_bytes : int, optional
        By default ``cache_limit()``; 0 clears the cache.

    Notes
    -----
    What another process is using stays.
    """
    limit = cache_limit() if limit_bytes is None else limit_bytes
    kept = list_cache(root)
    total, freed = sum(one.n_bytes for one in kept), 0
    for one in kept:
        if total - freed <= limit:
            break
        if _removed(one.path):
            freed += one.n_bytes
    return freed


def _removed(path: Path) -> bool:
    """Remove a file of the cache, or a store that nobody uses; say whether it is gone."""
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return True
    with suppress(FileNotFoundError), (path / IN_USE).open("a") as held:  # another process may have just removed it
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        shutil.rmtree(path, ignore_errors=True)
    return True


def _held(folder: Path) -> int:
    """Make a store's folder unless it is there, and keep others from removing it while the descriptor is open."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(folder / IN_USE, os.O_RDWR | os.O_CREAT)
        except FileNotFoundError:  # removed since
            continue
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        with suppress(FileNotFoundError):
            if os.stat(folder / IN_USE).st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        os.close(descriptor)  # removed while this waited for the lock


@dataclass(frozen=True, slots=True)
class _Entry:
    start: int
    count: int
    extra: list[list[int]]


class RowStore:
    """Rows of one shape and one type, grouped by key; while there is such a value, its folder stays.

    Parameters
    ----------
    folder : Path
        Where ``rows.bin`` and ``index.jsonl`` live; made if it is not there.
    row_shape : sequence of int
        Shape of one row.
    dtype : numpy dtype
        Type of the elements.

    Notes
    -----
    Several processes may append at once: writers take a file lock, readers see only what was indexed. Rows are read
    through a memory map, so they cost page cache and no anonymous memory.
    """

    def __init__(self, folder: Path, *, row_shape: Sequence[int], dtype: str) -> None:
        self.folder = folder
        self._row_shape = tuple(row_shape)
        self._dtype = np.dtype(dtype)
        self._row_bytes = int(np.prod(self._row_shape, dtype=np.int64)) * self._dtype.itemsize
        # Closed with the store: until then nobody removes it.
        weakref.finalize(self, os.close, _held(folder))
        self._rows_path, self._index_path = folder / "rows.bin", folder / "index.jsonl"
        self._rows_path.touch()
        self._index: dict[str, _Entry] = {}
        self._index_read_bytes = 0
        self._end = 0
        with self._locked():
            self._read_index()

    def __contains__(self, key: str) -> bool:
        return key in self._index

    def get(self, key: str) -> tuple[NDArray[np.generic], list[list[int]]]:
        """Return the rows kept under ``key`` and the integers kept beside them, one list a row.

        Raises
        ------
        KeyError
            Where nothing is kept under ``key``.
        """
        entry = self._index[key]
        rows = np.memmap(
            self._rows_path,
            dtype=self._dtype,
            mode="r",
            offset=entry.start * self._row_bytes,
            shape=(entry.count, *self._row_shape),
        )
        return rows, entry.extra

    def table(self, keys: Sequence[str]) -> tuple[NDArray[np.generic], NDArray[np.int64], NDArray[np.int64]]:
        """Return all rows of the store as one memory map, and where in it those of some keys lie.

        Parameters
        ----------
        keys : sequence of str
            A key may be named several times.

        Returns
        -------
        rows : (n, *row_shape)
            Read-only; costs page cache and no anonymous memory. Rows of all keys, in the order of their writing.
        starts, counts : int64 (len(keys),)
            The first row of each key, and how many it has.

        Raises
        ------
        KeyError
            Where nothing is kept under one of the keys.
        """
        entries = [self._index[key] for key in keys]
        starts = np.array([entry.start for entry in entries], dtype=np.int64)
        counts = np.array([entry.count for entry in entries], dtype=np.int64)
        end = int((starts + counts).max(initial=0))
        shape = (end, *self._row_shape)
        if end == 0:  # nothing to map
            return np.empty(shape, self._dtype), starts, counts
        return np.memmap(self._rows_path, dtype=self._dtype, mode="r", shape=shape), starts, counts

    def extra(self, key: str) -> list[list[int]]:
        """Return the integers kept beside the rows of ``key``, one list a row.

        Raises
        ------
        KeyError
            Where nothing is kept under ``key``.
        """
        return self._index[key].extra

    def append(self, items: Sequence[tuple[str, NDArray[np.generic], list[list[int]]]]) -> None:
        """Keep rows under their keys; a key that is there already is left as it is.

        Parameters
        ----------
        items : sequence of (key, rows, extra)
            ``rows`` has shape ``(n, *row_shape)``; ``extra`` holds one list of integers a row.
        """
        with self._locked():
            self._read_index()
            lines = []
            with self._rows_path.open("r+b") as rows_file:
                rows_file.seek(self._end * self._row_bytes)
                for key, rows, extra in items:
                    if key in self._index:
                        continue
                    rows_file.write(np.ascontiguousarray(rows, dtype=self._dtype).tobytes())
                    entry = _Entry(self._end, len(rows), extra)
                    self._index[key] = entry
                    self._end += len(rows)
                    lines.append(json.dumps([key, entry.start, entry.count, extra]) + "\n")
            with self._index_path.open("ab") as index_file:
                index_file.write("".join(lines).encode())
                self._index_read_bytes = index_file.tell()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.folder / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _read_index(self) -> None:
        """Read what other writers have added since; start over where the index does not fit the rows."""
        if not self._index_path.exists():
            self._index_path.touch()
        with self._index_path.open("rb") as index_file:
            index_file.seek(self._index_read_bytes)
            text = index_file.read()
        try:
            for line in text.decode().splitlines():
                key, start, count, extra = json.loads(line)
                self._index[key] = _Entry(start, count, extra)
                self._end = max(self._end, start + count)
        except (ValueError, TypeError):
            self._empty()
            return
        self._index_read_bytes += len(text)
        if self._end * self._row_bytes > self._rows_path.stat().st_size:
            self._empty()

    def _empty(self) -> None:
        self._index.clear()
        self._end = self._index_read_bytes = 0
        self._index_path.write_bytes(b"")
        self._rows_path.write_bytes(b"")
