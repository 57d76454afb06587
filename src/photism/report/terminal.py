"""The report in a terminal: progress bars, a curve in braille. Colour only where it is asked for.

It returns text or draws on the stream it is given; it never prints by itself, and a pipe gets no bar.
"""

from __future__ import annotations

import atexit
import math
from collections.abc import Iterable, Sequence
from typing import IO, Protocol, cast, runtime_checkable

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.progress import TimeRemainingColumn as TimeLeftColumn
from rich.text import Text

from photism.report.ticks import loss_ceiling
from photism.types import EpochRow

__all__ = ["Screen", "draw_curve", "progress_on"]

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # braille dots by row and column of a cell
_BLUE, _OCHRE, _PLAIN = "\x1b[34m", "\x1b[33m", "\x1b[0m"


@runtime_checkable
class _Stream(Protocol):
    """What a bar needs of the place where it is drawn; fewer things than ``TextIO`` asks for."""

    def isatty(self) -> bool: ...
    def write(self, text: str, /) -> int: ...
    def flush(self) -> None: ...


@runtime_checkable
class Screen(Protocol):
    """What shows how far the work is; called with a phase's name, how many items are done and how many there are."""

    def __call__(self, phase: str, done: int, total: int) -> None: ...

    def epoch(self, curve: str, row: EpochRow) -> None:
        """Draw a training curve as it grows: its name and its newest row."""


def progress_on(stream: _Stream) -> Screen:
    """Make what shows progress on ``stream``: a bar with rate and time left on a terminal, else nothing.

    Parameters
    ----------
    stream
        Mostly ``sys.stderr``, so that answers on standard output stay clean.

    Returns
    -------
    Screen
        A phase begins at its first call and its bar stays when ``done`` reaches ``total``; while a network is trained
        its curve stands below the bar and moves with every epoch.
    """
    return _Bars(stream) if stream.isatty() else _Quiet()


class _Quiet:
    """Show nothing: the reader is a pipe or a file."""

    def __call__(self, phase: str, done: int, total: int) -> None: ...

    def epoch(self, curve: str, row: EpochRow) -> None: ...


class _Bar(Progress):
    """A bar with a curve below it, where there is one."""

    curve: Text | None = None

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        if self.curve is not None:
            yield self.curve


class _Bars:
    """One rich progress bar a phase, one phase at a time."""

    def __init__(self, stream: _Stream) -> None:
        self._console = Console(file=cast("IO[str]", stream))
        self._shown: tuple[str, _Bar, TaskID] | None = None
        self._rows: dict[str, list[EpochRow]] = {}
        atexit.register(self._stop)  # an interrupted phase must give the terminal its cursor back

    def __call__(self, phase: str, done: int, total: int) -> None:
        if self._shown is None or self._shown[0] != phase:
            self._stop()
            bar = _Bar(
                TextColumn("{task.description:<12}"),
                BarColumn(bar_width=32, complete_style="blue", finished_style="blue"),
                MofNCompleteColumn(),
                _RateColumn(),
                TimeLeftColumn(elapsed_when_finished=True),
                console=self._console,
            )
            self._shown = phase, bar, bar.add_task(phase.replace("_", " "), total=total)
            bar.start()
        _, bar, task = self._shown
        bar.update(task, completed=done, total=total)
        if done >= total:
            self._stop()

    def epoch(self, curve: str, row: EpochRow) -> None:
        rows = self._rows.setdefault(curve, [])
        rows.append(row)
        if self._shown is None:
            return
        width = max(34, min(100, self._console.width))
        text = draw_curve(rows, width=width, height=min(12, self._console.height - 3), colour=True)
        self._shown[1].curve = Text.from_ansi(f"{curve}\n{text}")

    def _stop(self) -> None:
        if self._shown is not None:
            # The finished curve is drawn once more, with the answer: here it would stand twice.
            self._shown[1].curve = None
            self._shown[1].stop()
            self._shown = None


