"""Files of the cache that are either whole or not there: written beside and renamed, with their own hash.

A process may die while it writes, two may write at once, a disk may lose a block: a reader gets the bytes that were
written, or None and makes them again. Does not cover rows of arrays (``photism.store``).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

__all__ = ["read_sealed", "write_sealed"]

HASH_BYTES = 32


def write_sealed(path: Path, content: bytes, *, keep: int = 64) -> None:
    """Write ``content`` and its hash to ``path`` in one step; of the folder's files only the ``keep`` newest stay.

    A folder that cannot be written, or a full disk, is no error: what would be kept is made again next time.
    """
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(content).digest())
                file.write(content)
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
        _forget_old(path.parent, keep)


def read_sealed(path: Path) -> bytes | None:
    """Return what was written to ``path``; None where nothing was, or where it is not what was written."""
    try:
        raw = path.read_bytes()
    except OSError:
        return None
    content = raw[HASH_BYTES:]
    if hashlib.sha256(content).digest() != raw[:HASH_BYTES]:
        return None
    with contextlib.suppress(OSError):  # only says that it was used; a cache on a read-only disk is a cache
        os.utime(path)
    return content


def _forget_old(folder: Path, keep: int) -> None:
    # Not those that another process is writing: they begin with a dot.
    paths = [path for path in folder.iterdir() if not path.name.startswith(".")]
    for path in sorted(paths, key=lambda one: one.stat().st_mtime)[:-keep]:
        path.unlink(missing_ok=True)
