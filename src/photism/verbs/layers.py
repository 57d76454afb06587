"""``photism layers``: a run in, the atlas of its network out.

Covers which files are looked at, what a fine-tuned network is compared with, and what is written. The atlas is
``layers.atlas``, its page ``report.atlas_page``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from photism.errors import RunError, WeightsError
from photism.executor import ProcessExecutor
from photism.layers.atlas import N_FILES, Atlas, build_atlas
from photism.layers.specimens import choose_samples, read_taught
from photism.recognizers.backbones import Backbone, load_backbone
from photism.recognizers.recognizer import Recognizer
from photism.report.atlas_page import save_atlas
from photism.runs import load, read_json, write_whole
from photism.store import cache_root, trim_cache
from photism.types import Progress, silent
from photism.verbs.making import making

__all__ = ["draw_layers"]

PAGE, FIGURES = "atlas.html", "atlas.json"


def draw_layers(
    run: Path,
    out: Path,
    *,
    data: Path | None = None,
    file: Path | None = None,
    dream: bool = False,
    pictures: bool = True,
    seed: int = 0,
    command: str | None = None,
    progress: Progress = silent,
) -> Atlas:
    """Draw the atlas of a run: what each layer of its network recognises.

    Parameters
    ----------
    run : Path
        A folder that ``train`` made.
    out : Path
        The folder to make: ``atlas.html`` and ``atlas.json``.
    data : Path, optional
        Where the run's data are now, if they have moved.
    file : Path, optional
        The file on which every layer's firing is shown; one of the run's own by default.
    dream : bool
        Draw pictures that are made so that channels fire, too; it takes longer.
    pictures : bool
        False leaves everything drawn from the user's data out of the page.
    seed : int
        Which files are looked at, and which random networks are compared with.
    command : str, optional
        What the page shows as the command that made it.
    progress : callable
        Told (phase, done, total).

    Raises
    ------
    InputError
        Where the run or its files cannot be read, or ``out`` holds something else.
    """
    with making(out, verb="layers", mark=FIGURES):
        recognizer = load(run)
        plan = cast("Mapping[str, Any]", read_json(run / "plan.json"))
        source = data if data is not None else Path(str(plan["data"]))
        if not source.exists():
            raise RunError(f"{source}: expected the data that {run} was made of; --data says where they are now.")
        samples = read_taught(run / "split.csv", source if source.is_dir() else source.parent)
        with ProcessExecutor() as executor:
            atlas = build_atlas(
                recognizer,
                choose_samples(samples, N_FILES, seed=seed),
                executor=executor,
                file=file,
                before=_before(recognizer, plan),
                dream=dream,
                seed=seed,
                cache=cache_root(),
                progress=progress,
            )
        save_atlas(atlas, out / PAGE, title=run.resolve().name, command=command, pictures=pictures)
        write_whole(out / FIGURES, json.dumps(atlas.to_json(), indent=2, allow_nan=False))
    trim_cache(cache_root())
    return atlas


def _before(recognizer: Recognizer, plan: Mapping[str, Any]) -> Backbone | None:
    """The network that fine-tuning started from; None where nothing was fine-tuned, or it is not to be had any more."""
    weights = plan.get("weights")
    if weights is not None and not Path(str(weights)).is_file():
        return None
    try:
        before = load_backbone(recognizer.backbone.name, weights=None if weights is None else Path(str(weights)))
    except WeightsError:
        return None  # a network whose weights came from a hub that is not there now
    return None if before.weights_sha256 == recognizer.backbone.weights_sha256 else before
