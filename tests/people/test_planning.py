"""Plans keep their promise: studies simulated at the planned size succeed as often as planned."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from photism.errors import OptionError
from photism.people.mrmc import compare_modalities, compare_standalone
from photism.people.obuchowski_rockette import two_modalities
from photism.people.placements import areas, jackknife_covariance
from photism.people.planning import conjecture_pilot, plan_mrmc, plan_noninferiority, power_mrmc
from photism.people.simulate import STRUCTURES, simulate_ratings, simulate_study


@pytest.mark.parametrize(
    ("a", "b", "agreement", "margin"), [(0.9, 0.9, 0.88, 0.05), (0.85, 0.88, 0.85, 0.1), (0.8, 0.75, None, 0.05)]
)
def test_a_planned_comparison_of_two_observers_succeeds_as_often(a, b, agreement, margin):
    plan = plan_noninferiority(accuracy=a, people_accuracy=b, margin=margin, agreement=agreement)
    agree = a * b + (1 - a) * (1 - b) if agreement is None else agreement
    both = (agree + a + b - 1) / 2
    drawn = np.random.default_rng(0).multinomial(
        plan.n_cases, [both, a - both, b - both, 1 - a - b + both], size=20_000
    )
    value, apart = (drawn[:, 1] - drawn[:, 2]) / plan.n_cases, (drawn[:, 1] + drawn[:, 2]) / plan.n_cases
    low = value - 1.959964 * np.sqrt((apart - value**2) / plan.n_cases)
    assert np.mean(low > -margin) == pytest.approx(0.8, abs=0.03)
    assert f"About {plan.n_cases} cases and one reader" in plan.to_text()
    assert json.loads(json.dumps(plan.to_json()))["n_cases"] == plan.n_cases


@pytest.fixture(scope="module")
def pilot():
    study = simulate_study(n_readers=60, n_positive=200, n_negative=200, areas=(0.8, 0.87), structure="HH", seed=0)
    return compare_modalities(study)


def test_the_power_of_a_reader_study_is_what_simulation_gives(pilot):
    ratings, truth = simulate_ratings(
        n_readers=5, n_positive=60, n_negative=60, areas=(0.78, 0.87), spread=STRUCTURES["HH"], n_studies=1200, seed=5
    )
    covariance = jackknife_covariance(ratings.reshape(1200, 10, 120), truth).reshape(1200, 2, 5, 2, 5)
    found = two_modalities(areas(ratings, truth), covariance)
    p = 2 * stats.t.sf(abs(found.value) / found.se, found.df)
    promised = power_mrmc(pilot, difference=-0.09, n_readers=5, n_cases=120)
    assert promised == pytest.approx(np.mean(p < 0.05), abs=0.06)
    assert 0.3 < promised < 0.9


def test_a_plan_is_the_smallest_that_reaches_the_power(pilot):
    plan = plan_mrmc(pilot, difference=0.08, n_readers=12)
    assert power_mrmc(pilot, difference=0.08, n_readers=12, n_cases=plan.n_cases) >= 0.8
    assert power_mrmc(pilot, difference=0.08, n_readers=12, n_cases=plan.n_cases - 1) < 0.8
    assert plan_mrmc(pilot, difference=0.08, n_readers=20).n_cases < plan.n_cases
    assert plan_mrmc(pilot, difference=-0.08, n_readers=12).n_cases == plan.n_cases
    assert "12 readers" in plan.to_text()


def test_too_few_readers_need_more_readers(pilot):
    plan = plan_mrmc(pilot, difference=0.02, n_readers=3)
    assert plan.n_cases is None
    assert "no number of cases" in plan.to_text()
    assert "more readers would" in plan.to_text()


def test_a_stand_alone_reader_is_planned_too():
    study = simulate_study(n_readers=20, n_positive=80, n_negative=80, areas=(0.85,), seed=1, standalone=True)
    pilot = compare_standalone(study, machine="machine")
    plan = plan_mrmc(pilot, difference=0.0, n_readers=20, margin=0.05)
    again = power_mrmc(pilot, difference=0.0, n_readers=20, n_cases=160, margin=0.05)
    se = pilot.difference.se
    assert again == pytest.approx(stats.nct.sf(stats.t.ppf(0.975, 1e4), 1e4, 0.05 / se), abs=0.02)
    assert (plan.n_cases > 160) == (again < 0.8)


def test_without_a_pilot_one_is_simulated():
    two, alone = conjecture_pilot(areas=(0.8, 0.85)), conjecture_pilot(areas=(0.85,))
    assert two.difference.value == pytest.approx(-0.05, abs=0.03)
    assert alone.difference.value == pytest.approx(0.0, abs=0.05)
    few = plan_mrmc(conjecture_pilot(structure="LL"), difference=0.06, n_readers=20).n_cases
    assert few < plan_mrmc(conjecture_pilot(structure="HH"), difference=0.06, n_readers=20).n_cases


def test_impossible_plans_get_a_sentence(pilot):
    right = {"accuracy": 0.9, "people_accuracy": 0.9, "margin": 0.05}
    for wrong, sentence in (
        ({"accuracy": 1.0}, "expected accuracy between 0 and 1, received 1"),
        ({"power": 1.0}, "expected power between"),
        ({"margin": 0.0}, "expected a margin above 0"),
        ({"accuracy": 0.84}, r"worse by less than the margin \(0.05\), received -0.06"),
        ({"accuracy": 0.9, "people_accuracy": 0.95}, r"worse by less than the margin \(0.05\), received -0.05"),
        ({"agreement": 0.5}, "expected an agreement from 0.8 to 1"),
    ):
        with pytest.raises(OptionError, match=sentence):
            plan_noninferiority(**{**right, **wrong})
    for options, sentence in (
        ({"difference": 0.0, "n_readers": 5}, "a difference that can be shown"),
        ({"difference": -0.06, "n_readers": 5, "margin": 0.05}, "a difference that can be shown"),
        ({"difference": 0.05, "n_readers": 1}, "at least 2 readers"),
        ({"difference": 0.05, "n_readers": 5, "power": 0.0}, "expected a power between"),
    ):
        with pytest.raises(OptionError, match=sentence):
            plan_mrmc(pilot, **options)
