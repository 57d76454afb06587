"""The lesson's page: every training is on it, names are escaped, it needs nothing from outside."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from photism.report.overfit_charts import Line, draw_lines, highest_loss
from photism.report.overfit_page import save_overfit, tell_overfit
from photism.trust.overfit import Overfit, Taught
from photism.types import EpochRow, Verdict


def row(epoch: int, train: float, valid: float) -> EpochRow:
    return EpochRow(epoch, train, valid, 0.9, 0.5, 0.8, 0.95, 0.4, 0.6, 0.1, 1.0)


def taught(first: str, n: int, *, cost: float, onset: int | None = None, random: bool = False) -> Taught:
    rows = tuple(row(e, 1.0 / e, 0.5 + cost * max(0, e - 2) / 2) for e in range(1, 5))
    found = Verdict("learning", onset, 2, 0.1, "So.", cost, onset, onset, 0.05, 0.2, cost / 2, 2 * cost)
    return Taught(first, n, random, rows, found)


@pytest.fixture
def found() -> Overfit:
    shared = taught("b3", 80, cost=0.2, onset=3)
    return Overfit(
        3, 40, (taught("head", 80, cost=0.0), shared, taught("stem", 80, cost=0.1)),
        (taught("b3", 20, cost=0.7, onset=3), shared), (taught("head", 80, cost=1.0, random=True),),
    )  # fmt: skip


def test_every_training_is_on_the_page(found: Overfit, tmp_path: Path) -> None:
    save_overfit(found, tmp_path / "page.html", title="<b>cats</b>", command="photism overfit x")
    page = (tmp_path / "page.html").read_text()
    assert "&lt;b&gt;cats&lt;/b&gt;" in page
    assert "<b>cats" not in page
    for name in ("the head only", "from b3 on", "from stem on", "20 files", "80 files"):
        assert name in page
    assert page.count('<svg class="chart"') == 8
    assert not re.search(r'(src|href)="(?!data:|#)', page)


def test_the_clearest_training_is_shown_first(found: Overfit) -> None:
    assert found.shown.n_train == 20
    first = tell_overfit(found).splitlines()[0]
    assert "with 20 files, memorising begins in epoch 3" in first
    assert "0.35 to 1.40" in first


def test_where_nothing_is_memorised_that_is_said(tmp_path: Path) -> None:
    calm = taught("head", 80, cost=0.0)
    told = tell_overfit(Overfit(3, 40, (calm,), (calm,), (taught("head", 80, cost=1.0, random=True),)))
    assert "no memorising that can be told from chance" in told
    assert "Going on costs most" not in told


def test_what_never_carries_over_has_no_epoch_at_which_memorising_begins() -> None:
    """Its validation loss never rises: the best epoch is the last one."""
    usual = taught("b3", 80, cost=0.0)
    rows = tuple(row(e, 1.0 / e, 1.09 - 0.001 * e) for e in range(1, 5))
    by_heart = Taught("b3", 10, False, rows, Verdict("memorising", 4, 4, 0.8, "So.", 0.0, 4, 4, 0.6, 0.9, 0.0, 0.0))
    found = Overfit(3, 40, (usual,), (by_heart, usual), (taught("head", 80, cost=1.0, random=True),))
    assert found.shown is usual
    told = tell_overfit(found)
    assert "More epochs or fewer files show it sooner." in told.splitlines()[0]
    assert "hardly carries over to other files: memorising from the first epoch" in told
    assert "begins in epoch" not in told
    alone = Overfit(3, 40, (by_heart,), (by_heart,), (taught("head", 80, cost=1.0, random=True),))
    assert "what is learned hardly carries over" in tell_overfit(alone).splitlines()[0]


def test_names_at_the_ends_of_lines_do_not_touch_and_stay_inside() -> None:
    lines = [Line(f"{n} files", tuple(row(e, 0.1, 0.1) for e in range(1, 4)), 1) for n in range(5)]
    drawn = str(draw_lines(lines, part="training", top=2.0, chance_nats=1.1))
    heights = sorted(float(y) for y in re.findall(r'<text class="end[^"]*" x="[^"]*" y="([^"]*)"', drawn))
    assert len(heights) == 5
    assert min(b - a for a, b in itertools.pairwise(heights)) >= 13.9
    assert heights[-1] <= 250 - 36 + 5


def test_an_explosion_does_not_flatten_the_rest() -> None:
    lines = [Line("a", (row(1, 1.0, 1.0), row(2, 1e6, float("nan"))), 1)]
    assert highest_loss(lines, chance_nats=1.1) == pytest.approx(4.4)
    assert "nan" not in str(draw_lines(lines, part="validation", top=4.4, chance_nats=1.1))
