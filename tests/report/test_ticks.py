"""Ticks: in the data's unit, inside the data, far enough apart to read, for every kind's axes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photism.report.ticks import nice_steps, ruler
from photism.types import Axis

AXES = {
    "mel": Axis("frequency", "Hz", 16000.0, 20.0, "mel"),
    "mel from zero": Axis("frequency", "Hz", 8000.0, 0.0, "mel"),
    "seconds": Axis("time", "s", 0.0005, 5.0005, "linear"),
    "milliseconds": Axis("time", "s", 0.0, 0.25, "linear"),
    "minutes": Axis("time", "s", 600.0, 630.0, "linear"),
    "offset": Axis("file offset", "bytes", 0.0, 57344.0, "rows"),
    "values": Axis("first byte", "value", 0.0, 256.0, "linear"),
    "pixels": Axis("x", "px", -80.0, 720.0, "linear"),
    "intervals": Axis("interval", "s", 10.0, 0.001, "log"),
}


@pytest.mark.parametrize("axis", AXES.values(), ids=AXES)
def test_there_are_a_few_ticks_and_they_do_not_touch(axis: Axis) -> None:
    ticks = ruler(axis, n=6).ticks
    assert 3 <= len(ticks) <= 10
    places = sorted(place for place, _ in ticks)
    assert all(after - before > 0.08 for before, after in pairwise(places))
    assert all(0.0 <= place <= 1.0 for place in places)


def texts(name: str) -> list[str]:
    return [text for _, text in ruler(AXES[name], n=6).ticks]


def test_units_are_the_reader_s() -> None:
    assert ruler(AXES["mel"]).title == "frequency (kHz, mel scale)"
    assert {"1", "2", "5", "10"} <= set(texts("mel"))
    assert ruler(AXES["milliseconds"]).title == "time (ms)"
    assert texts("seconds") == ["0", "1", "2", "3", "4", "5"]
    assert texts("offset")[:2] == ["0x0", "0x4000"]
    assert ruler(AXES["intervals"]).title == "interval (s, log scale)"
    assert texts("intervals") == ["0.001", "0.01", "0.1", "1", "10"]


def test_padding_gets_no_ticks() -> None:
    assert [t for _, t in ruler(AXES["pixels"], within=(0.1, 0.9)).ticks] == ["0", "200", "400", "600"]


def test_a_hilbert_curve_has_a_range_and_no_ticks() -> None:
    scale = ruler(Axis("file offset", "bytes", 0.0, 4096.0, "hilbert"))
    assert scale.ticks == ()
    assert scale.title == "file offset 0x0–0x1000 along a Hilbert curve"


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_a_tick_stands_where_its_value_is(start: float, span: float) -> None:
    axis = Axis("x", "px", start, start + span)
    for place, text in ruler(axis).ticks:
        assert axis.value_at(place) == pytest.approx(
            float(text.replace("−", "-")), abs=0.004 * span + 1e-5 * abs(start)
        )


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 12))
def test_nice_steps_stay_inside_and_are_even(low: float, span: float, n: int) -> None:
    values = nice_steps(low, low + span, n=n)
    assert all(low - 1e-6 * span - 1e-9 <= v <= low + span + 1e-6 * span + 1e-9 for v in values)
