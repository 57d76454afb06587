"""Soft ink on a square canvas: dots and lines at sub-pixel places, drawn by counting and so without a loop.

Covers drawing only. What is drawn, and what the sides of the canvas mean, is the business of the kind that draws.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

__all__ = ["line", "splat"]

SPACING_PX = 0.5  # between the dots of a line: close enough that no gap is seen


def line(
    x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"], Int[np.ndarray, " m"]]:
    """Place dots every half pixel along the straight moves that join some points.

    Parameters
    ----------
    x, y
        Places of n points in px.

    Returns
    -------
    x, y : float (m,)
        Places of the dots in px; every move has one or more. Fewer than two points are returned as they are.
    move : int (m,)
        Which move (0 to n - 2) each dot lies on.

    Examples
    --------
    >>> line(np.array([0.0, 1.0]), np.array([0.0, 0.0]))[0].tolist()
    [0.25, 0.75]
    """
    if len(x) < 2:
        return x, y, np.zeros(len(x), np.int64)
    dx, dy = np.diff(x), np.diff(y)
    n = np.maximum(np.ceil(np.hypot(dx, dy) / SPACING_PX), 1.0).astype(np.int64)
    move = np.repeat(np.arange(len(n)), n)
    along = (np.arange(len(move)) - np.repeat(np.cumsum(n) - n, n) + 0.5) / n[move]
    return x[:-1][move] + dx[move] * along, y[:-1][move] + dy[move] * along, move


def splat(
    x: Float[np.ndarray, " n"],
    y: Float[np.ndarray, " n"],
    size_px: int,
    weight: Float[np.ndarray, " n"] | None = None,
) -> Float[np.ndarray, "size_px size_px"]:
    """Add up soft dots: each one bilinear, then smoothed by [1 2 1] / 4, so four by four pixels.

    Parameters
    ----------
    x, y
        Places in px, 0 the outer edge of the first pixel. What lies outside is drawn on the edge.
    size_px
        Side of the canvas.
    weight
        Ink of each dot; 1 where it is not given.

    Returns
    -------
    float64 (size_px, size_px)
        Ink a pixel; it sums to the sum of the weights.

    Examples
    --------
    >>> float(splat(np.array([3.2]), np.array([4.9]), 8).sum())
    1.0
    """
    x, y = np.clip(x, 0.0, size_px), np.clip(y, 0.0, size_px)
    left, top = np.floor(x - 0.5), np.floor(y - 0.5)
    a, b = x - 0.5 - left, y - 0.5 - top
    tap = np.arange(-1, 3)[:, None]
    across = np.stack([1.0 - a, 2.0 - a, 1.0 + a, a]) / 4.0
    down = np.stack([1.0 - b, 2.0 - b, 1.0 + b, b]) / 4.0
    columns = np.clip(left + tap, 0, size_px - 1).astype(np.int64)
    rows = np.clip(top + tap, 0, size_px - 1).astype(np.int64)
    if weight is not None:
        down = down * weight
    cells = (rows[:, None] * size_px + columns[None]).ravel()
    ink = np.bincount(cells, (down[:, None] * across[None]).ravel(), size_px * size_px)
    return ink.reshape(size_px, size_px).astype(np.float64, copy=False)  # bincount of nothing counts in integers
