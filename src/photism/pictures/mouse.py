"""Pointer tracks into pictures: where, how fast and which way, and the rhythm in which a hand or a program reports.

A layout is one panel or several joined by ``+``, all of one pixel size:

    path      x, y of the screen     red: early dim, late bright · green: speed · blue: every recorded point
    dwell     x, y of the screen     red: seconds spent · green: points recorded · blue: the path
    rhythm    interval, next one     red: how often · green: mean step length · blue: mean turn
    profile   point, interval        red: the curve · green: the curve where steps are long · blue: where it turns

Covers drawing, cutting of long sessions into windows, and the way back from a pixel to the screen, to seconds or
to moments of the track. Does not cover reading files and units of time (``data``). Buttons are not drawn: many tools
that record tracks leave them out, and a recognizer would learn the tool.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from photism.errors import DecodeError, OptionError
from photism.pictures.ink import line, splat
from photism.types import JSON, Axis, Picture, PointerTrack, Recipe, Window

__all__ = ["fit_recipe", "locate", "render", "times_at"]

VERSION = 1

DEFAULT_LAYOUT = "path+profile"  # chosen by inner folds: LOG.md
MAX_WINDOWS = 16
MIN_WINDOW_POINTS, MAX_WINDOW_POINTS = 64, 512

# Ranges of logarithmic scales: fixed, so that a picture means the same everywhere. What falls outside is on the edge.
INTERVAL_S = (0.001, 10.0)
STEP = (0.0005, 1.0)  # share of the track's longer extent, so that the screen's resolution does not matter
SPEED = (0.01, 20.0)  # longer extents a second

MARGIN = 0.04  # of the picture's side, kept free around a path
DIM = 0.25  # brightness of the smallest value on a drawn line: the line stays visible
POINTS_AT_FULL_SCALE = 30.0  # of 100 points on one pixel: white

Places = Float[np.ndarray, " n"]
Moves = Float[np.ndarray, " m"]  # one between two points: m = n - 1
Canvas = Float[np.ndarray, "s s"]
Channels = tuple[Canvas, Canvas, Canvas]
Screen = tuple[float, float, float]  # middle x, middle y and longer extent of a file's path, in px


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A window of a track, free of the screen's resolution: the file's longer extent is 1.

    ``first`` is the number of the window's first point in the file; ``place`` lies in [0, 1]², the path's middle at
    0.5; ``turn`` in [0, 1] is the change of direction at a move's start, 1 a reversal.
    """

    first: int
    time_s: Places
    place: Float[np.ndarray, "n 2"]
    interval_s: Moves
    step: Moves
    turn: Moves

    @property
    def speed(self) -> Moves:
        """Shares of the longer extent a second; intervals shorter than the clock's millisecond count as one."""
        speed: Moves = self.step / np.maximum(self.interval_s, INTERVAL_S[0])
        return speed


def fit_recipe(
    facts: Sequence[Mapping[str, float]], *, size_px: int = 224, options: Mapping[str, JSON] | None = None
) -> Recipe:
    """Fit the length of a window to the training tracks and fill in the other options.

    A window is as long as the track that 99 % of the tracks do not exceed, within 64 to 512 points: short tracks
    stay whole, sessions of thousands of points are cut. Points are counted, not seconds: a pointer at rest says little.

    Parameters
    ----------
    facts
        ``n_points`` of the training tracks; other facts are not used.
    size_px
        Side of the square picture, 16 or more.
    options
        ``layout``: panels joined by ``+``; ``window_points``: longest window, 2 or more; ``max_windows``: most
        windows of one file, evenly spread over it.

    Returns
    -------
    Recipe
        Kind ``mouse`` with every option written out.

    Raises
    ------
    OptionError
        An option is unknown or has a value that is not allowed.

    Examples
    --------
    >>> [fit_recipe([{"n_points": n}]).options["window_points"] for n in (300.0, 20000.0)]
    [300, 512]
    """
    given = dict(options or {})
    n_points = [fact["n_points"] for fact in facts if "n_points" in fact]
    fitted = math.ceil(float(np.percentile(n_points, 99))) if n_points else MAX_WINDOW_POINTS
    defaults: dict[str, JSON] = {
        "layout": DEFAULT_LAYOUT,
        "window_points": min(max(fitted, MIN_WINDOW_POINTS), MAX_WINDOW_POINTS),
        "max_windows": MAX_WINDOWS,
    }
    unknown = sorted(set(given) - set(defaults))
    if unknown:
        raise OptionError(f"pictures of pointer tracks take the options {', '.join(defaults)}, but got {unknown[0]!r}")
    chosen = {**defaults, **given}
    panels = str(chosen["layout"]).split("+")
    if any(panel not in PANELS for panel in panels) or len(set(panels)) < len(panels):
        raise OptionError(f"layout must join some of {', '.join(PANELS)} by +, each once, but is {chosen['layout']!r}")
    for name, least in (("window_points", 2), ("max_windows", 1)):
        value = chosen[name]
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise OptionError(f"{name} must be a whole number, {least} or more, but is {value!r}")
    if size_px < 16:
        raise OptionError(f"size_px must be 16 or more, but is {size_px}")
    return Recipe("mouse", VERSION, {"size_px": size_px, **chosen})


