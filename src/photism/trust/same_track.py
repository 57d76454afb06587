"""Are two pointer recordings copies of one another? Event by event, they must turn and speed up alike.

Covers copies at another time, at another scale or place on the screen, with a faster or slower clock, and rounded to
whole pixels or milliseconds. Does not cover recordings cut at either end, thinned out, turned or mirrored.

Two straight strokes are alike without being copies, so what is compared is how the pointer leaves the straight, even
way: its second differences.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64

from photism.data.decode_track import decode_track
from photism.errors import DecodeError
from photism.types import PointerTrack

__all__ = ["fingerprint_track", "same_track", "unevenness"]

LEAST_AGREEMENT = 0.95
"""Least correlation of the second differences of the places."""
LEAST_EVENTS = 12
LEAST_RESTLESS_PX = 1.5
"""Least root mean square of the second differences: below, rounding decides."""
MOST_DRIFT_PX = 1.5
MOST_JITTER_S = 0.002

_POINTS = 33
_SAME = 0.01


def fingerprint_track(path: Path) -> Float32[np.ndarray, " d"]:
    """Describe a recording by its velocity at 32 moments, of length 1 (run in a worker).

    Parameters
    ----------
    path : Path
        A pointer recording.

    Returns
    -------
    float32 (64,)
        Does not change with place, scale, clock and start; zeros where nothing moves.

    Raises
    ------
    DecodeError
        If the file cannot be read.
    """
    track = _track(path)
    moments = np.linspace(0.0, max(float(track.time_s[-1]), 1e-9), _POINTS)
    places = np.stack([np.interp(moments, track.time_s, track.xy_px[:, axis]) for axis in (0, 1)])
    velocity = np.diff(places, axis=1).ravel()
    return np.asarray(velocity / max(float(np.linalg.norm(velocity)), 1e-9), dtype=np.float32)


def unevenness(track: PointerTrack) -> Float64[np.ndarray, "m 2"]:
    """Second differences of the places from event to event, in pixels.

    Parameters
    ----------
    track : PointerTrack
        Of m + 2 events.
    """
    return np.diff(track.xy_px, n=2, axis=0)


def same_track(first: Path, second: Path) -> tuple[float, str] | None:
    """Compare two recordings: similarity and what was done to one of them, None where they are no copies.

    Parameters
    ----------
    first, second : Path
        Pointer recordings; one that cannot be read is no copy.
    """
    try:
        one, other = _track(first), _track(second)
    except DecodeError:
        return None
    if len(one.time_s) != len(other.time_s) or len(one.time_s) < LEAST_EVENTS:
        return None
    turns, others = unevenness(one), unevenness(other)
    if min(np.sqrt((turns**2).mean()), np.sqrt((others**2).mean())) < LEAST_RESTLESS_PX:
        return None
    agreement = float((turns * others).sum() / np.sqrt((turns**2).sum() * (others**2).sum()))
    scale, drift_px = _fit(one.xy_px - one.xy_px.mean(axis=0), other.xy_px - other.xy_px.mean(axis=0))
    pace, jitter_s = _fit(np.diff(one.time_s)[:, None], np.diff(other.time_s)[:, None])
    if agreement < LEAST_AGREEMENT or drift_px > MOST_DRIFT_PX or jitter_s > MOST_JITTER_S * max(1.0, pace):
        return None
    return min(agreement, 1.0), _in_words(scale, pace)


@lru_cache(maxsize=64)
def _track(path: Path) -> PointerTrack:
    return decode_track(path)


def _fit(first: Float64[np.ndarray, "n d"], second: Float64[np.ndarray, "n d"]) -> tuple[float, float]:
    """The factor that takes the first to the second, and the root mean square of what is left."""
    factor = float((first * second).sum() / max(float((first**2).sum()), 1e-12))
    return factor, float(np.sqrt(((second - factor * first) ** 2).mean()))


def _in_words(scale: float, pace: float) -> str:
    said = []
    if abs(scale - 1.0) > _SAME:
        said.append(f"at {max(scale, 1 / max(scale, 1e-9)):.2g} times the scale")
    if abs(pace - 1.0) > _SAME:
        said.append(f"{max(pace, 1 / max(pace, 1e-9)):.2g} times slower")
    return ", ".join(said) or "the same track, written again"
