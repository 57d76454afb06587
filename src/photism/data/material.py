"""A data set made ready for training: parts, content hashes, identical files, leaks, and what to say about them.

Covers everything that is known before the first picture is rendered, and what changes when a file turns out to be
broken later. Does not cover how any of it is found (``sources``, ``split``, ``duplicates``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int64

from photism.data.duplicates import content_hash, contradictions, exact_duplicates, leaks
from photism.data.sources import Dataset, read_dataset
from photism.data.split import joined_groups, split
from photism.errors import DataError, DecodeError, WorkerError
from photism.executor import Executor
from photism.types import JSON, Kind, Part, Sample, Skipped

__all__ = ["Material", "gather", "hash_all", "hash_of"]


@dataclass(frozen=True)
class Material:
    """Samples with their parts, and what was found out about them without rendering.

    ``samples`` keep their number for good: a file that turns out to be unusable stays in place with no part, and
    is listed in ``skipped``. ``hashes`` holds the SHA-256 of each file's content by path. ``n_left_out``
    files had no turn within a budget.
    """

    dataset: Dataset
    samples: tuple[Sample, ...]
    hashes: Mapping[Path, str]
    duplicates: tuple[tuple[str, ...], ...]
    leaks: tuple[Mapping[str, JSON], ...]
    warnings: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    by_fold: bool = False
    n_left_out: int = 0

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The classes of the training part, sorted: what the recognizer can answer."""
        return tuple(sorted({str(sample.label) for sample in self.samples if sample.part == "train"}))

    @cached_property
    def y(self) -> Int64[np.ndarray, " m"]:
        """Each sample's class as an index into ``labels``; -1 where it has no part."""
        index = {label: i for i, label in enumerate(self.labels)}
        return np.array([-1 if s.part is None else index[str(s.label)] for s in self.samples], dtype=np.int64)

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """Each sample's group; a sample without one is a group of its own."""
        return tuple(s.name if s.group is None else f"group {s.group}" for s in self.samples)

    @cached_property
    def observations(self) -> tuple[str, ...]:
        """Each sample's group, groups that hold identical files joined: what is seen where one of them is seen."""
        return tuple(joined_groups(self.samples, self._copies(self.samples)))

    @property
    def units(self) -> tuple[str, ...]:
        """What an inner fold must leave out whole: given folds where validation is made of such, else the groups."""
        return tuple(f"fold {s.fold}" for s in self.samples) if self.by_fold else self.groups

    def mask(self, part: Part) -> Bool[np.ndarray, " m"]:
        """Say for each sample whether it belongs to ``part``."""
        return np.array([sample.part == part for sample in self.samples], dtype=bool)

    def facts(self, part: Part) -> list[Mapping[str, float]]:
        """Return what sniffing learned of the files of ``part``."""
        return [self.dataset.facts[sample.path].facts for sample in self.samples if sample.part == part]

    def without(self, broken: Mapping[int, Skipped]) -> Material:
        """Take files out that turned out to be unusable, and those whose class has nothing left to be trained on.

        Parameters
        ----------
        broken : mapping of int to Skipped
            Sample numbers, and why.

        Raises
        ------
        DataError
            Where fewer than two classes, or nothing to validate with, is left.
        """
        samples = [replace(s, part=None) if i in broken else s for i, s in enumerate(self.samples)]
        taught = {sample.label for sample in samples if sample.part == "train"}
        unknown = [s for s in samples if s.part is not None and s.label not in taught]
        if len(taught) < 2:
            only = next(iter(taught), None)
            raise DataError(
                f"{self.dataset.root}: expected two classes at least with usable training files, and found "
                f"{'none' if only is None else f'only {only!r}'}; {len(broken)} files could not be used."
            )
        names = {sample.name for sample in unknown}
        samples = [replace(s, part=None) if s.name in names else s for s in samples]
        if not any(sample.part == "valid" for sample in samples):
            raise DataError(f"{self.dataset.root}: no usable file is left to validate with.")
        skipped = [Skipped(s.name, f"its class {s.label!r} has no file in the training part.") for s in unknown]
        return replace(self.with_parts(samples), skipped=(*self.skipped, *broken.values(), *skipped))

    def with_parts(self, samples: Sequence[Sample]) -> Material:
        """Return the same files with other parts: a file without one leaks nothing.

        Parameters
        ----------
        samples : sequence of Sample
            In the same order.
        """
        return replace(self, samples=tuple(samples), leaks=tuple(leaks(samples, self._copies(samples))))

    def _copies(self, samples: Sequence[Sample]) -> list[list[Sample]]:
        """Return the sets of samples with the same content, as these samples have their parts."""
        known = {sample.name: sample for sample in samples}
        return [[known[name] for name in same if name in known] for same in self.duplicates]

    def count(self, part: Part) -> int:
        """Return the number of usable samples of ``part``."""
        return int(self.mask(part).sum())


def hash_of(path: Path) -> str | None:
    """Return the SHA-256 of a file's content, or None where it cannot be read (run in a worker)."""
    try:
        return content_hash(path)
    except DecodeError:
        return None


def gather(
    data: Path,
    *,
    kind: Kind | None,
    group_by: str | None,
    test_fold: str | None,
    seed: int,
    executor: Executor,
) -> Material:
    """Read DATA, give every file its part, and find what is identical.

    Parameters
    ----------
    data : Path
        A folder or a CSV.
    kind : optional
        What to read the files as; told from content where it is None.
    group_by : str, optional
        The CSV's column that a split must not cut.
    test_fold : str, optional
        Hold this fold out as the test part.
    seed : int
        Chooses among equally good splits.
    executor : Executor
        Where files are opened.

    Raises
    ------
    InputError
        Where DATA or an option is wrong.
    """
    dataset = read_dataset(data, kind=kind, group_by=group_by, executor=executor)
    hashes, unreadable = hash_all(dataset.samples, executor)
    usable = [sample for sample in dataset.samples if sample.path in hashes]
    duplicates = exact_duplicates(usable, hashes)
    # Identical files are kept on one side of a split that is cut here; where the user cut them apart, it is a leak.
    parts = split(usable, seed=seed, test_fold=test_fold, together=duplicates)
    return Material(
        dataset=dataset,
        samples=parts.samples,
        hashes=hashes,
        duplicates=tuple(tuple(sample.name for sample in same) for same in duplicates),
        leaks=tuple(leaks(parts.samples, duplicates)),
        warnings=(*dataset.warnings, *parts.warnings, *contradictions(duplicates)),
        skipped=(*dataset.skipped, *unreadable),
        by_fold=parts.by_fold,
    ).without({})


def hash_all(samples: Sequence[Sample], executor: Executor) -> tuple[dict[Path, str], list[Skipped]]:
    """Return the SHA-256 of every sample's file, and which files can no longer be read.

    Parameters
    ----------
    samples : sequence of Sample
    executor : Executor
        Where files are read.
    """
    hashes: dict[Path, str] = {}
    unreadable: list[Skipped] = []
    answers = executor.map(hash_of, [sample.path for sample in samples])
    for sample, answer in zip(samples, answers, strict=True):
        if isinstance(answer, str):
            hashes[sample.path] = answer
        else:
            reason = str(answer) if isinstance(answer, WorkerError) else "it can no longer be read"
            unreadable.append(Skipped(sample.name, reason))
    return hashes, unreadable
