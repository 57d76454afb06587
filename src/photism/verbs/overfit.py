"""``photism overfit``: the lesson as one function: a data set in, a page with the whole story of memorising out.

Covers the way from a folder to the page, and what is written. The trainings are ``trust.overfit``, the page is
``report.overfit_page``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from photism.data.material import gather
from photism.executor import ProcessExecutor
from photism.experiment import probe
from photism.pictures.table import fit_recipe
from photism.recognizers.backbones import load_backbone
from photism.report.figures import Curves, draw_curves
from photism.report.overfit_page import save_overfit
from photism.runs import write_whole
from photism.store import cache_root, trim_cache
from photism.training.frozen import ask
from photism.training.ground import Ground
from photism.trust.overfit import Overfit, overfit
from photism.types import JSON, Kind, Progress, silent
from photism.verbs.making import making

__all__ = ["teach"]

PAGE, FIGURES = "overfit.html", "overfit.json"


def teach(
    data: Path,
    out: Path,
    *,
    n_files: int = 200,
    epochs: int = 20,
    kind: Kind | None = None,
    group_by: str | None = None,
    test_fold: str | None = None,
    backbone: str = "efficientnet_lite0",
    weights: Path | None = None,
    seed: int = 0,
    engine: str | None = None,
    options: Mapping[str, JSON] | None = None,
    command: str | None = None,
    progress: Progress = silent,
) -> Overfit:
    """Train past the best point on purpose, and draw where memorising begins and what it costs.

    Parameters
    ----------
    data : Path
        A folder or a CSV, as for training.
    out : Path
        The folder to make: ``overfit.html``, ``overfit.json``, ``overfit.png`` and ``overfit.svg``.
    n_files : int
        Training files at most.
    epochs : int
        How long to train.
    kind, group_by, test_fold, backbone, weights, seed, engine, options
        As for training.
    command : str, optional
        What the page shows as the command that made it.
    progress : callable
        Told (phase, done, total).

    Raises
    ------
    InputError
        Where the data or an option is wrong, or ``out`` holds something else.
    """
    with making(out, verb="overfit", mark=FIGURES):
        with ProcessExecutor() as executor:
            network = load_backbone(backbone, weights=weights)
            material = gather(data, kind=kind, group_by=group_by, test_fold=test_fold, seed=seed, executor=executor)
            recipe = fit_recipe(
                material.dataset.kind, material.facts("train"), size_px=network.size_px, options=options
            )
            asked = ask(
                material, recipe, network, engine=engine, executor=executor, cache=cache_root(), progress=progress
            )
            material = material.without(asked.skipped)
            fitted = probe(material, asked, seed, progress)
            ground = Ground(material, recipe, network, asked, fitted, executor, cache_root())
            found = overfit(ground, n_files=n_files, epochs=epochs, seed=seed, progress=progress)
        shown = found.shown
        for name, content in zip(
            ("overfit.png", "overfit.svg"), draw_curves(Curves(shown.rows, shown.verdict)), strict=True
        ):
            (out / name).write_bytes(content)
        save_overfit(found, out / PAGE, title=data.stem, command=command)
        write_whole(out / FIGURES, json.dumps(found.to_json(), indent=2, allow_nan=False))
    trim_cache(cache_root())
    return found
