"""Measures against scikit-learn, SciPy and published figures."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics as oracle

from photism.training.intervals import wilson
from photism.training.metrics import area_under_pr, area_under_roc, measure


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
    areas = oracle.average_precision_score(np.eye(4)[truth], probability, average="macro")
    assert found["auprc"] == pytest.approx(areas)
    assert np.array_equal(found["confusion"], oracle.confusion_matrix(truth, said))
    floor = np.maximum(probability, 1e-12)
    assert found["loss_nats"] == pytest.approx(-np.mean(np.log(floor[np.arange(300), truth])))
    assert found["brier"] == pytest.approx(np.square(probability - np.eye(4)[truth]).sum(axis=1).mean())
    precision, recall, f1, n = oracle.precision_recall_fscore_support(truth, said)
    for i, row in enumerate(found["per_class"]):
        assert (row["precision"], row["recall"], row["f1"], row["n"]) == pytest.approx(
            (precision[i], recall[i], f1[i], n[i])
        )


def test_weighted_areas_agree_with_scikit_learn_with_ties() -> None:
    rng = np.random.default_rng(1)
    positive, score = rng.random(200) < 0.2, rng.integers(0, 6, 200).astype(float)
    weights = rng.integers(0, 4, (5, 200)).astype(float)
    roc, pr = area_under_roc(score, positive, weights), area_under_pr(score, positive, weights)
    for i, weight in enumerate(weights):
        assert roc[i] == pytest.approx(oracle.roc_auc_score(positive, score, sample_weight=weight))
        assert pr[i] == pytest.approx(oracle.average_precision_score(positive, score, sample_weight=weight))
    assert np.isnan(area_under_roc(score, np.ones(200, bool), weights)).all()


def test_wilson_is_scipys_and_the_published_one() -> None:
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)  # Newcombe 1998, table I
    for k, n in ((0, 10), (3, 10), (10, 10), (77, 80)):
        reference = binomtest(k, n).proportion_ci(method="wilson")
        assert wilson(k / n, n) == pytest.approx((reference.low, reference.high), abs=1e-12)


def test_the_calibration_error_is_its_textbook_sum(answers: tuple[np.ndarray, np.ndarray]) -> None:
    probability, truth = answers
    found = measure(probability, truth, labels=list("abcd"))
    total = 0.0
    for bin_ in found["calibration"]:
        if bin_["n"]:
            total += bin_["n"] / 300 * abs(bin_["confidence"] - bin_["accuracy"])
    assert found["ece"] == pytest.approx(total)
