"""Fine-tuning from start to decision: a clear lead is kept, a tie is the probe's, the test part chooses nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from photism.recognizers.backbones import state_hash
from photism.training import adapt as module
from photism.training import cross_tuned as crossed_module
from photism.training.adapt import Adapted, adapt
from photism.training.choose import Comparison
from photism.training.fit import Fitted
from photism.training.ground import Ground
from photism.training.plan import Depth, Plan
from tests.recognizers.backbone_samples import frozen_weights, random_backbone
from tests.small_training import Small, ask_small, ground_of, in_folds

DEPTH = Depth("fire7", (), (), "as the test says.")


def a_plan(small: Small, **options: object) -> Plan:
    layers = (next(name for name in small.asked.features.layers if name.endswith("/fire9")),)
    return Plan(after="fire7", layers=layers, epochs=3, views=1, batch=8, seed=0, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all: views are made once."""
    return tmp_path_factory.mktemp("adapt")


def adapted(ground: Ground, *plans: Plan, always: bool, folder: Path | None = None) -> Adapted:
    return adapt(ground, [(DEPTH, plan) for plan in plans], always=always, folder=folder)


@pytest.fixture(scope="module")
def kept(small: Small, place: Path) -> Adapted:
    return adapted(ground_of(small, place), a_plan(small), always=True)


def test_the_kept_network_is_a_network_like_any_other(small: Small, kept: Adapted, place: Path) -> None:
    assert kept.kept is not None
    assert kept.kept.plan == a_plan(small)
    before = random_backbone()
    assert kept.backbone.weights_sha256 != before.weights_sha256
    assert state_hash(frozen_weights(kept.backbone, "fire7")) == state_hash(frozen_weights(before, "fire7"))
    head, test = kept.fitted.head, small.material.mask("test")
    asked = module.ask(
        small.material, small.recipe, kept.backbone, layers=head.layers, engine=small.asked.engine,
        executor=ground_of(small, place).executor, cache=place / "afresh",
    )  # fmt: skip
    expected = head.probabilities({name: asked.features.layers[name] for name in head.layers})
    np.testing.assert_allclose(kept.fitted.probabilities["test"][test], expected[test], atol=1e-6)
    assert np.isnan(kept.fitted.probabilities["test"][~test]).all()


def test_validation_is_what_the_first_training_answered(small: Small, kept: Adapted) -> None:
    """The kept network has learned from validation files: its own answers for them would say nothing."""
    valid = small.material.mask("valid")
    answered = kept.fitted.probabilities["valid"]
    assert np.array_equal(np.isfinite(answered).all(axis=1), valid)
    np.testing.assert_allclose(answered[valid].sum(axis=1), 1.0)
    assert kept.kept is not None
    truth = small.material.y[valid]
    losses = -np.log(answered[valid][np.arange(valid.sum()), truth])
    assert losses.mean() == pytest.approx(kept.kept.comparison.challenger_loss_nats)
    assert np.mean(answered[valid].argmax(axis=1) == truth) == kept.kept.comparison.challenger_accuracy
    probe = small.fitted.probabilities["valid"][valid]
    assert np.mean(probe.argmax(axis=1) == truth) == kept.kept.comparison.simple_accuracy


def test_the_curve_is_that_of_the_training_part_alone(kept: Adapted) -> None:
    assert [row.epoch for row in kept.fitted.history] == [1, 2, 3]
    assert all(math.isfinite(row.valid_loss_nats) for row in kept.fitted.history)
    assert 1 <= kept.fitted.verdict.best_epoch <= 3
    assert kept.fitted.familiarity is not None
    assert kept.fitted.familiar_rate is not None


def test_the_same_seed_gives_the_same_bits(small: Small, kept: Adapted, place: Path) -> None:
    again = adapted(ground_of(small, place / "empty"), a_plan(small), always=True)
    assert again.backbone.weights_sha256 == kept.backbone.weights_sha256
    for name in ("mean", "scale", "weight", "bias"):
        assert getattr(again.fitted.head, name).tobytes() == getattr(kept.fitted.head, name).tobytes()
    assert again.fitted.head.temperature == kept.fitted.head.temperature
    np.testing.assert_array_equal(again.fitted.probabilities["test"], kept.fitted.probabilities["test"])
    assert again.attempts == kept.attempts
    other = adapted(ground_of(small, place), replace(a_plan(small), seed=1), always=True)
    assert other.backbone.weights_sha256 != kept.backbone.weights_sha256


