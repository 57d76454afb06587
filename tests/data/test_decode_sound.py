"""Sounds: what is written with libsndfile comes back, and what is no sound is refused."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from photism.data.decode_sound import decode_sound
from photism.data.files import Limits
from photism.errors import DecodeError

RATE_HZ = 8000
TONE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ)


@pytest.mark.parametrize(
    ("format_name", "subtype", "error"),
    [
        ("WAV", "PCM_U8", 0.01), ("WAV", "PCM_16", 1e-4), ("WAV", "PCM_24", 1e-6), ("WAV", "FLOAT", 0.0),
        ("WAV", "DOUBLE", 1e-7), ("WAV", "ULAW", 0.02), ("FLAC", "PCM_16", 1e-4), ("AIFF", "PCM_16", 1e-4),
        ("AU", "PCM_16", 1e-4), ("CAF", "PCM_16", 1e-4), ("W64", "PCM_16", 1e-4), ("RF64", "PCM_16", 1e-4),
        ("VOC", "PCM_16", 1e-4), ("OGG", "VORBIS", 0.1), ("MP3", "MPEG_LAYER_III", 0.1), ("NIST", "PCM_16", 1e-4),
        ("PAF", "PCM_16", 1e-4), ("PVF", "PCM_16", 1e-4), ("SVX", "PCM_16", 1e-4), ("AVR", "PCM_16", 1e-4),
        ("IRCAM", "PCM_16", 1e-4), ("OGG", "OPUS", 0.2),
    ],
)  # fmt: skip
def test_formats_give_their_samples(tmp_path: Path, format_name: str, subtype: str, error: float) -> None:
    soundfile.write(tmp_path / "f", TONE, RATE_HZ, format=format_name, subtype=subtype)
    wave = decode_sound(tmp_path / "f")
    assert wave.rate_hz in (RATE_HZ, 48000)  # Opus may answer at its own rate
    assert wave.samples.dtype == np.float32
    if wave.rate_hz == RATE_HZ:
        n = min(wave.samples.shape[1], len(TONE))
        assert n >= 0.95 * len(TONE)
        assert np.abs(wave.samples[0, :n] - TONE[:n].astype(np.float32)).max() <= error
    assert np.abs(wave.samples).max() <= 1


@pytest.mark.parametrize(("channels", "rate_hz"), [(1, 44100), (2, 48000), (6, 11025), (3, 192000)])
def test_channels_and_rate_stay_as_they_are(tmp_path: Path, channels: int, rate_hz: int) -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, (500, channels)).astype(np.float32)
    soundfile.write(tmp_path / "f", samples, rate_hz, format="WAV", subtype="FLOAT")
    wave = decode_sound(tmp_path / "f")
    assert wave.rate_hz == rate_hz
    assert wave.samples.flags.c_contiguous
    np.testing.assert_array_equal(wave.samples, samples.T)


@pytest.mark.parametrize("peak", [1.5, 32768.0])
def test_floats_beyond_full_scale_are_divided_by_their_peak(tmp_path: Path, peak: float) -> None:
    soundfile.write(tmp_path / "f", TONE / 0.5 * peak, RATE_HZ, format="WAV", subtype="FLOAT")
    wave = decode_sound(tmp_path / "f")
    assert np.abs(wave.samples).max() == 1
    np.testing.assert_allclose(wave.samples[0], TONE / np.abs(TONE).max(), atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_a_number_is_refused(tmp_path: Path, bad: float) -> None:
    samples = TONE.copy()
    samples[77] = bad
    soundfile.write(tmp_path / "f", samples, RATE_HZ, format="WAV", subtype="FLOAT")
    with pytest.raises(DecodeError, match="NaN or infinite"):
        decode_sound(tmp_path / "f")


def test_a_sound_without_samples_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "f", TONE[:0], RATE_HZ, format="WAV")
    with pytest.raises(DecodeError, match="no sound"):
        decode_sound(tmp_path / "f")


@pytest.mark.parametrize("limits", [Limits(seconds=0.5), Limits(values=100)])
def test_too_long_a_sound_is_refused(tmp_path: Path, limits: Limits) -> None:
    soundfile.write(tmp_path / "f", TONE, RATE_HZ, format="FLAC")
    with pytest.raises(DecodeError, match="longer than"):
        decode_sound(tmp_path / "f", limits=limits)


@pytest.mark.parametrize("format_name", ["WAV", "FLAC", "AIFF"])
def test_a_sound_that_broke_off_is_refused(tmp_path: Path, format_name: str) -> None:
    soundfile.write(tmp_path / "f", TONE, RATE_HZ, format=format_name)
    data = (tmp_path / "f").read_bytes()
    (tmp_path / "f").write_bytes(data[: len(data) // 2])
    with pytest.raises(DecodeError, match=r"truncated|damaged"):
        decode_sound(tmp_path / "f")


def test_a_stream_of_unknown_length_is_read_to_its_end(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "f", TONE, RATE_HZ, format="WAV")
    data = bytearray((tmp_path / "f").read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    (tmp_path / "f").write_bytes(data)
    assert decode_sound(tmp_path / "f").samples.shape == (1, RATE_HZ)


def test_mp3_behind_a_tag(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "f", TONE, RATE_HZ, format="MP3")
    data = (tmp_path / "f").read_bytes()
    tag = b"ID3\x04\0\0" + struct.pack(">BBBB", 0, 0, 40, 0) + bytes(40 * 128)
    (tmp_path / "g").write_bytes(tag + data)
    assert decode_sound(tmp_path / "g").samples.shape[1] >= 0.95 * RATE_HZ


def test_random_bytes_with_an_mp3_sync_are_no_sound(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        (tmp_path / "f").write_bytes(b"\xff\xfb\x90\x44" + rng.bytes(4000))
        with pytest.raises(DecodeError, match="is not a sound"):
            decode_sound(tmp_path / "f")


@pytest.mark.parametrize(
    "head", [b"RIFF\0\0\0\0AVI LIST", b"RIFF", b"ID3", b"ID3\x04\0\0\x7f\x7f\x7f\x7f", b"\xff", b"fLaC"]
)
def test_beginnings_of_sounds_are_refused(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "f.wav").write_bytes(head)
    with pytest.raises(DecodeError, match=r"is not a sound|damaged"):
        decode_sound(tmp_path / "f.wav")


def test_damaged_mp3_says_nothing_by_itself(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    soundfile.write(tmp_path / "f", np.tile(TONE, 4), RATE_HZ, format="MP3")
    data = bytearray((tmp_path / "f").read_bytes())
    rng = np.random.default_rng(0)
    data[2000:9000] = rng.bytes(7000)
    (tmp_path / "f").write_bytes(data)
    try:
        decode_sound(tmp_path / "f")
    except DecodeError as error:
        assert str(tmp_path) in str(error)  # noqa: PT017  # either answer will do; silence is what is asked
    assert capfd.readouterr().err == ""
