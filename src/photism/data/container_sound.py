"""How a sound file was made, and level, length and silence of what it holds.

Covers format, codec, rate, channels, the encoder's own name, chunks of WAV files, the bits that are really used, and a
trace that a codec leaves behind after conversion: a wall in the spectrum with nothing above it. Does not cover what is
heard.
"""

from __future__ import annotations

import math
import re
import struct
from io import BufferedReader
from itertools import groupby
from typing import TypeAlias

import numpy as np
import soundfile
from jaxtyping import Float32

from photism.data.decode_sound import _open_sound, sounds_like
from photism.data.files import HEAD_BYTES, quiet
from photism.errors import DecodeError

__all__ = ["BAND_LIMIT", "band_limit_khz", "sound_container"]

Properties: TypeAlias = dict[str, float | str]

BAND_LIMIT = "band limit (kHz)"
"""Name of the property: where a codec or a lower rate has cut the spectrum."""

_READ_S = 5.0
_READ_VALUES = 1 << 22
_CHUNKS = 32
_FULL_SCALE_BITS = 24  # float32 holds 24-bit samples exactly
_PCM_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24}
_LEAST = 1e-10
_N_FFT = 2048
_FRAMES = 32
_BAND_HZ, _WALL_HZ, _WALL_DB, _ABOVE_DB = 250.0, 750.0, 25.0, 12.0
_STEP_HZ = 500.0
_TAG_BYTES = 80
_ENCODER = re.compile(rb"LAME[0-9.]{3,6}|Lav[fc][0-9.]{2,12}|iTunes [0-9.]+|GOGO|L3\.99r?")


