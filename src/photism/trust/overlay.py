"""Images laid over one another: the box of the first that the second shows, for many pairs at once.

Covers the search for that box (starting boxes, Gauss-Newton steps) and correlations of what both then show. Does not
cover when two images are copies: that is ``same_image``.

All images of a call are square and of one size n. A pair's result does not depend on the other pairs of the call but
in its last bits. Read images come with x before y: rows are gathered faster than columns, so both sides are gathered as
rows and the picture stays turned over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.ndimage import gaussian_filter, uniform_filter

__all__ = [
    "LEAST_OVERLAP",
    "Seen",
    "align",
    "best_starts",
    "correlations",
    "fine_detail",
    "levelled_detail",
    "read_boxes",
]

LEAST_OVERLAP = 0.4
"""Least share of both images that must show the same."""
START_PX = 16
"""Side of the images that starting boxes are tried on."""

_SHRUNK = 0.88  # where the search for a crop starts; it reaches about twice as far
_LEAST_SCALE = 0.6
_FARTHEST_STEP = 0.08
_LEAST_RISE = 2e-4  # of the correlation, for another step
_DETAIL_PX = 9
_NOISE_LEVELS = 2.0  # what a codec leaves in places without detail

Boxes = Float64[np.ndarray, "b 4"]
"""Scale and offset along x, then along y: where the second image's places lie in the first, in widths and heights."""


@dataclass(frozen=True, slots=True)
class Seen:
    """First images read where the second ones show them.

    Parameters
    ----------
    read : float64 (b, n, m, n)
        Pair, x, which of m images of the pair, y.
    x, y : bool (b, n)
        Which columns and rows of the second image the first one holds too.
    """

    read: Float64[np.ndarray, "b n m n"]
    x: Bool[np.ndarray, "b n"]
    y: Bool[np.ndarray, "b n"]

    @property
    def mask(self) -> Bool[np.ndarray, "b n n"]:
        """Pair, x, y: what both hold."""
        return np.asarray(self.x[:, :, None] & self.y[:, None, :], dtype=np.bool_)


def _places(
    side: int, scale: Float64[np.ndarray, " b"], offset: Float64[np.ndarray, " b"]
) -> tuple[Int64[np.ndarray, "b n"], Float64[np.ndarray, "b n"], Bool[np.ndarray, "b n"]]:
    """Where a side is read at shifted and scaled places: the pixel before, the share of the next, which exist."""
    centres = (np.arange(side) + 0.5) / side - 0.5
    places = (scale[:, None] * centres + offset[:, None] + 0.5) * side - 0.5
    inside = (places >= -0.5) & (places <= side - 0.5)
    places = places.clip(0.0, side - 1.0)
    before = np.minimum(places.astype(np.int64), side - 2)
    return before, places - before, inside


def read_boxes(images: Float64[np.ndarray, "p n m n"], which: Int64[np.ndarray, " b"], boxes: Boxes) -> Seen:
    """Read images at shifted and scaled places by linear interpolation.

    Parameters
    ----------
    images : float64 (p, n, m, n)
        Pair, y, which of m images of the pair, x.
    which : int64 (b,)
        The pairs to read.
    boxes : float64 (b, 4)
        Where.
    """
    side = images.shape[1]
    x, share_x, in_x = _places(side, boxes[:, 0], boxes[:, 1])
    y, share_y, in_y = _places(side, boxes[:, 2], boxes[:, 3])
    rows = _between(images, which, y, share_y)
    turned = np.ascontiguousarray(rows.transpose(0, 3, 2, 1))
    return Seen(_between(turned, np.arange(len(which)), x, share_x), in_x, in_y)


def _between(
    images: Float64[np.ndarray, "p n m n"],
    which: Int64[np.ndarray, " b"],
    before: Int64[np.ndarray, "b n"],
    share: Float64[np.ndarray, "b n"],
) -> Float64[np.ndarray, "b n m n"]:
    """Rows between two rows."""
    low: Float64[np.ndarray, "b n m n"] = images[which[:, None], before]
    high: Float64[np.ndarray, "b n m n"] = images[which[:, None], before + 1]
    high -= low
    high *= share[:, :, None, None]
    high += low
    return high


