"""Image files: recognised by their first bytes, decoded to upright sRGB pixels over white.

Covered: PNG, JPEG (and the multi-picture form of telephones), GIF, BMP, TIFF, WebP, PNM, ICO, JPEG 2000 and AVIF,
by allow-list; all are decoded inside this process by Pillow. Not covered: formats that call another program (EPS)
or have no magic number (TGA), raw camera files, vector graphics, and colour profiles, which are ignored.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageOps
from jaxtyping import Shaped, UInt8

from photism.data.files import DEFAULT_LIMITS, HEAD_BYTES, Limits, open_regular, quiet, shown
from photism.errors import DecodeError
from photism.types import Image

__all__ = ["decode_image", "image_facts", "image_format"]

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"BM", "BMP"),
    (b"\0\0\1\0", "ICO"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
)
_PNM_KINDS = b"123456fF"
_AVIF_BRANDS = (b"avif", b"avis")
# libraries behind these formats may print complaints of their own
_NOISY = frozenset({"AVIF", "TIFF", "JPEG2000"})
_SIXTEEN_BIT = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})
# what Pillow's parsers and codecs raise, as a damaged file leads them to
_PILLOW_RAISES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
_WHITE = (255, 255, 255, 255)
_ORIENTATION_TAG = 0x0112
_SIDEWAYS = frozenset({5, 6, 7, 8})


def image_format(head: bytes) -> str | None:
    """Name the image format (in Pillow's words) that a file's first bytes announce; None for all else.

    Parameters
    ----------
    head : bytes
        The file's first bytes.

    Examples
    --------
    >>> image_format(b"GIF89a....")
    'GIF'
    >>> image_format(b"BMW and Audi") is None
    True
    """
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp" and head[8:12] in _AVIF_BRANDS:
        return "AVIF"
    if head[:1] == b"P" and len(head) > 2 and head[1] in _PNM_KINDS and head[2] in b" \t\r\n#":
        return "PPM"
    name = next((name for magic, name in _MAGIC if head.startswith(magic)), None)
    if name == "BMP" and head[15:18] != b"\0\0\0":  # the header's own size: 12 to 124, little endian
        return None
    return name


def image_facts(stream: BufferedReader, format_name: str) -> Mapping[str, float] | None:
    """Read width and height (px, upright) from the header; None where the header does not hold up.

    Nothing is decoded. A header that cannot be parsed means that the magic number was there by accident.

    Parameters
    ----------
    stream : BufferedReader
        The open file.
    format_name : str
        What ``image_format`` said.
    """
    stream.seek(0)
    with _undisturbed(format_name):
        try:
            with PIL.Image.open(stream, formats=(format_name,)) as image:
                width, height = image.size
                # asking a PNG without this key would decode it whole; a TIFF's size is upright already
                is_asked = format_name != "TIFF" and "exif" in image.info
                if is_asked and image.getexif().get(_ORIENTATION_TAG) in _SIDEWAYS:
                    width, height = height, width
        except PIL.Image.DecompressionBombError:
            return {}  # an image beyond doubt, which decode_image refuses
        except _PILLOW_RAISES:
            return None
    return {"width_px": float(width), "height_px": float(height)} if width > 0 and height > 0 else None


def decode_image(path: Path, *, limits: Limits = DEFAULT_LIMITS, min_side_px: int | None = None) -> Image:
    """Decode an image file to upright 8-bit RGB, transparency laid over white, the first frame of an animation.

    Parameters
    ----------
    path
        The file; its ending is not looked at.
    limits
        ``limits.pixels`` is compared with the header before anything is decoded.
    min_side_px
        A JPEG may be decoded at 1/2, 1/4 or 1/8 of its size as long as both sides keep this many pixels: several
        times faster for photographs that are shrunk anyway. None decodes at full size. Other formats ignore it.

    Returns
    -------
    Image
        ``pixels`` uint8 (h, w, 3), 0 black, 255 white; ``original_px`` where it was decoded at a fraction of its size.

    Raises
    ------
    DecodeError
        If the file is not of a known image format, is truncated or damaged, exceeds ``limits.pixels``, or holds
        numbers whose range is not known (see Notes).

    Notes
    -----
    Deterministic for one version of Pillow. 16-bit grey is divided by 257 and rounded; 16-bit colour keeps its high
    bytes (Pillow). 32-bit integers must lie in 0..65535 and are read as 16-bit; floats must lie in 0..1 or 0..255.
    CMYK is converted without a profile; Adobe's inverted CMYK is recognised by its marker.
    """
    name = shown(path)
    with open_regular(path) as (stream, _):
        format_name = image_format(stream.read(HEAD_BYTES))
        if format_name is None:
            raise DecodeError(f"{name} is not an image: its first bytes are not those of a known image format.")
        stream.seek(0)
        with _undisturbed(format_name):
            try:
                return _read_image(stream, name, format_name, limits, min_side_px)
            except PIL.Image.DecompressionBombError as error:
                raise DecodeError(f"{name} claims more pixels than Pillow's guard allows.") from error
            except _PILLOW_RAISES as error:
                detail = str(error).strip().rstrip(".").splitlines()
                said = f": {detail[0]}" if detail else ""
                raise DecodeError(f"{name} is a damaged or truncated {format_name} image{said}.") from error


@contextmanager
def _undisturbed(format_name: str) -> Iterator[None]:
    """Keep Pillow's warnings and its codecs' own complaints off the screen: the DecodeError says what is wrong."""
    with warnings.catch_warnings(action="ignore"):
        if format_name in _NOISY:
            with quiet():
                yield
        else:
            yield


def _read_image(stream: BufferedReader, name: str, format_name: str, limits: Limits, min_side_px: int | None) -> Image:
    """Open, check the cap, decode, turn upright and convert."""
    with PIL.Image.open(stream, formats=(format_name,)) as image:
        width, height = image.size
        if width * height > limits.pixels:
            raise DecodeError(
                f"{name} is {width} x {height} pixels; at most {limits.pixels} pixels were expected (limit pixels)."
            )
        if min_side_px is not None and format_name == "JPEG":
            image.draft(None, (min_side_px, min_side_px))
        image.load()
        if image.size[0] * image.size[1] > limits.pixels:  # containers may announce less than they hold
            raise DecodeError(f"{name} holds more pixels than its header says, beyond the limit pixels.")
        pixels = _to_rgb(PIL.ImageOps.exif_transpose(image), name)
        if image.size == (width, height) or format_name != "JPEG":
            return Image(pixels)
        on_its_side = image.getexif().get(_ORIENTATION_TAG) in _SIDEWAYS
        return Image(pixels, (height, width) if on_its_side else (width, height))


def _to_rgb(image: PIL.Image.Image, name: str) -> UInt8[np.ndarray, "h w 3"]:
    """Convert any of Pillow's modes to RGB, laying transparency over white."""
    if image.mode in _SIXTEEN_BIT or image.mode in ("I", "F"):
        return _grey_to_rgb(_grey_levels(np.asarray(image), name), image.info.get("transparency"), np.asarray(image))
    if image.mode not in ("RGBA", "RGBa", "LA", "La", "PA") and "transparency" not in image.info:
        return np.array(image if image.mode == "RGB" else image.convert("RGB"))
    rgba = image.convert("RGBA")
    low, _ = rgba.getchannel("A").getextrema()
    if low == 255:
        return np.array(rgba.convert("RGB"))
    white = PIL.Image.new("RGBA", rgba.size, _WHITE)
    return np.array(PIL.Image.alpha_composite(white, rgba).convert("RGB"))


def _grey_levels(values: Shaped[np.ndarray, "h w"], name: str) -> UInt8[np.ndarray, "h w"]:
    """Scale grey values wider than 8 bits to 0..255; refuse values whose range cannot be known."""
    low, high = values.min(), values.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise DecodeError(f"{name} holds pixels that are not numbers.")
    if values.dtype.kind == "f":
        if low < 0 or high > 255:
            raise DecodeError(f"{name} holds floats from {low:g} to {high:g}; 0..1 or 0..255 was expected.")
        return np.rint(values * (255.0 if high <= 1 else 1.0)).astype(np.uint8)
    if low < 0 or high > 65535:
        raise DecodeError(f"{name} holds integers from {low} to {high}; 0..65535 was expected.")
    # 65535 = 257 * 255, so this is exact rounding
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _grey_to_rgb(
    grey: UInt8[np.ndarray, "h w"], transparent: object, values: Shaped[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w 3"]:
    """Repeat grey into three channels; the one value that PNG calls transparent becomes white."""
    if isinstance(transparent, int):
        grey = np.where(values == transparent, np.uint8(255), grey)
    return np.repeat(grey[:, :, None], 3, axis=2)
