"""How an image file was made, from its header's segments; and size, brightness and contrast of what it shows.

Covers JPEG segment by segment (quantisation, sampling, Huffman tables, order of segments) and PNG chunk by chunk; other
formats as far as Pillow tells. Does not cover colour, nor forensics of single images.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Mapping
from io import BufferedReader
from itertools import groupby
from typing import TypeAlias

import numpy as np
import PIL.Image
from jaxtyping import UInt8

from photism.data.decode_image import _PILLOW_RAISES, _undisturbed, image_format
from photism.data.files import HEAD_BYTES
from photism.errors import DecodeError

__all__ = ["GRID_TRACE", "grid_trace", "image_container"]

Properties: TypeAlias = dict[str, float | str]

GRID_TRACE = "8 px grid (trace of JPEG)"
"""Name of the property: how coarsely the image was compressed in blocks before."""

_LOOKED_AT_PX = 1_000_000
_LARGE_SIDE_PX = 256
_SEGMENTS, _CHUNKS = 64, 32
_MAKE, _MODEL, _SOFTWARE, _ORIENTATION, _TIFF_COMPRESSION = 0x010F, 0x0110, 0x0131, 0x0112, 0x0103
_TEXT_LENGTH = 60
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_SOF = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_PROCESS = {0xC0: "baseline", 0xC1: "extended", 0xC2: "progressive", 0xC3: "lossless"}
_NAMES = {0xDB: "DQT", 0xC4: "DHT", 0xDD: "DRI", 0xFE: "COM"}
_STANDARD_DHT_BYTES = frozenset({416, 208})  # Annex K's four tables, or the two for luminance
_SAMPLING = {"2x2,1x1,1x1": "4:2:0", "2x1,1x1,1x1": "4:2:2", "1x1,1x1,1x1": "4:4:4", "4x1,1x1,1x1": "4:1:1"}
# luminance quantisation of ITU-T T.81, table K.1, in zigzag order: what the usual "quality" scales
_K1 = np.array(
    [16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61,
     60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77, 113,
     121, 112, 100, 120, 92, 101, 103, 99],
    np.int64,
)  # fmt: skip


def _scaled(quality: int) -> bytes:
    """Scale table K.1 as the Independent JPEG Group's encoder does."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return bytes(np.clip((_K1 * scale + 50) // 100, 1, 255).astype(np.uint8))


_QUALITY: Mapping[bytes, int] = {_scaled(quality): quality for quality in range(100, 0, -1)}


def image_container(stream: BufferedReader, size_bytes: int, name: str) -> tuple[Properties, Properties]:
    """Read an image's container and the simple properties of its content.

    Parameters
    ----------
    stream : BufferedReader
        The open file, at its start.
    size_bytes : int
        Size on disk.
    name : str
        The file's name, for the error's sentence.

    Raises
    ------
    DecodeError
        If the file is no image, or cannot be decoded.
    """
    format_name = image_format(stream.read(HEAD_BYTES))
    if format_name is None:
        raise DecodeError(f"{name} is not an image: its first bytes are not those of a known image format.")
    container: Properties = {"format": format_name}
    if format_name == "JPEG":
        container.update(_jpeg_segments(stream))
    elif format_name == "PNG":
        container.update(_png_chunks(stream))
    stream.seek(0)
    with _undisturbed(format_name):
        try:
            with PIL.Image.open(stream, formats=(format_name,)) as image:
                container.update(_tags(image, format_name))
                content = _content(image, size_bytes)
        except (*_PILLOW_RAISES, PIL.Image.DecompressionBombError) as error:
            raise DecodeError(f"{name} is a damaged or truncated {format_name} image.") from error
    container[GRID_TRACE] = content.pop(GRID_TRACE)
    return container, content


