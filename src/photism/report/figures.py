"""Figures for slides and papers: the picture the recognizer sees with labelled axes, and the learning curves.

The only file that imports matplotlib, and only when a figure is asked for: its import takes longer than the drawing.
Not the report's charts: those are SVG that follows the page's colours (``charts.py``).
"""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as PillowImage

from photism.report.colours import colours_of
from photism.report.ticks import loss_ceiling, ruler
from photism.report.words import printable, shorten
from photism.types import EpochRow, Picture, Verdict, Window

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Curves", "draw_curves", "draw_picture"]

_DPI = 150
_PANEL_INCHES = 4.8
_INK, _SOFT, _RULE = "#1d2025", "#5a5e66", "#dfdbd2"
_BLUE, _OCHRE = "#0b5fa5", "#a4560a"


@dataclass(frozen=True, slots=True)
class Curves:
    """One run's curves, to be drawn: an item for a worker.

    ``rows`` holds at least one epoch; ``verdict`` says which epochs are marked.
    """

    rows: tuple[EpochRow, ...]
    verdict: Verdict


def draw_curves(curves: Curves) -> tuple[bytes, bytes]:
    """Draw loss and accuracy over the epochs: training dashed, validation solid, the best epoch and the onset marked.

    Parameters
    ----------
    curves : Curves

    Returns
    -------
    (png, svg) : bytes
        The same figure twice, on white.
    """
    rows, verdict = curves.rows, curves.verdict
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 3.9), dpi=_DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    epochs = [row.epoch for row in rows]
    _curve_panel(
        left,
        epochs,
        [row.train_loss_nats for row in rows],
        [row.valid_loss_nats for row in rows],
        verdict,
        "loss (nats)",
    )
    left.set_ylim(0.0, 1.06 * loss_ceiling(rows))
    for part, colour in (("train", _OCHRE), ("valid", _BLUE)):
        for axis, of, unit in ((left, f"{part}_loss", 1.0), (right, part, 100.0)):
            bounds = [[unit * getattr(row, f"{of}_{end}") for row in rows] for end in ("low", "high")]
            axis.fill_between(epochs, *bounds, color=colour, alpha=0.13, linewidth=0)
    _curve_panel(
        right, epochs, [100.0 * row.train_accuracy for row in rows], [100.0 * row.valid_accuracy for row in rows],
        verdict, "accuracy (%)",
    )  # fmt: skip
    png, svg = io.BytesIO(), io.BytesIO()
    figure.savefig(png, format="png", metadata={"Software": "photism"})
    # A fixed salt: the same curves give the same file. Text stays text.
    with rc_context({"svg.hashsalt": "photism", "svg.fonttype": "none"}):
        figure.savefig(svg, format="svg", metadata={"Creator": "photism", "Date": None})
    return png.getvalue(), svg.getvalue()


def _curve_panel(
    axis: Axes, epochs: Sequence[int], train: Sequence[float], valid: Sequence[float], verdict: Verdict, name: str
) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.plot(epochs, train, color=_OCHRE, linewidth=1.8, linestyle=(0, (4, 3)), label="training")
    axis.plot(epochs, valid, color=_BLUE, linewidth=1.8, label="validation")
    if len(epochs) > 1:
        axis.axvline(verdict.best_epoch, color=_INK, linewidth=0.8, label=f"best epoch ({verdict.best_epoch})")
        if verdict.onset_epoch is not None:
            axis.axvspan(
                verdict.onset_epoch, epochs[-1], color=_OCHRE, alpha=0.09, linewidth=0,
                label=f"memorising (from {verdict.onset_epoch})",
            )  # fmt: skip
        axis.set_xlim(epochs[0], epochs[-1])
    axis.set_xlabel("epoch", color=_INK, fontsize=10.5)
    axis.set_title(name, loc="left", color=_INK, fontsize=11, fontweight="bold")
    axis.grid(axis="y", color=_RULE, linewidth=0.8)
    axis.set_axisbelow(True)
    axis.tick_params(colors=_SOFT, labelsize=9.5, length=3)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.spines["bottom"].set_color(_SOFT)
    axis.legend(fontsize=9, frameon=False, labelcolor=_SOFT)


def draw_picture(window: Window, out: Path, *, axes: bool = False, name: str | None = None) -> None:
    """Write one window of a file as a PNG, its panels side by side.

    Parameters
    ----------
    window
        At least one panel; all of one pixel size.
    out
        The PNG to write; an existing one is replaced.
    axes
        False writes the very pixels the recognizer sees. True adds axes in the data's units, what the colours mean
        and a dashed line around the data where the rest is padding.
    name
        The file's name for the title; without one the title says the panel only.

    Raises
    ------
    OSError
        ``out`` cannot be written.
    """
    if not axes:
        pixels = np.concatenate([picture.pixels for picture in window], axis=1)
        PillowImage.fromarray(np.ascontiguousarray(pixels)).save(out, format="PNG")
        return
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_PANEL_INCHES * len(window), _PANEL_INCHES), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    for place, picture in enumerate(window):
        axis = figure.add_axes(((place * 1.32) / len(window), 0.0, 1.0 / len(window), 1.0))
        _draw_panel(axis, picture)
        if place == 0 and name is not None:
            title = axis.text(0.0, 1.1, shorten(printable(name), 30 + 34 * len(window)), transform=axis.transAxes)
            title.set(parse_math=False, fontsize=13, fontweight="bold", color=_INK, va="bottom")
    with warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes; that is no news for the user's terminal.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        # "tight" makes the page as large as what is on it: no label is ever clipped.
        figure.savefig(out, format="png", bbox_inches="tight", pad_inches=0.25, metadata={"Software": "photism"})


def _draw_panel(axis: Axes, picture: Picture) -> None:
    height, width = picture.pixels.shape[:2]
    left, top, right, bottom = picture.content
    axis.imshow(picture.pixels, extent=(0.0, width, height, 0.0), interpolation="nearest", aspect="equal")
    x = ruler(picture.x, n=6, within=(left / width, right / width))
    y = ruler(picture.y, n=8, within=(top / height, bottom / height))
    axis.set_xticks([place * width for place, _ in x.ticks], [text for _, text in x.ticks], parse_math=False)
    axis.set_yticks([place * height for place, _ in y.ticks], [text for _, text in y.ticks], parse_math=False)
    axis.set_xlabel(x.title, color=_INK, fontsize=10.5, labelpad=7, parse_math=False)
    # A Hilbert curve runs through both sides at once: it is said once, below.
    y_title = "" if picture.y.scale == "hilbert" else y.title
    axis.set_ylabel(y_title, color=_INK, fontsize=10.5, labelpad=7, parse_math=False)
    axis.tick_params(colors=_SOFT, labelsize=9.5, length=4)
    for spine in axis.spines.values():
        spine.set_color(_SOFT)
        spine.set_linewidth(0.8)
    if picture.content != (0, 0, width, height):
        box_x, box_y = [left, right, right, left, left], [top, top, bottom, bottom, top]
        axis.plot(box_x, box_y, color="#e8a25a", linewidth=1.2, linestyle=(0, (4, 3)), clip_on=False)
    axis.set_title(picture.panel, loc="left", color=_INK, fontsize=10.5, fontweight="bold", pad=10, parse_math=False)
    said = textwrap.fill(colours_of(picture), 62)
    if picture.content != (0, 0, width, height):
        said += "\noutside the dashed line: padding, which the recognizer is told to ignore"
    note = axis.text(0.0, -0.145, said, transform=axis.transAxes, va="top", color=_SOFT, fontsize=9, linespacing=1.45)
    note.set_parse_math(False)
