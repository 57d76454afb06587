"""Causes: each is named by the figure that points at it, and by nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from photism.trust.audit import Audit, FileAudit
from photism.trust.causes import likely_causes
from photism.trust.labels import Suspects
from photism.trust.learning_curve import LearningCurve
from photism.trust.shift import Shift
from photism.trust.shortcuts import Shortcuts
from photism.types import Verdict

CALM = Verdict("learning", None, 5, 0.02, "So.", gap_low=-0.01, gap_high=0.05)
GAP = replace(CALM, gap_nats=0.5, gap_low=0.4, gap_high=0.6)


def a_curve(rate: float) -> LearningCurve:
    """error(n) = 0.2 (n / 100)^-rate, surely."""
    return LearningCurve((), 100, np.tile(np.array([0.0, 0.2, rate]), (50, 1)))


def an_audit(**changes: object) -> Audit:
    clean = Audit(
        FileAudit((), (), (), (), Shortcuts((), (), 0, 0, 0)),
        Suspects((), 100, 0.0, 0.0, 0.5, ()),
        Shift(0.5, 0.4, 0.6, 0.5, 50, 50, 50, 50, ()),
        "valid",
        a_curve(0.01),
    )
    return replace(clean, **changes)  # type: ignore[arg-type]


def names(verdict: Verdict, found: Audit, **options: object) -> list[str]:
    return [one.name for one in likely_causes(verdict, found, n_classes=10, **options)]  # type: ignore[arg-type]


def test_where_all_is_well_nothing_is_blamed() -> None:
    assert names(CALM, an_audit()) == []
    assert names(GAP, an_audit()) == []


@pytest.mark.parametrize(("state", "cause"), [("diverging", "rate too high"), ("stalled", "rate too low")])
def test_steps_that_are_wrong_are_the_only_cause(state: str, cause: str) -> None:
    broken = replace(GAP, state=state)  # type: ignore[arg-type]
    assert names(broken, an_audit(curve=a_curve(1.0))) == [cause]


def test_each_cause_needs_its_figure() -> None:
    assert names(GAP, an_audit(suspects=Suspects((), 100, 10.0, 6.0, 14.0, ()))) == ["noisy labels"]
    assert names(GAP, an_audit(suspects=Suspects((), 100, 10.0, 0.5, 20.0, ()))) == []
    assert names(GAP, an_audit(shift=Shift(0.9, 0.8, 1.0, 0.002, 50, 50, 50, 50, ()))) == ["shift"]
    assert names(GAP, an_audit(shift=Shift(0.9, 0.8, 1.0, 0.002, 50, 50, 50, 50, ()), held_out="test")) == []
    assert names(GAP, an_audit(shift=Shift(0.55, 0.5, 0.6, 0.04, 50, 50, 50, 50, ()))) == []
    assert names(GAP, an_audit(curve=a_curve(0.5))) == ["too few files"]


def test_without_a_gap_only_leaks_are_told() -> None:
    leak = {"kind": "near", "path": "a", "split": "valid", "of": "b", "of_split": "train", "similarity": 0.99}
    files = FileAudit((), (), (), (leak,), Shortcuts((), (), 0, 0, 0))
    assert names(CALM, an_audit(files=files, curve=a_curve(0.5))) == ["leak"]
    assert names(GAP, an_audit(files=files, curve=a_curve(0.5))) == ["leak", "too few files"]


def test_memorising_is_explained_whatever_the_gap() -> None:
    assert names(replace(CALM, state="memorising"), an_audit(curve=a_curve(0.5))) == ["too few files"]


def test_fine_tuning_that_lost_is_a_cut_too_deep() -> None:
    lost = {
        "comparison": {"simple_loss_nats": 0.3, "challenger_loss_nats": 0.5}, "plan": {"after": "b2"}, "kept": False
    }  # fmt: skip
    (cause,) = likely_causes(GAP, an_audit(), n_classes=10, attempts=[lost])
    assert cause.name == "too deep a cut"
    assert "0.50 against 0.30 nats" in cause.evidence
    assert names(GAP, an_audit(), attempts=[{**lost, "kept": True}]) == []
    # A second attempt lost against the first, which is kept: that says nothing of the probe.
    assert names(GAP, an_audit(), attempts=[{**lost, "kept": True}, lost]) == []
    folds = {**lost, "comparison": {**lost["comparison"], "n_folds": 5}}
    assert "answered unseen folds worse" in likely_causes(GAP, an_audit(), n_classes=10, attempts=[folds])[0].evidence
    assert cause.to_text().startswith("Too deep a cut: ")
