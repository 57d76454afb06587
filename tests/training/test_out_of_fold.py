from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from photism.training import out_of_fold
from photism.training.features import Features, softmax
from photism.training.out_of_fold import held_out_probabilities, inner_products, late_layers, standard_strips
from tests.training.made import clouds


def probabilities(features: Features, y: np.ndarray, groups: list[str], n_classes: int = 3) -> np.ndarray:
    return held_out_probabilities(features, y, groups, n_classes=n_classes)


def test_answers_are_right_about_as_often_as_the_clouds_lie_apart() -> None:
    features, y, _ = clouds(n_files=240, apart=4.0)
    found = probabilities(features, y, [str(i) for i in range(240)])
    assert found.sum(axis=1) == pytest.approx(1.0)
    assert np.mean(found.argmax(axis=1) == y) > 0.9


def test_a_files_own_label_is_not_seen() -> None:
    """Were it seen, labels dealt at random would be found again more often than by chance."""
    features, _, _ = clouds(n_files=300, d=200)
    y = np.random.default_rng(4).integers(0, 3, 300)
    found = probabilities(features, y, [str(i) for i in range(300)])
    assert np.mean(found.argmax(axis=1) == y) < 0.42


def test_a_group_is_left_out_whole() -> None:
    """Copies in one group with labels dealt by group: only who peeks at the copies knows them."""
    rng = np.random.default_rng(0)
    x = np.repeat(rng.standard_normal((60, 30)), 4, axis=0) + 0.01 * rng.standard_normal((240, 30))
    y = np.repeat(rng.integers(0, 2, 60), 4)
    features = Features({"p/a": x.astype(np.float32)}, np.arange(240), np.ones(240, np.float32), 240)
    whole = probabilities(features, y, [str(i // 4) for i in range(240)], 2)
    torn = probabilities(features, y, [str(i) for i in range(240)], 2)
    assert np.mean(torn.argmax(axis=1) == y) > 0.95
    assert np.mean(whole.argmax(axis=1) == y) < 0.65


@pytest.mark.parametrize("strength", [0.1, 1.0])
def test_left_out_groups_agree_with_fitting_again(strength: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fours, and files that stand alone, read some rows at a time."""
    monkeypatch.setattr(out_of_fold, "ROWS_ADDED", 7)
    rng = np.random.default_rng(1)
    table, y = rng.standard_normal((50, 12)).astype(np.float32), np.arange(50) % 3
    group = np.where(np.arange(50) % 8 < 4, np.arange(50) // 8, 10 + np.arange(50))
    found = out_of_fold._without_group(table, y, group, 3, strength)
    weight = 1.0 / np.bincount(y)[y]
    weight *= 50 / weight.sum()
    target = np.eye(3)[y] - 1 / 3
    for g in np.unique(group):
        kept = group != g
        x, w = table[kept].astype(np.float64), weight[kept, None]
        theta = np.linalg.solve(x.T @ (w * x) + strength * np.eye(12), x.T @ (w * target[kept]))
        assert found[group == g] == pytest.approx(table[group == g] @ theta, abs=2e-4)


def test_the_softmax_regressions_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((40, 3)), rng.integers(0, 3, 40)
    worst: list[float] = []

    def checked(fun, start, **_: object):
        for scale in (0.0, 0.5):
            at = start + scale * rng.standard_normal(start.shape)
            worst.append(float(optimize.check_grad(lambda t: fun(t)[0], lambda t: fun(t)[1], at)))
        return optimize.OptimizeResult(x=start)

    monkeypatch.setattr(out_of_fold.optimize, "minimize", checked)
    out_of_fold._softmax_regression(x, y)
    assert max(worst) < 1e-5


def test_few_wrong_labels_leave_sure_answers_sure() -> None:
    features, y, _ = clouds(n_files=400, apart=4.0)
    z = y.copy()
    z[:20] = (z[:20] + 1 + np.arange(20) % 2) % 3
    found = probabilities(features, z, [str(i) for i in range(400)])
    assert np.median(found.max(axis=1)) > 0.99
    assert found[:20].argmax(axis=1) == pytest.approx(y[:20])


def test_files_without_windows_have_no_answer() -> None:
    features, y, _ = clouds(n_files=120)
    mask = np.arange(120) % 3 > 0
    found = probabilities(features.keep(mask), y, [str(i) for i in range(120)])
    assert np.array_equal(np.isfinite(found).all(axis=1), mask)


def test_few_landmarks_answer_nearly_as_all_do(monkeypatch: pytest.MonkeyPatch) -> None:
    features, y, _ = clouds(n_files=400, apart=4.0)
    groups = [str(i) for i in range(400)]
    exact = probabilities(features, y, groups)
    monkeypatch.setattr(out_of_fold, "MAX_LANDMARKS", 150)
    assert np.mean(probabilities(features, y, groups).argmax(axis=1) == exact.argmax(axis=1)) > 0.95


def test_of_one_group_every_file_is_held_out_by_itself() -> None:
    features, y, _ = clouds(n_files=24)
    alone = probabilities(features, y, [str(i) for i in range(24)])
    assert probabilities(features, y, ["a"] * 24) == pytest.approx(alone)


def test_windows_are_averaged_into_files() -> None:
    features, _, _ = clouds(n_files=30, windows=3, layers=("p/a", "p/b"))
    joined = np.concatenate(list(standard_strips(features, "p/a")), axis=1)
    mean = features.layers["p/a"].reshape(30, 3, -1).mean(axis=1)
    assert joined == pytest.approx((mean - mean.mean(axis=0)) / mean.std(axis=0), abs=1e-4)
    products, squares = inner_products(features, layers=("p/a", "p/b"))
    assert np.diag(products) == pytest.approx(squares, abs=1e-4)
    assert squares.mean() == pytest.approx(1.0, abs=1e-4)
    parts = [inner_products(features, layers=(name,))[0] for name in ("p/a", "p/b")]
    assert products == pytest.approx((parts[0] + parts[1]) / 2, abs=1e-5)
    some, _ = inner_products(features, layers=("p/a", "p/b"), against=np.array([3, 7]))
    assert some == pytest.approx(products[:, [3, 7]], abs=1e-5)


def test_a_value_that_never_varies_says_nothing() -> None:
    features, _, _ = clouds(n_files=30)
    wide = np.concatenate([features.layers["p/a"], np.full((30, 5), 7.0, np.float32)], axis=1)
    padded = Features({"p/a": wide}, features.sample_of_window, features.weight, 30)
    found, expected = (inner_products(one, layers=("p/a",))[0] for one in (padded, features))
    assert found == pytest.approx(expected, abs=1e-5)


def test_another_network_helps() -> None:
    """Each sees one half of what tells the classes apart."""
    rng = np.random.default_rng(5)
    y = rng.integers(0, 4, 400)
    seen = [
        (y // 2)[:, None] * [2.0] + rng.standard_normal((400, 30)),
        (y % 2)[:, None] * [2.0] + rng.standard_normal((400, 30)),
    ]
    one, other = (Features({"p/a": x.astype(np.float32)}, np.arange(400), np.ones(400, np.float32), 400) for x in seen)
    groups = [str(i) for i in range(400)]
    alone = held_out_probabilities(one, y, groups, n_classes=4)
    both = held_out_probabilities(one, y, groups, n_classes=4, others=[other])
    assert np.mean(alone.argmax(axis=1) == y) < 0.65
    assert np.mean(both.argmax(axis=1) == y) > 0.85


def test_several_networks_together_are_as_sure_as_they_are_right() -> None:
    """The mean of the logarithms of independent answers alone would say too little."""
    rng = np.random.default_rng(8)
    y = rng.integers(0, 3, 900)
    seen = [(1.6 * np.eye(3)[y] + rng.standard_normal((900, 3))).astype(np.float32) for _ in range(3)]
    networks = [Features({"p/a": x}, np.arange(900), np.ones(900, np.float32), 900) for x in seen]
    found = held_out_probabilities(networks[0], y, [str(i) for i in range(900)], n_classes=3, others=networks[1:])
    right = np.mean(found.argmax(axis=1) == y)
    assert right > 0.85
    assert found.max(axis=1).mean() == pytest.approx(right, abs=0.02)


def test_a_fine_tuned_network_helps_and_is_calibrated() -> None:
    """It knows better, but says it much too surely."""
    y = np.random.default_rng(1).integers(0, 3, 300)
    groups = [str(i) for i in range(300)]
    rng = np.random.default_rng(2)
    logits = 40.0 * (2.0 * np.eye(3)[y] + rng.standard_normal((300, 3)))
    tuned = softmax(logits)
    noise = Features(
        {"p/a": rng.standard_normal((300, 20)).astype(np.float32)}, np.arange(300), np.ones(300, np.float32), 300
    )
    alone = held_out_probabilities(noise, y, groups, n_classes=3)
    both = held_out_probabilities(noise, y, groups, n_classes=3, tuned=[tuned])
    rows = np.arange(300)
    losses = [-np.log(np.maximum(p[rows, y], 1e-12)).mean() for p in (alone, tuned, both)]
    assert losses[2] < min(losses[:2])
    assert np.mean(both.argmax(axis=1) == y) > 0.8


def test_where_a_fine_tuned_network_did_not_answer_the_others_do() -> None:
    features, y, _ = clouds(n_files=60)
    groups = [str(i) for i in range(60)]
    tuned = softmax(5.0 * np.eye(3)[y] + np.random.default_rng(3).standard_normal((60, 3)))
    tuned[7] = np.nan
    found = held_out_probabilities(features, y, groups, n_classes=3, tuned=[tuned])
    alone = held_out_probabilities(features, y, groups, n_classes=3)
    assert np.isfinite(found).all()
    assert found[7].argmax() == alone[7].argmax()


def test_another_network_must_have_seen_the_same_files() -> None:
    features, y, _ = clouds(n_files=60)
    fewer = features.keep(np.arange(60) < 50)
    with pytest.raises(ValueError, match="same files"):
        held_out_probabilities(features, y, [str(i) for i in range(60)], n_classes=3, others=[fewer])


def test_the_later_half_of_every_panel_is_read() -> None:
    names = [*(f"a/b{i}" for i in range(6)), "b/only", *(f"c/b{i}" for i in range(9))]
    assert late_layers(names) == ("a/b3", "a/b4", "a/b5", "b/only", "c/b5", "c/b6", "c/b7", "c/b8")
