"""The mel spectrogram against slow, straightforward references written from the published formulas."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from photism.pictures.mel import band_span_hz, hz_to_mel, mel_edges_hz, mel_filters, mel_power, mel_to_hz
from photism.types import Axis

RATE_HZ, N_FFT, N_MELS, LOW_HZ, HIGH_HZ = 16_000, 2048, 20, 50.0, 7000.0


def published_filters(*, rate_hz: int, n_fft: int, n_mels: int, low_hz: float, high_hz: float) -> np.ndarray:
    """The triangles of librosa.filters.mel(htk=True, norm=None), band by band and bin by bin."""
    low, high = 2595.0 * np.log10(1.0 + np.array([low_hz, high_hz]) / 700.0)
    corners = [700.0 * (10.0 ** (m / 2595.0) - 1.0) for m in np.linspace(low, high, n_mels + 2)]
    triangles = np.zeros((n_mels, n_fft // 2 + 1))
    for band in range(n_mels):
        left, middle, right = corners[band : band + 3]
        for k in range(n_fft // 2 + 1):
            frequency = k * rate_hz / n_fft
            rising, falling = (frequency - left) / (middle - left), (right - frequency) / (right - middle)
            triangles[band, k] = max(0.0, min(rising, falling))
    return triangles


def test_filters_are_the_published_triangles_scaled_to_sum_one() -> None:
    ours = mel_filters(rate_hz=RATE_HZ, n_fft=N_FFT, n_mels=N_MELS, low_hz=LOW_HZ, high_hz=HIGH_HZ).toarray()
    published = published_filters(rate_hz=RATE_HZ, n_fft=N_FFT, n_mels=N_MELS, low_hz=LOW_HZ, high_hz=HIGH_HZ)
    np.testing.assert_allclose(ours, published / published.sum(axis=1, keepdims=True), atol=1e-6)


def test_wide_bands_are_triangles_of_that_half_width_on_the_mel_scale() -> None:
    bank = mel_filters(rate_hz=16_000, n_fft=16_384, n_mels=60, low_hz=300.0, high_hz=7000.0, band_mel=150.0)
    bins_mel = hz_to_mel(np.arange(8193) * 16_000 / 16_384)
    peaks_mel = hz_to_mel(mel_edges_hz(60, 300.0, 7000.0)[1:-1])
    for row, peak in zip(bank.toarray(), peaks_mel, strict=True):
        reached = bins_mel[row > 0]
        assert reached.min() == pytest.approx(peak - 150.0, abs=2.0)
        assert reached.max() == pytest.approx(peak + 150.0, abs=2.0)


def test_mel_scale_has_the_values_of_its_tables() -> None:
    # O'Shaughnessy's form puts 1000 Hz at 1000 mel, and HTK's book prints 2595 log10(1 + f / 700).
    np.testing.assert_allclose(hz_to_mel(np.array([0.0, 700.0, 1000.0])), [0.0, 781.17, 999.99], atol=0.01)
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(np.geomspace(1.0, 20_000.0, 50))), np.geomspace(1.0, 20_000.0, 50))


def test_powers_are_those_of_a_spectrum_taken_frame_by_frame() -> None:
    samples = np.random.default_rng(0).normal(size=4000).astype(np.float32)
    centres, length = np.array([0, 1, 700, 2000, 3999, 4000]), 600
    ours = mel_power(
        samples,
        centres,
        rate_hz=RATE_HZ,
        window_length=length,
        n_fft=N_FFT,
        n_mels=N_MELS,
        low_hz=LOW_HZ,
        high_hz=HIGH_HZ,
    )
    hann = scipy.signal.get_window("hann", length)
    filters = published_filters(rate_hz=RATE_HZ, n_fft=N_FFT, n_mels=N_MELS, low_hz=LOW_HZ, high_hz=HIGH_HZ)
    for column, centre in enumerate(centres):
        first = centre - length // 2
        frame = np.array([samples[i] if 0 <= i < len(samples) else 0.0 for i in range(first, first + length)])
        power = np.abs(np.fft.rfft(frame * hann, N_FFT)) ** 2 / np.sum(hann**2)
        np.testing.assert_allclose(ours[:, column], filters @ power / filters.sum(axis=1), rtol=1e-3)


def test_white_noise_is_flat_and_windows_agree_on_its_level() -> None:
    samples = np.random.default_rng(1).normal(size=200_000).astype(np.float32)
    centres = np.arange(2000, 198_000, 700)
    for length in (512, 1024, 2048):
        power = mel_power(
            samples, centres, rate_hz=RATE_HZ, window_length=length, n_fft=2048, n_mels=20, low_hz=50.0, high_hz=7900.0
        )
        np.testing.assert_allclose(power.mean(axis=1), 1.0, rtol=0.15)  # one row of unit variance: power 1 a bin


def test_no_band_is_empty_where_bands_are_narrower_than_bins() -> None:
    filters = mel_filters(rate_hz=44_100, n_fft=512, n_mels=224, low_hz=20.0, high_hz=16_000.0).toarray()
    np.testing.assert_allclose(filters.sum(axis=1), 1.0, rtol=1e-5)
    middle = (filters @ np.arange(257)) * 44_100 / 512
    assert (np.diff(middle) > -1e-3).all(), "a higher band must not hear lower"


@pytest.mark.parametrize("n_mels", [10, 64, 224])
def test_the_middle_of_a_row_is_the_middle_of_its_band(n_mels: int) -> None:
    bottom_hz, top_hz = band_span_hz(n_mels, 20.0, 16_000.0)
    axis = Axis("frequency", "Hz", top_hz, bottom_hz, "mel")
    peaks = mel_edges_hz(n_mels, 20.0, 16_000.0)[1:-1]
    rows = [axis.value_at((n_mels - 1 - band + 0.5) / n_mels) for band in range(n_mels)]
    np.testing.assert_allclose(rows, peaks, rtol=1e-9)
