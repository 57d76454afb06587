"""Pointer tracks into pictures: what does not matter (screen, start, unit), what does, and the way back."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from photism.errors import DecodeError, OptionError
from photism.pictures.mouse import fit_recipe, locate, render, times_at
from photism.types import Picture, PointerTrack, Recipe, Window

SIZE_PX = 64
PANELS = ("path", "dwell", "rhythm", "profile")
ALL = "+".join(PANELS)


def recipe_for(**options: object) -> Recipe:
    return fit_recipe([], size_px=SIZE_PX, options={"layout": ALL, **options})  # type: ignore[dict-item]


def track(time_s: object, xy_px: object) -> PointerTrack:
    times = np.asarray(time_s, np.float64)
    return PointerTrack(times, np.asarray(xy_px, np.float64).reshape(-1, 2), np.zeros(len(times), np.uint8), "s")


def wander(n: int = 80, seed: int = 0) -> PointerTrack:
    random = np.random.default_rng(seed)
    xy = np.cumsum(random.normal(0.0, 20.0, (n, 2)), axis=0) + 500.0
    return track(np.cumsum(random.uniform(0.008, 0.2, n)) - 0.008, xy)


def by_panel(window: Window) -> dict[str, Picture]:
    return {picture.panel: picture for picture in window}


def same(one: tuple[Window, ...], other: tuple[Window, ...], tolerance: int = 0) -> bool:
    return all(
        np.abs(a.pixels.astype(int) - b.pixels.astype(int)).max() <= tolerance
        for first, second in zip(one, other, strict=True)
        for a, b in zip(first, second, strict=True)
    )


# ── what does not matter ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("scale", "shift"), [(2.0, 0.0), (1.0, 4096.0), (0.25, -100.0)])
def test_the_screen_s_resolution_and_origin_do_not_matter(scale: float, shift: float) -> None:
    pointer = wander()
    moved = track(pointer.time_s, pointer.xy_px * scale + shift)
    assert same(render(pointer, recipe_for()), render(moved, recipe_for()), tolerance=1)


def test_the_same_track_gives_the_same_bits() -> None:
    assert same(render(wander(), recipe_for()), render(wander(), recipe_for()))


def test_aspect_is_kept() -> None:
    (window,) = render(track([0.0, 1.0, 2.0], [[0, 0], [400, 0], [400, 100]]), recipe_for(layout="path"))
    rows, columns = np.nonzero(window[0].pixels[..., 0])
    assert np.ptp(columns) > 3 * np.ptp(rows)


# ── what does ────────────────────────────────────────────────────────────────────────────────────────


def test_the_path_brightens_with_time_and_shows_speed() -> None:
    # slow to the right for one second, then fast for a tenth
    x = np.concatenate([np.linspace(0, 100, 51), np.linspace(100, 200, 6)[1:]])
    times = np.concatenate([np.linspace(0, 1, 51), np.linspace(1, 1.1, 6)[1:]])
    (window,) = render(track(times, np.stack([x, 0 * x], axis=1)), recipe_for(layout="path"))
    late, fast = window[0].pixels[SIZE_PX // 2, :, 0].astype(int), window[0].pixels[SIZE_PX // 2, :, 1].astype(int)
    assert late[50] > late[10] > 0
    assert fast[50] > fast[10] + 40


def test_dwell_is_brightest_where_the_pointer_rested() -> None:
    xy = [[0, 0], [50, 50], [50, 50], [100, 100]]
    (window,) = render(track([0.0, 0.1, 5.0, 5.1], xy), recipe_for(layout="dwell"))
    row, column = np.unravel_index(int(window[0].pixels[..., 0].argmax()), (SIZE_PX, SIZE_PX))
    assert abs(int(row) - 31.5) <= 1
    assert abs(int(column) - 31.5) <= 1


def test_rhythm_puts_a_steady_clock_on_one_place_of_the_diagonal() -> None:
    steady = track(np.arange(50) * 0.1, np.stack([np.arange(50), np.arange(50)], axis=1))
    (window,) = render(steady, recipe_for(layout="rhythm"))
    rows, columns = np.nonzero(window[0].pixels[..., 0])
    assert np.ptp(rows) <= 4
    assert np.ptp(columns) <= 4
    place = locate(window[0], float(np.median(columns)), float(np.median(rows)))
    assert place["interval_s"][0] / 1.3 < 0.1 < place["interval_s"][1] * 1.3
    assert place["next_interval_s"][0] / 1.3 < 0.1 < place["next_interval_s"][1] * 1.3


def test_profile_shows_the_pause() -> None:
    times = np.arange(40) * 0.02
    times[20:] += 3.0
    (window,) = render(track(times, np.stack([np.arange(40), np.zeros(40)], axis=1)), recipe_for(layout="profile"))
    rows, columns = np.nonzero(window[0].pixels[..., 0])
    top = locate(window[0], float(columns[rows.argmin()]), float(rows.min()))
    assert top["interval_s"][1] > 3.0
    assert top["point"][0] == pytest.approx(19.5, abs=1.5)


# ── windows ──────────────────────────────────────────────────────────────────────────────────────────


def test_short_tracks_stay_whole_and_sessions_are_cut() -> None:
    assert fit_recipe([{"n_points": 40.0}] * 9).options["window_points"] == 64
    assert fit_recipe([{"n_points": 9000.0, "duration_s": 60.0}]).options["window_points"] == 512
    assert len(render(wander(100), recipe_for(window_points=100))) == 1
    assert len(render(wander(101), recipe_for(window_points=100))) == 2
    assert len(render(wander(1000), recipe_for(window_points=20, max_windows=7))) == 7


def test_by_default_a_path_and_its_profile_are_drawn() -> None:
    (window,) = render(wander(40), fit_recipe([{"n_points": 40.0}]))
    assert [(picture.panel, picture.pixels.shape) for picture in window] == [
        ("path", (224, 224, 3)),
        ("profile", (224, 224, 3)),
    ]


def test_windows_share_the_file_s_screen_and_number_its_points() -> None:
    windows = render(wander(90), recipe_for(window_points=30))
    paths = [by_panel(window)["path"] for window in windows]
    assert len({(p.x.start, p.x.stop, p.y.start, p.y.stop) for p in paths}) == 1
    assert [by_panel(window)["profile"].x.start for window in windows] == [0.0, 30.0, 60.0]


# ── the way back ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("panel", ["path", "dwell"])
def test_a_pixel_of_the_path_is_a_box_of_the_screen(panel: str) -> None:
    pointer = track([0.0, 1.0, 2.0], [[100, 700], [300, 500], [900, 600]])
    picture = by_panel(render(pointer, recipe_for())[0])[panel]
    for x, y in pointer.xy_px:
        column, row = picture.x.fraction_at(x) * SIZE_PX, picture.y.fraction_at(y) * SIZE_PX
        box = locate(picture, column, row)
        assert box["x_px"][0] <= x <= box["x_px"][1]
        assert box["y_px"][0] <= y <= box["y_px"][1]
        assert picture.pixels[int(row), int(column)].max() > 0


@pytest.mark.parametrize("panel", PANELS)
def test_every_drawn_point_leads_back_to_a_moment(panel: str) -> None:
    pointer = wander(60)
    picture = by_panel(render(pointer, recipe_for())[0])[panel]
    row, column = np.unravel_index(int(picture.pixels.sum(axis=2).argmax()), (SIZE_PX, SIZE_PX))
    moments = times_at(pointer, picture, int(column), int(row), radius_px=3.0)
    assert moments == sorted(moments)
    assert set(moments) <= set(pointer.time_s.tolist())
    if panel != "profile":  # there, the brightest pixel may lie between two points
        assert moments


def test_the_pause_is_found_by_its_time() -> None:
    times = np.array([0.0, 0.02, 0.04, 3.0, 3.02, 3.05])
    pointer = track(times, np.stack([np.arange(6), np.zeros(6)], axis=1))
    (picture,) = render(pointer, recipe_for(layout="profile"))[0]
    column = int(2.5 / 5 * SIZE_PX)
    row = int(picture.y.fraction_at(2.96) * SIZE_PX)
    assert times_at(pointer, picture, column, row) == [0.04]


@pytest.mark.parametrize(("x_px", "y_px"), [(-1, 0), (0, SIZE_PX)])
def test_a_pixel_outside_the_picture_is_refused(x_px: int, y_px: int) -> None:
    picture = render(wander(), recipe_for())[0][0]
    with pytest.raises(OptionError, match="64 x 64"):
        locate(picture, x_px, y_px)
    with pytest.raises(OptionError, match="64 x 64"):
        times_at(wander(), picture, x_px, y_px)


# ── odd tracks ───────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=60, deadline=None)
@given(
    values=arrays.arrays(
        np.float64,
        st.tuples(st.integers(1, 40), st.just(3)),
        elements=st.floats(-1e200, 1e200) | st.integers(0, 3).map(float),
    )
)
def test_any_finite_track_makes_pictures(values: np.ndarray) -> None:
    windows = render(track(values[:, 0], values[:, 1:]), recipe_for(window_points=15))
    for window in windows:
        assert [picture.panel for picture in window] == list(PANELS)
        for picture in window:
            assert picture.pixels.shape == (SIZE_PX, SIZE_PX, 3)
            assert picture.content == (0, 0, SIZE_PX, SIZE_PX)
            assert all(math.isfinite(v) for pair in locate(picture, 3, 5).values() for v in pair)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_track_of_a_few_points_is_drawn(n: int) -> None:
    (window,) = render(wander(n), recipe_for())
    assert by_panel(window)["path"].pixels.max() > 0


def test_an_empty_or_infinite_track_is_not_drawn() -> None:
    with pytest.raises(DecodeError, match="at least one point"):
        render(track([], []), recipe_for())
    with pytest.raises(DecodeError, match="finite"):
        render(track([0.0, np.inf], [[0, 0], [1, 1]]), recipe_for())
    with pytest.raises(DecodeError, match="finite"):
        render(track([0.0, 1.0], [[0, np.nan], [1, 1]]), recipe_for())


@pytest.mark.parametrize(
    "options",
    [{"layout": "photo"}, {"layout": "path+path"}, {"window_points": 1}, {"max_windows": 2.5}, {"colour": "red"}],
)
def test_a_wrong_option_is_one_sentence(options: dict[str, object]) -> None:
    with pytest.raises(OptionError, match="but"):
        recipe_for(**options)


def test_a_recipe_of_another_kind_is_refused() -> None:
    with pytest.raises(OptionError, match="image"):
        render(wander(), Recipe("image", 1, {}))
