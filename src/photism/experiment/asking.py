"""The first steps: the data are read, and a frozen network is asked and probed.

Covers the way from files to the ``Ground`` that everything else starts from. Does not cover whether another network
or another training would do better (``improving``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

from photism.data.material import Material, gather
from photism.data.portion import left_out, turns
from photism.experiment.clock import probing_s
from photism.experiment.job import Job
from photism.pictures.table import fit_recipe
from photism.recognizers.backbones import Backbone
from photism.runs import read_json, write_whole
from photism.training.fit import Fitted, probe_of
from photism.training.frozen import Asked, ask
from photism.training.ground import Ground
from photism.types import Progress, Recipe, Watch, silent, unwatched

__all__ = ["ask_and_probe", "probe", "read"]


def read(job: Job) -> Material:
    """Read the data and split them.

    Parameters
    ----------
    job : Job
    """
    request = job.request
    with job.clock.measuring("read"):
        return gather(
            request.data,
            kind=request.kind,
            group_by=request.group_by,
            test_fold=request.test_fold,
            seed=request.seed,
            executor=job.executor,
        )


def ask_and_probe(job: Job, material: Material, network: Backbone) -> Ground:
    """Render every file that there is time for, ask the frozen network once, and fit a head to its answers.

    Parameters
    ----------
    job : Job
    material : Material
        As it was read; files that cannot be rendered are taken out.
    network : Backbone
    """
    request = job.request
    recipe = fit_recipe(
        material.dataset.kind, material.facts("train"), size_px=network.size_px, options=request.options
    )
    material, asked = _asked(job, material, recipe, network)
    job.clock.add("render", asked.seconds_rendering)
    job.clock.add("frozen_pass", asked.seconds_in_network)
    material = material.without(asked.skipped)
    with job.clock.measuring("probe"):
        fitted = probe(material, asked, request.seed, job.progress, job.watch)
    return Ground(material, recipe, network, asked, fitted, job.executor, job.cache)


def _asked(job: Job, material: Material, recipe: Recipe, network: Backbone) -> tuple[Material, Asked]:
    """Ask for all files; with a budget for as many as it leaves time for, which is written down and then stays so."""
    request, path = job.request, job.folder / "portion.json"
    order, enough = None, None
    if request.budget_s is not None:
        taking = turns(material, seed=request.seed)
        order = taking.order
        if path.is_file():
            order = order[: cast("Mapping[str, int]", read_json(path))["files"]]
        else:

            def enough(turn: int) -> bool:
                return turn >= taking.least and not job.has_time_for(probing_s(turn))

    asked = ask(
        material,
        recipe,
        network,
        engine=request.engine,
        executor=job.executor,
        cache=job.cache,
        turns=order,
        enough=enough,
        progress=job.progress,
    )
    if order is not None:
        write_whole(path, json.dumps({"files": asked.n_turns}))
        why = f"there was no time for more within a budget of {request.budget_s:g} s"
        material = left_out(material, order[: asked.n_turns], why=why)
    return material, asked


def probe(material: Material, asked: Asked, seed: int, progress: Progress = silent, watch: Watch = unwatched) -> Fitted:
    """Fit a head to the frozen network's answers."""
    progress("probe", 0, 1)
    fitted = probe_of(material, asked, seed=seed)
    for row in fitted.history:
        watch("head", row)
    progress("probe", 1, 1)
    return fitted
