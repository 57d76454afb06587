"""From regions of a picture back to the user's file: one table of kinds, run in a worker.

A new kind of data is one file ``source_KIND.py`` and one row. Files are decoded again, in a worker that can be killed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from photism.errors import DecodeError
from photism.layers.found import Found
from photism.layers.regions import Region
from photism.layers.source_binary import find_binary
from photism.layers.source_image import find_image
from photism.layers.source_mouse import find_mouse
from photism.layers.source_sound import find_sound
from photism.pictures.table import RenderJob, decode_for, render, render_file
from photism.types import Kind, Picture, Recipe, Window

__all__ = ["SOURCES", "FindJob", "draw", "find"]

SOURCES: dict[Kind, Callable[[Any, Picture, Region], Found]] = {
    "image": find_image,
    "sound": find_sound,
    "binary": find_binary,
    "mouse": find_mouse,
}


@dataclass(frozen=True, slots=True)
class FindJob:
    """Regions of one file's pictures that are to be found in the file."""

    path: Path
    recipe: Recipe
    regions: tuple[Region, ...]


def draw(job: RenderJob) -> tuple[Window, ...] | str:
    """Render one file with its axes, in a worker.

    Parameters
    ----------
    job : RenderJob

    Returns
    -------
    tuple of Window, or str
        The reason why the file cannot be used.
    """
    try:
        return render_file(job.path, job.recipe, job.view)
    except DecodeError as error:
        return str(error)


def find(job: FindJob) -> tuple[Found, ...] | str:
    """Say what each region is in the data, in a worker.

    Parameters
    ----------
    job : FindJob

    Returns
    -------
    tuple of Found, or str
        In the regions' order; or the reason why the file cannot be used.
    """
    try:
        signal = decode_for(job.path, job.recipe)
        windows = render(signal, job.recipe)
    except DecodeError as error:
        return str(error)
    read = SOURCES[job.recipe.kind]
    return tuple(read(signal, windows[one.window][one.panel], one) for one in job.regions)
