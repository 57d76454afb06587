"""Photographs into pictures: what is kept, where it lies, and the way back to the photograph's own pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from photism.data.decode import decode
from photism.errors import OptionError
from photism.pictures.image import fit_recipe, locate, render
from photism.types import Image, Picture, Recipe

SIZE_PX = 64


def recipe_for(**options: object) -> Recipe:
    return fit_recipe([], size_px=SIZE_PX, options=options)  # type: ignore[arg-type]


def only(windows: tuple[tuple[Picture, ...], ...]) -> Picture:
    ((picture,),) = windows
    return picture


def ramp(width: int, height: int) -> Image:
    """Red rises from left to right and green from top to bottom, 0 to 255 over the whole image."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.rint((np.arange(width) + 0.5) / width * 255)[None]
    pixels[..., 1] = np.rint((np.arange(height) + 0.5) / height * 255)[:, None]
    return Image(pixels)


# ── what is kept ─────────────────────────────────────────────────────────────────────────────────────


def test_crop_keeps_the_middle_square() -> None:
    picture = only(render(ramp(300, 100), recipe_for(fit="crop", crop_fraction=1.0)))
    assert picture.content == (0, 0, SIZE_PX, SIZE_PX)
    assert (picture.x.start, picture.x.stop, picture.y.start, picture.y.stop) == (100.0, 200.0, 0.0, 100.0)
    assert abs(int(picture.pixels[32, 0, 0]) - 85) <= 2
    assert abs(int(picture.pixels[32, -1, 0]) - 170) <= 2


def test_pad_keeps_all_of_the_image_and_centres_it_on_grey() -> None:
    picture = only(render(ramp(200, 100), recipe_for(fit="pad")))
    assert picture.content == (0, 16, SIZE_PX, 48)
    assert np.all(picture.pixels[:16] == 128)
    assert np.all(picture.pixels[48:] == 128)
    assert picture.pixels[32, 0, 0] < 10
    assert picture.pixels[32, -1, 0] > 245


def test_crop_and_pad_are_two_panels_of_one_window() -> None:
    (window,) = render(ramp(90, 60), recipe_for(fit="crop+pad"))
    assert [picture.panel for picture in window] == ["crop", "pad"]
    assert np.array_equal(window[0].pixels, only(render(ramp(90, 60), recipe_for(fit="crop"))).pixels)


def test_an_image_of_the_picture_s_size_is_left_as_it_is() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (SIZE_PX, SIZE_PX, 3), dtype=np.uint8)
    assert np.array_equal(only(render(Image(pixels), recipe_for(crop_fraction=1.0))).pixels, pixels)


@pytest.mark.parametrize("fit", ["crop", "pad"])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 3), (1, 5000), (5000, 1), (31, 1000), (700, 900)])
def test_any_size_and_aspect_makes_a_picture(fit: str, width: int, height: int) -> None:
    picture = only(render(ramp(width, height), recipe_for(fit=fit)))
    left, top, right, bottom = picture.content
    assert picture.pixels.shape == (SIZE_PX, SIZE_PX, 3)
    assert 0 <= left < right <= SIZE_PX
    assert 0 <= top < bottom <= SIZE_PX


def test_shrinking_does_not_alias() -> None:
    checks = (np.indices((800, 800)).sum(axis=0) % 2 * 255).astype(np.uint8)
    picture = only(render(Image(np.repeat(checks[..., None], 3, axis=2)), recipe_for()))
    assert np.ptp(picture.pixels[2:-2, 2:-2].astype(int)) < 8


def test_the_same_image_gives_the_same_bits_and_is_not_changed() -> None:
    image = ramp(123, 77)
    before = image.pixels.copy()
    image.pixels.setflags(write=False)
    assert np.array_equal(only(render(image, recipe_for())).pixels, only(render(image, recipe_for())).pixels)
    assert np.array_equal(image.pixels, before)