def render(signal: PointerTrack, recipe: Recipe) -> tuple[Window, ...]:
    """Draw a pointer track, one window after the other, through every panel of the recipe.

    Coordinates are divided by the longer extent of the whole file, aspect kept: the same movement on a screen of
    another resolution gives the same picture. What is lost: absolute size, buttons, and order beyond what time shows.

    Parameters
    ----------
    signal
        One point or more; times may step back (clocks do): drawing takes the running maximum of time and 0 for a
        negative interval.
    recipe
        From `fit_recipe`.

    Returns
    -------
    tuple of Window
        Windows in order of time; each has one uint8 (size_px, size_px, 3) picture a panel, 0 nothing there.

    Raises
    ------
    DecodeError
        The track has no point, or numbers that are not finite.
    OptionError
        The recipe is not one of pointer tracks.

    Notes
    -----
    Deterministic. About 1 ms a panel for 100 points on one core, 1.5 ms for a path.
    """
    if recipe.kind != "mouse":
        raise OptionError(f"a pointer track needs a recipe of kind mouse, but got one of kind {recipe.kind}")
    xy, time_s, n = signal.xy_px, signal.time_s, len(signal.time_s)
    if n == 0:
        raise DecodeError("a pointer track with at least one point was expected, but it has none")
    # far below the largest float, so that differences cannot overflow either
    if not (np.all(np.abs(xy) < 1e300) and np.all(np.abs(time_s) < 1e300)):
        raise DecodeError("finite times and coordinates were expected, but the pointer track has others")
    options = recipe.options
    size_px = int(str(options["size_px"]))
    screen = _screen(xy)
    windows = []
    for first, last in _cut(n, int(str(options["window_points"])), int(str(options["max_windows"]))):
        stretch = _stretch(time_s[first:last], xy[first:last], screen, first)
        window = []
        for name in str(options["layout"]).split("+"):
            draw, axes = PANELS[name]
            pixels = np.clip(np.rint(np.stack(draw(stretch, size_px), axis=-1) * 255.0), 0, 255).astype(np.uint8)
            x, y = axes(stretch, screen)
            window.append(Picture(pixels, x, y, recipe, name, (0, 0, size_px, size_px)))
        windows.append(tuple(window))
    return tuple(windows)


def locate(picture: Picture, x_px: float, y_px: float) -> dict[str, tuple[float, float]]:
    """Turn a pixel of the picture back into the ranges of the two data coordinates that it covers.

    Parameters
    ----------
    picture
        From `render`.
    x_px, y_px
        Column from the left and row from the top, 0 the first; a fraction names the pixel it falls in.

    Returns
    -------
    dict
        (low, high) by coordinate: ``x_px`` and ``y_px`` of the screen (path, dwell), ``interval_s`` and
        ``next_interval_s`` (rhythm), ``point`` (0 the file's first) and ``interval_s`` (profile).

    Raises
    ------
    OptionError
        The pixel lies outside the picture.
    """
    height, width = picture.pixels.shape[:2]
    if not (0 <= x_px < width and 0 <= y_px < height):
        raise OptionError(f"a pixel of a {width} x {height} picture was expected, but got ({x_px}, {y_px})")
    found = {}
    for axis, first, side in ((picture.x, math.floor(x_px), width), (picture.y, math.floor(y_px), height)):
        ends = axis.value_at(first / side), axis.value_at((first + 1) / side)
        name = "_".join(filter(None, (axis.name.replace(" ", "_"), axis.unit)))
        found[name] = (min(ends), max(ends))
    return found


