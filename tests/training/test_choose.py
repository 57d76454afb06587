"""Is a challenger better beyond chance? Against scipy and statsmodels, and where nothing can be told."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from photism.experiment import improving
from photism.training.choose import FEWEST_WRONG, SIGNIFICANT, Comparison, Judges, can_be_beaten, compare
from tests.small_training import Small, ground_of, in_folds


def answers(n: int, *, k: int = 3, seed: int = 0, sure: float = 1.0) -> np.ndarray:
    odds = np.exp(sure * np.random.default_rng(seed).standard_normal((n, k)))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def classes(n: int, k: int = 3) -> np.ndarray:
    return np.random.default_rng(9).integers(0, k, n)


def alone(n: int) -> list[str]:
    return [str(i) for i in range(n)]


def losses(probability: np.ndarray, y: np.ndarray) -> np.ndarray:
    return -np.log(probability[np.arange(len(y)), y])


def binary(of_truth: np.ndarray | list[float]) -> np.ndarray:
    """Two classes, the truth always 0: what is said of the truth, and the rest."""
    return np.stack([np.asarray(of_truth), 1.0 - np.asarray(of_truth)], axis=1)


@given(st.integers(0, 10**6), st.integers(3, 80))
def test_without_groups_it_is_the_paired_t_test_of_scipy_and_of_statsmodels(seed: int, n: int) -> None:
    simple, challenger, y = answers(n, seed=seed), answers(n, seed=seed + 1, sure=0.5), classes(n)
    found = compare(simple, challenger, y, alone(n))
    one, other = losses(simple, y), losses(challenger, y)
    assert found.p_value == pytest.approx(stats.ttest_rel(one, other, alternative="greater").pvalue, abs=1e-12)
    assert found.p_value == pytest.approx(DescrStatsW(one - other).ttest_mean(0, "larger")[1], abs=1e-9)
    assert found.simple_loss_nats == pytest.approx(one.mean())
    assert found.challenger_loss_nats == pytest.approx(other.mean())
    assert found.simple_accuracy == np.mean(simple.argmax(axis=1) == y)
    assert found.challenger_accuracy == np.mean(challenger.argmax(axis=1) == y)


def test_a_group_is_one_observation() -> None:
    simple, challenger, y = answers(12, seed=1), answers(12, seed=2), classes(12)
    once = compare(simple, challenger, y, alone(12))
    copied = [np.repeat(values, 9, axis=0) for values in (simple, challenger)]
    grouped = compare(*copied, np.repeat(y, 9), list(np.repeat(alone(12), 9)))
    assert grouped.p_value == pytest.approx(once.p_value, rel=1e-9)
    blind = compare(*copied, np.repeat(y, 9), alone(108))
    assert abs(blind.p_value - once.p_value) > 0.01


def test_a_large_group_weighs_as_much_as_a_small_one() -> None:
    """Eight groups lose a little; the ninth, of a hundred files, gains much: nine observations, not 108."""
    simple = binary(np.full(108, 0.5))
    challenger = binary(np.concatenate([np.linspace(0.40, 0.48, 8), np.full(100, 0.9)]))
    y, groups = np.zeros(108, np.int64), [*alone(8), *["large"] * 100]
    found = compare(simple, challenger, y, groups)
    assert found.challenger_loss_nats < found.simple_loss_nats - 0.4
    assert found.p_value > 0.3
    assert not found.challenger_wins
    means = [*(losses(simple, y) - losses(challenger, y))[:8], np.log(0.9 / 0.5)]
    assert found.p_value == pytest.approx(stats.ttest_1samp(means, 0.0, alternative="greater").pvalue)


def test_the_order_of_files_and_the_names_of_groups_change_nothing() -> None:
    simple, challenger, y = answers(30, seed=3), answers(30, seed=4), classes(30)
    groups = [str(i // 3) for i in range(30)]
    order = np.random.default_rng(0).permutation(30)
    found = compare(simple, challenger, y, groups)
    other = compare(simple[order], challenger[order], y[order], [f"g{9 - int(groups[i])}" for i in order])
    assert other.p_value == pytest.approx(found.p_value, rel=1e-9)


def test_a_tie_is_the_simpler_ones() -> None:
    same, y = answers(40), classes(40)
    found = compare(same, same.copy(), y, alone(40))
    assert found.p_value == 1.0
    assert not found.challenger_wins


def test_a_clear_lead_wins_and_its_mirror_loses() -> None:
    rng = np.random.default_rng(0)
    weak, strong = binary(rng.uniform(0.45, 0.55, 40)), binary(rng.uniform(0.8, 0.95, 40))
    y = np.zeros(40, np.int64)
    assert compare(weak, strong, y, alone(40)).challenger_wins
    mirrored = compare(strong, weak, y, alone(40))
    assert mirrored.p_value > 1 - 1e-6
    assert not mirrored.challenger_wins


def test_it_must_not_be_less_often_right_nor_beyond_doubt_by_accuracy_alone() -> None:
    assert not Comparison(1.0, 0.1, 0.9, 0.89, p_value=1e-9).challenger_wins
    assert Comparison(1.0, 0.1, 0.9, 0.9, p_value=1e-9).challenger_wins
    assert not Comparison(1.0, 0.1, 0.5, 0.9, p_value=SIGNIFICANT).challenger_wins
    assert Comparison(1.0, 0.1, 0.5, 0.9, p_value=SIGNIFICANT - 1e-9).challenger_wins


@pytest.mark.parametrize("n", [2, 3, 5, 7, 10, 49])
@pytest.mark.parametrize("of_truth", [0.1, 0.3, 0.7])
def test_a_lead_that_is_everywhere_the_same_is_not_judged_by_its_rounding(n: int, of_truth: float) -> None:
    """Nothing spreads, so nothing says how much chance does: the simpler one stays, whatever the last bits are."""
    simple, challenger = binary(np.full(3 * n, of_truth)), binary(np.full(3 * n, of_truth + 0.1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for groups in (alone(3 * n), [str(i // 3) for i in range(3 * n)]):
            assert compare(simple, challenger, np.zeros(3 * n, np.int64), groups).p_value == 1.0


def test_one_group_tells_nothing() -> None:
    found = compare(binary(np.full(20, 0.5)), binary(np.linspace(0.8, 0.9, 20)), np.zeros(20, np.int64), ["a"] * 20)
    assert found.p_value == 1.0
    assert not found.challenger_wins
    assert found.challenger_loss_nats < found.simple_loss_nats


def test_a_probability_of_zero_is_a_large_loss_and_not_an_infinite_one() -> None:
    found = compare(binary([0.0, 0.5, 0.5]), binary([0.5, 0.4, 0.5]), np.zeros(3, np.int64), alone(3))
    assert found.simple_loss_nats == pytest.approx((-np.log(1e-12) + 2 * np.log(2)) / 3)
    assert 0 < found.p_value < 1


@pytest.mark.parametrize(("n_wrong", "able"), [(0, False), (4, False), (5, True), (20, True)])
def test_who_errs_in_fewer_than_five_groups_cannot_be_beaten(n_wrong: int, able: bool) -> None:
    of_truth = np.where(np.arange(40) < n_wrong, 0.1, 0.9)
    assert can_be_beaten(binary(of_truth), np.zeros(40, int), alone(40)) is able


def test_errors_in_one_group_are_one_error() -> None:
    of_truth = np.where(np.arange(40) < 20, 0.1, 0.9)
    assert not can_be_beaten(binary(of_truth), np.zeros(40, int), ["one"] * 20 + alone(20))


def test_validation_files_judge_and_where_it_is_a_fold_every_fold_does(small: Small, tmp_path: Path) -> None:
    plain = Judges.of(small.material)
    assert np.array_equal(plain.files, np.flatnonzero(small.material.mask("valid")))
    assert (len(set(plain.groups)), plain.n_folds) == (len(plain.files), 0)
    material = in_folds(ground_of(small, tmp_path)).material
    folds = Judges.of(material)
    assert np.array_equal(folds.files, np.flatnonzero(~material.mask("test")))
    assert list(folds.groups) == [f"fold {material.samples[i].fold}" for i in folds.files.tolist()]
    assert folds.n_folds == 4


@pytest.mark.parametrize(("wrong_a_fold", "worth_it"), [(0.0, False), (0.4, True)])
def test_where_folds_judge_an_easy_validation_fold_does_not_decide_that_nothing_is_tried(
    small: Small, tmp_path: Path, wrong_a_fold: float, worth_it: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The probe is right on all of validation, and wrong on a share of the other folds."""
    ground = in_folds(ground_of(small, tmp_path))
    material = ground.material
    found = np.eye(len(material.labels))[material.y]
    others = np.flatnonzero(material.mask("train"))
    wrong = others[: round(wrong_a_fold * len(others))]
    found[wrong] = np.roll(found[wrong], 1, axis=1)
    vars(ground)["probe_without"] = found
    monkeypatch.setattr(improving, "FEWEST_WRONG", 1)
    assert improving._can_gain(ground) is worth_it


def test_so_many_errors_can_be_told_from_chance() -> None:
    assert 0.5**FEWEST_WRONG < SIGNIFICANT <= 0.5 ** (FEWEST_WRONG - 1)


def test_a_lead_over_files_that_is_none_over_groups_has_a_p_of_over_a_half() -> None:
    """That is how fine-tuning is stopped after half of the folds."""
    groups = ["large"] * 8 + ["a", "b"]
    simple = np.full((10, 2), 0.5)
    better, worse = [0.9, 0.1], [0.2, 0.8]
    for challenger, leads in (([better] * 8 + [worse] * 2, False), ([worse] * 8 + [better] * 2, True)):
        found = compare(simple, np.array(challenger), np.zeros(10, np.int64), groups)
        assert (found.challenger_loss_nats < found.simple_loss_nats) is not leads
        assert (found.p_value < 0.5) is leads