def test_an_interrupted_fine_tuning_goes_on_to_the_same_bits(
    small: Small, kept: Adapted, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the first training and in the second."""
    monkeypatch.setattr("photism.training.finetune.KEEP_EVERY_S", 0.0)
    for allowed in (4, 9):
        steps = 0

        def stop(phase: str, done: int, total: int, allowed: int = allowed) -> None:
            nonlocal steps
            steps += phase == "fine-tuning"
            if steps > allowed:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            adapt(ground_of(small, place), [(DEPTH, a_plan(small))], always=True, folder=tmp_path, progress=stop)
    assert len(list(tmp_path.rglob("state.safetensors"))) == 2
    again = adapted(ground_of(small, place), a_plan(small), always=True, folder=tmp_path)
    assert again.backbone.weights_sha256 == kept.backbone.weights_sha256
    assert again.fitted.head.weight.tobytes() == kept.fitted.head.weight.tobytes()
    assert again.attempts == kept.attempts


def verdicts(monkeypatch: pytest.MonkeyPatch, *wins: bool) -> list[np.ndarray]:
    """Let the comparison say what it is told to; keep what was called the simpler answer."""
    told, simple = list(wins), []

    def say(one: np.ndarray, *_: object, **__: object) -> Comparison:
        simple.append(one)
        return Comparison(1.0, 0.9, 0.5, 0.5, 0.01 if told.pop(0) else 0.9)

    monkeypatch.setattr(module, "compare", say)
    return simple


def test_where_nothing_is_won_the_probe_is_kept_as_it_is(
    small: Small, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts(monkeypatch, False)
    trained = []
    real = module.finetune
    monkeypatch.setattr(module, "finetune", lambda *a, **k: trained.append(k["valid"]) or real(*a, **k))
    ground = ground_of(small, place)
    found = adapted(ground, a_plan(small), always=False)
    assert found.kept is None
    assert [one.kept for one in found.attempts] == [False]
    assert found.backbone is ground.backbone
    assert found.fitted is small.fitted
    assert len(trained) == 1  # nothing is trained once more for nothing


def test_where_validation_is_a_fold_all_folds_decide_before_the_long_training(
    small: Small, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground = in_folds(ground_of(small, place))
    taught = ~ground.material.mask("test")
    valid = ground.material.mask("valid")
    trained: list[object] = []
    real = module.finetune
    monkeypatch.setattr(module, "finetune", lambda *a, **k: trained.append(k["valid"]) or real(*a, **k))
    monkeypatch.setattr("photism.training.choose.SIGNIFICANT", 0.0)
    monkeypatch.setattr(module._Judged, "leads", True)
    lost = adapted(ground, a_plan(small), always=False)
    assert lost.attempts[0].comparison.n_folds == 4
    assert lost.kept is None
    assert trained == []
    monkeypatch.setattr(Comparison, "challenger_wins", True)
    won = adapted(ground, a_plan(small), always=False)
    assert won.kept is not None
    assert len(trained) == 2
    assert won.crossed is not None
    assert np.array_equal(np.isfinite(won.crossed).all(axis=1), taught)
    assert np.array_equal(np.isfinite(won.fitted.probabilities["valid"]).all(axis=1), valid)


def test_what_loses_on_the_first_half_of_the_folds_is_not_trained_on_the_other(
    small: Small, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground = in_folds(ground_of(small, place))
    trained: list[object] = []
    real = crossed_module.finetune
    monkeypatch.setattr(crossed_module, "finetune", lambda *a, **k: trained.append(1) or real(*a, **k))
    certain = np.where(np.eye(len(small.material.labels), dtype=bool)[small.material.y], 0.999, 0.001)
    monkeypatch.setattr(module, "_probe_on_judges", lambda _: certain)  # a probe that nothing can beat
    lost = adapted(ground, a_plan(small), always=False)
    assert lost.kept is None
    assert len(trained) == 1
    assert (lost.attempts[0].comparison.n_folds, lost.attempts[0].n_unasked) == (2, 2)
    asked_for = adapted(ground, a_plan(small), always=True)
    assert asked_for.kept is not None
    assert len(trained) == 3
    assert (asked_for.attempts[0].comparison.n_folds, asked_for.attempts[0].n_unasked) == (4, 0)


def test_each_attempt_must_win_against_the_best_before_it(
    small: Small, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simple = verdicts(monkeypatch, True, False)
    plans = (a_plan(small), replace(a_plan(small), after="fire6"))
    found = adapted(ground_of(small, place), *plans, always=False)
    assert [one.kept for one in found.attempts] == [True, False]
    assert found.kept is not None
    assert found.kept.plan == plans[0]
    valid = small.material.mask("valid")
    np.testing.assert_array_equal(simple[1], found.fitted.probabilities["valid"][valid])
    assert not np.array_equal(simple[0], simple[1])


def test_the_test_part_chooses_nothing(small: Small, kept: Adapted, place: Path) -> None:
    """Other labels for test files, and other pictures in their places: the same network comes out."""
    material, test = small.material, small.material.mask("test")
    numbers = np.flatnonzero(test)
    swapped = dict(zip(numbers.tolist(), np.roll(numbers, 2).tolist(), strict=True))
    samples = tuple(
        replace(sample, path=material.samples[swapped[i]].path) if i in swapped else sample
        for i, sample in enumerate(material.samples)
    )
    other = replace(material, samples=samples)
    fitted: Fitted = small.fitted
    moved = replace(small, material=other, asked=ask_small(other, small.recipe, small.cache), fitted=fitted)
    found = adapted(ground_of(moved, place), a_plan(small), always=True)
    assert found.backbone.weights_sha256 == kept.backbone.weights_sha256
    assert found.fitted.head.weight.tobytes() == kept.fitted.head.weight.tobytes()
    assert found.attempts == kept.attempts
    assert not np.array_equal(found.fitted.probabilities["test"], kept.fitted.probabilities["test"], equal_nan=True)
