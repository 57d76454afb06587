from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photism.training.features import Features
from photism.training.out_of_fold import held_out_probabilities
from photism.trust.labels import Suspects, find_suspects
from photism.types import Sample
from tests.training.made import clouds

LABELS = ("cat", "dog", "owl")


def samples_of(y: np.ndarray, groups: list[str] | None = None) -> list[Sample]:
    return [
        Sample(Path(f"{i}.png"), f"{i}.png", LABELS[max(c, 0)], None if groups is None else groups[i])
        for i, c in enumerate(y.tolist())
    ]


def drawn(n: int, rate: float, seed: int, k: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities, labels drawn by them, of which a share was changed at random, and which."""
    rng = np.random.default_rng(seed)
    probability = rng.dirichlet(np.full(k, 0.15), n)
    y = (probability.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    wrong = rng.random(n) < rate
    y[wrong] = (y[wrong] + rng.integers(1, k, int(wrong.sum()))) % k
    return probability, y, wrong


def planted(n: int = 400, seed: int = 0) -> tuple[Features, np.ndarray, np.ndarray]:
    features, y, _ = clouds(n_files=n, apart=6.0, seed=seed)
    rng = np.random.default_rng(seed)
    chosen = rng.choice(n, n // 20, replace=False)
    z = y.copy()
    z[chosen] = (z[chosen] + rng.integers(1, 3, len(chosen))) % 3
    return features, z, chosen


def test_planted_labels_come_first() -> None:
    features, z, chosen = planted()
    probability = held_out_probabilities(features, z, [str(i) for i in range(400)], n_classes=3)
    found = find_suspects(probability, z, samples_of(z), labels=LABELS)
    assert np.mean([one.index in chosen for one in found.items[: len(chosen)]]) > 0.9
    assert found.n_low <= len(chosen) <= found.n_high
    for one in found.items:
        assert one.given == LABELS[z[one.index]] != one.likely
        assert one.p_likely == probability[one.index].max()


def test_the_number_of_wrong_labels_is_covered() -> None:
    """95 of 100 intervals should hold the truth; fewer than 88 would happen once in 300 times."""
    covered, estimates = 0, []
    for seed in range(100):
        probability, y, _ = drawn(400, 0.05, seed)
        found = find_suspects(probability, y, samples_of(y), labels=LABELS)
        covered += found.n_low <= 0.05 * 400 <= found.n_high
        estimates.append(found.n_wrong)
    assert covered >= 88
    assert np.mean(estimates) == pytest.approx(20.0, abs=1.5)


def test_scores_are_probabilities_of_a_wrong_label() -> None:
    probability, y, wrong = drawn(20_000, 0.05, 7)
    found = find_suspects(probability, y, samples_of(y), labels=LABELS)
    score = np.array([one.score for one in found.items])
    truth = wrong[[one.index for one in found.items]]
    for low, high in ((0.0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.0)):
        here = (score >= low) & (score <= high)
        assert truth[here].mean() == pytest.approx(score[here].mean(), abs=0.05)


def test_no_wrong_labels_no_alarm() -> None:
    probability, y, _ = drawn(2000, 0.0, 1)
    found = find_suspects(probability, y, samples_of(y), labels=LABELS)
    assert found.n_low < 5
    assert len(found.first) == round(found.n_wrong) < 20


def test_groups_widen_the_interval() -> None:
    probability, y, _ = drawn(400, 0.05, 3)
    alone = find_suspects(probability, y, samples_of(y), labels=LABELS)
    together = find_suspects(probability, y, samples_of(y, [str(i // 10) for i in range(400)]), labels=LABELS)
    assert together.n_wrong == pytest.approx(alone.n_wrong)
    assert together.n_high - together.n_low > 2 * (alone.n_high - alone.n_low)


def test_what_has_no_answer_or_no_class_is_left_out() -> None:
    probability, y, _ = drawn(60, 0.1, 5)
    probability[:10] = np.nan
    y[10:20] = -1
    found = find_suspects(probability, y, samples_of(y), labels=LABELS)
    assert found.n_files == 40
    assert all(one.index >= 20 for one in found.items)


@pytest.mark.parametrize("n", [0, 1])
def test_next_to_nothing(n: int) -> None:
    y = np.zeros(n, dtype=np.int64)
    found = find_suspects(np.full((n, 3), 1 / 3), y, samples_of(y), labels=LABELS)
    assert found.items == ()
    assert found.n_low == 0.0


def test_lengths_must_agree() -> None:
    probability, y, _ = drawn(20, 0.1, 5)
    with pytest.raises(ValueError, match="20 x 3"):
        find_suspects(probability, y, samples_of(y)[:-1], labels=LABELS)


@given(st.integers(0, 10_000), st.integers(2, 6), st.floats(0.0, 0.4))
def test_the_order_is_that_of_the_given_labels_probability(seed: int, k: int, rate: float) -> None:
    probability, y, _ = drawn(50, rate, seed, k)
    names = [str(c) for c in range(k)]
    samples = [Sample(Path(str(i)), str(i)) for i in range(50)]
    found = find_suspects(probability, y, samples, labels=names)
    given_p, score = [one.p_given for one in found.items], [one.score for one in found.items]
    assert given_p == sorted(given_p)
    assert all(a >= b - 1e-12 for a, b in pairwise(score))
    assert 0.0 <= found.n_low <= found.n_wrong + 1e-4
    assert found.n_wrong <= found.n_high <= 50.0
    assert {one.index for one in found.items} == set(np.flatnonzero(probability.argmax(axis=1) != y).tolist())


def test_words_and_json() -> None:
    probability, y, _ = drawn(400, 0.05, 2)
    found: Suspects = find_suspects(probability, y, samples_of(y), labels=LABELS)
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert told["items"][0]["path"] == f"{found.items[0].index}.png"
    assert told["low"] <= told["n_wrong"] <= told["high"]
    first = found.items[0]
    assert found.to_text() == (
        f"About {found.n_wrong:.0f} of 400 labels are probably wrong, or their classes overlap "
        f"(95 %: {found.n_low:.0f} to {found.n_high:.0f}); "
        f"first of all {first.index}.png: {first.given}, or {first.likely}?"
    )
