"""A recognizer beside people: their answers joined by item and label, every measure, and one verdict.

Covers the joining of samples, labels and truth, and the ``Comparison`` that a page or a terminal shows. Does not cover
the measures themselves (``right`` for labels, ``rated`` for ratings), nor how a run answers (``verbs.compare``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Int64

from photism.errors import DataError, OptionError
from photism.people.answers import NOBODY, Answers, answers_of, match_labels, renamed
from photism.people.crossed import Over
from photism.people.machine import Machine
from photism.people.noninferiority import Verdict, judge
from photism.people.obuchowski_rockette import Sampling
from photism.people.rated import Rated, compare_rated, positive_label
from photism.people.right import Right, compare_right
from photism.people.trials import Trials
from photism.types import Skipped

__all__ = ["TRUTHS", "Comparison", "Settings", "Truth", "compare_people"]

Truth: TypeAlias = Literal["given", "vote"]
TRUTHS: tuple[Truth, ...] = ("given", "vote")

# Where more of the samples than this share have another truth here than in the recognizer's data, names do not match.
_MOST_OTHER_TRUTHS = 0.05


@dataclass(frozen=True, slots=True)
class Settings:
    """What is fixed before the answers are seen.

    ``margin`` is by how much less than people would still do (0.05 is 5 points, or 0.05 of AUC); without it there is no
    verdict. ``over`` is what the difference of right answers is a mean over. ``readers``: whether people are a sample
    of more like them. ``truth``: as given, or the other observers' vote. ``names`` says which of the recognizer's
    labels one of people's means. ``cut``: from which rating on a reader calls a case positive.
    """

    margin: float | None = None
    over: Over | None = None
    readers: Sampling = "random"
    truth: Truth = "given"
    names: Mapping[str, str] = field(default_factory=dict)
    positive: str | None = None
    cut: float | None = None
    noun: str = "items"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that was found. ``machine`` is its name, None where people are compared among themselves.

    ``right`` is what labels say, ``rated`` what ratings say; one of them is there at least. ``notes`` are sentences
    about what was left out or assumed, ``skipped`` the samples that the machine gave no answer to.
    """

    people: str
    machine: str | None
    noun: str
    verdict: Verdict | None
    right: Right | None
    rated: Rated | None
    notes: tuple[str, ...]
    skipped: tuple[Skipped, ...]

    @property
    def headline(self) -> str:
        """The verdict as one sentence, or why there is none."""
        if self.verdict is not None:
            return self._verdict(self.verdict)
        if self.machine is None:
            return "No verdict: people are compared among themselves."
        return "No verdict: a verdict needs a margin that was fixed before the answers were seen (--margin 0.05)."

    def _verdict(self, verdict: Verdict) -> str:
        said = verdict.to_text()
        if verdict.state == "not enough evidence":
            return said[:1].upper() + said[1:]
        if self.machine is not None or self.rated is None:
            return f"{self.machine} is {said}"
        first, second = self.rated.study.modalities  # two modalities are all that a verdict without a machine takes
        return f"{first} is {said}".replace(f" to {verdict.subject} at ", f" to {second} at ", 1)

    def to_json(self) -> dict[str, object]:
        """Return the whole comparison."""
        return {
            "people": self.people,
            "machine": self.machine,
            "headline": self.headline,
            "verdict": None if self.verdict is None else self.verdict.to_json(),
            "right": None if self.right is None else self.right.to_json(),
            "rated": None if self.rated is None else self.rated.to_json(),
            "notes": list(self.notes),
            "skipped": [{"path": one.path, "reason": one.reason} for one in self.skipped],
        }

    def to_text(self) -> str:
        """Return the verdict first, then the figures, then what was left out."""
        parts = [self.headline]
        parts += [part.to_text() for part in (self.rated, self.right) if part is not None]
        parts += list(self.notes)
        parts += [f"skipped {one.path}: {one.reason}" for one in self.skipped[:20]]
        if len(self.skipped) > 20:
            parts.append(f"and {len(self.skipped) - 20} more were skipped")
        return "\n".join(parts)


