"""A heat map over the picture that it explains, and the curves of its check: pixels and inline SVG.

The picture is shown grey and dim, what spoke for the class glows from orange to white, and regions are outlined.
What spoke against is not shown. Covers drawing only.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, UInt8
from markupsafe import Markup
from PIL import Image as PillowImage
from scipy import ndimage

from photism.layers.evidence import FRACTIONS, Check
from photism.layers.explanation import Explanation
from photism.layers.heat import added_up, spread
from photism.report.drawing import Drawing
from photism.report.exhibits import draw_seen

__all__ = ["draw_check", "draw_heat", "overlay", "save_heat"]

ZOOM = 2  # outlines are drawn finer than the picture's pixels
DIM = 0.5
GLOW = np.array([[255, 140, 20], [255, 214, 90], [255, 255, 235]], np.float32)
GAP_PX = 8
MOST_CELLS = 28  # along a side: a lone position of a fine layer would not be seen
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 320.0, 196.0, 44.0, 12.0, 12.0, 40.0


def overlay(
    pixels: UInt8[np.ndarray, "h w 3"],
    values: Float32[np.ndarray, "h w"],
    *,
    highest: float,
    outlined: Bool[np.ndarray, "h w"],
) -> UInt8[np.ndarray, "H W 3"]:
    """Lay a heat map over a picture, twice as large as the picture.

    Parameters
    ----------
    pixels : uint8 (h, w, 3)
    values : float32 (h, w)
        Contributions; what is 0 or below leaves the picture as it is.
    highest : float
        The contribution that glows brightest.
    outlined : bool (h, w)
        Regions to draw a line around.
    """
    grey = pixels.astype(np.float32).mean(axis=2, keepdims=True) * DIM
    share = np.clip(values / highest, 0.0, 1.0) if highest > 0.0 else np.zeros_like(values)
    at = share * (len(GLOW) - 1)
    step = np.minimum(at.astype(int), len(GLOW) - 2)
    glow = GLOW[step] + (GLOW[step + 1] - GLOW[step]) * (at - step)[..., None]
    alpha = (0.8 * share**0.75)[..., None]
    mixed = np.rint(grey * (1.0 - alpha) + glow * alpha).astype(np.uint8)
    large = mixed.repeat(ZOOM, 0).repeat(ZOOM, 1)
    inside = outlined.repeat(ZOOM, 0).repeat(ZOOM, 1)
    edge = inside & ~ndimage.binary_erosion(inside, border_value=0)
    large[edge] = 255
    return np.asarray(large)


def draw_heat(explanation: Explanation, *, window: int, panel: int) -> Markup:
    """Draw one picture with its heat map and its sides' units.

    Parameters
    ----------
    explanation : Explanation
    window, panel : int
        Which picture.
    """
    picture = explanation.shown.windows[window][panel]
    left, top, right, bottom = (ZOOM * edge for edge in picture.content)
    pixels = _overlaid(explanation, window, panel)
    return draw_seen(replace(picture, pixels=pixels, content=(left, top, right, bottom)))


def save_heat(explanation: Explanation, out: Path) -> None:
    """Write all pictures with their heat maps as one PNG: a row a window, a column a panel.

    Parameters
    ----------
    explanation : Explanation
    out : Path

    Raises
    ------
    OSError
        The file cannot be written.
    """
    n, p, h, w = explanation.heat.values.shape
    sheet = np.full((n * (ZOOM * h + GAP_PX) - GAP_PX, p * (ZOOM * w + GAP_PX) - GAP_PX, 3), 255, np.uint8)
    for window, panel in np.ndindex(n, p):
        top, left = window * (ZOOM * h + GAP_PX), panel * (ZOOM * w + GAP_PX)
        sheet[top : top + ZOOM * h, left : left + ZOOM * w] = _overlaid(explanation, window, panel)
    PillowImage.fromarray(sheet).save(out, format="PNG")


def draw_check(check: Check, *, part: str) -> Markup:
    """Draw the deletion or the insertion curve against that of random regions.

    Parameters
    ----------
    check : Check
    part : {"deletion", "insertion"}
    """
    own, random = getattr(check, f"{part}_curve"), getattr(check, f"random_{part}_curve")
    areas = getattr(check, part), getattr(check, f"random_{part}")
    title = f"{part}: area {areas[0]:.2f}, random regions {areas[1]:.2f}"
    drawing = Drawing(WIDTH, HEIGHT, title=title)
    across, down = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    for value in (0.0, 0.5, 1.0):
        y = TOP + down * (1.0 - value)
        drawing.line((LEFT, y), (LEFT + across, y), "grid")
        drawing.text((LEFT - 6, y + 4), f"{value:g}", "tick", anchor="end")
        drawing.text((LEFT + across * value, TOP + down + 16), f"{100 * value:g} %", "tick", anchor="middle")
    for curve, class_ in ((random, "line train"), (own, "line valid")):
        points = [(LEFT + across * x, TOP + down * (1.0 - y)) for x, y in zip(FRACTIONS, curve, strict=True)]
        drawing.path(points, class_)
    verb = "taken away" if part == "deletion" else "put in"
    drawing.text((LEFT + across / 2, HEIGHT - 4), f"share of the picture {verb}", "name", anchor="middle")
    drawing.text((12, TOP + down / 2), "probability", "name", anchor="middle", turn=True)
    return drawing.markup()


def _overlaid(explanation: Explanation, window: int, panel: int) -> UInt8[np.ndarray, "H W 3"]:
    fine = explanation.heat.values[:, panel]
    h, w = fine.shape[1:]
    heat = spread(added_up(fine, min(MOST_CELLS, h), min(MOST_CELLS, w)), (h, w))
    outlined = np.zeros(heat.shape[1:], bool)
    for region in explanation.regions:
        if (region.window, region.panel) == (window, panel):
            outlined |= region.mask
    pixels = explanation.shown.pixels[window, panel]
    return overlay(pixels, heat[window], highest=float(heat.max()), outlined=outlined)
