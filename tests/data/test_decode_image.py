"""Images: every mode and format to upright RGB over white, against pixels known beforehand."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from numpy.testing import assert_array_equal

from photism.data.decode_image import decode_image, image_format
from photism.data.files import Limits
from photism.errors import DecodeError

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)
GREY = RNG.integers(0, 256, (20, 30), dtype=np.uint8)


def save(path: Path, image: PIL.Image.Image, format_name: str, **options: object) -> Path:
    """Write an image under an ending that says nothing."""
    image.save(path, format_name, **options)
    return path


@pytest.mark.parametrize("format_name", ["PNG", "BMP", "TIFF", "PPM", "WEBP", "JPEG2000", "GIF", "ICO", "AVIF", "JPEG"])
def test_every_format_gives_its_pixels(tmp_path: Path, format_name: str) -> None:
    smooth = np.add.outer(np.arange(32), np.arange(32)).astype(np.uint8)
    image = PIL.Image.fromarray(np.stack([smooth, smooth, smooth], axis=2))
    options = {"lossless": True} if format_name == "WEBP" else {"sizes": [(32, 32)]} if format_name == "ICO" else {}
    pixels = decode_image(save(tmp_path / "f", image, format_name, **options)).pixels
    worst = int(np.abs(pixels.astype(int) - np.asarray(image)).max())
    assert worst <= (6 if format_name in ("JPEG", "AVIF") else 0)
    assert pixels.flags.c_contiguous


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "YCbCr"])
def test_modes_agree_with_pillow_where_nothing_is_transparent(tmp_path: Path, mode: str) -> None:
    image = PIL.Image.fromarray(PIXELS).convert(mode)
    expected = np.asarray(image.convert("RGB"))
    assert_array_equal(
        decode_image(save(tmp_path / "f", image, "PNG" if mode in "1LPLARGBA" else "TIFF")).pixels, expected
    )


def test_transparency_is_laid_over_white(tmp_path: Path) -> None:
    rgba = np.dstack([PIXELS, np.where(GREY > 127, GREY, 0)]).astype(np.uint8)
    pixels = decode_image(save(tmp_path / "f", PIL.Image.fromarray(rgba), "PNG")).pixels
    alpha = rgba[..., 3:].astype(float) / 255
    assert np.abs(pixels - (PIXELS * alpha + 255 * (1 - alpha))).max() <= 1
    assert (pixels[rgba[..., 3] == 0] == 255).all()


@pytest.mark.parametrize("format_name", ["PNG", "GIF"])
def test_transparent_palette_colours_become_white(tmp_path: Path, format_name: str) -> None:
    image = PIL.Image.fromarray((GREY % 4).astype(np.uint8), "L").convert("P")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    pixels = decode_image(save(tmp_path / "f", image, format_name, transparency=1)).pixels
    expected = np.array([[255, 0, 0], [255, 255, 255], [0, 0, 255], [9, 9, 9]], np.uint8)[GREY % 4]
    assert_array_equal(pixels, expected)


def test_transparent_grey_and_colour_become_white(tmp_path: Path) -> None:
    grey = decode_image(save(tmp_path / "g", PIL.Image.fromarray(GREY), "PNG", transparency=int(GREY[0, 0]))).pixels
    is_clear = np.equal(GREY, GREY[0, 0])
    assert_array_equal(grey[is_clear], 255)
    assert_array_equal(grey[~is_clear][:, 0], GREY[~is_clear])
    first = tuple(int(value) for value in PIXELS[0, 0])
    colour = decode_image(save(tmp_path / "c", PIL.Image.fromarray(PIXELS), "PNG", transparency=first)).pixels
    assert_array_equal(colour[0, 0], 255)
    assert_array_equal(colour[1:], PIXELS[1:])


@pytest.mark.parametrize("format_name", ["PNG", "TIFF", "PPM"])
def test_sixteen_bit_grey_is_rounded_from_its_full_range(tmp_path: Path, format_name: str) -> None:
    values = np.concatenate([np.arange(0, 65536, 131), [65535]]).astype(np.uint16)[None, :]
    image = PIL.Image.fromarray(values) if format_name != "PPM" else PIL.Image.fromarray(values.astype(np.int32), "I")
    pixels = decode_image(save(tmp_path / "f", image, format_name)).pixels
    assert_array_equal(pixels[..., 0], np.rint(values / 257))
    assert_array_equal(pixels[..., 0], pixels[..., 2])


def test_sixteen_bit_colour_png(tmp_path: Path) -> None:
    values = RNG.integers(0, 65536, (4, 5, 3)).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    chunks = (b"IHDR" + struct.pack(">IIBBBBB", 5, 4, 16, 2, 0, 0, 0), b"IDAT" + zlib.compress(rows), b"IEND")
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks
    )
    (tmp_path / "f").write_bytes(data)
    assert_array_equal(decode_image(tmp_path / "f").pixels, values >> 8)


@pytest.mark.parametrize(("scale", "factor"), [(1.0, 255.0), (255.0, 1.0)])
def test_float_tiff(tmp_path: Path, scale: float, factor: float) -> None:
    values = np.linspace(0, scale, 600, dtype=np.float32).reshape(20, 30)
    pixels = decode_image(save(tmp_path / "f", PIL.Image.fromarray(values), "TIFF")).pixels
    assert_array_equal(pixels[..., 1], np.rint(values * np.float32(factor)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 300.0, -1.0])
def test_floats_without_a_known_range_are_refused(tmp_path: Path, bad: float) -> None:
    values = np.full((4, 4), 0.5, np.float32)
    values[1, 1] = bad
    with pytest.raises(DecodeError, match=r"not numbers|was expected"):
        decode_image(save(tmp_path / "f", PIL.Image.fromarray(values), "TIFF"))


def test_integers_beyond_sixteen_bits_are_refused(tmp_path: Path) -> None:
    image = PIL.Image.fromarray(np.full((4, 4), 70000, np.int32))
    with pytest.raises(DecodeError, match=r"0\.\.65535"):
        decode_image(save(tmp_path / "f", image, "TIFF"))


def test_adobe_cmyk_is_not_inverted(tmp_path: Path) -> None:
    # full yellow ink over nothing: Pillow writes the Adobe marker and the inverted values that go with it
    image = PIL.Image.new("CMYK", (16, 16), (0, 0, 255, 0))
    path = save(tmp_path / "f", image, "JPEG", quality=100)
    assert b"Adobe" in path.read_bytes()
    assert np.abs(decode_image(path).pixels.astype(int) - [255, 255, 0]).max() <= 2


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int, format_name: str) -> None:
    upright = np.zeros((16, 32, 3), np.uint8)
    upright[:8, :8] = 255  # a light top left corner
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, 3),
    }[orientation]
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "f", PIL.Image.fromarray(np.ascontiguousarray(stored)), format_name, exif=exif)
    pixels = decode_image(path).pixels
    assert pixels.shape == upright.shape
    assert np.abs(pixels.astype(int) - upright).max() < 40


def test_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [PIL.Image.new("RGB", (9, 7), colour) for colour in ("red", "blue")]
    for format_name in ("GIF", "PNG", "WEBP", "TIFF"):
        path = save(tmp_path / "f", frames[0], format_name, save_all=True, append_images=frames[1:])
        assert np.abs(decode_image(path).pixels.astype(int) - [255, 0, 0]).max() <= 1, format_name


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", 12_000, 12_000, 8, 2, 0, 0, 0)
    header = struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    idat = b"IDAT" + zlib.compress(b"")
    (tmp_path / "f").write_bytes(
        b"\x89PNG\r\n\x1a\n" + header + struct.pack(">I", len(idat) - 4) + idat + struct.pack(">I", zlib.crc32(idat))
    )
    with pytest.raises(DecodeError, match="12000 x 12000 pixels; at most 100000000"):
        decode_image(tmp_path / "f")
    with pytest.raises(DecodeError, match="at most 100 "):
        decode_image(save(tmp_path / "g", PIL.Image.fromarray(PIXELS), "PNG"), limits=Limits(pixels=100))


def test_more_pixels_than_pillows_own_guard(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"P5 60000 60000 255\n")
    with pytest.raises(DecodeError, match="more pixels"):
        decode_image(tmp_path / "f")


@pytest.mark.parametrize("format_name", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000"])
def test_truncated_images_are_refused(tmp_path: Path, format_name: str) -> None:
    buffer = io.BytesIO()
    PIL.Image.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(buffer, format_name)
    (tmp_path / "f").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    with pytest.raises(DecodeError, match="damaged or truncated"):
        decode_image(tmp_path / "f")


@pytest.mark.parametrize("data", [b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg/>", b"\0" * 40, b"plain text"])
def test_what_is_not_on_the_list_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "f.png").write_bytes(data)
    with pytest.raises(DecodeError, match="is not an image"):
        decode_image(tmp_path / "f.png")


def test_a_large_jpeg_can_be_decoded_small(tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(400), np.arange(640)) // 5
    path = save(tmp_path / "f", PIL.Image.fromarray(smooth.astype(np.uint8)).convert("RGB"), "JPEG", quality=95)
    small = decode_image(path, min_side_px=100).pixels
    assert small.shape == (100, 160, 3)
    whole = decode_image(path).pixels
    assert whole.shape == (400, 640, 3)
    assert np.abs(small.astype(int) - whole.reshape(100, 4, 160, 4, 3).mean(axis=(1, 3))).max() <= 4


def test_magic_numbers_of_words_are_not_enough() -> None:
    assert image_format(b"BMP files begin like this") is None
    assert image_format(b"P5 is a processor") == "PPM"  # the header's parse decides
    assert image_format(b"") is None
