"""Fine-tuning from start to decision: depth, maps, training, comparison with the probe, and the network that is kept.

The order matters and is all that this file holds. The probes decide the depth; a suffix is trained on the training part
and measured on validation, which also says how much of what was before stays; a paired test there decides between it
and the probe. Where validation is one of several folds, all of them judge (``cross_tuned``) before the long training
begins: networks that learned from half of the folds must beat a probe that lacked one fold in five; where they lose on
the first half, the other is not asked. Where it is kept,
it is trained once more in the same way on training and validation together, and put back into the network, which is
then asked like any other. The test part chooses nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from threadpoolctl import threadpool_limits
from torch import Tensor

from photism.data.material import Material
from photism.recognizers.backbones import Backbone
from photism.recognizers.head import Head
from photism.recognizers.suffix import Suffix
from photism.training.attempts import Adapted, Attempt, Blend
from photism.training.blend import (
    HeldOut,
    answers_on_the_way,
    choose_blend,
    frozen_logits,
    go_to,
    joint_head,
    weights_of,
)
from photism.training.calibration import tempered
from photism.training.choose import Comparison, Judges, compare
from photism.training.cross_tuned import CrossTuned, cross_tuned
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
class _Measured:
    """A suffix that learned from the training part: its curve, and its answers for validation."""

    curve: Tuned
    held_out: HeldOut


@dataclass(frozen=True, slots=True)
class _Judged:
    """A challenger's blend, its answers (n_samples, k), NaN where it has none, and how they compare."""

    blend: Blend
    answers: Float64[np.ndarray, "m k"]
    comparison: Comparison

    @property
    def leads(self) -> bool:
        """Whether it leads at all on average over folds (p is then under a half), or one fold is all there is."""
        return self.comparison.n_folds < 2 or self.comparison.p_value < 0.5


@dataclass(frozen=True, slots=True)
class _Leader:
    """The attempt that is best so far, and what is needed to finish it."""

    plan: Plan
    blend: Blend
    said: _Measured | CrossTuned


def adapt(
    ground: Ground,
    plans: Sequence[tuple[Depth, Plan]],
    *,
    always: bool,
    folder: Path | None = None,
    progress: Progress = silent,
    watch: Watch = unwatched,
) -> Adapted:
    """Fine-tune the last stages and keep them where it pays on files that were not learned from.

    Parameters
    ----------
    ground : Ground
    plans : sequence of (Depth, Plan)
        What to try, the simplest first; each is compared with the best before it.
    always : bool
        Keep the first fine-tuned network at least, whatever the comparison says.
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
    if not plans:
        return Adapted((), ground.backbone, ground.fitted)
    material = ground.material
    leader: _Leader | None = None
    best = _probe_on_judges(ground)
    attempts: list[Attempt] = []
    states = [None if folder is None else folder / f"attempt-{number}" for number in range(len(plans))]
    for (depth, plan), state in zip(plans, states, strict=True):
        asked_for, against = always and leader is None, partial(_judged, material, best)
        if material.by_fold:
            # What leads on none of the first folds on average hardly ever wins beyond chance on all (LOG.md).
            may_win = (lambda _: True) if asked_for else lambda half, against=against: against(half).leads
            said: CrossTuned | _Measured = cross_tuned(ground, plan, may_win=may_win, folder=state, progress=progress)
        else:
            said = _measured(ground, plan, state, progress, watch)
        judged = against(said.held_out)
        kept = judged.comparison.challenger_wins or asked_for
        cut_short = isinstance(said, CrossTuned) and said.is_half
        n_unasked = Judges.of(material).n_folds - judged.comparison.n_folds if cut_short else 0
        attempts.append(Attempt(depth, plan, judged.blend, judged.comparison, kept, n_unasked))
        if kept:
            best, leader = judged.answers, _Leader(plan, judged.blend, said)
    if leader is None:
        return Adapted(tuple(attempts), ground.backbone, ground.fitted)
    return replace(_finished(ground, leader, tuple(attempts), folder, progress, watch), unseen=best)


def _judged(material: Material, best: Float64[np.ndarray, "m k"], held_out: HeldOut) -> _Judged:
    """Blend what was answered as suits it best, and compare it with the best before it on files that both answered."""
    blend = choose_blend(held_out, material.y)
    found = held_out.probabilities(blend)
    judges = Judges.of(material).who_have(best, found)
    files, groups = judges.files, judges.groups
    comparison = compare(best[files], found[files], material.y[files], groups, n_folds=judges.n_folds)
    return _Judged(blend, found, comparison)


def _probe_on_judges(ground: Ground) -> Float64[np.ndarray, "m k"]:
    """What the probe answers for the files that judge, none of which it saw, at the temperature that suits them."""
    material = ground.material
    found = ground.probe_unseen.copy()
    files = Judges.of(material).who_have(found).files
    found[files] = tempered(found[files], material.y[files])
    return found


def _finished(
    ground: Ground,
    leader: _Leader,
    attempts: tuple[Attempt, ...],
    folder: Path | None,
    progress: Progress,
    watch: Watch,
) -> Adapted:
    """Train the kept attempt once more on training and validation files, and put it back into the network."""
    material, plan, blend, measured = ground.material, leader.plan, leader.blend, leader.said
    crossed = None
    if isinstance(measured, CrossTuned):
        # Folds decided; validation draws the curve, and its network is as sure of itself as the kept one will be.
        crossed = measured.probabilities
        measured = _measured(ground, plan, None if folder is None else folder / "curve", progress, watch)
        blend = measured.held_out.retempered(blend, material.y)
    valid = measured.held_out.probabilities(blend)
    taught = material.mask("train") | material.mask("valid")
    state = None if folder is None else folder / "last"
    suffix, start, _, _ = _trained(ground, plan, taught, None, measured.curve.best_epoch, state, progress, watch)
    go_to(suffix, start, weights_of(suffix), blend.reach)
    backbone, head = suffix.settled()
    head = joint_head(blend, head, _frozen_head(ground, plan, taught) if blend.share else None)
    fitted = _asked_again(ground, backbone, head, measured.curve, valid, plan.seed, progress)
    return Adapted(attempts, backbone, fitted, crossed)


def _measured(ground: Ground, plan: Plan, state: Path | None, progress: Progress, watch: Watch) -> _Measured:
    """Train on the training part, and answer for validation."""
    train, valid = ground.material.mask("train"), ground.material.mask("valid")
    suffix, start, views, curve = _trained(ground, plan, train, valid, None, state, progress, watch)
    windows, tuned = answers_on_the_way(suffix, start, views, np.flatnonzero(valid))
    head = _frozen_head(ground, plan, train)
    frozen = None if head is None else frozen_logits(head, ground.asked.features, windows)
    return _Measured(curve, HeldOut(replace(windows, n_samples=len(train)), tuned, frozen))


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
        ops=plan.variations,
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


def _asked_again(
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
