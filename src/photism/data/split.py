"""Which sample is learned from, which chooses, which measures: parts as given, or cut so that no group is torn.

Covers obeying the user's parts and folds, cutting a validation part where none is given, and stratified group folds
inside the training part. Does not cover finding what leaks across a split (``duplicates.py``), nor writing it
down (``records.py``).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int64

from photism.errors import DataError, OptionError
from photism.types import PARTS, Part, Sample

__all__ = ["Split", "inner_folds", "joined_groups", "split"]

LEAST_OTHER_FOLDS = 4
"""With so many folds beside the test fold, one is validation and three at least are left to choose among."""
_SHOWN = 5  # names in one sentence


@dataclass(frozen=True, slots=True)
class Split:
    """Every sample with its part, sorted by name, and sentences about what the parts lack.

    ``by_fold`` says that validation is made of whole given folds, and that folds, not groups, are left out inside.
    """

    samples: tuple[Sample, ...]
    warnings: tuple[str, ...]
    by_fold: bool = False

    def part(self, name: Part) -> tuple[Sample, ...]:
        """Return the samples of one part, sorted by name; empty where there is none (``test``)."""
        return tuple(sample for sample in self.samples if sample.part == name)


def split(
    samples: Sequence[Sample],
    *,
    seed: int = 0,
    valid_fraction: float = 0.2,
    test_fold: str | None = None,
    together: Iterable[Sequence[Sample]] = (),
) -> Split:
    """Give every sample a part: what the user gave is obeyed, and a missing validation part is cut from training.

    Parameters
    ----------
    samples
        Labelled samples, in any order.
    seed
        Chooses among equally good cuts.
    valid_fraction
        The share of the training samples of each class that goes to validation, above 0 and below 1.
    test_fold
        Hold this fold out as the test part; given parts are then ignored, and validation is cut from the other folds:
        of whole ones (about a fifth of them), where four or more hold every class.
    together
        Sets of samples that a cut must not part although their groups differ (``exact_duplicates``); a whole fold is
        taken as it was given.

    Returns
    -------
    Split
        A test part only where the samples name one or ``test_fold`` does.

    Raises
    ------
    OptionError
        If no sample has the fold ``test_fold``, or ``valid_fraction`` is out of range.
    DataError
        If nothing is left to train on, or no validation part can be cut because every class is one group.

    Notes
    -----
    Depends on the samples' names, labels and groups and on the seed; not on their order nor on where they lie.
    Groups are whole in a part that is cut here. Each class keeps one group for training at least; a class with a
    single group stays there whole, and a class with two or more has one in validation. A given part or fold that tears
    a group is obeyed and reported: the torn samples are leaks.

    Examples
    --------
    >>> from pathlib import Path
    >>> names = [f"{label}{i}.png" for label in "ab" for i in range(10)]
    >>> cut = split([Sample(Path(name), name, name[0]) for name in names])
    >>> len(cut.part("train")), len(cut.part("valid")), len(cut.part("test"))
    (16, 4, 0)
    """
    if not 0.0 < valid_fraction < 1.0:
        raise OptionError(f"The validation fraction must lie between 0 and 1, not {valid_fraction:g}.")
    ordered = sorted(samples, key=lambda sample: sample.name)
    given = _given_parts(ordered) if test_fold is None else _hold_out(ordered, test_fold)
    warnings: list[str] = []
    training = [sample for sample in given if sample.part == "train"]
    if not training:
        raise DataError("No sample is left for training: every one is in the validation or test part.")
    by_fold = test_fold is not None and _asks_of_new_folds(training)
    if not any(sample.part == "valid" for sample in given):
        units = [str(s.fold) for s in training] if by_fold else joined_groups(training, together)
        chosen = _cut(training, units, valid_fraction, seed, warnings)
        given = [replace(sample, part="valid") if sample.name in chosen else sample for sample in given]
    warnings += _lacking(given) + _torn(given) + _alone(given)
    return Split(tuple(given), tuple(warnings), by_fold)


def inner_folds(
    labels: Sequence[Hashable] | np.ndarray, groups: Sequence[Hashable] | np.ndarray | None, n_folds: int, seed: int = 0
) -> Int64[np.ndarray, " n"]:
    """Divide samples into folds of like size and like mixture of classes, no group torn.

    Parameters
    ----------
    labels
        The class of each of n samples.
    groups
        The group of each sample (anything that prints distinctly); None where each sample stands alone.
    n_folds
        Number of folds, 2 at least.
    seed
        Chooses among equally good divisions.

    Returns
    -------
    Int64[np.ndarray, " n"]
        The fold of each sample, 0 to ``n_folds`` - 1. A fold stays empty only where there are fewer groups than folds.

    Raises
    ------
    OptionError
        If ``n_folds`` is below 2 or labels and groups differ in number.

    Notes
    -----
    With groups the result follows the samples when they are reordered; without, it depends on their order. A group
    goes where it takes the classes' counts nearest to equal shares, the largest groups first. Unlike scikit-learn's
    ``StratifiedGroupKFold`` this looks only at the classes that a group holds, so 20,000 groups take a fraction of
    a second.

    Examples
    --------
    >>> inner_folds(["a", "a", "b", "b"], None, 2).reshape(2, 2).sum(axis=1).tolist()
    [1, 1]
    """
    if n_folds < 2:
        raise OptionError(f"Inner folds must be 2 at least, not {n_folds}.")
    names = [str(label) for label in labels]
    owners = [str(group) for group in groups] if groups is not None else [str(i) for i in range(len(names))]
    if len(owners) != len(names):
        raise OptionError(f"{len(names)} labels and {len(owners)} groups were given: expected as many of each.")
    fold_of = _deal(_contents(names, owners), (1.0 / n_folds,) * n_folds, seed)
    return np.array([fold_of[owner] for owner in owners], dtype=np.int64)


# ── what the user gave ───────────────────────────────────────────────────────────────────────────────


def _given_parts(samples: Sequence[Sample]) -> list[Sample]:
    """Obey the parts; a sample without one is for training."""
    return [sample if sample.part else replace(sample, part="train") for sample in samples]


def _hold_out(samples: Sequence[Sample], fold: str) -> list[Sample]:
    """Make one fold the test part and all others training."""
    folds = sorted({sample.fold for sample in samples if sample.fold is not None}, key=lambda f: (len(f), f))
    if not folds:
        raise OptionError(f"--test-fold {fold}: the data name no folds; a CSV with a column fold would.")
    if fold not in folds:
        raise OptionError(f"--test-fold {fold}: there is no such fold; the folds are {', '.join(folds)}.")
    return [replace(sample, part="test" if sample.fold == fold else "train") for sample in samples]


def _asks_of_new_folds(training: Sequence[Sample]) -> bool:
    """Say whether the other folds are enough to validate on a fold that was not seen, as the test part is one.

    Where a fold is a speaker or a hospital, files cut at random out of the known ones would measure something else.
    """
    folds: dict[str | None, set[str | None]] = {}
    for sample in training:
        folds.setdefault(sample.fold, set()).add(sample.label)
    every = set().union(*folds.values())
    return None not in folds and len(folds) >= LEAST_OTHER_FOLDS and all(labels == every for labels in folds.values())


def _lacking(samples: Sequence[Sample]) -> list[str]:
    """Say which classes are absent from which part."""
    classes = {part: {s.label or "" for s in samples if s.part == part} for part in PARTS}
    every = set().union(*classes.values())
    told = {
        "train": "no recognizer can learn them",
        "valid": "they do not help to choose the recognizer",
        "test": "they are not measured",
    }
    warnings = []
    for part in PARTS:
        absent = sorted(every - classes[part])
        if classes[part] and absent:
            warnings.append(f"The {part} part lacks {_enumerate('class', 'classes', absent)}: {told[part]}.")
    return warnings


def _alone(samples: Sequence[Sample]) -> list[str]:
    """Say that training has one group only, where files of another are to be answered."""
    groups = {sample.group for sample in samples if sample.part == "train"}
    if len(groups) != 1 or None in groups or {sample.group for sample in samples} == groups:
        return []
    return [
        f"All training files are of one group ({groups.pop()}): how files of another are answered had to be chosen "
        "without one."
    ]


def _torn(samples: Sequence[Sample]) -> list[str]:
    """Say which groups lie in more than one part."""
    parts: dict[str, set[Part | None]] = {}
    for sample in samples:
        if sample.group is not None:
            parts.setdefault(sample.group, set()).add(sample.part)
    torn = sorted(group for group, where in parts.items() if len(where) > 1)
    if not torn:
        return []
    return [
        f"The given parts tear {_enumerate('group', 'groups', torn)}: what is held out was partly seen in training."
    ]


def _enumerate(one: str, many: str, names: Sequence[str]) -> str:
    """Write names into a sentence, the first few of many.

    >>> _enumerate("class", "classes", ["cat", "dog"])
    'the classes cat and dog'
    """
    if len(names) > _SHOWN:
        return f"{len(names)} {many} ({', '.join(names[:_SHOWN])} and others)"
    listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return f"the {one if len(names) == 1 else many} {listed}"


# ── cutting ──────────────────────────────────────────────────────────────────────────────────────────


def joined_groups(samples: Sequence[Sample], together: Iterable[Sequence[Sample]]) -> list[str]:
    """Return what each sample must stay with: its group, or itself, joined where copies join them.

    Parameters
    ----------
    samples : sequence of Sample
    together : iterable of sequences of Sample
        Sets of samples with the same content.
    """
    own = {s.name: f"group {s.group}" if s.group is not None else f"file {s.name}" for s in samples}
    parent = {group: group for group in own.values()}

    def root(group: str) -> str:
        while parent[group] != group:
            parent[group] = group = parent[parent[group]]
        return group

    for same in together:
        roots = sorted({root(own[sample.name]) for sample in same if sample.name in own})
        for each in roots[1:]:  # the first name stands for all, whatever the order of the sets
            parent[each] = roots[0]
    return [root(own[sample.name]) for sample in samples]


def _cut(samples: Sequence[Sample], groups: Sequence[str], fraction: float, seed: int, warnings: list[str]) -> set[str]:
    """Choose the names of the samples that go to validation."""
    labels = [sample.label or "" for sample in samples]
    contents = _contents(labels, groups)
    n_groups = Counter(label for counts in contents.values() for label in counts)
    single = sorted(label for label, n in n_groups.items() if n == 1)
    if len(single) == len(n_groups):
        raise DataError(
            "No validation part can be cut: every class is a single group, and a group is never torn; "
            "give more groups a class, or a validation part."
        )
    if single:
        stays = "stays" if len(single) == 1 else "stay"
        warnings.append(
            f"With a single group, {_enumerate('class', 'classes', single)} {stays} in the training part, unmeasured."
        )
    fixed = {group for group, counts in contents.items() if any(n_groups[label] == 1 for label in counts)}
    bin_of = _deal(contents, (1.0 - fraction, fraction), seed, first_only=fixed)
    _ensure_both(contents, bin_of, n_groups, fixed, seed)
    return {sample.name for sample, group in zip(samples, groups, strict=True) if bin_of[group] == 1}


def _ensure_both(
    contents: dict[str, Counter[str]], bin_of: dict[str, int], n_groups: Counter[str], fixed: set[str], seed: int
) -> None:
    """Give every class with two groups or more one in training and, where possible, one in validation."""
    inside: dict[str, list[int]] = {label: [0, 0] for label in n_groups}
    for group, counts in contents.items():
        for label in counts:
            inside[label][bin_of[group]] += 1
    members: dict[str, list[str]] = {label: [] for label in n_groups}
    for group in sorted(contents, key=lambda g: (sum(contents[g].values()), _key(seed, g))):  # small groups move first
        for label in contents[group]:
            members[label].append(group)
    for target in (1, 0):  # training comes last, for it must not be left without a class
        for label in sorted(n_groups, key=lambda x: (n_groups[x], x)):
            if inside[label][target] or n_groups[label] < 2:
                continue
            # taking the last group of another class away from where it is would only move the hole
            spare = [
                group
                for group in members[label]
                if (group not in fixed or target == 0)
                and all(inside[other][1 - target] > 1 for other in contents[group])
            ]
            for group in spare[:1] or (members[label][:1] if target == 0 else []):
                bin_of[group] = target
                for other in contents[group]:
                    inside[other][target] += 1
                    inside[other][1 - target] -= 1


def _contents(labels: Sequence[str], groups: Sequence[str]) -> dict[str, Counter[str]]:
    """Count the labels of each group."""
    contents: dict[str, Counter[str]] = {}
    for label, group in zip(labels, groups, strict=True):
        contents.setdefault(group, Counter())[label] += 1
    return contents


def _key(seed: int, name: str) -> bytes:
    """Shuffle by name: the same place wherever the name stands in a list."""
    return hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8, key=str(seed).encode()).digest()


def _deal(
    contents: dict[str, Counter[str]], shares: Sequence[float], seed: int, *, first_only: Iterable[str] = ()
) -> dict[str, int]:
    """Put whole groups into bins so that each bin's count of each class comes near its share.

    Greedy: the largest groups first (they are the hardest to place), those in ``first_only`` into bin 0 before all;
    each goes where the sum of squared relative deviations grows least. Ties go to the bin that lacks most samples.
    """
    totals: Counter[str] = Counter()
    for counts in contents.values():
        totals.update(counts)
    n = sum(totals.values())
    bins = range(len(shares))
    lack = {label: [share * total for share in shares] for label, total in totals.items()}
    room = [share * n for share in shares]
    settled = set(first_only)
    keys = {group: _key(seed, group) for group in contents}
    order = sorted(contents, key=lambda g: (g not in settled, -sum(contents[g].values()), keys[g]))
    bin_of: dict[str, int] = {}
    for group in order:
        counts = contents[group]
        if group in settled:
            best = 0
        else:
            # (d - c)² - d² = c² - 2cd, and c is the same in every bin: what each class lacks decides, by its size
            gains = [sum(c * lack[label][b] / totals[label] for label, c in counts.items()) for b in bins]
            top = max(gains)
            best = max((b for b in bins if gains[b] >= top - 1e-9), key=lambda b: (round(room[b], 6), -b))
        bin_of[group] = best
        for label, c in counts.items():
            lack[label][best] -= c
        room[best] -= sum(counts.values())
    return bin_of
