"""Varied views: the same for the same file and seed, apart in the cache, and every operation does what it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from photism.data.duplicates import content_hash
from photism.errors import OptionError
from photism.executor import SerialExecutor
from photism.pictures import vary_binary, vary_image, vary_mouse, vary_sound
from photism.pictures.gallery import Gallery, Rendered
from photism.pictures.stretch import change_speed, change_tempo, shift_formants
from photism.pictures.table import RENDERERS, RenderJob, fit_recipe, render, render_file, render_pixels
from photism.pictures.vary_sound import remove_band
from photism.pictures.view import VARIATION_VERSION, Op, View, apply_ops
from photism.types import ByteString, Image, Kind, PointerTrack, Sample, Signal, Waveform

RATE_HZ = 22_050
TABLES: dict[Kind, Any] = {"image": vary_image, "sound": vary_sound, "binary": vary_binary, "mouse": vary_mouse}
EVERY_OP = [(kind, name) for kind, module in TABLES.items() for name in module.OPS]
RECIPE = fit_recipe("image", [], size_px=32)
VIEW = View(seed=3, index=1)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def tone(hz: float, seconds: float = 1.0, rate_hz: int = RATE_HZ) -> Waveform:
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return Waveform((0.5 * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)[None], rate_hz)


def hum(seconds: float = 1.0, channels: int = 1) -> Waveform:
    samples = rng(9).normal(0.0, 0.1, (channels, round(seconds * RATE_HZ)))
    return Waveform(np.clip(samples, -1.0, 1.0).astype(np.float32), RATE_HZ)


def photograph(height: int = 40, width: int = 60) -> Image:
    return Image(rng(5).integers(0, 256, (height, width, 3), np.uint8))


def track(n: int = 80) -> PointerTrack:
    draw = rng(6)
    time_s = np.rint(np.cumsum(draw.uniform(8.0, 60.0, n))) / 1000.0
    xy = np.rint(np.cumsum(draw.normal(0.0, 30.0, (n, 2)), axis=0)) + 600.0
    return PointerTrack(time_s - time_s[0], xy, draw.integers(0, 2, n).astype(np.uint8), "ms")


def example(kind: Kind) -> Signal:
    if kind == "image":
        return photograph()
    if kind == "sound":
        return hum(channels=2)
    return ByteString(rng(7).integers(0, 256, 5000).astype(np.uint8)) if kind == "binary" else track()


def arrays(signal: Signal) -> list[np.ndarray]:
    return [value for name in signal.__slots__ if isinstance(value := getattr(signal, name), np.ndarray)]


def loudest_hz(sound: Waveform) -> float:
    """The peak of the spectrum, to a fraction of a hertz; the ends do not count."""
    samples = sound.samples[0] * np.hanning(sound.samples.shape[1])
    spectrum = np.abs(np.fft.rfft(samples, 1 << 19))
    return float(spectrum.argmax() * sound.rate_hz / (1 << 19))


def band_energy(sound: Waveform, low_hz: float, high_hz: float) -> float:
    power = np.abs(np.fft.rfft(sound.samples[0])) ** 2
    hz = np.fft.rfftfreq(sound.samples.shape[1], 1.0 / sound.rate_hz)
    return float(power[(hz >= low_hz) & (hz < high_hz)].sum())


# ── every operation of every kind ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("kind", "name"), EVERY_OP)
def test_an_operation_leaves_its_input_alone_and_repeats_itself(kind: Kind, name: str) -> None:
    signal, op = example(kind), TABLES[kind].OPS[name]
    before = [array.copy() for array in arrays(signal)]
    for array in arrays(signal):
        array.flags.writeable = False  # as a memory map of the user's file would be
    for seed in range(5):
        one, other = op.apply(signal, rng(seed)), op.apply(signal, rng(seed))
        assert type(one) is type(signal)
        for first, second in zip(arrays(one), arrays(other), strict=True):
            np.testing.assert_array_equal(first, second)
    for array, copy in zip(arrays(signal), before, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize(("kind", "name"), EVERY_OP)
def test_an_operation_changes_something_and_not_always_the_same_way(kind: Kind, name: str) -> None:
    signal, op = example(kind), TABLES[kind].OPS[name]
    seen = {b"".join(array.tobytes() for array in arrays(op.apply(signal, rng(seed)))) for seed in range(12)}
    assert seen != {b"".join(array.tobytes() for array in arrays(signal))}
    assert len(seen) > 4 or (len(seen) == 1 and name in ("flip", "mirror"))


@pytest.mark.parametrize(("kind", "name"), EVERY_OP)
def test_what_an_operation_gives_can_be_drawn(kind: Kind, name: str) -> None:
    recipe = fit_recipe(kind, [{"duration_s": 1.0, "rate_hz": float(RATE_HZ), "n_points": 80.0}], size_px=32)
    for seed in range(3):
        varied = TABLES[kind].OPS[name].apply(example(kind), rng(seed))
        assert render(varied, recipe)[0][0].pixels.dtype == np.uint8


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_is_whole(kind: Kind) -> None:
    module = TABLES[kind]
    assert set(module.DEFAULT_OPS) <= set(module.OPS)
    assert all(0.0 < op.probability <= 1.0 for op in module.OPS.values())
    assert RENDERERS[kind].vary is module.vary


@pytest.mark.parametrize("kind", TABLES)
def test_defaults_are_what_is_applied_where_nothing_is_named(kind: Kind) -> None:
    signal, module = example(kind), TABLES[kind]
    default, named = module.vary(signal, rng(1)), module.vary(signal, rng(1), module.DEFAULT_OPS)
    for one, other in zip(arrays(default), arrays(named), strict=True):
        np.testing.assert_array_equal(one, other)
    assert module.vary(signal, rng(1), ()) is signal


@pytest.mark.parametrize("kind", TABLES)
def test_an_unknown_variation_is_refused_by_name(kind: Kind) -> None:
    with pytest.raises(OptionError, match="'upside_down'"):
        TABLES[kind].vary(example(kind), rng(), ("upside_down",))


def test_an_operation_is_applied_as_often_as_its_probability_says_and_in_order() -> None:
    ops: dict[str, Op[str]] = {
        "a": Op(lambda text, _: text + "a", 0.25),
        "b": Op(lambda text, _: text + "b", 1.0),
    }
    draw = rng()
    found = [apply_ops("", draw, ops, ("b", "a")) for _ in range(2000)]
    assert set(found) == {"b", "ba"}
    assert 0.21 < found.count("ba") / 2000 < 0.29


TINY: list[Signal] = [
    Image(np.array([[[1, 2, 3], [250, 4, 5]], [[6, 70, 8], [9, 10, 110]]], np.uint8)),
    Image(np.full((1, 1, 3), 7, np.uint8)),
    Image(rng().integers(0, 256, (1, 3000, 3), np.uint8)),
    Waveform(np.zeros((1, 4000), np.float32), 8000),
    Waveform(np.array([[0.5]], np.float32), 8000),
    Waveform(np.array([[0.5, -0.5], [0.1, 1.0]], np.float32), 8000),
    Waveform(np.ones((1, 300), np.float32), 100),
    ByteString(np.array([65], np.uint8)),
    ByteString(np.array([65, 66], np.uint8)),
    PointerTrack(np.array([0.0]), np.array([[3.0, 4.0]]), np.array([1], np.uint8), "ms"),
    PointerTrack(np.zeros(2), np.array([[3.5, 4.0], [3.5, 4.0]]), np.array([1, 0], np.uint8), "s"),
]


@pytest.mark.parametrize("signal", TINY, ids=lambda signal: f"{type(signal).__name__}{arrays(signal)[0].shape}")
def test_the_smallest_signals_survive_every_operation(signal: Signal) -> None:
    names = {Image: "image", Waveform: "sound", ByteString: "binary", PointerTrack: "mouse"}
    kind: Any = names[type(signal)]
    recipe = fit_recipe(kind, [], size_px=32)
    for name, op in TABLES[kind].OPS.items():
        for seed in range(6):
            varied = op.apply(signal, rng(seed))
            assert all(array.size for array in arrays(varied)), name
            assert render(varied, recipe)
    assert render(TABLES[kind].vary(signal, rng()), recipe)


@pytest.mark.parametrize(
    ("kind", "signal"),
    [
        ("sound", Waveform(np.zeros((1, 0), np.float32), 8000)),
        ("sound", Waveform(np.array([[0.1, np.nan]], np.float32), 8000)),
        ("binary", ByteString(np.zeros(0, np.uint8))),
        ("mouse", PointerTrack(np.zeros(0), np.zeros((0, 2)), np.zeros(0, np.uint8), "s")),
        ("mouse", PointerTrack(np.zeros(1), np.array([[np.inf, 0.0]]), np.zeros(1, np.uint8), "s")),
    ],
)
def test_what_cannot_be_drawn_is_left_for_the_renderer_to_refuse(kind: Kind, signal: Signal) -> None:
    for seed in range(5):
        for array, varied in zip(arrays(signal), arrays(TABLES[kind].vary(signal, rng(seed))), strict=True):
            np.testing.assert_array_equal(array, varied)


# ── images ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_flip_swaps_left_and_right_and_nothing_else() -> None:
    image = photograph()
    np.testing.assert_array_equal(vary_image.OPS["flip"].apply(image, rng()).pixels, image.pixels[:, ::-1])


def test_a_crop_keeps_half_to_all_of_the_area_at_the_images_aspect() -> None:
    down, across = np.mgrid[0:300, 0:400].astype(np.float64)
    ramps = Image(np.stack([across / 400 * 250, down / 300 * 250, across * 0], axis=-1).astype(np.uint8))
    areas, stretches = [], []
    for seed in range(60):
        pixels = vary_image.OPS["crop"].apply(ramps, rng(seed)).pixels
        assert pixels.shape == (300, 400, 3)
        seen = [float(np.ptp(pixels[..., channel].astype(int))) / 250 for channel in (0, 1)]
        areas.append(seen[0] * seen[1])
        stretches.append(seen[0] / seen[1])
    assert 0.47 < min(areas) < 0.6
    assert 0.9 < max(areas) <= 1.0
    assert 0.73 < min(stretches) < 0.9 < 1.1 < max(stretches) < 1.37


def test_a_small_image_is_enlarged_as_the_renderer_would_and_remembers_its_size() -> None:
    small = photograph(32, 32)
    cropped = vary_image.OPS["crop"].apply(small, rng(1))
    assert cropped.pixels.shape == (128, 128, 3)
    assert cropped.original_px == (32, 32)
    assert vary_image._rotate(cropped, 0.5).pixels.shape == (128, 128, 3)  # and not once more
    small = photograph(56, 56)
    whole = vary_image._resized(small, (0.0, 0.0, 56.0, 56.0))
    recipe = fit_recipe("image", [], size_px=224)
    np.testing.assert_array_equal(render(whole, recipe)[0][0].pixels, render(small, recipe)[0][0].pixels)
    cropped = vary_image.OPS["crop"].apply(small, rng(1))
    assert render(cropped, recipe)[0][0].x == render(small, recipe)[0][0].x


def test_a_size_known_from_the_file_is_kept() -> None:
    image = Image(photograph().pixels, (600, 400))
    for name, op in vary_image.OPS.items():
        assert all(op.apply(image, rng(seed)).original_px == (600, 400) for seed in range(8)), name


@pytest.mark.parametrize("distort", vary_image.TRIVIAL, ids=lambda distort: distort.__name__)
def test_no_distortion_brings_black_borders(distort: Callable[[Image, float], Image]) -> None:
    bright = Image(np.clip(photograph(60, 60).pixels // 4 + 150, 0, 255).astype(np.uint8))
    for strength in (-1.0, -0.4, 0.7, 1.0):
        pixels = distort(bright, strength).pixels
        assert pixels.dtype == np.uint8
        edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        middle = pixels[len(pixels) // 4 : -len(pixels) // 4].reshape(-1, 3)
        assert abs(float(edge.mean()) - float(middle.mean())) < 20.0


def test_a_rotation_turns_about_the_centre_by_its_angle() -> None:
    down, across = np.mgrid[0:301, 0:301]
    spot = np.where(np.hypot(across - 250, down - 150) < 6, 255, 0).astype(np.uint8)
    pixels = vary_image._rotate(Image(np.repeat(spot[..., None], 3, axis=2)), 1.0).pixels[..., 0].astype(float)
    x, y = (float((pixels * place).sum() / pixels.sum()) for place in (across, down))
    assert np.hypot(x - 150, y - 150) == pytest.approx(100.0, abs=0.7)
    assert abs(np.degrees(np.arctan2(y - 150, x - 150))) == pytest.approx(15.0, abs=0.4)


def test_a_translation_and_a_shear_move_pixels_as_far_as_they_say() -> None:
    image = photograph(230, 240)
    moved = vary_image._translate_x(image, 0.5).pixels  # 5 % of 240 px
    np.testing.assert_allclose(moved[:, :200].astype(int), image.pixels[:, 12:212].astype(int), atol=1)
    sheared = vary_image._shear_x(image, 0.5).pixels.astype(
        int
    )  # a tenth of a pixel a row: 10 px at row 100 from centre
    rows = image.pixels.astype(int)
    assert np.abs(sheared[215, 40:200] - rows[215, 50:210]).mean() < 15 < np.abs(sheared[215] - rows[215]).mean()


def test_colours_change_by_their_factors() -> None:
    image = Image((photograph().pixels // 3 + 40).astype(np.uint8))
    pixels = image.pixels.astype(float)
    grey = pixels @ vary_image.LUMA
    same = vary_image._coloured(image, 1.0, 1.0, 1.0, 0.0).pixels
    np.testing.assert_array_equal(same, image.pixels)
    brighter = vary_image._coloured(image, 1.2, 1.0, 1.0, 0.0).pixels
    np.testing.assert_allclose(brighter, pixels * 1.2, atol=0.51)
    flatter = vary_image._coloured(image, 1.0, 0.5, 1.0, 0.0).pixels
    assert flatter.std() == pytest.approx(pixels.std() / 2.0, rel=0.02)
    assert flatter.mean() == pytest.approx((pixels.mean() + grey.mean()) / 2.0, abs=1.0)
    greyscale = vary_image._coloured(image, 1.0, 1.0, 0.0, 0.0).pixels
    np.testing.assert_allclose(greyscale, np.repeat(grey[..., None], 3, axis=2), atol=1.0)
    turned = vary_image._coloured(image, 1.0, 1.0, 1.0, 0.03).pixels
    np.testing.assert_allclose(turned @ vary_image.LUMA, grey, atol=1.5)
    assert np.abs(turned - pixels).max() > 3.0


# ── sounds ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("factor", [0.85, 0.93, 1.0, 1.15])
def test_speed_moves_frequency_and_duration_by_the_factor(factor: float) -> None:
    played = change_speed(tone(1000.0), factor)
    assert loudest_hz(played) == pytest.approx(1000.0 * factor, rel=0.002)
    assert played.samples.shape[1] == pytest.approx(RATE_HZ / factor, abs=2)


@pytest.mark.parametrize("factor", [0.8, 0.93, 1.0, 1.25])
@pytest.mark.parametrize("hz", [110.0, 440.0, 3300.0, 5000.0])
def test_tempo_changes_the_duration_and_keeps_the_frequency_and_the_level(hz: float, factor: float) -> None:
    plain = tone(hz)
    played = change_tempo(plain, factor)
    assert played.samples.shape == (1, round(RATE_HZ / factor))
    assert loudest_hz(played) == pytest.approx(hz, rel=0.004)
    middle = played.samples[0, 2000:-2000]
    assert float(np.sqrt(np.mean(middle**2))) == pytest.approx(0.5 / np.sqrt(2.0), rel=0.05)


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_tempo_joins_a_voice_so_well_that_its_high_harmonics_stay(factor: float) -> None:
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    harmonics = np.arange(1, 46)[:, None]
    voice = (0.02 * np.sin(2 * np.pi * 173.3 * harmonics * time_s + harmonics**2).sum(axis=0)).astype(np.float32)
    played = change_tempo(Waveform(voice[None], RATE_HZ), factor)
    powers = []
    for samples in (voice, played.samples[0]):
        part = Waveform((samples[4000:24_000] * np.hanning(20_000)).astype(np.float32)[None], RATE_HZ)
        powers.append(band_energy(part, 5000.0, 8000.0))
    assert powers[1] == pytest.approx(powers[0], rel=0.03)


def test_tempo_moves_events_to_their_place_in_time() -> None:
    clicks = Waveform(np.zeros((1, 2 * RATE_HZ), np.float32), RATE_HZ)
    clicks.samples[0, round(1.5 * RATE_HZ) :] = hum(0.5).samples[0]
    played = change_tempo(clicks, 1.25).samples[0]
    onset_s = float(np.flatnonzero(np.abs(played) > 0.05)[0]) / RATE_HZ
    assert onset_s == pytest.approx(1.5 / 1.25, abs=0.03)


@pytest.mark.parametrize("factor", [0.85, 0.93, 1.0, 1.18])
@pytest.mark.parametrize("hz", [300.0, 1000.0, 3000.0])
def test_a_formant_shift_moves_frequencies_by_the_factor_and_keeps_the_duration(hz: float, factor: float) -> None:
    shifted = shift_formants(tone(hz), factor)
    assert shifted.samples.shape == (1, RATE_HZ)
    assert loudest_hz(shifted) == pytest.approx(hz * factor, abs=13.0)
    assert band_energy(shifted, hz * factor - 80.0, hz * factor + 80.0) > 0.9 * band_energy(shifted, 0.0, 1e9)
    assert float(np.std(shifted.samples)) == pytest.approx(0.5 / np.sqrt(2.0), rel=0.2)  # a bin more or less


def test_a_formant_shift_by_one_gives_the_sound_back() -> None:
    sound = hum(0.7, channels=2)
    np.testing.assert_allclose(shift_formants(sound, 1.0).samples, sound.samples, atol=1e-5)


@pytest.mark.parametrize("factor", [0.85, 1.18])
def test_a_formant_shift_leaves_no_part_of_the_band_empty(factor: float) -> None:
    shifted = shift_formants(hum(), factor)
    top = RATE_HZ / 2.0
    parts = [band_energy(shifted, low, low + top / 10) for low in np.arange(10) * top / 10]
    assert min(parts) > 0.3 * max(parts)


def test_a_formant_shift_keeps_events_in_their_place() -> None:
    sound = Waveform(np.zeros((1, RATE_HZ), np.float32), RATE_HZ)
    sound.samples[0, 8000:12_000] = hum().samples[0, :4000]
    energy = shift_formants(sound, 1.15).samples[0].astype(float) ** 2
    assert float((energy * np.arange(RATE_HZ)).sum() / energy.sum()) == pytest.approx(10_000, abs=150)
    assert energy[:7000].sum() + energy[13_000:].sum() < 1e-3 * energy.sum()


def test_drawn_factors_cover_their_range() -> None:
    plain = tone(1000.0, 0.5)
    speeds = [vary_sound.OPS["speed"].apply(plain, rng(seed)).samples.shape[1] / 11_025 for seed in range(40)]
    tempos = [vary_sound.OPS["tempo"].apply(plain, rng(seed)).samples.shape[1] / 11_025 for seed in range(40)]
    pitches = [loudest_hz(vary_sound.OPS["formant"].apply(plain, rng(seed))) for seed in range(20)]
    assert 1 / 1.16 < min(speeds) < 0.9 < 1.1 < max(speeds) < 1 / 0.84
    assert 0.79 < min(tempos) < 0.85 < 1.15 < max(tempos) < 1.26
    assert 830 < min(pitches) < 930 < 1080 < max(pitches) < 1200


def test_a_removed_band_is_silent_and_the_others_are_as_they_were() -> None:
    sound = hum()
    removed = remove_band(sound, 2000.0, 3000.0)
    assert removed.samples.shape == sound.samples.shape
    assert band_energy(removed, 2100.0, 2900.0) < 1e-3 * band_energy(sound, 2100.0, 2900.0)
    for low, high in ((0.0, 1950.0), (3050.0, 1e9)):
        assert band_energy(removed, low, high) == pytest.approx(band_energy(sound, low, high), rel=0.03)


@pytest.mark.parametrize("rate_hz", [8000, 22_050, 44_100])
def test_a_filter_delays_nothing(rate_hz: int) -> None:
    click = Waveform(np.zeros((2, rate_hz), np.float32), rate_hz)
    click.samples[:, 3000] = 0.9
    for filtered in (remove_band(click, 1000.0, 1500.0), vary_sound.OPS["colour"].apply(click, rng())):
        np.testing.assert_array_equal(np.abs(filtered.samples).argmax(axis=1), [3000, 3000])


def test_a_frequency_mask_removes_at_most_its_share() -> None:
    sound = hum()
    shares = []
    for seed in range(20):
        masked = vary_sound.OPS["frequency_mask"].apply(sound, rng(seed))
        kept = [
            band_energy(masked, hz, hz + 50) / band_energy(sound, hz, hz + 50)
            for hz in vary_sound.mel_to_hz(np.linspace(50.0, 2950.0, 300))
        ]
        shares.append(float(np.mean(np.array(kept) < 0.1)))
    assert 0.0 < max(shares) <= 0.16
    assert len(set(shares)) > 5


def test_a_time_mask_silences_one_stretch_of_at_most_a_tenth() -> None:
    sound = Waveform(np.full((2, 20_000), 0.5, np.float32), RATE_HZ)
    for seed in range(10):
        changed = vary_sound.OPS["time_mask"].apply(sound, rng(seed)).samples != 0.5
        places = np.flatnonzero(changed[0])
        np.testing.assert_array_equal(changed[0], changed[1])
        assert 0.015 * 20_000 < len(places) <= 0.1 * 20_000 + 1
        assert len(places) == places[-1] - places[0] + 1


@pytest.mark.parametrize("name", ["time_mask", "frequency_mask"])
def test_a_mask_never_takes_all_that_there_is(name: str) -> None:
    faint = hum().samples * np.float32(0.001)
    bark, whistle = faint.copy(), faint + tone(3000.0).samples
    bark[:, 9000:9500] += hum().samples[:, :500]
    for samples in (bark, whistle):
        for seed in range(30):
            masked = vary_sound.OPS[name].apply(Waveform(samples, RATE_HZ), rng(seed)).samples
            assert float((masked**2).sum()) > 0.45 * float((samples**2).sum())


def test_a_shift_loses_nothing_and_cuts_where_it_is_quiet() -> None:
    samples = hum().samples.copy()
    samples[:, 1000:1900] = 0.0
    sound = Waveform(samples, RATE_HZ)
    for seed in range(20):
        shifted = vary_sound.OPS["shift"].apply(sound, rng(seed)).samples
        assert shifted.shape == samples.shape
        likeness = np.fft.irfft(np.fft.rfft(shifted[0]) * np.conj(np.fft.rfft(samples[0])), RATE_HZ)
        moved = (int(likeness.argmax()) + RATE_HZ // 2) % RATE_HZ - RATE_HZ // 2
        assert abs(moved) <= 0.2 * RATE_HZ + 1
        assert float(likeness.max()) > 0.97 * float((samples**2).sum())
    quiet = Waveform(np.where(np.arange(RATE_HZ) % 4000 < 2000, 0.0, samples).astype(np.float32), RATE_HZ)
    starts = [vary_sound.OPS["shift"].apply(quiet, rng(seed)).samples[0, :100] for seed in range(20)]
    assert np.mean([np.abs(start).max() < 1e-6 for start in starts]) > 0.8  # by chance it would be half


def test_gain_changes_the_level_by_up_to_6_db_and_never_leaves_the_range() -> None:
    quiet, loud = tone(500.0), Waveform(tone(500.0).samples * np.float32(1.9), RATE_HZ)
    levels = [float(np.abs(vary_sound.OPS["gain"].apply(quiet, rng(seed)).samples).max()) for seed in range(40)]
    assert 0.25 < min(levels) < 0.3 < 0.8 < max(levels) <= 1.0
    assert all(np.abs(vary_sound.OPS["gain"].apply(loud, rng(seed)).samples).max() <= 1.0 for seed in range(20))


def test_noise_is_10_to_30_db_below_the_sound_white_or_pink() -> None:
    sound = tone(500.0, 2.0)
    snr_db, tilts = [], []
    for seed in range(30):
        noise = Waveform(vary_sound.OPS["noise"].apply(sound, rng(seed)).samples - sound.samples, RATE_HZ)
        snr_db.append(10 * np.log10(float(np.mean(sound.samples**2) / np.mean(noise.samples**2))))
        tilts.append(10 * np.log10(band_energy(noise, 300.0, 600.0) / band_energy(noise, 4800.0, 5100.0)))
    assert 9.9 < min(snr_db) < 14 < 26 < max(snr_db) < 30.1
    pink = np.array(tilts) > 6.0
    assert 5 < pink.sum() < 25
    assert np.mean(np.array(tilts)[pink]) == pytest.approx(10 * np.log10(4950 / 450), abs=1.5)
    assert np.mean(np.array(tilts)[~pink]) == pytest.approx(0.0, abs=1.0)


def test_a_room_lets_a_click_ring_and_fall_and_keeps_the_duration() -> None:
    click = Waveform(np.zeros((1, RATE_HZ), np.float32), RATE_HZ)
    click.samples[0, 500] = 0.9
    for seed in range(8):
        heard = vary_sound.OPS["room"].apply(click, rng(seed)).samples[0]
        assert len(heard) == RATE_HZ
        assert np.abs(heard[:500]).max() < 1e-5
        assert heard[500] == pytest.approx(0.9, rel=1e-3)
        tail = np.square(heard[501:].astype(float))
        assert 10 ** (-12.1 / 10) < tail.sum() / 0.81 < 10 ** (-2.9 / 10)
        assert tail[: RATE_HZ // 20].sum() > 10 * tail[RATE_HZ // 4 :].sum()


def test_colour_tilts_the_spectrum_gently() -> None:
    sound = hum()
    slopes = []
    for seed in range(20):
        tilted = vary_sound.OPS["colour"].apply(sound, rng(seed))
        gains = [
            10 * np.log10(band_energy(tilted, hz, 1.2 * hz) / band_energy(sound, hz, 1.2 * hz)) for hz in (500, 4000)
        ]
        slopes.append((gains[1] - gains[0]) / 3.0)  # three octaves
    assert -1.6 < min(slopes) < -0.7 < 0.7 < max(slopes) < 1.6


# ── bytes ────────────────────────────────────────────────────────────────────────────────────────────

NUMBERED = ByteString((np.arange(100_000) * 7919 % 251).astype(np.uint8), "hex")


def test_a_large_file_loses_a_short_prefix_and_a_small_one_is_turned() -> None:
    small = ByteString(NUMBERED.values[:4096])
    for seed in range(10):
        shifted = vary_binary.OPS["shift"].apply(NUMBERED, rng(seed))
        skipped = 100_000 - len(shifted.values)
        assert 0 <= skipped <= 512
        assert shifted.encoding == "hex"
        np.testing.assert_array_equal(shifted.values, NUMBERED.values[skipped:])
        assert np.shares_memory(shifted.values, NUMBERED.values)
        turned = vary_binary.OPS["shift"].apply(small, rng(seed)).values
        assert any(np.array_equal(np.roll(small.values, -by), turned) for by in range(513))


def test_a_region_of_at_most_15_percent_is_gone() -> None:
    gone = []
    for seed in range(30):
        values = vary_binary.OPS["region"].apply(NUMBERED, rng(seed)).values
        gone.append(100_000 - len(values))
        start = int(np.argmax(np.append(values != NUMBERED.values[: len(values)], True)))
        rest = values[start:]
        np.testing.assert_array_equal(rest, NUMBERED.values[len(NUMBERED.values) - len(rest) :])
    assert 0 <= min(gone) < 3000 < 12_000 < max(gone) <= 15_000


def test_a_fragment_is_one_piece_of_half_to_all() -> None:
    text = NUMBERED.values.tobytes()
    lengths = []
    for seed in range(30):
        values = vary_binary.OPS["fragment"].apply(NUMBERED, rng(seed)).values
        assert values.tobytes() in text
        lengths.append(len(values))
    assert 50_000 <= min(lengths) < 60_000 < 90_000 < max(lengths) <= 100_000


def test_a_very_long_file_is_never_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vary_binary, "COPIED_BYTES", 50_000)
    for seed in range(10):
        assert np.shares_memory(vary_binary.vary(NUMBERED, rng(seed)).values, NUMBERED.values)


# ── pointer tracks ───────────────────────────────────────────────────────────────────────────────────


def test_a_rotation_keeps_distances_and_the_centre_and_turns_at_most_10_degrees() -> None:
    cross = np.array([[0.0, 500.5], [1000.0, 500.5], [500.0, 0.5], [500.0, 1000.5]])
    plain = PointerTrack(np.arange(4.0), cross, np.zeros(4, np.uint8), "s")
    angles = []
    for seed in range(30):
        xy = vary_mouse.OPS["rotate"].apply(plain, rng(seed)).xy_px
        assert np.linalg.norm(xy[1] - xy[0]) == pytest.approx(1000.0)
        np.testing.assert_allclose(xy.mean(axis=0), [500.0, 500.5])
        angles.append(float(np.degrees(np.arctan2(*(xy[1] - xy[0])[::-1]))))
    assert -10.0 <= min(angles) < -6.0 < 6.0 < max(angles) <= 10.0


def test_speed_scales_time_and_touches_nothing_else() -> None:
    plain = track()
    factors = []
    for seed in range(30):
        slowed = vary_mouse.OPS["speed"].apply(plain, rng(seed))
        factors.append(float(slowed.time_s[-1] / plain.time_s[-1]))
        np.testing.assert_array_equal(slowed.xy_px, plain.xy_px)
        np.testing.assert_allclose(slowed.time_s, plain.time_s * factors[-1], atol=0.0011)
    assert 0.79 < min(factors) < 0.87 < 1.15 < max(factors) < 1.26


def test_jitter_moves_points_by_up_to_a_pixel_and_a_half_and_scale_by_a_tenth() -> None:
    still = PointerTrack(np.arange(500.0), np.full((500, 2), 0.5), np.zeros(500, np.uint8), "s")
    spreads = [float(vary_mouse.OPS["jitter"].apply(still, rng(seed)).xy_px.std()) for seed in range(30)]
    assert 0.09 < min(spreads) < 0.5 < 1.2 < max(spreads) < 1.6
    plain = track()
    extent = np.ptp(plain.xy_px, axis=0)
    scales = [np.ptp(vary_mouse.OPS["scale"].apply(plain, rng(s)).xy_px, axis=0) / extent for s in range(30)]
    assert 0.89 < np.min(scales) < 0.94 < 1.06 < np.max(scales) < 1.11


def test_a_mirror_swaps_left_and_right_and_is_only_used_where_it_is_asked_for() -> None:
    plain = track()
    mirrored = vary_mouse.OPS["mirror"].apply(plain, rng())
    np.testing.assert_array_equal(np.diff(mirrored.xy_px, axis=0), np.diff(plain.xy_px, axis=0) * (-1, 1))
    assert (mirrored.xy_px.min(axis=0) == plain.xy_px.min(axis=0)).all()
    assert "mirror" not in vary_mouse.DEFAULT_OPS


@pytest.mark.parametrize("name", vary_mouse.OPS)
def test_a_recorders_buttons_whole_pixels_and_whole_milliseconds_stay(name: str) -> None:
    whole = track()
    fractional = PointerTrack(whole.time_s * 1.00037, whole.xy_px + 0.25, whole.buttons, "ms")
    varied, loose = (vary_mouse.OPS[name].apply(signal, rng(2)) for signal in (whole, fractional))
    np.testing.assert_array_equal(varied.buttons, whole.buttons)
    np.testing.assert_array_equal(varied.xy_px, np.rint(varied.xy_px))
    np.testing.assert_allclose(varied.time_s * 1000.0, np.rint(varied.time_s * 1000.0), atol=1e-6)
    assert varied.time_unit == "ms"
    assert (np.diff(varied.time_s) >= 0.0).all()
    assert (loose.xy_px != np.rint(loose.xy_px)).any()
    assert np.abs(loose.time_s * 1000.0 - np.rint(loose.time_s * 1000.0)).max() > 0.01


# ── views in the table and the gallery ───────────────────────────────────────────────────────────────


def saved(path: Path, seed: int) -> Path:
    PillowImage.fromarray(rng(seed).integers(0, 256, (20, 30, 3), np.uint8)).save(path, format="PNG")
    return path


def pixels_of(path: Path, view: View | None) -> np.ndarray:
    answer = render_pixels(RenderJob(path, RECIPE, view))
    assert not isinstance(answer, str), answer
    return answer[0]


def shown(samples: list[Sample], view: View | None, folder: Path | None = None) -> list[Rendered]:
    hashes = {sample.path: content_hash(sample.path) for sample in samples}
    return list(Gallery(RECIPE, folder, view).pictures(samples, hashes, SerialExecutor()))


def test_a_view_is_the_same_whatever_the_files_name_order_or_neighbours(tmp_path: Path) -> None:
    paths = [saved(tmp_path / f"{seed}.png", seed) for seed in range(3)]
    copy = tmp_path / "elsewhere.dat"
    copy.write_bytes(paths[1].read_bytes())
    samples = [Sample(path, path.name) for path in [*paths, copy]]
    forth, back = shown(samples, VIEW), shown(samples[::-1], VIEW)[::-1]
    for one, other in zip(forth, back, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
    np.testing.assert_array_equal(forth[3].pixels, forth[1].pixels)
    np.testing.assert_array_equal(forth[1].pixels, pixels_of(copy, VIEW))


def test_index_seed_ops_and_content_each_give_another_view(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", 0)
    views = [View(0, 1), View(0, 2), View(1, 1), View(0, 1, ("jitter", "crop"))]
    found = [pixels_of(path, view) for view in [None, *views]]
    assert len({pixels.tobytes() for pixels in found}) == 5
    one, other = (View(0, 1).rng(content_hash(saved(tmp_path / "b.png", seed))).random() for seed in (1, 2))
    assert one != other
    assert View(1, 23).rng("ab").random() != View(12, 3).rng("ab").random()


def test_view_zero_is_the_plain_picture_and_shares_its_cache(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", 0)
    np.testing.assert_array_equal(pixels_of(path, View(7, 0)), pixels_of(path, None))
    plain = Gallery(RECIPE, tmp_path)._folder
    assert Gallery(RECIPE, tmp_path, View(7, 0))._folder == plain == tmp_path / f"pictures-{RECIPE.key}"


def test_views_are_cached_apart_and_found_again(tmp_path: Path) -> None:
    samples = [Sample(saved(tmp_path / "a.png", 0), "a.png")]
    views = [
        None,
        View(0, 1),
        View(0, 2),
        View(1, 1),
        View(0, 1, ("flip",)),
        View(0, 1, ()),
        View(0, 1, ("flip",) * 30),
    ]
    first = [shown(samples, view, tmp_path / "cache")[0].pixels for view in views]
    names = [folder.name for folder in (tmp_path / "cache").iterdir()]
    assert len(names) == len(views)
    assert max(len(name) for name in names) < 120
    assert sum(f"-v{VARIATION_VERSION}-" in name for name in names) == len(views) - 1
    samples[0].path.unlink()  # whatever is shown now was kept
    hashes = {samples[0].path: next(iter(_keys(tmp_path / "cache")))}
    for view, pixels in zip(views, first, strict=True):
        again = list(Gallery(RECIPE, tmp_path / "cache", view).pictures(samples, hashes, SerialExecutor()))
        np.testing.assert_array_equal(again[0].pixels, pixels)


def _keys(cache: Path) -> set[str]:
    return {line.split('"')[1] for index in cache.glob("*/index.jsonl") for line in index.read_text().splitlines()}


def test_a_file_that_a_variation_leaves_undrawable_comes_back_as_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "few.bin"
    path.write_bytes(b"abc")
    broken = {"shift": Op(lambda signal, _: ByteString(signal.values[:0]), 1.0)}
    monkeypatch.setattr(vary_binary, "OPS", broken)
    recipe = fit_recipe("binary", [], options={"size_px": 32})
    answer = render_pixels(RenderJob(path, recipe, View(0, 1, ("shift",))))
    assert isinstance(answer, str)
    assert "at least one byte" in answer
    assert not isinstance(render_pixels(RenderJob(path, recipe)), str)


def test_a_broken_file_has_the_same_reason_in_every_view(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", 0)
    path.write_bytes(path.read_bytes()[:60])
    reasons = {render_pixels(RenderJob(path, RECIPE, view)) for view in (None, View(0, 1), View(0, 2))}
    assert len(reasons) == 1
    assert isinstance(reasons.pop(), str)


def test_a_view_with_an_impossible_number_or_an_unknown_op_is_refused(tmp_path: Path) -> None:
    for numbers in ((-1, 1), (0, -1)):
        with pytest.raises(OptionError, match="0 or above"):
            View(*numbers)
    with pytest.raises(OptionError, match="'speed'"):
        render_file(saved(tmp_path / "a.png", 0), RECIPE, View(0, 1, ("speed",)))
