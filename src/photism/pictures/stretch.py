"""Pitch and tempo of a sound, one without the other: what turns one speaker or instrument into another.

Covers waveforms of any rate and length, all channels alike, in float32. Does not cover which factors are drawn
(``vary_sound``), nor whether a result fits into [-1, 1].
"""

from __future__ import annotations

import math

import numpy as np
import scipy.fft
import soxr
from jaxtyping import Float32, Int64

from photism.types import Waveform

__all__ = ["change_speed", "change_tempo", "shift_formants"]

OVERLAP_S = 0.025  # of two pieces of a sound that are joined
FRAME_S = 0.046
FRAMES_AT_ONCE = 256  # transforms of so many frames stay in the processor's cache
FORMANT_SHARE = 0.8  # of the band is scaled; what is above is squeezed or stretched to fill it


def change_speed(signal: Waveform, factor: float) -> Waveform:
    """Play a sound faster: every frequency times ``factor``, the duration divided by it.

    Parameters
    ----------
    signal
        float32 (c, t).
    factor
        Over 0; above 1 is faster and higher.
    """
    rate_hz = float(signal.rate_hz)
    played = soxr.resample(np.ascontiguousarray(signal.samples.T), rate_hz * factor, rate_hz, quality="MQ")
    return Waveform(np.ascontiguousarray(played.T), signal.rate_hz) if len(played) else signal


def change_tempo(signal: Waveform, factor: float) -> Waveform:
    """Play a sound faster at the same pitch: the duration divided by ``factor``, frequencies as they are.

    Parameters
    ----------
    signal
        float32 (c, t); one of under 64 samples stays as it is.
    factor
        Over 0; above 1 is faster.

    References
    ----------
    W. Verhelst and M. Roelands, An overlap-add technique based on waveform similarity (WSOLA), ICASSP 1993,
    doi:10.1109/ICASSP.1993.319366. Of the places near the one that is due, each piece is taken where it continues the
    last one best.
    """
    samples, n = signal.samples, signal.samples.shape[1]
    half = min(max(round(OVERLAP_S * signal.rate_hz), 16), n // 4)
    if half < 16:
        return signal
    n_out = max(1, round(n / factor))
    n_pieces = math.ceil(n_out / half) + 1
    reach = half // 2
    padded = np.pad(samples, ((0, 0), (half + reach, math.ceil(half * factor) + 4 * half + reach)))
    starts = _similar_starts(padded.mean(axis=0), n_pieces, half, reach, factor)
    pieces = np.lib.stride_tricks.sliding_window_view(padded, 2 * half, axis=1)[:, starts] * _hann(2 * half)
    joined = pieces[:, 1:, :half] + pieces[:, :-1, half:]
    return Waveform(np.ascontiguousarray(joined.reshape(len(samples), -1)[:, :n_out]), signal.rate_hz)


def shift_formants(signal: Waveform, factor: float) -> Waveform:
    """Scale the frequencies of a sound and leave its duration as it is: a longer or a shorter vocal tract.

    Parameters
    ----------
    signal
        float32 (c, t).
    factor
        0.5 to 2; above 1 is higher. Frequencies are multiplied by it up to a point near 80 % of the band; what is above
        is squeezed or stretched so that the band stays full.

    Notes
    -----
    Bins of the short-time spectrum (46 ms) are moved by whole numbers, each with the phase that its new frequency
    needs, so that overlapping frames agree: a tone lands within half a bin (11 Hz) of its place.

    References
    ----------
    N. Jaitly and G. Hinton, ICML 2013 workshop (the warp). J. Laroche and M. Dolson, New phase-vocoder techniques for
    pitch-shifting, WASPAA 1999, doi:10.1109/ASPAA.1999.810857 (the phases).
    """
    hop = scipy.fft.next_fast_len(max(4, round(FRAME_S * signal.rate_hz / 4.0)), real=True)
    n_fft = 4 * hop
    n_bins = n_fft // 2 + 1
    knee = FORMANT_SHARE * (n_bins - 1) * min(factor, 1.0)
    bins = np.arange(n_bins)
    source = np.rint(np.interp(bins, [0.0, knee, n_bins - 1.0], [0.0, knee / factor, n_bins - 1.0])).astype(np.int64)
    quarters = (bins - source) * np.arange(4)[:, None] % 4  # for each of four frames: a hop is a quarter of a frame
    turns = np.array([1, 1j, -1, -1j], np.complex64)[quarters]

    n = signal.samples.shape[1]
    n_frames = -(-(math.ceil(n / hop) + 3) // 4) * 4
    out = np.zeros((len(signal.samples), n_frames + 3, hop), np.float32)
    hann = _hann(n_fft)
    for channel, samples in zip(out, signal.samples, strict=True):
        padded = np.pad(samples, (3 * hop, n_frames * hop - n))
        frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
        for first in range(0, n_frames, FRAMES_AT_ONCE):
            some = frames[first : min(first + FRAMES_AT_ONCE, n_frames)] * hann
            spectra = scipy.fft.rfft(some, axis=1, overwrite_x=True).take(source, axis=1).reshape(-1, 4, n_bins)
            spectra *= turns
            some = scipy.fft.irfft(spectra.reshape(-1, n_bins), n_fft, axis=1, overwrite_x=True)
            some *= hann * np.float32(2.0 / 3.0)  # the squares of four overlapping windows add up to 3/2
            for quarter in range(4):
                channel[first + quarter : first + quarter + len(some)] += some[:, quarter * hop : (quarter + 1) * hop]
    return Waveform(np.ascontiguousarray(out.reshape(len(out), -1)[:, 3 * hop : 3 * hop + n]), signal.rate_hz)


def _similar_starts(
    mono: Float32[np.ndarray, " t"], n_pieces: int, half: int, reach: int, factor: float
) -> Int64[np.ndarray, " n"]:
    """Where each piece is taken: near its due place, and like what followed the last piece.

    Searched at a fraction of the rate first, then among the samples around the best place found.
    """
    step = max(1, half // 128)
    coarse = mono[: len(mono) // step * step].reshape(-1, step).mean(axis=1)
    length, n_lags = half // step, 2 * reach // step
    sums = np.concatenate(([0.0], np.cumsum(coarse.astype(np.float64) ** 2)))
    scale = (1.0 / np.sqrt(sums[length:] - sums[:-length] + 1e-9)).astype(np.float32)
    starts = np.empty(n_pieces, np.int64)
    starts[0] = start = reach
    for piece in range(1, n_pieces):
        follows = start + half
        first = round(piece * half * factor) // step
        wanted = coarse[follows // step : follows // step + length]
        likeness = np.correlate(coarse[first : first + n_lags + length], wanted, "valid")
        best = (first + int((likeness * scale[first : first + len(likeness)]).argmax())) * step + follows % step
        if step > 1:
            low = max(0, best - step)
            fine = np.correlate(mono[low : best + step + half], mono[follows : follows + half], "valid")
            best = low + int(fine.argmax())
        starts[piece] = start = best
    return starts


def _hann(length: int) -> Float32[np.ndarray, " n"]:
    """The periodic Hann window: shifted by half its length and added, it gives 1."""
    return np.hanning(length + 1)[:-1].astype(np.float32)
