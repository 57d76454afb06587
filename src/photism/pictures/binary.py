"""Bytes into pictures: where they lie in the file, and which byte follows which.

Three layouts, each a panel of the same pixel size; a recipe joins as many as it names (``pairs+hilbert``):

- ``reshape``: the classic byte plot, rows of a width that follows the file's size;
- ``hilbert``: the file along a Hilbert curve, so that bytes near each other in the file are near in the picture;
- ``pairs``: how often each byte is followed by each other byte, a place for every pair of values.

Covers raw bytes of any length from 1: what is longer than ``SAMPLE_BYTES`` is seen through evenly spread blocks, in
bounded memory. Does not cover what the bytes mean (headers, sections, archives): no format is parsed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np
from jaxtyping import Float64, Int64, UInt8

from photism.errors import DecodeError, OptionError
from photism.pictures.curves import hilbert_index, hilbert_xy
from photism.types import JSON, Axis, ByteString, Picture, Recipe, Window

__all__ = ["DEFAULTS", "LAYOUTS", "SAMPLE_BYTES", "Layout", "fit_recipe", "locate", "render"]

VERSION = 1

Layout: TypeAlias = Literal["reshape", "hilbert", "pairs"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
Edges: TypeAlias = tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " n"]]

SAMPLE_BYTES = 1 << 24
"""Longer files are seen through evenly spread blocks that add up to this, unless ``sample_bytes`` says otherwise."""

DEFAULTS: Mapping[str, JSON] = {"layout": "pairs+hilbert", "size_px": 256, "sample_bytes": SAMPLE_BYTES}
"""Chosen by inner grouped folds of training parts; the figures are in LOG.md."""

BLOCK_BYTES = 4096
CHUNK_BYTES = 1 << 18  # stays in the processor's cache: counting a file in one go takes twice the time

ENTROPY_BYTES = 256
# Nataraj et al. 2011, table 1: files of up to so many kB are drawn in rows of so many bytes.
ROW_WIDTHS = ((10, 32), (30, 64), (60, 128), (100, 256), (200, 384), (500, 512), (1000, 768))
WIDEST_ROW = 1024

# Counts are drawn as density, 1 where every pair were equally frequent, so that a file's length does not matter.
# A density of ``knee`` is where the logarithm begins to bend, one of ``white`` is drawn as 255.
PAIR_KNEE, SMOOTH_KNEE, PAIR_WHITE = 16.0, 1.0, 512.0
# Widths, in byte values, of the Gaussians that green and blue are smoothed with: few pairs of 65,536 occur in a short
# file, and only counts shared with their neighbours tell nearly even data (compressed, encrypted) apart.
SMOOTH_VALUES = (1.0, 4.0)

BYTE_CLASSES = np.full(256, 192, np.uint8)  # high bytes
BYTE_CLASSES[:0x20] = 64  # control
BYTE_CLASSES[0x20:0x7F] = 128  # printable ASCII
BYTE_CLASSES[[0x09, 0x0A, 0x0D]] = 128  # tab and line ends are text as well
BYTE_CLASSES[0x7F] = 64
BYTE_CLASSES[0x00] = 0
BYTE_CLASSES[0xFF] = 255


def fit_recipe(
    facts: Sequence[Mapping[str, float]],  # noqa: ARG001 (every kind is called alike)
    *,
    size_px: int = 224,  # noqa: ARG001
    options: Mapping[str, JSON] | None = None,
) -> Recipe:
    """Turn options into the recipe of a data set's pictures; nothing about bytes needs fitting to the files.

    Parameters
    ----------
    facts
        What the training files said about themselves (``size_bytes``); not used: a file is drawn by its own length.
    size_px
        The side that the backbone was trained with; not used: a byte has 256 values, and at 256 px each has a row and
        a column of its own. The option ``size_px`` overrides.
    options
        ``layout``: ``reshape``, ``hilbert``, ``pairs``, or several joined by ``+``; ``size_px``: side of the picture,
        8 to 4096; ``sample_bytes``: the longest file that is read whole, 4096 or more.

    Returns
    -------
    Recipe
        Kind ``binary`` with every option written out.

    Raises
    ------
    OptionError
        An option is unknown or has a value that is not allowed.

    Examples
    --------
    >>> fit_recipe([], options={"layout": "hilbert+pairs"}).options["layout"]
    'hilbert+pairs'
    """
    given = dict(options or {})
    unknown = sorted(set(given) - set(DEFAULTS))
    if unknown:
        raise OptionError(f"Pictures of bytes take the options {', '.join(DEFAULTS)}, but got {unknown[0]!r}.")
    chosen = {**DEFAULTS, **given}
    layouts = str(chosen["layout"]).split("+")
    if not set(layouts) <= set(LAYOUTS) or len(set(layouts)) < len(layouts):
        raise OptionError(
            f"The layout of bytes must be one of {', '.join(LAYOUTS)}, or several joined by '+', each once, "
            f"but is {chosen['layout']!r}."
        )
    for name, low, high in (("size_px", 8, 4096), ("sample_bytes", BLOCK_BYTES, 1 << 40)):
        value = chosen[name]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise OptionError(f"{name} of pictures of bytes must be a whole number, {low} to {high}, not {value!r}.")
    return Recipe("binary", VERSION, chosen)


def render(signal: ByteString, recipe: Recipe) -> tuple[Window, ...]:
    """Turn bytes into one window with a picture for every layout of the recipe.

    In ``reshape`` and ``hilbert`` red is the byte (0 to 255), green the entropy of the 256 bytes around it (0 to 8
    bits) and blue its class (0 zero, 64 control, 128 text, 192 high, 255 0xFF); a pixel that covers several bytes shows
    their mean. In ``pairs`` a row is a byte's value and a column that of the next: red is how often the pair occurs, on
    a logarithmic scale (0 never, 255 at 512 times its share of an even spread); green and blue are the same, smoothed
    over one and over four neighbouring values, on a scale that shows rarer pairs.

    Parameters
    ----------
    signal
        1 byte or more; may be a memory map larger than memory.
    recipe
        From `fit_recipe`.

    Returns
    -------
    tuple of Window
        One window; panels in the order of ``layout``, each uint8 (size_px, size_px, 3).

    Raises
    ------
    DecodeError
        There is not a single byte.
    OptionError
        The recipe is not one of bytes.

    Notes
    -----
    Deterministic. Files longer than ``sample_bytes`` are seen through 4096-byte blocks, one from the start of each of
    so many equal stretches of the file: what lies between is not read, and a block stands for its stretch.

    References
    ----------
    L. Nataraj et al., Malware images: visualization and automatic classification, VizSec 2011,
    doi:10.1145/2016904.2016908. G. Conti et al., Visual reverse engineering of binary and data files, VizSec 2008,
    doi:10.1007/978-3-540-85933-8_1 (the byte-pair picture).
    """
    if recipe.kind != "binary":
        raise OptionError(f"Bytes need a recipe of kind binary, but got one of kind {recipe.kind}.")
    n_bytes = len(signal.values)
    if n_bytes == 0:
        raise DecodeError("A file of at least one byte was expected, but it is empty.")
    seen = _sample(signal.values, int(str(recipe.options["sample_bytes"])))
    size_px = int(str(recipe.options["size_px"]))
    panels: list[Picture] = []
    for layout in str(recipe.options["layout"]).split("+"):
        if layout == "pairs":
            pixels = _pairs(seen, n_bytes > len(seen), size_px)
            x = Axis("second byte", "value", 0.0, 256.0)
            y = Axis("first byte", "value", 0.0, 256.0)
        elif layout == "hilbert":
            pixels = _hilbert(seen, size_px)
            x = Axis("file offset", "bytes", 0.0, float(n_bytes), "hilbert", anywhere=True)
            y = x
        else:
            width = _row_width(n_bytes)
            pixels = _reshape(seen, width, size_px)
            x = Axis("place in the row", "bytes", 0.0, float(width), "linear", anywhere=True)
            y = Axis("file offset", "bytes", 0.0, float(n_bytes), "rows", anywhere=True)
        panels.append(Picture(pixels, x, y, recipe, layout, (0, 0, size_px, size_px)))
    return (tuple(panels),)


def locate(picture: Picture, x_px: float, y_px: float) -> dict[str, tuple[float, float]]:
    """Turn a pixel of the picture back into the bytes that it shows.

    Parameters
    ----------
    picture
        From `render`.
    x_px, y_px
        Column from the left and row from the top, 0 the first; a fraction names the pixel it falls in.

    Returns
    -------
    dict
        ``pairs``: ``first_byte`` and ``second_byte``, (start, stop) with values start to stop - 1. Else
        ``offset_bytes``: (start, stop) from the start of the file; where a pixel of ``reshape`` covers parts of several
        rows, from the first part to the last. The rest of a last row that the file does not fill gives an empty
        range at the file's end.

    Raises
    ------
    OptionError
        The pixel lies outside the picture.
    """
    size_px = picture.pixels.shape[0]
    if not (0 <= x_px < size_px and 0 <= y_px < size_px):
        raise OptionError(f"A pixel of a {size_px} x {size_px} picture was expected, but got ({x_px}, {y_px}).")
    column, row = int(x_px), int(y_px)
    if picture.panel == "pairs":
        return {"first_byte": _cell(256, size_px, row), "second_byte": _cell(256, size_px, column)}
    n_bytes = int(picture.y.stop)
    n_seen = _n_seen(n_bytes, int(str(picture.recipe.options["sample_bytes"])))
    if picture.panel == "hilbert":
        order = _curve_order(n_seen, size_px)
        side = 1 << order
        place = int(hilbert_index(order)[row * side // size_px, column * side // size_px])
        start, stop = _cell(n_seen, side * side, place)
    else:
        width = int(picture.x.stop)
        top, bottom = _cell(-(-n_seen // width), size_px, row)
        left, right = _cell(width, size_px, column)
        start, stop = min(top * width + left, n_seen), min((bottom - 1) * width + right, n_seen)
    # Where only a sample of the file was read, a byte of the sample stands for the stretch it was taken from.
    return {"offset_bytes": (start * n_bytes / n_seen, stop * n_bytes / n_seen)}


# ── what is read of a file ───────────────────────────────────────────────────────────────────────────


def _n_seen(n_bytes: int, limit: int) -> int:
    """How many bytes of a file are read: all of them, or as many whole blocks as the limit holds."""
    return n_bytes if n_bytes <= limit else limit // BLOCK_BYTES * BLOCK_BYTES


def _sample(values: UInt8[np.ndarray, " n"], limit: int) -> UInt8[np.ndarray, " m"]:
    """The bytes themselves, or evenly spread blocks of them laid end to end."""
    n_bytes, n_seen = len(values), _n_seen(len(values), limit)
    if n_seen == n_bytes:
        return np.asarray(values)
    n_blocks = n_seen // BLOCK_BYTES
    seen = np.empty((n_blocks, BLOCK_BYTES), np.uint8)
    for block in range(n_blocks):
        start = block * n_bytes // n_blocks
        seen[block] = values[start : start + BLOCK_BYTES]
    return seen.reshape(-1)


def _chunks(seen: UInt8[np.ndarray, " m"], sampled: bool) -> Iterator[UInt8[np.ndarray, "_ _"]]:
    """Rows of bytes that really follow each other, few enough at a time to be counted in the cache."""
    if sampled:
        blocks = seen.reshape(-1, BLOCK_BYTES)
        step = CHUNK_BYTES // BLOCK_BYTES
        yield from (blocks[start : start + step] for start in range(0, len(blocks), step))
    else:
        # Chunks overlap by the byte that begins the next one, so that the pair across the cut is counted once.
        yield from (seen[None, start : start + CHUNK_BYTES + 1] for start in range(0, len(seen), CHUNK_BYTES))


# ── the layouts ──────────────────────────────────────────────────────────────────────────────────────


def _pairs(seen: UInt8[np.ndarray, " m"], sampled: bool, size_px: int) -> UInt8[np.ndarray, "h h 3"]:
    """Draw how often each byte (row) is followed by each other (column)."""
    counts = np.zeros(65536, np.int64)
    for rows in _chunks(seen, sampled):
        index = rows[:, :-1].astype(np.int64) << 8
        index |= rows[:, 1:]
        counts += np.bincount(index.reshape(-1), minlength=65536)
    table = counts.reshape(256, 256)
    density = table * (65536 / max(int(table.sum()), 1))
    red, green, blue = density, *(_blurred(density, sigma) for sigma in SMOOTH_VALUES)
    pairs = [_grey(red, PAIR_KNEE, PAIR_WHITE), *(_grey(one, SMOOTH_KNEE, PAIR_WHITE) for one in (green, blue))]
    channels = np.stack(pairs, axis=-1)
    rows_of = _edges(256, size_px)
    return _means(_means(channels, rows_of, axis=0), rows_of, axis=1)


def _blurred(density: Float64[np.ndarray, "256 256"], sigma: float) -> Float64[np.ndarray, "256 256"]:
    """Share every count with its neighbouring values, as far as ``sigma`` says."""
    from scipy.ndimage import gaussian_filter1d  # slow to import, and only this layout needs it

    once = gaussian_filter1d(density, sigma, axis=0, mode="nearest")
    twice: Float64[np.ndarray, "256 256"] = gaussian_filter1d(once, sigma, axis=1, mode="nearest")
    return twice


def _hilbert(seen: UInt8[np.ndarray, " m"], size_px: int) -> UInt8[np.ndarray, "h h 3"]:
    """Fold the file into a square; a short file has larger cells, a long one cells that are means of several bytes."""
    order = _curve_order(len(seen), size_px)
    side = 1 << order
    channels = _channels(seen)
    starts, stops = _edges(len(seen), side * side)
    cells = np.empty((side * side, 3), np.uint8)
    for batch in (slice(first, first + 1024) for first in range(0, side * side, 1024)):
        low, high = int(starts[batch][0]), int(stops[batch][-1])
        cells[batch] = _means(channels[low:high], (starts[batch] - low, stops[batch] - low), axis=0)
    square = np.empty((side, side, 3), np.uint8)
    x, y = hilbert_xy(order)
    square[y, x] = cells
    places = np.arange(size_px) * side // size_px
    return square[np.ix_(places, places)]


def _reshape(seen: UInt8[np.ndarray, " m"], width: int, size_px: int) -> UInt8[np.ndarray, "h h 3"]:
    """Lay the file in rows, stretched or shrunk to a square; a last row that is not full ends black."""
    n_rows = -(-len(seen) // width)
    channels = _channels(seen)
    rows_of, columns_of = _edges(n_rows, size_px), _edges(width, size_px)
    pixels = np.empty((size_px, size_px, 3), np.uint8)
    for row, (top, bottom) in enumerate(zip(*rows_of, strict=True)):
        part = channels[top * width : bottom * width]
        missing = (bottom - top) * width - len(part)
        if missing:
            # A row alone ends black; among several, what it lacks is taken from the row above and no mean turns dark.
            above = part[-width:][:missing] if bottom - top > 1 else np.zeros((missing, 3), np.uint8)
            part = np.concatenate([part, above])
        if bottom - top > 1:
            part = _means(part.reshape(bottom - top, width, 3), (np.array([0]), np.array([bottom - top])), axis=0)[0]
        pixels[row] = _means(part, columns_of, axis=0)
    return pixels


def _channels(seen: UInt8[np.ndarray, " m"]) -> UInt8[np.ndarray, "m 3"]:
    """Say of every byte its value, the entropy of the block around it and its class."""
    channels = np.empty((len(seen), 3), np.uint8)
    channels[:, 0] = seen
    channels[:, 2] = BYTE_CLASSES[seen]
    for start in range(0, len(seen), CHUNK_BYTES):
        chunk = seen[start : start + CHUNK_BYTES]
        block = np.arange(len(chunk)) // ENTROPY_BYTES
        n_blocks = int(block[-1]) + 1
        counts = np.bincount(block * 256 + chunk, minlength=n_blocks * 256).reshape(n_blocks, 256)
        share = counts / counts.sum(axis=1, keepdims=True)
        bits = -np.sum(share * np.log2(share, out=np.zeros_like(share), where=share > 0), axis=1)
        channels[start : start + CHUNK_BYTES, 1] = np.rint(bits * (255 / 8)).astype(np.uint8)[block]
    return channels


# ── geometry: which items a cell or pixel covers ─────────────────────────────────────────────────────


def _row_width(n_bytes: int) -> int:
    """The width of ``reshape``'s rows for a file of this size; a file shorter than a row is one row."""
    kilobytes = n_bytes / 1000
    return min(next((width for limit, width in ROW_WIDTHS if kilobytes < limit), WIDEST_ROW), n_bytes)


