"""Accuracy against seconds, a panel a set: what ``against_peers`` has finished, drawn with photism's own charts.

Peers' lines run over their epochs, photism's over its variants (``--photism "60s=--budget 60s"`` becomes the point
``60s``; ``--variants`` draws some of them). Seconds are those that ``benchmarks/peers/README.md`` says: peers' clocks
run in training only, photism's over its whole process; with ``--processor`` they are the processors', which other work
on the machine hardly changes. A panel is the mean over the folds of a set, of those contestants that have finished the
most folds; in a panel of one fold (``esc10/1``; ``--folds``: each) is everybody who has finished it. Nothing is
trained here. The SVG stands alone and is light; ``--png`` draws it once more in Chromium (``$CHROMIUM``).

    python -m benchmarks.plot_peers [SET[/FOLD] ...] [--results FOLDER] [--folds] [--processor] [--variants NAME ...]
        [--out FILE.svg] [--png]
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.against_peers import PEERS, Pooled, is_finished, read_result, title
from photism.report.drawing import Drawing
from photism.report.plane import Plane
from photism.report.ticks import nice_steps

HERE = Path(__file__).resolve().parent
COLUMNS, WIDTH, HEIGHT, GAP, KEY = 2, 440.0, 330.0, 28.0, 52.0
# Room for a label: an ordinary letter of the largest usual fonts at 11.5 px, and a line.
LETTER_PX, LINE_PX = 6.3, 13.0

STYLE = """
text { font: 11.5px ui-sans-serif, system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; fill: #5a5e66; }
.title { font-size: 15px; font-weight: 600; fill: #1d2025; } .name { fill: #1d2025; }
.paper { fill: #ffffff; } .grid { stroke: #dfdbd2; stroke-width: 1; } .faint { stroke: #efece5; stroke-width: 1; }
path { fill: none; stroke-width: 1.6; stroke-linejoin: round; stroke-linecap: round; }
path.photism { stroke-width: 2.4; } circle { stroke: #ffffff; stroke-width: 1; }
.label { paint-order: stroke; stroke: #ffffff; stroke-width: 3.5; stroke-linejoin: round; }
text.photism { font-weight: 600; }
"""
NAMES = {
    "photism": "photism (each point a variant)",
    "fastai": "fastai fine_tune (number: its epochs)",
    "torch_tutorial": "PyTorch tutorial",
    "torchvision_reference": "torchvision reference",
    "keras": "Keras",
}
COLOURS = {
    "photism": "#0b5fa5",
    "fastai": "#a4560a",
    "torch_tutorial": "#2f7d4f",
    "torchvision_reference": "#86378c",
    "keras": "#b3273a",
}


@dataclass(frozen=True, slots=True)
class Line:
    """What one contestant reached: seconds above 0, accuracies in [0, 1], and what a point is called, if anything."""

    who: str
    seconds: tuple[float, ...]
    accuracy: tuple[float, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """One set or fold; ``unit`` says what kind of seconds its lines run over."""

    title: str
    lines: tuple[Line, ...]
    unit: str = "seconds"


# ── what is finished ─────────────────────────────────────────────────────────────────────────────────


def finished(results: Path, name: str, variants: Sequence[str] | None = None) -> dict[str, dict[tuple[str, str], Path]]:
    """List the finished runs of a set, photism's by their variants: fold -> (who, setting) -> folder."""
    found: dict[str, dict[tuple[str, str], Path]] = {}
    for log in sorted((results / name).glob("*/*/*/log.jsonl")):
        fold, who, setting = log.parent.relative_to(results / name).parts
        asked = variants is None or setting in variants if who == "photism" else who in PEERS
        if asked and is_finished(log.parent):
            found.setdefault(fold, {})[who, setting] = log.parent
    return found


def pooled(results: Path, name: str, folders: Mapping[str, Path]) -> Pooled:
    """Read one contestant's runs, a folder a fold."""
    manifests = {fold: results / "pictures" / f"{name}-{fold}.json" for fold in folders}
    return Pooled(tuple(read_result(folder, manifests[fold]) for fold, folder in folders.items()))


def panels_of(
    results: Path, wanted: str, *, by_fold: bool, processor: bool = False, variants: Sequence[str] | None = None
) -> list[Panel]:
    """Make the panels of a set, or of one fold of it (``SET/FOLD``); empty where nothing is finished."""
    name, _, only = wanted.partition("/")
    unit = "processor seconds" if processor else "seconds"
    found = {fold: runs for fold, runs in finished(results, name, variants).items() if only in ("", fold)}
    if by_fold or only:
        return [
            Panel(
                name if fold == "split" else f"{name}, fold {fold}",
                lines_of({key: pooled(results, name, {fold: one}) for key, one in runs.items()}, processor=processor),
                unit,
            )
            for fold, runs in found.items()
        ]
    keys = dict.fromkeys(key for runs in found.values() for key in runs)
    folds = {key: [fold for fold, runs in found.items() if key in runs] for key in keys}
    most = max(folds.values(), key=len, default=[])
    for key, some in folds.items():
        if some != most:
            print(f"{name} {title(*key)}: has finished {', '.join(some)} only, left out", file=sys.stderr)
    everyone = {
        key: pooled(results, name, {fold: found[fold][key] for fold in most}) for key in keys if folds[key] == most
    }
    if not everyone:
        return []
    n_folds = f", mean of {len(most)} folds" if len(most) > 1 else ""
    return [Panel(f"{name}{n_folds}", lines_of(everyone, processor=processor), unit)]


def lines_of(everyone: Mapping[tuple[str, str], Pooled], *, processor: bool = False) -> tuple[Line, ...]:
    """Turn runs into lines: a peer's setting is a line of its own, all of photism's variants are one."""
    lines, ours = [], []
    for (who, setting), one in everyone.items():
        seconds, accuracy = one.curve("cpu_seconds" if processor else "seconds_training")
        if who == "photism":
            ours.append((float(seconds[-1]), float(accuracy[-1]), setting))
        else:
            several = len(PEERS[who].epochs) > 1 or sum(other == who for other, _ in everyone) > 1
            names = ("",) * (len(seconds) - 1) + (setting if several else "",)
            lines.append(Line(who, tuple(seconds.tolist()), tuple(accuracy.tolist()), names))
    if ours:
        seconds, accuracy, settings = zip(*sorted(ours), strict=True)
        lines.append(Line("photism", seconds, accuracy, settings))
    return tuple(lines)


# ── drawing ──────────────────────────────────────────────────────────────────────────────────────────


def draw(panels: Sequence[Panel]) -> str:
    """Draw panels beside and below one another; returns a whole SVG file."""
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    width, height = columns * WIDTH + (columns + 1) * GAP, rows * (HEIGHT + GAP) + GAP + KEY
    colours = "".join(
        f"path.{who} {{ stroke: {c} }} circle.{who}, text.{who} {{ fill: {c} }}" for who, c in COLOURS.items()
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}"><style>{STYLE}{colours}</style>'
        f'<rect class="paper" width="{width:g}" height="{height:g}"/>'
    ]
    seconds = [value for panel in panels for line in panel.lines for value in line.seconds]
    reach = (min(seconds) / 1.5, max(seconds) * 1.5)  # one scale for all: a step to the right is as many times longer
    for index, panel in enumerate(panels):
        x, y = GAP + (index % columns) * (WIDTH + GAP), GAP + (index // columns) * (HEIGHT + GAP)
        place = f'<svg x="{x:g}" y="{y:g}" width="{WIDTH:g}" height="{HEIGHT:g}" '
        parts.append(str(draw_panel(panel, reach)).replace("<svg ", place, 1))
    whos = [who for who in COLOURS if any(line.who == who for panel in panels for line in panel.lines)]
    parts.append(f'<svg x="{GAP:g}" y="{height - KEY:g}" width="{width - GAP:g}" height="{KEY:g}" >')
    parts.append(str(_key(whos, width - GAP)).partition(">")[2])
    return "".join([*parts, "</svg>\n"])


def _key(whos: Sequence[str], width: float):
    """Say whose lines they are: names in a row, a second one where they do not fit."""
    drawing, x, y = Drawing(width, KEY, title=", ".join(whos)), 0.0, 14.0
    for who in whos:
        name = NAMES[who]
        wide = 48.0 + LETTER_PX * len(name) * (1.12 if who == "photism" else 1.0)
        if x and x + wide > width:
            x, y = 0.0, y + 20.0
        drawing.path([(x, y - 4), (x + 22, y - 4)], who)
        drawing.circle((x + 11, y - 4), 5.0 if who == "photism" else 2.5, who)
        drawing.text((x + 29, y), name, who)
        x += wide
    return drawing.markup()


def draw_panel(panel: Panel, reach: tuple[float, float]):
    """Draw one set: grid, lines, points, and names of photism's points and of a peer's ends where it has several.

    Parameters
    ----------
    panel : Panel
        At least one line.
    reach : (float, float)
        Seconds where the x axis begins and ends.
    """
    reached = [value for line in panel.lines for value in line.accuracy]
    floor = max(0.0, math.floor(20.0 * (min(reached) - 0.04)) / 20.0)
    plane = Plane(
        math.log10(reach[0]), math.log10(reach[1]), floor, 1.0,
        left=44.0, top=52.0, right=WIDTH - 18.0, bottom=HEIGHT - 42.0,
    )  # fmt: skip
    ends = "; ".join(
        f"{line.who} {name}: {100 * accuracy:.1f} % in {used:.0f} s"
        for line in panel.lines
        for used, accuracy, name in zip(line.seconds, line.accuracy, line.names, strict=True)
        if name or used == line.seconds[-1]
    )
    drawing = Drawing(WIDTH, HEIGHT, title=f"Test accuracy against seconds, {panel.title}: {ends}")
    _draw_frame(drawing, plane, panel.title, panel.unit)
    for line in panel.lines:
        points = _places(plane, line)
        drawing.path(points, line.who)
        for point, used, accuracy in zip(points, line.seconds, line.accuracy, strict=True):
            size = 5.0 if line.who == "photism" else 2.5
            drawing.circle(point, size, line.who, tip=f"{line.who}: {100 * accuracy:.1f} % in {used:.1f} s")
    _draw_labels(drawing, plane, panel.lines)
    return drawing.markup()


def _places(plane: Plane, line: Line) -> list[tuple[float, float]]:
    return [(plane.x(math.log10(s)), plane.y(a)) for s, a in zip(line.seconds, line.accuracy, strict=True)]


def _draw_frame(drawing: Drawing, plane: Plane, name: str, unit: str) -> None:
    for value in nice_steps(plane.y_low, 1.0, n=6):
        drawing.line((plane.left, plane.y(value)), (plane.right, plane.y(value)), "grid")
        drawing.text((plane.left - 8, plane.y(value) + 4), f"{100 * value:.4g}", "tick", anchor="end")
    powers = range(math.floor(plane.x_low), math.ceil(plane.x_high) + 1)
    for power in powers:
        for step in (1.0, 2.0, 5.0):
            at = math.log10(step) + power
            if plane.x_low <= at <= plane.x_high:
                x = plane.x(at)
                drawing.line((x, plane.top), (x, plane.bottom), "grid" if step == 1.0 else "faint")
                drawing.text((x, plane.bottom + 16), f"{10.0**at:,.4g}", "tick", anchor="middle")
    drawing.text((0.0, 14.0), name, "title")
    drawing.text((plane.left - 36, plane.top - 9), "test accuracy (%)", "name")
    drawing.text((plane.right, plane.bottom + 33), f"{unit} (log scale)", "name", anchor="end")


def _draw_labels(drawing: Drawing, plane: Plane, lines: Sequence[Line]) -> None:
    """Write what is called something beside its point, where it covers the fewest points, lines and other names."""
    taken = np.concatenate([_along(_places(plane, line)) for line in lines])
    boxes: list[tuple[float, float, float, float]] = []
    for line in lines:
        for (x, y), name in zip(_places(plane, line), line.names, strict=True):
            if not name:
                continue
            wide = LETTER_PX * len(name) * (1.08 if line.who == "photism" else 1.0)
            places = [(x + 9, y + 4), (x - wide - 9, y + 4)]
            places += [(x + dx * wide, y + dy) for dy in (-9, 17, -22, 30, -35, 43) for dx in (-0.5, 0.0, -1.0)]
            left, base = min(places, key=lambda at: _cost(at, wide, plane, taken, boxes))
            boxes.append((left, base - LINE_PX + 3, left + wide, base + 3))
            drawing.text((left, base), name, f"label {line.who}")


def _along(points: Sequence[tuple[float, float]]) -> np.ndarray:
    """Points every few pixels along a line, (n, 2); the line's own points count ten times."""
    path = np.array(points)
    between = [np.linspace(a, b, 2 + int(np.hypot(*(b - a)) / 4)) for a, b in pairwise(path)]
    return np.concatenate([np.repeat(path, 10, axis=0), *between])


def _cost(
    at: tuple[float, float], wide: float, plane: Plane, taken: np.ndarray, boxes: Sequence[tuple[float, ...]]
) -> float:
    left, top, right, bottom = at[0], at[1] - LINE_PX + 3, at[0] + wide, at[1] + 3
    if left < plane.left or right > plane.right or top < plane.top or bottom > plane.bottom:
        return math.inf
    x, y = taken.T
    covered = int(((x > left - 3) & (x < right + 3) & (y > top - 2) & (y < bottom + 2)).sum())
    others = sum(left < b[2] + 4 and right > b[0] - 4 and top < b[3] and bottom > b[1] for b in boxes)
    return covered + 100.0 * others


def save_png(svg: Path, png: Path) -> None:
    """Draw an SVG in Chromium, twice as large."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(device_scale_factor=2)
        page.set_content(f"<body style='margin:0'>{svg.read_text(encoding='utf-8')}</body>")
        page.locator("svg").first.screenshot(path=png)
        browser.close()


def main() -> None:
    """Draw what is finished."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=["esc10", "clothing10", "fsdd", "filefrag"], metavar="SET")
    parser.add_argument("--results", type=Path, default=HERE / ".results")
    parser.add_argument("--folds", action="store_true", help="a panel a fold instead of their mean")
    parser.add_argument("--processor", action="store_true", help="processor seconds instead of the clock's")
    parser.add_argument("--variants", nargs="+", metavar="NAME", help="of photism's variants only these")
    parser.add_argument("--out", type=Path, default=HERE / "against_peers.svg")
    parser.add_argument("--png", action="store_true", help="a PNG beside it")
    given = parser.parse_args()
    panels = [
        panel
        for name in given.sets
        for panel in panels_of(
            given.results, name, by_fold=given.folds, processor=given.processor, variants=given.variants
        )
    ]
    if not panels:
        raise SystemExit(f"{given.results}: expected finished runs of {', '.join(given.sets)}, and found none.")
    given.out.write_text(draw(panels), encoding="utf-8")
    if given.png:
        save_png(given.out, given.out.with_suffix(".png"))


if __name__ == "__main__":
    main()
