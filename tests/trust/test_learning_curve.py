from __future__ import annotations

import json

import numpy as np
import pytest

from photism.training.features import Features
from photism.trust import learning_curve as module
from photism.trust import nested_heads
from photism.trust.learning_curve import LearningCurve, learning_curve
from photism.trust.nested_heads import NestedHeads
from tests.training.made import clouds


def curve_of(
    features: Features,
    y: np.ndarray,
    groups: list[str],
    train: np.ndarray,
    valid: np.ndarray | None = None,
    **more: int,
) -> LearningCurve | None:
    return learning_curve(
        features, y, groups, layers=("p/a",), strength=0.3, n_classes=3, train=train, valid=valid, **more
    )


@pytest.fixture(scope="module")
def found() -> LearningCurve:
    features, y, _ = clouds(n_files=500, apart=0.35, d=40)
    curve = curve_of(features, y, [str(i) for i in range(500)], np.arange(500) < 400, np.arange(500) >= 400)
    assert curve is not None
    return curve


def test_more_files_answer_better(found: LearningCurve) -> None:
    assert [row.n_files for row in found.rows][:3] == [400, 280, 200]
    assert found.rows[0].accuracy > found.rows[-1].accuracy + 0.03
    assert found.rows[0].loss_nats < found.rows[-1].loss_nats
    for row in found.rows:
        assert row.accuracy_low <= row.accuracy <= row.accuracy_high
        assert row.loss_low <= row.loss_nats <= row.loss_high


def test_a_forecast_grows_with_the_number_of_files(found: LearningCurve) -> None:
    ahead = [found.forecast(n) for n in (0, 100, 400, 4000)]
    assert ahead[0].gain_points == pytest.approx(0.0)
    assert [one.gain_points for one in ahead] == sorted(one.gain_points for one in ahead)
    widths = [one.gain_high - one.gain_low for one in ahead]
    assert widths == sorted(widths)
    assert all(one.accuracy_high <= 1.0 for one in ahead)


def test_files_that_were_taught_are_answered_by_heads_without_their_group() -> None:
    rng = np.random.default_rng(0)
    group = np.arange(40) // 2
    x, y = rng.standard_normal((40, 60)), np.arange(40) // 2 % 3
    products = (x @ x.T / 60).astype(np.float32)
    known = np.arange(35)
    heads = NestedHeads(products[:, known], known, y, group, 3, 0.3)
    some = np.arange(30)
    answers = heads.answers(some)
    weight = 1.0 / np.bincount(y[some])[y[some]]
    weight *= 30 / weight.sum()
    target = np.eye(3)[y[some]] - 1 / 3

    def again(kept: np.ndarray, asked: np.ndarray) -> np.ndarray:
        system = products[np.ix_(kept, kept)] + 0.3 * np.diag(1.0 / weight[kept])
        return products[np.ix_(asked, kept)] @ np.linalg.solve(system, target[kept])

    for g in range(15):
        assert answers[some[group[some] == g]] == pytest.approx(
            again(np.flatnonzero(group[some] != g), np.flatnonzero(group == g)), abs=1e-4
        )
    assert answers[30:] == pytest.approx(again(some, np.arange(30, 40)), abs=1e-4)


def test_labels_that_say_nothing_gain_nothing() -> None:
    features, _, _ = clouds(n_files=400, d=60)
    y = np.random.default_rng(0).integers(0, 3, 400)
    curve = curve_of(features, y, [str(i) for i in range(400)], np.ones(400, dtype=bool))
    assert curve is not None
    assert abs(curve.rows[0].accuracy - 1 / 3) < 0.07
    assert curve.forecast(400).gain_low < 0.5


