"""Near copies among the files of a data set: candidates from neighbours, each verified on the two decoded signals.

Covers where candidates come from (the nearest neighbours of frozen features, the nearest grey thumbnails of images,
rare tokens that two files share) and the table of what each kind is verified with. Does not cover the verification
(``same_image``, ``same_sound``, ``same_bytes``, ``same_track``), nor what pairs leak across the parts (``leaks``).

Memory: the features of every window projected to 256 values, fingerprints of at most a few kilobytes a file, and one
block of similarities. A set of n files gives a few n candidates, however many are alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float32, Float64, Int, Int64, UInt64
from numpy.typing import NDArray

from photism.data.duplicates import content_hash
from photism.errors import DecodeError, WorkerError
from photism.executor import Executor
from photism.training.features import CHUNK_BYTES, Features
from photism.trust.same_bytes import fingerprint_bytes, same_bytes
from photism.trust.same_image import alike, fingerprint_image, same_image
from photism.trust.same_sound import fingerprint_sound, same_sound
from photism.trust.same_track import fingerprint_track, same_track
from photism.types import JSON, Kind, Progress, Sample, silent

__all__ = ["NearPair", "compare_files", "describe_file", "near_duplicates", "neighbours", "sharers"]

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


Print: TypeAlias = NDArray[np.float32] | NDArray[np.uint64] | None
Described: TypeAlias = tuple[str, Print]


@dataclass(frozen=True, slots=True)
class NearPair:
    """Two files that are copies of one another.

    Parameters
    ----------
    first, second : int
        Indices into the samples, first < second.
    similarity : float
        0 to 1; what it measures depends on the kind (see ``same_KIND``); 1.0 for equal bytes.
    how : str
        What was done to one of them, in words.
    """

    first: int
    second: int
    similarity: float
    how: str

    def to_json(self) -> dict[str, JSON]:
        """Return the pair as JSON values."""
        return {"first": self.first, "second": self.second, "similarity": self.similarity, "how": self.how}


@dataclass(frozen=True, slots=True)
class _Way:
    """How one kind is searched: fingerprint of a file (or None), verification of two, and thresholds for candidates.

    ``least_cosine`` holds for frozen features, ``least_match`` for fingerprints that are vectors, beside features and
    alone; ``alike`` tells from two fingerprints whether the files are worth decoding.
    """

    fingerprint: Callable[[Path], NDArray[np.float32] | NDArray[np.uint64]] | None
    same: Callable[[Path, Path], tuple[float, str] | None]
    least_cosine: float
    least_match: tuple[float, float] = (0.0, 0.0)
    alike: Callable[[Any, Any], bool] | None = None  # of two fingerprints of this kind


_WAYS: Mapping[Kind, _Way] = {
    "image": _Way(fingerprint_image, same_image, least_cosine=0.5, least_match=(0.95, 0.8), alike=alike),
    "sound": _Way(fingerprint_sound, same_sound, least_cosine=0.3),
    "binary": _Way(fingerprint_bytes, same_bytes, least_cosine=2.0),  # tokens find more than features do
    "mouse": _Way(fingerprint_track, same_track, least_cosine=2.0, least_match=(0.99, 0.99)),
}


def near_duplicates(
    samples: Sequence[Sample],
    kind: Kind,
    features: Features | None,
    executor: Executor,
    *,
    progress: Progress = silent,
) -> tuple[NearPair, ...]:
    """Find the files that are copies of one another: equal, re-encoded, resized, cropped, shifted, overlapping, edited.

    Parameters
    ----------
    samples : sequence of Sample
        Files of one kind; those that cannot be read are passed over.
    kind : Kind
        What they are read as.
    features : Features, optional
        What a frozen network answered for them, numbered like ``samples``. Without it only fingerprints bring
        candidates.
    executor : Executor
        Where files are read.
    progress : callable
        Told (phase, done, total): "fingerprints", then "comparing".

    Returns
    -------
    tuple of NearPair
        Sorted by first and second, each pair once. A set of many copies is linked, not listed pair by pair: every copy
        is reached from every other one over pairs.

    Notes
    -----
    Deterministic: nothing is drawn but a projection with a fixed seed. A cosine of features is one of standardised
    values.
    """
    way = _WAYS[kind]
    described = _describe(samples, kind, executor, progress)
    alone, equal = _equal_files(described)
    prints = {i: each[1] for i in alone if (each := described[i]) is not None}
    candidates = _by_fingerprint(prints, way.least_match[features is None])
    if features is not None and way.least_cosine < 1.0:
        candidates |= _by_features(features, set(alone), way.least_cosine)
    jobs = []
    for i, j in sorted(candidates):
        thumbs = None if way.alike is None else (prints[i], prints[j])
        jobs.append(Job(i, j, samples[i].path, samples[j].path, thumbs))
    found = _verify(jobs, kind, executor, progress)
    return tuple(sorted([*equal, *found], key=lambda pair: (pair.first, pair.second)))


def describe_file(path: Path, kind: Kind) -> tuple[str, Print] | None:
    """Hash a file and take its fingerprint (run in a worker); None where it cannot be read.

    Parameters
    ----------
    path : Path
        The file.
    kind : Kind
        What it is read as.
    """
    take = _WAYS[kind].fingerprint
    try:
        return content_hash(path), None if take is None else take(path)
    except DecodeError:
        return None


@dataclass(frozen=True, slots=True)
class Job:
    """A candidate: the numbers of two files, their paths, and their fingerprints where these are looked at first."""

    i: int
    j: int
    first: Path
    second: Path
    prints: tuple[Print, Print] | None


def compare_files(job: Job, kind: Kind) -> tuple[float, str] | None:
    """Verify a candidate (run in a worker): similarity and how, None where the two are no copies.

    Parameters
    ----------
    job : Job
        Two files.
    kind : Kind
        What they are read as.
    """
    way = _WAYS[kind]
    if way.alike is not None and job.prints is not None and not way.alike(*job.prints):
        return None
    return way.same(job.first, job.second)


def _describe(samples: Sequence[Sample], kind: Kind, executor: Executor, progress: Progress) -> list[Described | None]:
    described: list[Described | None] = []
    paths = [sample.path for sample in samples]
    for answer in executor.map(partial(describe_file, kind=kind), paths):
        described.append(None if isinstance(answer, WorkerError) else answer)
        progress("fingerprints", len(described), len(paths))
    return described


def _equal_files(described: Sequence[Described | None]) -> tuple[list[int], list[NearPair]]:
    """One file of each content, and the pairs that link the others to it."""
    first: dict[str, int] = {}
    pairs = []
    for i, each in enumerate(described):
        if each is not None and first.setdefault(each[0], i) != i:
            pairs.append(NearPair(first[each[0]], i, 1.0, "the same bytes"))
    return list(first.values()), pairs


def _verify(jobs: Sequence[Job], kind: Kind, executor: Executor, progress: Progress) -> list[NearPair]:
    found = []
    answers = executor.map(partial(compare_files, kind=kind), jobs)
    for done, (job, answer) in enumerate(zip(jobs, answers, strict=True), start=1):
        if answer is not None and not isinstance(answer, WorkerError):
            found.append(NearPair(job.i, job.j, float(answer[0]), answer[1]))
        progress("comparing", done, len(jobs))
    return found


# ── candidates ───────────────────────────────────────────────────────────────────────────────────────


def _by_fingerprint(prints: Mapping[int, Print], least: float) -> set[tuple[int, int]]:
    """Candidates from fingerprints: vectors by their neighbours, tokens by what is shared."""
    numbers = list(prints)
    taken = [each for each in prints.values() if each is not None]
    if len(taken) < len(numbers) or not numbers:
        return set()
    if taken[0].dtype == np.uint64:
        pairs = sharers([np.asarray(each, dtype=np.uint64) for each in taken])
    else:
        vectors = np.stack([np.asarray(each, dtype=np.float32) for each in taken])
        pairs = neighbours(vectors, np.arange(len(vectors)), least=least)
    return {(min(numbers[i], numbers[j]), max(numbers[i], numbers[j])) for i, j in pairs}


def _by_features(features: Features, wanted: set[int], least: float) -> set[tuple[int, int]]:
    """Candidates from the frozen features of the windows of the wanted files."""
    mask = np.zeros(features.n_samples, dtype=bool)
    mask[list(wanted)] = True
    kept = features.keep(mask)
    if kept.n_windows < 2:
        return set()
    return neighbours(_projected(kept), kept.sample_of_window, least=least)


def _projected(features: Features) -> Float32[np.ndarray, "n d"]:
    """Standardise one layer of each panel, project it to ``N_VALUES`` values, and give every row length 1."""
    panels: dict[str, list[str]] = {}
    for name in features.layers:
        panels.setdefault(name.rpartition("/")[0], []).append(name)
    names = [stages[round(DEPTH * (len(stages) - 1))] for stages in panels.values()]
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
    A common token is followed from each of its owners to the next ``MOST_OWNERS`` only, so that the work grows with the
    number of tokens; a set of many copies is linked like a chain by that.
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
