"""Sounds into log-mel pictures: what is fitted, what is drawn where, and the way back."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from photism.errors import DecodeError, OptionError
from photism.pictures.sound import fit_recipe, locate, render
from photism.types import Picture, Recipe, Waveform

SIZE_PX = 64


def recipe_for(duration_s: float = 1.0, rate_hz: int = 8000, **options: object) -> Recipe:
    return fit_recipe([{"duration_s": duration_s, "rate_hz": float(rate_hz)}], size_px=SIZE_PX, options=options)  # type: ignore[arg-type]


def tone(frequency_hz: float, *, duration_s: float = 1.0, rate_hz: int = 8000, level: float = 0.5) -> Waveform:
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    return Waveform((level * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)[None], rate_hz)


def only(windows: tuple[tuple[Picture, ...], ...]) -> Picture:
    ((picture,),) = windows
    return picture


# ── fitting ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_window_covers_most_sounds_and_the_rate_is_the_median() -> None:
    facts = [{"duration_s": 0.4, "rate_hz": 8000.0}] * 99 + [{"duration_s": 3.0, "rate_hz": 44_100.0}]
    options = fit_recipe(facts).options
    assert (options["window_s"], options["rate_hz"], options["high_hz"]) == (0.4, 8000, 4000.0)


def test_long_sounds_and_high_rates_are_capped() -> None:
    options = fit_recipe([{"duration_s": 3600.0, "rate_hz": 192_000.0}]).options
    assert options["window_s"] == 5.0
    assert options["rate_hz"] == 48_000


def test_no_facts_still_give_a_recipe_that_draws() -> None:
    assert only(render(tone(440.0), fit_recipe([], size_px=SIZE_PX))).pixels.max() == 255


def test_bands_are_wide_for_speech_rates_only() -> None:
    widths = [fit_recipe([{"duration_s": 1.0, "rate_hz": rate}]).options["band_mel"] for rate in (8e3, 16e3, 44.1e3)]
    assert widths == [110.0, 110.0, 0.0]


def test_options_win_over_what_is_fitted() -> None:
    options = recipe_for(window_s=0.25, high_hz=3000, max_windows=2).options
    assert (options["window_s"], options["high_hz"], options["max_windows"]) == (0.25, 3000.0, 2)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"window": 1.0}, "'window'"),
        ({"window_s": 0}, "window_s"),
        ({"window_s": True}, "window_s"),
        ({"high_hz": 5000.0}, "high_hz"),
        ({"low_hz": 3900.0}, "low_hz"),
        ({"depths_db": [80.0]}, "depths_db"),
        ({"depths_db": "80"}, "depths_db"),
        ({"depths_db": [80.0, 60.0, 0.0]}, "depths_db"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object], named: str) -> None:
    with pytest.raises(OptionError, match=named):
        recipe_for(**options)


def test_a_recipe_of_another_kind_is_refused() -> None:
    with pytest.raises(OptionError, match="kind binary"):
        render(tone(440.0), Recipe("binary", 1, {}))


# ── what is drawn where ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("frequency_hz", [300.0, 1000.0, 3000.0])
def test_a_tone_is_brightest_at_its_own_frequency(frequency_hz: float) -> None:
    picture = only(render(tone(frequency_hz), recipe_for()))
    row = int(picture.pixels[:, SIZE_PX // 2, 2].astype(int).argmax())
    low, high = locate(picture, SIZE_PX // 2, row)["frequency_hz"]
    band = high - low
    assert low - band <= frequency_hz <= high + band


def test_a_click_is_brightest_at_its_own_time() -> None:
    samples = np.zeros((1, 8000), np.float32)
    samples[0, 5000] = 1.0
    picture = only(render(Waveform(samples, 8000), recipe_for(frame_s=0.016)))
    column = int(picture.pixels[..., 0].astype(int).sum(axis=0).argmax())
    start, stop = locate(picture, column, 0)["time_s"]
    assert start - 0.008 <= 0.625 <= stop + 0.008


def test_high_pitches_are_on_top_and_axes_say_so() -> None:
    picture = only(render(tone(3500.0), recipe_for()))
    assert picture.pixels[: SIZE_PX // 2, :, 2].mean() > picture.pixels[SIZE_PX // 2 :, :, 2].mean()
    assert picture.y.start > picture.y.stop
    assert (picture.x.anywhere, picture.y.anywhere) == (True, False)


def test_wide_bands_melt_harmonics_into_one() -> None:
    voice = sum(tone(150.0 * k, level=0.1).samples for k in range(1, 9))
    assert isinstance(voice, np.ndarray)
    narrow, wide = (
        only(render(Waveform(voice, 8000), recipe_for(band_mel=band))).pixels[:, 32, 0].astype(int) for band in (0, 110)
    )
    assert np.abs(np.diff(wide[20:])).mean() < 0.5 * np.abs(np.diff(narrow[20:])).mean()


def test_channels_show_the_same_energies_at_three_depths() -> None:
    noise = np.random.default_rng(0).normal(size=(1, 8000)).astype(np.float32) * np.linspace(0.001, 1, 8000, dtype="f")
    deep, middle, shallow = np.moveaxis(only(render(Waveform(noise, 8000), recipe_for())).pixels.astype(int), -1, 0)
    assert (deep >= middle).all()
    assert (middle >= shallow).all()
    assert (shallow == 0).mean() > (deep == 0).mean()


@pytest.mark.parametrize("gain", [0.001, 0.1, 100.0, 1e30])
def test_the_level_of_a_recording_says_nothing(gain: float) -> None:
    noise = np.random.default_rng(1).normal(size=(1, 8000)).astype(np.float32)
    plain = only(render(Waveform(noise, 8000), recipe_for())).pixels.astype(int)
    louder = only(render(Waveform(noise * np.float32(gain), 8000), recipe_for())).pixels.astype(int)
    assert np.abs(plain - louder).max() <= 1


def test_an_offset_says_nothing() -> None:
    plain = only(render(tone(1000.0), recipe_for())).pixels.astype(int)
    signal = tone(1000.0)
    shifted = only(render(replace(signal, samples=signal.samples + np.float32(0.4)), recipe_for())).pixels.astype(int)
    assert np.abs(plain - shifted)[..., 2].max() <= 1


@pytest.mark.parametrize("level", [0.0, 1e-30, 0.7])
def test_silence_and_constants_are_black(level: float) -> None:
    assert not only(render(Waveform(np.full((2, 8000), level, np.float32), 8000), recipe_for())).pixels.any()


def test_channels_are_mixed_and_never_cancel_each_other() -> None:
    left = tone(1000.0).samples[0]
    one = only(render(Waveform(left[None], 8000), recipe_for())).pixels
    for samples in (np.stack([left, left]), np.stack([left, -left]), np.stack([left] * 6)):
        assert np.array_equal(only(render(Waveform(samples, 8000), recipe_for())).pixels, one)


@pytest.mark.parametrize("rate_hz", [4000, 11_025, 22_050, 96_000])
def test_any_rate_is_brought_to_the_recipes(rate_hz: int) -> None:
    picture = only(render(tone(1000.0, rate_hz=rate_hz), recipe_for()))
    same = only(render(tone(1000.0), recipe_for()))
    assert picture.pixels.shape == same.pixels.shape
    middle = picture.pixels[:, 20:44, 2].astype(int) - same.pixels[:, 20:44, 2].astype(int)
    assert np.abs(middle).max() <= 3


# ── windows ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_shorter_sound_is_padded_and_the_box_says_where_it_ends() -> None:
    picture = only(render(tone(1000.0, duration_s=0.25), recipe_for()))
    assert picture.content == (0, 0, SIZE_PX // 4, SIZE_PX)
    assert not picture.pixels[:, SIZE_PX // 4 :].any()
    assert (picture.x.start, picture.x.stop) == (0.0, 1.0)


def test_a_longer_sound_is_cut_into_windows_that_cover_it() -> None:
    windows = render(tone(1000.0, duration_s=2.5), recipe_for())
    spans = [(window[0].x.start, window[0].x.stop) for window in windows]
    assert spans == [(0.0, 1.0), (0.75, 1.75), (1.5, 2.5)]
    assert all(window[0].content == (0, 0, SIZE_PX, SIZE_PX) for window in windows)


def test_the_number_of_windows_is_bounded_and_they_are_spread() -> None:
    windows = render(tone(1000.0, duration_s=60.0), recipe_for(max_windows=4))
    assert [round(window[0].x.start, 2) for window in windows] == [0.0, 19.67, 39.33, 59.0]


def test_levels_of_windows_are_told_from_the_whole_sound() -> None:
    samples = np.concatenate([0.01 * tone(1000.0).samples, tone(1000.0).samples], axis=1)
    quiet, loud = render(Waveform(samples, 8000), recipe_for())
    difference = loud[0].pixels[:, 10:50, 0].max() / 255 * 60 - quiet[0].pixels[:, 10:50, 0].max() / 255 * 60
    assert difference == pytest.approx(40.0, abs=1.0)  # decibels


# ── broken and odd input ─────────────────────────────────────────────────────────────────────────────


def test_no_samples_and_not_finite_samples_have_their_sentence() -> None:
    for samples, sentence in (
        (np.zeros((1, 0), np.float32), "no samples"),
        (np.array([[0.0, np.nan]], np.float32), "not finite"),
        (np.array([[0.0, np.inf]], np.float32), "not finite"),
    ):
        with pytest.raises(DecodeError, match=sentence):
            render(Waveform(samples, 8000), recipe_for())


@settings(max_examples=60, deadline=None)
@given(
    samples=arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 3), st.integers(1, 5000)),
        elements=st.floats(-1.0, 1.0, width=32),
        fill=st.just(np.float32(0.25)),
    ),
    rate_hz=st.integers(50, 50_000),
)
def test_every_sound_gives_whole_pictures_of_one_size(samples: np.ndarray, rate_hz: int) -> None:
    recipe = recipe_for(duration_s=0.2)
    windows = render(Waveform(samples, rate_hz), recipe)
    assert 1 <= len(windows) <= 8
    for (picture,) in windows:
        assert picture.pixels.shape == (SIZE_PX, SIZE_PX, 3)
        left, top, right, bottom = picture.content
        assert (left, top, bottom) == (0, 0, SIZE_PX)
        assert 1 <= right <= SIZE_PX
        assert not picture.pixels[:, right:].any()
    again = render(Waveform(samples, rate_hz), recipe)
    assert all(np.array_equal(one[0].pixels, two[0].pixels) for one, two in zip(windows, again, strict=True))


# ── the way back ─────────────────────────────────────────────────────────────────────────────────────


def test_pixels_tile_the_pictures_sides() -> None:
    picture = only(render(tone(1000.0), recipe_for()))
    columns = [locate(picture, column, 0)["time_s"] for column in range(SIZE_PX)]
    rows = [locate(picture, 0, row)["frequency_hz"] for row in range(SIZE_PX)]
    assert columns[0][0] == 0.0
    assert columns[-1][1] == pytest.approx(1.0)
    assert all(a[1] == pytest.approx(b[0]) for a, b in itertools.pairwise(columns))
    assert all(a[0] == pytest.approx(b[1]) for a, b in itertools.pairwise(rows))
    assert all(low < high for low, high in rows)


@pytest.mark.parametrize(("x_px", "y_px"), [(-1, 0), (0, -1), (SIZE_PX, 0), (0, SIZE_PX), (float("nan"), 0)])
def test_a_pixel_outside_is_refused(x_px: float, y_px: float) -> None:
    with pytest.raises(OptionError, match="picture was expected"):
        locate(only(render(tone(1000.0), recipe_for())), x_px, y_px)
