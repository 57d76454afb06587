"""The first steps: the data are read, and a frozen network is asked and probed.

Covers the way from files to the ``Ground`` that everything else starts from. Does not cover whether another network
or another training would do better (``improving``).
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from photism.data.material import Material, gather
from photism.data.portion import left_out, turns
from photism.experiment.clock import probing_s
from photism.experiment.improving import decide_nothing_more
from photism.experiment.job import Job
from photism.pictures.table import fit_recipe
from photism.recognizers.backbones import Backbone
from photism.runs import read_json, write_whole
from photism.training.fit import Fitted, probe_of
from photism.training.frozen import Asked, ask
from photism.training.ground import Ground
from photism.types import Progress, Watch, silent, unwatched

__all__ = ["ask_and_probe", "probe", "read"]

PORTION = "portion.json"


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
    order, enough = _turns(job, material)
    asked = ask(
        material,
        recipe,
        network,
        engine=job.engine_of(network.name),
        executor=job.executor,
        cache=job.cache,
        turns=order,
        enough=enough,
        progress=job.progress,
    )
    job.keep_engine(network.name, asked.engine)
    job.clock.add("render", asked.seconds_rendering)
    job.clock.add("frozen_pass", asked.seconds_in_network)
    if order is not None:
        why = f"there was no time for more within a budget of {request.budget_s:g} s"
        material = left_out(material, order[: asked.n_turns], why=why)
    material = material.without(asked.skipped)
    if order is not None:
        # After everything that may refuse the data: a refused training leaves nothing behind.
        _write_portion(job, asked.n_turns, n_left_out=material.n_left_out)
    with job.clock.measuring("probe"):
        fitted = probe(material, asked, request.seed, job.progress, job.watch)
    return Ground(material, recipe, network, asked, fitted, job.executor, job.cache)


def _turns(job: Job, material: Material) -> tuple[Sequence[int] | None, Callable[[int], bool] | None]:
    """Say in which order files are asked, and when it is enough; with a budget as many as it leaves time for."""
    request, path = job.request, job.folder / PORTION
    if request.budget_s is None:
        return None, None
    taking = turns(material, seed=request.seed)
    if path.is_file():
        return taking.order[: cast("Mapping[str, int]", read_json(path))["files"]], None
    # Fine-tuning that was asked for by name gets half of the time.
    reserve_s = request.budget_s / 2 if request.method == "finetune" else 0.0

    def enough(turn: int) -> bool:
        return turn >= taking.least and not job.has_time_for(reserve_s + probing_s(turn))

    # What is kept already costs no time here, but what is fitted to it does.
    most = bisect_left(range(1, len(taking.order) + 1), x=True, key=enough)
    return taking.order[: max(most, taking.least)], enough


def _write_portion(job: Job, n_turns: int, *, n_left_out: int) -> None:
    """Write down how many files were asked; where some had to be left out, that there is no time for anything more."""
    path = job.folder / PORTION
    if not path.is_file():
        write_whole(path, json.dumps({"files": n_turns}))
    # Outside, for a run that was killed between the two: it leaves out the same files again.
    if n_left_out and job.request.method == "auto":
        decide_nothing_more(job)


def probe(material: Material, asked: Asked, seed: int, progress: Progress = silent, watch: Watch = unwatched) -> Fitted:
    """Fit a head to the frozen network's answers."""
    progress("probe", 0, 1)
    fitted = probe_of(material, asked, seed=seed)
    for row in fitted.history:
        watch("head", row)
    progress("probe", 1, 1)
    return fitted
