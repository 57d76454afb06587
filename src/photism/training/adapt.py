"""Fine-tuning from start to decision: depth, maps, training, comparison with the probe, and the network that is kept.

The order matters and is all that this file holds. The probes decide the depth; a suffix is trained on the training part
and measured on validation, which also says how much of what was before stays; a paired test there decides between
it and the probe. Where it is kept, it is trained once more in the same way on training and validation together,
and put back into the network, which is then asked like any other. The test part chooses nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from threadpoolctl import threadpool_limits
from torch import Tensor

from photism.recognizers.backbones import Backbone
from photism.recognizers.head import Head
from photism.recognizers.suffix import Suffix
from photism.training.attempts import Adapted, Attempt, Blend
from photism.training.blend import choose_blend, go_to, joint_head, weights_of
from photism.training.calibration import tempered
from photism.training.choose import compare
from photism.training.familiar import familiar_layers, familiar_rate, fit_familiarity
from photism.training.features import answers, by_file
from photism.training.finetune import Tuned, finetune
from photism.training.fit import Fitted, folds_of
from photism.training.frozen import ask
from photism.training.ground import Ground
from photism.training.guard import verdict
from photism.training.plan import Depth, Plan
from photism.training.views import Views, make_views
from photism.types import Mask, Part, Progress, Watch, silent, unwatched

__all__ = ["adapt"]


@dataclass(frozen=True, slots=True)
class _Leader:
    """The attempt that is best so far, and what is needed to finish it."""

    plan: Plan
    blend: Blend
    tuned: Tuned


def adapt(
    ground: Ground,
    plans: Sequence[tuple[Depth, Plan]],
    *,
    always: bool,
    folder: Path | None = None,
    progress: Progress = silent,
    watch: Watch = unwatched,
) -> Adapted:
    """Fine-tune the last stages and keep them where validation says that it pays.

    Parameters
    ----------
    ground : Ground
    plans : sequence of (Depth, Plan)
        What to try, the simplest first; each is compared with the best before it.
    always : bool
        Keep the first fine-tuned network at least, whatever validation says.
    folder : Path, optional
        Where the state of an unfinished training is kept.
    progress : callable
        Told (phase, done, total).
    watch : callable
        Told (curve, row) after every epoch.

    Returns
    -------
    Adapted
    """
    material = ground.material
    files = np.flatnonzero(material.mask("valid"))
    y, groups = material.y[files], [material.groups[i] for i in files.tolist()]
    best = tempered(ground.fitted.probabilities["valid"][files], y)
    leader: _Leader | None = None
    attempts: list[Attempt] = []
    for number, (depth, plan) in enumerate(plans):
        state = None if folder is None else folder / f"attempt-{number}"
        suffix, start, views, tuned = _trained(
            ground, plan, material.mask("train"), material.mask("valid"), None, state, progress, watch
        )
        aside = _frozen_head(ground, plan, material.mask("train"))
        held = ground.asked.features.keep(material.mask("valid"), layers=plan.frozen_layers)
        blend, challenger = choose_blend(
            suffix, start, views, files, material.y, None if aside is None else (aside, held)
        )
        comparison = compare(best, challenger, y, groups)
        kept = comparison.challenger_wins or (always and leader is None)
        attempts.append(Attempt(depth, plan, blend, comparison, kept))
        if kept:
            best, leader = challenger, _Leader(plan, blend, tuned)
    if leader is None:
        return Adapted(tuple(attempts), ground.backbone, ground.fitted)
    taught = material.mask("train") | material.mask("valid")
    state = None if folder is None else folder / "last"
    suffix, start, _, _ = _trained(ground, leader.plan, taught, None, leader.tuned.best_epoch, state, progress, watch)
    go_to(suffix, start, weights_of(suffix), leader.blend.reach)
    backbone, head = suffix.settled()
    head = joint_head(leader.blend, head, _frozen_head(ground, leader.plan, taught) if leader.blend.share else None)
    valid = np.full((len(material.y), len(head.bias)), np.nan)
    valid[files] = best
    return Adapted(
        tuple(attempts), backbone, _measured(ground, backbone, head, leader.tuned, valid, leader.plan.seed, progress)
    )


def _trained(
    ground: Ground,
    plan: Plan,
    train: Mask,
    valid: Mask | None,
    until: int | None,
    state: Path | None,
    progress: Progress,
    watch: Watch,
) -> tuple[Suffix, list[Tensor], Views, Tuned]:
    """Fit a probe on the plan's layers, cut the network there, and train what lies behind.

    Returns the suffix as it is after training, and its weights before.
    """
    material = ground.material
    head = ground.head(plan.layers, train, plan.seed)
    suffix = Suffix(ground.backbone, after=plan.after, panels=ground.asked.panels, head=head)
    start = weights_of(suffix)
    views = make_views(
        material,
        ground.cut(plan.after),
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
        material.y,
        np.unique(np.array(material.groups), return_inverse=True)[1],
        train=train,
        valid=valid,
        plan=plan,
        until=until,
        checkpoint=state,
        progress=progress,
        watch=watch,
    )
    return suffix, start, views, tuned


def _frozen_head(ground: Ground, plan: Plan, files: Mask) -> Head | None:
    """Fit a head to the stages before the cut; None where the plan has none."""
    return ground.head(plan.frozen_layers, files, plan.seed) if plan.frozen_layers else None


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
        verdict=verdict(tuned.rows, chance_nats=math.log(len(material.labels)), held=tuned.held),
        probabilities=probabilities,
        familiar_rate=rate,
    )
