"""The table of kinds: which file fits a recipe, renders and locates for which kind of data.

A new kind of data is one file in this folder and one line in ``RENDERERS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int32, UInt8

from photism.data.decode import decode
from photism.data.duplicates import content_hash
from photism.errors import DecodeError, OptionError
from photism.pictures import binary, image, mouse, sound, vary_binary, vary_image, vary_mouse, vary_sound
from photism.pictures.view import Op, View
from photism.types import JSON, Kind, Picture, Recipe, Signal, Window

__all__ = [
    "RENDERERS",
    "RenderJob",
    "Renderer",
    "choose_variations",
    "decode_for",
    "first_window",
    "fit_recipe",
    "locate",
    "render",
    "render_file",
    "render_pixels",
]


@dataclass(frozen=True, slots=True)
class Renderer:
    """What one kind of data brings, the same for every kind: four functions, its variations, and those used unasked."""

    fit_recipe: Callable[..., Recipe]
    render: Callable[[Any, Recipe], tuple[Window, ...]]
    locate: Callable[[Picture, int, int], dict[str, tuple[float, float]]]
    vary: Callable[[Any, np.random.Generator, Sequence[str] | None], Any]
    variations: Mapping[str, Op[Any]]
    usual: tuple[str, ...]


RENDERERS: dict[Kind, Renderer] = {
    "image": Renderer(
        image.fit_recipe, image.render, image.locate, vary_image.vary, vary_image.OPS, vary_image.DEFAULT_OPS
    ),
    "sound": Renderer(
        sound.fit_recipe, sound.render, sound.locate, vary_sound.vary, vary_sound.OPS, vary_sound.DEFAULT_OPS
    ),
    "binary": Renderer(
        binary.fit_recipe, binary.render, binary.locate, vary_binary.vary, vary_binary.OPS, vary_binary.DEFAULT_OPS
    ),
    "mouse": Renderer(
        mouse.fit_recipe, mouse.render, mouse.locate, vary_mouse.vary, vary_mouse.OPS, vary_mouse.DEFAULT_OPS
    ),
}


def fit_recipe(
    kind: Kind, facts: Sequence[Mapping[str, float]], *, size_px: int = 224, options: Mapping[str, JSON] | None = None
) -> Recipe:
    """Fit a kind's recipe to what is known of the training files (durations, rates, extents).

    Parameters
    ----------
    kind : {"image", "sound", "binary", "mouse"}
        What the files are.
    facts : sequence of mappings
        ``Sniffed.facts`` of the *training* files; a recipe must not know the test files.
    size_px : int
        Side of the picture that the backbone was trained with.
    options : mapping, optional
        Options of the renderer that the user set by hand.

    Returns
    -------
    Recipe
        Enough to make every picture of the data set again.

    Raises
    ------
    OptionError
        Where an option is unknown to the renderer or its value is not allowed.
    """
    return RENDERERS[kind].fit_recipe(facts, size_px=size_px, options=options or {})


def choose_variations(kind: Kind, asked: str | None) -> tuple[str, ...] | None:
    """Read which variations of a kind are wanted.

    Parameters
    ----------
    kind : {"image", "sound", "binary", "mouse"}
    asked : str, optional
        Names with commas between them, or changes to those used unasked: ``-NAME`` leaves out, ``+NAME`` adds; "none".

    Returns
    -------
    tuple of str or None
        In the kind's order; None where nothing is asked for.

    Raises
    ------
    OptionError
        Where there is no such variation, or names and changes are mixed.

    Examples
    --------
    >>> choose_variations("image", "-flip"), choose_variations("mouse", "mirror,speed")
    (('crop', 'jitter', 'trivial'), ('speed', 'mirror'))
    """
    if asked is None:
        return None
    row = RENDERERS[kind]
    words = [word.strip() for word in asked.split(",")]
    changes = [word for word in words if word[:1] in ("+", "-")]
    names = set() if words == ["none"] else {word[1:] if word in changes else word for word in words}
    if not names <= set(row.variations) or (changes and len(changes) < len(words)):
        raise OptionError(
            f"--vary expects names out of {', '.join(row.variations)} for data of the kind {kind}, or changes such as "
            f"-{row.usual[0]}, or none, and received {asked!r}."
        )
    if changes:
        names = (set(row.usual) | names) - {word[1:] for word in words if word[0] == "-"}
    return tuple(name for name in row.variations if name in names)


def render(signal: Signal, recipe: Recipe) -> tuple[Window, ...]:
    """Render a signal into windows of pictures, as ``recipe`` says.

    Returns
    -------
    tuple of Window
        At least one window; every window has the same panels, every panel the same pixel size.

    Raises
    ------
    DecodeError
        Where the signal cannot be drawn (it is empty, say).
    """
    return RENDERERS[recipe.kind].render(signal, recipe)


def locate(picture: Picture, x_px: int, y_px: int) -> dict[str, tuple[float, float]]:
    """Return which ranges of the data one pixel of a picture covers: the inverse of rendering.

    Parameters
    ----------
    picture : Picture
        As ``render`` returned it.
    x_px, y_px : int
        Column from the left and row from the top, from 0.

    Returns
    -------
    dict of str to (float, float)
        For example ``{"time_s": (0.42, 0.43), "frequency_hz": (2000.0, 2100.0)}``.
    """
    return RENDERERS[picture.recipe.kind].locate(picture, x_px, y_px)


def decode_for(path: Path, recipe: Recipe) -> Signal:
    """Read one file from disk, as far as a recipe looks at it.

    Parameters
    ----------
    path : Path
        The file.
    recipe : Recipe
        How it will be drawn.

    Raises
    ------
    DecodeError
        Where the file cannot be read as the recipe's kind; the message is the reason for a ``Skipped``.
    """
    size_px = recipe.options.get("size_px")
    # Twice the picture's side is as much as resizing looks at: a photograph of 12 megapixels decodes six times faster.
    enough_px = 2 * size_px if recipe.kind == "image" and isinstance(size_px, int) else None
    return decode(path, recipe.kind, min_side_px=enough_px)


def render_file(path: Path, recipe: Recipe, view: View | None = None) -> tuple[Window, ...]:
    """Read one file from disk and render it, plain or as one of its varied views.

    Parameters
    ----------
    path : Path
        The file.
    recipe : Recipe
        How it is drawn; its kind says how the file is read.
    view : View, optional
        Which variation is drawn; none by default. Its random numbers come from the view and from the file's content.

    Raises
    ------
    DecodeError
        Where the file cannot be read as the recipe's kind; the message is the reason for a ``Skipped``.
    OptionError
        Where the view names a variation that the kind does not have.
    """
    signal = decode_for(path, recipe)
    if view is not None and not view.is_plain:
        signal = RENDERERS[recipe.kind].vary(signal, view.rng(content_hash(path)), view.ops)
    return render(signal, recipe)


def first_window(path: Path, recipe: Recipe) -> Window | None:
    """Render a file's first window, or None where it no longer can be (run in a worker).

    Parameters
    ----------
    path : Path
        The file.
    recipe : Recipe
        How it is rendered.
    """
    try:
        return render_file(path, recipe)[0]
    except DecodeError:
        return None


@dataclass(frozen=True, slots=True)
class RenderJob:
    """One file to be rendered by a worker, plain or as one of its varied views."""

    path: Path
    recipe: Recipe
    view: View | None = None


def render_pixels(job: RenderJob) -> tuple[UInt8[np.ndarray, "n p h w 3"], Int32[np.ndarray, "n p 4"]] | str:
    """Render one file into plain arrays: what a worker sends home.

    Parameters
    ----------
    job : RenderJob
        The file, its recipe and its view.

    Returns
    -------
    (pixels, content) or str
        Pixels of n windows with p panels, and their content boxes (left, top, right, bottom); or the reason why the
        file cannot be used.
    """
    try:
        windows = render_file(job.path, job.recipe, job.view)
    except DecodeError as error:
        return str(error)
    pixels = np.stack([np.stack([picture.pixels for picture in window]) for window in windows])
    content = np.array([[picture.content for picture in window] for window in windows], dtype=np.int32)
    return pixels, content
