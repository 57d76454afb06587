"""Near copies among the files of a data set: candidates, each verified on the two decoded signals.

Covers the order of the search (every file is read once, then candidates are compared) and the table of what each kind
is described and verified with. Does not cover where candidates come from (``candidates``), the verification
(``same_image``, ``same_sound``, ``same_bytes``, ``same_track``), nor what pairs leak across the parts (``leaks``).

Memory: fingerprints of at most a few kilobytes a file, beside what ``candidates`` needs. What comparisons look at is
kept in a temporary file, where decoding a file again for each pair would take longer than the comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import NDArray

from photism.data.duplicates import content_hash
from photism.errors import DecodeError, WorkerError
from photism.executor import Executor
from photism.training.features import Features
from photism.trust.candidates import Print, by_features, by_fingerprint
from photism.trust.same_bytes import fingerprint_bytes, same_bytes
from photism.trust.same_image import fingerprint_image, same_images, thumbnail
from photism.trust.same_sound import fingerprint_sound, same_known_sounds, white_wave
from photism.trust.same_track import fingerprint_track, same_track
from photism.trust.shelf import Known, Shelf
from photism.types import JSON, Kind, Progress, Sample, silent

__all__ = ["SAME_BYTES", "NearCopies", "NearPair", "compare_files", "describe_file", "near_duplicates"]

SAME_BYTES = "the same bytes"
"""How two identical files are copies."""
LARGEST_KEPT_BYTES = 1 << 20
"""Half a minute of sound. More is not kept: dozens of such arrays may be on their way from the workers at a time."""

Answer: TypeAlias = tuple[float, str] | None
Pair: TypeAlias = tuple[Known, Known]


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
class NearCopies:
    """What a search for near copies found, and what it could not look at.

    Parameters
    ----------
    pairs : tuple of NearPair
        Sorted by first and second, each pair once.
    n_compared : int
        Candidates that were compared.
    n_uncompared : int
        Candidates whose comparison took too long, needed too much memory or ended its worker: they may be copies.
    n_unread : int
        Files of which the same holds for reading them: nothing is known of their copies. Files that are damaged are not
        counted.
    """

    pairs: tuple[NearPair, ...]
    n_compared: int
    n_uncompared: int
    n_unread: int

    def to_json(self) -> dict[str, object]:
        """Return everything as JSON values."""
        return {
            "pairs": [pair.to_json() for pair in self.pairs],
            "n_compared": self.n_compared,
            "n_uncompared": self.n_uncompared,
            "n_unread": self.n_unread,
        }

    def to_text(self) -> str:
        """Say what was found, and what not looked at, in sentences."""
        n_pairs = f"{len(self.pairs)} pair of files is" if len(self.pairs) == 1 else f"{len(self.pairs)} pairs are"
        compared = "1 candidate" if self.n_compared == 1 else f"{self.n_compared} candidates"
        said = f"{n_pairs} near copies; {compared} compared."
        return " ".join(each for each in (said, self.gap) if each)

    @property
    def gap(self) -> str:
        """What could not be looked at, in a sentence; empty where everything was."""
        said = []
        if self.n_unread:
            said.append("1 file" if self.n_unread == 1 else f"{self.n_unread} files")
        if self.n_uncompared:
            said.append("1 pair of files" if self.n_uncompared == 1 else f"{self.n_uncompared} pairs of files")
        if not said:
            return ""
        return f"{' and '.join(said)} could not be compared in the time and memory given: near copies may be missing."


@dataclass(frozen=True, slots=True)
class _Way:
    """How one kind is searched.

    ``fingerprint`` brings candidates, ``keep`` says what of a file is kept for comparing it, None where the file is
    read again; ``same`` compares ``n_at_once`` candidates. ``least_cosine`` holds for frozen features, ``least_match``
    for fingerprints that are vectors, beside features and alone.
    """

    fingerprint: Callable[[Path], Print]
    keep: Callable[[Path], NDArray[Any]] | None
    same: Callable[[Sequence[Pair]], list[Answer]]
    least_cosine: float
    least_match: tuple[float, float] = (0.0, 0.0)
    n_at_once: int = 1


def _one_by_one(same: Callable[[Known, Known], Answer]) -> Callable[[Sequence[Pair]], list[Answer]]:
    return lambda pairs: [same(one, other) for one, other in pairs]


_WAYS: Mapping[Kind, _Way] = {
    "image": _Way(
        fingerprint_image, thumbnail, same_images, least_cosine=0.5, least_match=(0.95, 0.8), n_at_once=64
    ),
    "sound": _Way(fingerprint_sound, white_wave, _one_by_one(same_known_sounds), least_cosine=0.3),
    "binary": _Way(  # tokens find more than features do
        fingerprint_bytes, None, _one_by_one(lambda one, other: same_bytes(one.path, other.path)), least_cosine=2.0
    ),
    "mouse": _Way(
        fingerprint_track, None, _one_by_one(lambda one, other: same_track(one.path, other.path)),
        least_cosine=2.0, least_match=(0.99, 0.99),
    ),
}  # fmt: skip


def near_duplicates(
    samples: Sequence[Sample],
    kind: Kind,
    features: Features | None,
    executor: Executor,
    *,
    hashes: Mapping[Path, str] | None = None,
    progress: Progress = silent,
) -> NearCopies:
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
    hashes : mapping of Path to str, optional
        ``content_hash`` of files for which it is known; the others are hashed here.
    progress : callable
        Told (phase, done, total): "fingerprints", then "comparing".

    Returns
    -------
    NearCopies
        A set of many copies is linked, not listed pair by pair: every copy is reached from every other one over pairs.

    Notes
    -----
    Deterministic: nothing is drawn but a projection with a fixed seed. A cosine of features is one of standardised
    values.
    """
    way = _WAYS[kind]
    with Shelf() as shelf:
        described, n_unread = _describe(samples, kind, executor, shelf, hashes or {}, progress)
        alone, equal = _equal_files(described)
        candidates = by_fingerprint({i: described[i].print for i in alone}, way.least_match[features is None])
        if features is not None and way.least_cosine < 1.0:
            candidates |= by_features(features, set(alone), way.least_cosine)
        found, n_uncompared = _verify(sorted(candidates), described, kind, executor, progress)
    pairs = sorted([*equal, *found], key=lambda pair: (pair.first, pair.second))
    return NearCopies(tuple(pairs), len(candidates) - n_uncompared, n_uncompared, n_unread)


