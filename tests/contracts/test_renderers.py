"""Every row of the table of kinds keeps the same contract, with its default options and with all its layouts."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest

from photism.errors import OptionError
from photism.pictures import binary, mouse
from photism.pictures.table import RENDERERS, fit_recipe, locate, render
from photism.types import JSON, KINDS, ByteString, Image, Kind, Picture, PointerTrack, Recipe, Signal, Waveform, Window

SIZE_PX = 64
ALL_LAYOUTS: dict[Kind, dict[str, JSON]] = {
    "image": {"fit": "crop+pad"},
    "sound": {"window_s": 0.5},
    "binary": {"layout": "+".join(binary.LAYOUTS)},
    "mouse": {"layout": "+".join(mouse.PANELS)},
}
CASES = [(kind, options) for kind in RENDERERS for options in ({}, ALL_LAYOUTS[kind])]
NAMES = [f"{kind}-{'all' if options else 'default'}" for kind, options in CASES]
each_case = pytest.mark.parametrize(("kind", "options"), CASES, ids=NAMES)


@cache
def example(kind: Kind) -> tuple[Signal, dict[str, float]]:
    """A signal of a kind, with what sniffing would have told."""
    rng = np.random.default_rng(0)
    if kind == "image":
        return Image(rng.integers(0, 256, (60, 90, 3), np.uint8)), {"width_px": 90.0, "height_px": 60.0}
    if kind == "sound":
        samples = rng.normal(0.0, 0.1, (2, 10_400)).astype(np.float32)
        return Waveform(samples, 8000), {"duration_s": 1.3, "rate_hz": 8000.0, "channels": 2.0}
    if kind == "binary":
        return ByteString(rng.integers(0, 256, 5000).astype(np.uint8)), {"size_bytes": 5000.0}
    time_s = np.cumsum(rng.uniform(0.008, 0.2, 90))
    xy = np.cumsum(rng.normal(0.0, 20.0, (90, 2)), axis=0) + 500.0
    return PointerTrack(time_s - time_s[0], xy, np.zeros(90, np.uint8), "s"), {"duration_s": 9.0, "n_points": 90.0}


def drawn(kind: Kind, options: dict[str, JSON]) -> tuple[Recipe, tuple[Window, ...]]:
    signal, facts = example(kind)
    recipe = fit_recipe(kind, [facts], size_px=SIZE_PX, options=options)
    return recipe, render(signal, recipe)


def pictures(windows: tuple[Window, ...]) -> list[Picture]:
    return [picture for window in windows for picture in window]


def test_every_kind_has_a_row() -> None:
    assert set(RENDERERS) == set(KINDS)


@each_case
def test_pictures_are_bytes_of_one_shape(kind: Kind, options: dict[str, JSON]) -> None:
    recipe, windows = drawn(kind, options)
    assert windows
    assert len({tuple(picture.panel for picture in window) for window in windows}) == 1
    assert len({picture.pixels.shape for picture in pictures(windows)}) == 1
    for picture in pictures(windows):
        height, width, channels = picture.pixels.shape
        assert picture.pixels.dtype == np.uint8
        assert channels == 3
        assert picture.recipe == recipe
        left, top, right, bottom = picture.content
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        assert np.ptp(picture.pixels[top:bottom, left:right]) > 0


@each_case
def test_panels_have_names_of_their_own(kind: Kind, options: dict[str, JSON]) -> None:
    panels = [picture.panel for picture in drawn(kind, options)[1][0]]
    assert len(set(panels)) == len(panels)


@each_case
def test_the_same_signal_gives_the_same_bytes(kind: Kind, options: dict[str, JSON]) -> None:
    first, second = (pictures(drawn(kind, options)[1]) for _ in range(2))
    assert [p.pixels.tobytes() for p in first] == [p.pixels.tobytes() for p in second]


@each_case
def test_a_recipe_survives_json(kind: Kind, options: dict[str, JSON]) -> None:
    recipe, windows = drawn(kind, options)
    values = json.loads(json.dumps(recipe.to_json(), allow_nan=False))
    again = Recipe(values["kind"], values["version"], values["options"])
    assert again.key == recipe.key
    signal, _ = example(kind)
    for one, other in zip(pictures(windows), pictures(render(signal, again)), strict=True):
        assert one.pixels.tobytes() == other.pixels.tobytes()
        assert (one.x, one.y, one.content, one.panel) == (other.x, other.y, other.content, other.panel)


@each_case
def test_rendering_leaves_the_signal_alone(kind: Kind, options: dict[str, JSON]) -> None:
    signal, _ = example(kind)
    arrays = [value for name in signal.__slots__ if isinstance(value := getattr(signal, name), np.ndarray)]
    before = [array.copy() for array in arrays]
    drawn(kind, options)
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


@each_case
def test_pixels_lead_back_into_the_ranges_of_the_sides(kind: Kind, options: dict[str, JSON]) -> None:
    for picture in pictures(drawn(kind, options)[1]):
        left, top, right, bottom = picture.content
        sides = [sorted((axis.start, axis.stop)) for axis in (picture.x, picture.y)]
        for x, y in [(left, top), (right - 1, bottom - 1), ((left + right) // 2, (top + bottom) // 2)]:
            found = locate(picture, x, y)
            assert found
            for name, (low, high) in found.items():
                slack = 1e-6 * max(abs(low), abs(high), 1.0)
                assert low <= high, name
                assert any(a - slack <= low and high <= b + slack for a, b in sides), (name, low, high, sides)


@each_case
def test_a_pixel_outside_the_picture_is_refused(kind: Kind, options: dict[str, JSON]) -> None:
    picture = pictures(drawn(kind, options)[1])[0]
    for x, y in [(-1, 0), (0, -1), (picture.pixels.shape[1], 0), (0, picture.pixels.shape[0])]:
        with pytest.raises(OptionError, match="pixel"):
            locate(picture, x, y)


@pytest.mark.parametrize("kind", RENDERERS)
def test_an_unknown_option_is_refused_by_name(kind: Kind) -> None:
    with pytest.raises(OptionError, match="colour"):
        fit_recipe(kind, [], options={"colour": "red"})


@pytest.mark.parametrize("kind", RENDERERS)
def test_a_recipe_knows_nothing_but_numbers_and_words(kind: Kind) -> None:
    recipe = fit_recipe(kind, [])
    assert recipe.kind == kind
    assert recipe.version >= 1
    assert recipe.options
