"""Charts of the atlas: one measure over all stages, a network against its random twins; and firing overlays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, UInt8
from markupsafe import Markup
from PIL import Image as PillowImage

from photism.layers.measures import MEASURES
from photism.layers.stage_atlas import StageAtlas
from photism.report.drawing import Drawing
from photism.report.ticks import nice_steps

__all__ = ["draw_depth", "overlay", "tiles"]

_WIDTH, _HEIGHT = 300.0, 150.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 34.0, 280.0, 10.0, 116.0


def draw_depth(stages: Sequence[StageAtlas], key: str) -> Markup:
    """Draw one measure from the first stage to the last; dots are filled where it differs from random weights.

    Parameters
    ----------
    stages : sequence of StageAtlas
    key : str
        As in ``MEASURES``; every stage must have it.
    """
    rows = [(one.stage.name, claim) for one in stages if (claim := one.claim(key)) is not None]
    values = [v for _, c in rows for v in (c.low, c.high, c.twins)]
    low, high = min(0.0, *values), max(values)
    high = max(high, low + 1e-6)
    step = (_RIGHT - _LEFT) / max(1, len(rows) - 1)

    def at(i: int, value: float) -> tuple[float, float]:
        return _LEFT + step * i, _BOTTOM - (_BOTTOM - _TOP) * (value - low) / (high - low)

    said = "; ".join(f"{name} {c.value:.2f}, random {c.twins:.2f}" for name, c in rows)
    drawing = Drawing(_WIDTH, _HEIGHT, title=f"{MEASURES[key].title}: {said}")
    for value in nice_steps(low, high, n=4):
        y = at(0, value)[1]
        drawing.line((_LEFT, y), (_RIGHT, y), "grid")
        drawing.text((_LEFT - 6, y + 4), f"{value:g}", "tick", anchor="end")
    drawing.path([at(i, c.twins) for i, (_, c) in enumerate(rows)], "baseline twin")
    drawing.path([at(i, c.value) for i, (_, c) in enumerate(rows)], "line valid")
    every = 1 if len(rows) <= 9 else 2
    for i, (name, c) in enumerate(rows):
        drawing.line(at(i, c.low), at(i, c.high), "whisker chosen" if c.holds else "whisker")
        drawing.circle(at(i, c.value), 3.6, "dot chosen" if c.holds else "dot", tip=c.to_text())
        if i % every == 0:
            drawing.text((at(i, low)[0], _BOTTOM + 15), name, "tick", anchor="middle")
    return drawing.markup()


def overlay(pixels: UInt8[np.ndarray, "h w 3"], heat: Float32[np.ndarray, "_ _"]) -> UInt8[np.ndarray, "h w 3"]:
    """Lay heat over a picture: cool grey where nothing stands out, the picture's own colours under amber where it does.

    Parameters
    ----------
    pixels : uint8 (h, w, 3)
    heat : float32 (rows, columns)
        In [0, 1], on the stage's map.
    """
    height, width = pixels.shape[:2]
    grown = PillowImage.fromarray(heat).resize((width, height), PillowImage.Resampling.BILINEAR)
    share = np.clip(np.asarray(grown), 0, 1)[:, :, None] ** 1.6  # only what stands out
    grey = pixels.mean(axis=2, keepdims=True) * 0.55 + 40.0
    amber = np.array([255.0, 170.0, 40.0])
    mixed = grey * (1 - share) + (0.45 * pixels + 0.55 * amber) * share
    return np.asarray(np.round(np.clip(mixed, 0, 255)), dtype=np.uint8)


def tiles(filters: UInt8[np.ndarray, "c k k2 3"], *, side_px: int = 44) -> list[UInt8[np.ndarray, "_ _ 3"]]:
    """Enlarge filters so that each weight is a plain square.

    Parameters
    ----------
    filters : uint8 (c, k, k, 3)
    side_px : int
        About how large a tile becomes.
    """
    times = max(1, round(side_px / filters.shape[1]))
    return [one.repeat(times, axis=0).repeat(times, axis=1) for one in filters]
