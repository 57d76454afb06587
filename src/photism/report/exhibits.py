"""How a raw file became a picture: the signal drawn as it is, and the picture with its axes, as inline SVG.

One function a kind of signal. Long signals are reduced to what a screen can show; nothing is measured.
"""

from __future__ import annotations

import numpy as np
from markupsafe import Markup, escape

from photism.report.drawing import Drawing
from photism.report.embed import data_uri
from photism.report.ticks import nice_steps, ruler
from photism.types import Axis, ByteString, Image, Picture, PointerTrack, Signal, Waveform

__all__ = ["draw_raw", "draw_seen"]

_WIDTH = 400.0
_DUMP_ROWS, _DUMP_COLUMNS = 14, 8
_MOST_POINTS = 1500


def draw_raw(signal: Signal) -> Markup:
    """Draw a decoded file before it becomes a picture: a waveform, a photograph, a hex dump or a pointer's path."""
    match signal:
        case Waveform():
            return _waveform(signal)
        case Image():
            return _photograph(signal)
        case ByteString():
            return _dump(signal)
        case PointerTrack():
            return _track(signal)


def draw_seen(picture: Picture) -> Markup:
    """Draw a picture as the recognizer sees it, with ticks in the data's units on both sides.

    The box of ``picture`` that holds data is outlined where it is smaller than the whole: the rest is padding.
    """
    height, width = picture.pixels.shape[:2]
    box = picture.content
    x = ruler(picture.x, n=5, within=(box[0] / width, box[2] / width))
    y = ruler(picture.y, n=6, within=(box[1] / height, box[3] / height))
    left, top = 34.0 + 6.6 * max((len(text) for _, text in y.ticks), default=1), 10.0
    side = _WIDTH - left - 14.0
    tall = side * height / width
    if tall > 420.0:
        side, tall = side * 420.0 / tall, 420.0
    title = f"Picture ({picture.panel}): {x.title} against {y.title}"
    drawing = Drawing(_WIDTH, top + tall + 42.0, title=title, class_="chart seen")
    drawing.image(left, top, side, tall, data_uri(picture.pixels, side_px=448, quality=88))
    drawing.rect(left, top, side, tall, "frame")
    if box != (0, 0, width, height):
        x0, y0 = left + side * box[0] / width, top + tall * box[1] / height
        drawing.rect(x0, y0, side * (box[2] - box[0]) / width, tall * (box[3] - box[1]) / height, "content")
    for place, text in x.ticks:
        at = left + side * place
        drawing.line((at, top + tall), (at, top + tall + 4), "axis")
        drawing.text((at, top + tall + 17), text, "tick", anchor="middle")
    for place, text in y.ticks:
        at = top + tall * place
        drawing.line((left - 4, at), (left, at), "axis")
        drawing.text((left - 8, at + 4), text, "tick", anchor="end")
    drawing.text((left + side / 2, top + tall + 35), x.title, "name", anchor="middle")
    if picture.y.scale != "hilbert":  # one curve through both sides: said once, below
        drawing.text((13, top + tall / 2), y.title, "name", anchor="middle", turn=True)
    return drawing.markup()


def _waveform(signal: Waveform) -> Markup:
    left, right, middle, reach = 12.0, 388.0, 70.0, 54.0
    mono = signal.samples.mean(axis=0) if signal.samples.size else np.zeros(1, np.float32)
    n_columns = int(min(len(mono), right - left))
    edges = np.linspace(0, len(mono), n_columns + 1).astype(int)[:-1]
    high, low = np.maximum.reduceat(mono, edges), np.minimum.reduceat(mono, edges)
    loudest = float(np.abs(mono).max()) or 1.0
    places = left + (right - left) * np.arange(n_columns) / max(1, n_columns - 1)
    upper = [(float(x), middle - reach * float(v) / loudest) for x, v in zip(places, high, strict=True)]
    lower = [(float(x), middle - reach * float(v) / loudest) for x, v in zip(places, low, strict=True)]
    duration_s = len(mono) / signal.rate_hz
    title = f"Waveform of {duration_s:.2f} seconds at {signal.rate_hz} Hz"
    drawing = Drawing(_WIDTH, 176.0, title=title)
    drawing.line((left, middle), (right, middle), "grid")
    drawing.path(upper + lower[::-1], "wave", close=True)
    scale = ruler(Axis("time", "s", 0.0, duration_s), n=6)
    drawing.line((left, 134.0), (right, 134.0), "axis")
    for place, text in scale.ticks:
        x = left + (right - left) * place
        drawing.line((x, 134), (x, 138), "axis")
        drawing.text((x, 151), text, "tick", anchor="middle")
    drawing.text(((left + right) / 2, 169), scale.title, "name", anchor="middle")
    return drawing.markup()


