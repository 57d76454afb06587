"""A small builder of inline SVG: shapes with classes, coloured by the page's style sheet, never by themselves.

Why not matplotlib: a chart whose colours are CSS variables follows the reader's light or dark scheme and prints
well, and its text is text. It does not know what it draws; ``charts.py`` does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

__all__ = ["Drawing", "fixed"]

Point = tuple[float, float]


def fixed(value: float) -> str:
    """Write a coordinate with at most one decimal: a tenth of a pixel is finer than any screen.

    Parameters
    ----------
    value : float
        In pixels.

    Examples
    --------
    >>> fixed(3.14159), fixed(2.0)
    ('3.1', '2')
    """
    return f"{value:.1f}".removesuffix(".0")


class Drawing:
    """One chart of ``width`` x ``height`` user units, built shape by shape in painting order.

    ``title`` is what a screen reader says; give numbers in it, not only the chart's name. All text is escaped.
    """

    def __init__(self, width: float, height: float, *, title: str, class_: str = "chart") -> None:
        box = f'viewBox="0 0 {fixed(width)} {fixed(height)}"'
        self._head = f'<svg class="{class_}" {box} role="img" aria-label="{escape(title)}">'
        self._shapes: list[str] = []

    def line(self, start: Point, end: Point, class_: str) -> None:
        """Draw a straight line."""
        (x1, y1), (x2, y2) = start, end
        self._shapes.append(
            f'<line class="{class_}" x1="{fixed(x1)}" y1="{fixed(y1)}" x2="{fixed(x2)}" y2="{fixed(y2)}"/>'
        )

    def rect(self, x: float, y: float, width: float, height: float, class_: str, *, tip: str = "") -> None:
        """Draw a rectangle; ``tip`` shows when a pointer rests on it."""
        shape = f'x="{fixed(x)}" y="{fixed(y)}" width="{fixed(max(0.0, width))}" height="{fixed(max(0.0, height))}"'
        self._shapes.append(f'<rect class="{class_}" {shape}>{_tip(tip)}</rect>')

    def circle(self, centre: Point, radius: float, class_: str, *, tip: str = "") -> None:
        """Draw a dot; ``tip`` shows when a pointer rests on it."""
        x, y = centre
        self._shapes.append(
            f'<circle class="{class_}" cx="{fixed(x)}" cy="{fixed(y)}" r="{fixed(radius)}">{_tip(tip)}</circle>'
        )

    def path(self, points: Sequence[Point], class_: str, *, close: bool = False) -> None:
        """Draw a line through points; one that is not finite breaks it, and a lone point becomes a dot."""
        runs: list[list[Point]] = [[]]
        for point in points:
            if math.isfinite(point[0]) and math.isfinite(point[1]):
                runs[-1].append(point)
            elif runs[-1]:
                runs.append([])
        steps: list[str] = []
        for run in (run for run in runs if run):
            drawn = run if len(run) > 1 else [run[0], run[0]]  # a round cap makes a dot of a line of no length
            steps.append("M" + "L".join(f"{fixed(x)} {fixed(y)}" for x, y in drawn) + ("Z" if close else ""))
        if steps:
            self._shapes.append(f'<path class="{class_}" d="{"".join(steps)}"/>')

    def text(self, at: Point, text: str, class_: str = "", *, anchor: str = "start", turn: bool = False) -> None:
        """Write a text at its baseline; ``turn`` sets it upwards."""
        x, y = fixed(at[0]), fixed(at[1])
        place = f'transform="translate({x} {y}) rotate(-90)"' if turn else f'x="{x}" y="{y}"'
        self._shapes.append(f'<text class="{class_}" {place} text-anchor="{anchor}">{escape(text)}</text>')

    def image(self, x: float, y: float, width: float, height: float, uri: str) -> None:
        """Place a picture given as a data URI, stretched to the box."""
        box = f'x="{fixed(x)}" y="{fixed(y)}" width="{fixed(width)}" height="{fixed(height)}"'
        self._shapes.append(f'<image {box} preserveAspectRatio="none" href="{escape(uri)}"/>')

    def markup(self) -> Markup:
        """Return the chart as HTML that needs no more escaping."""
        return Markup(self._head + "".join(self._shapes) + "</svg>")  # every text in it is escaped


def _tip(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""