def times_at(
    signal: PointerTrack, picture: Picture, x_px: float, y_px: float, *, radius_px: float = 2.0
) -> list[float]:
    """Find the moments of a track that are drawn near a pixel: when the pointer was there, or kept that rhythm.

    Parameters
    ----------
    signal, picture
        A track and any panel of any of its windows; what other windows would draw on that place counts too.
    x_px, y_px, radius_px
        Column and row of the picture, and how far around the pixel's centre to look.

    Returns
    -------
    list of float
        Seconds from the first event, rising: of the points recorded there (path, dwell) or of those that an interval
        starts from (rhythm, profile); empty where nothing is drawn.

    Raises
    ------
    OptionError
        The pixel lies outside the picture.
    """
    locate(picture, x_px, y_px)  # refuses what is outside
    xy = signal.xy_px
    stretch = _stretch(signal.time_s, xy, _screen(xy), 0)
    values = {
        "path": (xy[:, 0], xy[:, 1]),
        "dwell": (xy[:, 0], xy[:, 1]),
        "rhythm": (stretch.interval_s[:-1], stretch.interval_s[1:]),
        "profile": (np.arange(len(xy) - 1) + 0.5, stretch.interval_s),
    }[picture.panel]
    height, width = picture.pixels.shape[:2]
    across, down = (_fractions(axis, value) for axis, value in zip((picture.x, picture.y), values, strict=True))
    near = np.hypot(across * width - math.floor(x_px) - 0.5, down * height - math.floor(y_px) - 0.5) <= radius_px
    return [float(t) for t in np.sort(stretch.time_s[: len(near)][near])]


# ── from the file's coordinates to the stretch that is drawn ──────────────────────────────────────────────────


def _screen(xy: Float[np.ndarray, "n 2"]) -> Screen:
    """Measure the whole file's path; one that never moved gets an extent of one pixel."""
    low, high = xy.min(axis=0), xy.max(axis=0)
    extent = float((high - low).max())
    return float(low[0] + high[0]) / 2.0, float(low[1] + high[1]) / 2.0, extent if extent > 0.0 else 1.0


def _cut(n_points: int, window_points: int, max_windows: int) -> list[tuple[int, int]]:
    """Cut a track into even windows of at most ``window_points``; where they would be too many, spread some over it."""
    n_windows = math.ceil(n_points / window_points)
    if n_windows <= max_windows:
        return list(itertools.pairwise(np.linspace(0, n_points, n_windows + 1).round().astype(int).tolist()))
    starts = np.linspace(0, n_points - window_points, max_windows).round().astype(int).tolist()
    return [(start, start + window_points) for start in starts]


def _stretch(time_s: Places, xy: Float[np.ndarray, "n 2"], screen: Screen, first: int) -> _Stretch:
    place = (xy - np.array(screen[:2])) / screen[2] * (1.0 - 2.0 * MARGIN) + 0.5
    across, down = np.diff(xy, axis=0).T / screen[2]
    heading = np.arctan2(down, across)
    turn = np.zeros(len(heading))
    turn[1:] = np.abs((np.diff(heading) + math.pi) % (2.0 * math.pi) - math.pi) / math.pi
    interval_s = np.maximum(np.diff(time_s), 0.0)
    return _Stretch(first, np.maximum.accumulate(time_s), place, interval_s, np.hypot(across, down), turn)


# ── panels: what is drawn, and what its sides mean ────────────────────────────────────────────────────────────


def _draw_path(stretch: _Stretch, size_px: int) -> Channels:
    x, y = stretch.place.T * size_px
    line_x, line_y, move = line(x, y)
    elapsed = stretch.time_s - stretch.time_s[0]
    lateness = elapsed / elapsed[-1] if elapsed[-1] > 0.0 else elapsed
    speed = _log_share(stretch.speed, SPEED) if len(x) > 1 else np.zeros(1)
    ink = splat(line_x, line_y, size_px)
    cover = np.minimum(ink * 2.0, 1.0)
    late, fast = (_mean(line_x, line_y, DIM + (1.0 - DIM) * value[move], ink) * cover for value in (lateness, speed))
    return late, fast, _points(x, y, size_px)


def _draw_dwell(stretch: _Stretch, size_px: int) -> Channels:
    x, y = stretch.place.T * size_px
    line_x, line_y, _ = line(x, y)
    share = np.zeros(len(x))
    share[:-1] += stretch.interval_s / 2.0
    share[1:] += stretch.interval_s / 2.0
    share /= max(float(share.sum()), 1e-9)
    heat = np.log1p(splat(x, y, size_px, share) * 1e4) / math.log1p(1e3)
    return heat, _points(x, y, size_px), np.minimum(splat(line_x, line_y, size_px) * 2.0, 1.0)