def _photograph(signal: Image) -> Markup:
    height, width = signal.pixels.shape[:2]
    side = 376.0 / max(height, width)
    title = f"Photograph of {width} by {height} pixels"
    drawing = Drawing(_WIDTH, side * height + 34.0, title=title, class_="chart seen")
    left = (_WIDTH - side * width) / 2
    drawing.image(left, 4.0, side * width, side * height, data_uri(signal.pixels, side_px=640, quality=82))
    drawing.text((_WIDTH / 2, side * height + 24), f"{width} × {height} px", "name", anchor="middle")
    return drawing.markup()


def _dump(signal: ByteString) -> Markup:
    """Write the first bytes as people who read binaries do: offset, hexadecimal, text."""
    shown = bytes(np.asarray(signal.values[: _DUMP_ROWS * _DUMP_COLUMNS]))
    rows = []
    for start in range(0, len(shown), _DUMP_COLUMNS):
        row = shown[start : start + _DUMP_COLUMNS]
        text = "".join(chr(b) if 32 <= b < 127 else "·" for b in row)
        rows.append((f"{start:04X}", row.hex(" ").ljust(3 * _DUMP_COLUMNS - 1), text))
    lines = "\n".join(f"<i>{at}</i>  {hexes}  <b>{escape(text)}</b>" for at, hexes, text in rows)
    more = "\n<i>…</i>" if len(signal.values) > len(shown) else ""
    return Markup(f'<pre class="dump" tabindex="0">{lines}{more}</pre>')  # every text in it is escaped


def _track(signal: PointerTrack) -> Markup:
    xy = signal.xy_px
    step = max(1, -(-len(xy) // _MOST_POINTS))
    thin, pressed = xy[::step], signal.buttons[::step] > 0
    low, high = xy.min(axis=0), xy.max(axis=0)
    # A track as flat as a line still needs room for the numbers beside it: a third of its width at least.
    middle, span = (high + low) / 2, np.maximum(high - low, max(1.0, float((high - low).max()) / 3))
    low, high = middle - span / 2, middle + span / 2
    scale = float(min(320.0 / span[0], 300.0 / span[1]))
    left, top = 68.0 + (320.0 - scale * float(span[0])) / 2, 12.0
    tall = scale * float(span[1])
    points = [(left + scale * float(x - low[0]), top + scale * float(y - low[1])) for x, y in thin]
    title = f"Pointer track of {len(xy)} points over {float(signal.time_s[-1]):.1f} seconds"
    drawing = Drawing(_WIDTH, top + tall + 44.0, title=title)
    drawing.path(points, "track")
    for point, down in zip(points, pressed, strict=True):
        if down:
            drawing.circle(point, 2.6, "press")
    drawing.circle(points[0], 4.5, "dot chosen", tip="start")
    base = top + tall + 8
    for value in nice_steps(float(low[0]), float(high[0]), n=max(2, int(scale * span[0] / 60))):
        drawing.text((left + scale * (value - float(low[0])), base + 12), f"{value:.6g}", "tick", anchor="middle")
    for value in nice_steps(float(low[1]), float(high[1]), n=max(2, int(tall / 36))):
        drawing.text((left - 12, top + scale * (value - float(low[1])) + 4), f"{value:.6g}", "tick", anchor="end")
    drawing.text((left + scale * float(span[0]) / 2, base + 30), "x (px)", "name", anchor="middle")
    drawing.text((13, top + tall / 2), "y (px)", "name", anchor="middle", turn=True)
    return drawing.markup()
