"""Answers of fine-tuned networks for the very files that fine-tuning learns from: in cross-validation.

The suffix is trained once for each half of the files, as the kept one is but half as long, and answers for the other
half; so does a head on the frozen stages that learned from the same files. Two things need such answers. Where
validation is one fold (a speaker, a hospital) it says little of the next, and whether fine-tuning pays is asked of all
folds instead (``adapt``). And a network that learned a wrong label repeats it, so that labels are questioned by
networks that did not see them (``photism.trust``). Covers those trainings. Does not cover what follows from them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from photism.data.material import Material
from photism.data.split import inner_folds
from photism.recognizers.machine import give_memory_back
from photism.recognizers.suffix import Suffix
from photism.training.blend import HeldOut, answers_on_the_way, frozen_logits, weights_of
from photism.training.features import Features, by_file, softmax
from photism.training.finetune import finetune
from photism.training.ground import Ground
from photism.training.plan import REACHES, Plan, crossed_epochs
from photism.training.views import Views, make_views
from photism.types import Mask, Progress, silent

__all__ = ["CrossTuned", "cross_tuned"]

N_FOLDS = 2


@dataclass(frozen=True, slots=True)
class CrossTuned:
    """What was answered for training and validation files by networks that had not seen them.

    ``is_half`` says that the other half was not trained for, so that half of the files have no answer.
    """

    held_out: HeldOut
    is_half: bool = False

    @property
    def probabilities(self) -> Float64[np.ndarray, "m k"]:
        """What the fine-tuned networks alone answer; NaN in the rows of files that they were not asked."""
        return by_file(softmax(self.held_out.tuned[1.0]), self.held_out.windows)


def cross_tuned(
    ground: Ground,
    plan: Plan,
    *,
    reaches: Sequence[float] = REACHES,
    may_win: Callable[[HeldOut], bool] = lambda _: True,
    folder: Path | None = None,
    progress: Progress = silent,
) -> CrossTuned:
    """Answer for training and validation files by networks that saw neither their groups nor copies of them.

    Parameters
    ----------
    ground : Ground
        The network as it was before fine-tuning.
    plan : Plan
        How the network that is kept is fine-tuned.
    reaches : sequence of float
        How far from the weights before training to those after it answers are wanted; 1 among them.
    may_win : callable
        Asked with the first half's answers whether the other half is worth training for; it is not where that says no.
    folder : Path, optional
        Where the state of an unfinished training is kept.
    progress : callable
        Told (phase, done, total), with "cross-validation" for the trainings.

    Raises
    ------
    ValueError
        Where all files are one group.

    Notes
    -----
    Where validation is a given fold, folds are left out whole, also where they cut a group, and files with a copy in
    the other half are not answered. Costs about half of what training the kept network does. Deterministic given the
    plan's seed.
    """
    material = ground.material
    taught = material.mask("train") | material.mask("valid")
    half = _halves(material, taught, plan.seed)
    views = make_views(
        material, ground.cut(plan.after), plain=taught, varied=taught, n_views=plan.views, seed=plan.seed,
        ops=plan.variations, executor=ground.executor, cache=ground.cache, progress=progress,
    )  # fmt: skip
    give_memory_back()
    content = np.array([material.hashes[sample.path] for sample in material.samples])
    found = []
    for number in range(N_FOLDS):

        def tell(_phase: str, done: int, total: int, number: int = number) -> None:
            progress("cross-validation", number * total + done, N_FOLDS * total)

        learned, held = taught & (half != number), half == number
        held &= ~np.isin(content, content[learned])
        state = None if folder is None else folder / f"half-{number}"
        found.append(_answered(ground, plan, views, learned, held, reaches, state, tell))
        if len(found) < N_FOLDS and not may_win(found[0]):
            return CrossTuned(found[0], is_half=True)
    return _joined(found)


def _halves(material: Material, taught: Mask, seed: int) -> Int64[np.ndarray, " m"]:
    """Give every taught file its half, what belongs together whole; -1 for all other files."""
    files = np.flatnonzero(taught)
    units = material.units if material.by_fold else material.observations
    names = [units[i] for i in files.tolist()]
    if len(set(names)) < N_FOLDS:
        raise ValueError(f"held-out answers need {N_FOLDS} groups, received {len(set(names))}")
    half = np.full(len(taught), -1, dtype=np.int64)
    half[files] = inner_folds(material.y[files], names, N_FOLDS, seed)
    return half


def _answered(
    ground: Ground,
    plan: Plan,
    views: Views,
    learned: Mask,
    held: Mask,
    reaches: Sequence[float],
    state: Path | None,
    progress: Progress,
) -> HeldOut:
    """Train on some files, and answer for others."""
    material = ground.material
    suffix = Suffix(
        ground.backbone, after=plan.after, panels=ground.asked.panels, head=ground.head(plan.layers, learned, plan.seed)
    )
    start = weights_of(suffix)
    groups = np.unique(np.array(material.groups), return_inverse=True)[1]
    shorter = replace(plan, epochs=crossed_epochs(plan))
    finetune(
        suffix, views, material.y, groups, train=learned, valid=None, plan=shorter, checkpoint=state, progress=progress
    )
    windows, tuned = answers_on_the_way(suffix, start, views, np.flatnonzero(held), reaches)
    frozen = None
    if plan.frozen_layers:
        frozen = frozen_logits(ground.head(plan.frozen_layers, learned, plan.seed), ground.asked.features, windows)
    return HeldOut(replace(windows, n_samples=len(learned)), tuned, frozen)


def _joined(halves: Sequence[HeldOut]) -> CrossTuned:
    """Put answers for different files together."""
    files = np.concatenate([one.windows.sample_of_window for one in halves])
    order = np.argsort(files, kind="stable")
    weight = np.concatenate([one.windows.weight for one in halves])[order]
    windows = Features({}, files[order], weight, halves[0].windows.n_samples)
    frozen = None
    if halves[0].frozen is not None:
        frozen = np.concatenate([one.frozen for one in halves if one.frozen is not None])[order]
    tuned = {reach: np.concatenate([one.tuned[reach] for one in halves])[order] for reach in halves[0].tuned}
    return CrossTuned(HeldOut(windows, tuned, frozen))
