"""The summary in a few lines: what it says for every sort of run."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from photism.report import words
from photism.report.summary import summarise

PER_CLASS = [{"label": "cat", "n": 10, "recall": 1.0}, {"label": "dog", "n": 10, "recall": 0.8}]
MEASURES = {"accuracy": 0.9, "low": 0.8, "high": 0.955, "majority_baseline": 0.5, "per_class": PER_CLASS}
METRICS: dict[str, Any] = {
    "labels": ["cat", "dog"],
    "n_train": 80,
    "n_valid": 20,
    "n_test": 0,
    "n_skipped": 3,
    "valid": MEASURES,
    "test": None,
    "chosen": {
        "method": "probe",
        "backbone": "small",
        "classifier": "ridge",
        "first_trained_layer": "head",
        "layers": ["p/a", "p/b"],
        "engine": "torch-fp32",
    },
    "larger": None,
    "ensemble": None,
    "attempts": [],
    "untried": None,
    "unaudited": "that was switched off",
    "verdict": {
        "state": "learning",
        "evidence": "the loss falls.",
        "onset_epoch": None,
        "best_epoch": 3,
        "gap_nats": 0.1,
    },
    "leaks": [],
    "seconds": {"read": 0.5, "render": 0.0, "frozen_pass": 2.25, "finetune": None, "total": 3.0},
}


@pytest.fixture
def metrics() -> dict[str, Any]:
    return deepcopy(METRICS)


def test_a_run_in_seven_lines(metrics: dict[str, Any]) -> None:
    assert summarise(Path("RUN"), metrics).splitlines() == [
        "2 classes; 80 train, 20 validation, 0 test, 3 skipped (skipped.csv says why)",
        "validation accuracy 90.0 % (95 % interval 80.0 % to 95.5 %; always the commonest class: 50.0 %)",
        "weakest class: dog, 8 of 10 found",
        "verdict: learning; the loss falls.",
        "small frozen, ridge on p/a + p/b, torch-fp32",
        "3.0 s (read 0.5, frozen pass 2.2)",
        f"report: {Path('RUN') / 'report.html'}",
    ]


def test_the_test_part_speaks_where_there_is_one(metrics: dict[str, Any]) -> None:
    metrics["test"] = {**MEASURES, "accuracy": 0.7}
    metrics["n_test"] = 40
    text = summarise(Path("RUN"), metrics)
    assert "test accuracy 70.0 %" in text
    assert "validation accuracy" not in text


def test_leaks_and_a_threshold_are_said(metrics: dict[str, Any]) -> None:
    metrics["leaks"] = [{}, {}]
    metrics["valid"] |= {"positive": "cat", "threshold": 0.25, "sensitivity": 0.95, "specificity": None}
    assert "sensitivity" not in summarise(Path("RUN"), metrics)
    metrics["valid"]["specificity"] = 0.6
    text = summarise(Path("RUN"), metrics)
    assert "cat from 0.25: sensitivity 95.0 %, specificity 60.0 %" in text
    assert "leaks: 2 held-out files" in text
    assert "\n\n" not in text


def test_what_was_fine_tuned_is_said() -> None:
    comparison = {
        "simple_loss_nats": 0.5, "challenger_loss_nats": 0.3, "simple_accuracy": 0.8, "challenger_accuracy": 0.9,
        "p_value": 0.002,
    }  # fmt: skip
    tuned = {
        **METRICS,
        "chosen": {**METRICS["chosen"], "method": "finetune", "classifier": "softmax", "first_trained_layer": "b5"},
        "attempts": [
            {
                "depth": {"evidence": "Training begins at b5."},
                "blend": {"reach": 1.0, "share": 0.0},
                "comparison": comparison,
                "kept": True,
            }
        ],
    }
    text = summarise(Path("RUN"), tuned)
    assert "small fine-tuned from b5 on, softmax on p/a + p/b" in text
    assert "Training begins at b5.\nFine-tuned: 90.0 % of validation" in text
    assert "It is kept." in text
    lost = {**tuned, "attempts": [{**tuned["attempts"][0], "kept": False}]}
    assert "what was before is kept" in summarise(Path("RUN"), lost)


def test_alarms_do_not_wait_for_the_report(metrics: dict[str, Any]) -> None:
    metrics |= {"alarms": ["About 14 of 320 labels are probably wrong."], "trust": {}}
    lines = summarise(Path("RUN"), metrics).splitlines()
    assert "watch: About 14 of 320 labels are probably wrong." in lines
    assert words.NOT_ASKED not in "\n".join(lines)


def test_it_is_said_where_the_data_were_not_questioned(metrics: dict[str, Any]) -> None:
    metrics |= {"alarms": [], "trust": None}
    assert f"{words.NOT_ASKED}: that was switched off." in summarise(Path("RUN"), metrics).splitlines()


def test_what_the_data_lack_is_said_where_the_figure_is(metrics: dict[str, Any]) -> None:
    metrics["warnings"] = [f"The class {name} has one group only." for name in "abcde"]
    lines = summarise(Path("RUN"), metrics).splitlines()
    assert [line for line in lines if line.startswith("note: ")] == [
        "note: The class a has one group only.",
        "note: The class b has one group only.",
        "note: The class c has one group only.",
        "note: 2 more of this kind are in the report",
    ]