def compare_people(people: Trials | Answers, machine: Machine | None, settings: Settings) -> Comparison:
    """Compare a machine with people, or people among themselves.

    Parameters
    ----------
    people : Trials or Answers
        Their trials, or a table of them.
    machine : Machine, optional
        Its answers to the same samples.
    settings : Settings

    Returns
    -------
    Comparison

    Raises
    ------
    DataError
        Where samples, labels, truths, readers or ratings do not allow it; the sentence says which.
    OptionError
        Where a setting contradicts what there is.
    """
    rated, right = None, None
    notes = list(people.notes)
    if machine is None and settings.names:
        raise OptionError("--map needs a recognizer whose labels people's are to be put beside.")
    if isinstance(people, Trials):
        if machine is not None:
            people, settings = _spelled(people, machine, settings, notes)
        people = _with_machine_truth(people, machine, settings)
        if _wants_ratings(people, machine, settings):
            if machine is not None:
                people = _only(people, machine, notes)
            positive = positive_label(people.truths, settings.positive)
            rated, more = compare_rated(
                people, machine, positive=positive, readers=settings.readers, cut=settings.cut, seed=settings.seed
            )
            notes += [f"A high rating speaks for {positive!r}.", *more]
    answers = _answers(people, rated)
    if answers is not None:
        right, said = _right(answers, machine, settings)
        notes += said
    difference = rated.difference if rated is not None else None if right is None else right.difference
    if rated is not None and settings.noun == "items":
        settings = replace(settings, noun="cases")
    verdict = None
    if settings.margin is not None and difference is not None:
        subject = _subject(people, rated)
        verdict = judge(difference, margin=settings.margin, noun=settings.noun, subject=subject)
    if machine is not None and machine.n_taught:
        notes.append(f"{machine.n_taught} of the {settings.noun} made the recognizer: left out.")
    return Comparison(
        people=people.name,
        machine=None if machine is None else machine.name,
        noun=settings.noun,
        verdict=verdict,
        right=right,
        rated=rated,
        notes=tuple(dict.fromkeys(notes)),
        skipped=() if machine is None else machine.skipped,
    )


def _spelled(people: Trials, machine: Machine, settings: Settings, notes: list[str]) -> tuple[Trials, Settings]:
    """Write people's labels as the recognizer does."""
    theirs = tuple(sorted({*people.truths, *(trial.response for trial in people.trials if trial.response is not None)}))
    names = match_labels(theirs, _can_say(machine), settings.names, name=people.name)
    _note_spelling(names, notes)
    trials = tuple(
        replace(
            trial,
            truth=None if trial.truth is None else names[trial.truth],
            response=None if trial.response is None else names[trial.response],
        )
        for trial in people.trials
    )
    positive = settings.positive
    if positive is not None:
        positive = names.get(positive, positive)
    elif machine.positive in names.values():
        positive = machine.positive
    return replace(people, trials=trials), replace(settings, names={}, positive=positive)


def _can_say(machine: Machine) -> tuple[str, ...]:
    said = {said.response for said in machine.said.values() if said.response is not None}
    return tuple(sorted(said.union(machine.labels)))


def _note_spelling(names: Mapping[str, str], notes: list[str]) -> None:
    spelled = [f"{their} = {our}" for their, our in names.items() if their != our]
    if spelled:
        notes.append(f"Labels put together by spelling or --map: {', '.join(spelled)}.")


def _subject(people: Trials | Answers, rated: Rated | None) -> str:
    if isinstance(people, Answers) and not people.is_named:
        return "people's answers"
    return "people" if rated is None else "readers"


def _wants_ratings(people: Trials, machine: Machine | None, settings: Settings) -> bool:
    """Whether ratings are what is compared: everybody rated, and there are two truths (or nothing but ratings)."""
    if people.is_rated and settings.truth == "given":
        positive = positive_label(people.truths, settings.positive)
        scored = machine is None or any(machine.score(sample, positive) is not None for sample in machine.said)
        return scored or all(trial.response is None for trial in people.trials)
    if all(trial.response is None for trial in people.trials):
        positive_label(people.truths, settings.positive)
        missing = sum(trial.rating is None or trial.truth is None for trial in people.trials)
        raise DataError(f"{people.name}: {missing} trials lack a rating or a truth: expected both everywhere.")
    return False


def _with_machine_truth(people: Trials, machine: Machine | None, settings: Settings) -> Trials:
    """Fill in truths that only the recognizer's data know."""
    lacking = [trial for trial in people.trials if trial.truth is None]
    if not lacking or machine is None or settings.truth == "vote":
        return people
    filled = tuple(
        trial if trial.truth is not None else replace(trial, truth=machine.truth.get(trial.sample))
        for trial in people.trials
    )
    return replace(people, trials=filled)


