"""The atlas: what each stage of a recognizer's network answers to, joined into one value.

Covers the order of the work and how much is looked at, so that it stays under two minutes on two cores: a few hundred
files of the run's own training and validation parts for exemplars, fewer of them for what twins are asked too, one
window of a file, one panel of a recipe (the one the head reads most). All of it is stated in the result. Does not cover
the page (``report.atlas_page``).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8

from photism.errors import InputError, WorkerError
from photism.executor import Executor
from photism.layers.captions import caption_channels
from photism.layers.changed import Changed, compare_networks
from photism.layers.claims import Claim, compare_with_twins
from photism.layers.dream import Dream, dream_channels
from photism.layers.filters import first_filters
from photism.layers.firing import firing_maps
from photism.layers.measures import Measured, Questions, ask_questions, measure_network
from photism.layers.places import Sides, panel_sides
from photism.layers.projection import Manner, manner_of
from photism.layers.specimens import Specimens, draw_specimens
from photism.layers.stage_atlas import StageAtlas, look_at_stage, with_projections
from photism.layers.staged import StageAnswers, StagedNetwork, stage_network
from photism.layers.stimuli import make_bank
from photism.layers.twins import random_twin
from photism.pictures.gallery import Gallery
from photism.pictures.table import RenderJob
from photism.recognizers.backbones import Backbone
from photism.recognizers.layer_names import panel_of
from photism.recognizers.recognizer import Recognizer
from photism.types import Axis, Kind, Progress, Sample, silent

__all__ = [
    "N_FILES",
    "Atlas",
    "ChosenFile",
    "Looked",
    "build_atlas",
    "main_panel",
]

N_FILES, N_FOR_TWINS, N_CHANGED, N_TWINS = 240, 80, 16, 5
N_NORMS = 16


@dataclass(frozen=True, slots=True)
class Looked:
    """What was looked at: files for exemplars, files that twins were asked about too, how many of them changed."""

    n_files: int
    n_for_twins: int
    n_changed: int
    n_twins: int
    n_stimuli: int


@dataclass(frozen=True)
class ChosenFile:
    """The one file on which every stage's firing is shown."""

    name: str
    label: str | None
    pixels: UInt8[np.ndarray, "h w 3"]


@dataclass(frozen=True)
class Atlas:
    """What each stage of a recognizer's network answers to; ``partner`` is a second network that is not looked at."""

    kind: Kind
    backbone: str
    partner: str | None
    panel: str
    other_panels: tuple[str, ...]
    labels: tuple[str, ...]
    head_layers: tuple[str, ...]
    looked: Looked
    sides: tuple[Axis, Axis]
    manner: Manner
    stages: tuple[StageAtlas, ...]
    filters: UInt8[np.ndarray, "c k k2 3"] | None
    chosen: ChosenFile
    changed: Changed | None
    dreams: tuple[Dream, ...]
    seconds: Mapping[str, float]

    def to_json(self) -> dict[str, object]:
        """Return the atlas as JSON values, without pictures."""
        return {
            "kind": self.kind,
            "backbone": self.backbone,
            "partner": self.partner,
            "panel": self.panel,
            "other_panels": list(self.other_panels),
            "labels": list(self.labels),
            "head_layers": list(self.head_layers),
            "looked_at": {name: getattr(self.looked, name) for name in Looked.__slots__},
            "projection": self.manner,
            "chosen_file": self.chosen.name,
            "stages": [one.to_json() for one in self.stages],
            "changed": None if self.changed is None else self.changed.to_json(),
            "dreams": [one.to_json() for one in self.dreams],
            "seconds": {key: round(value, 2) for key, value in self.seconds.items()},
        }


def main_panel(recognizer: Recognizer) -> str:
    """Return the panel that the head reads most layers of; the first of those that tie.

    Parameters
    ----------
    recognizer : Recognizer
    """
    count = Counter(map(panel_of, recognizer.head.layers))
    return max((one.name for one in recognizer.panels), key=lambda name: count[name])


