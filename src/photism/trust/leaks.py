"""What near copies and common sources leak from one part of a data set into another.

Covers the leaks that follow from pairs of near copies (``near``) and from files of one source (``origin``), and one
list of all leaks of a data set. Does not cover equal files and groups that the user named (``data.duplicates``), nor
what a leak is worth.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence

from photism.data.listing import printable
from photism.trust.near import NearPair
from photism.trust.origin import Origin
from photism.types import JSON, Part, Sample

__all__ = ["join_leaks", "near_leaks"]

_SEES: Mapping[str, tuple[Part, ...]] = {"valid": ("train",), "test": ("train", "valid")}
_STRONGEST_LAST = ("source", "group", "near", "exact")


def near_leaks(
    samples: Sequence[Sample], pairs: Iterable[NearPair], origins: Iterable[Origin]
) -> list[dict[str, JSON]]:
    """List every held-out sample of which the training, or the choice of a model, has seen a near copy or the source.

    Parameters
    ----------
    samples : sequence of Sample
        With their part; those without one are left out, and nothing leaks through them.
    pairs : iterable of NearPair
        What ``near_duplicates`` found among these samples.
    origins : iterable of Origin
        What ``same_origin`` found among these samples.

    Returns
    -------
    list of dict
        One a held-out sample, sorted by part and name: ``kind`` ("near" for a copy, else "source"), ``path``,
        ``split``, ``of``, ``of_split`` (train where there is one, else valid) and ``similarity`` (None for a source).

    Notes
    -----
    A sample of the test part leaks from train and valid, one of the valid part from train. A copy of a copy is a copy:
    its similarity is the product along the way, and the likest one is named.
    """
    found: dict[int, dict[str, JSON]] = {}
    for origin in origins:
        first = {one.part: one for one in sorted((samples[i] for i in origin.members), key=_by_name, reverse=True)}
        for i in origin.members:
            of = next((first[part] for part in _SEES.get(samples[i].part or "", ()) if part in first), None)
            if of is not None and i not in found:
                found[i] = _leak("source", samples[i], of, None)
    links = _links(samples, pairs)
    for i in links:
        near = _likest(samples, i, links)
        if near is not None:
            found[i] = _leak("near", samples[i], samples[near[0]], near[1])
    return sorted(found.values(), key=_by_part_and_path)


def join_leaks(*lists: Iterable[Mapping[str, JSON]]) -> list[dict[str, JSON]]:
    """Join lists of leaks into one that names every held-out sample once.

    Parameters
    ----------
    lists : iterables of leaks
        As ``near_leaks`` and ``data.duplicates.leaks`` give them.

    Returns
    -------
    list of dict
        Where a sample is in more than one list the strongest kind stays: exact, near, group, source.

    Examples
    --------
    >>> group = {"kind": "group", "path": "a", "split": "test", "of": "b", "of_split": "train", "similarity": None}
    >>> exact = {**group, "kind": "exact", "similarity": 1.0}
    >>> [leak["kind"] for leak in join_leaks([exact], [group])]
    ['exact']
    """
    every = sorted((leak for each in lists for leak in each), key=lambda leak: _STRONGEST_LAST.index(str(leak["kind"])))
    strongest = {str(leak["path"]): dict(leak) for leak in every}
    return sorted(strongest.values(), key=_by_part_and_path)


def _links(samples: Sequence[Sample], pairs: Iterable[NearPair]) -> dict[int, list[tuple[int, float]]]:
    """The partners of every sample, among those that have a part."""
    links: dict[int, list[tuple[int, float]]] = {}
    for pair in pairs:
        if samples[pair.first].part is not None and samples[pair.second].part is not None:
            links.setdefault(pair.first, []).append((pair.second, pair.similarity))
            links.setdefault(pair.second, []).append((pair.first, pair.similarity))
    return links


def _likest(
    samples: Sequence[Sample], start: int, links: Mapping[int, Sequence[tuple[int, float]]]
) -> tuple[int, float] | None:
    """The likest copy that a sample leaks from (Dijkstra on products), and its similarity."""
    sees = _SEES.get(samples[start].part or "", ())
    if not sees:
        return None
    best: dict[Part, tuple[int, float]] = {}
    done: set[int] = set()
    waiting = [(-1.0, samples[start].name, start)]
    while waiting:
        less, _, i = heapq.heappop(waiting)
        if i in done:
            continue
        done.add(i)
        part = samples[i].part
        if part in sees and part not in best:
            best[part] = (i, -less)
            if part == sees[0]:
                break
        for j, similarity in links[i]:
            if j not in done:
                heapq.heappush(waiting, (less * similarity, samples[j].name, j))
    return next((best[part] for part in sees if part in best), None)


def _leak(kind: str, sample: Sample, of: Sample, similarity: float | None) -> dict[str, JSON]:
    return {
        "kind": kind,
        "path": printable(sample.name),
        "split": sample.part,
        "of": printable(of.name),
        "of_split": of.part,
        "similarity": similarity,
    }


def _by_name(sample: Sample) -> str:
    return sample.name


def _by_part_and_path(leak: Mapping[str, JSON]) -> tuple[str, str]:
    return str(leak["split"]), str(leak["path"])
