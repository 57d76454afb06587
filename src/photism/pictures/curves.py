"""The Hilbert curve as tables: a line of cells folded into a square so that neighbours on the line stay neighbours.

This file covers the curve alone, in whole cells. What a cell holds and how many pixels it takes is the business of
the renderer that uses it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Int64

from photism.errors import OptionError

MAX_ORDER = 12  # 16.8 million cells: more than any picture here, and still only 268 MB of tables


@lru_cache(maxsize=4)
def hilbert_xy(order: int) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " n"]]:
    """Return where each cell of the curve lies, in the order of the line.

    Parameters
    ----------
    order
        The square has ``2**order`` cells a side and ``4**order`` in all; 0 to 12.

    Returns
    -------
    tuple of Int64[n], Int64[n]
        Column (0 on the left) and row (0 at the top) of cell 0, 1, 2, ...; read-only. The line starts in the top left
        corner and ends in the top right one.

    Raises
    ------
    OptionError
        If ``order`` is out of range.

    Notes
    -----
    Built by doubling: a curve of order k is four of order k-1, the first transposed, the last transposed the other
    way. Two consecutive cells always share an edge, and every aligned stretch of ``4**j`` cells fills a square.

    References
    ----------
    D. Hilbert, Über die stetige Abbildung einer Linie auf ein Flächenstück, 1891, doi:10.1007/BF01199431.

    Examples
    --------
    >>> x, y = hilbert_xy(1)
    >>> x.tolist(), y.tolist()
    ([0, 0, 1, 1], [0, 1, 1, 0])
    """
    if not 0 <= order <= MAX_ORDER:
        raise OptionError(f"The order of a Hilbert curve must be 0 to {MAX_ORDER}, not {order}.")
    x = np.zeros(1, dtype=np.int64)
    y = np.zeros(1, dtype=np.int64)
    for k in range(order):
        half = 1 << k
        # Down the left side, up the right one: the curve goes from top left to top right at every order.
        x, y = (
            np.concatenate([y, x, x + half, 2 * half - 1 - y]),
            np.concatenate([x, y + half, y + half, half - 1 - x]),
        )
    x.flags.writeable = False
    y.flags.writeable = False
    return x, y


@lru_cache(maxsize=4)
def hilbert_index(order: int) -> Int64[np.ndarray, "side side"]:
    """Return which cell of the line each place of the square holds: the inverse of ``hilbert_xy``.

    Parameters
    ----------
    order
        As for ``hilbert_xy``.

    Returns
    -------
    Int64[side, side]
        Position on the line, 0 to ``4**order - 1``, indexed [row, column]; read-only.

    Raises
    ------
    OptionError
        If ``order`` is out of range.

    Examples
    --------
    >>> hilbert_index(1).tolist()
    [[0, 3], [1, 2]]
    """
    x, y = hilbert_xy(order)
    index = np.empty((1 << order, 1 << order), dtype=np.int64)
    index[y, x] = np.arange(len(x))
    index.flags.writeable = False
    return index
