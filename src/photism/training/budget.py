"""From a time to a plan: what a step and a view cost here is measured for a moment, then the plan is fixed.

Covers measuring, and which plans a budget buys. The plans are written down before training: the clock changes nothing
afterwards. Does not cover what a plan says (``plan``).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from photism.executor import count_cores
from photism.recognizers.suffix import Suffix
from photism.training.classifier import fit_classifier
from photism.training.device import learning_logits, place, tensor, wait
from photism.training.fit import folds_of
from photism.training.ground import Ground
from photism.training.plan import Costs, Depth, Plan, choose_depth, fit_plan, is_whole, middle_of, seconds_of
from photism.training.views import Views, make_views, map_bytes
from photism.types import Mask

__all__ = ["plans_for"]

N_TRIED = 48
N_STEPS_TRIED = 2
# Maps of all views of one training, on disk: few enough that the cache holds two of them.
MAX_MAPS_BYTES = 8 * 2**30
# The later half of the network is tried as well where the first plan takes at most this share of the time, at a lower
# rate: general filters are moved less (LOG.md, 2026-11-23).
DEEPER_SHARE, DEEPER_RATE = 0.3, 5e-4


def plans_for(
    ground: Ground,
    *,
    always: bool,
    from_layer: str | None,
    seed: int,
    seconds_left: Callable[[], float | None],
    variations: tuple[str, ...] | None = None,
    shared: bool = False,
) -> tuple[tuple[Depth, Plan], ...]:
    """Choose how deep and how long to fine-tune.

    Parameters
    ----------
    ground : Ground
    always : bool
        Whether the shortest plan is to be tried where none fits.
    from_layer : str, optional
        The first stage to train, by hand.
    seed : int
    seconds_left : callable
        Returns what is left of a budget (s), None where there is none; asked after something was measured, too.
    variations : tuple of str, optional
        Which of the kind's variations are drawn; its defaults where they are None.
    shared : bool
        Leave half of the time to another network, where the other half is enough for the standard plan.

    Returns
    -------
    tuple of (Depth, Plan)
        What to try, the simplest first; empty where nothing fits.
    """
    selection, stages = ground.fitted.selection, ground.backbone.stage_names
    depth = choose_depth(selection, stages, from_layer=from_layer)
    first = _plan(depth, seed, variations)
    costs = None if seconds_left() is None else _costs(ground, first)
    share, seconds = 1.0, seconds_left()
    if shared and seconds is not None:
        half = _fitted(ground, first, costs, seconds / 2)
        share = 0.5 if is_whole(half, ground.material.count("train")) else 1.0
        seconds *= share
    plan = _fitted(ground, first, costs, seconds)
    if plan is None:
        return ((depth, replace(first, epochs=1, views=0)),) if always else ()
    found = [(depth, plan)]
    if seconds is None or costs is None or depth.after is None or from_layer is not None:
        return tuple(found)
    spent, middle = seconds_of(plan, costs), middle_of(stages)
    if stages.index(middle) <= stages.index(depth.after) and spent <= DEEPER_SHARE * seconds:
        deeper = choose_depth(selection, stages, from_layer=middle, because="as there is time for that, too")
        second = replace(_plan(deeper, seed, variations), rate=DEEPER_RATE)
        costs, left = _costs(ground, second), seconds_left()
        slower = _fitted(ground, second, costs, None if left is None else share * left - spent)
        if slower is not None:
            found.append((deeper, slower))
    return tuple(found)


def _plan(depth: Depth, seed: int, variations: tuple[str, ...] | None) -> Plan:
    return Plan(
        after=depth.after, layers=depth.layers, frozen_layers=depth.frozen_layers, variations=variations, seed=seed
    )


def _fitted(ground: Ground, plan: Plan, costs: Costs | None, seconds: float | None) -> Plan | None:
    """Set a plan's length by the time that there is for it, and its views by the room on disk."""
    n_train = ground.material.count("train")
    fitted = fit_plan(plan, n_train, costs, seconds)
    if fitted is None:
        return None
    n_windows = (n_train + ground.material.count("valid")) * _windows(ground)
    a_view = max(1.0, n_windows * map_bytes(ground.cut(plan.after)))
    return replace(fitted, views=min(fitted.views, max(0, int(MAX_MAPS_BYTES / a_view) - 1)))


def _costs(ground: Ground, plan: Plan) -> Costs:
    """Make views of a few training files, and take a few steps on their maps.

    Aside from the cache: views that an earlier run left there would seem to cost nothing.
    """
    with TemporaryDirectory() as aside:
        return _costs_in(replace(ground, cache=Path(aside)), plan)


def _costs_in(ground: Ground, plan: Plan) -> Costs:
    material = ground.material
    train = material.mask("train")
    some = np.zeros_like(train)
    some[np.random.default_rng(plan.seed).permutation(np.flatnonzero(train))[:N_TRIED]] = True
    folds = folds_of(material.y, material.units, some, plan.seed)
    features = ground.asked.features.keep(some, layers=plan.layers)
    with threadpool_limits(limits=1, user_api="blas"):
        start = fit_classifier(features, material.y, folds, layers=plan.layers, n_classes=len(material.labels))
    suffix = Suffix(ground.backbone, after=plan.after, panels=ground.asked.panels, head=start.head)
    views = _views(ground, plan, some)  # opens the engine and starts the workers: not what a view costs
    began = time.perf_counter()
    _views(ground, plan, some)
    opening_s = time.perf_counter() - began
    others = train & ~some
    others[np.flatnonzero(others)[2 * N_TRIED :]] = False
    began = time.perf_counter()
    _views(ground, plan, others)
    view_s = max(time.perf_counter() - began - opening_s, 0.0) / max(2 * int(others.sum()), 1)
    maps, content = views.draw(np.resize(np.flatnonzero(some), plan.batch), np.random.default_rng(0))
    threads = torch.get_num_threads()
    torch.set_num_threads(count_cores())
    place(suffix)
    try:
        seconds = []
        for _ in range(1 + N_STEPS_TRIED):
            began = time.perf_counter()
            loss = learning_logits(suffix, tensor(maps, suffix), content).logsumexp(1).sum()
            loss.backward()  # type: ignore[no-untyped-call]
            wait(suffix)
            seconds.append(time.perf_counter() - began)
    finally:
        torch.set_num_threads(threads)
    return Costs(
        min(seconds[1:]) / plan.batch, view_s, material.count("train"), material.count("valid"), _windows(ground),
        material.by_fold,
    )  # fmt: skip


def _windows(ground: Ground) -> float:
    """How many windows a file has on average."""
    features = ground.asked.features
    return features.n_windows / max(1, len(features.files))


def _views(ground: Ground, plan: Plan, files: Mask) -> Views:
    """Make the plain and one varied view of some files."""
    return make_views(
        ground.material, ground.cut(plan.after), plain=files, varied=files, n_views=1, seed=plan.seed,
        ops=plan.variations, executor=ground.executor, cache=ground.cache,
    )  # fmt: skip
