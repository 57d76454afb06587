from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from photism.training.guard import verdict
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
