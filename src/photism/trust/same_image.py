"""Are two image files copies of one another? Laid over each other, they must agree in the fine detail.

Covers copies that were re-encoded, resized (also to another shape), made brighter or darker or of another contrast,
and cropped to not less than about two thirds of each side. Does not cover mirrored and turned copies, copies with a
frame or writing laid over large parts, and montages.

Two photographs of one thing on white agree in their outlines, and a plain correlation of their pixels is high. So the
comparison looks at what is left when the neighbourhood's mean is taken away, in the image as a whole and in each part.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import PIL.Image
from jaxtyping import Bool, Float32, Float64
from scipy.ndimage import gaussian_filter, uniform_filter

from photism.data.decode_image import decode_image
from photism.errors import DecodeError

__all__ = ["FINGERPRINT_PX", "SameImage", "alike", "compare_images", "fingerprint_image", "same_image"]

FINGERPRINT_PX = 16
"""Side of the grey thumbnail that candidates are looked for with."""

LEAST_DETAIL = 0.94
"""Least correlation of the fine detail. Different photographs of one shirt on one floor reach 0.91, copies 0.98."""
LEAST_WORST = 0.35
"""The same for the worst part of the image that holds detail: another thing of the same outline fails here."""
LEAST_LEVELLED = (0.9, 0.75)
"""Least correlation of the detail levelled, so that folds count like outlines; the second for images with a side below
``SMALL_PX``, which hold no finer detail. Two shirts of one cut reach 0.84, planted copies 0.98, those of CIFAR-10 0.79.
"""
SMALL_PX = 64
LEAST_COARSE = (0.6, 0.9)
"""Least correlation of the greys at 16 x 16, before and after the first alignment: most candidates end here."""
LEAST_MIDDLE = 0.75
"""Least correlation of the fine detail at 32 x 32."""
LEAST_OVERLAP = 0.4
"""Least share of both images that must show the same."""

_SIDES = (16, 32, 64)
_SOFT = (0.8, 0.6, 0.0)  # blur in pixels: places between pixels can then be read
_STEPS = (6, 4, 4)
_DECODED_PX = 128  # a JPEG may be decoded no smaller
_SHRUNK = 0.88  # where the search for a crop starts; it reaches about twice as far
_LEAST_SCALE = 0.6
_FARTHEST_STEP = 0.08
_LEAST_RISE = 2e-4  # of the correlation, for another step
_DETAIL_PX, _BLOCK_PX = 9, 16
_BLANK_LEVELS = 0.5  # an image with less detail cannot be compared
_NOISE_LEVELS = 2.0  # what a codec leaves in places without detail
_TELLING_LEVELS = 3.0  # detail that a codec of low quality leaves alone
_SAME_AREA, _SAME_LEVEL = 0.97, 0.04

Box = Float64[np.ndarray, "4"]
"""Scale and offset along x, then along y: where the second image's places lie in the first, in widths and heights."""


@dataclass(frozen=True, slots=True)
class Grey:
    """An image reduced to grey levels at three sizes, with the size that it had in the file (width, height)."""

    levels: tuple[Float64[np.ndarray, "_ _"], ...]
    size_px: tuple[int, int]


@dataclass(frozen=True, slots=True)
class SameImage:
    """What two images laid over each other show.

    Parameters
    ----------
    similarity : float
        Correlation of the fine detail, -1 to 1.
    levelled : float
        The same after division by the detail's strength in the neighbourhood.
    worst : float
        Correlation of the fine detail in the part where it is worst, of those parts that hold detail.
    box : float64 (4,)
        Scale and offset along x, then y: the part of the first image that the second one shows.
    gain : float
        The second image's contrast over the first one's.
    lift : float
        Grey levels that the second image is brighter.
    """

    similarity: float
    levelled: float
    worst: float
    box: Float64[np.ndarray, 4]
    gain: float
    lift: float


