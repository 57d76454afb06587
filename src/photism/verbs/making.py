"""The folder that a verb leaves its pages in: found fit before the work begins, and taken away again where it fails."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from photism.errors import InputError

__all__ = ["making"]


@contextmanager
def making(out: Path, *, verb: str, mark: str) -> Iterator[None]:
    """Make a folder, do the work, and take the folder away again where nothing was written.

    Parameters
    ----------
    out : Path
        New, empty, or what an earlier call made.
    verb : str
        Which verb makes it, for the sentence that refuses another folder.
    mark : str
        A file that every such folder has.

    Raises
    ------
    InputError
        Where the folder holds something else, or cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())) and not (out / mark).is_file():
        raise InputError(f"{out}: expected a new or empty folder, or one of an earlier `photism {verb}`.")
    is_new = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror or error}.") from error
    if not os.access(out, os.W_OK | os.X_OK):
        raise InputError(f"{out} cannot be written: permission denied.")
    try:
        yield
    except OSError as error:
        if error.filename is None or not Path(os.fsdecode(error.filename)).is_relative_to(out):
            raise
        raise InputError(f"{out} cannot be written: {error.strerror or error}.") from error
    finally:
        if is_new:
            with suppress(OSError):  # something is in it
                out.rmdir()