def correlations(
    one: Float64[np.ndarray, "b h w"], other: Float64[np.ndarray, "b h w"], mask: Bool[np.ndarray, "b h w"]
) -> Float64[np.ndarray, " b"]:
    """Pearson's correlation of two images where a mask is true; near 0 where one is constant.

    Parameters
    ----------
    one, other : float64 (b, h, w)
    mask : bool (b, h, w)
    """
    weight = mask.astype(np.float64)
    n_seen = weight.sum(axis=(1, 2))
    means = [np.einsum("bij,bij->b", each, weight) / n_seen for each in (one, other)]
    centred = [(each - mean[:, None, None]) * weight for each, mean in zip((one, other), means, strict=True)]
    power = np.einsum("bij,bij->b", centred[0], centred[0]) * np.einsum("bij,bij->b", centred[1], centred[1])
    return np.asarray(np.einsum("bij,bij->b", *centred) / np.sqrt(power + 1e-6), dtype=np.float64)


# ── the search for a box ─────────────────────────────────────────────────────────────────────────────


def _start_boxes() -> Float64[np.ndarray, "s 4"]:
    """The whole image, and crops of either one in the middle, at the edges and in the corners."""
    boxes = [(1.0, 0.0, 1.0, 0.0)]
    for scale in (_SHRUNK, 1.0 / _SHRUNK):
        edge = abs(1.0 - scale) / 2.0
        boxes += [(scale, x, scale, y) for x in (0.0, -edge, edge) for y in (0.0, -edge, edge)]
    return np.array(boxes)


def _readers(scale: Float64[np.ndarray, " s"], offset: Float64[np.ndarray, " s"]) -> Float64[np.ndarray, "s n n"]:
    """Matrices that read a side of ``START_PX``."""
    before, share, _ = _places(START_PX, scale, offset)
    return np.asarray(
        (1.0 - share)[:, :, None] * np.eye(START_PX)[before] + share[:, :, None] * np.eye(START_PX)[before + 1]
    )


_STARTS = _start_boxes()
_READ_X = np.ascontiguousarray(_readers(_STARTS[:, 0], _STARTS[:, 1]).transpose(0, 2, 1))
_READ_Y = _readers(_STARTS[:, 2], _STARTS[:, 3])
_SEEN = (
    _places(START_PX, _STARTS[:, 2], _STARTS[:, 3])[2][:, :, None]
    & _places(START_PX, _STARTS[:, 0], _STARTS[:, 1])[2][:, None, :]
).reshape(len(_STARTS), -1).astype(np.float64)  # fmt: skip
_N_SEEN = _SEEN.sum(axis=1)


def best_starts(
    first: Float64[np.ndarray, "b n n"], second: Float64[np.ndarray, "b n n"]
) -> tuple[Float64[np.ndarray, " b"], Boxes]:
    """Correlate the second images with every starting box of the first ones: the best correlation, and its box.

    Parameters
    ----------
    first, second : float64 (b, START_PX, START_PX)
    """
    read = (_READ_Y @ first[:, None] @ _READ_X).reshape(len(first), len(_STARTS), START_PX**2)
    read -= (np.einsum("bsi,si->bs", read, _SEEN) / _N_SEEN)[:, :, None]
    read *= _SEEN
    other = (second - second.mean(axis=(1, 2), keepdims=True)).reshape(len(second), START_PX**2)
    mean = other @ _SEEN.T / _N_SEEN
    power = np.einsum("bsi,bsi->bs", read, read) * ((other**2) @ _SEEN.T - _N_SEEN * mean**2).clip(0.0)
    scores = (read @ other[:, :, None])[:, :, 0] / np.sqrt(power + 1e-6)
    best = scores.argmax(axis=1)
    return scores[np.arange(len(best)), best], _STARTS[best]


