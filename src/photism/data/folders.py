"""Folders as a data set: one subfolder a class, or train/valid/test each with class folders.

Covers which layout a folder has, walking it without running into link loops, and what lies beside the classes. Does
not cover tables (``tables.py``), nor opening a file.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from photism.data.listing import PART_SPELLINGS, Listing, is_utf8, litter_reason
from photism.errors import DataError
from photism.types import Part, Sample

__all__ = ["list_folder"]


def list_folder(root: Path) -> Listing:
    """List the samples of a folder: the class is the name of the subfolder, files may lie in folders below it.

    Parameters
    ----------
    root
        A folder with one subfolder a class, or with the subfolders train, valid and test (or their usual other
        spellings), each with one subfolder a class.

    Returns
    -------
    Listing
        Samples sorted by name, which is the path below ``root`` with ``/``; no file has been opened.

    Raises
    ------
    DataError
        If the folder cannot be read, is empty, holds files but no class folders, or has parts without class folders.

    Notes
    -----
    ``train`` is a part only where the folder looks like parts: every subfolder is spelled like one, or there are two
    parts at least and train among them. A folder with the classes ``train`` and ``bus`` is read as classes. Links to
    files and folders are followed; within a class each folder is walked once, so links cannot lead in circles. Hidden
    files and folders are skipped and listed.
    """
    listing = Listing(root)
    folders, files = _entries(root, "", listing)
    parts = _parts(root, folders)
    for name in files:
        listing.skip(name, "lies beside the class folders, so it has no label")
    if not folders:
        raise DataError(_no_classes(root, files))
    for folder in folders:
        if parts is None:
            _list_class(root, folder, folder, None, listing)
        elif folder not in parts:
            listing.skip(folder + "/", "is a folder beside train, valid and test")
        else:
            classes, loose = _entries(root / folder, folder + "/", listing)
            for name in loose:
                listing.skip(name, "lies beside the class folders, so it has no label")
            if not classes:
                raise DataError(f"{root / folder} has no class folders: expected one subfolder a class.")
            for name in classes:
                _list_class(root, f"{folder}/{name}", name, parts[folder], listing)
    listing.samples.sort(key=lambda sample: sample.name)
    return listing


def _parts(root: Path, folders: list[str]) -> dict[str, Part] | None:
    """Return which subfolder is which part, or None where the subfolders are classes."""
    spelled = {name: PART_SPELLINGS[name.lower()] for name in folders if name.lower() in PART_SPELLINGS}
    if not spelled or (len(spelled) < len(folders) and len(set(spelled.values())) < 2):
        return None
    if len(spelled) < len(folders) and "train" not in spelled.values():
        return None
    nested = [name for name in spelled if _has_folders(root / name)]
    # train/ and test/ full of files: two parts that lost their classes, never two classes
    if not nested and len(set(spelled.values())) > 1:
        raise DataError(f"{root / next(iter(spelled))} has no class folders: expected one subfolder a class.")
    return spelled if nested else None


def _list_class(root: Path, folder: str, label: str, part: Part | None, listing: Listing) -> None:
    """Add every file below a class folder, deepest folders included."""
    found = len(listing.samples) + len(listing.skipped)
    walked = {_identity(root), _identity((root / folder).parent)}
    todo = [folder]
    while todo:
        name = todo.pop()
        here = _identity(root / name)
        if here in walked:
            listing.skip(name + "/", "is a link to a folder that is walked through already")
            continue
        walked.add(here)
        folders, files = _entries(root / name, name + "/", listing)
        todo.extend(f"{name}/{each}" for each in reversed(folders))
        listing.samples.extend(Sample(root / each, each, label, part=part) for each in files)
    if len(listing.samples) + len(listing.skipped) == found:
        listing.warnings.append(f"The class folder {folder} is empty.")


def _entries(folder: Path, prefix: str, listing: Listing) -> tuple[list[str], list[str]]:
    """Return the names of subfolders, and the names of files with the prefix; litter goes to the listing."""
    folders: list[str] = []
    files: list[str] = []
    try:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError as error:
        if not prefix:
            raise DataError(f"{folder} cannot be read: {error.strerror}.") from error
        listing.skip(prefix, f"cannot be read: {error.strerror}")
        return [], []
    for entry in entries:
        if reason := litter_reason(entry.name):
            listing.skip(prefix + entry.name, reason)
        elif entry.name.startswith("."):
            listing.skip(prefix + entry.name, "is hidden: its name begins with a dot")
        elif not is_utf8(entry.name):
            listing.skip(prefix + entry.name, "has a name that is not UTF-8")
        elif _is_folder(entry):
            folders.append(entry.name)
        else:
            files.append(prefix + entry.name)
    return folders, files


def _is_folder(entry: os.DirEntry[str] | Path) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, on some systems
        return False


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _has_folders(folder: Path) -> bool:
    try:
        return any(_is_folder(folder / name) for name in os.listdir(folder))
    except OSError:  # walking it says why it cannot be read
        return False


def _no_classes(root: Path, files: list[str]) -> str:
    """Say what a folder without subfolders should have been."""
    expected = "expected one subfolder a class, or a CSV with the columns path and label"
    tables = [name for name in files if name.lower().endswith((".csv", ".tsv"))]
    if not files:
        return f"{root} is empty: {expected}."
    hint = f"; did you mean {root / tables[0]}?" if len(tables) == 1 else "."
    regular = sum(stat.S_ISREG(os.lstat(root / name).st_mode) for name in files)
    return f"{root} holds {regular} files but no class folders: {expected}{hint}"
