"""Are two sound files copies of one another? Shifted against each other, their waves must agree.

Covers copies at another level, re-encoded, resampled, with noise about 10 dB below, and pieces of one recording that
overlap by a tenth of their energy or more. Does not cover other speeds and pitches, other
microphones and rooms, and what lies beyond the first five minutes.

Two recordings of one kind of event agree in their spectra, and two hums agree wave by wave. So each sound is whitened
first: what is common in it is made quiet, what happens only there decides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import scipy.fft
import soxr
from jaxtyping import Float32, Float64, UInt64
from scipy.ndimage import uniform_filter1d

from photism.data.decode_sound import decode_sound
from photism.errors import DecodeError
from photism.trust.shelf import Known
from photism.types import Waveform

__all__ = [
    "SameSound",
    "Shift",
    "Wave",
    "compare_sounds",
    "find_shift",
    "fingerprint_sound",
    "same_known_sounds",
    "same_sound",
    "wave_of",
    "white_wave",
    "whitened",
]

RATE_HZ = 8_000
"""Everything is compared at this rate."""
LEAST_AGREEMENT = 0.75
"""Least correlation of the whitened waves. Different takes of one fire reach 0.58, noise 20 dB below leaves 0.86."""
LEAST_ENERGY = 0.1
"""Least share of both sounds' whitened energy that must lie in the overlap."""
LEAST_OVERLAP_S = 0.25
MOST_S = 300.0

_SMOOTH_HZ = 100.0
_FLOOR = 0.02
_SAME_LEVEL_DB = 0.5
_SHIFT_S = 0.005
_FINE, _REACH = 8, 24  # steps to a sample, samples around, in looking for the exact lag
_SILENCE = 1e-10
# landmarks: a spectrogram's frames, the neighbourhood that a peak tops (frames, bands), and how peaks are paired
_FRAME, _HOP = 512, 128
_AROUND = (15, 15)
_PEAKS_PER_S, _FEWEST_PEAKS = 20.0, 8
_FAN, _FARTHEST_FRAMES = 5, 63


@dataclass(frozen=True, slots=True)
class Wave:
    """A sound at ``RATE_HZ``, mono: as it is, and whitened."""

    plain: Float32[np.ndarray, " t"]
    white: Float32[np.ndarray, " t"]


@dataclass(frozen=True, slots=True)
class SameSound:
    """What two sounds shifted against each other show.

    Parameters
    ----------
    agreement : float
        Correlation of the whitened waves in the overlap, -1 to 1.
    lag_s : float
        Seconds by which the second one is later.
    gain_db : float
        The second one's level in the overlap over the first one's.
    overlap_s : float
        Seconds that both hold.
    """

    agreement: float
    lag_s: float
    gain_db: float
    overlap_s: float


@dataclass(frozen=True, slots=True)
class Shift:
    """The shift at which two whitened waves agree best.

    Parameters
    ----------
    lag : int
        Samples by which the second one is later.
    exact : float
        The same between samples.
    agreement : float
        Correlation in the overlap, -1 to 1.
    """

    lag: int
    exact: float
    agreement: float


def whitened(plain: Float32[np.ndarray, " t"]) -> Float32[np.ndarray, " t"]:
    """Level a sound's spectrum: frequencies that sound all the time become quiet.

    Parameters
    ----------
    plain : float32 (t,)
        A mono sound at ``RATE_HZ``.

    Returns
    -------
    float32 (t,)
        Divided by its own power spectrum smoothed over 100 Hz, with a floor, so that noise far below is not raised.
    """
    length = scipy.fft.next_fast_len(len(plain), real=True)
    spectrum = scipy.fft.rfft(plain, length)
    power = np.abs(spectrum) ** 2
    smooth = uniform_filter1d(power, max(1, round(_SMOOTH_HZ * length / RATE_HZ)))
    level = np.sqrt(smooth + _FLOOR * power.mean() + 1e-20)
    return np.asarray(scipy.fft.irfft(spectrum / level, length)[: len(plain)], dtype=np.float32)


def wave_of(sound: Waveform) -> Wave:
    """Bring a sound to one channel and ``RATE_HZ``, and whiten it.

    Parameters
    ----------
    sound : Waveform
        Its first ``MOST_S`` seconds are taken.
    """
    samples = sound.samples[:, : round(MOST_S * sound.rate_hz)]
    mono = samples.mean(axis=0)
    loudest = samples[np.argmax((samples.astype(np.float64) ** 2).sum(axis=1))]
    if float(np.mean(mono**2)) < 0.01 * float(np.mean(loudest**2)):  # channels that cancel each other
        mono = loudest
    plain = mono if sound.rate_hz == RATE_HZ else soxr.resample(mono, sound.rate_hz, RATE_HZ)
    plain = np.asarray(plain - plain.mean() if len(plain) else plain, dtype=np.float32)
    return Wave(plain, whitened(plain) if len(plain) else plain)


