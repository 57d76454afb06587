"""Sounds into pictures: a ``Waveform`` becomes log-mel pictures, time to the right and pitch upwards.

Covers fitting the window to the data set, cutting longer sounds into windows, level, and the way back from a pixel to
seconds and hertz. The three channels show the same energies at three depths (decibels below the sound's loudest
moment), so that both faint and strong parts are drawn with contrast. Does not cover decoding (``data``) nor the
spectrogram itself (``mel``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
import soxr
from jaxtyping import Float32, Int64, UInt8

from photism.errors import DecodeError, OptionError
from photism.pictures.mel import band_span_hz, mel_power
from photism.types import JSON, Axis, Picture, Recipe, Waveform, Window

__all__ = ["fit_recipe", "locate", "render"]

VERSION = 1
PANEL = "log-mel"

DEFAULTS: Mapping[str, JSON] = {
    "band_mel": None,
    "depths_db": [60.0, 45.0, 30.0],
    "frame_s": None,
    "high_hz": None,
    "low_hz": 20.0,
    "max_windows": 8,
    "rate_hz": None,
    "window_s": None,
}
"""What None means is fitted to the data set. Depths, frames and bands were chosen by inner folds (LOG.md)."""

COVERED_QUANTILE = 0.95  # a window is as long as this share of the training sounds
MAX_WINDOW_S = 5.0  # longer sounds are cut: a pixel stays short enough to show an onset
MAX_RATE_HZ = 48_000  # what lies above is resampled: nothing people hear is lost
MAX_HIGH_HZ = 16_000.0
FRAME_S = 0.046
SPEECH_RATE_HZ = 16_000  # assumed: sounds kept at this rate or below were recorded for their speech ...
SPEECH_BAND_MEL = 110.0  # ... and speech is read from formants, which bands this wide show without the voice's pitch
BIN_HZ = 16.0  # transforms are long enough for bins this close, so that low bands differ from each other
OVERHANG = 0.1  # a sound longer than its windows by less than this share of one is not given one more
SILENCE = 1e-7  # below -140 dB of full scale there is nothing to hear: no level is raised from there
OFFSET_NOISE = 1e-6  # what float32 rounding leaves of a constant, as a share of it
POWER_FLOOR = np.float32(1e-14)  # under float32 rounding noise of a sound with peak 1


@dataclass(frozen=True, slots=True)
class _Plan:
    """A recipe's options with their types; every length in samples."""

    rate_hz: int
    window_length: int
    frame_length: int
    n_fft: int
    width_px: int
    height_px: int
    low_hz: float
    high_hz: float
    band_mel: float
    depths_db: tuple[float, ...]
    max_windows: int


def fit_recipe(
    facts: Sequence[Mapping[str, float]], *, size_px: int = 224, options: Mapping[str, JSON] | None = None
) -> Recipe:
    """Fit rate, window and band to the training sounds.

    Parameters
    ----------
    facts
        ``duration_s`` and ``rate_hz`` of the *training* files; an empty sequence means 5 s at 44.1 kHz.
    size_px
        Height and width of the pictures, 8 or more.
    options
        ``rate_hz`` (default: the median rate, at most 48 kHz), ``window_s`` (default: what covers 95 % of the sounds,
        at most 5 s), ``low_hz`` and ``high_hz`` (edges of the picture), ``frame_s`` (length of a frame's Hann
        window), ``band_mel`` (half the width of a mel band, 0 for the bands' spacing; default: 110 for sounds kept at
        16 kHz or below, else 0), ``depths_db`` (three depths, one a channel), ``max_windows`` (most windows of one
        file).

    Returns
    -------
    Recipe
        Kind ``sound`` with every option written out.

    Raises
    ------
    OptionError
        An option is unknown or has a value that is not allowed.

    Examples
    --------
    >>> fit_recipe([{"duration_s": 2.0, "rate_hz": 8000.0}]).options["window_s"]
    2.0
    """
    given = dict(options or {})
    unknown = sorted(set(given) - set(DEFAULTS))
    if unknown:
        raise OptionError(f"pictures of sounds take the options {', '.join(DEFAULTS)}, but got {unknown[0]!r}")
    if size_px < 8:
        raise OptionError(f"size_px must be 8 or more, but is {size_px}")
    chosen = {**DEFAULTS, **{name: value for name, value in given.items() if value is not None}}
    durations = [fact["duration_s"] for fact in facts if fact.get("duration_s", 0.0) > 0.0] or [MAX_WINDOW_S]
    rates = [fact["rate_hz"] for fact in facts if fact.get("rate_hz", 0.0) > 0.0] or [44_100.0]
    rate_hz = _number(chosen, "rate_hz", 100.0, 1e6, min(float(np.median(rates)), MAX_RATE_HZ))
    covering_s = float(np.quantile(durations, COVERED_QUANTILE, method="higher"))
    window_s = _number(chosen, "window_s", 0.001, 600.0, min(max(covering_s, 0.01), MAX_WINDOW_S))
    high_hz = _number(chosen, "high_hz", 1.0, rate_hz / 2.0, min(rate_hz / 2.0, MAX_HIGH_HZ))
    fitted: dict[str, JSON] = {
        "size_px": size_px,
        "rate_hz": round(rate_hz),
        "window_s": round(window_s, 4),
        "high_hz": high_hz,
        "low_hz": _number(chosen, "low_hz", 0.0, high_hz * 0.9, min(20.0, high_hz / 10.0)),
        "band_mel": _number(chosen, "band_mel", 0.0, 1000.0, SPEECH_BAND_MEL if rate_hz <= SPEECH_RATE_HZ else 0.0),
        "frame_s": _number(chosen, "frame_s", 0.0001, 10.0, FRAME_S),
        "max_windows": round(_number(chosen, "max_windows", 1.0, 1000.0, 8.0)),
        "depths_db": _depths(chosen["depths_db"]),
    }
    return Recipe("sound", VERSION, fitted)