def _jpeg_segments(stream: BufferedReader) -> Properties:
    """Walk over a JPEG's segments up to its first scan."""
    found: Properties = {}
    order: list[str] = []
    tables: dict[int, bytes] = {}
    huffman_bytes, place = 0, 2
    for _ in range(_SEGMENTS):
        stream.seek(place)
        header = stream.read(4)
        if len(header) < 4 or header[0] != 0xFF:
            break
        marker = header[1]
        if marker == 0xFF or marker in _STANDALONE:  # padding, or a marker without a length
            place += 1 if marker == 0xFF else 2
            continue
        if marker == 0xDA:
            break
        length = int.from_bytes(header[2:], "big")
        data = stream.read(max(min(length - 2, HEAD_BYTES), 0))
        place += 2 + length
        order.append(_segment_name(marker, data))
        if marker == 0xDB:
            tables.update(_quantisation_tables(data))
        elif marker == 0xC4:
            huffman_bytes += len(data)
        elif marker == 0xDD and len(data) >= 2:
            found["restart interval"] = float(int.from_bytes(data[:2], "big"))
        elif marker in _SOF and len(data) >= 6:
            found.update(_frame(marker, data))
        elif marker == 0xFE:
            found["comment"] = _plain(data)
    found["segments"] = " ".join(name for name, _ in groupby(order))
    if tables:
        found["quantisation"] = _quantisation(tables)
    if huffman_bytes:
        found["Huffman tables"] = "standard" if huffman_bytes in _STANDARD_DHT_BYTES else "optimised"
    return found


def _segment_name(marker: int, data: bytes) -> str:
    if 0xE0 <= marker <= 0xEF:
        return f"APP{marker - 0xE0}:{_plain(data[:10].split(bytes(1))[0][:6])}"
    return "SOF" if marker in _SOF else _NAMES.get(marker, f"{marker:02X}")


def _frame(marker: int, data: bytes) -> Properties:
    """Read a frame header: process, precision, components and how they are sampled."""
    sampling = ",".join(f"{data[i] >> 4}x{data[i] & 15}" for i in range(7, min(len(data), 6 + 3 * data[5]), 3))
    return {
        "process": _PROCESS.get(marker, f"SOF{marker - 0xC0}"),
        "bit depth": float(data[0]),
        "channels": float(data[5]),
        "chroma subsampling": _SAMPLING.get(sampling, sampling),
    }


def _quantisation_tables(data: bytes) -> dict[int, bytes]:
    """Split a DQT segment into its tables."""
    tables: dict[int, bytes] = {}
    place = 0
    while place < len(data):
        size = 128 if data[place] >> 4 else 64
        table = data[place + 1 : place + 1 + size]
        if len(table) == size:  # else the segment is cut
            tables[data[place] & 15] = table
        place += 1 + size
    return tables


def _quantisation(tables: Mapping[int, bytes]) -> str:
    """Name a set of tables: the usual quality where they are scaled as usual, else by what they are about."""
    luminance = tables[min(tables)]
    check = zlib.crc32(b"".join(tables[i] for i in sorted(tables)))
    if (quality := _QUALITY.get(luminance)) is not None:
        return f"quality {quality}" if len(tables) == 2 else f"quality {quality}, {len(tables)} tables"
    values = np.frombuffer(luminance, np.uint8 if len(luminance) == 64 else np.dtype(">u2")).astype(float)
    scale = 100 * float(values.mean()) / float(_K1.mean())
    about = (200 - scale) / 2 if scale < 100 else 5000 / scale
    return f"tables {check:08x} (about quality {about:.0f})"


def _png_chunks(stream: BufferedReader) -> Properties:
    """Walk over a PNG's chunks up to its pixels."""
    found: Properties = {}
    order: list[str] = []
    place = 8
    for _ in range(_CHUNKS):
        stream.seek(place)
        header = stream.read(8)
        if len(header) < 8:
            break
        length, kind = struct.unpack(">I4s", header)
        data = stream.read(min(length, 256))
        order.append(_plain(kind))
        if kind == b"IHDR" and len(data) >= 13:
            colour = {0: "grey", 2: "colour", 3: "palette", 4: "grey with alpha", 6: "colour with alpha"}
            found.update({"bit depth": float(data[8]), "colour type": colour.get(data[9], str(data[9]))})
            found["interlaced"] = "yes" if data[12] else "no"
        elif kind in (b"tEXt", b"iTXt"):
            found.setdefault("comment", _plain(data))
        elif kind == b"IDAT":
            found["compression"] = f"zlib {data[:2].hex()}"
            break
        place += 12 + length
    found["segments"] = " ".join(name for name, _ in groupby(order))
    return found


