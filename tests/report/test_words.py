"""Numbers and names as they are written."""

from __future__ import annotations

import pytest

from photism.report.words import interval, percent, printable, seconds, shorten


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(0.0, "0.0"), (0.00001, "0.1"), (0.5, "50.0"), (0.9996, "99.9"), (1.0, "100")],
)
def test_percent_keeps_never_and_always_for_never_and_always(fraction: float, text: str) -> None:
    assert percent(fraction) == f"{text}\u202f%"


@pytest.mark.parametrize("unknown", [None, float("nan"), float("inf")])
def test_what_is_unknown_is_a_dash(unknown: float | None) -> None:
    assert percent(unknown) == "–"
    assert interval(unknown, 0.5) == "–"


def test_seconds_carry_over_to_the_next_unit() -> None:
    assert seconds(59.6) == "1\u202fmin 00\u202fs"
    assert seconds(9.97) == "10\u202fs"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain name.wav", "plain name.wav"),
        ("caf\udce9.wav", "caf\\xe9.wav"),
        ("two\nlines", "two\\u000alines"),
        ("\x1b[2J", "\\u001b[2J"),
        ("evil\u202egpj.exe", "evil\\u202egpj.exe"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("lone \ud800", "lone \\ud800"),
    ],
)
def test_names_are_shown_as_they_are_and_never_trick(name: str, shown: str) -> None:
    assert printable(name) == shown
    shown.encode("utf-8")


@pytest.mark.parametrize("width", [4, 5, 12, 40])
def test_shorten_keeps_its_promise(width: int) -> None:
    assert len(shorten("a" * 30 + "/take_7.wav", width)) <= width
