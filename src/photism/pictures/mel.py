"""Mel spectrograms: the energy of a sound by time and by pitch.

Covers the filter bank and the power spectrogram at any frame centres, with numpy and scipy. Does not cover level,
decibels and pixels (``sound``), nor resampling.
"""

from __future__ import annotations

import functools

import numpy as np
import scipy.fft
import scipy.sparse
from jaxtyping import Float32, Float64, Int64

__all__ = ["band_span_hz", "hz_to_mel", "mel_edges_hz", "mel_filters", "mel_power", "mel_to_hz"]


def hz_to_mel(frequency_hz: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """Turn frequencies in Hz into mels, O'Shaughnessy's form (the one of HTK and of ``Axis`` with scale ``mel``).

    Parameters
    ----------
    frequency_hz : float64 (n,)
        Frequencies, 0 or above.

    Examples
    --------
    >>> hz_to_mel(np.array([0.0, 1000.0])).round(2).tolist()
    [0.0, 999.99]
    """
    return 2595.0 * np.log10(1.0 + frequency_hz / 700.0)


def mel_to_hz(mel: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """Turn mels into frequencies in Hz: the inverse of ``hz_to_mel``.

    Parameters
    ----------
    mel : float64 (n,)
        Mels, 0 or above.

    Examples
    --------
    >>> mel_to_hz(hz_to_mel(np.array([440.0]))).round(6).tolist()
    [440.0]
    """
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)


def mel_edges_hz(n_mels: int, low_hz: float, high_hz: float) -> Float64[np.ndarray, " n"]:
    """Return the ``n_mels + 2`` frequencies, evenly spaced in mel, between which the triangles stand."""
    low, high = hz_to_mel(np.array([low_hz, high_hz]))
    return mel_to_hz(np.linspace(low, high, n_mels + 2))


def band_span_hz(n_mels: int, low_hz: float, high_hz: float) -> tuple[float, float]:
    """Return the outer edges of a picture whose rows are the bands of ``mel_filters``, each centred in its row.

    Triangles overlap: the first one starts at ``low_hz``, but the row drawn for it begins half a band above.

    Parameters
    ----------
    n_mels : int
        Number of bands.
    low_hz, high_hz : float
        Where the first triangle starts and the last one ends.
    """
    low, high = hz_to_mel(np.array([low_hz, high_hz]))
    half_band = (high - low) / (n_mels + 1) / 2.0
    bottom_hz, top_hz = mel_to_hz(np.array([low + half_band, high - half_band]))
    return float(bottom_hz), float(top_hz)


@functools.lru_cache(maxsize=8)
def mel_filters(
    *, rate_hz: int, n_fft: int, n_mels: int, low_hz: float, high_hz: float, band_mel: float = 0.0
) -> scipy.sparse.csr_matrix:
    """Build the triangular filters that sum a power spectrum into mel bands.

    Each filter's weights sum to 1, so that a band holds the *mean* power of its bins: white noise then gives a flat
    picture, and a band's level does not depend on its width. Where a band is narrower than a bin (low
    pitches) the triangle is widened to reach the bins on both sides, so that no band stays empty.

    Parameters
    ----------
    rate_hz, n_fft : int
        Sampling rate, and length of the transform; bin ``k`` lies at ``k * rate_hz / n_fft`` Hz.
    n_mels : int
        Number of bands, 1 or more.
    low_hz, high_hz : float
        Lower edge of the first band and upper edge of the last, 0 <= low_hz < high_hz <= rate_hz / 2.
    band_mel : float
        Least distance in mel from a triangle's peak to its feet. Where it is over the bands' spacing, neighbours
        overlap more, and the harmonics of a voice melt into the formants that they outline.

    Returns
    -------
    scipy.sparse.csr_matrix
        float32 (n_mels, n_fft // 2 + 1), rows from low to high, each summing to 1.

    Notes
    -----
    With ``norm=None, htk=True`` librosa's filters are the same triangles with height 1, where no band is narrower than
    a bin. Built once per argument and kept.
    """
    bins = np.arange(n_fft // 2 + 1) * (rate_hz / n_fft)
    edges = mel_edges_hz(n_mels, low_hz, high_hz)
    centre = edges[1:-1]
    lower = np.minimum.reduce([edges[:-2], mel_to_hz(hz_to_mel(centre) - band_mel), centre - rate_hz / n_fft])[:, None]
    upper = np.maximum.reduce([edges[2:], mel_to_hz(hz_to_mel(centre) + band_mel), centre + rate_hz / n_fft])[:, None]
    centre = centre[:, None]
    weights = np.clip(np.minimum((bins - lower) / (centre - lower), (upper - bins) / (upper - centre)), 0.0, None)
    return scipy.sparse.csr_matrix((weights / weights.sum(axis=1, keepdims=True)).astype(np.float32))


def mel_power(
    samples: Float32[np.ndarray, " t"],
    centres: Int64[np.ndarray, " frames"],
    *,
    rate_hz: int,
    window_length: int,
    n_fft: int,
    n_mels: int,
    low_hz: float,
    high_hz: float,
    band_mel: float = 0.0,
) -> Float32[np.ndarray, "n_mels frames"]:
    """Measure the mean power in each mel band around each centre.

    A Hann window of ``window_length`` samples stands around each centre; beyond the sound's ends there are zeros.
    Powers are divided by the window's own energy, so that windows of different lengths agree on noise.

    Parameters
    ----------
    samples : float32 (t,)
        Sound pressure, of order 1; t >= 1.
    centres : int64 (frames,)
        Index of the sample in the middle of each frame, each in [0, t].
    rate_hz, n_fft, n_mels, low_hz, high_hz, band_mel
        As in ``mel_filters``.
    window_length : int
        Even, 2 <= window_length <= n_fft; the rest of the transform is zeros.

    Returns
    -------
    float32 (n_mels, frames)
        Power, low bands first; 0 in digital silence.

    Notes
    -----
    Computed in float32 throughout, to be fast.
    """
    half = window_length // 2
    padded = np.pad(samples, half)
    hann = _hann(window_length)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window_length)[centres] * hann
    spectra = scipy.fft.rfft(frames, n_fft, axis=1)
    power = (spectra.real**2 + spectra.imag**2).T * np.float32(1.0 / np.sum(hann.astype(np.float64) ** 2))
    bank = mel_filters(rate_hz=rate_hz, n_fft=n_fft, n_mels=n_mels, low_hz=low_hz, high_hz=high_hz, band_mel=band_mel)
    return np.asarray(bank @ np.ascontiguousarray(power), dtype=np.float32)


@functools.lru_cache(maxsize=16)
def _hann(length: int) -> Float32[np.ndarray, " n"]:
    """The periodic Hann window."""
    phase = 2.0 * np.pi * np.arange(length) / length
    window: Float32[np.ndarray, " n"] = (0.5 - 0.5 * np.cos(phase)).astype(np.float32)
    window.flags.writeable = False
    return window