def fingerprint_sound(path: Path) -> UInt64[np.ndarray, " t"]:
    """Describe a sound by pairs of peaks of its spectrogram: two pitches and the time between them.

    Parameters
    ----------
    path : Path
        A sound file.

    Returns
    -------
    uint64 (t,)
        Sorted tokens without repetition, at most about a hundred a second. They do not change with level and shift, and
        many survive noise, a codec and a cut.

    Raises
    ------
    DecodeError
        If the file cannot be read.

    References
    ----------
    .. [1] Wang, A. (2003). An industrial-strength audio search algorithm. ISMIR.
    """
    plain = _wave(path).plain
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(plain, (0, _FRAME)), _FRAME)[::_HOP]
    loud = np.abs(scipy.fft.rfft(frames * np.hanning(_FRAME).astype(np.float32), axis=1))
    peaks = (loud == _highest(_highest(loud, _AROUND[0]).T, _AROUND[1]).T) & (loud > 0.5 * loud.mean())
    when, band = np.nonzero(peaks)
    most = max(_FEWEST_PEAKS, round(_PEAKS_PER_S * len(plain) / RATE_HZ))
    if len(when) > most:
        kept = np.sort(np.argsort(-loud[when, band], kind="stable")[:most])
        when, band = when[kept], band[kept]
    band = band.astype(np.uint64)
    tokens = [np.empty(0, np.uint64)]
    for step in range(1, _FAN + 1):
        later = when[step:] - when[:-step]
        near = (later > 0) & (later <= _FARTHEST_FRAMES)
        pair = band[:-step][near] << np.uint64(16) | band[step:][near] << np.uint64(8)
        tokens.append(np.asarray(pair | later[near].astype(np.uint64), dtype=np.uint64))
    return np.unique(np.concatenate(tokens))


def _highest(levels: Float32[np.ndarray, "n m"], size: int) -> Float32[np.ndarray, "n m"]:
    """The highest of ``size`` rows around each (an odd number, 3 at least), several times as fast as SciPy's filter."""
    n, around = len(levels), size // 2
    high = np.pad(levels, ((around, around), (0, 0)))  # levels are not negative
    width = 1
    while 2 * width <= size:
        high = np.maximum(high[:-width], high[width:])
        width *= 2
    return np.asarray(np.maximum(high[:n], high[size - width : size - width + n]), dtype=np.float32)


def same_sound(first: Path, second: Path) -> tuple[float, str] | None:
    """Compare two sound files: similarity and what was done to one of them, None where they are no copies.

    Parameters
    ----------
    first, second : Path
        Sound files; one that cannot be read is no copy.
    """
    return same_known_sounds(Known(first), Known(second))


def same_known_sounds(first: Known, second: Known) -> tuple[float, str] | None:
    """Compare two sound files as ``same_sound`` does (run in a worker).

    Parameters
    ----------
    first, second : Known
        Where a whitened wave was kept, the file is opened only if the two agree.
    """
    try:
        shift = find_shift(_white(first), _white(second))
        if shift is None or shift.agreement < LEAST_AGREEMENT:
            return None
        one, other = _wave(first.path), _wave(second.path)
    except DecodeError:
        return None
    return min(shift.agreement, 1.0), _in_words(_told(one, other, shift), one, other)


def white_wave(path: Path) -> Float32[np.ndarray, " t"]:
    """Decode a sound, bring it to ``RATE_HZ`` and whiten it: what is compared (run in a worker).

    Parameters
    ----------
    path : Path
        A sound file.

    Raises
    ------
    DecodeError
        If the file cannot be read.
    """
    return _wave(path).white


def compare_sounds(one: Wave, other: Wave) -> SameSound | None:
    """Find the shift at which two sounds agree best, and say what both hold there.

    Parameters
    ----------
    one, other : Wave

    Returns
    -------
    SameSound or None
        None where one is silent or too short.
    """
    shift = find_shift(one.white, other.white)
    return None if shift is None else _told(one, other, shift)


