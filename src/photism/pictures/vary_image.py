"""Variations of photographs: another crop, the other side, another light, one mild distortion.

Covers geometry and colour of 8-bit images. Turned and sheared images are continued by their own mirror image, so that
no black corner tells a varied picture from a plain one, and small images are enlarged before anything is interpolated.
Does not cover mixing of several images, nor what comes after rendering.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Float64, UInt8
from PIL import Image as PillowImage
from PIL import ImageEnhance, ImageOps

from photism.pictures.image import DEFAULTS, INTERPOLATIONS, REDUCING_GAP
from photism.pictures.view import Op, apply_ops
from photism.types import Image

__all__ = ["DEFAULT_OPS", "OPS", "vary"]

CROP_AREA = (0.5, 1.0)
CROP_STRETCH = 4.0 / 3.0
JITTER = 0.3  # brightness, contrast and saturation are multiplied by 0.7 to 1.3
HUE_TURN = 0.03  # of a full turn, either way

# Where a crop is interpolated once more by the renderer, it first gets as many pixels as a picture has, but not more
# than pictures ever show, and no more than four for one: finer steps would cost time for what no file holds.
ENOUGH_PX, MOST_PX, MOST_ENLARGED = 224, 1024, 4.0
RESAMPLE = INTERPOLATIONS[str(DEFAULTS["interpolation"])]

ROTATION_DEGREES, SHEAR, TRANSLATION = 15.0, 0.2, 0.1
STRONG = 0.6  # colours of the one distortion: 0.4 to 1.6

LUMA = np.array([0.299, 0.587, 0.114])  # Rec. 601, as Pillow's own greyscale
YIQ = np.array([LUMA, [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])

Matrix = Float64[np.ndarray, "2 2"]


def vary(signal: Image, rng: np.random.Generator, ops: Sequence[str] | None = None) -> Image:
    """Vary a photograph.

    Parameters
    ----------
    signal
        uint8 (h, w, 3) sRGB, any size from 1 x 1. It is left as it is.
    rng
        Where every choice comes from.
    ops
        Names from ``OPS``, applied in order, each with its probability; by default ``DEFAULT_OPS``.

    Returns
    -------
    Image
        uint8 (h, w, 3) of the same aspect. ``original_px`` stays the size of the whole image, so that sides of the
        picture are as long as those of the plain one.

    Raises
    ------
    OptionError
        A name is not in ``OPS``.

    References
    ----------
    C. Szegedy et al., Going deeper with convolutions, arXiv 1409.4842 (random resized crop). S. Müller and F. Hutter,
    TrivialAugment: tuning-free yet state-of-the-art data augmentation, ICCV 2021, arXiv 2103.10158 (one random
    operation of random strength).

    Examples
    --------
    >>> grey = Image(np.full((2, 2, 3), 128, np.uint8))
    >>> vary(grey, np.random.default_rng(0), ("crop", "flip")).pixels.mean()
    np.float64(128.0)
    """
    return apply_ops(signal, rng, OPS, DEFAULT_OPS if ops is None else ops)


# ── operations ───────────────────────────────────────────────────────────────────────────────────────


def _crop(signal: Image, rng: np.random.Generator) -> Image:
    """Keep a box of 50 to 100 % of the area, stretched by 3/4 to 4/3, at the image's own aspect.

    The box is stretched to the aspect that the whole image has, and not to a square: what the renderer crops or pads
    stays what it crops or pads of the plain image.
    """
    height, width = signal.pixels.shape[:2]
    area = rng.uniform(*CROP_AREA)
    most = min(math.log(CROP_STRETCH), -math.log(area))  # more than that would reach over the edge
    stretch = math.exp(rng.uniform(-most, most))
    w, h = min(width, width * math.sqrt(area * stretch)), min(height, height * math.sqrt(area / stretch))
    left, top = rng.uniform(0.0, width - w), rng.uniform(0.0, height - h)
    box = (left, top, min(left + w, width), min(top + h, height))
    return _resized(signal, box)


def _flip(signal: Image, rng: np.random.Generator) -> Image:  # noqa: ARG001 (every op is called alike)
    """Swap left and right."""
    return Image(np.ascontiguousarray(signal.pixels[:, ::-1]), signal.original_px)


def _jitter(signal: Image, rng: np.random.Generator) -> Image:
    """Change brightness, contrast, saturation and, by a little, hue."""
    brightness, contrast, saturation = rng.uniform(1.0 - JITTER, 1.0 + JITTER, 3)
    return _coloured(signal, brightness, contrast, saturation, rng.uniform(-HUE_TURN, HUE_TURN))


def _trivial(signal: Image, rng: np.random.Generator) -> Image:
    """Apply one operation of the list below, drawn evenly, with a strength drawn evenly."""
    distort = TRIVIAL[int(rng.integers(len(TRIVIAL)))]
    return distort(signal, rng.uniform(-1.0, 1.0))


# ── the operations that one is drawn from: image and strength in [-1, 1] ─────────────────────────────


def _rotate(signal: Image, strength: float) -> Image:
    angle = math.radians(ROTATION_DEGREES * strength)
    return _warped(signal, np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]))


def _shear_x(signal: Image, strength: float) -> Image:
    return _warped(signal, np.array([[1.0, SHEAR * strength], [0.0, 1.0]]))


def _shear_y(signal: Image, strength: float) -> Image:
    return _warped(signal, np.array([[1.0, 0.0], [SHEAR * strength, 1.0]]))


def _translate_x(signal: Image, strength: float) -> Image:
    return _warped(signal, np.eye(2), across=TRANSLATION * strength)


def _translate_y(signal: Image, strength: float) -> Image:
    return _warped(signal, np.eye(2), down=TRANSLATION * strength)


def _identity(signal: Image, strength: float) -> Image:  # noqa: ARG001 (every operation is called alike)
    return signal


def _brightness(signal: Image, strength: float) -> Image:
    return _coloured(signal, 1.0 + STRONG * strength, 1.0, 1.0, 0.0)


def _contrast(signal: Image, strength: float) -> Image:
    return _coloured(signal, 1.0, 1.0 + STRONG * strength, 1.0, 0.0)


def _saturation(signal: Image, strength: float) -> Image:
    return _coloured(signal, 1.0, 1.0, 1.0 + STRONG * strength, 0.0)


def _sharpness(signal: Image, strength: float) -> Image:
    return _image(ImageEnhance.Sharpness(_pillow(signal)).enhance(1.0 + 1.5 * STRONG * strength), signal)


def _posterize(signal: Image, strength: float) -> Image:
    return _image(ImageOps.posterize(_pillow(signal), 8 - round(4 * abs(strength))), signal)


def _solarize(signal: Image, strength: float) -> Image:
    return _image(ImageOps.solarize(_pillow(signal), 256 - round(96 * abs(strength))), signal)


def _autocontrast(signal: Image, strength: float) -> Image:  # noqa: ARG001 (every operation is called alike)
    return _image(ImageOps.autocontrast(_pillow(signal)), signal)


def _equalize(signal: Image, strength: float) -> Image:  # noqa: ARG001 (every operation is called alike)
    return _image(ImageOps.equalize(_pillow(signal)), signal)


TRIVIAL: tuple[Callable[[Image, float], Image], ...] = (
    _identity,
    _rotate,
    _shear_x,
    _shear_y,
    _translate_x,
    _translate_y,
    _brightness,
    _contrast,
    _saturation,
    _sharpness,
    _posterize,
    _solarize,
    _autocontrast,
    _equalize,
)


# ── pixels ───────────────────────────────────────────────────────────────────────────────────────────


def _coloured(signal: Image, brightness: float, contrast: float, saturation: float, hue_turn: float) -> Image:
    """Change colours by one matrix, so that rounding and clipping happen once; factors of 1 and a turn of 0 do nothing.

    Contrast is told from the image's mean grey, saturation from each pixel's grey; hue turns the plane of I and Q.
    """
    angle = 2.0 * math.pi * hue_turn
    turn = np.eye(3)
    turn[1:, 1:] = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    colour = np.linalg.solve(YIQ, turn @ YIQ) @ (saturation * np.eye(3) + (1.0 - saturation) * LUMA)
    picture = _pillow(signal)
    grey = float(np.asarray(picture.convert("L")).mean())
    rows = np.column_stack((brightness * contrast * colour, np.full(3, brightness * (1.0 - contrast) * grey)))
    return _image(picture.convert("RGB", tuple(rows.reshape(-1).tolist())), signal)


def _warped(signal: Image, matrix: Matrix, *, across: float = 0.0, down: float = 0.0) -> Image:
    """Look at the image through a matrix about its centre, and moved by shares of its sides.

    Beyond the image's edges is its mirror image.
    """
    height, width = signal.pixels.shape[:2]
    if _scale(signal) > 1.0:
        signal = _resized(signal, (0.0, 0.0, width, height))
        height, width = signal.pixels.shape[:2]
    size = np.array([width, height])
    centre = size / 2.0
    offset = centre - matrix @ centre + size * (across, down)
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) @ matrix.T + offset
    over = np.ceil(np.maximum(0.0, np.maximum(-corners, corners - size).max(axis=0))).astype(int) + 2
    padded = np.pad(signal.pixels, ((over[1], over[1]), (over[0], over[0]), (0, 0)), mode="symmetric")
    # Pillow asks where in the padded image each pixel of the new one comes from.
    rows = np.column_stack((matrix, offset + over))
    picture = PillowImage.fromarray(padded)
    fitting = PillowImage.Transform.AFFINE
    return _image(picture.transform((width, height), fitting, tuple(rows.reshape(-1).tolist()), RESAMPLE), signal)


def _resized(signal: Image, box: tuple[float, float, float, float]) -> Image:
    """Stretch a box of the image over the whole of it, with as many pixels as a picture needs."""
    height, width = signal.pixels.shape[:2]
    scale = _scale(signal)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return _image(_pillow(signal).resize(size, RESAMPLE, box=box, reducing_gap=REDUCING_GAP), signal)


def _scale(signal: Image) -> float:
    """How much larger or smaller an image is interpolated; a long thin one is not made longer than 1024 px."""
    shorter, longer = sorted(map(int, signal.pixels.shape[:2]))
    if shorter < ENOUGH_PX:
        finest = MOST_ENLARGED * min(signal.original_px or (shorter, longer))  # it may have been enlarged before
        return max(1.0, min(ENOUGH_PX / shorter, finest / shorter, MOST_PX / longer))
    return min(1.0, MOST_PX / shorter)


def _pillow(signal: Image) -> PillowImage.Image:
    return PillowImage.fromarray(np.ascontiguousarray(signal.pixels))


def _image(picture: PillowImage.Image, like: Image) -> Image:
    """Take pixels back from Pillow; the file's own size is remembered where the number of pixels changed."""
    pixels: UInt8[np.ndarray, "h w 3"] = np.array(picture, np.uint8)
    height, width = like.pixels.shape[:2]
    same = like.original_px is None and pixels.shape == like.pixels.shape
    return Image(pixels, None if same else like.original_px or (width, height))


OPS: Mapping[str, Op[Image]] = {
    "crop": Op(_crop, 1.0),
    "flip": Op(_flip, 0.5),
    "jitter": Op(_jitter, 0.8),
    "trivial": Op(_trivial, 1.0),
}
"""Every variation of photographs, with its probability."""

DEFAULT_OPS = ("crop", "flip", "jitter", "trivial")
"""What is applied, in this order, where nothing is named; ``--vary=-flip`` where left and right mean something."""
