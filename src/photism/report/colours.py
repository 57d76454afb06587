"""What the colours of a picture mean, in words, panel by panel: the renderers' channels as a reader sees them.

The renderers (``pictures/``) decide what a channel holds; this table only says it, and a test asks that no panel of
theirs is missing here.
"""

from __future__ import annotations

from photism.types import Picture

__all__ = ["COLOURS", "colours_of"]

_BYTE = "red: value of the byte · green: entropy of the bytes around it · blue: class of the byte (text, control, …)"

COLOURS: dict[str, str] = {
    "photograph": "the colours of the image itself",
    "crop": "the colours of the image itself",
    "pad": "the colours of the image itself",
    "log-mel": "brighter is louder",
    "pairs": "red: how often the second byte follows the first · green: how often the second occurs at all · "
    "blue: the pairs, smoothed",
    "hilbert": _BYTE,
    "reshape": _BYTE,
    "path": "red: early dim, late bright · green: speed · blue: every recorded point",
    "dwell": "red: seconds spent · green: points recorded · blue: the path",
    "rhythm": "red: how often · green: mean length of a step · blue: mean turn",
    "profile": "red: the curve · green: bright where steps are long · blue: bright where the path turns",
}


def colours_of(picture: Picture) -> str:
    """Say what the colours of ``picture`` mean; empty for a panel of a renderer that this table does not know.

    Examples
    --------
    >>> import numpy as np
    >>> from photism.types import Axis, Recipe
    >>> side, recipe = Axis("x", "px", 0, 8), Recipe("sound", 1, {"depths_db": [100.0, 70.0, 40.0]})
    >>> colours_of(Picture(np.zeros((8, 8, 3), np.uint8), side, side, recipe, "log-mel", (0, 0, 8, 8)))
    'brighter is louder; red shows 100 dB below the loudest moment, green 70, blue 40'
    """
    said = COLOURS.get(picture.panel, "")
    depths = picture.recipe.options.get("depths_db")
    if picture.panel == "log-mel" and isinstance(depths, list) and len(depths) == 3:
        red, green, blue = (f"{depth:g}" for depth in depths)
        said += f"; red shows {red} dB below the loudest moment, green {green}, blue {blue}"
    return said