def _tags(image: PIL.Image.Image, format_name: str) -> Properties:
    """Read who made the file as it says itself: camera, program, profile."""
    info = image.info
    has_exif = "exif" in info
    tags = image.getexif() if has_exif or format_name in ("TIFF", "MPO") else {}
    found: Properties = {
        "pixel format": image.mode,
        "EXIF": "yes" if has_exif else "no",
        "colour profile": "none",
        "frames": "several" if getattr(image, "is_animated", False) else "one",
    }
    if profile := info.get("icc_profile"):
        found["colour profile"] = f"{len(profile)} bytes, {zlib.crc32(profile):08x}"
    if isinstance(info.get("dpi"), tuple):
        found["density (dpi)"] = " x ".join(f"{float(each):.0f}" for each in info["dpi"])
    camera = " ".join(str(tags[tag]).strip("\0 ") for tag in (_MAKE, _MODEL) if tag in tags)
    if camera:
        found["camera"] = camera[:_TEXT_LENGTH]
    if _SOFTWARE in tags:
        found["software"] = str(tags[_SOFTWARE]).strip("\0 ")[:_TEXT_LENGTH]
    if _ORIENTATION in tags:
        found["orientation tag"] = str(tags[_ORIENTATION])
    if format_name == "TIFF":
        found["compression"] = str(info.get("compression", tags.get(_TIFF_COMPRESSION, "none")))
    return found


def _content(image: PIL.Image.Image, size_bytes: int) -> Properties:
    """Measure an image's size and light; large ones through fewer pixels."""
    width, height = image.size
    is_whole = width * height <= _LOOKED_AT_PX
    image.draft("L", None if is_whole else (_LARGE_SIDE_PX, _LARGE_SIDE_PX))
    grey = np.asarray(image if image.mode == "L" else image.convert("L"))
    return {
        "width (px)": float(width),
        "height (px)": float(height),
        "aspect (width / height)": width / height,
        "bits a pixel": 8.0 * size_bytes / (width * height),
        "mean brightness (0 to 255)": float(grey.mean()),
        "contrast (0 to 128)": float(grey.std()),
        GRID_TRACE: grid_trace(grey) if is_whole else math.nan,
    }


def grid_trace(grey: UInt8[np.ndarray, "h w"]) -> float:
    """Measure how much more an image jumps where blocks of eight pixels meet than inside them.

    Parameters
    ----------
    grey : uint8 (h, w)
        Brightness at the size the file has.

    Returns
    -------
    float
        Around 0 where there is no grid, rising with coarse quantisation; NaN for an image too small.

    References
    ----------
    Wang, Sheikh and Bovik 2002, doi:10.1109/ICIP.2002.1038064 (blockiness from differences at block boundaries)
    """
    h, w = grey.shape
    if h < 32 or w < 32:
        return math.nan
    rows = grey[:: max(h // 64, 1)].astype(np.int16)
    columns = grey[:, :: max(w // 64, 1)].astype(np.int16).T
    jumps = [np.abs(np.diff(lines, axis=1)).mean(axis=0) for lines in (rows, columns)]
    here = sum(float(each[7::8].mean()) for each in jumps)
    there = sum(float(np.delete(each, np.s_[7::8]).mean()) for each in jumps)
    return float(np.log((here + 0.05) / (there + 0.05)))


def _plain(data: bytes) -> str:
    """Turn bytes from a file into a short printable word."""
    return "".join(chr(b) if 32 <= b < 127 else "." for b in data[:_TEXT_LENGTH]).strip()
