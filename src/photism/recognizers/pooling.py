"""How activation maps become features: fixed cells, and the weights that keep padding out of them.

A side along which a pattern may sit anywhere is pooled into one cell; a side that means something at a place keeps
several. Cells have one fixed size in pixels of the map (pooling into cells of varying size is three times slower in
OpenVINO), so a map gets at most as many cells as were asked for: ``ceil(size / ceil(size / cells))``. Ask for a divisor
to get just that.

Covers the geometry and the weights, in numpy. The pooling itself is part of each engine's graph (``torch_engine``,
``openvino_engine``), so that only pooled features leave it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Bool, Float32, Integer

__all__ = [
    "FAR_BELOW",
    "STATISTICS",
    "Cells",
    "ContentWeights",
    "Statistic",
    "content_weights",
    "fills_picture",
    "fit_cells",
]

Statistic: TypeAlias = Literal["mean", "max"]
STATISTICS: tuple[Statistic, ...] = ("mean", "max")
# Added to what lies in padding before maxima are taken; finite in bfloat16 too, but not in half precision.
FAR_BELOW = -1e30


@dataclass(frozen=True, slots=True)
class Cells:
    """How one stage's map is cut: its size, the size of a cell, and how many cells (rows, columns) there are."""

    size: tuple[int, int]
    kernel: tuple[int, int]
    grid: tuple[int, int]


@dataclass(frozen=True, slots=True)
class ContentWeights:
    """What every row and column of every map counts for, the maps' sides one after another.

    ``rows`` (n, 2, sum of heights) and ``columns`` (n, 2, sum of widths), float32: ``[:, 0]`` multiplies before means
    are taken (1 on average over the content of a cell, 0 in padding), ``[:, 1]`` is 1 where maxima are taken, else 0.
    """

    rows: Float32[np.ndarray, "n 2 h"]
    columns: Float32[np.ndarray, "n 2 w"]

    def take(self, pictures: Integer[np.ndarray, " m"]) -> ContentWeights:
        """Return the weights of some pictures, by index."""
        return ContentWeights(self.rows[pictures], self.columns[pictures])


def fit_cells(size: tuple[int, int], grid: tuple[int, int]) -> Cells:
    """Cut a map of ``size`` (rows, columns) into at most ``grid`` (rows, columns) cells of one size.

    The last cell of a side is smaller where the side is no multiple.

    Examples
    --------
    >>> fit_cells((28, 28), (7, 1)).kernel
    (4, 28)
    >>> fit_cells((13, 13), (8, 8)).grid
    (7, 7)
    """
    kernel = (math.ceil(size[0] / min(grid[0], size[0])), math.ceil(size[1] / min(grid[1], size[1])))
    return Cells(size, kernel, (math.ceil(size[0] / kernel[0]), math.ceil(size[1] / kernel[1])))


def fills_picture(content: Integer[np.ndarray, "n 4"], size_px: tuple[int, int]) -> Bool[np.ndarray, " n"]:
    """Say for every content box (left, top, right, bottom) whether it is all of a picture (height, width)."""
    height, width = size_px
    return (content <= [0, 0, width, height]).all(axis=1) & (content[:, 2] >= width) & (content[:, 3] >= height)


def content_weights(
    content: Integer[np.ndarray, "n 4"], size_px: tuple[int, int], cells: Sequence[Cells]
) -> ContentWeights:
    """Turn content boxes into what every row and column of every map counts for.

    Parameters
    ----------
    content : int (n, 4)
        Boxes (left, top, right, bottom) in pixels of the picture; what lies outside is padding.
    size_px : (height, width)
        Size of the picture.
    cells : sequence of Cells
        One for each map.

    Returns
    -------
    ContentWeights

    Notes
    -----
    A row of a map counts as much as content covers of it. Maxima are taken where content covers at least half
    of the best covered row, so that content narrower than a row is not lost.
    """
    sides = []
    for side, (first, last) in enumerate(((1, 3), (0, 2))):
        parts = [_side(content[:, first], content[:, last], size_px[side], one, side) for one in cells]
        sides.append(np.concatenate(parts, axis=2))
    return ContentWeights(rows=sides[0], columns=sides[1])


def _side(
    start_px: Integer[np.ndarray, " n"], stop_px: Integer[np.ndarray, " n"], side_px: int, cells: Cells, side: int
) -> Float32[np.ndarray, "n 2 k"]:
    """Weights along one side of one map."""
    places, kernel, n_cells = cells.size[side], cells.kernel[side], cells.grid[side]
    edges = np.arange(places + 1) * (side_px / places)
    covered = np.minimum(stop_px[:, None], edges[None, 1:]) - np.maximum(start_px[:, None], edges[None, :-1])
    covered = np.clip(covered, 0.0, None)
    best = covered.max(axis=1, keepdims=True)
    covered = np.divide(covered, best, out=np.zeros_like(covered), where=best > 0)
    starts = np.arange(n_cells) * kernel
    total = np.add.reduceat(covered, starts, axis=1)
    length = np.minimum(starts + kernel, places) - starts
    scale = np.divide(length, total, out=np.zeros_like(total), where=total > 0)
    # A cell that content only grazes is still a mean over content; one that it misses is 0.
    mean = covered * np.repeat(scale, length, axis=1)
    return np.stack([mean, covered >= 0.5], axis=1).astype(np.float32)
