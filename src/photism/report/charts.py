"""The charts of the page as inline SVG: learning curves, layers, calibration, interval bars, pictures with axes.

Every chart is about 400 units wide, so that it reads on a telephone without shrinking its text. Training is always
the ochre dashed line and held-out data the blue solid one: told apart without colour too. No file is opened here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from markupsafe import Markup

from photism.recognizers.layer_names import panel_of
from photism.report.account import CalibrationBin, Probe
from photism.report.drawing import Drawing
from photism.report.plane import HEIGHT, TOP, WIDTH, Plane, draw_frame
from photism.report.ticks import loss_ceiling, nice_steps
from photism.report.words import interval, number, percent, printable, shorten
from photism.types import EpochRow, Verdict

__all__ = ["draw_accuracy", "draw_calibration", "draw_loss", "draw_probes", "interval_bar"]


def draw_loss(history: Sequence[EpochRow], verdict: Verdict | None = None) -> Markup:
    """Draw training and validation loss (nats) over the epochs with their 95 % bands, best epoch and onset marked.

    Losses that are not finite break the line; one far above the rest is cut at the top of the chart, so that a
    single explosion does not flatten everything else.

    Parameters
    ----------
    history
        One row an epoch, in order; may be empty.
    verdict
        Says which epochs to mark; None marks none.
    """
    top = 1.06 * loss_ceiling(history)
    plane = Plane(*_epochs(history), 0.0, top)
    title = _summary("Loss", history, lambda row: (row.train_loss_nats, row.valid_loss_nats), number)
    drawing = Drawing(WIDTH, HEIGHT, title=title)
    draw_frame(drawing, plane, "loss (nats)", nice_steps(0.0, top, n=5), lambda v: f"{v:.4g}")
    _band(drawing, plane, [(row.epoch, row.train_loss_low, row.train_loss_high) for row in history], "band train")
    _band(drawing, plane, [(row.epoch, row.valid_loss_low, row.valid_loss_high) for row in history], "band valid")
    _marks(drawing, plane, history, verdict, note_y=plane.top + 14)  # where losses have left room
    _pair(drawing, plane, history, lambda row: (row.train_loss_nats, row.valid_loss_nats))
    return drawing.markup()


def draw_accuracy(
    history: Sequence[EpochRow], verdict: Verdict | None = None, *, baseline: float | None = None
) -> Markup:
    """Draw training and validation accuracy over the epochs with their 95 % bands.

    Parameters
    ----------
    history
        One row an epoch, in order; may be empty.
    verdict
        Says which epochs to mark; None marks none.
    baseline
        Accuracy of always answering the commonest class, in [0, 1], drawn as a dotted line; None draws none.
    """
    values = [v for row in history for v in (row.train_low, row.valid_low, row.train_accuracy, row.valid_accuracy)]
    lowest = min([v for v in values if math.isfinite(v)] + ([baseline] if baseline is not None else []), default=0.0)
    floor = 0.0 if lowest < 0.55 else math.floor(lowest * 10.0) / 10.0  # near the ceiling, zoom in
    plane = Plane(*_epochs(history), floor, 1.0)
    title = _summary("Accuracy", history, lambda row: (row.train_accuracy, row.valid_accuracy), percent)
    drawing = Drawing(WIDTH, HEIGHT, title=title)
    draw_frame(drawing, plane, "accuracy (%)", nice_steps(floor, 1.0, n=5), lambda v: f"{100.0 * v:.4g}")
    _band(drawing, plane, [(row.epoch, row.train_low, row.train_high) for row in history], "band train")
    _band(drawing, plane, [(row.epoch, row.valid_low, row.valid_high) for row in history], "band valid")
    if baseline is not None:
        drawing.line((plane.left, plane.y(baseline)), (plane.right, plane.y(baseline)), "baseline")
        drawing.text((plane.right + 6, plane.y(baseline) + 4), "baseline", "note")
    _marks(drawing, plane, history, verdict, note_y=plane.y(0.5 * (floor + 1.0)) + 14)
    _pair(drawing, plane, history, lambda row: (row.train_accuracy, row.valid_accuracy), taken=baseline)
    return drawing.markup()


def draw_probes(probes: Sequence[Probe], *, baseline: float | None = None) -> Markup:
    """Draw the accuracy of a linear probe on every stage, one row a stage; the chosen one is filled.

    Parameters
    ----------
    probes
        Shallow to deep; joined stages (a ``+`` in the name) last.
    baseline
        Accuracy of always answering the commonest class, in [0, 1]; None draws none.
    """
    names = [shorten(printable(probe.name), 26) for probe in probes]
    row_height, right = 23.0, WIDTH - 54.0
    left = 24.0 + 6.6 * max(map(len, names), default=0)
    values = [v for p in probes for v in (p.accuracy, p.low) if v is not None]
    lowest = min([*values, *([baseline] if baseline is not None else [])], default=0.0)
    floor = max(0.0, math.floor(lowest * 10.0 - 0.5) / 10.0)
    bottom = TOP - 14.0 + row_height * len(probes)
    plane = Plane(floor, 1.0, 0.0, 1.0, left=left, right=right, top=TOP - 14.0, bottom=bottom)
    said = "; ".join(f"{p.name} {percent(p.accuracy)}{' (chosen)' if p.chosen else ''}" for p in probes)
    drawing = Drawing(WIDTH, bottom + 36.0, title=f"Accuracy of a linear probe by stage: {printable(said)}")
    for value in nice_steps(floor, 1.0, n=5):
        x = plane.x(value)
        drawing.line((x, plane.top), (x, bottom), "grid")
        drawing.text((x, bottom + 15), f"{100.0 * value:.4g}", "tick", anchor="middle")
    drawing.text(((left + right) / 2, bottom + 31), "cross-validated accuracy (%)", "name", anchor="middle")
    if baseline is not None:
        drawing.line((plane.x(baseline), plane.top), (plane.x(baseline), bottom), "baseline")
    centres = [plane.top + row_height * (i + 0.5) for i in range(len(probes))]
    depths: dict[str, list[tuple[float, float]]] = {}  # one line a panel: its stages follow each other, panels do not
    for probe, y in zip(probes, centres, strict=True):
        if "+" not in probe.name:
            depths.setdefault(panel_of(probe.name), []).append((plane.x(probe.accuracy), y))
    for line in depths.values():
        drawing.path(line, "profile")
    for probe, name, y in zip(probes, names, centres, strict=True):
        mark = " chosen" if probe.chosen else ""
        drawing.text((left - 10, y + 4), name, f"label{mark}", anchor="end")
        if probe.low is not None and probe.high is not None:
            drawing.line((plane.x(probe.low), y), (plane.x(probe.high), y), f"whisker{mark}")
        tip = f"{name}: {percent(probe.accuracy)} ({interval(probe.low, probe.high)})"
        drawing.circle((plane.x(probe.accuracy), y), 5.5 if probe.chosen else 4.0, f"dot{mark}", tip=tip)
        drawing.text((right + 10, y + 4), f"{100.0 * probe.accuracy:.1f}", f"label{mark}")
    return drawing.markup()


def draw_calibration(bins: Sequence[CalibrationBin]) -> Markup:
    """Draw how often it is right at each confidence (the diagonal is honest), over a histogram of its answers."""
    left, right, top, bottom, low = 46.0, 340.0, 16.0, 250.0, 330.0
    plane = Plane(0.0, 1.0, 0.0, 1.0, left=left, right=right, top=top, bottom=bottom)
    filled = [b for b in bins if b.n > 0 and b.confidence is not None and b.accuracy is not None]
    said = "; ".join(f"sure {percent(b.confidence, digits=0)}, right {percent(b.accuracy, digits=0)}" for b in filled)
    drawing = Drawing(WIDTH, 372.0, title=f"Calibration: {said}")
    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        drawing.line((left, plane.y(value)), (right, plane.y(value)), "grid")
        drawing.text((left - 8, plane.y(value) + 4), f"{100 * value:.0f}", "tick", anchor="end")
        drawing.text((plane.x(value), low + 16), f"{100 * value:.0f}", "tick", anchor="middle")
    drawing.text((12, (top + bottom) / 2), "how often right (%)", "name", anchor="middle", turn=True)
    drawing.text(((left + right) / 2, low + 34), "how sure (%)", "name", anchor="middle")
    drawing.line((plane.x(0), plane.y(0)), (plane.x(1), plane.y(1)), "diagonal")
    total, most = sum(b.n for b in bins), max((b.n for b in bins), default=1) or 1
    for bin_ in filled:
        sure, right_ = bin_.confidence or 0.0, bin_.accuracy or 0.0
        drawing.line((plane.x(sure), plane.y(sure)), (plane.x(sure), plane.y(right_)), "miss")
    drawing.path([(plane.x(b.confidence or 0.0), plane.y(b.accuracy or 0.0)) for b in filled], "line valid thin")
    for bin_ in filled:
        sure, right_ = bin_.confidence or 0.0, bin_.accuracy or 0.0
        tip = f"{bin_.n} answers: sure {percent(sure)}, right {percent(right_)}"
        drawing.circle((plane.x(sure), plane.y(right_)), 3.0 + 5.0 * math.sqrt(bin_.n / most), "dot chosen", tip=tip)
    for bin_ in bins:
        height = 56.0 * bin_.n / most
        x = plane.x(bin_.low)
        tip = f"{bin_.n} of {total} answers"
        drawing.rect(x + 1, low - height, plane.x(bin_.high) - x - 2, height, "bar", tip=tip)
    drawing.line((left, low), (right, low), "axis")
    drawing.text((right + 6, low - 4), "answers", "note")
    return drawing.markup()


def interval_bar(value: float | None, low: float | None, high: float | None) -> Markup:
    """Draw one fraction with its interval on a rule from 0 to 100 %, small enough for a table cell."""
    width, height, edge = 132.0, 16.0, 5.0
    said = f"{percent(value)}, interval {interval(low, high)}"
    drawing = Drawing(width, height, title=said, class_="bar-cell")
    middle, reach = height / 2, width - 2 * edge
    drawing.line((edge, middle), (width - edge, middle), "rail")
    if low is not None and high is not None:
        drawing.rect(edge + reach * low, middle - 3, max(2.0, reach * (high - low)), 6, "reach", tip=said)
    if value is not None:
        drawing.circle((edge + reach * value, middle), 4.0, "dot chosen", tip=said)
    return drawing.markup()


def _epochs(history: Sequence[EpochRow]) -> tuple[float, float]:
    return (float(history[0].epoch), float(history[-1].epoch)) if history else (0.0, 1.0)


def _summary(
    what: str,
    history: Sequence[EpochRow],
    values: Callable[[EpochRow], tuple[float, float]],
    write: Callable[[float | None], str],
) -> str:
    if not history:
        return f"{what}: nothing was trained"
    first, last = values(history[0]), values(history[-1])
    return (
        f"{what} over {len(history)} epochs: training from {write(first[0])} to {write(last[0])}, "
        f"validation from {write(first[1])} to {write(last[1])}"
    )


def _marks(
    drawing: Drawing, plane: Plane, history: Sequence[EpochRow], verdict: Verdict | None, *, note_y: float
) -> None:
    """Mark the best epoch by a line and what comes after the onset of memorising by a shade, named at ``note_y``."""
    if verdict is None or len(history) < 2:
        return
    onset, best = verdict.onset_epoch, verdict.best_epoch
    if onset is not None:
        x = plane.x(onset)
        drawing.rect(x, plane.top, plane.right - x, plane.bottom - plane.top, "onset")
        drawing.line((x, plane.top), (x, plane.bottom), "onset-edge")
        anchor = "end" if x > plane.right - 90 else "start"
        beside = min(x, plane.x(best)) - 4 if anchor == "end" else x + 4  # not across the line of the best epoch
        drawing.text((beside, note_y), f"memorising from {onset}", "note", anchor=anchor)
    x = plane.x(best)
    drawing.line((x, plane.top - 4), (x, plane.bottom), "best")
    label_x = min(max(x, plane.left + 24), plane.right - 24)
    drawing.text((label_x, plane.top - 8), f"best {best}", "note strong", anchor="middle")


def _pair(
    drawing: Drawing,
    plane: Plane,
    history: Sequence[EpochRow],
    values: Callable[[EpochRow], tuple[float, float]],
    *,
    taken: float | None = None,
) -> None:
    """Draw the training and validation lines, and their names at the right end where they do not collide."""
    pairs = [(row.epoch, *values(row)) for row in history]
    drawing.path([(plane.x(epoch), plane.y(train)) for epoch, train, _ in pairs], "line train")
    drawing.path([(plane.x(epoch), plane.y(valid)) for epoch, _, valid in pairs], "line valid")
    ends = [
        (next((y for y in (plane.y(pair[i]) for pair in reversed(pairs)) if math.isfinite(y)), plane.bottom), name)
        for i, name in ((1, "training"), (2, "validation"))
    ]
    busy = [plane.y(taken)] if taken is not None else []
    for y, name in _spread(sorted(ends), busy, plane):
        drawing.text((plane.right + 6, y + 4), name, "end train" if name == "training" else "end valid")


def _spread(
    ends: list[tuple[float, str]], busy: list[float], plane: Plane, gap: float = 15.0
) -> list[tuple[float, str]]:
    """Push two labels apart until they are legible, away from what is already written there."""
    (upper, first), (lower, second) = ends
    if lower - upper < gap:
        middle = (upper + lower) / 2
        upper, lower = middle - gap / 2, middle + gap / 2
    for y in busy:
        if abs(lower - y) < gap:
            lift = lower - (y - gap)
            lower, upper = lower - lift, min(upper, lower - lift - gap)
    over = max(0.0, lower - plane.bottom)
    return [(upper - over, first), (lower - over, second)]


def _band(drawing: Drawing, plane: Plane, rows: Sequence[tuple[float, float, float]], class_: str) -> None:
    sound = [row for row in rows if all(math.isfinite(v) for v in row)]
    if len(sound) > 1:
        upper = [(plane.x(epoch), plane.y(high)) for epoch, _, high in sound]
        lower = [(plane.x(epoch), plane.y(low)) for epoch, low, _ in reversed(sound)]
        drawing.path(upper + lower, class_, close=True)
