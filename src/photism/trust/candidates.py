"""Which pairs of files are worth comparing: neighbours in frozen features and thumbnails, sharers of rare tokens.

Covers exact nearest neighbours of vectors and pairs of files that share tokens. Does not cover what features and
fingerprints are, nor whether a candidate is a copy (``near``).

Memory: the features of every window projected to 256 values, and one block of similarities. A set of n files gives a
few n candidates, however many are alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from jaxtyping import Float32, Float64, Int, Int64, UInt64
from numpy.typing import NDArray

from photism.recognizers.layer_names import by_panel
from photism.training.features import CHUNK_BYTES, Features

__all__ = ["Print", "by_features", "by_fingerprint", "neighbours", "sharers"]

N_NEIGHBOURS = 3
"""Candidates that a file brings from each source."""
DEPTH = 0.75
"""How deep in the network features are compared: deep enough not to mind a crop, not so deep as to see classes only."""
N_VALUES = 256
"""Features are projected to so many values."""
SEED = 0
MOST_OWNERS = 8
"""A token that more files have is common: a format's header, an embedded font, the rest of a template."""
LEAST_RARE, LEAST_ANY = 0.1, 0.7
"""Least share of tokens: of the file with fewer, common ones not counted; or else of the file with more, all counted.
So two files that hold one standard header are no candidates, and two that hold little else are."""

Print: TypeAlias = NDArray[np.float32] | NDArray[np.uint64]
"""A file's fingerprint: a vector of length 1 (or zero), or tokens, sorted and without repetition."""


def by_fingerprint(prints: Mapping[int, Print], least: float) -> set[tuple[int, int]]:
    """Find candidates by fingerprints: vectors by their neighbours, tokens by what is shared.

    Parameters
    ----------
    prints : mapping of int to Print
        By the number of a file, all of one sort.
    least : float
        Least inner product of two vectors.

    Returns
    -------
    set of (int, int)
        Pairs of numbers, the smaller first.
    """
    if not prints:
        return set()
    numbers, taken = list(prints), list(prints.values())
    if taken[0].dtype == np.uint64:
        pairs = sharers([np.asarray(each, dtype=np.uint64) for each in taken])
    else:
        vectors = np.stack([np.asarray(each, dtype=np.float32) for each in taken])
        pairs = neighbours(vectors, np.arange(len(vectors)), least=least)
    return {(min(numbers[i], numbers[j]), max(numbers[i], numbers[j])) for i, j in pairs}


def by_features(features: Features, wanted: set[int], least: float) -> set[tuple[int, int]]:
    """Find candidates by the frozen features of the windows of the wanted files.

    Parameters
    ----------
    features : Features
    wanted : set of int
        Numbers of files.
    least : float
        Least cosine of two windows, standardised.

    Returns
    -------
    set of (int, int)
        Pairs of numbers, the smaller first.
    """
    mask = np.zeros(features.n_samples, dtype=bool)
    mask[list(wanted)] = True
    kept = features.keep(mask)
    if kept.n_windows < 2:
        return set()
    return neighbours(_projected(kept), kept.sample_of_window, least=least)


def _projected(features: Features) -> Float32[np.ndarray, "n d"]:
    """Standardise one layer of each panel, project it to ``N_VALUES`` values, and give every row length 1."""
    names = [stages[round(DEPTH * (len(stages) - 1))] for stages in by_panel(features.layers).values()]
    width = features.width(names)
    total, squares = np.zeros(width), np.zeros(width)
    for _, rows in features.chunks(names):
        total += rows.sum(axis=0, dtype=np.float64)
        squares += (rows.astype(np.float64) ** 2).sum(axis=0)
    mean = total / features.n_windows
    spread = np.sqrt(np.maximum(squares / features.n_windows - mean**2, 0.0)) + 1e-6
    turn = np.random.default_rng(SEED).standard_normal((width, N_VALUES)) / np.sqrt(N_VALUES)
    turn = np.eye(width) if width <= N_VALUES else turn
    turn = (turn / spread[:, None]).astype(np.float32)
    found = np.empty((features.n_windows, turn.shape[1]), np.float32)
    for some, values in features.chunks(names):
        found[some] = (values - mean.astype(np.float32)) @ turn
    found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
    return found