def _only(people: Trials, machine: Machine, notes: list[str]) -> Trials:
    kept = tuple(trial for trial in people.trials if trial.sample in machine.said)
    if not kept:
        raise DataError(f"{machine.name} answers none of the samples of {people.name}.")
    lost = len({trial.sample for trial in people.trials}) - len({trial.sample for trial in kept})
    if lost:
        notes.append(f"{lost} of people's samples have no answer of {machine.name}, and are left out.")
    return replace(people, trials=kept)


def _answers(people: Trials | Answers, rated: Rated | None) -> Answers | None:
    """People's labels as a table; None where they only rated."""
    if isinstance(people, Answers):
        return people
    if rated is not None and (len(rated.study.modalities) > 1 or any(t.response is None for t in people.trials)):
        return None
    return answers_of(people)


def _right(answers: Answers, machine: Machine | None, settings: Settings) -> tuple[Right, list[str]]:
    notes: list[str] = []
    said: Int64[np.ndarray, " n"] | None = None
    if machine is not None:
        answers = _met(answers, machine, settings, notes)
        place = {label: i for i, label in enumerate(answers.labels)}
        said = np.array([place[str(machine.said[item].response)] for item in answers.items], np.int64)
    groups = None
    if machine is not None and machine.groups:
        groups = [machine.groups.get(item, item) for item in answers.items]
        if (n_groups := len(set(groups))) < len(groups):
            notes.append(f"{len(groups)} {settings.noun} come from {n_groups} groups: a group is one observation.")
    found = compare_right(
        answers,
        said,
        name="people" if machine is None else machine.name,
        over=settings.over,
        readers=settings.readers,
        vote=settings.truth == "vote",
        groups=groups,
        seed=settings.seed,
    )
    return found, notes


def _met(answers: Answers, machine: Machine, settings: Settings, notes: list[str]) -> Answers:
    """Keep the items that both answered, under the recognizer's labels, with a truth."""
    kept = machine.has(answers.items)
    if not kept.any():
        raise DataError(f"{machine.name} answers none of the {len(answers.items)} samples of {answers.name}.")
    if not kept.all():
        notes.append(
            f"{int((~kept).sum())} of people's {len(kept)} samples have no answer of {machine.name}, and are left out."
        )
    answers = _under_labels(answers.only(kept), machine, settings, notes)
    own = [machine.truth.get(item) for item in answers.items]
    theirs = [None if t == NOBODY else answers.labels[t] for t in answers.truth]
    other = [i for i, (a, b) in enumerate(zip(own, theirs, strict=True)) if a is not None and b is not None and a != b]
    if len(other) > _MOST_OTHER_TRUTHS * len(own):
        first = other[0]
        raise DataError(
            f"{len(other)} of {len(own)} samples have another truth in {answers.name} than in the recognizer's data "
            f"(the first is {answers.items[first]!r}: {theirs[first]} and {own[first]}): expected the same samples."
        )
    if other:
        notes.append(f"{len(other)} samples have another truth in {answers.name} than in the data: the former is used.")
    if settings.truth == "given" and None in theirs:
        answers = answers.with_truth([a or b for a, b in zip(theirs, own, strict=True)])
        notes.append(f"{theirs.count(None)} truths come from the recognizer's data.")
    return answers


def _under_labels(answers: Answers, machine: Machine, settings: Settings, notes: list[str]) -> Answers:
    ours = _can_say(machine)
    names = match_labels(answers.labels, ours, settings.names, name=answers.name)
    of_truth = {answers.labels[t] for t in answers.truth if t != NOBODY}
    lost = [label for label in answers.labels if names[label] not in ours]
    if wrong := sorted(of_truth & set(lost)):
        raise DataError(
            f"{answers.name}: the class {wrong[0]!r} is none of the recognizer's ({_list(ours)}): expected "
            f"--map {wrong[0]!r}=LABEL where it means one of them."
        )
    if not set(names.values()) & set(ours):
        raise DataError(
            f"{answers.name}: none of people's labels ({_list(answers.labels)}) is one of the recognizer's "
            f"({_list(ours)}): expected --map LABEL=LABEL."
        )
    if lost:
        notes.append(f"People also said {_list(lost)}, which the recognizer cannot say: counted as it stands.")
    _note_spelling(names, notes)
    return renamed(answers, names, more=ours)


def _list(labels: Sequence[str], most: int = 12) -> str:
    return ", ".join(labels[:most]) + ("…" if len(labels) > most else "")
