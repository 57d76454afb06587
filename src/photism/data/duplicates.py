"""Exact copies by SHA-256, and what they and shared groups leak from one part into another.

Covers files that are equal byte for byte, and groups that a user's own split cuts. Does not cover copies that were
resized, re-encoded or cut (a later ``check``).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from photism.data.listing import printable
from photism.errors import DecodeError
from photism.types import JSON, Sample

__all__ = ["content_hash", "contradictions", "exact_duplicates", "leaks"]

_BLOCK_BYTES = 1 << 20
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def content_hash(path: Path) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits: the key of every cache.

    Parameters
    ----------
    path
        A regular file of any size; it is read in blocks of 1 MiB.

    Raises
    ------
    DecodeError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.bin")
    ...     _ = path.write_bytes(b"abc")
    ...     content_hash(path)[:16]
    'ba7816bf8f01cfea'
    """
    digest = hashlib.sha256()
    try:
        # bare descriptors: for small files Python's buffered streams cost more than the hash
        descriptor = os.open(path, _OPEN_FLAGS)
        try:
            while block := os.read(descriptor, _BLOCK_BYTES):
                digest.update(block)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise DecodeError(f"{printable(str(path))} cannot be read: {error.strerror}.") from error
    return digest.hexdigest()


def exact_duplicates(samples: Iterable[Sample], hashes: Mapping[Path, str]) -> list[list[Sample]]:
    """Find the samples whose files are equal byte for byte.

    Parameters
    ----------
    samples
        In any order.
    hashes
        ``content_hash`` of every sample's file.

    Returns
    -------
    list of list of Sample
        Each list holds two or more equal ones sorted by name; lists sorted by their first name.

    Notes
    -----
    Two names of one file (links) count as copies. Two files with one SHA-256 are taken to be equal.
    """
    by_content: dict[str, list[Sample]] = {}
    for sample in sorted(samples, key=_by_name):
        by_content.setdefault(hashes[sample.path], []).append(sample)
    return [same for same in by_content.values() if len(same) > 1]


def contradictions(duplicates: Iterable[Sequence[Sample]]) -> list[str]:
    """Say in one sentence each where equal files carry different labels."""
    sentences = []
    for same in duplicates:
        first = {sample.label: sample.name for sample in reversed(same)}
        if len(first) > 1:
            told = ", ".join(f"{name} ({label})" for label, name in sorted(first.items(), key=lambda each: each[1]))
            sentences.append(f"Equal files carry different labels: {told}.")
    return sentences


def leaks(samples: Sequence[Sample], duplicates: Iterable[Sequence[Sample]]) -> list[dict[str, JSON]]:
    """List every held-out sample that the training, or the choice of a model, has seen in another guise.

    Parameters
    ----------
    samples
        Samples with their part, as ``split`` gives them; those without a part are left out.
    duplicates
        What ``exact_duplicates`` found, before or after the split.

    Returns
    -------
    list of dict
        One a held-out sample, sorted by part and name: ``kind`` ("exact" for an equal file, "group" for another file
        of the same group), ``path``, ``split`` (its part), ``of`` and ``of_split`` (the sample it shares that with and
        that one's part: train where there is one, else valid), and ``similarity`` (1.0 for equal files, None where it
        has not been measured).

    Notes
    -----
    A sample of the test part leaks from train and valid, one of the valid part from train.
    """
    by_name = {sample.name: sample for sample in samples if sample.part is not None}
    equal = [[by_name[each.name] for each in same if each.name in by_name] for same in duplicates]
    grouped: dict[str, list[Sample]] = {}
    for sample in by_name.values():
        if sample.group is not None:
            grouped.setdefault(sample.group, []).append(sample)
    found: dict[str, dict[str, JSON]] = {}
    for kind, sets in (("group", grouped.values()), ("exact", equal)):  # the stronger evidence comes last and stays
        for same in sets:
            found.update(_leaks_within(kind, same))
    return sorted(found.values(), key=lambda leak: (str(leak["split"]), str(leak["path"])))


def _leaks_within(kind: str, same: Iterable[Sample]) -> dict[str, dict[str, JSON]]:
    """List the leaks among samples that are alike, by name of the held-out one."""
    first: dict[str, Sample] = {}
    for sample in sorted(same, key=_by_name, reverse=True):
        first[sample.part or ""] = sample
    found: dict[str, dict[str, JSON]] = {}
    for sample in same:
        seen = {"valid": ("train",), "test": ("train", "valid")}.get(sample.part or "", ())
        source = next((first[part] for part in seen if part in first), None)
        if source is not None:
            found[sample.name] = {
                "kind": kind,
                "path": printable(sample.name),
                "split": sample.part,
                "of": printable(source.name),
                "of_split": source.part,
                "similarity": 1.0 if kind == "exact" else None,
            }
    return found


def _by_name(sample: Sample) -> str:
    return sample.name
