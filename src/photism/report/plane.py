"""The plane that every chart over epochs is drawn on: data to places, grid, ticks and axis names.

Covers where things are. What is drawn there is in ``charts`` (one run) and ``overfit_charts`` (many).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from photism.report.drawing import Drawing
from photism.report.ticks import nice_steps

__all__ = ["HEIGHT", "TOP", "WIDTH", "Plane", "draw_frame"]

WIDTH, HEIGHT = 400.0, 250.0
_LEFT, _RIGHT, TOP, _BOTTOM = 42.0, 74.0, 30.0, 36.0  # the right margin holds the lines' own names


@dataclass(frozen=True, slots=True)
class Plane:
    """Data coordinates to places in a chart (user units, y downwards)."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float
    left: float = _LEFT
    top: float = TOP
    right: float = WIDTH - _RIGHT
    bottom: float = HEIGHT - _BOTTOM

    def x(self, value: float) -> float:
        """Place a value along the x axis."""
        span = self.x_high - self.x_low
        return self.left + (self.right - self.left) * ((value - self.x_low) / span if span else 0.5)

    def y(self, value: float) -> float:
        """Place a value along the y axis, at the top where it is above; NaN for what is no number."""
        if not math.isfinite(value):
            return math.nan
        part = (min(value, self.y_high) - self.y_low) / (self.y_high - self.y_low)
        return self.bottom - (self.bottom - self.top) * max(0.0, part)


def draw_frame(
    drawing: Drawing, plane: Plane, name: str, steps: Sequence[float], write: Callable[[float], str]
) -> None:
    """Draw the grid, the ticks and the names of both axes; x counts epochs.

    Parameters
    ----------
    drawing : Drawing
    plane : Plane
    name : str
        Of the y axis.
    steps : sequence of float
        Where the y axis has ticks.
    write : callable
        How their values are written.
    """
    for value in steps:
        drawing.line((plane.left, plane.y(value)), (plane.right, plane.y(value)), "grid")
        drawing.text((plane.left - 8, plane.y(value) + 4), write(value), "tick", anchor="end")
    whole = sorted({round(v) for v in nice_steps(plane.x_low, plane.x_high, n=6)})
    for epoch in whole:
        if plane.x_low <= epoch <= plane.x_high:
            drawing.text((plane.x(epoch), plane.bottom + 16), str(epoch), "tick", anchor="middle")
    drawing.text((plane.left - 34, 12), name, "name")
    drawing.text((plane.right, plane.bottom + 31), "epoch", "name", anchor="end")