def _points(x: Places, y: Places, size_px: int) -> Canvas:
    """Draw every recorded point as a dot; many on one place are brighter, on a logarithmic scale."""
    return np.log1p(splat(x, y, size_px) * 4.0) / math.log(20.0)


def _draw_rhythm(stretch: _Stretch, size_px: int) -> Channels:
    before, after = stretch.interval_s[:-1], stretch.interval_s[1:]
    x, y = _log_share(before, INTERVAL_S) * size_px, (1.0 - _log_share(after, INTERVAL_S)) * size_px
    return _density(x, y, _log_share(stretch.step[:-1], STEP), stretch.turn[1:], size_px)


def _draw_profile(stretch: _Stretch, size_px: int) -> Channels:
    n = len(stretch.interval_s)
    x = (np.arange(n) + 0.5) / max(n, 1) * size_px
    y = (1.0 - _log_share(stretch.interval_s, INTERVAL_S)) * size_px
    line_x, line_y, move = line(x, y)
    ink = splat(line_x, line_y, size_px)
    cover = np.minimum(ink * 2.0, 1.0)
    step, turn = (
        _mean(line_x, line_y, DIM + (1.0 - DIM) * value[move], ink) * cover
        for value in (_log_share(stretch.step, STEP), stretch.turn)
    )
    return cover, step, turn


def _density(x: Places, y: Places, first: Places, second: Places, size_px: int) -> Channels:
    """How often a place is met, on a logarithmic scale and whatever the track's length, and two means there."""
    count = splat(x, y, size_px)
    often = np.log1p(count * (1600.0 / max(len(x), 1))) / math.log1p(16.0 * POINTS_AT_FULL_SCALE)
    cover = np.minimum(count * 16.0, 1.0)
    one, two = (_mean(x, y, 0.2 + 0.8 * value, count) * cover for value in (first, second))
    return often, one, two


def _screen_axes(_: _Stretch, screen: Screen) -> tuple[Axis, Axis]:
    half = screen[2] / (1.0 - 2.0 * MARGIN) / 2.0
    x, y = screen[0], screen[1]
    return Axis("x", "px", x - half, x + half, anywhere=True), Axis("y", "px", y - half, y + half, anywhere=True)


def _rhythm_axes(_: _Stretch, __: Screen) -> tuple[Axis, Axis]:
    low, high = INTERVAL_S
    # anywhere: on a logarithmic side a shift is another tempo and the rhythm stays. Pooling to 7 x 7 was no better.
    x = Axis("interval", "s", low, high, "log", anywhere=True)
    return x, Axis("next interval", "s", high, low, "log", anywhere=True)


def _profile_axes(stretch: _Stretch, _: Screen) -> tuple[Axis, Axis]:
    low, high = INTERVAL_S
    last = stretch.first + max(len(stretch.interval_s), 1)
    x = Axis("point", "", float(stretch.first), float(last), anywhere=True)
    return x, Axis("interval", "s", high, low, "log", anywhere=True)


PANELS: dict[str, tuple[Callable[[_Stretch, int], Channels], Callable[[_Stretch, Screen], tuple[Axis, Axis]]]] = {
    "path": (_draw_path, _screen_axes),
    "dwell": (_draw_dwell, _screen_axes),
    "rhythm": (_draw_rhythm, _rhythm_axes),
    "profile": (_draw_profile, _profile_axes),
}


# ── ink ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _log_share(values: Places, ends: tuple[float, float]) -> Places:
    """Place of values between two ends on a logarithmic scale, in [0, 1]; what lies outside sits on the edge."""
    low, high = math.log(ends[0]), math.log(ends[1])
    share: Places = (np.log(np.clip(values, *ends)) - low) / (high - low)
    return share


def _fractions(axis: Axis, values: Places) -> Places:
    """`Axis.fraction_at` for many values at once, held inside the picture as drawing does."""
    if axis.scale == "log":
        low, high = min(axis.start, axis.stop), max(axis.start, axis.stop)
        share = _log_share(values, (low, high))
    else:
        share = (values - min(axis.start, axis.stop)) / abs(axis.stop - axis.start)
    return share if axis.start < axis.stop else 1.0 - share


def _mean(x: Places, y: Places, value: Places, ink: Canvas) -> Canvas:
    """Mean of ``value`` over what was drawn on each pixel, ``ink`` being how much that was; 0 where there is none."""
    mean: Canvas = np.divide(splat(x, y, len(ink), value), ink, out=np.zeros_like(ink), where=ink > 1e-9)
    return mean
