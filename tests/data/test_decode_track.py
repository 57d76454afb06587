"""Pointer tracks: the usual spellings, units, buttons, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from photism.data.decode_track import decode_track, looks_like_track
from photism.data.files import Limits
from photism.data.track_words import Buttons, find_columns, tell_unit
from photism.errors import DecodeError
from photism.types import PointerTrack

XY = [(10, 20), (30, 25), (31, 400)]

BALABIT = """record timestamp,client timestamp,button,state,x,y
0.0,0.0,NoButton,Move,92,323
0.5,0.105,NoButton,Move,168,264
0.6,0.2,Left,Pressed,168,264
0.7,0.3,NoButton,Drag,170,280
0.8,0.4,NoButton,Move,65535,65535
0.9,0.5,Scroll,Down,0,0
1.0,0.6,Left,Released,171,281
1.1,0.7,NoButton,Move,180,290
"""


def track(folder: Path, text: str | bytes) -> PointerTrack:
    """Write a recording without an ending, and decode it."""
    path = folder / "recording"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return decode_track(path)


def test_balabit(tmp_path: Path) -> None:
    got = track(tmp_path, BALABIT)
    np.testing.assert_allclose(got.time_s, [0, 0.105, 0.2, 0.3, 0.6, 0.7])  # the client's clock
    np.testing.assert_array_equal(got.xy_px, [(92, 323), (168, 264), (168, 264), (170, 280), (171, 281), (180, 290)])
    assert got.buttons.tolist() == [0, 0, 1, 1, 0, 0]
    assert got.time_unit == "s"


@pytest.mark.parametrize(
    "text",
    [
        "x,y,t\n10,20,1000\n30,25,1016\n31,400,1032\n",
        "X;Y;Time (ms)\r\n10;20;0\r\n30;25;16\r\n31;400;32\r\n",
        "t_ms\tx_px\ty_px\n0\t10\t20\n16\t30\t25\n32\t31\t400\n",
        'id,"timestampMs","mouseX","mouseY"\n1,"5","10","20"\n2,"21","30","25"\n3,"37","31","400"',
        "# a comment\n\nclientX,clientY,seconds\n10,20,0.5\n\n30,25,0.516\n31,400,0.532\n",
        "pos_x|pos_y|epoch\n10|20|1500000000000\n30|25|1500000000016\n31|400|1500000000032\n",
        "x,y,timestamp\n10,20,1500000000.000\n30,25,1500000000.016\n31,400,1500000000.032\n",
        "x,y,ts\n10,20,1500000000000000\n30,25,1500000000016000\n31,400,1500000000032000\n",
        "x,y,ts\n10,20,1500000000000000000\n30,25,1500000000016000000\n31,400,1500000000032000000\n",
        "x,y,t_us\n10,20,0\n30,25,16000\n31,400,32000\n",
        "x,y,time\n10,20,2020-01-01T00:00:00.000Z\n30,25,2020-01-01T00:00:00.016Z\n31,400,2020-01-01T00:00:00.032Z\n",
        "x,y,datetime\n10,20,2020-01-01 00:00:00.000\n30,25,2020-01-01 00:00:00.016\n31,400,2020-01-01 00:00:00.032\n",
        "x;y;t\n10,0;20,0;0,000\n30,0;25,0;0,016\n31,0;400,0;0,032\n",
        "x,y,t\n30,25,1016\n10,20,1000\n31,400,1032\n",
        "\ufeffx,y,t\r10,20,1000\r30,25,1016\r31,400,1032",
        "x,y,t,key\n10,20,0,\n,,5,a\n30,25,16,\n31,400,32,\n",
    ],
)  # fmt: skip
def test_spellings_separators_and_units_give_the_same_track(tmp_path: Path, text: str) -> None:
    got = track(tmp_path, text)
    np.testing.assert_allclose(got.time_s, [0, 0.016, 0.032], atol=1e-6)
    np.testing.assert_array_equal(got.xy_px, XY)
    assert got.buttons.tolist() == [0, 0, 0]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("form", ["lines", "array"])
def test_json(tmp_path: Path, form: str, indent: int | None) -> None:
    rows = [{"type": "mousemove", "x": x, "y": y, "timestamp": 16 * i} for i, (x, y) in enumerate(XY)]
    rows.insert(1, {"type": "keydown", "timestamp": 3})
    texts = [json.dumps(row, indent=indent) for row in rows]
    got = track(tmp_path, "\n".join(texts) if form == "lines" else json.dumps(rows, indent=indent))
    np.testing.assert_allclose(got.time_s, [0, 0.016, 0.032])
    np.testing.assert_array_equal(got.xy_px, XY)


def test_utf16(tmp_path: Path) -> None:
    assert len(track(tmp_path, "x,y,t\n1,2,3\n4,5,6\n".encode("utf-16")).time_s) == 2


def test_events_of_the_same_time_keep_their_order(tmp_path: Path) -> None:
    got = track(tmp_path, "x,y,t\n5,0,20\n1,0,10\n2,0,10\n3,0,10\n")
    assert got.xy_px[:, 0].tolist() == [1, 2, 3, 5]


def test_one_lost_coordinate_is_left_out_but_edges_of_a_normalised_screen_stay(tmp_path: Path) -> None:
    got = track(tmp_path, "x,y,t\n1,2,0\n65535,9,5\n3,4,10\n")
    assert got.xy_px.tolist() == [[1, 2], [3, 4]]
    got = track(tmp_path, "x,y,t\n40000,2,0\n65535,9,5\n65535,65535,7\n3,4,10\n")
    assert got.xy_px.tolist() == [[40000, 2], [65535, 9], [3, 4]]


@pytest.mark.parametrize(
    ("header", "cells", "masks"),
    [
        ("buttons", ["0", "1", "3", "0"], [0, 1, 3, 0]),
        ("button", ["", "Left", "Right", "none"], [0, 1, 2, 0]),
        ("event", ["mousemove", "mousedown", "mousemove", "mouseup"], [0, 1, 1, 0]),
        ("event", ["move", "right_down", "move", "right_up"], [0, 2, 2, 0]),
        ("pressed", ["False", "True", "True", "False"], [0, 1, 1, 0]),
        ("action", ["move", "click", "move", "drag"], [0, 1, 0, 1]),
        ("button,state", ["2,up", "2,down", "0,down", "2,up"], [0, 2, 3, 1]),
        ("button,state", ["Scroll,Down", "Middle,Pressed", "Scroll,Up", "Middle,Released"], [0, 4, 4, 0]),
    ],
)
def test_buttons(tmp_path: Path, header: str, cells: list[str], masks: list[int]) -> None:
    rows = "".join(f"{i + 1},5,{i},{cell}\n" for i, cell in enumerate(cells))
    assert track(tmp_path, f"x,y,t,{header}\n{rows}").buttons.tolist() == masks


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x,y,t\n", "holds 0 points"),
        ("x,y,t\n1,2,3\n", "holds one point"),
        ("x,y,t\n1,2,3\n65535,65535,4\n", "holds one point"),
        ("x,y,t\n1,2,3\n4,5\n", "is damaged near line 2"),
        ("x,y,t\n1,2,3\n4,five,6\n", "damaged near line 3: time, x and y"),
        ("x,y,t\n1,2,3\n4,nan,6\n", "event 2 holds"),
        ("x,y,t\n1,2,3\n4,1e300,6\n", "beyond"),
        ("x,y,t\n1,2,3\n4,5,1e300\n", "lasts"),
        ("x,y,t\n1,2,3\n4,5,2020-01-01\n", "mixes dates and numbers"),
        ("x,y,t\n1,2,3\n4,5,6\n\udcff".encode("utf-8", "surrogateescape"), "not text in UTF-8"),
        ('[{"x":1,"y":2,"t":3},{"x":1', "damaged near line 1"),
        ('{"x":1,"y":2,"t":3}\n{"x":true,"y":2,"t":4}', "truth value"),
        ("x,y\n1,2\n", "not a pointer track"),
        ("x,y,z,t\n1,2,3,4\n", "not a pointer track"),
        ("1,2,3\n4,5,6\n", "not a pointer track"),
        ("x,y,t are what a track is made of\n", "not a pointer track"),
        ('{"cells": []}', "not a pointer track"),
        ("[" * 3000, "not a pointer track"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(DecodeError, match=said):
        track(tmp_path, text)


def test_limits(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x,y,t\n" + "1,2,3\n" * 100)
    with pytest.raises(DecodeError, match="limit points"):
        decode_track(tmp_path / "f", limits=Limits(points=50))
    with pytest.raises(DecodeError, match="limit text_bytes"):
        decode_track(tmp_path / "f", limits=Limits(text_bytes=50))


def test_a_head_cut_inside_a_row_is_enough() -> None:
    head = ("x,y,t\n" + "".join(f"{i},{i},{i}\n" for i in range(2000))).encode()[:4096]
    assert looks_like_track(head)
    assert not looks_like_track(b"x,y,t\n1,two,3\n4,5,6\n")
    assert not looks_like_track(b"\x00x,y,t\n1,2,3\n")


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("start_s", [0.0, 1.6e9])
@pytest.mark.parametrize("step_s", [0.004, 0.016, 0.05, 0.3])
def test_units_are_told_from_the_numbers(unit: str, start_s: float, step_s: float) -> None:
    per_second = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[unit]
    ticks = (start_s + step_s * np.arange(50)) * per_second
    assert tell_unit(ticks) == unit


def test_columns_are_found_in_any_order_beside_others() -> None:
    found = find_columns(["Session", "Button", "Y", "client timestamp", "X", "record timestamp"], range(6))
    assert found is not None
    assert (found.time, found.x, found.y, found.button, found.state) == (3, 4, 2, 1, None)
    assert find_columns(["lat", "lon", "time"], range(3)) is None


def test_a_lost_release_does_not_hold_the_button_through_a_drag_of_its_own() -> None:
    buttons = Buttons()
    assert buttons.after("NoButton", "Drag") == 1  # the press was before the recording began
    assert buttons.after("NoButton", "Move") == 0