def neighbours(
    rows: Float32[np.ndarray, "n d"], owner: Int[np.ndarray, " n"], *, least: float, k: int = N_NEIGHBOURS
) -> set[tuple[int, int]]:
    """Pair each row with its nearest ones of other owners.

    Parameters
    ----------
    rows : float32 (n, d)
        Of length 1 each (or zero): their inner product is the similarity.
    owner : int (n,)
        The file of each row; rows of one file stand together.
    least : float
        Least similarity.
    k : int
        Nearest rows looked at, besides those of the same file.

    Returns
    -------
    set of (int, int)
        Pairs of owners, the smaller first.

    Notes
    -----
    Exact, in blocks of ``CHUNK_BYTES`` of similarities.
    """
    step = max(1, CHUNK_BYTES // (4 * max(len(rows), 1)))
    pairs: set[tuple[int, int]] = set()
    for start in range(0, len(rows), step):
        scores = rows[start : start + step] @ rows.T
        own = owner[start : start + step]
        for i, j in zip(*_own_rows(own, owner), strict=True):
            scores[i, j] = -np.inf
        nearest = np.argpartition(-scores, min(k, len(rows)) - 1, axis=1)[:, :k]
        close = np.take_along_axis(scores, nearest, axis=1) >= least
        for i, j in zip(own[np.nonzero(close)[0]].tolist(), owner[nearest[close]].tolist(), strict=True):
            pairs.add((min(i, j), max(i, j)))
    return pairs


def _own_rows(own: Int[np.ndarray, " m"], owner: Int[np.ndarray, " n"]) -> tuple[list[int], list[slice]]:
    """For each row of a block, where the rows of its own file stand."""
    begin = np.searchsorted(owner, own, side="left").tolist()
    end = np.searchsorted(owner, own, side="right").tolist()
    return list(range(len(own))), [slice(b, e) for b, e in zip(begin, end, strict=True)]


def sharers(tokens: Sequence[UInt64[np.ndarray, " _"]], *, k: int = N_NEIGHBOURS) -> set[tuple[int, int]]:
    """Pair the files that share many tokens.

    Parameters
    ----------
    tokens : sequence of uint64 (t,)
        The different tokens of each file.
    k : int
        Partners kept of each file, those with the largest share.

    Returns
    -------
    set of (int, int)
        Pairs of indices, the smaller first, that share ``LEAST_RARE`` of the tokens of the file with fewer, common ones
        not counted, or ``LEAST_ANY`` of all tokens of the file with more.

    Notes
    -----
    A common token is followed from each of its owners to the next ``MOST_OWNERS - 1`` only, so that the work grows with
    the number of tokens; a set of many copies is linked like a chain by that.
    """
    counts = np.array([len(each) for each in tokens], dtype=np.int64)
    joined = np.concatenate([*tokens, np.empty(0, np.uint64)])
    owners = np.repeat(np.arange(len(tokens)), counts)
    order = np.argsort(joined, kind="stable")  # owners of one token stay in their order
    joined, owners = joined[order], owners[order]
    _, places, n_owners = np.unique(joined, return_inverse=True, return_counts=True)
    rare = n_owners[places] <= MOST_OWNERS
    first, second, shared = _shared(joined[rare], owners[rare], len(counts))
    found = _best_of_each(first, second, shared / np.minimum(counts[first], counts[second]), LEAST_RARE, k)
    first, second, shared = _shared(joined, owners, len(counts))
    return found | _best_of_each(first, second, shared / np.maximum(counts[first], counts[second]), LEAST_ANY, k)


def _shared(
    joined: UInt64[np.ndarray, " m"], owners: Int64[np.ndarray, " m"], n_files: int
) -> tuple[Int64[np.ndarray, " p"], Int64[np.ndarray, " p"], Int64[np.ndarray, " p"]]:
    """Count the sorted tokens that two files have in common: both files, and how many."""
    steps = [np.empty(0, np.int64)]
    for ahead in range(1, min(MOST_OWNERS, len(joined))):
        same = np.flatnonzero(joined[ahead:] == joined[:-ahead])
        steps.append(owners[same] * np.int64(n_files) + owners[same + ahead])
    keys, shared = np.unique(np.concatenate(steps), return_counts=True)
    first, second = np.divmod(keys, max(n_files, 1))
    return first, second, shared


def _best_of_each(
    first: Int64[np.ndarray, " p"],
    second: Int64[np.ndarray, " p"],
    share: Float64[np.ndarray, " p"],
    least: float,
    k: int,
) -> set[tuple[int, int]]:
    """Keep a pair that shares enough, where it is among the k best of either of its files."""
    kept = share >= least
    ends = np.concatenate([first[kept], second[kept]])
    others = np.concatenate([second[kept], first[kept]])
    order = np.lexsort((others, -np.concatenate([share[kept], share[kept]]), ends))
    ends, others = ends[order], others[order]
    rank = np.arange(len(ends)) - np.searchsorted(ends, ends, side="left")
    best = rank < k
    return {(min(i, j), max(i, j)) for i, j in zip(ends[best].tolist(), others[best].tolist(), strict=True)}
