"""The recognizer: everything needed to answer for a file, in one value.

It carries its recipe, so that training, the command line and an embedding program cannot render differently; its
backbone's weights, so that no hub is needed; and its engine, so that the same file gets the same bits.

Does not cover how it was trained (a floor above) nor the files it is kept in (``bundle``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int

from photism.errors import InputError, RunError
from photism.executor import Executor, ProcessExecutor
from photism.pictures.gallery import Gallery, Rendered
from photism.recognizers.backbones import Backbone
from photism.recognizers.bundle import Bundle, load_bundle, save_bundle
from photism.recognizers.familiarity import Familiarity
from photism.recognizers.frozen_pass import FileFeatures, FrozenPass, Panel
from photism.recognizers.head import Head
from photism.recognizers.mixture import Mixture
from photism.types import JSON, Prediction, Recipe, Sample

__all__ = ["Decision", "Partner", "Recognizer", "load_recognizer", "save_recognizer"]

HEAD_TENSORS = ("mean", "scale", "weight", "bias")
CHUNK_FILES = 32  # so many files' pictures are held while two networks look at them in turn


Asked = tuple[FileFeatures, Float64[np.ndarray, " k"] | None]
"""What a network answered for a file, and the probabilities; None where the file cannot be read."""


@dataclass(frozen=True, slots=True)
class Decision:
    """For two classes: say ``positive`` from ``threshold`` of its probability on, and the other class below."""

    positive: str
    threshold: float


@dataclass(frozen=True, slots=True)
class Partner:
    """A second recognizer of the same classes, and how much of a say it has; its own decision is not asked."""

    recognizer: Recognizer
    mixture: Mixture


@dataclass(frozen=True)
class Recognizer:
    """A frozen network with a head, ready to answer for files.

    Parameters
    ----------
    backbone : Backbone
        The pretrained network with its weights, and its layer table (name, channels, stride px, receptive field px).
    labels : tuple of str
        The classes, in the order of every probability.
    recipe : Recipe
        How a file becomes pictures.
    panels : tuple of Panel
        The recipe's layouts as the network needs to know them.
    head : Head
        The classifier on pooled features.
    familiarity : Familiarity or None
        Tells whether a file is like anything that was taught; None where too little was taught to tell.
    engine : mapping or str
        What ``Engine.describe`` returned when it was trained, used where it exists on this machine; or a name.
    decision : Decision, optional
        For two classes, from which probability the positive one is said.
    partner : Partner, optional
        A second network that answers as well; the answer is then both's, what is familiar the first one's to tell.
    """

    backbone: Backbone
    labels: tuple[str, ...]
    recipe: Recipe
    panels: tuple[Panel, ...]
    head: Head
    familiarity: Familiarity | None
    engine: str | Mapping[str, JSON]
    decision: Decision | None = None
    partner: Partner | None = None

    @cached_property
    def _frozen_pass(self) -> FrozenPass:
        wanted = set(self.head.layers) | set(self.familiarity.layers if self.familiarity else ())
        return FrozenPass(self.backbone, self.panels, layers=sorted(wanted), engine=self.engine)

    def by(self, engine: str) -> Recognizer:
        """Return the same recognizer, to answer by another engine; its partner too.

        Parameters
        ----------
        engine : str
            Its name.
        """
        partner = self.partner and replace(self.partner, recognizer=self.partner.recognizer.by(engine))
        return replace(self, engine=engine, partner=partner)

    def predict(
        self, files: str | Path | Sequence[str | Path], *, executor: Executor | None = None
    ) -> list[Prediction]:
        """Answer for files, in their order.

        Parameters
        ----------
        files : path or sequence of paths
            Files of the kind that the recognizer was trained on, whatever their endings.
        executor : Executor, optional
            Where files are decoded and rendered; worker processes of its own by default.

        Returns
        -------
        list of Prediction
            One for each file. A file that cannot be read has its reason in ``error``, and no label.

        Raises
        ------
        InputError
            Where no file is given.

        Examples
        --------
        >>> import photism
        >>> photism.load("RUN").predict("rain.wav")[0].label  # doctest: +SKIP
        'rain'
        """
        paths = [Path(files)] if isinstance(files, str | Path) else [Path(file) for file in files]
        if not paths:
            raise InputError("predict expects one file at least, and received none.")
        if executor is not None:
            return list(self.answers(paths, executor))
        with ProcessExecutor() as own:
            return list(self.answers(paths, own))

    def answers(self, paths: Sequence[Path], executor: Executor) -> Iterator[Prediction]:
        """Yield an answer for every file as soon as it is there, in the files' order.

        Parameters
        ----------
        paths : sequence of Path
            The files.
        executor : Executor
            Where they are decoded and rendered.
        """
        for answer, _ in self.answers_seen(paths, executor):
            yield answer

    def answers_seen(
        self, paths: Sequence[Path], executor: Executor
    ) -> Iterator[tuple[Prediction, Mapping[str, Float32[np.ndarray, "w _"]]]]:
        """Yield every answer with the pooled features that it was read from.

        Parameters
        ----------
        paths : sequence of Path
            The files.
        executor : Executor
            Where they are decoded and rendered.

        Yields
        ------
        (Prediction, layer name -> float32 (n_windows, d))
            Of the head's and familiarity's layers; none where the file cannot be read.
        """
        samples = [Sample(path, str(path)) for path in paths]
        for one, probability in self._asked(samples, executor):
            if one.reason is not None or probability is None:
                yield Prediction(one.sample.name, (), (), None, one.reason), {}
                continue
            familiar = None if self.familiarity is None else bool(self.familiarity.is_familiar(one.layers))
            answer = Prediction(
                one.sample.name,
                self.labels,
                tuple(float(p) for p in probability),
                familiar,
                decided=None if self.decision is None else self.label_of(probability),
            )
            yield answer, one.layers

    def _asked(self, samples: Sequence[Sample], executor: Executor) -> Iterator[Asked]:
        """Ask the network for every file, and the partner as well where there is one."""
        if self.partner is None:
            yield from self._alone(Gallery(self.recipe, None).pictures(samples, {}, executor))
            return
        other, mixture = self.partner.recognizer, self.partner.mixture
        for start in range(0, len(samples), CHUNK_FILES):
            some = samples[start : start + CHUNK_FILES]
            rendered = list(Gallery(self.recipe, None).pictures(some, {}, executor))
            firsts = list(self._alone(rendered))
            if other.recipe != self.recipe:
                rendered = list(Gallery(other.recipe, None).pictures(some, {}, executor))
            for (one, first), (again, second) in zip(firsts, other._alone(rendered), strict=True):
                if first is None or second is None:  # a file may be gone before it is read again
                    yield (again if one.reason is None else one), None
                else:
                    yield one, mixture.mixed(first[None], second[None])[0]

    def _alone(self, rendered: Iterable[Rendered]) -> Iterator[Asked]:
        """Ask this network alone; a file's windows have one say each, and their mean is the file's answer."""
        for one in self._frozen_pass.features(rendered):
            yield one, None if one.reason is not None else self.head.probabilities(one.layers).mean(axis=0)

    def label_of(self, probability: Float64[np.ndarray, " k"]) -> str:
        """Say what is answered at given probabilities: the most probable class, or the one decided at a threshold.

        Parameters
        ----------
        probability : float64 (k,)
        """
        return self.labels[int(self.classes_of(probability[None])[0])]

    def classes_of(self, probability: Float64[np.ndarray, "n k"]) -> Int[np.ndarray, " n"]:
        """Say which class is answered in every row: the most probable one, or the one decided at a threshold.

        Parameters
        ----------
        probability : float64 (n, k)
        """
        if self.decision is None:
            return np.asarray(probability.argmax(axis=1))
        index = self.labels.index(self.decision.positive)
        return np.where(probability[:, index] >= self.decision.threshold, index, 1 - index)

    def __repr__(self) -> str:
        layers = "+".join(self.head.layers)
        also = f" with {self.partner.recognizer.backbone.name}" if self.partner else ""
        return f"Recognizer({self.recipe.kind}, {len(self.labels)} classes, {self.backbone.name}, {layers}{also})"


def save_recognizer(folder: Path, recognizer: Recognizer) -> None:
    """Write a recognizer as a bundle: safetensors and JSON.

    Parameters
    ----------
    folder : Path
        Written whole or not at all.
    recognizer : Recognizer
        What to keep.

    Raises
    ------
    OSError
        Where the folder cannot be written.
    """
    save_bundle(folder, _bundle_of(recognizer))


def _bundle_of(recognizer: Recognizer) -> Bundle:
    head, decision, partner = recognizer.head, recognizer.decision, recognizer.partner
    engine = recognizer.engine
    meta: dict[str, JSON] = {
        "labels": list(recognizer.labels),
        "recipe": recognizer.recipe.to_json(),
        "panels": [panel.to_json() for panel in recognizer.panels],
        "layers": list(head.layers),
        "temperature": head.temperature,
        "engine": engine if isinstance(engine, str) else dict(engine),
        "decision": None if decision is None else {"positive": decision.positive, "threshold": decision.threshold},
        "familiarity": None if recognizer.familiarity is None else recognizer.familiarity.to_json(),
    }
    if partner is not None:
        meta["mixture"] = {"share": partner.mixture.share, "temperature": partner.mixture.temperature}
    tensors = {f"head.{name}": getattr(head, name) for name in HEAD_TENSORS}
    if recognizer.familiarity is not None:
        tensors |= {f"familiarity.{name}": value for name, value in recognizer.familiarity.tensors().items()}
    other = None if partner is None else _bundle_of(partner.recognizer)
    return Bundle(meta, tensors, recognizer.backbone, other)


def load_recognizer(folder: Path) -> Recognizer:
    """Read a recognizer that ``save_recognizer`` wrote.

    Parameters
    ----------
    folder : Path
        The bundle.

    Raises
    ------
    RunError
        Where it is missing, damaged, or of a newer format.
    """
    bundle = load_bundle(folder)
    try:
        return _recognizer_of(bundle)
    except (KeyError, TypeError) as error:
        raise RunError(f"{folder}: damaged, its description lacks something that photism writes: {error!r}.") from error


def _recognizer_of(bundle: Bundle) -> Recognizer:
    meta: Mapping[str, Any] = bundle.meta
    recipe = Recipe(meta["recipe"]["kind"], meta["recipe"]["version"], meta["recipe"]["options"])
    head = Head(
        layers=tuple(meta["layers"]),
        temperature=meta["temperature"],
        **{name: bundle.tensors[f"head.{name}"] for name in HEAD_TENSORS},
    )
    familiarity = None
    if meta["familiarity"] is not None:
        prefix = "familiarity."
        tensors = {k.removeprefix(prefix): v for k, v in bundle.tensors.items() if k.startswith(prefix)}
        familiarity = Familiarity.from_parts(meta["familiarity"], tensors)
    return Recognizer(
        backbone=bundle.backbone,
        labels=tuple(meta["labels"]),
        recipe=recipe,
        panels=tuple(Panel(**panel) for panel in meta["panels"]),
        head=head,
        familiarity=familiarity,
        engine=meta["engine"],
        decision=None if meta["decision"] is None else Decision(**meta["decision"]),
        partner=None if bundle.partner is None else Partner(_recognizer_of(bundle.partner), Mixture(**meta["mixture"])),
    )
