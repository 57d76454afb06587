from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

from photism.training.familiar import fit_familiarity
from photism.training.features import Features
from photism.trust import shift as module
from photism.trust.shift import Shift, find_shift, shift_from_familiarity, shift_layers

N, D = 300, 24


def made(seed: int, *, n: int = N, d: int = D, classes: int = 3) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """Values, classes that lie far apart, and the generator."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    centre = 3.0 * np.random.default_rng(99).standard_normal((classes, d))
    return (centre[y] + rng.standard_normal((n, d))).astype(np.float32), y, rng


def as_features(x: np.ndarray) -> Features:
    return Features({"p/a": x}, np.arange(len(x)), np.ones(len(x), np.float32), len(x))


def found_in(x: np.ndarray, other: np.ndarray, y: np.ndarray | None, groups: list[str] | None = None) -> Shift | None:
    names = [str(i) for i in range(len(x))] if groups is None else groups
    return find_shift(as_features(x), ~other, other, names, y=y, layers=("p/a",))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "N_PERMUTATIONS", 99)
    monkeypatch.setattr(module, "N_BOOTSTRAP", 50)


@pytest.mark.usefixtures("quick")
def test_random_splits_raise_no_alarm() -> None:
    """At 5 % each, 12 or more of 120 alarms would come once in 40 times; a broken test raises far more."""
    alarms, p_values = 0, []
    for seed in range(120):
        x, y, rng = made(seed, n=90)
        one = found_in(x, rng.random(90) < 0.3, y)
        assert one is not None
        alarms += one.p_value <= 0.05
        p_values.append(one.p_value)
    assert alarms <= 11
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.07)


@pytest.mark.usefixtures("quick")
def test_random_splits_of_groups_raise_no_alarm() -> None:
    """Files of a group are alike: a test that took them for independent would raise alarms nearly always."""
    alarms = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        group = np.repeat(np.arange(30), 4)
        x = (rng.standard_normal((30, D))[group] + 0.3 * rng.standard_normal((120, D))).astype(np.float32)
        other = (rng.permutation(30) < 12)[group]
        one = found_in(x, other, None, [str(g) for g in group])
        assert one is not None
        alarms += one.p_value <= 0.05
    assert alarms <= 11


def test_other_shares_of_the_classes_are_no_shift() -> None:
    x, y, rng = made(3, n=600)
    other = rng.random(600) < np.array([0.1, 0.5, 0.9])[y]
    by_class, blind = found_in(x, other, y), found_in(x, other, None)
    assert by_class is not None
    assert blind is not None
    assert not by_class.found
    assert blind.found
    assert blind.auroc > 0.7


def test_a_shift_within_classes_is_found_and_its_files_named() -> None:
    x, y, rng = made(4)
    other = rng.random(N) < 0.4
    foreign = np.flatnonzero(other)[:30]
    x[foreign, :6] += 2.5
    found = found_in(x, other, y)
    assert found is not None
    assert found.found
    assert found.low < found.auroc < found.high
    assert found.low > 0.5
    assert np.mean([one.index in foreign for one in found.foreign]) > 0.9
    assert found.foreign[0].score > 0.95


def test_the_power_grows_with_the_shift() -> None:
    aurocs = []
    for size in (0.0, 0.5, 1.5):
        x, y, rng = made(5)
        other = rng.random(N) < 0.5
        x[other] += np.float32(size / np.sqrt(D)) * 2
        found = found_in(x, other, y)
        assert found is not None
        aurocs.append(found.auroc)
    assert aurocs[0] < aurocs[1] < aurocs[2]
    assert aurocs[0] == pytest.approx(0.5, abs=0.12)
    assert aurocs[2] > 0.9


def test_held_out_answers_are_those_of_ridge_fitted_again() -> None:
    x, y, rng = made(6, n=90)
    other = rng.random(90) < 0.5
    deck = module._Deck(other, y, [f"{i}" for i in range(90)])
    answers = module._Answers((x @ x.T).astype(np.float32), deck, 0)
    held = answers.held_out(other[None])[0]
    for rows in answers.folds:
        kept = np.setdiff1d(np.arange(90), rows)
        mean = np.stack([x[kept][y[kept] == c].mean(axis=0) for c in range(3)])
        share = np.array([other[kept][y[kept] == c].mean() for c in range(3)])
        centred = x - mean[y]
        alpha = module.STRENGTH * np.mean(np.square(centred[kept]).sum(axis=1))
        again = Ridge(alpha=alpha, fit_intercept=False).fit(centred[kept], other[kept] - share[y[kept]])
        assert held[rows] == pytest.approx(again.predict(centred[rows]), abs=1e-4)


def test_the_auroc_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    other, score = rng.random(100) < 0.4, rng.integers(0, 20, 100).astype(np.float64)
    deck = module._Deck(other, np.zeros(100, dtype=np.int64), [f"{i}" for i in range(100)])
    assert deck.auroc(score, other) == pytest.approx(roc_auc_score(other, score))


@pytest.mark.usefixtures("quick")
def test_more_features_than_files_do_not_look_like_a_shift() -> None:
    """Class means over all files would give the held-out files away: the AUROC would lie far above a half."""
    aurocs = []
    for seed in range(10):
        x, y, rng = made(seed, n=100, d=2000, classes=5)
        found = found_in(x, rng.random(100) < 0.4, y)
        assert found is not None
        aurocs.append(found.auroc)
    assert np.mean(aurocs) == pytest.approx(0.5, abs=0.05)


def test_the_interval_covers_what_many_files_say() -> None:
    """The scores are given, so the true AUROC is known: normal scores one deviation apart, 0.76."""
    covered = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        other = np.arange(160) % 2 == 0
        y = rng.integers(0, 2, 160)
        deck = module._Deck(other, y, [str(i) for i in range(160)])
        low, high = deck.interval(rng.standard_normal(160) + other + 5.0 * y, seed)
        covered += low <= 0.7602 <= high
    assert covered >= 52


def test_ties_share_their_rank() -> None:
    other = np.array([True, False, True, False])
    deck = module._Deck(other, np.zeros(4, dtype=np.int64), list("abcd"))
    assert deck.auroc(np.zeros(4), other) == 0.5


@pytest.mark.parametrize("n_other", [0, 9])
def test_too_few_groups_say_nothing(n_other: int) -> None:
    x, y, _ = made(7, n=100)
    assert found_in(x, np.arange(100) < n_other, y) is None


def test_a_class_that_one_part_lacks_is_left_out() -> None:
    x, y, rng = made(8, n=300)
    other = rng.random(300) < 0.5
    other[y == 2] = False
    found = found_in(x, other, y)
    assert found is not None
    assert found.n_one + found.n_other == int((y < 2).sum())
    assert not found.found


def test_many_files_are_thinned_by_whole_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILES", 100)
    other = np.arange(400) < 40
    keys = [f"{int(o)} {i // 2}" for i, o in enumerate(other)]
    kept = module._thin(np.ones(400, dtype=bool), other, keys, 0)
    assert kept[:40].all()
    assert 58 <= kept[40:].sum() <= 62
    assert np.array_equal(kept[::2], kept[1::2])


def test_a_seed_gives_the_same_answer() -> None:
    x, y, rng = made(9, n=120)
    other = rng.random(120) < 0.5
    assert found_in(x, other, y) == found_in(x, other, y)


def photographs(n: int, seed: int, brighter: float = 0.0) -> Features:
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(98).standard_normal((6, 40))
    values = np.exp(0.2 * rng.standard_normal((n, 6)) @ mix + 0.1 * rng.standard_normal((n, 40)))
    values[:, :10] *= 1.0 + brighter
    return Features({"p/a": values.astype(np.float32)}, np.arange(n), np.ones(n, np.float32), n, {"p/a": 1})


def test_new_data_against_what_a_recognizer_keeps() -> None:
    familiarity = fit_familiarity(photographs(300, 0), np.arange(300) % 5, layers=("p/a",))
    assert familiarity is not None
    names = [str(i) for i in range(150)]
    alike = shift_from_familiarity(familiarity, photographs(150, 1), names)
    brighter = shift_from_familiarity(familiarity, photographs(150, 1, brighter=0.5), names)
    assert alike is not None
    assert brighter is not None
    assert not alike.found
    assert brighter.found
    assert all(one.index < 150 for one in brighter.foreign)


def test_every_panel_has_its_layers() -> None:
    names = [*(f"a/b{i}" for i in range(6)), *(f"b/b{i}" for i in range(9))]
    assert shift_layers(names) == ("a/b1", "a/b2", "a/b3", "a/b4", "b/b1", "b/b3", "b/b5", "b/b7")


def test_words_and_json() -> None:
    none = Shift(0.51, 0.46, 0.55, 0.4, 100, 50, 100, 50, ())
    assert none.to_text() == "The two parts cannot be told apart (AUROC 0.51, 95 %: 0.46 to 0.55, p = 0.400)."
    plain = Shift(0.91, 0.89, 0.93, 0.002, 100, 50, 100, 50, ())
    assert plain.to_text().startswith("The two parts differ plainly (AUROC 0.91")
    assert json.loads(json.dumps(plain.to_json(), allow_nan=False))["size"] == "plain"
    assert Shift(0.3, 0.2, 0.4, 0.001, 100, 50, 100, 50, ()).size == "none"