# ── in workers ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Reading:
    """What a worker found in a file: its hash, its fingerprint, and what is to be kept of it."""

    hash: str
    print: Print
    kept: NDArray[Any] | None


def describe_file(job: tuple[Path, str | None], kind: Kind) -> Reading | None:
    """Hash a file and take its fingerprint (run in a worker); None where it cannot be read.

    Parameters
    ----------
    job : (Path, str or None)
        The file, and its hash where that is known.
    kind : Kind
        What it is read as.
    """
    way, (path, known) = _WAYS[kind], job
    try:
        found = content_hash(path) if known is None else known
        fingerprint = way.fingerprint(path)
        kept = None if way.keep is None else way.keep(path)
    except DecodeError:
        return None
    return Reading(found, fingerprint, kept if kept is not None and kept.nbytes <= LARGEST_KEPT_BYTES else None)


def compare_files(pairs: Sequence[Pair], kind: Kind) -> list[Answer]:
    """Verify candidates (run in a worker): similarity and how, None where the two are no copies.

    Parameters
    ----------
    pairs : sequence of (Known, Known)
    kind : Kind
        What they are read as.
    """
    return _WAYS[kind].same(pairs)


# ── what workers are asked ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Described:
    """A file as the search remembers it."""

    hash: str
    print: Print
    known: Known


def _describe(
    samples: Sequence[Sample],
    kind: Kind,
    executor: Executor,
    shelf: Shelf,
    hashes: Mapping[Path, str],
    progress: Progress,
) -> tuple[dict[int, _Described], int]:
    """Read every file once: what it is remembered by, by number, and how many files were too much for a worker."""
    described: dict[int, _Described] = {}
    n_unread = 0
    jobs = [(sample.path, hashes.get(sample.path)) for sample in samples]
    for i, answer in enumerate(executor.map(partial(describe_file, kind=kind), jobs)):
        if isinstance(answer, WorkerError):
            n_unread += 1
        elif answer is not None:
            place = None if answer.kept is None else shelf.put(answer.kept)
            described[i] = _Described(answer.hash, answer.print, Known(samples[i].path, place))
        progress("fingerprints", i + 1, len(jobs))
    return described, n_unread


def _equal_files(described: Mapping[int, _Described]) -> tuple[list[int], list[NearPair]]:
    """One file of each content, and the pairs that link the others to it."""
    first: dict[str, int] = {}
    pairs = []
    for i, each in described.items():
        if first.setdefault(each.hash, i) != i:
            pairs.append(NearPair(first[each.hash], i, 1.0, SAME_BYTES))
    return list(first.values()), pairs


def _verify(
    candidates: Sequence[tuple[int, int]],
    described: Mapping[int, _Described],
    kind: Kind,
    executor: Executor,
    progress: Progress,
) -> tuple[list[NearPair], int]:
    """Compare candidates: those that are copies, and how many were too much for a worker."""
    # files that are decoded again come in single pairs: a worker's time is meant for two of them
    is_kept = all(described[i].known.place is not None for pair in candidates for i in pair)
    step = _WAYS[kind].n_at_once if is_kept else 1
    batches = [candidates[start : start + step] for start in range(0, len(candidates), step)]
    jobs = [[(described[i].known, described[j].known) for i, j in batch] for batch in batches]
    found: list[NearPair] = []
    done = n_uncompared = 0
    for batch, answers in zip(batches, executor.map(partial(compare_files, kind=kind), jobs), strict=True):
        if isinstance(answers, WorkerError):
            n_uncompared += len(batch)
        else:
            found += _copies(batch, answers)
        done += len(batch)
        progress("comparing", done, len(candidates))
    return found, n_uncompared


def _copies(batch: Iterable[tuple[int, int]], answers: Iterable[Answer]) -> list[NearPair]:
    return [
        NearPair(i, j, float(answer[0]), answer[1])
        for (i, j), answer in zip(batch, answers, strict=True)
        if answer is not None
    ]