# ── the way back ─────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(1, 400),
    height=st.integers(1, 400),
    fit=st.sampled_from(["crop", "pad"]),
    fraction=st.floats(0.3, 1.0),
)
def test_the_content_s_pixels_tile_the_part_of_the_image_that_is_kept(
    width: int, height: int, fit: str, fraction: float
) -> None:
    picture = only(render(ramp(width, height), recipe_for(fit=fit, crop_fraction=fraction)))
    left, top, right, bottom = picture.content
    first, last = locate(picture, left, top), locate(picture, right - 1, bottom - 1)
    kept = min(width, height) * fraction
    for name, side in (("x_px", width), ("y_px", height)):
        lost = (side - kept) / 2.0 if fit == "crop" else 0.0
        assert first[name][0] == pytest.approx(lost, abs=1e-6)
        assert last[name][1] == pytest.approx(side - lost, abs=1e-6)


def test_a_mark_is_found_where_it_was_drawn() -> None:
    pixels = np.zeros((150, 240, 3), np.uint8)
    pixels[90:96, 130:136] = 255
    for fit in ("crop", "pad"):
        picture = only(render(Image(pixels), recipe_for(fit=fit)))
        row, column = np.unravel_index(int(picture.pixels[..., 0].argmax()), (SIZE_PX, SIZE_PX))
        box = locate(picture, int(column), int(row))
        if fit == "pad":
            assert picture.content[1] <= row < picture.content[3]
        assert box["x_px"][0] < 136
        assert box["x_px"][1] > 130
        assert box["y_px"][0] < 96
        assert box["y_px"][1] > 90


def test_padding_lies_outside_the_image() -> None:
    picture = only(render(ramp(200, 100), recipe_for(fit="pad")))
    assert locate(picture, 0, 0)["y_px"][1] <= 0.0


@pytest.mark.parametrize(("x_px", "y_px"), [(-1, 0), (SIZE_PX, 0), (0, SIZE_PX)])
def test_a_pixel_outside_the_picture_is_refused(x_px: int, y_px: int) -> None:
    with pytest.raises(OptionError, match="64 x 64"):
        locate(only(render(ramp(10, 10), recipe_for())), x_px, y_px)


# ── options ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "options",
    [{"fit": "squash"}, {"crop_fraction": 0.0}, {"crop_fraction": True}, {"interpolation": "magic"}, {"colour": 1}],
)
def test_a_wrong_option_is_one_sentence(options: dict[str, object]) -> None:
    with pytest.raises(OptionError, match="but"):
        recipe_for(**options)


def test_a_picture_of_three_pixels_is_refused() -> None:
    with pytest.raises(OptionError, match="8 or more"):
        fit_recipe([], size_px=3)


def test_a_recipe_of_another_kind_is_refused() -> None:
    with pytest.raises(OptionError, match="sound"):
        render(ramp(4, 4), Recipe("sound", 1, {}))


def test_icons_are_not_blown_up_as_far_as_photographs() -> None:
    icons = [{"width_px": 32.0, "height_px": 24.0}] * 19
    assert fit_recipe([*icons, {"width_px": 640.0, "height_px": 480.0}]).options["size_px"] == 160
    assert fit_recipe([*icons, *[{"width_px": 640.0, "height_px": 480.0}] * 2]).options["size_px"] == 224
    assert fit_recipe(icons, size_px=96).options["size_px"] == 96
    assert fit_recipe([{"width_px": 32.0, "height_px": 480.0}]).options["size_px"] == 224


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_jpeg_is_decoded_small_and_still_located_in_its_own_pixels(tmp_path: Path, orientation: int) -> None:
    ramp = np.tile(np.linspace(0, 255, 2400).astype(np.uint8)[None, :, None], (1800, 1, 3))
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    PillowImage.fromarray(ramp).save(tmp_path / "large.jpg", exif=exif)
    whole = decode(tmp_path / "large.jpg", "image")
    small = decode(tmp_path / "large.jpg", "image", min_side_px=448)
    assert isinstance(whole, Image)
    assert isinstance(small, Image)
    assert small.pixels.shape[0] < whole.pixels.shape[0] // 2
    assert small.original_px == (whole.pixels.shape[1], whole.pixels.shape[0])
    recipe = fit_recipe([], size_px=224)
    (of_whole,), (of_small,) = render(whole, recipe)[0], render(small, recipe)[0]
    for side in ("x_px", "y_px"):
        assert locate(of_small, 30, 200)[side] == pytest.approx(locate(of_whole, 30, 200)[side], abs=1.0)
    assert np.abs(of_small.pixels.astype(int) - of_whole.pixels.astype(int)).max() <= 6
