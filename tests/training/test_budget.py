"""Which plans a time buys: the later half of the network too, where there is plenty of it."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from photism.training import budget
from photism.training.ground import Ground
from photism.training.plan import Costs, Plan, is_whole, middle_of, seconds_of
from photism.training.probe import Candidate, Selection

STAGES = ("stem", "b0", "b1", "b2", "b3", "b4", "b5", "head")
COUNT = {"train": 1000, "valid": 200}
COSTS = Costs(step_s=0.01, view_s=0.01, n_train=COUNT["train"], n_valid=COUNT["valid"])


def ground(best: str) -> Mock:
    """Probes that answer best on one stage; nothing is trained on it."""
    at = STAGES.index(best)
    found = tuple(Candidate((f"p/{name}",), 0.5 + 0.1 * abs(i - at), 0.01, 0.8, 0.1) for i, name in enumerate(STAGES))
    made = Mock(spec=Ground)
    made.fitted, made.backbone, made.material = Mock(), Mock(stage_names=STAGES), Mock(count=COUNT.__getitem__)
    made.asked = Mock(features=Mock(n_windows=8, files=range(8)))
    made.fitted.selection = Selection((f"p/{best}",), found)
    return made


@pytest.fixture(autouse=True)
def _measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "_costs", lambda _ground, _plan: COSTS)
    monkeypatch.setattr(budget, "map_bytes", lambda _cut: 1000)


def test_plenty_of_time_buys_the_later_half_of_the_network_too_at_a_lower_rate() -> None:
    first, second = budget.plans_for(
        ground("head"), always=False, from_layer=None, seed=1, seconds_left=lambda: 36_000.0
    )
    assert (first[0].after, second[0].after) == ("b3", "b1")
    assert second[1].after == "b1"
    assert middle_of(STAGES) == "b2"
    assert second[1].rate < first[1].rate
    assert "begins at b2, as there is time for that, too" in second[0].evidence
    assert "asked" not in second[0].evidence
    assert seconds_of(first[1], COSTS) + seconds_of(second[1], COSTS) <= 36_000.0


@pytest.mark.parametrize(("best", "seconds"), [("head", 200.0), ("stem", 36_000.0)])
def test_little_time_or_a_deep_first_plan_buys_nothing_beside(best: str, seconds: float) -> None:
    plans = budget.plans_for(ground(best), always=False, from_layer=None, seed=0, seconds_left=lambda: seconds)
    assert len(plans) == 1


@pytest.mark.parametrize(("seconds", "share"), [(36_000.0, 0.5), (600.0, 0.5), (400.0, 1.0)])
def test_half_of_the_time_is_left_to_another_network_where_the_other_half_is_enough(
    seconds: float, share: float
) -> None:
    def planned(seconds: float, *, shared: bool) -> list[Plan]:
        found = budget.plans_for(
            ground("head"), always=False, from_layer=None, seed=0, seconds_left=lambda: seconds, shared=shared
        )
        return [plan for _, plan in found]

    plans = planned(seconds, shared=True)
    assert plans == planned(share * seconds, shared=False)
    assert sum(seconds_of(plan, COSTS) for plan in plans) <= share * seconds
    assert is_whole(planned(seconds / 2, shared=False)[0], COUNT["train"]) is (share < 1)


def test_every_plan_draws_the_variations_that_were_asked_for() -> None:
    found = budget.plans_for(
        ground("head"), always=False, from_layer=None, seed=0, seconds_left=lambda: 36_000.0, variations=("crop",)
    )
    assert [plan.variations for _, plan in found] == [("crop",)] * 2


def test_a_depth_by_hand_and_no_budget_are_tried_alone() -> None:
    by_hand = budget.plans_for(ground("head"), always=False, from_layer="b4", seed=0, seconds_left=lambda: 36_000.0)
    assert [depth.after for depth, _ in by_hand] == ["b3"]
    assert len(budget.plans_for(ground("head"), always=False, from_layer=None, seed=0, seconds_left=lambda: None)) == 1
