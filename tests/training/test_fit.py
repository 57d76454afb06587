"""From features to parts: they fit together, the test part chooses nothing, one seed gives the same bits."""

from __future__ import annotations

import numpy as np

from photism.training.features import Features
from photism.training.fit import Fitted, fit, folds_of
from photism.types import Mask, Part
from tests.training.made import clouds

N_FILES, N_CLASSES = 150, 3


def parts(n_test: int = 30) -> dict[Part, Mask]:
    place = np.arange(N_FILES)
    test = place >= N_FILES - n_test
    valid = ~test & (place % 5 == 0)
    return {"train": ~test & ~valid, "valid": valid, "test": test}


def made(*, apart: float = 8.0) -> tuple[Features, np.ndarray]:
    features, y, _ = clouds(n_files=N_FILES, n_classes=N_CLASSES, apart=apart, windows=2, layers=("p/a", "p/b", "p/c"))
    return features, y


def fit_clouds(features: Features, y: np.ndarray, masks: dict[Part, Mask], *, seed: int = 0) -> Fitted:
    groups = [str(i // 2) for i in range(N_FILES)]
    return fit(features, y=y, groups=groups, units=groups, masks=masks, n_classes=N_CLASSES, seed=seed)


def head_bits(fitted: Fitted) -> list[bytes]:
    head = fitted.head
    return [np.asarray(getattr(head, name)).tobytes() for name in ("mean", "scale", "weight", "bias", "temperature")]


def test_clouds_that_lie_apart_are_told_apart() -> None:
    features, y = made()
    masks = parts()
    fitted = fit_clouds(features, y, masks)
    assert fitted.selection.layers == fitted.head.layers
    assert fitted.verdict.state in ("learning", "memorising")
    assert len(fitted.history) >= 2
    assert fitted.familiar_rate is not None
    assert 0 <= fitted.familiar_rate <= 1
    for part in ("valid", "test"):
        probability = fitted.probabilities[part]
        assert np.array_equal(np.isfinite(probability).all(axis=1), masks[part])
        np.testing.assert_allclose(probability[masks[part]].sum(axis=1), 1.0)
        assert (probability[masks[part]].argmax(axis=1) == y[masks[part]]).mean() > 0.9


def test_one_seed_gives_the_same_bits() -> None:
    features, y = made()
    first, second = (fit_clouds(features, y, parts()) for _ in range(2))
    assert head_bits(first) == head_bits(second)
    assert first.verdict == second.verdict
    assert [row.valid_loss_nats for row in first.history] == [row.valid_loss_nats for row in second.history]
    for part, probability in first.probabilities.items():
        np.testing.assert_array_equal(probability, second.probabilities[part])


def test_the_test_part_chooses_nothing() -> None:
    features, y = made(apart=4.0)
    masks = parts()
    fitted = fit_clouds(features, y, masks)
    of_test = masks["test"][features.sample_of_window]
    scrambled = {name: np.where(of_test[:, None], -values, values) for name, values in features.layers.items()}
    other = Features(scrambled, features.sample_of_window, features.weight, features.n_samples)
    changed = fit_clouds(other, np.where(masks["test"], (y + 1) % N_CLASSES, y), masks)
    assert head_bits(fitted) == head_bits(changed)
    assert fitted.verdict == changed.verdict
    np.testing.assert_array_equal(fitted.probabilities["valid"], changed.probabilities["valid"])
    assert not np.array_equal(fitted.probabilities["test"], changed.probabilities["test"], equal_nan=True)


def test_validation_files_are_answered_by_a_head_that_never_saw_them() -> None:
    """Labels of noise cannot be guessed: a head that had seen them would know them."""
    features, _ = made()
    noise = np.random.default_rng(1).permutation(np.arange(N_FILES) % N_CLASSES)
    masks = parts()
    probability = fit_clouds(features, noise, masks).probabilities["valid"][masks["valid"]]
    assert (probability.argmax(axis=1) == noise[masks["valid"]]).mean() < 0.7


def test_without_a_test_part_nothing_is_said_of_one() -> None:
    features, y = made()
    fitted = fit_clouds(features, y, parts(n_test=0))
    assert set(fitted.probabilities) == {"valid"}
    assert fitted.familiar_rate is None


def test_a_part_of_one_group_is_divided_by_files() -> None:
    y, mask = np.arange(20) % 2, np.arange(24) < 20
    folds = folds_of(np.append(y, [0] * 4), ["speaker a"] * 20 + ["b"] * 4, mask, seed=0)
    assert np.bincount(folds[:20]).tolist() == [4] * 5
    assert set(folds[20:].tolist()) == {-1}


def test_folds_hold_groups_whole_and_leave_other_files_out() -> None:
    _, y = made()
    groups = [str(i // 3) for i in range(N_FILES)]
    mask = np.arange(N_FILES) < 90
    folds = folds_of(y, groups, mask, seed=0)
    assert (folds[~mask] == -1).all()
    assert set(folds[mask].tolist()) == {0, 1, 2, 3, 4}
    assert all(len({int(folds[i]) for i in range(start, start + 3)}) == 1 for start in range(0, 90, 3))
