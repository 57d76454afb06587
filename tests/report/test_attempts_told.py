"""Why an attempt was kept or not, in words that are true of it."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest

from photism.report.tuning import tell_attempts, tell_ensemble
from photism.training.choose import Comparison


def attempt(simple: tuple[float, float], challenger: tuple[float, float], p: float, *, kept: bool) -> dict[str, Any]:
    """One attempt by (accuracy, loss) of what was before and of itself."""
    comparison = {
        "simple_accuracy": simple[0], "simple_loss_nats": simple[1],
        "challenger_accuracy": challenger[0], "challenger_loss_nats": challenger[1], "p_value": p,
    }  # fmt: skip
    blend = {"reach": 1.0, "share": 0.0}
    return {"depth": {"evidence": "So."}, "blend": blend, "comparison": comparison, "kept": kept}


@pytest.mark.parametrize(
    ("challenger", "p", "kept", "end"),
    [
        ((0.9, 0.3), 0.01, True, "It is kept."),
        ((0.9, 0.45), 0.3, True, "It is kept, because it was asked for."),
        ((0.9, 0.45), 0.3, False, "That could be chance: what was before is kept."),
        ((0.7, 0.3), 0.001, False, "It is less often right: what was before is kept."),
        ((0.7, 0.9), 1.0, False, "That is no better: what was before is kept."),
    ],
)
def test_the_end_is_true(challenger: tuple[float, float], p: float, kept: bool, end: str) -> None:
    assert tell_attempts([attempt((0.8, 0.5), challenger, p, kept=kept)])[-1].endswith(end)


def test_only_the_last_that_was_kept_is_kept() -> None:
    one = attempt((0.8, 0.5), (0.85, 0.4), 0.01, kept=True)
    other = attempt((0.85, 0.4), (0.9, 0.3), 0.01, kept=True)
    _, first, _, second = tell_attempts([one, other])
    assert first.endswith("It stood until the next one.")
    assert second.endswith("It is kept.")
    assert tell_attempts([one, {**other, "kept": False}])[1].endswith("It is kept.")


def test_folds_that_were_not_asked_any_more_are_told() -> None:
    comparison = asdict(Comparison(0.2, 0.5, 0.9, 0.8, 0.98, n_folds=3))
    one = {**attempt((0.9, 0.2), (0.8, 0.5), 0.98, kept=False), "comparison": comparison, "n_unasked": 2}
    assert tell_attempts([one])[-1].endswith(
        "(paired test of nats over 3 folds, p = 0.980). That is no better: what was before is kept. "
        "The other 2 were not asked then."
    )


def test_two_networks_that_folds_judged_are_told_as_what_was_compared() -> None:
    """Folds were left out, but groups of files were the observations."""
    comparison = Comparison(0.3, 0.2, 0.8, 0.9, 0.001, n_folds=5, n_worse=1)
    told = tell_ensemble({"name": "b", "mixture": {"share": 0.5}, "comparison": asdict(comparison), "kept": True})
    assert told == (
        "Together with b: 90.0 % of unseen folds and 0.20 nats, before 80.0 % and 0.30 (paired test of nats, "
        "p = 0.001 over files; worse on 1 of 5 folds). Both answer from now on: b has 50 % of the say.",
    )
    refused = {"name": "b", "mixture": {"share": 0.5}, "comparison": asdict(Comparison(0.3, 0.2, 0.8, 0.9, 0.2))}
    assert tell_ensemble({**refused, "kept": False})[0].endswith("That could be chance: one answers alone.")
    refused["comparison"] = asdict(replace(comparison, n_worse=2))
    assert tell_ensemble({**refused, "kept": False})[0].endswith("A new fold may be answered worse: one answers alone.")
