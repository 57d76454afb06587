"""Overfitting on purpose: train far past the best epoch, at several depths, on growing data, and on random labels.

The longer one trains, the better the answers for the training files; for others they get better too, and then worse,
as the network learns the training files by heart. When that begins, and what it costs, depends on how many layers may
change and how many files there are; how far training *can* go without learning anything is seen when the labels are
dealt out at random (Zhang et al. 2017, arXiv 1611.03530). Every network starts from the pretrained weights and a head
that knows nothing, at a steady rate, without varied views, weight decay, smoothing or averaging: all that usually
holds memorising back is left out. Covers the trainings. Does not cover the page (``report``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Int
from threadpoolctl import threadpool_limits

from photism.errors import OptionError
from photism.recognizers.head import Head
from photism.recognizers.suffix import Suffix
from photism.training import head as linear
from photism.training.classifier import standard
from photism.training.features import Features
from photism.training.finetune import finetune
from photism.training.ground import Ground
from photism.training.guard import verdict
from photism.training.plan import Depth, Plan, choose_depth
from photism.training.views import make_views
from photism.types import JSON, EpochRow, Mask, Progress, Verdict, silent

__all__ = ["Overfit", "Taught", "overfit"]

# Trained on more validation files than these, an epoch would be spent answering.
MAX_VALID = 200
N_SIZES = 4


@dataclass(frozen=True, slots=True)
class Taught:
    """One training past its best epoch: what was trained, on how many files, on which labels, and its curve.

    ``first_trained`` is the first stage whose weights change; "head" where only the head's do.
    """

    first_trained: str
    n_train: int
    random_labels: bool
    rows: tuple[EpochRow, ...]
    verdict: Verdict

    def to_json(self) -> dict[str, JSON]:
        """Return everything as JSON values; losses that are not finite as None."""
        rows: list[JSON] = [
            {key: value if math.isfinite(value) else None for key, value in asdict(row).items()} for row in self.rows
        ]
        return {**asdict(self), "rows": rows}


@dataclass(frozen=True, slots=True)
class Overfit:
    """All trainings: ``depths`` from the head alone to all layers, ``sizes`` on growing data, and on ``random`` labels.

    The deepest of ``sizes`` and the one of ``depths`` with the same first stage are one training.
    """

    n_classes: int
    n_valid: int
    depths: tuple[Taught, ...]
    sizes: tuple[Taught, ...]
    random: tuple[Taught, ...]

    @property
    def chance_nats(self) -> float:
        """Loss of an answer that knows nothing."""
        return math.log(self.n_classes)

    @property
    def shown(self) -> Taught:
        """The training that going on surely costs most; where it costs none anything, the usual one on all files."""
        costly = max((*self.depths, *self.sizes), key=lambda one: one.verdict.cost_low or 0.0)
        return costly if (costly.verdict.cost_low or 0.0) > 0 else self.sizes[-1]

    def to_json(self) -> dict[str, JSON]:
        """Return all trainings as JSON values."""
        found: dict[str, JSON] = {
            "n_classes": self.n_classes, "n_valid": self.n_valid, "chance_nats": self.chance_nats
        }  # fmt: skip
        for name, some in (("depths", self.depths), ("sizes", self.sizes), ("random_labels", self.random)):
            found[name] = [one.to_json() for one in some]
        return found


def overfit(
    ground: Ground, *, n_files: int = 200, epochs: int = 20, seed: int = 0, progress: Progress = silent
) -> Overfit:
    """Train on past the best point at several depths, on several sizes, and on random labels.

    Parameters
    ----------
    ground : Ground
        A data set with its frozen features and probes.
    n_files : int
        Training files at most; fewer show memorising sooner. At least two a class.
    epochs : int
        How long; 3 at least.
    seed : int
    progress : callable
        Told ("overfit", trainings done, trainings in all).

    Returns
    -------
    Overfit

    Raises
    ------
    OptionError
        Where ``n_files`` or ``epochs`` is too small.

    Notes
    -----
    With 200 files and 20 epochs about four minutes on two cores, of which half go into the deepest network.
    Deterministic but for the seconds in the rows.
    """
    material = ground.material
    n_classes = len(material.labels)
    if n_files < 2 * n_classes:
        raise OptionError(f"--files expects two files a class at least ({2 * n_classes}), and received {n_files}.")
    if epochs < 3:
        raise OptionError(f"--epochs expects 3 or more, and received {epochs}.")
    rng = np.random.default_rng(seed)
    order = _spread(material.y, np.flatnonzero(material.mask("train")), rng)[:n_files]
    held = _mask(_spread(material.y, np.flatnonzero(material.mask("valid")), rng)[:MAX_VALID], len(material.y))
    shuffled = material.y.copy()
    shuffled[order] = rng.permutation(shuffled[order])
    cuts = _cuts(ground)
    usual = cuts[len(cuts) // 2]
    sizes = sorted({max(2 * n_classes, len(order) // 2**i) for i in range(N_SIZES)})
    done, total = 0, 1 + len(cuts) + (len(sizes) - 1) + 2

    def told(one: Taught) -> Taught:
        nonlocal done
        done += 1
        progress("overfit", done, total)
        return one

    everything = _Setting(ground, held, epochs, seed)
    progress("overfit", 0, total)
    depths = [told(everything.head(order, material.y))]
    depths += [told(everything.suffix(cut, order, material.y)) for cut in cuts]
    smaller = [told(everything.suffix(usual, order[:n], material.y)) for n in sizes[:-1]]
    same = next(one for one, cut in zip(depths[1:], cuts, strict=True) if cut is usual)
    random = [everything.head(order, shuffled, random=True), everything.suffix(usual, order, shuffled, random=True)]
    return Overfit(n_classes, int(held.sum()), tuple(depths), (*smaller, same), tuple(told(one) for one in random))


def _cuts(ground: Ground) -> list[Depth]:
    """Where to cut: before the last stages that a head reads, in the middle, and nowhere; shallow to deep."""
    stages, selection = ground.backbone.stage_names, ground.fitted.selection
    n = len(stages)
    found: dict[str | None, Depth] = {}
    for first in sorted({n - 2, n - 3, (n - 1) // 2, 0}, reverse=True):
        if first < 0:
            continue
        try:
            depth = choose_depth(selection, stages, from_layer=stages[first])
        except OptionError:
            continue  # heads read no stage behind it
        found.setdefault(depth.after, depth)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class _Setting:
    """What all trainings share."""

    ground: Ground
    held: Mask
    epochs: int
    seed: int

    def head(self, files: Int[np.ndarray, " n"], y: Int[np.ndarray, " m"], *, random: bool = False) -> Taught:
        """Train a linear head on the layers of the probe."""
        layers = self.ground.fitted.selection.layers
        taught = _mask(files, len(y))
        plan = linear.Plan(epochs=self.epochs, batch=32, patience=self.epochs, least_steps=1, steady=True)
        with threadpool_limits(limits=1, user_api="blas"):
            curve = linear.train_head(
                self.ground.asked.features.keep(taught | self.held, layers=layers),
                y,
                self._groups(),
                train=taught,
                valid=self.held,
                start=self._nothing(layers, taught),
                n_classes=len(self.ground.material.labels),
                plan=plan,
                seed=self.seed,
            )
        chance = math.log(len(self.ground.material.labels))
        found = verdict(curve.rows, chance_nats=chance, held=curve.held)
        return Taught("head", len(files), random, curve.rows, found)

    def suffix(
        self, depth: Depth, files: Int[np.ndarray, " n"], y: Int[np.ndarray, " m"], *, random: bool = False
    ) -> Taught:
        """Train the stages behind a cut."""
        ground, taught = self.ground, _mask(files, len(y))
        plan = Plan(
            after=depth.after, layers=depth.layers, epochs=self.epochs, views=0, batch=16, weight_decay=0.0,
            smoothing=0.0, averaged_epochs=0.0, steady=True, seed=self.seed,
        )  # fmt: skip
        suffix = Suffix(
            ground.backbone, after=depth.after, panels=ground.asked.panels, head=self._nothing(depth.layers, taught)
        )
        views = make_views(
            ground.material,
            ground.cut(depth.after),
            plain=taught | self.held,
            varied=np.zeros_like(taught),
            n_views=0,
            seed=self.seed,
            executor=ground.executor,
            cache=ground.cache,
        )
        tuned = finetune(suffix, views, y, self._groups(), train=taught, valid=self.held, plan=plan, tempered=False)
        names = ground.backbone.stage_names
        first = names[0 if depth.after is None else names.index(depth.after) + 1]
        chance = math.log(len(ground.material.labels))
        found = verdict(tuned.rows, chance_nats=chance, held=tuned.held)
        return Taught(first, len(files), random, tuned.rows, found)

    def _groups(self) -> Int[np.ndarray, " m"]:
        return np.unique(np.array(self.ground.material.groups), return_inverse=True)[1]

    def _nothing(self, layers: Sequence[str], taught: Mask) -> Head:
        """A head that says of every class that it is as likely as any other."""
        features: Features = self.ground.asked.features.keep(taught, layers=layers)
        names = tuple(name for name in features.layers if name in layers)
        mean, scale = standard(features, names)
        n_classes = len(self.ground.material.labels)
        return Head(names, mean, scale, np.zeros((len(mean), n_classes), np.float32), np.zeros(n_classes, np.float32))


def _mask(files: Int[np.ndarray, " f"], n: int) -> Mask:
    return np.isin(np.arange(n), files)


def _spread(y: Int[np.ndarray, " m"], files: Int[np.ndarray, " n"], rng: np.random.Generator) -> Int[np.ndarray, " n"]:
    """Order files so that every beginning has about the same number of each class."""
    mixed = rng.permutation(files)
    rank = np.zeros(len(mixed), np.int64)
    for label in np.unique(y[mixed]):
        members = np.flatnonzero(y[mixed] == label)
        rank[members] = np.arange(len(members))
    return np.asarray(mixed[np.argsort(rank, kind="stable")])