class _Clock:
    """Seconds by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, phase: str) -> None:
        now = time.perf_counter()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self._last
        self._last = now


def build_atlas(
    recognizer: Recognizer,
    samples: Sequence[Sample],
    *,
    executor: Executor,
    file: Path | None = None,
    before: Backbone | None = None,
    dream: bool = False,
    n_twins: int = N_TWINS,
    seed: int = 0,
    cache: Path | None = None,
    progress: Progress = silent,
) -> Atlas:
    """Look at a recognizer's network, stage by stage.

    Parameters
    ----------
    recognizer : Recognizer
    samples : sequence of Sample
        Files that it was made of, chosen by ``specimens.choose_samples``.
    executor : Executor
        Where files are decoded and rendered.
    file : Path, optional
        The file on which every stage's firing is shown; the first of the samples by default.
    before : Backbone, optional
        The network that fine-tuning started from: then what changed is told.
    dream : bool
        Draw optimised feature visualisations too; it takes longer.
    n_twins : int
        Networks with random weights to hold it against; five or more.
    seed : int
    cache : Path, optional
        Where rendered pictures are kept.
    progress : callable
        Told (phase, done, total).

    Raises
    ------
    InputError
        Where too few of the files, or not the chosen one, can be read.
    """
    clock, panel = _Clock(), main_panel(recognizer)
    network = stage_network(recognizer.backbone)
    specimens = draw_specimens(
        samples, recognizer.recipe, recognizer.panels, panel, executor=executor, cache=cache, progress=progress
    )
    sides = _sides(specimens, recognizer, executor)[panel]
    chosen = _chosen_file(file, specimens, recognizer, panel, executor)
    clock.lap("read")
    answers = network.answers(specimens.pixels, specimens.content, progress=progress, phase="answers")
    clock.lap("answers")
    held = _hold_against_twins(recognizer, network, specimens, panel, n_twins, seed, progress)
    bank = held.questions.bank
    clock.lap("claims")
    stages = _stages(recognizer, network, held, answers, specimens, sides, chosen, progress)
    clock.lap("exemplars and projections")
    changed = None if before is None else _what_changed(before, network, answers, specimens, stages, progress)
    clock.lap("changed")
    dreams = dream_channels(network, _shown(stages), size_px=bank.pixels.shape[1:3], seed=seed) if dream else ()
    clock.lap("dream")
    return Atlas(
        kind=recognizer.recipe.kind, backbone=recognizer.backbone.name,
        partner=None if recognizer.partner is None else recognizer.partner.recognizer.backbone.name, panel=panel,
        other_panels=tuple(one.name for one in recognizer.panels if one.name != panel), labels=recognizer.labels,
        head_layers=recognizer.head.layers, looked=held.looked(len(specimens)), sides=sides, manner=manner_of(network),
        stages=stages, filters=first_filters(network), chosen=chosen, changed=changed, dreams=dreams,
        seconds=clock.seconds,
    )  # fmt: skip


@dataclass(frozen=True)
class _Held:
    """A network held against twins with random weights: what was asked, its measures, its claims, the first twin."""

    questions: Questions
    own: Mapping[tuple[str, str], Measured]
    claims: Sequence[Claim]
    n_twins: int
    twin: StagedNetwork

    def looked(self, n_files: int) -> Looked:
        asked = self.questions
        return Looked(n_files, len(asked.specimens), asked.n_changed, self.n_twins, len(asked.bank.stimuli))


def _hold_against_twins(
    recognizer: Recognizer,
    network: StagedNetwork,
    specimens: Specimens,
    panel: str,
    n_twins: int,
    seed: int,
    progress: Progress,
) -> _Held:
    """Ask the network and its twins the same questions."""
    bank, few = make_bank(recognizer.recipe, panel, seed=seed), specimens.first(N_FOR_TWINS)
    questions = ask_questions(recognizer.recipe.kind, bank, few, n_changed=N_CHANGED, seed=seed)
    progress("claims", 0, n_twins + 1)
    own = measure_network(network, questions)
    norms = questions.specimens.pixels[:N_NORMS]
    twins, first = [], random_twin(network, norms, seed=1000 * seed + 1)
    for k in range(n_twins):
        progress("claims", k + 1, n_twins + 1)
        twin = first if k == 0 else random_twin(network, norms, seed=1000 * seed + 1 + k)
        twins.append(measure_network(twin, questions))
    progress("claims", n_twins + 1, n_twins + 1)
    return _Held(questions, own, compare_with_twins(own, twins), n_twins, first)


def _stages(
    recognizer: Recognizer,
    network: StagedNetwork,
    held: _Held,
    answers: Mapping[str, StageAnswers],
    specimens: Specimens,
    sides: tuple[Axis, Axis],
    chosen: ChosenFile,
    progress: Progress,
) -> tuple[StageAtlas, ...]:
    """Every stage: its channels named, exemplars found, and then what ``_completed`` adds."""
    bank, stages = held.questions.bank, recognizer.backbone.stages
    responses = network.responses(bank.pixels, bank.blank)
    found = []
    for done, stage in enumerate(stages, 1):
        captions = caption_channels(held.questions.kind, bank, responses[stage.name])
        effective = min(held.own[stage.name, "field"].value, stage.receptive_field_px or np.inf)
        found.append(look_at_stage(stage, effective, answers[stage.name], specimens, captions, sides))
        progress("exemplars", done, len(stages))
    return _completed(found, held, network, firing_maps(network, chosen.pixels, answers), specimens)


def _completed(
    stages: Sequence[StageAtlas],
    held: _Held,
    network: StagedNetwork,
    heats: Mapping[str, Float32[np.ndarray, "_ _"]],
    specimens: Specimens,
) -> tuple[StageAtlas, ...]:
    """Every stage with projections, its claims, and where it fires on the chosen file."""
    return tuple(
        replace(
            with_projections(one, network, held.twin, specimens),
            claims=tuple(claim for claim in held.claims if claim.stage == one.stage.name),
            heat=heats[one.stage.name],
        )
        for one in stages
    )


def _sides(specimens: Specimens, recognizer: Recognizer, executor: Executor) -> Sides:
    job = RenderJob(specimens.samples[0].path, recognizer.recipe)
    sides = next(iter(executor.map(panel_sides, [job])))
    if isinstance(sides, WorkerError):
        raise InputError(f"{job.path} cannot be drawn: {sides}")
    return sides


def _chosen_file(
    file: Path | None, specimens: Specimens, recognizer: Recognizer, panel: str, executor: Executor
) -> ChosenFile:
    if file is None:
        sample = specimens.samples[0]
        return ChosenFile(sample.name, sample.label, specimens.pixels[0])
    names = [one.name for one in recognizer.panels]
    drawn = next(Gallery(recognizer.recipe, None).pictures([Sample(file, file.name)], {}, executor))
    if drawn.pixels is None:
        raise InputError(f"{file}: expected a file to show firing on, and it cannot be used: {drawn.reason}")
    return ChosenFile(file.name, None, np.array(drawn.pixels[0, names.index(panel)]))


def _what_changed(
    before: Backbone,
    after: StagedNetwork,
    answers: Mapping[str, StageAnswers],
    specimens: Specimens,
    stages: Sequence[StageAtlas],
    progress: Progress,
) -> Changed:
    network = stage_network(before)
    earlier = network.answers(specimens.pixels, specimens.content, progress=progress, phase="before fine-tuning")
    side_px = {one.stage.name: one.side_px for one in stages}
    return compare_networks(network, after, earlier, answers, specimens, side_px=side_px)


def _shown(stages: Sequence[StageAtlas]) -> list[tuple[str, int]]:
    return [(one.stage.name, channel.channel) for one in stages for channel in one.channels[:2]]
