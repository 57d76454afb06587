"""Are two image files copies of one another? Laid over each other, they must agree in the fine detail.

Covers copies that were re-encoded, resized (also to another shape), made brighter or darker or of another contrast,
and cropped to not less than about two thirds of each side. Does not cover mirrored and turned copies, copies with a
frame or writing laid over large parts, and montages; nor the search for the crop (``overlay``).

Two photographs of one thing on white agree in their outlines, and a plain correlation of their pixels is high. So the
comparison looks at what is left when the neighbourhood's mean is taken away, in the image as a whole and in each part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from jaxtyping import Bool, Float32, Float64, Int64, UInt8
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from photism.data.decode_image import decode_image
from photism.errors import DecodeError
from photism.trust.overlay import align, best_starts, correlations, fine_detail, levelled_detail, read_boxes
from photism.trust.shelf import Known

__all__ = [
    "FINGERPRINT_PX",
    "SameImage",
    "compare_images",
    "fingerprint_image",
    "same_image",
    "same_images",
    "thumbnail",
]

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

THUMBNAIL = np.dtype([("size_px", "<u4", 2), ("grey", "u1", (64, 64))])
"""What is kept of an image: width and height in the file, and 64 x 64 grey levels."""

_SIDES = (16, 32, 64)
_SOFT = (0.8, 0.6, 0.0)  # blur in pixels: places between pixels can then be read
_STEPS = (6, 4, 4)
_DECODED_PX = 128  # a JPEG may be decoded no smaller
_BLOCK_PX = 16
_BLANK_LEVELS = 0.5  # an image with less detail cannot be compared
_TELLING_LEVELS = 3.0  # detail that a codec of low quality leaves alone
_SAME_AREA, _SAME_LEVEL = 0.97, 0.04


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


@lru_cache(maxsize=128)
def thumbnail(path: Path) -> NDArray[Any]:
    """Decode an image and shrink it to what comparisons look at (run in a worker).

    Parameters
    ----------
    path : Path
        An image file.

    Returns
    -------
    THUMBNAIL ()
        One record.

    Raises
    ------
    DecodeError
        If the file cannot be read.
    """
    image = decode_image(path, min_side_px=_DECODED_PX)
    height, width, _ = image.pixels.shape
    whole = PIL.Image.fromarray(image.pixels).convert("L")
    small = whole.resize((_SIDES[-1], _SIDES[-1]), PIL.Image.Resampling.LANCZOS, reducing_gap=3.0)
    return np.array((image.original_px or (width, height), np.asarray(small)), dtype=THUMBNAIL)


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
    coarse = _level(thumbnail(path)["grey"][None], 0)
    values = (coarse - coarse.mean()).ravel()
    found = np.zeros_like(values) if _blank(coarse)[0] else values / np.linalg.norm(values)
    return np.asarray(found, dtype=np.float32)


def same_image(first: Path, second: Path) -> tuple[float, str] | None:
    """Compare two image files: similarity and what was done to one of them, None where they are no copies.

    Parameters
    ----------
    first, second : Path
        Image files; one that cannot be read is no copy.
    """
    return same_images([(Known(first), Known(second))])[0]


def same_images(pairs: Sequence[tuple[Known, Known]]) -> list[tuple[float, str] | None]:
    """Compare pairs of image files as ``same_image`` does, many at once (run in a worker).

    Parameters
    ----------
    pairs : sequence of (Known, Known)
        Where a thumbnail was kept, the file is not opened.
    """
    answers: list[tuple[float, str] | None] = [None] * len(pairs)
    read = {i: both for i, pair in enumerate(pairs) if (both := _thumbnails(*pair)) is not None}
    if not read:
        return answers
    ones, others = (np.stack(side) for side in zip(*read.values(), strict=True))
    for i, one, other, found in zip(read, ones, others, compare_images(ones["grey"], others["grey"]), strict=True):
        if found is None or found.worst < LEAST_WORST:
            continue
        sizes = [(int(side["size_px"][0]), int(side["size_px"][1])) for side in (one, other)]
        if found.levelled >= LEAST_LEVELLED[min(*sizes[0], *sizes[1]) < SMALL_PX]:
            answers[i] = min(found.similarity, 1.0), _in_words(found, *sizes)
    return answers


def _thumbnails(first: Known, second: Known) -> tuple[NDArray[Any], NDArray[Any]] | None:
    try:
        one, other = (each.place.read() if each.place is not None else thumbnail(each.path) for each in (first, second))
    except DecodeError:
        return None
    return one, other


def compare_images(first: UInt8[np.ndarray, "b 64 64"], second: UInt8[np.ndarray, "b 64 64"]) -> list[SameImage | None]:
    """Lay images over one another and correlate their fine detail, pair by pair.

    Parameters
    ----------
    first, second : uint8 (b, 64, 64)
        Grey levels, as ``thumbnail`` gives them.

    Returns
    -------
    list of SameImage or None
        None where two are too unlike to be laid over each other, hold no detail, or agree in it less than
        ``LEAST_DETAIL``.

    Notes
    -----
    Scale and offset along both sides, contrast and brightness are fitted by Gauss-Newton steps from the coarsest size
    to the finest, starting from nineteen boxes. This is the alignment of [1]_ restricted to crops.

    References
    ----------
    .. [1] Evangelidis, G. D., & Psarakis, E. Z. (2008). Parametric image alignment using enhanced correlation
       coefficient maximization. IEEE TPAMI, 30(10), 1858-1865. https://doi.org/10.1109/TPAMI.2008.113
    """
    found: list[SameImage | None] = [None] * len(first)
    left, boxes = _coarse_boxes(_level(first, 0), _level(second, 0))
    for size, least in ((1, LEAST_MIDDLE), (2, LEAST_DETAIL)):
        if not len(left):
            return found
        one, other = _level(first[left], size), _level(second[left], size)
        _, boxes = align(one, other, boxes, _STEPS[size])
        laid = _lay(one, other, boxes)
        agreed = laid.similarity >= least
        left, boxes, laid = left[agreed], boxes[agreed], laid.only(agreed)
    for place, i in enumerate(left.tolist()):
        found[i] = _judge(laid, place, boxes[place])
    return found


def _shrinking(n: int, soft: float) -> Float64[np.ndarray, "n 64"]:
    """The matrix that shrinks a side of 64 to n by means and blurs it a little."""
    means = np.repeat(np.eye(n), 64 // n, axis=1) * (n / 64)
    return gaussian_filter1d(means, soft, axis=0, mode="nearest") if soft else means


_SHRINKING = [_shrinking(n, soft) for n, soft in zip(_SIDES, _SOFT, strict=True)]


def _level(grey: UInt8[np.ndarray, "b 64 64"], size: int) -> Float64[np.ndarray, "b n n"]:
    """Shrink thumbnails to one of ``_SIDES``."""
    shrinking = _SHRINKING[size]
    whole = grey.astype(np.float64)
    return whole if len(shrinking) == 64 else shrinking @ whole @ shrinking.T


def _blank(images: Float64[np.ndarray, "b n n"]) -> Bool[np.ndarray, " b"]:
    return np.asarray(images.std(axis=(1, 2)) <= _BLANK_LEVELS, dtype=np.bool_)


def _coarse_boxes(
    first: Float64[np.ndarray, "b 16 16"], second: Float64[np.ndarray, "b 16 16"]
) -> tuple[Int64[np.ndarray, " c"], Float64[np.ndarray, "c 4"]]:
    """Align from the best starting box, or else from the whole image: the pairs where either fits, and the boxes."""
    scores, boxes = best_starts(first, second)
    left = np.flatnonzero((scores >= LEAST_COARSE[0]) & ~_blank(first) & ~_blank(second))
    score, best = align(first[left], second[left], boxes[left], _STEPS[0])
    again = np.flatnonzero(score < LEAST_COARSE[1])
    whole = np.tile([1.0, 0.0, 1.0, 0.0], (len(again), 1))
    score[again], best[again] = align(first[left[again]], second[left[again]], whole, _STEPS[0])
    fits = score >= LEAST_COARSE[1]
    return left[fits], best[fits]


@dataclass(frozen=True, slots=True)
class _Laid:
    """Images laid over one another, x before y: what both hold, its fine detail, and how that correlates."""

    read: Float64[np.ndarray, "b n n"]
    wanted: Float64[np.ndarray, "b n n"]
    mask: Bool[np.ndarray, "b n n"]
    details: tuple[Float64[np.ndarray, "b n n"], Float64[np.ndarray, "b n n"]]
    similarity: Float64[np.ndarray, " b"]

    def only(self, kept: Bool[np.ndarray, " b"]) -> _Laid:
        """Keep some pairs."""
        details = self.details[0][kept], self.details[1][kept]
        return _Laid(self.read[kept], self.wanted[kept], self.mask[kept], details, self.similarity[kept])


def _lay(
    first: Float64[np.ndarray, "b n n"], second: Float64[np.ndarray, "b n n"], boxes: Float64[np.ndarray, "b 4"]
) -> _Laid:
    """Correlate the fine detail of aligned images; -1 where there is none."""
    seen = read_boxes(first[:, :, None], np.arange(len(first)), boxes)
    read, wanted, mask = seen.read[:, :, 0], second.transpose(0, 2, 1), seen.mask
    details = fine_detail(read), fine_detail(wanted)
    similarity = correlations(*details, mask)
    for detail in details:
        similarity[detail.std(axis=(1, 2), where=mask) < _BLANK_LEVELS] = -1.0
    return _Laid(read, wanted, mask, details, similarity)


def _judge(laid: _Laid, i: int, box: Float64[np.ndarray, 4]) -> SameImage:
    """Compare one pair part by part, and its levels."""
    mask = laid.mask[i]
    seen = np.ix_(mask.any(axis=1), mask.any(axis=0))
    one, two = (detail[i][seen] for detail in laid.details)
    levelled = [levelled_detail(detail[i : i + 1])[0][seen] for detail in laid.details]
    similarity = float(laid.similarity[i])
    parts = []
    for x in range(0, one.shape[0] - _BLOCK_PX // 2, _BLOCK_PX):
        for y in range(0, one.shape[1] - _BLOCK_PX // 2, _BLOCK_PX):
            part = (slice(x, x + _BLOCK_PX), slice(y, y + _BLOCK_PX))
            if max(one[part].std(), two[part].std()) > _TELLING_LEVELS:
                parts.append(_correlation(one[part], two[part]))
    read, wanted = laid.read[i][seen], laid.wanted[i][seen]
    gain, lift = float(wanted.std() / max(read.std(), 1e-9)), float(wanted.mean() - read.mean())
    return SameImage(similarity, _correlation(*levelled), min(parts, default=similarity), box, gain, lift)


def _correlation(one: Float64[np.ndarray, "h w"], other: Float64[np.ndarray, "h w"]) -> float:
    return float(correlations(one[None], other[None], np.ones((1, *one.shape), dtype=np.bool_))[0])


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