def render(signal: Waveform, recipe: Recipe) -> tuple[Window, ...]:
    """Turn a sound into log-mel pictures, one a window.

    Channels are mixed to mono (where they cancel each other, the loudest is kept), the rate becomes the recipe's, and
    levels are told from the loudest moment, so that how loud a recording is says nothing. What is lost: phase,
    absolute level, place in the stereo field, what lies above ``high_hz``, and detail finer than a frame.

    Parameters
    ----------
    signal
        float32 (c, t), c >= 1, t >= 1, any rate.
    recipe
        From ``fit_recipe``.

    Returns
    -------
    tuple of Window
        1 to ``max_windows`` windows with one picture each: uint8 (size_px, size_px, 3). Channel ``i`` is 255 at the
        sound's loudest and 0 at ``depths_db[i]`` below it. A sound shorter than the window starts at the left, and
        ``content`` tells where it ends. A sound longer than ``max_windows`` windows is sampled evenly.

    Raises
    ------
    DecodeError
        The sound holds no samples, or samples that are not finite.
    OptionError
        The recipe is not one of sounds.

    Notes
    -----
    Deterministic. About 5 ms for 5 s at 44.1 kHz on one core.
    """
    if recipe.kind != "sound":
        raise OptionError(f"a sound needs a recipe of kind sound, but got one of kind {recipe.kind}")
    plan = _plan(recipe)
    if signal.samples.size == 0:
        raise DecodeError("the sound holds no samples")
    mono = _levelled(_mono(signal.samples))
    if signal.rate_hz != plan.rate_hz:
        mono = soxr.resample(mono, signal.rate_hz, plan.rate_hz, quality="HQ")
        mono = mono if len(mono) else np.zeros(1, np.float32)
    starts = _starts(len(mono), plan.window_length, plan.max_windows)
    centres = [_centres(start, len(mono), plan) for start in starts]
    power = mel_power(
        mono,
        np.concatenate(centres),
        rate_hz=plan.rate_hz,
        window_length=plan.frame_length,
        n_fft=plan.n_fft,
        n_mels=plan.height_px,
        low_hz=plan.low_hz,
        high_hz=plan.high_hz,
        band_mel=plan.band_mel,
    )
    pixels = _pixels(power, plan.depths_db)
    cuts = np.cumsum([len(part) for part in centres])[:-1]
    parts = np.split(pixels, cuts, axis=1)
    return tuple((_picture(part, start, plan, recipe),) for part, start in zip(parts, starts, strict=True))


def locate(picture: Picture, x_px: float, y_px: float) -> dict[str, tuple[float, float]]:
    """Turn a pixel of the picture back into the seconds and hertz that it covers.

    Parameters
    ----------
    picture
        From ``render``.
    x_px, y_px
        Column from the left and row from the top, 0 the first; a fraction names the pixel it falls in.

    Returns
    -------
    dict
        ``time_s``: (start, stop) in seconds from the start of the file; ``frequency_hz``: (low, high). A frame and a
        band reach a little further than the pixel they are drawn in. A pixel of the padding lies after the sound's
        end.

    Raises
    ------
    OptionError
        The pixel lies outside the picture.
    """
    height, width = picture.pixels.shape[:2]
    if not (0 <= x_px < width and 0 <= y_px < height):
        raise OptionError(f"a pixel of a {width} x {height} picture was expected, but got ({x_px}, {y_px})")
    column, row = math.floor(x_px), math.floor(y_px)
    return {
        "time_s": (picture.x.value_at(column / width), picture.x.value_at((column + 1) / width)),
        "frequency_hz": (picture.y.value_at((row + 1) / height), picture.y.value_at(row / height)),
    }


# ── the signal ───────────────────────────────────────────────────────────────────────────────────────


def _mono(samples: Float32[np.ndarray, "c t"]) -> Float32[np.ndarray, " t"]:
    """Mix channels by their mean; where they cancel (a microphone wired backwards), keep the loudest."""
    if len(samples) == 1:
        return np.asarray(samples[0])
    mixed: Float32[np.ndarray, " t"] = samples.mean(axis=0, dtype=np.float32)
    peaks = np.abs(samples).max(axis=1)
    cancelled = float(np.abs(mixed).max()) < 0.001 * float(peaks.max())
    return samples[int(peaks.argmax())] if cancelled else mixed


