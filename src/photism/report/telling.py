"""From what a training found to the ``Account`` that the report shows: which examples, which mistakes, which words.

Covers the choice of what is shown and the rendering of its pictures in workers. Does not cover how anything looks
(``page``) nor how it was measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from photism.data.decode import decode
from photism.data.material import Material
from photism.errors import DecodeError
from photism.executor import Executor
from photism.pictures.table import first_window
from photism.recognizers.recognizer import Recognizer
from photism.report import words
from photism.report.account import (
    N_MISTAKES_SHOWN,
    N_SUSPECTS_SHOWN,
    Account,
    ClassCount,
    Leak,
    Measures,
    Mistake,
    Origin,
    Probe,
    Shown,
    Steps,
    examples_wanted,
)
from photism.report.deciding import Decided
from photism.report.tuning import tell_training
from photism.training.fit import Fitted
from photism.training.unseen import UnseenFolds
from photism.trust.audit import Audit, Worth
from photism.trust.causes import Cause
from photism.types import JSON, Part, Recipe, Sample, Window

__all__ = ["Story", "tell"]

# The first signal of a data set is shown raw beside its picture; a file larger than this is not opened again.
LARGEST_SHOWN_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class Story:
    """Everything one training found, as the report needs it.

    ``metrics`` is what ``metrics.json`` will hold, ``audit`` what speaks for trusting the data and against it,
    ``seconds`` the phases so far, ``finished`` when (ISO 8601), ``decided`` why some files were answered as they were.
    """

    title: str
    command: str
    group_by: str | None
    material: Material
    recognizer: Recognizer
    fitted: Fitted
    metrics: Mapping[str, JSON]
    audit: Audit | None
    seconds: Mapping[str, float]
    finished: str
    decided: tuple[Decided, ...] = ()


def tell(story: Story, executor: Executor | None) -> Account:
    """Choose what the report shows, and render it.

    Parameters
    ----------
    story : Story
        What was found.
    executor : Executor, optional
        Where pictures are rendered; None leaves every picture out.

    Returns
    -------
    Account
    """
    material, recognizer = story.material, story.recognizer
    part: Part = "test" if story.metrics["test"] is not None else "valid"
    wrong = _mistakes(story, part)
    chosen = _examples(material)
    # Mistakes beyond those that the page has room for are counted, and not rendered.
    shown_wrong = [material.samples[i] for i, _, _ in wrong[:N_MISTAKES_SHOWN]]
    doubtful = () if story.audit is None else story.audit.suspects.first[:N_SUSPECTS_SHOWN]
    drawn = _draw(
        [*chosen, *shown_wrong, *(material.samples[one.index] for one in doubtful)], recognizer.recipe, executor
    )

    def mistake(index: int, truth: str, predicted: str, probability: float) -> Mistake:
        sample = material.samples[index]
        window = drawn.get(sample.path)
        return Mistake(name=sample.name, truth=truth, predicted=predicted, probability=probability, window=window)

    labels = recognizer.labels
    mistakes = tuple(mistake(i, str(material.samples[i].label), labels[answer], p) for i, answer, p in wrong)
    suspects = tuple(mistake(one.index, one.given, one.likely, one.score) for one in doubtful)
    shown = [Shown(name=s.name, label=str(s.label), window=drawn[s.path]) for s in chosen if s.path in drawn]
    return Account(
        title=story.title,
        command=story.command,
        kind=recognizer.recipe.kind,
        labels=labels,
        counts=_counts(material, labels),
        recipe=recognizer.recipe,
        valid=Measures.from_json(cast("Mapping[str, JSON]", story.metrics["valid"])),
        test=None if part == "valid" else Measures.from_json(cast("Mapping[str, JSON]", story.metrics["test"])),
        verdict=story.fitted.verdict,
        history=story.fitted.history,
        probes=_probes(story.fitted),
        attempts=tell_training(story.metrics),
        mistakes=mistakes,
        examples=tuple(shown),
        steps=_steps(chosen, drawn, recognizer.recipe, material),
        skipped=material.skipped,
        duplicates=material.duplicates,
        leaks=tuple(_leak(leak) for leak in cast("Sequence[Mapping[str, JSON]]", story.metrics["leaks"])),
        trust=_trust(story),
        questioned=story.audit is not None,
        suspects=suspects,
        decided=story.decided,
        warnings=material.warnings,
        kinds_found=material.dataset.kinds,
        n_groups=len({s.group for s in material.samples if s.group is not None and s.part is not None}) or None,
        folds_whole=material.by_fold,
        group_by=story.group_by,
        familiar_rate=cast("float | None", story.metrics["familiar_rate"]),
        chosen=cast("Mapping[str, JSON]", story.metrics["chosen"]),
        seconds=story.seconds,
        versions=cast("Mapping[str, str]", story.metrics["versions"]),
        origins=_origins(recognizer),
        finished=story.finished,
    )


def _origins(recognizer: Recognizer) -> tuple[Origin, ...]:
    """Where each network's weights come from."""
    networks = [recognizer.backbone, *([recognizer.partner.recognizer.backbone] if recognizer.partner else [])]
    return tuple(Origin(backbone=one.name, licence=one.licence, source=one.source) for one in networks)


