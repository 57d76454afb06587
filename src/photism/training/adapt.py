"""Fine-tuning from start to decision: depth, maps, training, comparison with the probe, and the network that is kept.

The order matters and is all that this file holds. The probes decide the depth; a suffix is trained on the training part
and measured on validation; a paired test there decides between it and the probe. Where it is kept, it is trained once
more in the same way on training and validation together, and put back into the network, which is then asked like any
other. The test part chooses nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64
from threadpoolctl import threadpool_limits

from photism.data.material import Material
from photism.executor import Executor
from photism.recognizers.backbones import Backbone
from photism.recognizers.head import Head
from photism.recognizers.suffix import Suffix
from photism.training.calibration import LEAST, temperature_for
from photism.training.choose import Comparison, compare
from photism.training.classifier import fit_classifier
from photism.training.familiar import familiar_layers, familiar_rate, fit_familiarity
from photism.training.features import Features, answers, by_file, softmax
from photism.training.finetune import Tuned, answer, finetune
from photism.training.fit import Fitted, folds_of
from photism.training.frozen import Asked, ask
from photism.training.guard import verdict
from photism.training.plan import Depth, Plan
from photism.training.views import Cut, Views, make_views
from photism.types import PARTS, Mask, Part, Progress, Recipe, silent

__all__ = ["Adapted", "Ground", "adapt"]


@dataclass(frozen=True, slots=True)
class Ground:
    """What fine-tuning starts from: the data, the network as it was asked, and what was fitted to its answers."""

    material: Material
    recipe: Recipe
    backbone: Backbone
    asked: Asked
    fitted: Fitted
    executor: Executor
    cache: Path


@dataclass(frozen=True, slots=True)
class Adapted:
    """The outcome of fine-tuning: how it compared with the probe, and the network and its parts where it is kept.

    ``history`` is the curve of the training on the training part alone. ``backbone`` and ``fitted`` are those of the
    probe where the probe is kept (``kept`` is False).
    """

    depth: Depth
    plan: Plan
    comparison: Comparison
    kept: bool
    backbone: Backbone
    fitted: Fitted


def adapt(
    ground: Ground,
    depth: Depth,
    plan: Plan,
    *,
    always: bool,
    folder: Path | None = None,
    progress: Progress = silent,
) -> Adapted:
    """Fine-tune the last stages and keep them where validation says that it pays.

    Parameters
    ----------
    ground : Ground
    depth : Depth
        Where to cut.
    plan : Plan
        How to train.
    always : bool
        Keep the fine-tuned network whatever validation says.
    folder : Path, optional
        Where the state of an unfinished training is kept.
    progress : callable
        Told (phase, done, total).

    Returns
    -------
    Adapted
    """
    y, groups = ground.material.y, ground.material.groups
    masks = {part: ground.material.mask(part) for part in PARTS}
    suffix, views, tuned = _trained(ground, plan, masks["train"], masks["valid"], None, folder, progress)
    files = np.flatnonzero(masks["valid"])
    windows, logits = answer(suffix, views, files)
    temperature = temperature_for(logits, windows, y)
    challenger = by_file(softmax(logits / temperature), windows)[files]
    simple = _tempered(ground.fitted.probabilities["valid"][files], y[files])
    comparison = compare(simple, challenger, y[files], [groups[i] for i in files.tolist()])
    if not always and not comparison.challenger_wins:
        return Adapted(depth, plan, comparison, False, ground.backbone, ground.fitted)
    del suffix, views
    last, _, _ = _trained(ground, plan, masks["train"] | masks["valid"], None, tuned.best_epoch, folder, progress)
    backbone, head = last.settled()
    head = replace(head, temperature=temperature)
    valid = np.full((len(y), len(head.bias)), np.nan)
    valid[files] = challenger
    fitted = _measured(ground, backbone, head, tuned, valid, plan.seed, progress)
    return Adapted(depth, plan, comparison, True, backbone, fitted)


def _trained(
    ground: Ground,
    plan: Plan,
    train: Mask,
    valid: Mask | None,
    until: int | None,
    folder: Path | None,
    progress: Progress,
) -> tuple[Suffix, Views, Tuned]:
    """Fit a probe on the plan's layers, cut the network there, and train what lies behind."""
    material = ground.material
    y, n_classes = material.y, len(material.labels)
    folds = folds_of(y, material.units, train, plan.seed)
    with threadpool_limits(limits=1, user_api="blas"):
        start = fit_classifier(
            ground.asked.features.keep(train, layers=plan.layers), y, folds, layers=plan.layers, n_classes=n_classes
        )
    suffix = Suffix(ground.backbone, after=plan.after, panels=ground.asked.panels, head=start.head)
    views = make_views(
        material,
        Cut(ground.backbone, plan.after, ground.recipe, ground.asked.panels, ground.asked.engine),
        plain=train if valid is None else train | valid,
        varied=train,
        n_views=plan.views,
        seed=plan.seed,
        executor=ground.executor,
        cache=ground.cache,
        progress=progress,
    )
    tuned = finetune(
        suffix,
        views,
        y,
        np.unique(np.array(material.groups), return_inverse=True)[1],
        train=train,
        valid=valid,
        plan=plan,
        until=until,
        checkpoint=None if folder is None else folder / ("last" if valid is None else "first"),
        progress=progress,
    )
    return suffix, views, tuned


def _tempered(probability: Float64[np.ndarray, "n k"], y: Int64[np.ndarray, " n"]) -> Float64[np.ndarray, "n k"]:
    """Give probabilities of files the temperature that suits them."""
    alone = Features({}, np.arange(len(y)), np.ones(len(y), np.float32), len(y))
    logits = np.log(np.maximum(probability, LEAST))
    return softmax(logits / temperature_for(logits, alone, y))


def _measured(
    ground: Ground,
    backbone: Backbone,
    head: Head,
    tuned: Tuned,
    valid: Float64[np.ndarray, "m k"],
    seed: int,
    progress: Progress,
) -> Fitted:
    """Ask the fine-tuned network for every file, as a recognizer would, and find what is familiar to it."""
    material, before = ground.material, ground.fitted
    near = familiar_layers(ground.asked.features.layers, before.selection.layers)
    asked = ask(
        material,
        ground.recipe,
        backbone,
        layers=(*head.layers, *near),
        engine=ground.asked.engine,
        executor=ground.executor,
        cache=ground.cache,
        progress=progress,
    )
    taught = material.mask("train") | material.mask("valid")
    test = material.mask("test")
    with threadpool_limits(limits=1, user_api="blas"):
        folds = folds_of(material.y, material.units, taught, seed)
        familiarity = fit_familiarity(asked.features.keep(taught, layers=near), folds, layers=near, seed=seed)
    probabilities: dict[Part, Float64[np.ndarray, "m k"]] = {"valid": valid}
    rate: float | None = None
    if test.any():
        held = asked.features.keep(test)
        probabilities["test"] = by_file(answers(head, held), held)
        rate = None if familiarity is None else familiar_rate(familiarity, held.keep(test, layers=near))
    return replace(
        before,
        head=head,
        familiarity=familiarity,
        history=tuned.rows,
        verdict=verdict(tuned.rows, chance_nats=math.log(len(material.labels))),
        probabilities=probabilities,
        familiar_rate=rate,
    )
