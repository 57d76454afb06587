"""Variations of sounds: another speaker or instrument, another room and microphone, another moment.

Covers waveforms of any rate and any number of channels, all channels alike. Pitch, formants and tempo are varied
one without the other; masks take away what one cue alone is told from. Does not cover mixing of several sounds.
Pitch and tempo themselves are changed in ``stretch``. Everything runs in float32, so that an hour of sound needs no
more memory than a few copies of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import scipy.fft
from jaxtyping import Float32, Float64

from photism.pictures.mel import hz_to_mel, mel_to_hz
from photism.pictures.stretch import change_speed, change_tempo, shift_formants
from photism.pictures.view import Op, apply_ops
from photism.types import Waveform

__all__ = ["DEFAULT_OPS", "OPS", "remove_band", "vary"]

SHIFT_FRACTION, SHIFT_PLACES, QUIET_S, FADE_S = 0.2, 8, 0.02, 0.005
GAIN_DB = 6.0
SNR_DB = (10.0, 30.0)
SPEED, FORMANTS, TEMPO = (0.85, 1.15), (0.85, 1.18), (0.8, 1.25)
TIME_FRACTION, BAND_FRACTION, HIGHEST_HZ = (0.02, 0.1), (0.03, 0.15), 16_000.0
# A mask on the one bark of five seconds leaves nothing to recognise: another place is tried where more is taken.
KEPT_ENERGY, TIME_PLACES, BAND_PLACES = 0.5, 8, 3
ROOM_S, ROOM_DB = (0.1, 0.5), (3.0, 12.0)  # time to fall by 60 dB; direct sound over reverberation
TILT_DB = 1.5  # an octave
FILTER_S = 0.093

Samples = Float32[np.ndarray, "c t"]


def vary(signal: Waveform, rng: np.random.Generator, ops: Sequence[str] | None = None) -> Waveform:
    """Vary a sound.

    Parameters
    ----------
    signal
        float32 (c, t) in [-1, 1], any rate. It is left as it is.
    rng
        Where every choice comes from.
    ops
        Names from ``OPS``, applied in order, each with its probability; by default ``DEFAULT_OPS``.

    Returns
    -------
    Waveform
        float32 (c, t') at the same rate, in [-1, 1]; t' >= 1 differs from t after ``speed`` and ``tempo`` only. A
        sound that no renderer draws (no sample, samples that are not finite) comes back as it is, to be refused.

    Raises
    ------
    OptionError
        A name is not in ``OPS``.

    Notes
    -----
    Each operation takes under 15 ms for 5 s at 44.1 kHz on one core.

    References
    ----------
    D. S. Park et al., SpecAugment, Interspeech 2019, arXiv 1904.08779 (masks of time and frequency; here the sound
    itself is masked). N. Jaitly and G. Hinton, Vocal tract length perturbation (VTLP) improves speech recognition, ICML
    2013 workshop (``formant``). T. Ko et al., Audio augmentation for speech recognition, Interspeech 2015 (``speed``).

    Examples
    --------
    >>> short = Waveform(np.ones((1, 4), np.float32), 8000)
    >>> vary(short, np.random.default_rng(1), ("gain",)).samples.shape
    (1, 4)
    """
    if signal.samples.size == 0 or not np.isfinite(signal.samples).all():
        return signal
    return apply_ops(signal, rng, OPS, DEFAULT_OPS if ops is None else ops)


# ── pitch and tempo ──────────────────────────────────────────────────────────────────────────────────


def _speed(signal: Waveform, rng: np.random.Generator) -> Waveform:
    return _sound(change_speed(signal, _log_uniform(rng, SPEED)).samples, signal)


def _tempo(signal: Waveform, rng: np.random.Generator) -> Waveform:
    return _sound(change_tempo(signal, _log_uniform(rng, TEMPO)).samples, signal)


def _formant(signal: Waveform, rng: np.random.Generator) -> Waveform:
    return _sound(shift_formants(signal, _log_uniform(rng, FORMANTS)).samples, signal)


# ── masks ────────────────────────────────────────────────────────────────────────────────────────────


def remove_band(signal: Waveform, low_hz: float, high_hz: float) -> Waveform:
    """Remove a band of frequencies.

    Parameters
    ----------
    signal
        float32 (c, t).
    low_hz, high_hz
        The band's edges; the fall to silence takes a tenth of the band at each side, inside it.
    """
    edge = (high_hz - low_hz) / 10.0

    def gain(frequency_hz: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
        inside = np.minimum(frequency_hz - low_hz, high_hz - frequency_hz) / max(edge, 1e-9)
        faded: Float64[np.ndarray, " n"] = 0.5 + 0.5 * np.cos(np.pi * np.clip(inside, 0.0, 1.0))
        return faded

    return _sound(_filtered(signal.samples, signal.rate_hz, gain), signal)


def _frequency_mask(signal: Waveform, rng: np.random.Generator) -> Waveform:
    """Remove a band of 3 to 15 % of the mel scale up to 16 kHz; a tone that is all there is stays."""
    top = float(hz_to_mel(np.array([min(signal.rate_hz / 2.0, HIGHEST_HZ)]))[0])
    width = top * rng.uniform(*BAND_FRACTION)
    for low in rng.uniform(0.0, top - width, BAND_PLACES):
        low_hz, high_hz = mel_to_hz(np.array([low, low + width]))
        masked = remove_band(signal, float(low_hz), float(high_hz))
        if _energy(masked.samples) >= KEPT_ENERGY * _energy(signal.samples):
            return masked
    return signal


def _time_mask(signal: Waveform, rng: np.random.Generator) -> Waveform:
    """Silence 2 to 10 % of the time, in one piece; an event that is all there is stays."""
    n = signal.samples.shape[1]
    length = round(n * rng.uniform(*TIME_FRACTION))
    fade = _fade(signal.rate_hz, length)
    hidden = np.concatenate((fade, np.zeros(length - 2 * len(fade), np.float32), fade[::-1]))
    allowed = (1.0 - KEPT_ENERGY) * _energy(signal.samples)
    for start in rng.integers(0, n - length + 1, TIME_PLACES):
        if _energy(signal.samples[:, start : start + length]) <= allowed:
            masked = signal.samples.copy()
            masked[:, start : start + length] *= hidden
            return _sound(masked, signal)
    return signal


def _shift(signal: Waveform, rng: np.random.Generator) -> Waveform:
    """Turn the clip in a circle by up to 20 %, cut where it is quiet: nothing is lost, and hardly a sound is torn.

    Of a few random places the quietest is taken. Where the old end meets the old start, both fade.
    """
    n = signal.samples.shape[1]
    moved = rng.integers(-int(n * SHIFT_FRACTION), int(n * SHIFT_FRACTION) + 1, SHIFT_PLACES)
    around = max(1, round(QUIET_S * signal.rate_hz / 2.0))
    loudness = [float(np.square(signal.samples[:, max(0, c - around) : c + around]).sum()) for c in moved % n]
    cut = int(moved[int(np.argmin(loudness))])
    faded = signal.samples.copy()
    fade = _fade(signal.rate_hz, n)
    if cut:
        faded[:, : len(fade)] *= fade[::-1]
        faded[:, n - len(fade) :] *= fade
    return _sound(np.roll(faded, -cut, axis=1), signal)


# ── level, noise, room and microphone ────────────────────────────────────────────────────────────────


def _gain(signal: Waveform, rng: np.random.Generator) -> Waveform:
    """Make the sound up to 6 dB louder or softer; where it would leave [-1, 1], only as loud as fits."""
    return _sound(signal.samples * np.float32(10.0 ** (rng.uniform(-GAIN_DB, GAIN_DB) / 20.0)), signal)


def _noise(signal: Waveform, rng: np.random.Generator) -> Waveform:
    """Add white or pink noise, 10 to 30 dB below the sound's mean power; silence stays silent."""
    pink, snr_db = rng.random() < 0.5, rng.uniform(*SNR_DB)
    noise = rng.standard_normal(signal.samples.shape, dtype=np.float32)
    if pink:
        noise = _filtered(noise, signal.rate_hz, lambda hz: 1.0 / np.sqrt(np.maximum(hz, 20.0)))
    powers = [float(np.square(part).mean(dtype=np.float64)) for part in (signal.samples, noise)]
    level = math.sqrt(powers[0] / max(powers[1], 1e-30)) * 10.0 ** (-snr_db / 20.0)
    return _sound(signal.samples + noise * np.float32(level), signal)


def _room(signal: Waveform, rng: np.random.Generator) -> Waveform:
    """Add the reverberation of a simple room: noise that falls by 60 dB in 0.1 to 0.5 s; it ends with the clip."""
    length_s, direct_db = rng.uniform(*ROOM_S), rng.uniform(*ROOM_DB)
    n_taps = max(2, round(length_s * signal.rate_hz))
    taps = rng.standard_normal(n_taps, dtype=np.float32) * np.logspace(0.0, -3.0, n_taps, dtype=np.float32)
    taps *= np.float32(10.0 ** (-direct_db / 20.0) / float(np.linalg.norm(taps)))
    taps[0] = 1.0
    return _sound(_convolved(signal.samples, taps)[:, : signal.samples.shape[1]], signal)


def _colour(signal: Waveform, rng: np.random.Generator) -> Waveform:
    """Tilt the spectrum about 1 kHz by up to 1.5 dB an octave, as another microphone would."""
    tilt_db = rng.uniform(-TILT_DB, TILT_DB)
    return _sound(
        _filtered(signal.samples, signal.rate_hz, lambda hz: (np.maximum(hz, 30.0) / 1000.0) ** (tilt_db / 6.02)),
        signal,
    )


# ── arithmetic ───────────────────────────────────────────────────────────────────────────────────────


def _sound(samples: Float32[np.ndarray, "c t"], like: Waveform) -> Waveform:
    """A sound at the same rate; what would leave [-1, 1] is made softer as a whole, not clipped."""
    peak = max(float(samples.max()), -float(samples.min()))
    louder = max(1.0, float(np.abs(like.samples).max()))  # a decoder may leave a little more than 1
    scaled = samples * np.float32(louder / peak) if peak > louder else samples
    return Waveform(np.ascontiguousarray(scaled, dtype=np.float32), like.rate_hz)


def _energy(samples: Samples) -> float:
    return float(np.square(samples).sum(dtype=np.float64))


def _filtered(
    samples: Samples, rate_hz: int, gain: Callable[[Float64[np.ndarray, " n"]], Float64[np.ndarray, " n"]]
) -> Samples:
    """Filter with a gain at every frequency, without delay: a symmetric impulse response of 93 ms."""
    n = scipy.fft.next_fast_len(max(16, 2 * round(FILTER_S * rate_hz / 2.0)), real=True)
    n += n % 2
    response = np.fft.fftshift(scipy.fft.irfft(gain(np.fft.rfftfreq(n, 1.0 / rate_hz)), n))
    taps = (response * np.hanning(n + 1)[:-1])[1:].astype(np.float32)
    delay = len(taps) // 2
    filtered: Samples = _convolved(samples, taps)[:, delay : delay + samples.shape[1]]
    return filtered


def _convolved(samples: Samples, taps: Float32[np.ndarray, " k"]) -> Float32[np.ndarray, "c u"]:
    """Convolve in blocks (overlap-add): u = t + k - 1 samples."""
    n, overlap = samples.shape[1], len(taps) - 1
    n_fft = scipy.fft.next_fast_len(min(n + overlap, max(4 * overlap, 4096)), real=True)
    block = n_fft - overlap
    n_blocks = math.ceil(n / block)
    response = scipy.fft.rfft(taps, n_fft)
    out = np.zeros((len(samples), n + overlap), np.float32)
    for index in range(n_blocks):
        part = samples[:, index * block : (index + 1) * block]
        wet = scipy.fft.irfft(scipy.fft.rfft(part, n_fft, axis=1) * response, n_fft, axis=1, overwrite_x=True)
        kept = min(n_fft, part.shape[1] + overlap)
        out[:, index * block : index * block + kept] += wet[:, :kept]
    return out


def _fade(rate_hz: int, length: int) -> Float32[np.ndarray, " n"]:
    """5 ms from 1 down to 0, or half of ``length``."""
    n = min(max(1, round(FADE_S * rate_hz)), length // 2)
    return np.linspace(1.0, 0.0, n + 2, dtype=np.float32)[1:-1]


def _log_uniform(rng: np.random.Generator, span: tuple[float, float]) -> float:
    return math.exp(rng.uniform(math.log(span[0]), math.log(span[1])))


OPS: Mapping[str, Op[Waveform]] = {
    "shift": Op(_shift, 0.8),
    "gain": Op(_gain, 0.5),
    "speed": Op(_speed, 0.4),
    "formant": Op(_formant, 0.4),
    "tempo": Op(_tempo, 0.3),
    "room": Op(_room, 0.3),
    "colour": Op(_colour, 0.5),
    "noise": Op(_noise, 0.4),
    "frequency_mask": Op(_frequency_mask, 0.5),
    "time_mask": Op(_time_mask, 0.5),
}
"""Every variation of sounds, with its probability."""

DEFAULT_OPS = ("shift", "speed", "formant", "tempo", "room", "colour", "noise", "frequency_mask", "time_mask")
"""What is applied, in this order, where nothing is named; ``gain`` is left out: the renderer takes levels away."""
