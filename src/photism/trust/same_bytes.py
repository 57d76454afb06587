"""Are two files copies of one another, read as bytes? They share most of their runs, or all of an overlap.

Covers files of which some bytes were changed, files saved again with parts moved, windows cut from one file that
overlap, and a piece of another file. Runs that say nothing (zeros, repeated patterns) do not count. Does not cover
copies that were compressed, encrypted or written in another byte order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int64, UInt8, UInt64

from photism.data.decode_bytes import decode_bytes
from photism.errors import DecodeError

__all__ = ["SameBytes", "compare_bytes", "fingerprint_bytes", "same_bytes", "shingles"]

SHINGLE_BYTES = 8
"""Length of the runs that are compared. One byte in a hundred changed spoils eight runs in a hundred."""
LEAST_DISTINCT = 4
"""A run with fewer different bytes says nothing: zeros, a repeated colour, small numbers in wide fields."""
LEAST_MOVED = 0.8
"""Least share of the runs of twice that length that both must hold to be copies with parts moved."""
LEAST_AGREEMENT = 0.9
"""Least share of telling bytes that must be equal where two files overlap."""
LEAST_RUNS = 128
"""Least number of different telling runs that must be shared; in a short file, half of all its runs."""
LEAST_OVERLAP = 0.2
"""Least overlap, of the shorter file's telling runs."""
MOST_TOKENS = 512
"""Most values of a fingerprint."""
MOST_BYTES = 1 << 22
"""Bytes of a file that are looked at; the rest of a longer one is not."""

_MIXERS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9))
_DIAGONALS = 3


@dataclass(frozen=True, slots=True)
class SameBytes:
    """What two byte strings share.

    Parameters
    ----------
    moved : float
        Share of the different telling runs of 2 ``SHINGLE_BYTES`` that are in both, of the one that has fewer, 0 to 1.
    offset : int
        Bytes by which the second one's content lies further on than the first one's, where they overlap best.
    agreement : float
        Share of telling bytes that are equal all along that overlap, 0 to 1.
    overlap : float
        Telling runs in the overlap, of the one that has fewer, 0 to 1.
    """

    moved: float
    offset: int
    agreement: float
    overlap: float


def shingles(values: UInt8[np.ndarray, " n"]) -> tuple[UInt64[np.ndarray, " m"], Bool[np.ndarray, " m"]]:
    """Hash every run of ``SHINGLE_BYTES`` bytes, and tell which runs say something.

    Parameters
    ----------
    values : uint8 (n,)
        A file's bytes.

    Returns
    -------
    hashes : uint64 (n - SHINGLE_BYTES + 1,)
        One a place; empty where the file is shorter than a run. Different runs have different hashes.
    telling : bool (the same,)
        False for runs of fewer than ``LEAST_DISTINCT`` different bytes.
    """
    n_runs = max(len(values) - SHINGLE_BYTES + 1, 0)
    packed = np.zeros(n_runs, np.uint64)
    for k in range(SHINGLE_BYTES):
        packed |= values[k : k + n_runs].astype(np.uint64) << np.uint64(8 * k)
    runs = np.stack([values[k : k + n_runs] for k in range(SHINGLE_BYTES)])
    runs.sort(axis=0)
    n_distinct = 1 + (runs[1:] != runs[:-1]).sum(axis=0)
    for mixer in _MIXERS:  # SplitMix64's finish: odd factors and shifts, so nothing is lost
        packed = (packed ^ (packed >> np.uint64(30))) * mixer
    return packed ^ (packed >> np.uint64(31)), n_distinct >= LEAST_DISTINCT


def fingerprint_bytes(path: Path) -> UInt64[np.ndarray, " t"]:
    """Choose some of a file's runs by their own value, so that another file with the same runs chooses the same.

    Parameters
    ----------
    path : Path
        Any file.

    Returns
    -------
    uint64 (t,)
        Sorted hashes without repetition, at most ``MOST_TOKENS``: those that a power of two divides, the smallest power
        that leaves few enough. Longer files choose among what shorter ones choose.

    Raises
    ------
    DecodeError
        If the file cannot be read.

    References
    ----------
    .. [1] Schleimer, S., Wilkerson, D. S., & Aiken, A. (2003). Winnowing: local algorithms for document fingerprinting.
       SIGMOD. https://doi.org/10.1145/872757.872770
    """
    runs = _runs(path)
    tokens = runs.telling
    power = 2
    while len(tokens) > MOST_TOKENS:
        power *= 2
        tokens = tokens[tokens % np.uint64(power) == 0]
    return tokens


