"""What is claimed: differences that are there, and hardly ever one that is not."""

from __future__ import annotations

import numpy as np
import pytest
from tests.layers.planted import noise, planted_network, small_network
from tests.layers.test_staged import specimens_of

from photism.layers import invariance
from photism.layers.changed import compare_networks, linear_cka
from photism.layers.claims import compare_with_twins
from photism.layers.measures import MEASURES, Measured, ask_questions, measure_network
from photism.layers.selectivity import class_auroc, explained_by_class, probe_hits
from photism.layers.staged import StagedNetwork
from photism.layers.stimuli import make_bank
from photism.layers.twins import random_twin
from photism.pictures.table import fit_recipe
from photism.types import KINDS

Rows = dict[tuple[str, str], Measured]
KEYS = [(f"s{i}", key) for i in range(6) for key in ("orientation", "shift", "probe")]


def drawn(rng: np.random.Generator, *, extra: float = 0.0) -> Rows:
    return {key: Measured(0.3 + extra + 0.05 * float(rng.standard_normal()), 0.0) for key in KEYS}


def test_a_network_that_is_one_more_twin_is_hardly_ever_claimed_anything_of() -> None:
    rng = np.random.default_rng(0)
    wrong = [
        any(one.holds for one in compare_with_twins(drawn(rng), [drawn(rng) for _ in range(5)])) for _ in range(300)
    ]
    assert np.mean(wrong) < 0.08  # 5 % over the whole family, at most


def test_a_difference_that_is_there_is_claimed_with_its_size() -> None:
    rng = np.random.default_rng(1)
    claims = compare_with_twins(drawn(rng, extra=0.6), [drawn(rng) for _ in range(5)])
    assert all(one.holds and one.more for one in claims)
    assert np.mean([one.difference for one in claims]) == pytest.approx(0.6, abs=0.05)
    assert "more than random weights'" in claims[0].to_text()
    assert all(one.difference_low < one.difference < one.difference_high for one in claims)


def test_intervals_widen_with_the_number_of_claims() -> None:
    rng = np.random.default_rng(2)
    own, twins = drawn(rng), [drawn(rng) for _ in range(5)]
    few = [key for key in KEYS if key[1] == "shift"]
    many_wide = compare_with_twins(own, twins)
    few_wide = compare_with_twins({k: own[k] for k in few}, [{k: t[k] for k in few} for t in twins])
    width = {one.stage: one.difference_high - one.difference_low for one in many_wide if one.key == "shift"}
    assert all(one.difference_high - one.difference_low < width[one.stage] for one in few_wide)


def test_what_is_not_told_apart_says_so() -> None:
    rows = {("s0", "shift"): Measured(0.5, 0.1), ("s1", "shift"): Measured(0.5, 0.1)}
    twins = [{key: Measured(0.5 + 0.1 * k, 0.1) for key in rows} for k in (-1, 0, 1)]
    (one, _) = compare_with_twins(rows, twins)
    assert not one.holds
    assert "not told apart from random weights" in one.to_text()


def test_omega_squared_is_that_of_the_analysis_of_variance() -> None:
    formula = pytest.importorskip("statsmodels.formula.api")
    anova = pytest.importorskip("statsmodels.api").stats.anova_lm
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [10, 14, 8])
    x = rng.normal(size=(32, 3)) + np.array([0.0, 0.7, 2.0]) * y[:, None]
    for c in range(3):
        table = anova(formula.ols("x ~ C(y)", pandas.DataFrame({"x": x[:, c], "y": y})).fit())
        between, within = table["sum_sq"].iloc[0], table["sum_sq"].iloc[1]
        error = table["mean_sq"].iloc[1]
        expected = (between - 2 * error) / (between + within + error)
        assert explained_by_class(x, y)[c] == pytest.approx(expected, rel=1e-9)


def test_auroc_is_scikit_learns() -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 8)
    x = rng.normal(size=(24, 4)) + y[:, None]
    assert (class_auroc(x, np.zeros_like(y)) == 0.5).all(), "of one class alone nothing is told apart"
    found = class_auroc(x, y)
    for k in range(3):
        for c in range(4):
            assert found[k, c] == pytest.approx(roc_auc_score(y == k, x[:, c]))


def test_a_probe_never_sees_the_group_it_answers_for() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 80)
    # Two files of each group are copies: a probe that saw one would know the other.
    x, y = np.repeat(rng.normal(size=(80, 200)), 2, axis=0), np.repeat(y, 2)
    assert probe_hits(x, y, np.arange(160)).mean() > 0.8
    assert probe_hits(x, y, np.repeat(np.arange(80), 2)).mean() < 0.65


