"""Answers of fine-tuned networks for the very files that fine-tuning learns from: in cross-validation.

A network that was fine-tuned on a wrong label repeats it. So the suffix is trained once more for each half of the
files, in the same way but half as long and from the maps that are on disk already, on the other half alone. It makes
other mistakes than heads on the frozen network do; together they tell wrong labels best (``out_of_fold``). Covers those
trainings. Does not cover what the answers are used for (``photism.trust``).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float64

from photism.data.split import inner_folds
from photism.recognizers.suffix import Suffix
from photism.training.features import by_file, softmax
from photism.training.finetune import answer, finetune
from photism.training.ground import Ground
from photism.training.plan import Plan
from photism.training.views import make_views
from photism.types import Progress, silent

__all__ = ["cross_tuned"]

N_FOLDS = 2


def cross_tuned(ground: Ground, plan: Plan, *, progress: Progress = silent) -> Float64[np.ndarray, "m k"]:
    """Answer for every training and validation file by a fine-tuned network that saw neither its group nor a copy.

    Parameters
    ----------
    ground : Ground
        The network as it was before fine-tuning.
    plan : Plan
        How the network that is kept was fine-tuned.
    progress : callable
        Told ("cross-validation", done, total).

    Returns
    -------
    float64 (n_samples, n_classes)
        Probabilities; NaN in the rows of other files, and of those that could not be drawn again.

    Raises
    ------
    ValueError
        Where all files are one group.

    Notes
    -----
    Costs about half of what training the kept network did. Deterministic given the plan's seed.
    """
    material = ground.material
    taught = material.mask("train") | material.mask("valid")
    files = np.flatnonzero(taught)
    names = [material.observations[i] for i in files.tolist()]
    if len(set(names)) < N_FOLDS:
        raise ValueError(f"held-out answers need {N_FOLDS} groups, received {len(set(names))}")
    fold = np.asarray(inner_folds(material.y[files], names, N_FOLDS, plan.seed))
    groups = np.unique(np.array(material.groups), return_inverse=True)[1]
    shorter = replace(plan, epochs=(plan.epochs + 1) // 2)
    views = make_views(
        material, ground.cut(plan.after), plain=taught, varied=taught, n_views=plan.views, seed=plan.seed,
        executor=ground.executor, cache=ground.cache,
    )  # fmt: skip
    found = np.full((len(material.samples), len(material.labels)), np.nan)
    for number in range(N_FOLDS):

        def tell(_phase: str, done: int, total: int, number: int = number) -> None:
            progress("cross-validation", number * total + done, N_FOLDS * total)

        learned, held = np.zeros_like(taught), files[fold == number]
        learned[files[fold != number]] = True
        head = ground.head(plan.layers, learned, plan.seed)
        suffix = Suffix(ground.backbone, after=plan.after, panels=ground.asked.panels, head=head)
        finetune(suffix, views, material.y, groups, train=learned, valid=None, plan=shorter, progress=tell)
        windows, logits = answer(suffix, views, held)
        found[held] = by_file(softmax(logits), windows)[held]
    return found