def same_bytes(first: Path, second: Path) -> tuple[float, str] | None:
    """Compare two files byte by byte: similarity and what was done, None where they are no copies.

    Parameters
    ----------
    first, second : Path
        Files; one that cannot be read is no copy.
    """
    try:
        one, other = _runs(first), _runs(second)
    except DecodeError:
        return None
    found = compare_bytes(one, other)
    if found is None:
        return None
    if found.agreement >= LEAST_AGREEMENT and found.overlap >= LEAST_OVERLAP:
        if found.offset == 0 and len(one.values) == len(other.values):
            return found.agreement, f"{100 * (1 - found.agreement):.2g} % of the bytes changed"
        if found.overlap >= 0.99 and len(one.values) != len(other.values):
            return found.agreement, "one is a part of the other"
        return (
            found.agreement,
            f"overlapping bytes ({100 * found.overlap:.0f} % of the shorter, {found.offset:+d} bytes)",
        )
    if found.moved >= LEAST_MOVED:
        return found.moved, f"{100 * found.moved:.0f} % of the same runs of bytes, some of them moved"
    return None


@dataclass(frozen=True, slots=True)
class Runs:
    """A file's bytes and the runs in them: hashes by place, and the different telling ones, sorted."""

    values: UInt8[np.ndarray, " n"]
    hashes: UInt64[np.ndarray, " m"]
    tells: Bool[np.ndarray, " m"]
    telling: UInt64[np.ndarray, " u"]


def runs_of(values: UInt8[np.ndarray, " n"]) -> Runs:
    """Hash a byte string's runs.

    Parameters
    ----------
    values : uint8 (n,)
    """
    hashes, tells = shingles(values)
    return Runs(values, hashes, tells, np.unique(hashes[tells]))


@lru_cache(maxsize=4)
def _runs(path: Path) -> Runs:
    return runs_of(np.asarray(decode_bytes(path).values[:MOST_BYTES]))


def compare_bytes(one: Runs, other: Runs) -> SameBytes | None:
    """Compare two byte strings by the runs they share and by the overlap that explains most of them.

    Parameters
    ----------
    one, other : Runs

    Returns
    -------
    SameBytes or None
        None where they share too few different telling runs to tell.
    """
    shared = np.intersect1d(one.telling, other.telling, assume_unique=True)
    fewest = min(len(one.telling), len(other.telling))
    needed = max(1, min(LEAST_RUNS, len(one.hashes) // 2, len(other.hashes) // 2))
    if len(shared) < needed:  # mostly zeros, or a pattern: what is left could be any file's
        return None
    offsets = _places(other, shared) - _places(one, shared)
    values, counts = np.unique(offsets, return_counts=True)
    best = SameBytes(_moved(one, other), 0, 0.0, 0.0)
    for offset in values[np.argsort(-counts, kind="stable")[:_DIAGONALS]].tolist():
        agreement, n_runs = _along(one, other, offset)
        overlap = n_runs / fewest
        if n_runs >= needed and agreement * overlap > best.agreement * best.overlap:
            best = SameBytes(best.moved, offset, agreement, overlap)
    return best


def _moved(one: Runs, other: Runs) -> float:
    """Share of the different long runs that both hold, of the one that has fewer."""
    first, second = (_long_runs(each) for each in (one, other))
    shared = np.intersect1d(first, second, assume_unique=True)
    return len(shared) / max(min(len(first), len(second)), 1)


def _long_runs(runs: Runs) -> UInt64[np.ndarray, " u"]:
    """Hash pairs of telling runs that follow one another."""
    begin, end = runs.hashes[:-SHINGLE_BYTES], runs.hashes[SHINGLE_BYTES:]
    tell = runs.tells[:-SHINGLE_BYTES] & runs.tells[SHINGLE_BYTES:]
    return np.unique((begin * _MIXERS[0] + end)[tell])


def _places(runs: Runs, wanted: UInt64[np.ndarray, " k"]) -> Int64[np.ndarray, " k"]:
    """The first place of each wanted run."""
    order = np.argsort(runs.hashes, kind="stable")
    return np.asarray(order[np.searchsorted(runs.hashes, wanted, sorter=order)], dtype=np.int64)


def _along(one: Runs, other: Runs, offset: int) -> tuple[float, int]:
    """Lay the second over the first at an offset: share of equal telling bytes, and different telling runs there."""
    start = max(0, -offset)
    stop = min(len(one.values), len(other.values) - offset)
    if stop - start < SHINGLE_BYTES:
        return 0.0, 0
    equal = one.values[start:stop] == other.values[start + offset : stop + offset]
    runs = slice(start, stop - SHINGLE_BYTES + 1)
    behind = slice(start + offset, stop + offset - SHINGLE_BYTES + 1)
    n_runs = min(len(np.unique(each.hashes[at][each.tells[at]])) for each, at in ((one, runs), (other, behind)))
    telling = np.zeros(stop - start, bool)
    starts = np.flatnonzero(one.tells[runs] | other.tells[behind])
    for k in range(SHINGLE_BYTES):
        telling[starts + k] = True
    return (float(equal[telling].mean()) if telling.any() else 0.0), n_runs
