"""The charts of the lesson on overfitting: several trainings on one plane, told apart by shade and by name.

One chart shows validation loss, its twin training loss, on the same scale, so that the eye sees the two part. A dot
marks every line's best epoch. Does not cover one run's own curves (``charts``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from photism.report.drawing import Drawing
from photism.report.plane import HEIGHT, WIDTH, Plane, draw_frame
from photism.report.ticks import nice_steps
from photism.report.words import number
from photism.types import EpochRow

__all__ = ["Line", "draw_lines", "highest_loss"]

N_SHADES = 5
GAP = 14.0


@dataclass(frozen=True, slots=True)
class Line:
    """One training: its name at the line's end, its rows, its best epoch."""

    name: str
    rows: Sequence[EpochRow]
    best_epoch: int


def highest_loss(lines: Sequence[Line], *, chance_nats: float) -> float:
    """Say how high charts of these lines must reach (nats): to the highest loss, but to four times chance at most.

    Parameters
    ----------
    lines : sequence of Line
    chance_nats : float
    """
    losses = [loss for line in lines for row in line.rows for loss in (row.train_loss_nats, row.valid_loss_nats)]
    return min(max([loss for loss in losses if math.isfinite(loss)] + [chance_nats]), 4.0 * chance_nats)


def draw_lines(lines: Sequence[Line], *, part: str, top: float, chance_nats: float) -> Markup:
    """Draw one part's loss of several trainings over the epochs.

    Parameters
    ----------
    lines : sequence of Line
        Five at most; the later, the stronger the shade.
    part : {"training", "validation"}
    top : float
        Where the y axis ends, in nats.
    chance_nats : float
        Drawn as a dotted line.
    """
    loss: Callable[[EpochRow], float] = (
        (lambda row: row.train_loss_nats) if part == "training" else (lambda row: row.valid_loss_nats)
    )
    last = max((line.rows[-1].epoch for line in lines), default=1)
    plane = Plane(1.0, float(last), 0.0, 1.04 * top)
    said = "; ".join(f"{line.name} ends at {number(loss(line.rows[-1]))}" for line in lines)
    drawing = Drawing(WIDTH, HEIGHT, title=f"{part} loss in nats: {said}")
    draw_frame(drawing, plane, f"{part} loss (nats)", nice_steps(0.0, top, n=5), lambda v: f"{v:.4g}")
    drawing.line((plane.left, plane.y(chance_nats)), (plane.right, plane.y(chance_nats)), "baseline")
    drawing.text((plane.right - 2, plane.y(chance_nats) - 5), "knows nothing", "note", anchor="end")
    class_ = "train" if part == "training" else "valid"
    ends: list[tuple[float, int]] = []
    for index, line in enumerate(lines):
        shade = f"s{N_SHADES - len(lines) + index}"
        drawing.path([(plane.x(row.epoch), plane.y(loss(row))) for row in line.rows], f"line {class_} {shade}")
        if part == "validation":
            best = next(row for row in line.rows if row.epoch == line.best_epoch)
            tip = f"{line.name}: best in epoch {best.epoch}, {number(best.valid_loss_nats)} nats"
            drawing.circle((plane.x(best.epoch), plane.y(loss(best))), 3.6, f"dot turn {shade}", tip=tip)
        y = next((plane.y(loss(row)) for row in reversed(line.rows) if math.isfinite(loss(row))), plane.bottom)
        ends.append((y, index))
    for y, index in _spread(ends, plane):
        shade = f"s{N_SHADES - len(lines) + index}"
        drawing.text((plane.right + 6, y + 4), lines[index].name, f"end {class_} {shade}")
    return drawing.markup()


def _spread(ends: Sequence[tuple[float, int]], plane: Plane) -> list[tuple[float, int]]:
    """Push names apart until they are legible, inside the chart."""
    placed: list[tuple[float, int]] = []
    for y, index in sorted(ends):
        placed.append((y if not placed else max(y, placed[-1][0] + GAP), index))
    over = placed[-1][0] - plane.bottom if placed else 0.0
    if over > 0:
        limit = plane.bottom + GAP
        for at in range(len(placed) - 1, -1, -1):
            limit = min(placed[at][0], limit - GAP)
            placed[at] = (limit, placed[at][1])
    return placed
