"""Where files lie and what they are called, as properties that may tell a class; names of classes do not count.

Covers each level of folders and each part of a file's name. Does not cover dates of the file system, nor running
numbers: a class is often numbered through, and no recognizer sees a name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

import numpy as np
from jaxtyping import Int64

__all__ = ["origins"]

_PARTS = 3
_SPLIT = re.compile(r"[-_. ()\[\]]+")
_RUNS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-fA-F]{12,}|[0-9]+|[^\W\d_]+")
_RUNNING = re.compile(r"[0-9]+|[A-Za-z]")
_OWN_FRACTION = 0.9
_NAMES_A_CLASS = 2


def origins(
    folders: Sequence[str], names: Sequence[str], truth: Int64[np.ndarray, " n"], labels: Sequence[str]
) -> tuple[dict[str, list[str | None]], frozenset[str]]:
    """Cut folders and names into properties, without what spells the classes.

    Parameters
    ----------
    folders : n paths of the files' folders
    names : n names of the files, without ending
    truth : int (n,)
        Each file's class as an index into ``labels``.
    labels : names (k,)

    Returns
    -------
    properties : name → n values
        ``folder 1`` is the first level below what all files share, ``name part 1`` the first word of the file's name,
        ``form of the name`` its letters and digits as runs.
    one_to_one : frozenset of str
        Those of them whose values belong to one class each, a few for every class: they may just be how the classes
        are called, or where each was collected.

    Notes
    -----
    A level or part is left out where its words are those of the labels, or where each class has many values of its own
    (recordings, patients): nothing can then be told apart from the class itself.
    """
    levels = _levels(folders)
    parts = [_SPLIT.split(_without(name, labels[c])) for name, c in zip(names, truth, strict=True)]
    found: dict[str, list[str | None]] = {f"folder {i + 1}": level for i, level in enumerate(levels)}
    for i in range(_PARTS):
        found[f"name part {i + 1}"] = [each[i] if i < len(each) else None for each in parts]
    spelled = [_spells(values, truth, labels) for values in found.values()]
    if not any(spelled[len(levels) :]):  # a class's own words would give the form away
        found["form of the name"] = [_form(_without(name, labels[c])) for name, c in zip(names, truth, strict=True)]
        spelled.append(False)
    kept, one_to_one = {}, set()
    for (name, values), is_spelled in zip(found.items(), spelled, strict=True):
        n_own = _own_values(values, truth, len(labels))
        if is_spelled or _runs_on(values) or (n_own is not None and n_own > _NAMES_A_CLASS):
            continue
        kept[name] = values
        if n_own is not None:
            one_to_one.add(name)
    return kept, frozenset(one_to_one)


def _levels(folders: Sequence[str]) -> list[list[str | None]]:
    """Give each level of folders below the one that all share."""
    paths = [PurePath(folder).parts for folder in folders]
    if not paths:
        return []
    shared = 0
    while all(len(p) > shared and p[shared] == paths[0][shared] for p in paths):
        shared += 1
    deepest = max(len(p) for p in paths)
    return [[p[i] if i < len(p) else None for p in paths] for i in range(shared, deepest)]


def _plain(word: str) -> str:
    return "".join(c for c in word.casefold() if c.isalnum())


def _without(name: str, label: str) -> str:
    """Take a file's own label out of its name."""
    pattern = r"[\W_]*".join(re.escape(word) for word in re.split(r"[\W_]+", label) if word)
    return re.sub(pattern, "", name, flags=re.IGNORECASE) if pattern else name


def _form(name: str) -> str:
    """Replace runs of digits by 0, of letters by a, identifiers by x: IMG_2041 → a_0."""
    return _RUNS.sub(lambda run: "0" if run[0].isdigit() else "a" if run[0].isalpha() else "x", name)[:40]


def _spells(values: Sequence[str | None], truth: Int64[np.ndarray, " n"], labels: Sequence[str]) -> bool:
    """Tell whether nearly all values are words of their file's label, or hold it."""
    n_spelled = 0
    for value, c in zip(values, truth, strict=True):
        word, label = _plain(value or ""), _plain(labels[c])
        n_spelled += bool(word) and (word in label or label in word)
    return n_spelled >= _OWN_FRACTION * len(values) and len(values) > 0


def _runs_on(values: Sequence[str | None]) -> bool:
    """Tell whether a part mostly counts (0001, 0002; A, B): where a class is large it counts further."""
    counting = [value for value in values if value and _RUNNING.fullmatch(value)]
    if len(counting) < _OWN_FRACTION * len(values):
        return False
    places = {int(value) if value.isdigit() else ord(value.upper()) for value in counting}
    return len(places) > 1 and 2 * len(places) > max(places) - min(places)


def _own_values(values: Sequence[str | None], truth: Int64[np.ndarray, " n"], n_classes: int) -> float | None:
    """Count how many values of its own each class has, where every class has little else; None otherwise."""
    pairs = Counter(zip(values, truth.tolist(), strict=True))
    classes_of = Counter(value for value, _ in pairs)
    own, whole = np.zeros(n_classes), np.bincount(truth, minlength=n_classes)
    n_own = np.zeros(n_classes)
    for (value, c), n in pairs.items():
        if classes_of[value] == 1:
            own[c] += n
            n_own[c] += 1
    present = whole > 0
    if (own[present] < _OWN_FRACTION * whole[present]).any():
        return None
    return float(n_own[present].mean())