def fingerprint_image(path: Path) -> Float32[np.ndarray, " d"]:
    """Shrink an image to a grey thumbnail of mean 0 and length 1 (run in a worker).

    Parameters
    ----------
    path : Path
        An image file.

    Returns
    -------
    float32 (FINGERPRINT_PX ** 2,)
        Their inner product is the correlation of two images; zeros for a blank one.

    Raises
    ------
    DecodeError
        If the file cannot be read.
    """
    coarse = _grey(path).levels[0]
    values = (coarse - coarse.mean()).ravel()
    length = float(np.linalg.norm(values))
    found = values / length if length > FINGERPRINT_PX * _BLANK_LEVELS else np.zeros_like(values)
    return np.asarray(found, dtype=np.float32)


def same_image(first: Path, second: Path) -> tuple[float, str] | None:
    """Compare two image files: similarity and what was done to one of them, None where they are no copies.

    Parameters
    ----------
    first, second : Path
        Image files; one that cannot be read is no copy.
    """
    try:
        one, other = _grey(first), _grey(second)
    except DecodeError:
        return None
    found = compare_images(one, other)
    if found is None or found.similarity < LEAST_DETAIL or found.worst < LEAST_WORST:
        return None
    if found.levelled < LEAST_LEVELLED[min(*one.size_px, *other.size_px) < SMALL_PX]:
        return None
    return min(found.similarity, 1.0), _in_words(found, one.size_px, other.size_px)


def compare_images(one: Grey, other: Grey) -> SameImage | None:
    """Lay one image over the other and correlate their fine detail.

    Parameters
    ----------
    one, other : Grey

    Returns
    -------
    SameImage or None
        None where they are too unlike to be laid over each other, or hold no detail.

    Notes
    -----
    Scale and offset along both sides, contrast and brightness are fitted by Gauss-Newton steps from the coarsest size
    to the finest, starting from nineteen boxes. This is the alignment of [1]_ restricted to crops.

    References
    ----------
    .. [1] Evangelidis, G. D., & Psarakis, E. Z. (2008). Parametric image alignment using enhanced correlation
       coefficient maximization. IEEE TPAMI, 30(10), 1858-1865. https://doi.org/10.1109/TPAMI.2008.113
    """
    box = _coarse_box(one.levels[0], other.levels[0])
    if box is None:
        return None
    _, box = _align(one.levels[1], other.levels[1], box, _STEPS[1])
    found = _agreement(one.levels[1], other.levels[1], box)
    if found is None or found.similarity < LEAST_MIDDLE:
        return None
    _, box = _align(one.levels[2], other.levels[2], box, _STEPS[2])
    return _agreement(one.levels[2], other.levels[2], box)


def alike(first: Float32[np.ndarray, " d"], second: Float32[np.ndarray, " d"]) -> bool:
    """Tell from two fingerprints alone whether it is worth while to decode and compare two images.

    Parameters
    ----------
    first, second : float32 (FINGERPRINT_PX ** 2,)
        What ``fingerprint_image`` returned.
    """
    shape = (FINGERPRINT_PX, FINGERPRINT_PX)
    one, other = (255.0 * each.astype(np.float64).reshape(shape) for each in (first, second))
    return _coarse_box(one, other) is not None


def _coarse_box(first: Float64[np.ndarray, "n n"], second: Float64[np.ndarray, "n n"]) -> Box | None:
    """Align two thumbnails from the best starting box, or else from the whole image; None where neither fits."""
    scores = _start_scores(first, second)
    best = int(np.argmax(scores))
    if scores[best] < LEAST_COARSE[0]:
        return None
    for start in dict.fromkeys([best, 0]):
        score, box = _align(first, second, _STARTS[start], _STEPS[0])
        if score >= LEAST_COARSE[1]:
            return box
    return None


