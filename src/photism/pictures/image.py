"""Photographs into pictures: an ``Image`` becomes a square as the backbone's own preprocessing wants it.

Covers scaling (down with antialiasing, up for tiny images), centring by crop or by padding, and the way back from
a picture's pixel to the photograph's own pixels. Does not cover decoding, orientation and colour (``data``), nor the
network's mean and standard deviation (``recognizers``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image as PillowImage

from photism.errors import OptionError
from photism.types import JSON, Axis, Image, Picture, Recipe, Window

__all__ = ["fit_recipe", "locate", "render"]

VERSION = 1

DEFAULTS: Mapping[str, JSON] = {"fit": "crop", "crop_fraction": 1.0, "interpolation": "bicubic"}
"""Chosen by inner folds of training parts; the figures are in LOG.md.

Keeping the whole shorter side is 2 points better on photographs of clothes than the 0.875 that ImageNet networks are
tested with; seeing the padded image as well is almost a point better again, and takes twice the time.
"""

FITS = ("crop", "pad", "crop+pad")
INTERPOLATIONS: Mapping[str, PillowImage.Resampling] = {
    "bilinear": PillowImage.Resampling.BILINEAR,
    "bicubic": PillowImage.Resampling.BICUBIC,
    "lanczos": PillowImage.Resampling.LANCZOS,
}
GREY = 128  # what padding shows: nothing, for a network whose inputs are centred on the middle of the range
REDUCING_GAP = 2.0  # Pillow first shrinks by whole factors while the image is over twice as large as it need be

# Images so small on both sides are shown so large: cifar10's loss is the same at 160 px and at 224 (LOG.md).
TINY_PX, TINY_SIDE_PX, NEARLY_ALL = 64, 160, 0.95

Box = tuple[float, float, float, float]
PixelBox = tuple[int, int, int, int]


def fit_recipe(
    facts: Sequence[Mapping[str, float]],
    *,
    size_px: int = 224,
    options: Mapping[str, JSON] | None = None,
) -> Recipe:
    """Turn options into the recipe of a data set's pictures; their side follows the images' size.

    Parameters
    ----------
    facts
        What the training files said about themselves (``width_px``, ``height_px``).
    size_px
        Side of the square picture, 8 or more; where nearly all images are 64 px or less on both sides, at most 160:
        there is nothing more to be seen in them, and it takes half the time.
    options
        ``fit``: ``crop`` (the middle of the image, aspect kept), ``pad`` (all of the image, aspect kept, grey around
        it) or ``crop+pad`` (two panels); ``crop_fraction``: share of the shorter side that ``crop`` keeps, in (0, 1];
        ``interpolation``: ``bilinear``, ``bicubic`` or ``lanczos``.

    Returns
    -------
    Recipe
        Kind ``image`` with every option written out.

    Raises
    ------
    OptionError
        An option is unknown or has a value that is not allowed.

    Examples
    --------
    >>> fit_recipe([], size_px=64, options={"fit": "pad"}).options["fit"]
    'pad'
    """
    given = dict(options or {})
    unknown = sorted(set(given) - set(DEFAULTS))
    if unknown:
        raise OptionError(f"pictures of images take the options {', '.join(DEFAULTS)}, but got {unknown[0]!r}")
    chosen = {**DEFAULTS, **given}
    if chosen["fit"] not in FITS:
        raise OptionError(f"fit must be one of {', '.join(FITS)}, but is {chosen['fit']!r}")
    if chosen["interpolation"] not in INTERPOLATIONS:
        raise OptionError(
            f"interpolation must be one of {', '.join(INTERPOLATIONS)}, but is {chosen['interpolation']!r}"
        )
    fraction = chosen["crop_fraction"]
    if isinstance(fraction, bool) or not isinstance(fraction, int | float) or not 0.0 < fraction <= 1.0:
        raise OptionError(f"crop_fraction must be over 0 and at most 1, but is {fraction!r}")
    if size_px < 8:
        raise OptionError(f"size_px must be 8 or more, but is {size_px}")
    if _are_tiny(facts):
        size_px = min(size_px, TINY_SIDE_PX)
    return Recipe("image", VERSION, {"size_px": size_px, **chosen, "crop_fraction": float(fraction)})


def render(signal: Image, recipe: Recipe) -> tuple[Window, ...]:
    """Turn a photograph into the square picture, or two, that the recognizer sees.

    What is lost: ``crop`` drops what lies outside the middle square, both fits drop detail finer than a pixel of the
    picture. Resizing reads only the part that is kept.

    Parameters
    ----------
    signal
        uint8 (h, w, 3) sRGB, any size from 1 x 1 and any aspect ratio.
    recipe
        From `fit_recipe`.

    Returns
    -------
    tuple of Window
        One window with one picture a fit: uint8 (size_px, size_px, 3), 0 black and 255 white, both axes in pixels of
        the original image.

    Raises
    ------
    OptionError
        The recipe is not one of images.

    Notes
    -----
    Deterministic. About 0.3 ms for a 224 x 300 px photograph on one core, 4 ms for 1200 x 1600 px.
    """
    if recipe.kind != "image":
        raise OptionError(f"an image needs a recipe of kind image, but got one of kind {recipe.kind}")
    return (tuple(_fitted(signal, recipe, fit) for fit in str(recipe.options["fit"]).split("+")),)


def locate(picture: Picture, x_px: float, y_px: float) -> dict[str, tuple[float, float]]:
    """Turn a pixel of the picture back into the box of the original image that it covers.

    Parameters
    ----------
    picture
        From `render`.
    x_px, y_px
        Column from the left and row from the top, 0 the first; a fraction names the pixel it falls in.

    Returns
    -------
    dict
        ``x_px`` and ``y_px``: (start, stop) in pixels of the original image, its left and top edges 0. A pixel of
        the padding gives a box outside the image.

    Raises
    ------
    OptionError
        The pixel lies outside the picture.
    """
    height, width = picture.pixels.shape[:2]
    if not (0 <= x_px < width and 0 <= y_px < height):
        raise OptionError(f"a pixel of a {width} x {height} picture was expected, but got ({x_px}, {y_px})")
    column, row = math.floor(x_px), math.floor(y_px)
    return {
        "x_px": (picture.x.value_at(column / width), picture.x.value_at((column + 1) / width)),
        "y_px": (picture.y.value_at(row / height), picture.y.value_at((row + 1) / height)),
    }


def _are_tiny(facts: Sequence[Mapping[str, float]]) -> bool:
    """Say whether nearly all images are icons rather than photographs."""
    sides = [max(one["width_px"], one["height_px"]) for one in facts if "width_px" in one and "height_px" in one]
    return len(sides) > 0 and float(np.mean(np.array(sides) <= TINY_PX)) >= NEARLY_ALL


def _fitted(signal: Image, recipe: Recipe, fit: str) -> Picture:
    options = recipe.options
    size_px, fraction = int(str(options["size_px"])), float(str(options["crop_fraction"]))
    height, width = signal.pixels.shape[:2]
    if fit == "crop":
        source, content = _middle_square(width, height, fraction), (0, 0, size_px, size_px)
    else:
        source, content = (0.0, 0.0, float(width), float(height)), _centred(width, height, size_px)
    left, top, right, bottom = content
    canvas = np.full((size_px, size_px, 3), GREY, np.uint8)
    image = PillowImage.fromarray(np.ascontiguousarray(signal.pixels))
    resample = INTERPOLATIONS[str(options["interpolation"])]
    canvas[top:bottom, left:right] = np.asarray(
        image.resize((right - left, bottom - top), resample, box=source, reducing_gap=REDUCING_GAP)
    )
    # A JPEG may have been decoded at a fraction of its size; the axes count the file's own pixels.
    across, down = (1.0, 1.0) if signal.original_px is None else np.divide(signal.original_px, (width, height)).tolist()
    x = _axis("x", source[0] * across, source[2] * across, left, right, size_px)
    y = _axis("y", source[1] * down, source[3] * down, top, bottom, size_px)
    return Picture(canvas, x, y, recipe, "photograph" if fit == options["fit"] else fit, content)


def _middle_square(width: int, height: int, fraction: float) -> Box:
    """The box (left, top, right, bottom) that ``crop`` keeps, in the original's pixels or between them."""
    side = min(width, height) * fraction
    left, top = (width - side) / 2.0, (height - side) / 2.0
    return left, top, left + side, top + side


def _centred(width: int, height: int, size_px: int) -> PixelBox:
    """The box of the picture that a whole image fills, aspect kept; a hair-thin image is at least one pixel wide."""
    scale = size_px / max(width, height)
    w, h = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = (size_px - w) // 2, (size_px - h) // 2
    return left, top, left + w, top + h


def _axis(name: str, start: float, stop: float, first: int, last: int, size_px: int) -> Axis:
    """Extend the range [start, stop) that fills pixels [first, last) to the whole side of the picture."""
    per_px = (stop - start) / (last - first)
    return Axis(name, "px", start - first * per_px, stop + (size_px - last) * per_px, "linear", anywhere=True)
