"""Charts and their small builder: escaped, in proportion, and honest about what cannot be drawn."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from tests.sample_accounts import sample_account, sample_history, sample_signal, sample_window

from photism.report.charts import draw_accuracy, draw_calibration, draw_loss, draw_probes, interval_bar
from photism.report.drawing import Drawing
from photism.report.embed import data_uri
from photism.report.exhibits import draw_raw, draw_seen
from photism.types import Image, Kind, PointerTrack, Recipe, Verdict, Waveform

HISTORY = sample_history(np.random.default_rng(0), 0.9)
VERDICT = Verdict("memorising", 22, 17, 0.3, "")


def line_of(chart: str, class_: str) -> list[tuple[float, float]]:
    found = re.search(rf'class="{class_}" d="M([^"]+)"', chart)
    assert found
    return [tuple(map(float, point.split())) for point in found[1].split("L")]  # type: ignore[misc]


def test_one_explosion_does_not_flatten_the_other_epochs() -> None:
    calm = np.ptp([y for _, y in line_of(draw_loss(HISTORY), "line valid")])
    exploded = (*HISTORY[:-1], replace(HISTORY[-1], valid_loss_nats=1e9))
    points = line_of(draw_loss(exploded), "line valid")
    assert np.ptp([y for _, y in points[:-1]]) > 0.25 * calm
    assert points[-1][1] >= 0.0


def test_marks_stand_at_their_epochs() -> None:
    chart = draw_accuracy(HISTORY, VERDICT, baseline=0.1)
    x = line_of(chart, "line valid")[16][0]
    assert re.search(rf'class="best" x1="{x:g}"', chart)
    assert "memorising from 22" in chart
    assert "best 17" in chart
    assert "memorising" not in draw_accuracy(HISTORY, replace(VERDICT, onset_epoch=None))


def test_a_screen_reader_hears_the_numbers() -> None:
    account = sample_account("sound")
    assert account.test is not None
    assert "over 40 epochs" in draw_loss(HISTORY)
    assert "b4+b6" in draw_probes(account.probes)
    assert "(chosen)" in draw_probes(account.probes)
    assert "sure 96\u202f%" in draw_calibration(account.test.calibration)
    assert "50.0\u202f%, interval 40.0–60.0\u202f%" in interval_bar(0.5, 0.4, 0.6)
    assert "–" in interval_bar(None, None, None)


def test_text_is_escaped_and_gaps_break_a_line() -> None:
    drawing = Drawing(10, 10, title='"<&')
    drawing.text((0, 0), "<script>")
    drawing.path([(0, 0), (1, 1), (2, float("nan")), (3, 3)], "line")
    markup = drawing.markup()
    assert "<script>" not in markup
    assert 'aria-label="&#34;&lt;&amp;"' in markup
    assert 'd="M0 0L1 1M3 3L3 3"' in markup


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_signal_and_its_picture_are_drawn(kind: Kind) -> None:
    rng = np.random.default_rng(0)
    raw = draw_raw(sample_signal(kind, rng))
    assert "nan" not in raw
    assert "<script>" not in raw
    for picture in sample_window(kind, Recipe(kind, 1, {}), rng, 1):
        assert "data:image/webp;base64," in draw_seen(picture)


@pytest.mark.parametrize(
    "signal",
    [
        Waveform(np.zeros((2, 1), np.float32), 8000),
        Image(np.zeros((1, 900, 3), np.uint8)),
        PointerTrack(np.zeros(1), np.zeros((1, 2)), np.zeros(1, np.uint8), "s"),
    ],
    ids=["one sample", "one row", "one point"],
)
def test_the_smallest_signals_are_drawn(signal: Waveform | Image | PointerTrack) -> None:
    assert not re.search(r'="[^"]*(nan|inf)', draw_raw(signal))


def test_an_embedded_picture_is_small_and_always_the_same() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (500, 300, 3), dtype=np.uint8)
    assert data_uri(noise) == data_uri(noise)
    assert len(data_uri(noise, side_px=128)) < 20_000
