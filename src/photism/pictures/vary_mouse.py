"""Variations of pointer tracks: the same movement by a hand a little turned, slower, less steady.

Covers places and times. Does not cover buttons and the number of events, which stay as they were recorded. A
recorder's whole pixels stay whole, and its whole ticks (milliseconds, say) too: fractions would tell a varied
track from a recorded one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float64

from photism.data.track_words import UNIT_SECONDS
from photism.pictures.view import Op, apply_ops
from photism.types import PointerTrack

__all__ = ["DEFAULT_OPS", "OPS", "vary"]

ROTATION_DEGREES = 10.0
SLOWING = (0.8, 1.25)
JITTER_PX = (0.1, 1.5)
SCALE = (0.9, 1.1)
FARTHEST = 1e300  # beyond it the renderer refuses a track

Places = Float64[np.ndarray, "t 2"]


def vary(signal: PointerTrack, rng: np.random.Generator, ops: Sequence[str] | None = None) -> PointerTrack:
    """Vary a pointer track.

    Parameters
    ----------
    signal
        Any number of points; it is left as it is.
    rng
        Where every choice comes from.
    ops
        Names from ``OPS``, applied in order, each with its probability; by default ``DEFAULT_OPS``.

    Returns
    -------
    PointerTrack
        As many points as before, with the same buttons and the same unit; times that rose still rise. Whole pixels and
        whole ticks of the unit stay whole. A track that no renderer draws (no point, numbers that are not finite) comes
        back as it is, for the renderer to refuse.

    Raises
    ------
    OptionError
        A name is not in ``OPS``.

    Examples
    --------
    >>> track = PointerTrack(np.array([0.0, 1.0]), np.array([[0.0, 0.0], [9.0, 0.0]]), np.zeros(2, np.uint8), "s")
    >>> vary(track, np.random.default_rng(2), ("mirror",)).xy_px[:, 0].tolist()
    [9.0, 0.0]
    """
    finite = np.all(np.abs(signal.xy_px) < FARTHEST) and np.all(np.abs(signal.time_s) < FARTHEST)
    if len(signal.time_s) == 0 or not finite:
        return signal
    return apply_ops(signal, rng, OPS, DEFAULT_OPS if ops is None else ops)


def _rotate(signal: PointerTrack, rng: np.random.Generator) -> PointerTrack:
    """Turn the path about its centre, up to 10 degrees either way."""
    angle = math.radians(rng.uniform(-ROTATION_DEGREES, ROTATION_DEGREES))
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    centre = _centre(signal.xy_px)
    return _moved(signal, (signal.xy_px - centre) @ turn + centre)


def _speed(signal: PointerTrack, rng: np.random.Generator) -> PointerTrack:
    """Stretch time, 0.8 to 1.25: a quicker or a slower hand."""
    factor = math.exp(rng.uniform(math.log(SLOWING[0]), math.log(SLOWING[1])))
    tick_s = UNIT_SECONDS.get(signal.time_unit, 1.0)
    ticks, slowed = signal.time_s / tick_s, signal.time_s * factor
    if np.allclose(ticks, np.rint(ticks), rtol=0.0, atol=1e-6):
        slowed = np.rint(slowed / tick_s) * tick_s
    return PointerTrack(slowed, signal.xy_px, signal.buttons, signal.time_unit)


def _jitter(signal: PointerTrack, rng: np.random.Generator) -> PointerTrack:
    """Move every point by Gaussian noise of 0.1 to 1.5 px."""
    sigma_px = rng.uniform(*JITTER_PX)
    return _moved(signal, signal.xy_px + rng.normal(0.0, sigma_px, signal.xy_px.shape))


def _scale(signal: PointerTrack, rng: np.random.Generator) -> PointerTrack:
    """Make the path larger or smaller about its centre, 0.9 to 1.1."""
    centre = _centre(signal.xy_px)
    return _moved(signal, (signal.xy_px - centre) * rng.uniform(*SCALE) + centre)


def _mirror(signal: PointerTrack, rng: np.random.Generator) -> PointerTrack:  # noqa: ARG001 (every op is called alike)
    """Swap left and right about the path's centre."""
    x = signal.xy_px[:, 0]
    return _moved(signal, np.column_stack((x.min() + x.max() - x, signal.xy_px[:, 1])))


def _centre(xy: Places) -> Float64[np.ndarray, " 2"]:
    """The middle of the path's box, the one that the renderer centres."""
    centre: Float64[np.ndarray, " 2"] = xy.min(axis=0) / 2.0 + xy.max(axis=0) / 2.0
    return centre


def _moved(signal: PointerTrack, xy: Places) -> PointerTrack:
    """The track at other places, in whole pixels where it was recorded so."""
    if (signal.xy_px == np.rint(signal.xy_px)).all():
        xy = np.rint(xy)
    return PointerTrack(signal.time_s, xy, signal.buttons, signal.time_unit)


OPS: Mapping[str, Op[PointerTrack]] = {
    "rotate": Op(_rotate, 0.7),
    "speed": Op(_speed, 0.7),
    "jitter": Op(_jitter, 0.3),
    "scale": Op(_scale, 0.5),
    "mirror": Op(_mirror, 0.5),
}
"""Every variation of pointer tracks, with its probability."""

DEFAULT_OPS = ("rotate", "speed", "jitter")
"""What is applied, in this order, where nothing is named.

Left out are ``scale`` (the renderer divides by the path's extent: hardly a pixel changes) and ``mirror`` (the path of a
right hand is not that of a left one; ``--vary=+mirror`` asks for it).
"""