def _curve_order(n_seen: int, size_px: int) -> int:
    """The smallest curve with a cell for every byte, but none with more cells than pixels."""
    return min(-(-(n_seen - 1).bit_length() // 2), size_px.bit_length() - 1)


def _cell(n_items: int, n_cells: int, cell: int) -> tuple[int, int]:
    """Which items (start, stop) one of equal cells covers; with fewer items than cells, the one it lies in."""
    start = cell * n_items // n_cells
    return start, max((cell + 1) * n_items // n_cells, start + 1)


def _edges(n_items: int, n_cells: int) -> Edges:
    """``_cell`` of all cells: starts and stops."""
    edges = np.arange(n_cells + 1) * n_items // n_cells
    return edges[:-1], np.maximum(edges[1:], edges[:-1] + 1)


def _means(values: UInt8[np.ndarray, "*shape"], edges: Edges, *, axis: int) -> UInt8[np.ndarray, "*other"]:
    """The mean of the items of every cell, along one axis."""
    starts, stops = edges
    if (stops - starts == 1).all():
        return values.take(starts, axis=axis)
    sums = np.add.reduceat(values, starts, axis=axis, dtype=np.uint32)  # widens all of ``values``: keep them few
    shape = [1] * values.ndim
    shape[axis] = len(starts)
    n_items = (stops - starts).reshape(shape)
    means: UInt8[np.ndarray, "*other"] = ((sums + n_items // 2) // n_items).astype(np.uint8)
    return means


def _grey(density: Float64[np.ndarray, "*shape"], knee: float, white: float) -> UInt8[np.ndarray, "*shape"]:
    """Draw a density on a logarithmic scale that begins to bend at ``knee`` and is 255 at ``white``."""
    # Three times as fast as log1p, and a level of 1 of 255 is far above what 1 + x loses.
    level = np.log(density * (1.0 / knee) + 1.0)
    level *= 255 / np.log1p(white / knee)
    np.minimum(level, 255.0, out=level)
    grey: UInt8[np.ndarray, "*shape"] = np.rint(level, out=level).astype(np.uint8)
    return grey
