"""Reading measures back from the JSON of ``metrics.json``."""

from __future__ import annotations

import pytest

from photism.report.account import Measures


def test_measures_keep_what_is_there_and_leave_out_what_is_not() -> None:
    measures = Measures.from_json(
        {
            "n": 4, "accuracy": 0.75, "low": 0.3, "high": 0.95, "loss_nats": float("inf"), "auroc": None,
            "per_class": [{"label": "a", "n": 4, "precision": 1.0, "recall": 0.75, "recall_low": 0.3,
                           "recall_high": 0.95, "f1": 0.86, "auroc": float("nan"), "auprc": None}],
            "confusion": [[3, 1], [0, 0]],
            "calibration": [{"low": 0.0, "high": 0.1, "n": 0, "confidence": None, "accuracy": None}],
        }
    )  # fmt: skip
    assert measures.n == 4
    assert measures.loss_nats is None
    assert measures.per_class[0].recall == 0.75
    assert measures.per_class[0].auroc is None
    assert measures.confusion == ((3, 1), (0, 0))
    assert measures.calibration[0].confidence is None


def test_measures_without_an_accuracy_are_refused() -> None:
    with pytest.raises(KeyError, match="accuracy"):
        Measures.from_json({"n": 1, "low": 0.0, "high": 1.0})