def _mistakes(story: Story, part: Part) -> list[tuple[int, int, float]]:
    """(sample number, wrong answer, its probability) of the held-out part, the most confident first."""
    files = np.flatnonzero(story.material.mask(part))
    probability = story.fitted.probabilities[part][files]
    answer = story.recognizer.classes_of(probability)
    wrong = np.flatnonzero(answer != story.material.y[files])
    found = [(int(files[i]), int(answer[i]), float(probability[i, answer[i]])) for i in wrong]
    return sorted(found, key=lambda one: (-one[2], one[0]))


def _examples(material: Material) -> list[Sample]:
    """The same few training samples of every class each time, spread over its list."""
    wanted = examples_wanted(len(material.labels))
    chosen: list[Sample] = []
    for label in material.labels:
        of_class = [s for s in material.samples if s.part == "train" and s.label == label]
        step = max(1, len(of_class) // wanted)
        chosen += of_class[::step][:wanted]
    return chosen


def _draw(samples: Sequence[Sample], recipe: Recipe, executor: Executor | None) -> dict[Path, Window]:
    """The first window of each file that is shown."""
    if executor is None:
        return {}
    paths = list(dict.fromkeys(sample.path for sample in samples))
    answers = executor.map(partial(first_window, recipe=recipe), paths)
    return {path: window for path, window in zip(paths, answers, strict=True) if isinstance(window, tuple)}


def _steps(chosen: Sequence[Sample], drawn: Mapping[Path, Window], recipe: Recipe, material: Material) -> Steps | None:
    for sample in chosen:
        facts = material.dataset.facts[sample.path].facts
        if sample.path in drawn and facts.get("size_bytes", 0) <= LARGEST_SHOWN_BYTES:
            try:
                signal = decode(sample.path, recipe.kind)
            except DecodeError:
                continue
            return Steps(name=sample.name, label=str(sample.label), signal=signal, window=drawn[sample.path])
    return None


def _counts(material: Material, labels: Sequence[str]) -> tuple[ClassCount, ...]:
    tally = Counter((str(sample.label), sample.part) for sample in material.samples)
    groups: dict[str, set[str]] = {label: set() for label in labels}
    for sample in material.samples:
        if sample.part is not None and sample.group is not None:
            groups[str(sample.label)].add(sample.group)
    return tuple(
        ClassCount(
            label=label,
            n_train=tally[label, "train"],
            n_valid=tally[label, "valid"],
            n_test=tally[label, "test"],
            n_groups=len(groups[label]) or None,
        )
        for label in labels
    )


def _probes(fitted: Fitted) -> tuple[Probe, ...]:
    """The probes of single stages, and the joined ones that were chosen on the way."""
    kept = [c for c in fitted.selection.candidates if len(c.layers) == 1 or c.layers == fitted.selection.layers]
    return tuple(
        Probe(
            name=" + ".join(c.layers),
            accuracy=c.accuracy,
            loss_nats=c.loss_nats,
            chosen=c.layers == fitted.selection.layers,
        )
        for c in kept
    )


def _trust(story: Story) -> tuple[str, ...]:
    """What speaks for and against trusting the data, in sentences: likely causes and the leaks' worth first."""
    worth, causes = story.metrics["leak_worth"], cast("Sequence[Mapping[str, str]]", story.metrics["causes"])
    unseen = cast("Mapping[str, JSON] | None", story.metrics.get("unseen_folds"))
    said = [] if unseen is None else [UnseenFolds.from_json(unseen).to_text()]
    said += [] if worth is None else [Worth(**cast("Mapping[str, Any]", worth)).to_text()]
    said += [Cause(one["name"], one["evidence"], one["advice"]).to_text() for one in causes]
    if story.audit is None:
        return (*said, f"{words.NOT_ASKED}: {story.metrics['unaudited']}.")
    return (*said, *story.audit.sentences())


def _leak(leak: Mapping[str, JSON]) -> Leak:
    similarity = leak["similarity"]
    return Leak(
        kind=str(leak["kind"]),
        path=str(leak["path"]),
        split=str(leak["split"]),
        of=str(leak["of"]),
        of_split=str(leak["of_split"]),
        similarity=float(similarity) if isinstance(similarity, int | float) else None,
    )
