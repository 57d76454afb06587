from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from photism.errors import RunError
from photism.training.history import history_lines, read_history
from photism.types import EpochRow

ROW = EpochRow(1, 1.0, 1.1, 0.5, 0.4, 0.3, 0.7, 0.2, 0.6, 0.1, 0.01)


def test_a_curve_comes_back_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_text(history_lines([ROW, replace(ROW, epoch=2)]))
    assert read_history(tmp_path / "history.jsonl") == (ROW, replace(ROW, epoch=2))


def test_a_loss_that_is_no_number_is_null_and_comes_back(tmp_path: Path) -> None:
    text = history_lines([replace(ROW, train_loss_nats=math.inf)])
    assert json.loads(text)["train_loss_nats"] is None
    (tmp_path / "history.jsonl").write_text(text)
    assert math.isnan(read_history(tmp_path / "history.jsonl")[0].train_loss_nats)


@pytest.mark.parametrize("text", ["nonsense", "[1]", '{"epoch": 1}'])
def test_what_is_no_curve_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "history.jsonl").write_text(text)
    with pytest.raises(RunError, match=r"history\.jsonl"):
        read_history(tmp_path / "history.jsonl")


def test_a_missing_curve_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"absent\.jsonl"):
        read_history(tmp_path / "absent.jsonl")
