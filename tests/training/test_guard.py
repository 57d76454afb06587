from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photism.training.curve import Held
from photism.training.guard import smooth, verdict
from photism.training.head import Plan
from photism.types import EpochRow
from tests.training.made import clouds
from tests.training.test_head import train

CHANCE = math.log(3)


def rows(train_losses: list[float], valid_losses: list[float], train_accuracy: float = 0.9) -> list[EpochRow]:
    return [
        EpochRow(i + 1, t, v, train_accuracy, 0.8, 0.0, 1.0, 0.0, 1.0, 0.1, 0.0)
        for i, (t, v) in enumerate(zip(train_losses, valid_losses, strict=True))
    ]


def test_a_clean_run_is_learning() -> None:
    features, y, folds = clouds(apart=5.0)
    found = verdict(train(features, y, folds, Plan()).rows, chance_nats=CHANCE)
    assert found.state == "learning"


def test_random_labels_are_memorised() -> None:
    features, y, folds = clouds(d=300, n_files=600)
    shuffled = np.random.default_rng(7).permutation(y)
    found = verdict(train(features, shuffled, folds, Plan()).rows, chance_nats=CHANCE)
    assert found.state == "memorising"
    assert "does not carry over" in found.evidence
    assert found.onset_epoch is not None


def test_a_rate_far_too_high_is_diverging() -> None:
    features, y, folds = clouds(d=5, n_files=400, apart=0.5)
    found = verdict(train(features, y, folds, Plan(rate=1e4)).rows, chance_nats=CHANCE)
    assert found.state == "diverging"


def test_a_rate_far_too_low_is_stalled() -> None:
    features, y, folds = clouds(apart=5.0)
    found = verdict(train(features, y, folds, Plan(rate=1e-8)).rows, chance_nats=CHANCE)
    assert found.state == "stalled"


def test_a_run_stopped_at_its_best_epoch_was_learning_though_it_would_have_memorised_later() -> None:
    falling = [1.0 / (i + 1) for i in range(40)]
    bent = [0.5 + 0.02 * abs(i - 9) for i in range(40)]
    whole = verdict(rows(falling, bent), chance_nats=CHANCE)
    assert (whole.state, whole.best_epoch) == ("memorising", 10)
    assert whole.onset_epoch is not None
    assert 10 < whole.onset_epoch <= 20
    assert verdict(rows(falling[:10], bent[:10]), chance_nats=CHANCE).state == "learning"
    assert verdict(rows(falling[:18], bent[:18]), chance_nats=CHANCE).state == "learning"


def test_full_training_accuracy_alone_is_not_memorising() -> None:
    falling = [0.5 / (i + 1) for i in range(40)]
    found = verdict(rows(falling, [0.3 + x for x in falling], train_accuracy=1.0), chance_nats=CHANCE)
    assert (found.state, found.onset_epoch) == ("learning", None)
    assert found.gap_nats == pytest.approx(0.3)


def test_a_loss_that_is_no_number_is_diverging() -> None:
    curve = rows([1.0, 0.5, 0.4], [1.0, 0.8, 0.7])
    found = verdict([*curve, replace(curve[0], epoch=4, train_loss_nats=math.nan)], chance_nats=CHANCE)
    assert (found.state, found.onset_epoch, found.best_epoch) == ("diverging", 4, 3)


def test_no_curve_is_refused() -> None:
    with pytest.raises(ValueError, match="one epoch"):
        verdict([], chance_nats=CHANCE)


def test_two_files_learned_by_heart_are_memorised_not_diverging() -> None:
    found = verdict(
        rows([0.4 / epoch for epoch in range(1, 10)], [11.0 + epoch for epoch in range(1, 10)]), chance_nats=CHANCE
    )
    assert found.state == "memorising"


def test_steps_that_overshoot_are_diverging_though_the_run_recovers() -> None:
    """The rate falls to nothing in the end: even a rate of 10,000 leaves small losses behind on easy data."""
    found = verdict(rows([11.8, 1.6, 0.2, 0.0], [15.3, 5.1, 2.0, 0.8]), chance_nats=CHANCE)
    assert (found.state, found.onset_epoch) == ("diverging", 1)
    assert "rose to 11.80 nats in epoch 1" in found.evidence


def bent(n_files: int, *, turn: int, n_epochs: int = 30, noise: float = 0.0, seed: int = 0) -> Held:
    """Files whose losses fall until an epoch and rise after it, each by as much as it likes."""
    rng = np.random.default_rng(seed)
    slopes = 0.03 + noise * rng.standard_normal(n_files)
    away = np.abs(np.arange(1, n_epochs + 1) - turn)
    level = rng.uniform(0.5, 0.7, n_files)
    return Held((level + away[:, None] * slopes).astype(np.float32), np.arange(n_files))


def of_held(held: Held, **options: int) -> object:
    curve = held.losses_nats.mean(axis=1).astype(float).tolist()
    return verdict(rows([0.9 / (i + 1) for i in range(len(curve))], curve), chance_nats=CHANCE, held=held, **options)


def test_the_onset_is_behind_the_turning_point_and_has_an_interval() -> None:
    found: Any = of_held(bent(200, turn=10, noise=0.05))
    assert found.state == "memorising"
    assert found.onset_epoch == 11
    assert found.onset_low <= 11 <= found.onset_high
    assert found.cost_nats == pytest.approx(0.6, abs=0.15)
    assert found.cost_low < found.cost_nats < found.cost_high
    assert found.gap_low < found.gap_nats < found.gap_high


def test_a_rise_that_could_be_chance_is_no_onset() -> None:
    """Three files rise steeply and the others not at all: other files might not have risen."""
    held = bent(40, turn=10)
    losses = np.full_like(held.losses_nats, 0.6)
    losses[:, :3] = 0.6 + 0.2 * np.abs(np.arange(1, 31) - 10)[:, None]
    rare: Any = of_held(Held(losses, held.groups))
    assert rare.cost_nats > 0.05 * CHANCE
    assert rare.onset_epoch is None
    assert rare.state == "learning"
    one_speaker: Any = of_held(Held(bent(40, turn=10, noise=0.05).losses_nats, np.arange(40) // 20))
    many: Any = of_held(bent(40, turn=10, noise=0.05))
    assert one_speaker.cost_high - one_speaker.cost_low != many.cost_high - many.cost_low


def test_the_same_seed_gives_the_same_interval() -> None:
    held = bent(50, turn=8, noise=0.1)
    assert of_held(held) == of_held(held)
    assert of_held(held) != of_held(held, seed=1)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=40))
def test_smoothing_stays_between_the_extremes_and_keeps_a_level(values: list[float]) -> None:
    flat = smooth(np.array(values))
    assert flat.shape == (len(values),)
    assert flat.min() >= min(values) - 1e-9
    assert flat.max() <= max(values) + 1e-9
    np.testing.assert_allclose(smooth(np.full(len(values), 3.0)), 3.0)