def sound_container(stream: BufferedReader, size_bytes: int, name: str) -> tuple[Properties, Properties]:
    """Read a sound's container and the simple properties of its content.

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
        If the file is no sound, is damaged, or holds no samples.

    Notes
    -----
    Level, silence and spectrum are those of the first five seconds.
    """
    head = stream.read(HEAD_BYTES)
    if not sounds_like(head, stream):
        raise DecodeError(f"{name} is not a sound: its first bytes are not those of a known sound format.")
    container = _head_says(head, stream)
    with quiet():
        try:
            with _open_sound(stream) as sound:
                rate_hz, channels, subtype = sound.samplerate, sound.channels, sound.subtype
                duration_s = sound.frames / rate_hz
                container.update(_library_says(sound))
                n_read = int(min(_READ_S * rate_hz, max(_READ_VALUES // channels, 1), max(sound.frames, 1)))
                samples = sound.read(n_read, dtype="float32", always_2d=True)
        except (soundfile.SoundFileError, OSError, ValueError, TypeError, ZeroDivisionError) as error:
            raise DecodeError(f"{name} is a damaged sound file.") from error
    peak = max(float(samples.max()), -float(samples.min())) if len(samples) else math.nan
    if not math.isfinite(peak):
        raise DecodeError(f"{name} holds no samples that are numbers.")
    if subtype in _PCM_BITS or subtype in ("FLOAT", "DOUBLE", "PCM_32"):
        container["bits really used"] = _bits_used(samples)
    if channels > 1:
        container["channels alike"] = "yes" if np.ptp(samples, axis=1).max() == 0 else "no"
    mono = samples[:, 0] if channels == 1 else samples.mean(axis=1)
    wall = band_limit_khz(mono, rate_hz)
    container[BAND_LIMIT] = "none" if wall is None else wall
    content = {"duration (s)": duration_s, "kbit a second": size_bytes * 8e-3 / max(duration_s, 1e-3)}
    return container, {**content, **_levels(peak, mono, rate_hz)}


def _library_says(sound: soundfile.SoundFile) -> Properties:
    """Ask libsndfile for the form of the numbers and for the names of programs."""
    found: Properties = {
        "format": sound.format,
        "codec": sound.subtype,
        "byte order": sound.endian,
        "rate (Hz)": float(sound.samplerate),
        "channels": float(sound.channels),
    }
    if software := sound.copy_metadata().get("software"):
        found["software"] = software[:_TAG_BYTES]
    return found


def _head_says(head: bytes, stream: BufferedReader) -> Properties:
    """Read what libsndfile does not tell: encoder, nominal bit rate, chunks, tags."""
    found: Properties = {}
    if head[:4] in (b"RIFF", b"RIFX", b"FORM"):
        found["chunks"] = _chunks(stream, "<I" if head[:4] == b"RIFF" else ">I")
    for mark, n_before in ((b"\x03vorbis", 7), (b"OpusTags", 8)):
        if (place := head.find(mark)) >= 0:
            size = int.from_bytes(head[place + n_before : place + n_before + 4], "little")
            found["encoder"] = _plain(head[place + n_before + 4 : place + n_before + 4 + min(size, _TAG_BYTES)])
    if (place := head.find(b"\x01vorbis")) >= 0 and len(head) >= place + 28:
        nominal = struct.unpack("<i", head[place + 20 : place + 24])[0]
        found["nominal rate (kbit/s)"] = nominal / 1000
    if head[:4] == b"fLaC" and len(head) >= 12:
        found["block size"] = float(int.from_bytes(head[8:10], "big"))
    if "encoder" not in found and (match := _ENCODER.search(head)):
        found["encoder"] = _plain(match[0])
    if head[:3] == b"ID3" or head[:1] == b"\xff":
        found["ID3 tag"] = f"2.{head[3]}" if head[:3] == b"ID3" else "none"
    return found


def _chunks(stream: BufferedReader, size_form: str) -> str:
    """List the chunks of a RIFF or IFF file in their order."""
    order: list[str] = []
    place = 12
    for _ in range(_CHUNKS):
        stream.seek(place)
        header = stream.read(8)
        if len(header) < 8:
            break
        size = int(struct.unpack(size_form, header[4:])[0])
        order.append(_plain(header[:4]) + (f":{size}" if header[:4] == b"fmt " else ""))
        place += 8 + size + (size & 1)
    return " ".join(name for name, _ in groupby(order))


def _bits_used(samples: Float32[np.ndarray, "t c"]) -> float | str:
    """Count the bits that change anything: 16 for 16-bit sound kept in 24-bit or float samples."""
    scaled = samples * np.float32(1 << (_FULL_SCALE_BITS - 1))
    whole = scaled.astype(np.int32)
    if (whole != scaled).any():
        return "fractions"
    used = int(np.bitwise_or.reduce(whole, axis=None))
    return float(_FULL_SCALE_BITS - ((used & -used).bit_length() - 1)) if used else "silent"


def _levels(peak: float, mono: Float32[np.ndarray, " t"], rate_hz: int) -> Properties:
    """Measure level, peak, silence and where the sound sits in time and frequency."""
    power = float(np.dot(mono, mono)) / len(mono)
    block = max(rate_hz // 20, 1)
    blocks = mono[: len(mono) // block * block].reshape(-1, block)
    loud = np.einsum("bt,bt->b", blocks, blocks) / block if len(blocks) else np.array([power])
    steps = np.diff(mono)
    swing = float(np.dot(steps, steps)) / len(mono)
    return {
        "level (dB re full scale)": _decibel(power),
        "peak (dB re full scale)": _decibel(peak * peak),
        "quietest tenth (dB re full scale)": _decibel(float(np.percentile(loud, 10))),
        "share of digital silence": float(np.mean(mono == 0)),
        "offset (share of full scale)": abs(float(mono.mean())),
        # the root mean square frequency, from the power of the differences
        "mean frequency (Hz)": float(np.sqrt(swing / max(power, _LEAST)) * rate_hz / (2 * np.pi)),
    }


def band_limit_khz(mono: Float32[np.ndarray, " t"], rate_hz: int) -> float | None:
    """Find a wall in the spectrum: where the power falls steeply and nothing comes above.

    Lossy codecs, and sounds that once had a lower rate, end so; what a microphone records falls off slowly.

    Parameters
    ----------
    mono : float32 (t,)
        Samples in [-1, 1].
    rate_hz : int
        At which they were taken.

    Returns
    -------
    float or None
        The wall's frequency in kHz, in steps of 0.5; None where there is none below 95 % of half the rate.
    """
    n_frames = min(len(mono) // _N_FFT, _FRAMES)
    if n_frames < 2:
        return None
    starts = np.linspace(0, len(mono) - _N_FFT, n_frames).astype(np.int64)
    frames = mono[starts[:, None] + np.arange(_N_FFT)] * np.hanning(_N_FFT).astype(np.float32)
    power = np.square(np.abs(np.fft.rfft(frames))).mean(axis=0)
    width = _BAND_HZ * _N_FFT / rate_hz
    edges = np.arange(0, len(power), width).astype(np.int64)
    level = 10 * np.log10(np.add.reduceat(power, edges) / np.diff(edges, append=len(power)) + 1e-12)
    step = round(_WALL_HZ / _BAND_HZ)
    n = len(level)
    most_above = np.maximum.accumulate(level[::-1])[::-1]
    for i in range(n // 4, round(0.95 * n) - step):
        is_wall = level[i] - most_above[i + step] >= _WALL_DB
        if is_wall and np.ptp(level[i + step :]) <= _ABOVE_DB:
            return round((i + 1) * _BAND_HZ / _STEP_HZ) * _STEP_HZ / 1000
    return None


def _decibel(power: float) -> float:
    return float(10 * np.log10(max(power, _LEAST)))


def _plain(data: bytes) -> str:
    """Turn bytes from a file into a short printable word."""
    return "".join(chr(b) if 32 <= b < 127 else "." for b in data[:_TAG_BYTES]).strip()
