from __future__ import annotations

import json

import numpy as np
import pytest

from photism.errors import OptionError
from photism.training.metrics import measure, threshold_for


def made(n: int = 120, k: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % k
    odds = np.exp(rng.normal(size=(n, k)) + 2 * np.eye(k)[truth])
    return odds / odds.sum(axis=1, keepdims=True), truth


def test_every_measure_lies_in_its_interval_and_json_can_hold_it() -> None:
    probability, truth = made()
    found = measure(probability, truth, labels=["a", "b", "c"])
    json.dumps(found, allow_nan=False)
    for name in ("loss_nats", "brier", "macro_f1", "auroc", "auprc"):
        assert found[f"{name}_low"] <= found[name] <= found[f"{name}_high"], name
    assert found["low"] <= found["accuracy"] <= found["high"]
    assert sum(row["n"] for row in found["per_class"]) == found["n"] == 120
    assert sum(bin_["n"] for bin_ in found["calibration"]) == 120


def test_groups_widen_every_interval() -> None:
    probability, truth = made(60)
    alone = measure(probability, truth, labels=["a", "b", "c"])
    tenfold = measure(
        np.repeat(probability, 10, axis=0),
        np.repeat(truth, 10),
        labels=["a", "b", "c"],
        groups=np.repeat(np.arange(60), 10).tolist(),
    )
    assert (tenfold["low"], tenfold["high"]) == pytest.approx((alone["low"], alone["high"]), abs=2e-3)
    width = tenfold["loss_nats_high"] - tenfold["loss_nats_low"]
    assert width == pytest.approx(alone["loss_nats_high"] - alone["loss_nats_low"], rel=0.15)


def test_a_class_that_the_part_lacks_has_none_and_leaves_the_averages_alone() -> None:
    probability, truth = made()
    some = truth != 2
    found = measure(probability[some], truth[some], labels=["a", "b", "c"])
    json.dumps(found, allow_nan=False)
    absent = found["per_class"][2]
    assert absent["n"] == 0
    assert all(absent[name] is None for name in ("recall", "f1", "auroc", "auprc", "recall_low", "f1_high"))
    assert found["macro_f1"] == pytest.approx(np.mean([row["f1"] for row in found["per_class"][:2]]))


def test_a_single_class_and_a_single_item_can_be_measured() -> None:
    found = measure(np.array([[0.9, 0.1]]), np.array([0]), labels=["no", "yes"])
    json.dumps(found, allow_nan=False)
    assert (found["accuracy"], found["auroc"]) == (1.0, None)


def test_a_threshold_decides_between_two_classes() -> None:
    probability = np.array([[0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
    found = measure(probability, np.array([1, 0, 1]), labels=["no", "yes"], positive="yes", threshold=0.35)
    assert [found[n] for n in ("sensitivity", "specificity", "f1_positive", "accuracy")] == [1.0, 1.0, 1.0, 1.0]
    missed = measure(probability, np.array([1, 0, 1]), labels=["no", "yes"], positive="yes")
    assert (missed["sensitivity"], missed["specificity"], missed["threshold"]) == (0.5, 1.0, 0.5)
    assert measure(probability, np.array([1, 0, 1]), labels=["no", "yes"], positive="no")["sensitivity"] == 1.0
    assert "sensitivity" not in measure(probability, np.array([1, 0, 1]), labels=["no", "yes"])


@pytest.mark.parametrize(("labels", "k"), [(["no", "yes"], 2), (["a", "b", "c"], 3)])
def test_a_positive_class_must_be_one_of_two(labels: list[str], k: int) -> None:
    with pytest.raises(OptionError, match="maybe"):
        measure(np.full((2, k), 1 / k), np.array([0, 1]), labels=labels, positive="maybe")


def test_the_baseline_is_the_parts_most_frequent_class() -> None:
    probability, truth = made(30)
    found = measure(probability, np.where(truth == 2, 2, 0), labels=["a", "b", "c"])
    assert found["majority_baseline"] == pytest.approx(2 / 3)


def test_costs_become_a_threshold() -> None:
    assert threshold_for(1.0) == 0.5
    assert threshold_for(4.0) == pytest.approx(0.2)
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(OptionError, match="cost ratio"):
            threshold_for(wrong)


def test_nothing_cannot_be_measured() -> None:
    with pytest.raises(ValueError, match="at least one"):
        measure(np.zeros((0, 2)), np.zeros(0, int), labels=["a", "b"])


def test_the_same_seed_gives_the_same_intervals() -> None:
    probability, truth = made()
    assert measure(probability, truth, labels=list("abc")) == measure(probability, truth, labels=list("abc"))