class _RateColumn(ProgressColumn):
    """Items a second; seconds an item where that is slower than one a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        return Text(f"{speed:,.0f}/s" if speed >= 1.0 else f"{1.0 / speed:.1f} s each", style="blue")


def draw_curve(
    history: Sequence[EpochRow], *, width: int = 72, height: int = 10, colour: bool = False, unicode: bool = True
) -> str:
    """Draw training and validation loss over the epochs as text.

    Parameters
    ----------
    history
        One row an epoch, in order; empty gives an empty string.
    width, height
        Size in characters of the whole drawing, at least 34 x 3; axis labels and two lines of text included.
    colour
        True adds ANSI colours; without, training is dotted and validation solid.
    unicode
        False draws with ASCII only.

    Returns
    -------
    str
        Lines no longer than ``width`` characters (colour codes not counted), without a line break at the end.
    """
    if not history:
        return ""
    curves = [row.train_loss_nats for row in history], [row.valid_loss_nats for row in history]
    if not any(math.isfinite(value) for curve in curves for value in curve):
        return "The loss is not a number from the first epoch on."
    top = loss_ceiling(history)
    rows, columns = max(3, height) - 2, max(34, width) - 8
    canvases = [_plot(curve, top, rows, columns, dotted=i == 0) for i, curve in enumerate(curves)]
    best = min(history, key=lambda row: row.valid_loss_nats if math.isfinite(row.valid_loss_nats) else math.inf)
    lines = []
    for r in range(rows):
        label = f"{top:6.3g} " if r == 0 else f"{0:6d} " if r == rows - 1 else " " * 7
        edge = "│" if unicode else "|"
        lines.append(label + edge + _line(canvases[0][r], canvases[1][r], colour=colour, unicode=unicode).rstrip())
    first, last = str(history[0].epoch), str(history[-1].epoch)
    lines.append(" " * 8 + first + last.rjust(max(1, columns - len(first))))
    solid, dotted = ("━", "┅") if unicode else ("o", ".")
    blue, ochre, plain = (_BLUE, _OCHRE, _PLAIN) if colour else ("", "", "")
    legend = f"{ochre}{dotted}{plain} training  {blue}{solid}{plain} validation"
    room = columns - len("- training  - validation")
    said = f"  loss in nats, best {best.valid_loss_nats:.3f} at epoch {best.epoch}"
    lines.append(" " * 8 + legend + (said if len(said) <= room else ""))
    return "\n".join(lines)


def _plot(curve: Sequence[float], top: float, rows: int, columns: int, *, dotted: bool) -> list[list[int]]:
    """Set braille dots along a curve; every other column where it is dotted."""
    cells = [[0] * columns for _ in range(rows)]
    wide, tall = 2 * columns, 4 * rows
    previous: int | None = None
    for x in range(wide):
        place = x / (wide - 1) * (len(curve) - 1)
        left = int(place)
        right = min(left + 1, len(curve) - 1)
        value = curve[left] + (curve[right] - curve[left]) * (place - left) if place > left else curve[left]
        if not math.isfinite(value):
            previous = None
            continue
        y = round((1.0 - min(max(value / top, 0.0), 1.0)) * (tall - 1))
        if not dotted or x % 4 < 2:
            for each in range(min(y, y if previous is None else previous), max(y, previous or y) + 1):
                cells[each // 4][x // 2] |= _DOTS[each % 4][x % 2]
        previous = y
    return cells


def _line(train: Sequence[int], valid: Sequence[int], *, colour: bool, unicode: bool) -> str:
    """Join one row of both curves; where they meet, validation is in front."""
    parts = []
    for first, second in zip(train, valid, strict=True):
        if not unicode:
            parts.append("o" if second else "." if first else " ")
        elif not first | second:
            parts.append(" ")
        else:
            sign = chr(0x2800 | first | second)
            parts.append(f"{_BLUE if second else _OCHRE}{sign}{_PLAIN}" if colour else sign)
    return "".join(parts)