def _levelled(samples: Float32[np.ndarray, " t"]) -> Float32[np.ndarray, " t"]:
    """Take the offset away and scale the peak to 1; silence stays zeros."""
    peak = float(np.abs(samples).max())
    if not math.isfinite(peak):
        raise DecodeError("the sound holds samples that are not finite numbers")
    if peak < SILENCE:
        return np.zeros_like(samples)
    scaled: Float32[np.ndarray, " t"] = samples / np.float32(peak)
    scaled -= np.float32(scaled.mean(dtype=np.float64))
    rest = float(np.abs(scaled).max())
    scaled *= np.float32(1.0 / rest if rest > OFFSET_NOISE else 0.0)
    return scaled


def _starts(length: int, window_length: int, max_windows: int) -> tuple[int, ...]:
    """Where the windows of a sound begin, in samples: evenly spread, the last one ends with the sound."""
    n = min(max(1, math.ceil(length / window_length - OVERHANG)), max_windows)
    last = max(0, length - window_length)
    if n == 1:
        return (last // 2,)
    return tuple(round(index * last / (n - 1)) for index in range(n))


def _centres(start: int, length: int, plan: _Plan) -> Int64[np.ndarray, " frames"]:
    """The sample in the middle of each pixel column that holds sound; at least one."""
    columns = math.ceil(min(length - start, plan.window_length) / plan.window_length * plan.width_px)
    places = start + (np.arange(max(1, columns)) + 0.5) / plan.width_px * plan.window_length
    return np.minimum(places.round().astype(np.int64), length)


# ── the picture ──────────────────────────────────────────────────────────────────────────────────────


def _pixels(power: Float32[np.ndarray, "h w"], depths_db: Sequence[float]) -> UInt8[np.ndarray, "h w 3"]:
    """Draw powers as decibels below the loudest, high pitches on top, one channel a depth."""
    loudest = float(power.max())
    if loudest <= POWER_FLOOR:
        return np.zeros((*power.shape, 3), np.uint8)
    below_db = 10.0 * np.log10(np.maximum(power[::-1], POWER_FLOOR) / np.float32(loudest))
    depths = np.array(depths_db, np.float32)
    shades = np.clip(np.rint(255.0 * (1.0 + below_db[:, :, None] / depths)), 0.0, 255.0)
    return np.asarray(shades, dtype=np.uint8)


def _picture(content: UInt8[np.ndarray, "h w 3"], start: int, plan: _Plan, recipe: Recipe) -> Picture:
    """Set a window's pixels on a black canvas with its axes."""
    canvas = np.zeros((plan.height_px, plan.width_px, 3), np.uint8)
    columns = content.shape[1]
    canvas[:, :columns] = content
    x = Axis("time", "s", start / plan.rate_hz, (start + plan.window_length) / plan.rate_hz, "linear", anywhere=True)
    bottom_hz, top_hz = band_span_hz(plan.height_px, plan.low_hz, plan.high_hz)
    y = Axis("frequency", "Hz", top_hz, bottom_hz, "mel", anywhere=False)
    return Picture(canvas, x, y, recipe, PANEL, (0, 0, columns, plan.height_px))


# ── options ──────────────────────────────────────────────────────────────────────────────────────────


def _plan(recipe: Recipe) -> _Plan:
    """Read a recipe's options, all lengths in samples."""
    options = recipe.options
    rate_hz, size_px, depths = options["rate_hz"], options["size_px"], options["depths_db"]
    assert isinstance(rate_hz, int)
    assert isinstance(size_px, int)
    assert isinstance(depths, list)
    frame = max(16, round(float(str(options["frame_s"])) * rate_hz / 2.0) * 2)
    return _Plan(
        rate_hz=rate_hz,
        window_length=max(1, round(float(str(options["window_s"])) * rate_hz)),
        frame_length=frame,
        n_fft=scipy.fft.next_fast_len(max(frame, math.ceil(rate_hz / BIN_HZ)), real=True),
        width_px=size_px,
        height_px=size_px,
        low_hz=float(str(options["low_hz"])),
        high_hz=float(str(options["high_hz"])),
        band_mel=float(str(options["band_mel"])),
        depths_db=tuple(float(str(depth)) for depth in depths),
        max_windows=int(str(options["max_windows"])),
    )


def _number(options: Mapping[str, JSON], name: str, low: float, high: float, fitted: float) -> float:
    """The option's value, or what was fitted to the data set where it is None."""
    value = options[name]
    if value is None:
        return fitted
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise OptionError(f"{name} must be from {low:g} to {high:g}, but is {value!r}")
    return float(value)


def _depths(value: JSON) -> list[JSON]:
    """Three depths in decibels, each over 0."""
    depths = value if isinstance(value, list) else []
    numbers = [float(d) for d in depths if isinstance(d, int | float) and not isinstance(d, bool) and 0.0 < d <= 300.0]
    if len(numbers) != 3 or len(depths) != 3:
        raise OptionError(f"depths_db must be three numbers over 0 and at most 300, but is {value!r}")
    return list(numbers)
