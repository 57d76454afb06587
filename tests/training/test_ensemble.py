"""Do two networks answer better together? A share by the loss, a paired test, a temperature from validation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from photism.recognizers.mixture import Mixture
from photism.training.attempts import Adapted
from photism.training.ensemble import SHARES, mixed, try_ensemble
from photism.training.ground import Ground
from tests.small_training import ground_of, in_folds, train_small


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    folder = tmp_path_factory.mktemp("colours")
    return ground_of(train_small(folder / "data", folder / "cache"), folder / "cache")


def answering(ground: Ground, right: np.ndarray, sure: float = 0.8) -> Ground:
    """A network that gives its answer ``sure``, right where it is said to be and the next class elsewhere."""
    truth = np.where(right, ground.material.y, (ground.material.y + 1) % 3)
    said = np.where(np.eye(3)[truth] > 0, sure, (1 - sure) / 2)
    parts = {part: np.where(ground.material.mask(part)[:, None], said, np.nan) for part in ("valid", "test")}
    return replace(ground, fitted=replace(ground.fitted, probabilities=parts))


def test_where_each_errs_elsewhere_both_answer(ground: Ground) -> None:
    number = np.arange(len(ground.material.y))
    found = try_ensemble(answering(ground, number % 3 > 0, 0.6), None, answering(ground, number % 3 < 1, 0.9))
    assert found.comparison.challenger_loss_nats < found.comparison.simple_loss_nats
    assert found.mixture.share in SHARES


def test_what_only_errs_more_gets_no_say(ground: Ground) -> None:
    number = np.arange(len(ground.material.y))
    good, bad = answering(ground, number >= 0, 0.97), answering(ground, number % 2 > 0)
    found = try_ensemble(good, None, bad)
    assert not found.kept
    assert found.mixture.share == SHARES[0]


def test_a_tie_is_one_networks(ground: Ground) -> None:
    same = answering(ground, np.arange(len(ground.material.y)) % 4 > 0)
    assert not try_ensemble(same, None, same).kept


def test_the_fine_tuned_answers_are_what_is_compared(ground: Ground) -> None:
    number = np.arange(len(ground.material.y))
    weak, strong = answering(ground, number % 2 > 0), answering(ground, number >= 0, 0.97)
    unseen = strong.fitted.probabilities["valid"]
    adapted = Adapted((), strong.backbone, strong.fitted, unseen=unseen)
    assert try_ensemble(weak, adapted, weak).comparison.simple_accuracy == 1.0
    assert try_ensemble(weak, None, weak).comparison.simple_accuracy < 1.0


def test_where_folds_are_given_all_of_them_judge(ground: Ground) -> None:
    folds = in_folds(ground)
    assert try_ensemble(folds, None, folds).comparison.n_folds == 4


def test_no_more_than_one_fold_may_be_answered_worse(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is gained on the others."""
    folds = in_folds(ground)
    y, number = np.maximum(folds.material.y, 0), np.arange(len(folds.material.y))
    fold = np.array([sample.fold for sample in folds.material.samples])
    taught = ~folds.material.mask("test")[:, None]

    def said(right: np.ndarray, sure: float) -> np.ndarray:
        answer = np.eye(3)[np.where(right, y, (y + 1) % 3)]
        return np.where(taught, answer * sure + (1 - answer) * (1 - sure) / 2, np.nan)

    answers = {id(folds): said(number % 3 > 0, 0.6)}
    monkeypatch.setattr(Ground, "probe_without", property(lambda one: answers[id(one)]))
    for bad, n_worse in ((["0"], 1), (["0", "1"], 2)):
        other = replace(folds)
        answers[id(other)] = said(~np.isin(fold, bad), 0.7)
        found = try_ensemble(folds, None, other)
        assert found.comparison.n_worse == n_worse
        assert found.kept is (n_worse < 2)


def test_every_part_is_answered_by_both(ground: Ground) -> None:
    number, mixture = np.arange(len(ground.material.y)), Mixture(0.5)
    one, other = answering(ground, number >= 0, 0.9), answering(ground, number >= 0, 0.5)
    joint = mixed(one.fitted, other.fitted, mixture)
    for part in ("valid", "test"):
        rows = ground.material.mask(part)
        assert joint.probabilities[part][rows].max(axis=1) == pytest.approx(0.7)
        assert np.isnan(joint.probabilities[part][~rows]).all()
