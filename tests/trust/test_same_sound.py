"""Two sounds shifted against each other: what agrees, and what does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from photism.trust.same_sound import RATE_HZ, compare_sounds, fingerprint_sound, same_sound, wave_of, whitened
from photism.types import Waveform


def noise(seed: int, seconds: float = 2.0, rate_hz: int = RATE_HZ) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * rate_hz)).astype(np.float32)


def wave(samples: np.ndarray, rate_hz: int = RATE_HZ) -> Waveform:
    return Waveform(np.atleast_2d(samples).astype(np.float32), rate_hz)


@settings(deadline=None, max_examples=20)
@given(shift=st.integers(-8000, 8000), gain_db=st.floats(-20, 0), seed=st.integers(0, 20))
def test_shift_and_gain_are_measured(shift: int, gain_db: float, seed: int) -> None:
    long = noise(seed, 4.0)
    first = long[8000:24_000]
    second = 10 ** (gain_db / 20) * long[8000 - shift : 24_000 - shift]
    found = compare_sounds(wave_of(wave(first)), wave_of(wave(second)))
    assert found is not None
    assert found.agreement > 0.95
    assert found.lag_s == pytest.approx(shift / RATE_HZ, abs=1e-4)
    assert found.gain_db == pytest.approx(gain_db, abs=0.3)
    assert found.overlap_s == pytest.approx(2.0 - abs(shift) / RATE_HZ)


def test_a_shift_between_samples_costs_nothing() -> None:
    long = noise(0, 2.0, 44_100)
    found = compare_sounds(wave_of(wave(long[:60_000], 44_100)), wave_of(wave(long[1003:61_003], 44_100)))
    assert found is not None
    assert found.agreement > 0.93
    assert found.lag_s == pytest.approx(-1003 / 44_100, abs=2e-5)


def test_two_hums_of_one_pitch_are_no_copies(tmp_path: Path) -> None:
    t = np.arange(2 * RATE_HZ) / RATE_HZ
    paths = []
    for seed in (0, 1):
        hum = 0.3 * np.sin(2 * np.pi * 100 * t) + 0.2 * np.sin(2 * np.pi * 200 * t) + 0.2 * noise(seed)
        paths.append(tmp_path / f"{seed}.wav")
        soundfile.write(paths[-1], hum.astype(np.float32), RATE_HZ)
    plain = [soundfile.read(path)[0] for path in paths]
    assert np.corrcoef(*plain)[0, 1] > 0.9
    assert same_sound(*paths) is None
    assert same_sound(paths[0], paths[0]) == (pytest.approx(1.0), "re-encoded")


def test_silence_and_broken_files_are_no_copies(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(8000, np.float32), 8000)
    soundfile.write(tmp_path / "noise.wav", noise(0), 8000)
    (tmp_path / "text").write_text("no sound")
    for other in ("silence.wav", "noise.wav", "text"):
        assert same_sound(tmp_path / "silence.wav", tmp_path / other) is None
    assert len(fingerprint_sound(tmp_path / "silence.wav")) == 0


def test_channels_that_cancel_are_heard() -> None:
    one = noise(0)
    assert np.allclose(wave_of(wave(np.stack([one, -one]))).plain, one - one.mean(), atol=1e-6)
    assert np.allclose(wave_of(wave(np.stack([one, one]))).plain, one - one.mean(), atol=1e-6)


def test_whitening_levels_a_spectrum() -> None:
    t = np.arange(2 * RATE_HZ) / RATE_HZ
    sound = (noise(0) + np.sin(2 * np.pi * 440 * t)).astype(np.float32)
    before, after = (np.abs(np.fft.rfft(each)) ** 2 for each in (sound, whitened(sound)))
    hum = slice(860, 901)  # 430 to 450 Hz
    assert before[hum].sum() > 0.9 * before.sum()
    assert after[hum].sum() < 0.1 * after.sum()


def test_fingerprints_outlive_shift_and_noise(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    t = np.arange(3 * RATE_HZ) / RATE_HZ
    starts = rng.uniform(0, 2.8, 12)
    chirps = sum(np.sin(2 * np.pi * rng.uniform(200, 3500) * t) * np.exp(-30 * np.abs(t - s)) for s in starts)
    hiss = rng.normal(0, 0.1 * np.sqrt(np.mean(chirps**2)), len(t))
    shifted = np.concatenate([np.zeros(10 * 128), chirps])[: len(t)]
    for name, sound in {"plain": chirps, "copy": shifted + hiss, "other": noise(3, 3.0)}.items():
        soundfile.write(tmp_path / f"{name}.wav", (0.1 * sound).astype(np.float32), RATE_HZ)
    plain, copy, other = (set(fingerprint_sound(tmp_path / f"{n}.wav").tolist()) for n in ("plain", "copy", "other"))
    assert len(plain & copy) > 0.3 * min(len(plain), len(copy))
    assert len(plain & other) < 0.05 * len(plain)
