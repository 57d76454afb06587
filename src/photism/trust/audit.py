"""Everything that speaks for or against trusting a data set, in one account.

Covers the order in which the floor's questions are asked: of the files alone (copies, sources, leaks, shortcuts), and
of what a frozen network answered for them (labels, shift, what more files would bring). Does not cover how any of it
is found, nor training: nothing here changes what is trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int

from photism.data.container import Nuisances, nuisances
from photism.data.listing import printable
from photism.data.material import Material
from photism.executor import Executor
from photism.recognizers.machine import give_memory_back
from photism.training.features import Features
from photism.training.fit import Fitted
from photism.training.intervals import bootstrap_weights, percentiles
from photism.training.out_of_fold import held_out_probabilities
from photism.trust.labels import Suspects, find_suspects
from photism.trust.leaks import join_leaks, near_leaks
from photism.trust.learning_curve import LearningCurve, learning_curve
from photism.trust.near import NearPair, near_duplicates
from photism.trust.origin import Origin, same_origin
from photism.trust.shift import Shift, find_shift
from photism.trust.shortcuts import Shortcuts, find_shortcuts
from photism.types import JSON, Kind, Part, Progress, Sample, silent

__all__ = ["Audit", "FileAudit", "Worth", "audit", "audit_files", "worth_of"]

N_IN_JSON = 500
N_ALARMS = 2  # shortcuts told outside the report
N_DRAWS = 1000


@dataclass(frozen=True, slots=True)
class FileAudit:
    """What the files say without a network: near copies, common sources, leaks of all kinds, shortcuts.

    ``gap`` says what the search for near copies could not look at (see ``NearCopies``); empty where it saw everything.
    """

    samples: tuple[Sample, ...]
    near: tuple[NearPair, ...]
    origins: tuple[Origin, ...]
    leaks: tuple[dict[str, JSON], ...]
    shortcuts: Shortcuts
    gap: str = ""

    def to_json(self) -> dict[str, JSON]:
        """Return copies and shortcuts as JSON values; leaks are a list of their own."""
        return {
            "near_duplicates": [
                {
                    "path": self.samples[one.first].name,
                    "of": self.samples[one.second].name,
                    "similarity": one.similarity,
                    "how": one.how,
                }
                for one in self.near[:N_IN_JSON]
            ],
            "sources": [
                {"source": one.source, "how": one.how, "n": len(one.members)} for one in self.origins[:N_IN_JSON]
            ],
            "shortcuts": self.shortcuts.to_json(),
        }

    def sentences(self) -> tuple[str, ...]:
        """Say what was found, copies first; a sentence each."""
        said = []
        if self.near:
            one = self.near[0]
            names = f"{self.samples[one.first].name} and {self.samples[one.second].name}"
            pairs = "pair of files is a near copy" if len(self.near) == 1 else "pairs of files are near copies"
            said.append(f"{len(self.near)} {pairs}, for example {names} ({one.how}).")
        torn = [one for one in self.near if self.samples[one.first].label != self.samples[one.second].label]
        if torn:
            first, second = self.samples[torn[0].first], self.samples[torn[0].second]
            verb = "has" if len(torn) == 1 else "have"
            said.append(
                f"{len(torn)} of them {verb} two labels, for example {first.name} ({first.label}) and {second.name} "
                f"({second.label})."
            )
        if self.gap:
            said.append(self.gap)
        for kind, what in (("near", "near copies"), ("source", "files of one source")):
            n = sum(leak["kind"] == kind for leak in self.leaks)
            if n:
                said.append(f"{n} held-out files have {what} in another part.")
        return (*said, *self.shortcuts.to_text().splitlines())


@dataclass(frozen=True, slots=True)
class Worth:
    """What leaks are worth: accuracy on a held-out part with and without the leaked files, in [0, 1].

    ``low`` and ``high`` bound the difference (95 %, drawn over groups).
    """

    n_leaked: int
    accuracy: float
    clean_accuracy: float
    low: float
    high: float

    def to_text(self) -> str:
        """Say it in a sentence."""
        points = 100 * (self.accuracy - self.clean_accuracy)
        return (
            f"Without the {self.n_leaked} leaked files the accuracy is {100 * self.clean_accuracy:.1f} % instead of "
            f"{100 * self.accuracy:.1f} %: the leak is worth {points:.1f} points (95 %: {100 * self.low:.1f} to "
            f"{100 * self.high:.1f})."
        )


@dataclass(frozen=True, slots=True)
class Audit:
    """The whole account. ``shift`` compares the training part with ``held_out``; None where there are too few files."""

    files: FileAudit
    suspects: Suspects
    shift: Shift | None
    held_out: Part
    curve: LearningCurve | None

    def to_json(self) -> dict[str, JSON]:
        """Return everything as JSON values."""
        return {
            **self.files.to_json(),
            "gap": self.files.gap,
            "suspects": self.suspects.to_json(),
            "shift": None if self.shift is None else {"between": ["train", self.held_out], **self.shift.to_json()},
            "learning_curve": None if self.curve is None else self.curve.to_json(),
        }

    def alarms(self) -> tuple[str, ...]:
        """Say what should not wait for the report: shortcuts, wrong labels, parts that differ; nothing otherwise."""
        said = [one.to_text() for one in self.files.shortcuts.alarms[:N_ALARMS]]
        if self.suspects.n_low >= 1.0:
            said.append(self.suspects.to_text())
        if self.shift is not None and self.shift.found and self.shift.size != "slight":
            said.append(self._of_the_shift(self.shift))
        return (*said, *([self.files.gap] if self.files.gap else []))

    def _of_the_shift(self, shift: Shift) -> str:
        part = {"test": "test", "valid": "validation"}.get(self.held_out, self.held_out)
        return f"Training and {part} part: {shift.to_text()}"

    def sentences(self) -> tuple[str, ...]:
        """Say everything, a sentence each."""
        said = [*self.files.sentences(), self.suspects.to_text()]
        if self.shift is not None:
            said.append(self._of_the_shift(self.shift))
        if self.curve is not None:
            said.append(self.curve.to_text())
        return tuple(said)


def audit_files(
    samples: Sequence[Sample],
    *,
    kind: Kind,
    y: Int[np.ndarray, " m"],
    labels: Sequence[str],
    groups: Sequence[str],
    known_leaks: Sequence[Mapping[str, JSON]],
    executor: Executor,
    hashes: Mapping[Path, str] | None = None,
    features: Features | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> FileAudit:
    """Ask the files alone: copies, sources, leaks, shortcuts.

    Parameters
    ----------
    samples : sequence of Sample
        Usable files of one kind; those without a part leak nothing.
    kind : Kind
    y : int (m,)
        Classes; a negative one is left out of the shortcuts.
    labels : names (k,)
    groups : names (m,)
        What is one observation.
    known_leaks : leaks
        Exact copies and cut groups (``data.duplicates.leaks``).
    executor : Executor
        Where files are read.
    hashes : mapping of Path to str, optional
        The SHA-256 of files' contents, where known.
    features : Features, optional
        What a frozen network answered; brings candidates for copies that no fingerprint shows.
    seed : int
    progress : callable
        Told (phase, done, total).
    """
    near = near_duplicates(samples, kind, features, executor, hashes=hashes, progress=progress)
    origins = same_origin(samples, executor)
    leaks = join_leaks(known_leaks, near_leaks(samples, near.pairs, origins))
    read: list[Nuisances | None] = []
    answers = executor.map(partial(nuisances, kind=kind), [sample.path for sample in samples])
    for done, answer in enumerate(answers, 1):
        read.append(answer if isinstance(answer, Nuisances) else None)  # what cannot be read is listed by the split
        progress("properties", done, len(samples))
    shortcuts = find_shortcuts(read, y, groups, labels=labels, seed=seed)
    return FileAudit(tuple(samples), near.pairs, origins, tuple(leaks), shortcuts, near.gap)


def audit(
    material: Material,
    features: Features,
    fitted: Fitted,
    executor: Executor,
    *,
    others: Sequence[Features] = (),
    tuned: Sequence[Float64[np.ndarray, "m k"]] = (),
    seed: int = 0,
    progress: Progress = silent,
) -> Audit:
    """Ask everything of a data set that a frozen network has been asked about.

    Parameters
    ----------
    material : Material
    features : Features
        Of all files, numbered like the material's samples.
    fitted : Fitted
        The probe: its layers and its strength are used.
    executor : Executor
    others : sequence of Features
        What other networks answered for the same files: they too say which labels are doubtful.
    tuned : sequence of float64 (m, k)
        Probabilities of fine-tuned networks for training and validation files that they never saw
        (``training.cross_tuned``): they too.
    seed : int
    progress : callable
        Told (phase, done, total).

    Notes
    -----
    Labels and the learning curve are asked of training and validation files; shift compares training with the test
    part, with validation where there is none. Deterministic.
    """
    train, valid, test = (material.mask(part) for part in ("train", "valid", "test"))
    files = audit_files(
        material.samples,
        kind=material.dataset.kind,
        y=np.where(test, -1, material.y),
        labels=material.labels,
        groups=material.groups,
        known_leaks=material.leaks,
        executor=executor,
        hashes=material.hashes,
        features=features,
        seed=seed,
        progress=progress,
    )
    give_memory_back()  # what one question freed, before the next one's tables: here and below
    layers, n_classes = fitted.selection.layers, len(material.labels)
    progress("trust", 0, 3)
    taught = features.keep(train | valid)
    probability = held_out_probabilities(
        taught, material.y, material.observations, n_classes=n_classes, seed=seed,
        others=[other.keep(train | valid) for other in others], tuned=tuned,
    )  # fmt: skip
    given = np.where(train | valid, material.y, -1)
    suspects = find_suspects(probability, given, material.samples, labels=material.labels)
    progress("trust", 1, 3)
    give_memory_back()
    held_out: Part = "test" if test.any() else "valid"
    shift = find_shift(features, train, material.mask(held_out), material.groups, y=material.y, seed=seed)
    progress("trust", 2, 3)
    give_memory_back()
    curve = learning_curve(
        taught, material.y, material.groups, layers=layers, strength=fitted.strength, n_classes=n_classes,
        train=train, valid=valid, seed=seed,
    )  # fmt: skip
    progress("trust", 3, 3)
    return Audit(files, suspects, shift, held_out, curve)


def worth_of(
    leaks: Sequence[Mapping[str, JSON]],
    answer: Int[np.ndarray, " f"],
    material: Material,
    part: Part,
    *,
    seed: int = 0,
) -> Worth | None:
    """Say what leaks are worth: how much of a part's accuracy is owed to files that training has seen in another guise.

    Parameters
    ----------
    leaks : leaks
        Of the whole data set; ``path`` names the held-out file.
    answer : int (f,)
        Which class each of the part's files is called, in their order.
    material : Material
    part : {"valid", "test"}
    seed : int
        Of the bootstrap.

    Returns
    -------
    Worth or None
        None where nothing of the part leaks, or everything does.
    """
    leaked_names = {str(leak["path"]) for leak in leaks if leak["split"] == part}
    numbers = np.flatnonzero(material.mask(part))
    leaked = np.array([printable(material.samples[i].name) in leaked_names for i in numbers.tolist()], dtype=bool)
    if not leaked.any() or leaked.all():
        return None
    right = (answer == material.y[numbers]).astype(np.float64)
    _, group = np.unique(np.array([material.groups[i] for i in numbers.tolist()]), return_inverse=True)
    weight = bootstrap_weights(group, n_draws=N_DRAWS, seed=seed)
    clean = weight * ~leaked
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = (weight @ right) / weight.sum(axis=1) - (clean @ right) / clean.sum(axis=1)
    bounds = percentiles(drawn)
    assert bounds is not None
    return Worth(int(leaked.sum()), float(right.mean()), float(right[~leaked].mean()), *bounds)
