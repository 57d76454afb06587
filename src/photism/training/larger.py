"""A larger packaged network beside the default one: asked the same files, and taken where it pays beyond chance.

Where nobody names a backbone, the small one answers first, since it costs least. Covers asking the larger one, the
paired test between the two probes, and what asking it would cost. Does not cover fine-tuning, which starts from
whichever was taken (``adapt``).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from photism.data.material import Material
from photism.pictures.table import fit_recipe
from photism.recognizers.backbones import load_backbone
from photism.training.attempts import Upgrade
from photism.training.calibration import tempered
from photism.training.choose import Comparison, Judges, compare
from photism.training.fit import probe_of
from photism.training.frozen import ask
from photism.training.ground import Ground
from photism.types import JSON, Progress, Recipe, silent

__all__ = ["LARGER", "LEAST_BUDGET_S", "compared", "cost_of_larger_s", "try_larger"]

LARGER = "efficientnet_lite2"
LEAST_BUDGET_S = 30.0
"""With less time left the larger network is not tried: compiling it for the first time takes 10 s or more."""
N_TRIED = 32


def try_larger(
    ground: Ground,
    *,
    engine: str | Mapping[str, JSON] | None,
    options: Mapping[str, JSON] | None,
    seed: int,
    progress: Progress = silent,
) -> tuple[Ground, Upgrade | None, Ground | None]:
    """Ask the larger network, and go on with it where its probe is better beyond chance.

    Parameters
    ----------
    ground : Ground
        Of the small network.
    engine : str or mapping, optional
        As ``open_engine`` takes it.
    options : mapping, optional
        Of the renderer.
    seed : int
    progress : callable
        Told (phase, done, total).

    Returns
    -------
    ground : Ground
        Of the network that is taken.
    upgrade : Upgrade or None
        None where the larger network could not be asked for every file that the small one answered for.
    other : Ground or None
        Of the network that is left; None where ``upgrade`` is.
    """
    material = ground.material
    network = load_backbone(LARGER)
    recipe = _recipe(material, network.size_px, options)
    asked = ask(
        material, recipe, network, engine=engine, executor=ground.executor, cache=ground.cache, progress=progress
    )
    if asked.skipped:
        return ground, None, None
    fitted = probe_of(material, asked, seed=seed)
    larger = replace(ground, recipe=recipe, backbone=network, asked=asked, fitted=fitted)
    upgrade = Upgrade(LARGER, compared(ground, larger))
    return (larger, upgrade, ground) if upgrade.kept else (ground, upgrade, larger)


def cost_of_larger_s(ground: Ground, *, engine: str | None, options: Mapping[str, JSON] | None) -> float:
    """Predict the seconds that ``try_larger`` takes, from a few files that are asked twice as many at a time.

    Parameters
    ----------
    ground : Ground
    engine : str, optional
    options : mapping, optional

    Notes
    -----
    The network is compiled on the way, which it will not be again.
    """
    material = ground.material
    if material.count("train") < 3:
        return 0.0
    network = load_backbone(LARGER)
    recipe = _recipe(material, network.size_px, options)
    n_files = sum(sample.part is not None for sample in material.samples)
    numbers = np.flatnonzero(material.mask("train"))
    n_tried = min(N_TRIED, len(numbers) // 3)
    seconds = []
    with TemporaryDirectory() as aside:  # not the cache: what an earlier run left there would seem to cost nothing
        for some in (numbers[:n_tried], numbers[n_tried : 3 * n_tried]):
            few = set(some.tolist())
            part = replace(
                material,
                samples=tuple(s if i in few else replace(s, part=None) for i, s in enumerate(material.samples)),
            )
            began = time.perf_counter()
            ask(part, recipe, network, engine=engine, executor=ground.executor, cache=Path(aside))
            seconds.append((time.perf_counter() - began) / len(some))
    # The first portion also paid for opening the engine; the second says what a file costs.
    return seconds[1] * n_files


def compared(simple: Ground, challenger: Ground) -> Comparison:
    """Compare the probes on two networks, on the files that judge.

    Parameters
    ----------
    simple, challenger : Ground
        Of the same files.
    """
    material = simple.material
    found = [simple.probe_unseen, challenger.probe_unseen]
    judges = Judges.of(material).who_have(*found)
    y = material.y[judges.files]
    small, large = (tempered(one[judges.files], y) for one in found)
    return compare(small, large, y, judges.groups, n_folds=judges.n_folds)


def _recipe(material: Material, size_px: int, options: Mapping[str, JSON] | None) -> Recipe:
    return fit_recipe(material.dataset.kind, material.facts("train"), size_px=size_px, options=options)
