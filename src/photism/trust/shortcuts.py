"""Does something that has nothing to do with the content tell the class?

Each property that ``photism.data.container`` reads is asked alone: a table of how often each of its values (or bins)
occurs in a class and in the rest, made on some groups, answers for the others. A property of the *container* that tells
a class raises an alarm: a recognizer would learn it instead of the content. A property of the *content* that does is
listed as informative: it may be the truth, or the way in which the class was recorded. Covers one property at a time
and a small tree over all of the container's. Does not cover what a recognizer has really learned (``layers``), nor
names of folders and files that merely spell the class (``nuisance_names``).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Float64, Int, Int64
from scipy.special import ndtri

from photism.data.container import FILE_NAME, FOLDER, TRACES, Nuisances
from photism.trust.nuisance_names import origins
from photism.trust.nuisance_tables import Codes, Question, Score, Value, code
from photism.types import JSON

__all__ = ["CARRIES", "Shortcut", "Shortcuts", "find_shortcuts"]

Sort: TypeAlias = Literal["container", "content"]

CARRIES = 0.60
"""From this balanced accuracy on a property can carry a recognizer: it marks 20 points more of a class than of the
rest, so that every fifth file of that class could be answered without looking at what it shows."""

CARRIES_TRACE = 0.75
"""The same for a trace of an earlier container in the content, which content can feign: 50 points more. Walls in the
spectra of esc10, which nobody planted there, reach 0.72."""

JOINT = "all container properties together"
_CHANCE = 0.5
_ALPHA = 0.05
_FEWEST_GROUPS = 3
_N_TOLD = 3


@dataclass(frozen=True, slots=True)
class Shortcut:
    """One property that tells classes from the rest.

    ``score`` is the cross-validated balanced accuracy for the class that it tells best, ``low`` and ``high`` its 95 %
    interval over groups, widened for the number of properties and classes that were tried; ``chance`` is 0.5.
    ``classes`` are all that it tells, best first.
    """

    property: str
    sort: Sort
    score: float
    low: float
    high: float
    chance: float
    classes: tuple[str, ...]
    evidence: str

    def to_json(self) -> dict[str, JSON]:
        """Return it as JSON values."""
        return {
            "property": self.property,
            "sort": self.sort,
            "score": self.score,
            "low": self.low,
            "high": self.high,
            "chance": self.chance,
            "classes": list(self.classes),
            "evidence": self.evidence,
        }

    def to_text(self) -> str:
        """Return one plain sentence with its numbers."""
        others = self.classes[1:] if len(self.classes) <= 1 + _N_TOLD else (f"{len(self.classes) - 1} more classes",)
        also = f" (and {_listed(others)} less well)" if others else ""
        return (
            f"The {self.sort}'s {self.property} alone tells {self.classes[0]}{also} from the rest: balanced accuracy "
            f"{self.score:.2f} (95 % interval {self.low:.2f} to {self.high:.2f}, chance {self.chance:.2f}); "
            f"{self.evidence}."
        )


@dataclass(frozen=True, slots=True)
class Shortcuts:
    """What was found: ``alarms`` of the container and ``informative`` properties, the strongest first.

    ``n_tried`` properties differed between files and were asked, over ``n_files`` files in ``n_groups`` groups.
    """

    alarms: tuple[Shortcut, ...]
    informative: tuple[Shortcut, ...]
    n_files: int
    n_groups: int
    n_tried: int

    def to_json(self) -> dict[str, JSON]:
        """Return them as JSON values."""
        return {
            "alarms": [each.to_json() for each in self.alarms],
            "informative": [each.to_json() for each in self.informative],
            "n_files": self.n_files,
            "n_groups": self.n_groups,
            "n_tried": self.n_tried,
        }

    def to_text(self) -> str:
        """Return one sentence a finding, alarms first, each on its line."""
        asked = f"{self.n_tried} properties of {self.n_files} files in {self.n_groups} groups were asked"
        first = (
            f"A recognizer could learn how the files were made instead of what they show ({asked})."
            if self.alarms
            else f"No property of the files' containers tells a class well enough to carry a recognizer ({asked})."
        )
        told = [first, *(each.to_text() for each in self.alarms)]
        if self.informative:
            told.append("These inform about a class, which may be the truth or the way in which it was recorded:")
        return "\n".join([*told, *(each.to_text() for each in self.informative)])


def find_shortcuts(
    found: Sequence[Nuisances | None],
    y: Int[np.ndarray, " n"],
    groups: Sequence[Hashable],
    *,
    labels: Sequence[str],
    seed: int = 0,
) -> Shortcuts:
    """Ask every property, alone, whether it tells a class from the rest.

    Parameters
    ----------
    found : n Nuisances
        What ``nuisances`` read of each file; None for one that could not be read, which is left out.
    y : int (n,)
        Class of each file as an index into ``labels``; a file with a negative one is left out.
    groups : n names
        Files of one group are one observation, and never on both sides of a fold.
    labels : names (k,)
    seed : int
        Of the folds.

    Returns
    -------
    Shortcuts
        An alarm is a container property whose interval excludes chance and whose score is ``CARRIES`` at least;
        informative ones pass the same test with the content, or are names that go with the classes one to one.

    Notes
    -----
    A property with one value is no question. Numbers with many values are cut into 16 bins of equal counts, without
    looking at the classes; a value that 5 % of the files share is a bin of its own. A file is given to a class where
    its value is likelier in the class than in the rest, as counted on the other half of the groups. Files of which a
    property cannot be told are left out of its score. Sensitivity and specificity have Wilson's interval, joined by the
    method of variance estimates recovery, on half as many observations as there are groups, since the two halves'
    answers are not independent; Bonferroni's correction counts properties times classes. A trace of an earlier
    container needs ``CARRIES_TRACE`` and is informative below it.

    References
    ----------
    Geirhos et al. 2020, doi:10.1038/s42256-020-00257-z (shortcut learning) · Zou and Donner 2008, doi:10.1002/sim.3095
    (variance estimates recovery) · Torralba and Efros 2011, doi:10.1109/CVPR.2011.5995347 (name that data set)

    Examples
    --------
    >>> files = [Nuisances({"quantisation": f"quality {q}"}, {}) for q in [75] * 30 + [90] * 30]
    >>> shortcuts = find_shortcuts(files, np.repeat([0, 1], 30), range(60), labels=("cat", "dog"))
    >>> [(each.property, each.score) for each in shortcuts.alarms]
    [('quantisation', 1.0)]
    """
    used = [i for i, each in enumerate(found) if each is not None and y[i] >= 0]
    files = [each for i in used if (each := found[i]) is not None]
    truth = np.asarray(y, np.int64)[used]
    numbers: dict[Hashable, int] = {}
    group = np.array([numbers.setdefault(groups[i], len(numbers)) for i in used], np.int64)
    asked = [c for c in range(len(labels)) if len(set(group[truth == c].tolist())) >= _FEWEST_GROUPS]
    if len(set(truth.tolist())) < 2 or not asked:
        return Shortcuts((), (), len(files), len(numbers), 0)
    question = Question(truth, group, len(labels), seed)
    columns, one_to_one = _columns(files, truth, labels)
    n_tests = (len(columns) + 1) * (1 if len(labels) == 2 else len(asked))
    judge = _Judge(question, tuple(labels), tuple(asked), float(-ndtri(_ALPHA / 2 / n_tests)))
    passed = [it for (sort, name), codes in columns.items() if (it := judge.alone(sort, name, codes)) is not None]
    alarms = [each for each in passed if _is_alarm(each, one_to_one)]
    informative = [each for each in passed if not _is_alarm(each, one_to_one)]
    left_out = TRACES | one_to_one
    container = {
        name: codes
        for (sort, name), codes in columns.items()
        if sort == "container" and name not in left_out and codes.of.min() >= 0
    }
    known = {label for alarm in alarms for label in alarm.classes}
    if len(container) > 1 and (together := judge.together(container, known)):
        alarms.append(together)
    return Shortcuts(_strongest(alarms), _strongest(informative), len(files), len(numbers), len(columns))


def _is_alarm(found: Shortcut, one_to_one: frozenset[str]) -> bool:
    least = CARRIES_TRACE if found.property in TRACES else CARRIES
    return found.sort == "container" and found.property not in one_to_one and found.score >= least


def _strongest(found: Sequence[Shortcut]) -> tuple[Shortcut, ...]:
    return tuple(sorted(found, key=lambda each: (-each.score, each.property)))


def _columns(
    files: Sequence[Nuisances], truth: Int64[np.ndarray, " n"], labels: Sequence[str]
) -> tuple[dict[tuple[Sort, str], Codes], frozenset[str]]:
    """Put every property that differs between files into codes; name those that go with the classes one to one."""
    container = _by_property([each.container for each in files])
    folders = [str(value or "") for value in container.pop(FOLDER, [])]
    names = [str(value or "") for value in container.pop(FILE_NAME, [])]
    one_to_one: frozenset[str] = frozenset()
    if folders and names:
        by_name, one_to_one = origins(folders, names, truth, labels)
        container.update({name: list(values) for name, values in by_name.items()})
    content = _by_property([each.content for each in files])
    columns: dict[tuple[Sort, str], Codes] = {("container", name): code(values) for name, values in container.items()}
    columns.update({("content", name): code(values) for name, values in content.items()})
    return {key: codes for key, codes in columns.items() if len(codes.words) > 1}, one_to_one


def _by_property(each_file: Sequence[Mapping[str, float | str]]) -> dict[str, list[Value]]:
    """Turn files of properties into properties of files, in the order in which properties are first met."""
    names = dict.fromkeys(name for properties in each_file for name in properties)
    return {name: [properties.get(name) for properties in each_file] for name in names}


@dataclass(frozen=True, slots=True)
class _Judge:
    """Calls a property a shortcut, or not."""

    question: Question
    labels: tuple[str, ...]
    asked: tuple[int, ...]
    z: float

    def alone(self, sort: Sort, name: str, codes: Codes) -> Shortcut | None:
        """Judge one property."""
        passing = self._passing(self.question.ask(codes), tie=lambda c: self._rest_share(codes, c))
        return self._shortcut(sort, name, passing, lambda c: self._evidence(codes, c))

    def together(self, container: Mapping[str, Codes], known: Set[str]) -> Shortcut | None:
        """Judge a small tree over all container properties, for classes that none of them tells alone."""
        claimed, weight = self.question.ask_together(list(container.values()))
        passing = self._passing(claimed, known=known)
        names = list(container)

        def used(c: int) -> str:
            leading = [names[i] for i in np.argsort(-weight[c], kind="stable")[:_N_TOLD] if weight[c, i] > 0]
            return f"a small tree asks mostly for {_listed(leading)}"

        return self._shortcut("container", JOINT, passing, used)

    def _passing(
        self,
        claimed: Float64[np.ndarray, "n k"],
        *,
        known: Set[str] = frozenset(),
        tie: Callable[[int], float] = lambda _: 0.0,
    ) -> dict[int, Score]:
        """Score the classes that are told well enough, best first, ``known`` ones aside.

        What marks one class also tells the others, by its absence; so each class that is found is taken out before the
        next one is looked for. Of two that are told equally well the one with the smaller ``tie`` is taken.
        """
        passing: dict[int, Score] = {}
        left = [c for c, label in enumerate(self.labels) if label not in known]
        while len(left) > 1:
            among = np.isin(self.question.truth, left)
            values = self.question.accuracies(claimed, among=among)
            likely = [c for c in left if c in self.asked and values[c] >= CARRIES]
            if not likely:
                break
            most = max(values[c] for c in likely)
            best = min((c for c in likely if values[c] >= most - 1e-9), key=tie)
            score = self.question.score(claimed, best, z=self.z, among=among)
            if score.low > _CHANCE:
                passing[best] = score
            left.remove(best)
        return passing

    def _shortcut(
        self, sort: Sort, name: str, passing: Mapping[int, Score], evidence: Callable[[int], str]
    ) -> Shortcut | None:
        if not passing:
            return None
        best = next(iter(passing))
        score, classes = passing[best], tuple(self.labels[c] for c in passing)
        return Shortcut(name, sort, score.value, score.low, score.high, _CHANCE, classes, evidence(best))

    def _shares(self, codes: Codes, c: int) -> tuple[Float64[np.ndarray, " v"], Float64[np.ndarray, " v"]]:
        """Return how often each code occurs in a class and in the rest."""
        is_class = self.question.truth == c
        told, n = codes.of >= 0, len(codes.words)
        here = np.bincount(codes.of[is_class & told], minlength=n) / max(int((is_class & told).sum()), 1)
        there = np.bincount(codes.of[~is_class & told], minlength=n) / max(int((~is_class & told).sum()), 1)
        return here, there

    def _rest_share(self, codes: Codes, c: int) -> float:
        """Return how often the rest has what marks a class."""
        here, there = self._shares(codes, c)
        return float(there[int(np.argmax(here - there))])

    def _evidence(self, codes: Codes, c: int) -> str:
        """Say what the class has and the rest has not."""
        here, there = self._shares(codes, c)
        label = self.labels[c]
        if codes.numbers is not None:
            is_class = self.question.truth == c
            middle = [np.nanpercentile(codes.numbers[mask], [50, 25, 75]) for mask in (is_class, ~is_class)]
            told = [f"{m:.4g} (half of the files {low:.4g} to {high:.4g})" for m, low, high in middle]
            return f"the median is {told[0]} in {label} and {told[1]} in the rest"
        marks = [int(v) for v in np.argsort(there - here, kind="stable")[:_N_TOLD] if here[v] - there[v] > 0.02]
        return "; ".join(
            f"{codes.words[v]!r} in {_percent(here[v])} of {label} and {_percent(there[v])} of the rest" for v in marks
        )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share in (0.0, 1.0) or 0.01 <= share <= 0.99 else f"{100 * share:.1f} %"


def _listed(words: Sequence[str]) -> str:
    """Write words as a list for a reader."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
