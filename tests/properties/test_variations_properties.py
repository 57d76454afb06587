"""Whatever the signal and the seed: a variation is valid, drawable, repeatable, and leaves its input alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from photism.pictures import vary_binary, vary_image, vary_mouse, vary_sound
from photism.pictures.stretch import change_speed, change_tempo, shift_formants
from photism.pictures.table import fit_recipe, render
from photism.types import ByteString, Image, PointerTrack, Waveform

SEEDS = st.integers(0, 2**32)


def names(module: Any) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(list(module.OPS)), min_size=1, max_size=5)


def same(one: Any, other: Any) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in one.__slots__)


@settings(deadline=None, max_examples=60)
@given(height=st.integers(1, 90), width=st.integers(1, 90), ops=names(vary_image), seed=SEEDS)
def test_any_image_stays_an_image_of_its_aspect(height: int, width: int, ops: list[str], seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    image, before = Image(pixels), pixels.copy()
    varied = vary_image.vary(image, np.random.default_rng(seed), ops)
    h, w, _ = varied.pixels.shape
    assert varied.pixels.dtype == np.uint8
    assert abs(h * width - w * height) <= max(width, height)  # rounded to whole pixels
    assert varied.original_px in (None, (width, height))
    assert (varied.original_px is None) == ((h, w) == (height, width))
    assert render(varied, fit_recipe("image", [], size_px=16))
    assert same(varied, vary_image.vary(image, np.random.default_rng(seed), ops))
    np.testing.assert_array_equal(pixels, before)


@settings(deadline=None, max_examples=60)
@given(
    channels=st.integers(1, 2),
    n=st.integers(1, 3000),
    rate_hz=st.sampled_from([100, 8000, 44_100]),
    level=st.sampled_from([0.0, 1e-6, 0.3, 1.0]),
    ops=names(vary_sound),
    seed=SEEDS,
)
def test_any_sound_stays_a_sound_in_range(
    channels: int, n: int, rate_hz: int, level: float, ops: list[str], seed: int
) -> None:
    samples = (level * np.random.default_rng(seed).uniform(-1.0, 1.0, (channels, n))).astype(np.float32)
    sound, before = Waveform(samples, rate_hz), samples.copy()
    varied = vary_sound.vary(sound, np.random.default_rng(seed), ops)
    assert varied.samples.dtype == np.float32
    assert varied.rate_hz == rate_hz
    assert len(varied.samples) == channels
    assert varied.samples.shape[1] >= 1
    assert np.abs(varied.samples).max() <= 1.0 + 1e-6
    assert level > 0.0 or not varied.samples.any()
    if not {"speed", "tempo"} & set(ops):
        assert varied.samples.shape == samples.shape
    assert render(varied, fit_recipe("sound", [], size_px=16))
    assert same(varied, vary_sound.vary(sound, np.random.default_rng(seed), ops))
    np.testing.assert_array_equal(samples, before)


@settings(deadline=None, max_examples=40)
@given(n=st.integers(64, 20_000), rate_hz=st.integers(500, 48_000), factor=st.floats(0.8, 1.25))
def test_durations_follow_the_factor_at_any_length_and_rate(n: int, rate_hz: int, factor: float) -> None:
    sound = Waveform(np.random.default_rng(n).uniform(-0.5, 0.5, (1, n)).astype(np.float32), rate_hz)
    assert change_tempo(sound, factor).samples.shape == (1, round(n / factor))
    assert abs(change_speed(sound, factor).samples.shape[1] - n / factor) <= 2
    assert shift_formants(sound, factor).samples.shape == (1, n)


@settings(deadline=None, max_examples=60)
@given(values=st.binary(min_size=0, max_size=20_000), ops=names(vary_binary), seed=SEEDS)
def test_any_bytes_stay_bytes_of_the_file(values: bytes, ops: list[str], seed: int) -> None:
    data = ByteString(np.frombuffer(values, np.uint8))
    varied = vary_binary.vary(data, np.random.default_rng(seed), ops).values
    assert min(len(values), 1) <= len(varied) <= len(values)
    left = np.bincount(data.values, minlength=256) - np.bincount(varied, minlength=256)
    assert (left >= 0).all()
    if set(ops) == {"shift"} and len(values) <= vary_binary.SMALL_BYTES:
        assert not left.any()
    assert len(values) == 0 or render(ByteString(varied), fit_recipe("binary", [], options={"size_px": 16}))


@settings(deadline=None, max_examples=60)
@given(
    points=st.lists(
        st.tuples(st.integers(0, 90_000), st.floats(-1e7, 1e7), st.floats(-1e7, 1e7)), min_size=1, max_size=40
    ),
    ops=names(vary_mouse),
    seed=SEEDS,
)
def test_any_track_keeps_its_points_buttons_and_order(
    points: list[tuple[int, float, float]], ops: list[str], seed: int
) -> None:
    time_s = np.sort(np.array([t for t, _, _ in points])) / 1000.0
    xy = np.array([(x, y) for _, x, y in points])
    buttons = (np.arange(len(points)) % 3).astype(np.uint8)
    track = PointerTrack(time_s - time_s[0], xy, buttons, "ms")
    before = xy.copy()
    varied = vary_mouse.vary(track, np.random.default_rng(seed), ops)
    assert varied.xy_px.shape == xy.shape
    np.testing.assert_array_equal(varied.buttons, buttons)
    assert varied.time_s[0] == 0.0
    assert (np.diff(varied.time_s) >= 0.0).all()
    assert np.isfinite(varied.xy_px).all()
    assert render(varied, fit_recipe("mouse", [], size_px=16))
    assert same(varied, vary_mouse.vary(track, np.random.default_rng(seed), ops))
    np.testing.assert_array_equal(xy, before)