@lru_cache(maxsize=128)
def _grey(path: Path) -> Grey:
    """Decode a file; kept for the pairs that follow, which mostly share their first file."""
    image = decode_image(path, min_side_px=_DECODED_PX)
    height, width, _ = image.pixels.shape
    side = _SIDES[-1]
    whole = PIL.Image.fromarray(image.pixels).convert("L")
    small = whole.resize((side, side), PIL.Image.Resampling.LANCZOS, reducing_gap=3.0)
    grey = np.asarray(small, dtype=np.float64)
    means = [grey.reshape(n, side // n, n, side // n).mean(axis=(1, 3)) for n in _SIDES]
    levels = tuple(
        gaussian_filter(mean, soft, mode="nearest") if soft else mean for mean, soft in zip(means, _SOFT, strict=True)
    )
    return Grey(levels, image.original_px or (width, height))


# ── laying one over the other ────────────────────────────────────────────────────────────────────────


def _reader(side: int, scale: float, offset: float) -> tuple[Float64[np.ndarray, "n n"], Bool[np.ndarray, " n"]]:
    """The matrix that reads a side at shifted and scaled places by linear interpolation, and which places exist."""
    centres = (np.arange(side) + 0.5) / side - 0.5
    places = (scale * centres + offset + 0.5) * side - 0.5
    inside = (places >= -0.5) & (places <= side - 0.5)
    places = places.clip(0.0, side - 1.0)
    left = np.minimum(places.astype(np.int64), side - 2)
    matrix = np.zeros((side, side))
    rows = np.arange(side)
    matrix[rows, left] = 1.0 - (places - left)
    matrix[rows, left + 1] = places - left
    return matrix, inside


def _start_boxes() -> list[Float64[np.ndarray, 4]]:
    """The whole image, and crops of either one in the middle, at the edges and in the corners."""
    boxes = [np.array([1.0, 0.0, 1.0, 0.0])]
    for scale in (_SHRUNK, 1.0 / _SHRUNK):
        edge = abs(1.0 - scale) / 2.0
        boxes += [np.array([scale, x, scale, y]) for x in (0.0, -edge, edge) for y in (0.0, -edge, edge)]
    return boxes


_STARTS = _start_boxes()
_START_X = [_reader(_SIDES[0], box[0], box[1]) for box in _STARTS]
_START_Y = [_reader(_SIDES[0], box[2], box[3]) for box in _STARTS]
_READ_X = np.stack([matrix.T for matrix, _ in _START_X])
_READ_Y = np.stack([matrix for matrix, _ in _START_Y])
_SEEN = np.stack([np.outer(y, x) for (_, x), (_, y) in zip(_START_X, _START_Y, strict=True)]).astype(np.float64)


def _start_scores(first: Float64[np.ndarray, "n n"], second: Float64[np.ndarray, "n n"]) -> Float64[np.ndarray, " s"]:
    """Correlate the second image with every starting box of the first."""
    n_seen = _SEEN.sum(axis=(1, 2))
    read = _READ_Y @ first @ _READ_X
    one = (read - ((read * _SEEN).sum(axis=(1, 2)) / n_seen)[:, None, None]) * _SEEN
    two = (second - ((second * _SEEN).sum(axis=(1, 2)) / n_seen)[:, None, None]) * _SEEN
    power = (one**2).sum(axis=(1, 2)) * (two**2).sum(axis=(1, 2))
    return np.asarray((one * two).sum(axis=(1, 2)) / np.sqrt(power + 1e-6), dtype=np.float64)


def _align(
    first: Float64[np.ndarray, "n n"], second: Float64[np.ndarray, "n n"], box: Box, n_steps: int
) -> tuple[float, Box]:
    """Take Gauss-Newton steps from a box; return the best correlation on the way and its box."""
    side = len(first)
    centres = (np.arange(side) + 0.5) / side - 0.5
    slope_y, slope_x = (slope * side for slope in np.gradient(first))
    best, best_box, n_worse = -2.0, box, 0
    for step in range(n_steps + 1):
        (read_x, in_x), (read_y, in_y) = _reader(side, box[0], box[1]), _reader(side, box[2], box[3])
        if in_x.mean() * in_y.mean() < LEAST_OVERLAP:
            break
        seen = np.ix_(in_y, in_x)
        read, wanted = (read_y @ first @ read_x.T)[seen], second[seen]
        score = _correlation(read, wanted)
        rise = score - best
        if rise > 0.0:
            best, best_box = score, box
        n_worse += rise < _LEAST_RISE
        if step == n_steps or n_worse > 1:
            break
        along_x, along_y = (read_y @ slope_x @ read_x.T)[seen], (read_y @ slope_y @ read_x.T)[seen]
        turns = (along_x * centres[in_x], along_x, along_y * centres[in_y][:, None], along_y, read, np.ones_like(read))
        table = np.stack([turn.ravel() for turn in turns])
        ridge = 1e-6 * table.shape[1] * np.eye(6)
        found = np.linalg.solve(table @ table.T + ridge, table @ wanted.ravel())
        if found[4] <= 1e-3:  # a negative: these do not belong together
            break
        box = box + np.clip(found[:4] / found[4], -_FARTHEST_STEP, _FARTHEST_STEP)
        box[[0, 2]] = box[[0, 2]].clip(_LEAST_SCALE, 1.0 / _LEAST_SCALE)
    return best, best_box


def _agreement(first: Float64[np.ndarray, "n n"], second: Float64[np.ndarray, "n n"], box: Box) -> SameImage | None:
    """Correlate the fine detail of two aligned images, whole and part by part."""
    side = len(first)
    (read_x, in_x), (read_y, in_y) = _reader(side, box[0], box[1]), _reader(side, box[2], box[3])
    seen = np.ix_(in_y, in_x)
    read = read_y @ first @ read_x.T
    details, levelled = [], []
    for image in (read, second):  # what interpolation and a codec do to the very finest is taken from both
        soft = gaussian_filter(image, 0.7, truncate=3.0)
        detail = soft - uniform_filter(soft, _DETAIL_PX)
        strength = np.sqrt(uniform_filter(detail**2, _DETAIL_PX) + _NOISE_LEVELS**2)
        details.append(detail[seen])
        levelled.append((detail / strength)[seen])
    one, two = details
    if min(one.std(), two.std()) < _BLANK_LEVELS:
        return None
    parts = []
    for y in range(0, one.shape[0] - _BLOCK_PX // 2, _BLOCK_PX):
        for x in range(0, one.shape[1] - _BLOCK_PX // 2, _BLOCK_PX):
            part = (slice(y, y + _BLOCK_PX), slice(x, x + _BLOCK_PX))
            if max(one[part].std(), two[part].std()) > _TELLING_LEVELS:
                parts.append(_correlation(one[part], two[part]))
    similarity = _correlation(one, two)
    gain = float(second[seen].std() / max(read[seen].std(), 1e-9))
    lift = float(second[seen].mean() - read[seen].mean())
    return SameImage(similarity, _correlation(*levelled), min(parts, default=similarity), box, gain, lift)


def _correlation(one: Float64[np.ndarray, "h w"], other: Float64[np.ndarray, "h w"]) -> float:
    """Pearson's correlation; near 0 where one is constant."""
    one, other = one - one.mean(), other - other.mean()
    return float((one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum() + 1e-6))


def _in_words(found: SameImage, first_px: tuple[int, int], second_px: tuple[int, int]) -> str:
    """Say what was done to one of two images."""
    shown = [min(scale, 1.0 / scale) for scale in found.box[[0, 2]].tolist()]
    said = []
    if shown[0] * shown[1] < _SAME_AREA:
        said.append(f"cropped to {100 * shown[0] * shown[1]:.0f} % of the area")
    sizes = [b / (a * scale) for a, b, scale in zip(first_px, second_px, found.box[[0, 2]].tolist(), strict=True)]
    if any(abs(size - 1.0) > 1.0 - _SAME_AREA for size in sizes):
        said.append("resized")
    if abs(found.gain - 1.0) > _SAME_LEVEL or abs(found.lift) > 255 * _SAME_LEVEL:
        said.append("of another brightness or contrast")
    return ", ".join(said) or "re-encoded"