def test_parts_are_nested_and_groups_are_whole() -> None:
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(60), 5)
    y = np.repeat(rng.integers(0, 3, 60), 5)
    orders = nested_heads.orders(np.arange(300), group, y, 0)
    assert len({tuple(order.tolist()) for order in orders}) == len(orders)
    for order in orders:
        assert sorted(order.tolist()) == list(range(300))
        for size in (37, 150, 223):
            stop = nested_heads._whole(group[order], size)
            assert abs(stop - size) <= 5
            assert not set(group[order[:stop]]) & set(group[order[stop:]])
            share = np.bincount(y[order[:stop]], minlength=3) / stop - np.bincount(y) / 300
            assert np.abs(share).max() < 0.12


@pytest.mark.parametrize(("c", "a", "s"), [(0.05, 0.1, 0.5), (0.0, 0.2, 0.3), (0.1, 0.05, 1.0)])
def test_a_law_is_found_again(c: float, a: float, s: float) -> None:
    n = np.array(module.SHARES)
    law = module._law(n, c + a * n**-s, True)
    for more in (1.5, 2.0, 4.0):
        assert law[0] + law[1] * more ** -law[2] == pytest.approx(c + a * more**-s, abs=2e-3)


def test_the_interval_covers_what_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the files foretell what all answer; measured on 15 sets made anew."""
    monkeypatch.setattr(module, "N_BOOTSTRAP", 60)
    monkeypatch.setattr(nested_heads, "MAX_DRAWS", 3)
    covered = 0
    for seed in range(15):
        features, y, _ = clouds(n_files=300, apart=0.3, d=60, seed=seed)
        groups = [str(i) for i in range(300)]
        half = np.arange(300) % 2 == 0
        curve, whole = curve_of(features, y, groups, half), curve_of(features, y, groups, np.ones(300, dtype=bool))
        assert curve is not None
        assert whole is not None
        ahead = curve.forecast(150)
        covered += ahead.accuracy_low <= whole.rows[0].accuracy <= ahead.accuracy_high
    assert covered >= 12


def test_a_class_with_few_groups_is_taught_and_not_measured() -> None:
    features, y, _ = clouds(n_files=300, apart=0.35)
    groups = [f"two {i % 2}" if c == 1 else str(i) for i, c in enumerate(y.tolist())]
    curve = curve_of(features, y, groups, np.ones(300, dtype=bool))
    assert curve is not None
    assert curve.unmeasured == (1,)
    alone = curve_of(features, y, [str(i) for i in range(300)], np.ones(300, dtype=bool))
    assert alone is not None
    assert alone.unmeasured == ()


def test_too_few_files_say_nothing() -> None:
    features, y, _ = clouds(n_files=20)
    assert curve_of(features, y, [str(i) for i in range(20)], np.ones(20, dtype=bool)) is None


def test_many_files_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILES", 200)
    features, y, _ = clouds(n_files=500)
    curve = curve_of(features, y, [str(i // 2) for i in range(500)], np.ones(500, dtype=bool))
    assert curve is not None
    assert curve.n_files == 500
    assert curve.rows[0].n_files == 200
    assert curve.forecast(0).accuracy >= curve.rows[0].accuracy - 0.01


def test_a_seed_gives_the_same_answer() -> None:
    features, y, _ = clouds(n_files=200, windows=2)
    groups, train = [str(i) for i in range(200)], np.ones(200, dtype=bool)
    one, other = (curve_of(features, y, groups, train, seed=3) for _ in range(2))
    assert one is not None
    assert other is not None
    assert one.to_json() == other.to_json()


def test_words_and_json(found: LearningCurve) -> None:
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert told["sizes"][0]["n_files"] == 400
    assert [one["n_more"] for one in told["forecasts"]] == [200, 400, 1200]
    one = found.forecast(200)
    assert found.to_text() == (
        f"200 more files would bring about {one.gain_points:.1f} points of accuracy "
        f"(95 %: {one.gain_low:.1f} to {one.gain_high:.1f})."
    )
    flat = LearningCurve(found.rows, 400, np.tile([0.1, 0.001, 0.5], (9, 1)), noun="clips")
    assert flat.to_text() == "200 more clips would hardly bring anything: about 0.0 points (95 %: 0.0 to 0.0)."
