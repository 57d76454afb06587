from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from photism.recognizers.head import Head
from photism.training import head
from photism.training.classifier import standard
from photism.training.features import Features
from photism.training.head import Curve, Plan, _State, step, train_head
from tests.training.made import clouds


def train(features: Features, y: np.ndarray, folds: np.ndarray, plan: Plan, n_classes: int = 3) -> Curve:
    mean, scale = standard(features.keep(folds > 0), tuple(features.layers))
    empty = Head(tuple(features.layers), mean, scale, np.zeros((len(mean), 1), np.float32), np.zeros(1, np.float32))
    return train_head(
        features, y, np.arange(len(y)), train=folds > 0, valid=folds == 0, start=empty, n_classes=n_classes, plan=plan
    )


def test_there_is_exactly_one_optimizer_step_a_batch() -> None:
    features, y, folds = clouds(n_files=125)  # 100 to train on: three batches of 32 and one of 4, evened out
    found = train(features, y, folds, Plan(epochs=5, batch=32, least_steps=1, patience=99))
    assert found.steps == 5 * 4
    assert [row.epoch for row in found.rows] == [1, 2, 3, 4, 5]


def test_one_batch_can_be_overfitted() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((16, 40)).astype(np.float32) / np.sqrt(40).astype(np.float32)
    y = rng.integers(0, 4, 16)
    state = _State.zero(40, 4)
    for _ in range(300):
        step(state, x, y, np.ones(16, np.float32), rate=2.0, momentum=0.9)
    logits = x @ state.weight + state.bias
    assert np.array_equal(logits.argmax(axis=1), y)
    chosen = np.exp(logits - logits.max(axis=1, keepdims=True))
    assert -np.log((chosen / chosen.sum(axis=1, keepdims=True))[np.arange(16), y]).mean() < 0.02
    assert state.steps == 300


def test_the_head_of_the_best_epoch_is_kept() -> None:
    features, y, folds = clouds(d=200, apart=4.0)
    found = train(features, y, folds, Plan(rate=20.0))
    best = min(found.rows, key=lambda row: row.valid_loss_nats)
    held = features.keep(folds == 0)
    logits = found.best.logits(held.layers).astype(np.float64)
    of_truth = logits[np.arange(len(logits)), y[held.sample_of_window]]
    loss = np.mean(np.log(np.exp(logits).sum(axis=1)) - of_truth)
    assert loss == pytest.approx(best.valid_loss_nats, rel=1e-4)


def test_it_stops_when_nothing_has_become_better_for_long_enough() -> None:
    features, y, folds = clouds(d=200)
    found = train(features, np.random.default_rng(1).permutation(y), folds, Plan(patience=4))
    best = min(found.rows, key=lambda row: row.valid_loss_nats)
    assert found.rows[-1].epoch == best.epoch + 4


def test_the_same_seed_gives_the_same_curve_but_for_the_seconds() -> None:
    features, y, folds = clouds(windows=2)
    one, two = (train(features, y, folds, Plan(epochs=3)) for _ in range(2))
    assert [row.valid_loss_nats for row in one.rows] == [row.valid_loss_nats for row in two.rows]
    assert one.best.weight.tobytes() == two.best.weight.tobytes()


def test_a_large_part_is_read_batch_by_batch_and_learned_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    features, y, folds = clouds(layers=("p/a", "p/b"))
    held = train(features, y, folds, Plan(epochs=4))
    monkeypatch.setattr("photism.training.head.HELD_BYTES", 0)
    read = train(features, y, folds, Plan(epochs=4))
    assert read.best.weight.tobytes() == held.best.weight.tobytes()
    assert [r.valid_loss_nats for r in read.rows] == pytest.approx([r.valid_loss_nats for r in held.rows], rel=1e-6)
    monkeypatch.setattr("photism.training.head.MAX_WINDOWS_MEASURED", 30)
    some = train(features, y, folds, Plan(epochs=4))
    assert some.best.weight.tobytes() == held.best.weight.tobytes()
    assert some.rows[-1].train_loss_nats != held.rows[-1].train_loss_nats
    assert some.rows[-1].train_loss_nats == pytest.approx(held.rows[-1].train_loss_nats, rel=0.5)


def test_where_windows_are_few_their_inner_products_teach_the_same_head(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with layers in another order, several windows a file, and a share of the files measured."""
    features, y, folds = clouds(n_files=60, d=300, windows=2, layers=("p/a", "p/b"))
    features = replace(features, layers={name: features.layers[name] for name in ("p/b", "p/a")})
    plan = Plan(epochs=6, least_steps=1)
    calls: list[int] = []
    products = head.add_inner_products
    monkeypatch.setattr(head, "add_inner_products", lambda *rest: calls.append(1) or products(*rest))
    monkeypatch.setattr(head, "MAX_WINDOWS_MEASURED", 50)
    by_products = train(features, y, folds, plan)
    assert calls == [1]
    monkeypatch.setattr(head, "MAX_PRODUCTS", 0)
    by_features = train(features, y, folds, plan)
    assert calls == [1]
    np.testing.assert_allclose(by_products.best.weight, by_features.best.weight, atol=1e-4)
    for one, other in zip(by_products.rows, by_features.rows, strict=True):
        assert one.valid_loss_nats == pytest.approx(other.valid_loss_nats, rel=1e-4)
        assert one.train_loss_nats == pytest.approx(other.train_loss_nats, rel=1e-4)
        assert one.train_accuracy == other.train_accuracy