def find_shift(first: Float32[np.ndarray, " s"], second: Float32[np.ndarray, " t"]) -> Shift | None:
    """Find the shift at which two whitened waves agree best.

    Parameters
    ----------
    first, second : float32 (s,), (t,)
        Whitened, at ``RATE_HZ``.

    Returns
    -------
    Shift or None
        None where one is silent or too short.

    Notes
    -----
    Cross-correlation over all lags by FFT, divided by the energies that overlap at each lag; lags at which less than
    ``LEAST_ENERGY`` of either sound, or less than ``LEAST_OVERLAP_S``, overlaps are left out. The best lag is then
    found between samples, because whitened waves half a sample apart agree to two thirds only.
    """
    energy = _energies(first, second)
    little = np.isinf(energy)
    if little.all():
        return None
    length = scipy.fft.next_fast_len(len(first) + len(second), real=True)
    spectrum = scipy.fft.rfft(second, length) * np.conj(scipy.fft.rfft(first, length))
    crossed = np.asarray(scipy.fft.irfft(spectrum, length), dtype=np.float64)
    ratio = np.concatenate([crossed[length - len(first) + 1 :], crossed[: len(second)]])
    ratio /= energy
    ratio[little] = -np.inf
    best = int(np.argmax(ratio))
    lag = best + 1 - len(first)
    between, peak = _between_samples(crossed, lag)
    return Shift(lag, between, float(peak / energy[best]))


def _told(one: Wave, other: Wave, shift: Shift) -> SameSound:
    """Say what two sounds hold at a shift."""
    start, stop = max(0, -shift.lag), min(len(one.plain), len(other.plain) - shift.lag)
    levels = [float(np.mean(part.astype(np.float64) ** 2)) + 1e-20 for part in
              (one.plain[start:stop], other.plain[start + shift.lag : stop + shift.lag])]  # fmt: skip
    return SameSound(
        agreement=shift.agreement,
        lag_s=shift.exact / RATE_HZ,
        gain_db=float(10.0 * np.log10(levels[1] / levels[0])),
        overlap_s=(stop - start) / RATE_HZ,
    )


def _white(known: Known) -> Float32[np.ndarray, " t"]:
    return white_wave(known.path) if known.place is None else known.place.read()


@lru_cache(maxsize=16)
def _wave(path: Path) -> Wave:
    return wave_of(decode_sound(path))


def _energies(first: Float32[np.ndarray, " s"], second: Float32[np.ndarray, " t"]) -> Float64[np.ndarray, " k"]:
    """The geometric mean of the two energies that overlap at each lag from 1 - s to t - 1; infinite where too little
    does."""
    n, m = len(first), len(second)
    one, two = (np.concatenate([[0.0], np.cumsum(each.astype(np.float64) ** 2)]) for each in (first, second))
    if min(one[-1], two[-1]) < _SILENCE:
        return np.full(max(n + m - 1, 0), np.inf)
    # sums up to where the overlap ends, less sums up to where it starts; in slices and in place, which is faster
    energy, behind = np.empty(n + m - 1), np.empty(n + m - 1)
    energy[: m - 1], energy[m - 1 :] = one[n], one[n:0:-1]
    energy[: n - 1] -= one[n - 1 : 0 : -1]
    behind[:m], behind[m:] = two[1:], two[m]
    behind[n - 1 :] -= two[:m]
    little = (energy <= LEAST_ENERGY * one[-1]) | (behind <= LEAST_ENERGY * two[-1])
    shortest = math.ceil(min(LEAST_OVERLAP_S * RATE_HZ, 0.5 * n, 0.5 * m)) - 1
    little[:shortest] = little[len(little) - shortest :] = True
    energy *= behind
    energy = np.sqrt(energy, out=energy)
    energy[little] = np.inf
    return energy


def _between_samples(crossed: Float64[np.ndarray, " n"], lag: int) -> tuple[float, float]:
    """Interpolate the cross-correlation around a lag; return the exact lag in samples and its value."""
    near = np.arange(-_REACH, _REACH + 1)
    fine = np.arange(-_FINE, _FINE + 1) / _FINE
    kernel = np.sinc(fine[:, None] - near) * np.cos(np.pi * (fine[:, None] - near) / (2 * _REACH + 4)) ** 2
    values = kernel @ crossed[(lag + near) % len(crossed)]
    best = int(np.argmax(values))
    return lag + float(fine[best]), float(values[best])


def _in_words(found: SameSound, one: Wave, other: Wave) -> str:
    """Say what was done to one of two sounds."""
    said = []
    if abs(found.lag_s) > _SHIFT_S:
        said.append(f"shifted in time by {abs(found.lag_s):.2f} s")
    shorter_s = min(len(one.plain), len(other.plain)) / RATE_HZ
    if found.overlap_s < 0.95 * shorter_s and abs(found.lag_s) > 0.1 * shorter_s:
        said.append(f"{found.overlap_s:.1f} s of it in both")
    if abs(found.gain_db) > _SAME_LEVEL_DB:
        said.append(f"{abs(found.gain_db):.0f} dB quieter")
    return ", ".join(said) or "re-encoded"
