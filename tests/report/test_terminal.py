"""Curves and bars in a terminal: the right size, quiet in a pipe, no markup from labels."""

from __future__ import annotations

import io
import re
import time
from dataclasses import replace

import numpy as np
import pytest
from tests.sample_accounts import sample_history

from photism.report.terminal import draw_curve, progress_on

HISTORY = sample_history(np.random.default_rng(0), 0.9)


@pytest.mark.parametrize("width", [34, 72, 120])
@pytest.mark.parametrize("unicode", [True, False])
def test_a_curve_fits_its_width(width: int, unicode: bool) -> None:
    drawn = draw_curve(HISTORY, width=width, height=8, unicode=unicode)
    lines = drawn.split("\n")
    assert len(lines) == 8
    assert max(map(len, lines)) <= width
    assert drawn.isascii() is not unicode
    assert "\x1b" not in drawn


def test_a_curve_falls() -> None:
    lines = draw_curve(HISTORY, width=60, height=12).split("\n")[:10]
    inked = [[i for i, sign in enumerate(line[8:]) if sign not in " \u2800"] for line in lines]
    assert max(inked[0]) < 10 < 40 < max(inked[-1])


def test_colour_is_given_only_on_request_and_taken_back() -> None:
    drawn = draw_curve(HISTORY, colour=True)
    assert "\x1b[34m" in drawn
    assert drawn.count("\x1b[0m") == len(re.findall("\x1b\\[3[34]m", drawn))


def test_curves_without_numbers() -> None:
    broken = tuple(replace(row, train_loss_nats=float("nan"), valid_loss_nats=float("inf")) for row in HISTORY)
    assert draw_curve(()) == ""
    assert draw_curve(broken) == "The loss is not a number from the first epoch on."
    assert draw_curve((*HISTORY, *broken))
    assert draw_curve(HISTORY[:1])


class Terminal(io.TextIOWrapper):
    """A stream that says whether it is a terminal."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal

    def written(self) -> str:
        self.flush()
        self.seek(0)
        return self.read()


def test_progress_is_quiet_in_a_pipe() -> None:
    pipe = Terminal(terminal=False)
    progress_on(pipe)("render", 1, 2)
    assert pipe.written() == ""


def test_progress_is_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    terminal = Terminal(terminal=True)
    progress = progress_on(terminal)
    for phase in ("render", "frozen_pass"):
        for done in range(0, 101, 20):
            progress(phase, done, 100)
    shown = terminal.written()
    assert "render" in shown
    assert "frozen pass" in shown
    assert "100/100" in shown
    assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l"), "the cursor is given back"


def test_the_curve_moves_below_the_bar_and_leaves_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    terminal = Terminal(terminal=True)
    screen = progress_on(terminal)
    for step, row in enumerate(HISTORY[:4]):
        screen("fine-tuning", step, 4)
        screen.epoch("fine-tuning behind b4", row)
        time.sleep(0.15)  # the bar is drawn ten times a second
    screen("fine-tuning", 4, 4)
    written = terminal.written()
    assert "fine-tuning behind b4" in written
    assert any(0x2800 < ord(sign) < 0x2900 for sign in written)
    last_frame = written[written.rindex("fine-tuning ") :]
    assert "training" not in last_frame


def test_a_pipe_sees_no_curve() -> None:
    pipe = Terminal(terminal=False)
    progress_on(pipe).epoch("head", HISTORY[0])
    assert pipe.written() == ""