def align(
    first: Float64[np.ndarray, "b n n"], second: Float64[np.ndarray, "b n n"], boxes: Boxes, n_steps: int
) -> tuple[Float64[np.ndarray, " b"], Boxes]:
    """Take Gauss-Newton steps from a box; return the best correlation on the way and its box, pair by pair.

    Parameters
    ----------
    first, second : float64 (b, n, n)
        Grey levels.
    boxes : float64 (b, 4)
        Where the steps begin.
    n_steps : int
        At most so many; a pair that rises no more takes fewer.
    """
    slope_y, slope_x = (slope * first.shape[1] for slope in np.gradient(first, axis=(1, 2)))
    images, wanted = np.stack([first, slope_x, slope_y], axis=2), np.ascontiguousarray(second.transpose(0, 2, 1))
    best, best_box = np.full(len(first), -2.0), boxes.copy()
    n_worse = np.zeros(len(first), np.int64)
    moving = np.arange(len(first))
    for step in range(n_steps + 1):
        seen = read_boxes(images if step < n_steps else images[:, :, :1], moving, boxes)  # slopes are for the next step
        enough = seen.x.mean(axis=1) * seen.y.mean(axis=1) >= LEAST_OVERLAP
        seen, moving, boxes = _only(seen, enough), moving[enough], boxes[enough]
        score = correlations(seen.read[:, :, 0], wanted[moving], seen.mask)
        rise = score - best[moving]
        best_box[moving[rise > 0.0]] = boxes[rise > 0.0]
        best[moving] = np.maximum(score, best[moving])
        n_worse[moving] += rise < _LEAST_RISE
        going = n_worse[moving] <= 1
        if step == n_steps or not going.any():
            break
        seen, moving, boxes = _only(seen, going), moving[going], boxes[going]
        found = _step(seen, wanted[moving])
        alike = found[:, 4] > 1e-3  # a negative's is below zero: these do not belong together
        moving, found, boxes = moving[alike], found[alike], boxes[alike]
        boxes = boxes + np.clip(found[:, :4] / found[:, 4:5], -_FARTHEST_STEP, _FARTHEST_STEP)
        boxes[:, [0, 2]] = boxes[:, [0, 2]].clip(_LEAST_SCALE, 1.0 / _LEAST_SCALE)
    return best, best_box


def _only(seen: Seen, kept: Bool[np.ndarray, " b"]) -> Seen:
    return seen if kept.all() else Seen(seen.read[kept], seen.x[kept], seen.y[kept])


def _step(seen: Seen, wanted: Float64[np.ndarray, "b n n"]) -> Float64[np.ndarray, "b 6"]:
    """Explain what is wanted by what is read, by its shifts and scales, and by a constant, in least squares."""
    n_pairs, side = len(wanted), wanted.shape[1]
    mask = seen.mask
    centres = (np.arange(side) + 0.5) / side - 0.5
    table = np.empty((n_pairs, 6, side, side))
    for place, image, along in ((0, 1, centres[:, None]), (2, 2, centres)):
        np.multiply(seen.read[:, :, image], mask, out=table[:, place + 1])
        np.multiply(table[:, place + 1], along, out=table[:, place])
    np.multiply(seen.read[:, :, 0], mask, out=table[:, 4])
    table[:, 5] = mask
    flat = table.reshape(n_pairs, 6, -1)
    ridge = 1e-6 * mask.sum(axis=(1, 2))[:, None, None] * np.eye(6)
    right = flat @ wanted.reshape(n_pairs, -1, 1)
    return np.asarray(np.linalg.solve(flat @ flat.transpose(0, 2, 1) + ridge, right)[:, :, 0], dtype=np.float64)


# ── detail ───────────────────────────────────────────────────────────────────────────────────────────


def fine_detail(images: Float64[np.ndarray, "b n n"]) -> Float64[np.ndarray, "b n n"]:
    """Take the neighbourhood's mean away, and the very finest, which interpolation and a codec change.

    Parameters
    ----------
    images : float64 (b, n, n)
    """
    soft = gaussian_filter(images, 0.7, truncate=3.0, axes=(1, 2))
    return np.asarray(soft - uniform_filter(soft, _DETAIL_PX, axes=(1, 2)), dtype=np.float64)


def levelled_detail(detail: Float64[np.ndarray, "b n n"]) -> Float64[np.ndarray, "b n n"]:
    """Divide detail by its strength in the neighbourhood, so that folds count like outlines.

    Parameters
    ----------
    detail : float64 (b, n, n)
        What ``fine_detail`` returned.
    """
    strength = np.sqrt(uniform_filter(detail**2, _DETAIL_PX, axes=(1, 2)) + _NOISE_LEVELS**2)
    return np.asarray(detail / strength, dtype=np.float64)
