"""Occlusion: what the answer loses when a piece of the data is taken away.

Pieces are cut as the picture means them: squares of a photograph or of a table of byte pairs, boxes of seconds and
hertz, stretches of bytes along a Hilbert curve or a byte plot, runs of points in a track's profile. What is left in
their place is "nothing there" (``heat.empty``). Slow (hundreds of answers), simple, and without gradients.

References: Zeiler & Fergus 2014, arXiv 1311.2901.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Bool, Int64, UInt8

from photism.layers.answering import Answering
from photism.layers.heat import HeatMap, Shown, content_mask, empty
from photism.pictures.curves import hilbert_index
from photism.recognizers.layer_names import by_panel
from photism.types import Picture

__all__ = ["PIECES", "occlusion", "pieces"]

SQUARES = 14  # positions along a side; a piece is two steps wide, so that neighbours overlap
STRETCHES = 64  # of bytes; two neighbours make a piece

Mask = Bool[np.ndarray, "h w"]


def occlusion(answering: Answering, shown: Shown, target: int) -> HeatMap:
    """Attribute a class's logit to pieces of the data.

    Parameters
    ----------
    answering : Answering
    shown : Shown
        One file.
    target : int
        Which class.

    Returns
    -------
    HeatMap
        What the logit loses without a piece, shared evenly among its pixels; where pieces overlap, their mean.
    """
    n, p, h, w, _ = shown.pixels.shape
    held = content_mask(shown)
    read = set(by_panel(answering.layers))
    plan = [
        (window, panel, mask)
        for window in range(n)
        for panel in range(p)
        if shown.windows[window][panel].panel in read
        for mask in pieces(shown.windows[window][panel])
        if (mask & held[window, panel]).any()
    ]
    nothing = empty(shown)

    def copies() -> Iterator[UInt8[np.ndarray, "n p h w 3"]]:
        yield shown.pixels
        for window, panel, mask in plan:
            altered = shown.pixels.copy()
            altered[window, panel][mask] = nothing[window, panel][mask]
            yield altered

    answers = answering.logits(copies(), shown.content)
    whole = next(answers)[:, target]
    values, count = np.zeros((n, p, h, w)), np.zeros((n, p, h, w))
    for (window, panel, mask), answer in zip(plan, answers, strict=True):
        values[window, panel][mask] += (whole[window] - answer[window, target]) / mask.sum()
        count[window, panel][mask] += 1
    values = np.divide(values, count, out=values, where=count > 0)
    cells = tuple(_cell(picture) if picture.panel in read else (0.0, 0.0) for picture in shown.windows[0])
    return HeatMap("occlusion", target, values.astype(np.float32), cells)


def pieces(picture: Picture) -> list[Mask]:
    """Cut a picture into overlapping pieces that mean something in its own units.

    Parameters
    ----------
    picture : Picture

    Returns
    -------
    list of bool (h, w)
        Which pixels a piece covers.
    """
    return PIECES.get(picture.panel, _squares)(picture)


def _squares(picture: Picture) -> list[Mask]:
    height, width = picture.pixels.shape[:2]
    found = []
    for row in range(SQUARES - 1):
        for column in range(SQUARES - 1):
            mask = np.zeros((height, width), bool)
            top, bottom = row * height // SQUARES, (row + 2) * height // SQUARES
            mask[top:bottom, column * width // SQUARES : (column + 2) * width // SQUARES] = True
            found.append(mask)
    return found


def _columns(picture: Picture) -> list[Mask]:
    height, width = picture.pixels.shape[:2]
    return _runs(np.broadcast_to(np.arange(width), (height, width)), width, 2 * SQUARES)


def _curve(picture: Picture) -> list[Mask]:
    side = picture.pixels.shape[0]
    order = max(side.bit_length() - 1, 1)
    places = np.arange(side) * (1 << order) // side
    return _runs(hilbert_index(order)[np.ix_(places, places)], 4**order, STRETCHES)


def _rows(picture: Picture) -> list[Mask]:
    height, width = picture.pixels.shape[:2]
    return _runs(np.broadcast_to(np.arange(height)[:, None], (height, width)), height, STRETCHES // 2)


def _runs(place: Int64[np.ndarray, "h w"], n_places: int, n_runs: int) -> list[Mask]:
    """Cut by order along one coordinate; a piece is two runs wide."""
    run = place * n_runs // n_places
    return [(run == i) | (run == i + 1) for i in range(n_runs - 1)]


def _cell(picture: Picture) -> tuple[float, float]:
    """The size of a piece; along a curve, the square of as many pixels."""
    height, width = picture.pixels.shape[:2]
    down, across = CELLS.get(picture.panel, (2 / SQUARES, 2 / SQUARES))
    return down * height, across * width


PIECES: dict[str, Callable[[Picture], list[Mask]]] = {"hilbert": _curve, "reshape": _rows, "profile": _columns}
"""By panel; all others are cut into squares."""

CELLS: dict[str, tuple[float, float]] = {
    "hilbert": ((2 / STRETCHES) ** 0.5, (2 / STRETCHES) ** 0.5),
    "reshape": (4 / STRETCHES, 1.0),
    "profile": (1.0, 1 / SQUARES),
}
"""The size of a piece (height, width) as shares of the picture's sides, where it is no square."""
