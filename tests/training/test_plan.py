"""Where to cut, as the probes tell it; plans that survive being written down; what fits into a time."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photism.errors import OptionError
from photism.training.plan import (
    LEAST_STEPS,
    LEAST_TRAINED,
    MOST_EPOCHS,
    STANDARD_EPOCHS,
    STANDARD_VIEWS,
    Costs,
    Depth,
    Plan,
    choose_depth,
    fit_plan,
    seconds_of,
)
from photism.training.probe import Candidate, Selection

STAGES = ("stem", "b0", "b1", "b2", "b3", "b4", "b5", "head")


def selection(losses: dict[str, float], joins: dict[tuple[str, ...], float] | None = None) -> Selection:
    """Probes with made-up losses; layers are written ``panel/stage``."""
    made = {(name,): loss for name, loss in losses.items()} | (joins or {})
    found = tuple(Candidate(layers, loss, 0.01, 1.0 - loss / 4, 0.1) for layers, loss in made.items())
    return Selection(min(found, key=lambda one: one.loss_nats).layers, found)


def falling(best: str, *, panel: str = "p") -> dict[str, float]:
    """Losses that fall down to one stage and rise behind it."""
    at = STAGES.index(best)
    return {f"{panel}/{name}": 0.5 + 0.1 * abs(i - at) for i, name in enumerate(STAGES)}


def first_trained(depth: Depth) -> str:
    return STAGES[0 if depth.after is None else STAGES.index(depth.after) + 1]


@pytest.mark.parametrize("best", STAGES)
def test_what_is_trained_begins_where_probes_answer_best_but_is_never_too_little(best: str) -> None:
    depth = choose_depth(selection(falling(best)), STAGES)
    expected = min(max(STAGES.index(best), (len(STAGES) - 1) // 2), len(STAGES) - LEAST_TRAINED)
    assert first_trained(depth) == STAGES[expected]
    assert depth.after == (STAGES[expected - 1] if expected else None)
    assert best in depth.evidence
    assert f"begins at {STAGES[expected]}" in depth.evidence
    assert depth.layers == (f"p/{STAGES[max(expected, STAGES.index(best))]}",)
    assert depth.frozen_layers == (f"p/{STAGES[min(expected - 1, STAGES.index(best))]}",)


def test_a_join_tells_no_depth_but_may_be_read_behind_the_cut() -> None:
    joins = {("p/b3", "p/b4"): 0.1, ("p/b4", "p/b5", "p/head"): 0.2, ("p/b0", "p/b1"): 0.0}
    depth = choose_depth(selection(falling("b4"), joins), STAGES)
    assert first_trained(depth) == "b4"
    assert depth.layers == ("p/b4", "p/b5", "p/head")


def test_the_best_of_several_panels_tells_the_depth() -> None:
    worse = {name: loss + 0.05 for name, loss in falling("b0", panel="q").items()}
    depth = choose_depth(selection(falling("b4") | worse, {("q/b5", "p/b5"): 0.3}), STAGES)
    assert first_trained(depth) == "b4"
    assert depth.layers == ("q/b5", "p/b5")
    assert depth.frozen_layers == ("q/b0",)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_that_is_named_is_the_first_to_be_trained(name: str) -> None:
    depth = choose_depth(selection(falling("b2")), STAGES, from_layer=name)
    assert first_trained(depth) == name
    assert f"begins at {name}, as was asked" in depth.evidence
    assert all(STAGES.index(layer.rpartition("/")[2]) >= STAGES.index(name) for layer in depth.layers)


@given(
    st.lists(st.floats(0.01, 3.0), min_size=len(STAGES), max_size=len(STAGES)),
    st.lists(st.sets(st.sampled_from(STAGES), min_size=2), max_size=6),
    st.none() | st.sampled_from(STAGES),
)
def test_whatever_the_probes_say_the_head_reads_only_what_is_trained(
    losses: list[float], joined: list[set[str]], from_layer: str | None
) -> None:
    joins = {tuple(f"p/{name}" for name in STAGES if name in some): 0.005 * i for i, some in enumerate(joined)}
    found = selection({f"p/{name}": loss for name, loss in zip(STAGES, losses, strict=True)}, joins)
    depth = choose_depth(found, STAGES, from_layer=from_layer)
    first = STAGES.index(first_trained(depth))
    behind = [one for one in found.candidates if all(STAGES.index(n.rpartition("/")[2]) >= first for n in one.layers)]
    assert depth.layers in [one.layers for one in behind]
    assert min(one.loss_nats for one in behind) == next(o.loss_nats for o in behind if o.layers == depth.layers)
    before = [one for one in found.candidates if all(STAGES.index(n.rpartition("/")[2]) < first for n in one.layers)]
    assert bool(depth.frozen_layers) == bool(before)
    if before:
        assert depth.frozen_layers in [
            one.layers for one in before if one.loss_nats == min(o.loss_nats for o in before)
        ]
    if from_layer is None:
        assert first <= len(STAGES) - LEAST_TRAINED


def test_stages_that_were_too_wide_to_probe_are_not_cut_off_from_their_head() -> None:
    """A panel that keeps places on both sides has no probes on wide stages (``frozen_pass.MAX_VALUES_A_LAYER``)."""
    early = selection(
        {name: loss for name, loss in falling("b3").items() if name in ("p/stem", "p/b1", "p/b2", "p/b3")}
    )
    depth = choose_depth(early, STAGES)
    assert first_trained(depth) == "b3"
    assert depth.layers == ("p/b3",)
    assert choose_depth(early, STAGES, from_layer="b2").layers == ("p/b3",)
    earlier = selection({"p/stem": 0.1, "p/b0": 0.2})
    assert first_trained(choose_depth(earlier, STAGES)) == "b0"
    with pytest.raises(OptionError, match=r"up to b3.*received 'b4'"):
        choose_depth(early, STAGES, from_layer="b4")


def test_a_network_of_two_stages_is_trained_whole() -> None:
    depth = choose_depth(selection({"p/one": 0.9, "p/two": 0.4}), ("one", "two"))
    assert depth.after is None
    assert depth.layers == ("p/two",)
    assert depth.frozen_layers == ()


names = st.text(min_size=1, max_size=12)
finite = st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.fixed_dictionaries(
        {
            "after": st.none() | names,
            "layers": st.lists(names, min_size=1, max_size=4).map(tuple),
            "frozen_layers": st.lists(names, max_size=4).map(tuple),
            "variations": st.none() | st.lists(names, max_size=4).map(tuple),
            **{
                one.name: {bool: st.booleans(), int: st.integers(0, 10**6), float: finite}[type(one.default)]
                for one in fields(Plan)
                if one.name not in ("after", "layers", "frozen_layers", "variations")
            },
        }
    )
)
def test_a_plan_survives_being_written_down(values: dict[str, Any]) -> None:
    plan = Plan(**values)
    assert Plan.from_json(json.loads(json.dumps(plan.to_json(), indent=2))) == plan


@given(st.none() | names, st.lists(names, max_size=4).map(tuple), names)
def test_a_depth_survives_being_written_down(after: str | None, layers: tuple[str, ...], evidence: str) -> None:
    depth = Depth(after, layers, layers[1:], evidence)
    assert Depth.from_json(json.loads(json.dumps(asdict(depth)))) == depth


PLAN = Plan(after="b3", layers=("p/b5",), batch=32)


@pytest.mark.parametrize("n_train", [1, 31, 32, 33, 400, 5000])
def test_without_a_budget_a_small_set_gets_more_epochs(n_train: int) -> None:
    plan = fit_plan(PLAN, n_train)
    assert plan is not None
    steps = -(-n_train // 32)
    assert plan.views == STANDARD_VIEWS
    assert plan.epochs >= STANDARD_EPOCHS
    assert plan.epochs * steps >= LEAST_STEPS or plan.epochs == MOST_EPOCHS
    assert plan.epochs == STANDARD_EPOCHS or (plan.epochs - 1) * steps < LEAST_STEPS


@given(st.floats(1e-4, 0.1), st.floats(1e-4, 0.1), st.integers(1, 5000), st.integers(1, 1000), st.floats(0.1, 1e4))
def test_a_budget_is_kept_and_more_of_it_never_buys_less(
    step_s: float, view_s: float, n_train: int, n_valid: int, seconds: float
) -> None:
    costs = Costs(step_s, view_s, n_train, n_valid)
    plan, richer = (fit_plan(PLAN, n_train, costs, s) for s in (seconds, 3 * seconds))
    if plan is None:
        return
    assert seconds_of(plan, costs) <= seconds
    assert richer is not None
    assert (richer.epochs, richer.views) >= (plan.epochs, plan.views)
    assert richer.epochs <= MOST_EPOCHS
    assert (richer.rate, richer.after, richer.layers) == (PLAN.rate, PLAN.after, PLAN.layers)


def test_folds_in_turn_take_time_of_their_own() -> None:
    alone, crossed = (seconds_of(PLAN, Costs(0.01, 0.01, 100, 30, crossed)) for crossed in (False, True))
    assert 130 * 0.01 * (PLAN.epochs / 2 + 1) < crossed - alone < 130 * 0.01 * (PLAN.epochs / 2 + 3)


def test_nothing_fits_into_no_time() -> None:
    assert fit_plan(PLAN, 100, Costs(0.01, 0.01, 100, 30), 1e-3) is None
    assert fit_plan(PLAN, 100, Costs(0.01, 0.01, 100, 30), -5.0) is None