def test_likeness_is_one_for_the_same_answer_and_none_for_another_picture() -> None:
    rng = np.random.default_rng(0)
    answers = rng.normal(size=(200, 300))
    np.testing.assert_allclose(invariance.likeness(answers[:20], answers[:20], answers), 1.0)
    assert abs(invariance.likeness(answers[:100], answers[100:], answers).mean()) < 0.05


def test_changes_keep_what_they_promise() -> None:
    rng = np.random.default_rng(0)
    pixels = noise(1, 64)[0]
    pixels[:, :, 1:] = pixels[:, :, :1]
    shuffled = invariance.CHANGES["tiles"][1](pixels, rng)
    assert sorted(shuffled.reshape(-1)) == sorted(pixels.reshape(-1))
    assert (shuffled != pixels).any()
    smooth = (128 + 40 * np.sin(np.arange(64) / 5)[:, None, None] * np.ones((64, 64, 3))).astype(np.uint8)
    scrambled = invariance.CHANGES["phases"][1](smooth, rng)
    before, after = (np.abs(np.fft.rfft2(one[:, :, 0].astype(float))) for one in (smooth, scrambled))
    assert np.corrcoef(before.reshape(-1), after.reshape(-1))[0, 1] > 0.99
    assert np.abs(smooth.astype(float) - scrambled).mean() > 5
    for kind in KINDS:
        for key in invariance.changes_for(kind):
            assert invariance.CHANGES[key][1](pixels, rng).shape == pixels.shape
            assert key in MEASURES


def test_another_of_its_class_is_more_alike_where_classes_differ() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    plain = rng.normal(size=(60, 40))
    told = plain + 3 * rng.normal(size=(3, 40))[y]
    assert abs(np.nanmean(invariance.another_of_its_class(plain, y))) < 0.05
    assert np.nanmean(invariance.another_of_its_class(told, y)) > 0.7


def test_every_network_is_asked_the_same_and_answers_with_the_same_bits() -> None:
    network = planted_network()
    bank = make_bank(fit_recipe("image", [], size_px=64), "crop")
    s = specimens_of(noise(12, 48), [0, 1] * 6)
    questions = ask_questions("image", bank, s, n_changed=4, seed=0)
    own = measure_network(network, questions)
    twin = measure_network(random_twin(network, s.pixels, seed=1), questions)
    assert {key for _, key in own} <= set(MEASURES)
    assert set(own) == set(twin)
    assert own != twin
    assert measure_network(network, questions) == own


def test_cka_ignores_rotation_and_scale() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(50, 8))
    turn, _ = np.linalg.qr(rng.normal(size=(8, 8)))
    assert linear_cka(a, 3.0 * a @ turn + 1.0) == pytest.approx(1.0)
    assert linear_cka(a, rng.normal(size=(50, 8))) < 0.4


def test_what_fine_tuning_changed_is_found() -> None:
    """The second network's red channel was turned to green: only its stage has changed, and that channel turned."""
    import copy

    before = planted_network()
    trunk = copy.deepcopy(before.trunk)
    weight = trunk.stages["conv1"][0].weight
    weight.data[0] = weight[6]
    after = StagedNetwork(trunk, before.mean, before.std)
    pixels, y = np.full((12, 32, 32, 3), 100, np.uint8), [0, 1] * 6
    pixels += noise(12, 32) // 16
    pixels[1::2, :, :, :2] += np.array([-40, 40], np.int8).view(np.uint8)  # greener, and as bright as before
    s = specimens_of(pixels, y)
    changed = compare_networks(
        before, after, before.answers(s.pixels), after.answers(s.pixels), s, side_px={"conv1": 16}
    )
    (stage,) = changed.stages
    assert stage.weight_change > 0.1
    assert stage.cka < 1.0
    assert ("class1", 0) in {(one.label, one.channel) for one in changed.turned}
    same = compare_networks(before, before, before.answers(s.pixels), before.answers(s.pixels), s, side_px={"conv1": 9})
    assert same.stages[0].weight_change == 0.0
    assert same.stages[0].cka == pytest.approx(1.0)
    assert not same.turned


def test_scale_that_moved_from_a_norm_into_its_convolution_is_no_change() -> None:
    import copy

    before = random_twin(small_network(norm=True), noise(8), seed=1)
    trunk = copy.deepcopy(before.trunk)
    convolution, norm = trunk.stages["s2"][1], trunk.stages["s2"][2]
    convolution.weight.data *= 3.0
    norm.running_mean *= 3.0
    norm.weight.data /= 3.0
    after = StagedNetwork(trunk, before.mean, before.std)
    s = specimens_of(noise(8), [0, 1] * 4)
    changed = compare_networks(
        before, after, before.answers(s.pixels), after.answers(s.pixels), s, side_px=dict.fromkeys(before.names, 16)
    )
    assert max(one.weight_change for one in changed.stages) < 1e-5
    assert min(one.cka for one in changed.stages) > 1 - 1e-6
