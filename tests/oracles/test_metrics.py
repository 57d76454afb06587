"""Measures against scikit-learn and statsmodels-like closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as oracle

from photism.errors import OptionError
from photism.training.intervals import fraction_interval, wilson
from photism.training.metrics import auroc, average_precision, measure


@pytest.fixture
def answers() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, 300)
    logits = rng.normal(size=(300, 4)) + 1.5 * np.eye(4)[truth]
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return np.round(probability, 2) / np.round(probability, 2).sum(axis=1, keepdims=True), truth  # with ties


def test_measures_agree_with_scikit_learn(answers: tuple[np.ndarray, np.ndarray]) -> None:
    probability, truth = answers
    found = measure(probability, truth, labels=list("abcd"), groups=range(300))
    said = probability.argmax(axis=1)
    assert found["accuracy"] == pytest.approx(oracle.accuracy_score(truth, said))
    assert found["macro_f1"] == pytest.approx(oracle.f1_score(truth, said, average="macro"))
    assert found["auroc"] == pytest.approx(oracle.roc_auc_score(truth, probability, multi_class="ovr"))
    assert found["auprc"] == pytest.approx(oracle.average_precision_score(np.eye(4)[truth], probability, average="macro"))
    assert np.array_equal(found["confusion"], oracle.confusion_matrix(truth, said))
    floor = np.maximum(probability, 1e-12)
    assert found["loss_nats"] == pytest.approx(-np.mean(np.log(floor[np.arange(300), truth])))


def test_binary_areas_agree_with_scikit_learn_with_ties() -> None:
    rng = np.random.default_rng(1)
    positive, score = rng.random(200) < 0.2, rng.integers(0, 6, 200).astype(float)
    assert auroc(score, positive) == pytest.approx(oracle.roc_auc_score(positive, score))
    assert average_precision(score, positive) == pytest.approx(oracle.average_precision_score(positive, score))
    assert auroc(score, np.ones(200, bool)) is None


def test_wilson_is_the_published_formula() -> None:
    # statsmodels.stats.proportion.proportion_confint(81, 263, method="wilson") (Newcombe 1998, table I)
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(1.0, 10)[1] == pytest.approx(1.0)


def test_a_group_is_one_observation() -> None:
    correct = np.repeat(np.array([True] * 8 + [False] * 2), 50)
    groups = np.repeat(np.arange(10), 50).tolist()
    assert fraction_interval(correct, groups) == pytest.approx(wilson(0.8, 10 * 0.9), abs=1e-9)
    assert fraction_interval(np.ones(500, bool), groups) == wilson(1.0, 10)


def test_absent_classes_are_none_and_a_threshold_decides() -> None:
    probability = np.array([[0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
    found = measure(probability, np.array([0, 0, 0]), labels=["no", "yes"], groups=range(3))
    assert found["auroc"] is None
    assert found["per_class"][1]["recall"] is None
    found = measure(
        probability, np.array([1, 0, 1]), labels=["no", "yes"], groups=range(3), positive="yes", threshold=0.35
    )
    assert (found["sensitivity"], found["specificity"], found["f1_positive"]) == (1.0, 1.0, 1.0)
    assert found["accuracy"] == 1.0
    with pytest.raises(OptionError, match="maybe"):
        measure(probability, np.array([1, 0, 1]), labels=["no", "yes"], groups=range(3), positive="maybe")
