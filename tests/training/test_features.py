from __future__ import annotations

import numpy as np
import pytest

from photism.training.features import Features, by_file, rows_by_fold, softmax


@pytest.fixture
def three_files() -> Features:
    return Features(
        layers={"a": np.arange(8, dtype=np.float32).reshape(4, 2), "b": np.ones((4, 1), np.float32)},
        sample_of_window=np.array([0, 0, 2, 2]),
        weight=np.array([0.5, 0.5, 0.5, 0.5], np.float32),
        n_samples=3,
        places={"a": 2},
    )


def test_keep_takes_whole_files_and_keeps_their_numbers(three_files: Features) -> None:
    kept = three_files.keep(np.array([False, True, True]), layers=["a"])
    assert kept.sample_of_window.tolist() == [2, 2]
    assert list(kept.layers) == ["a"]
    assert kept.n_samples == 3
    assert kept.places == {"a": 2}


def test_by_file_averages_windows_and_has_nan_for_files_without_any(three_files: Features) -> None:
    found = by_file(three_files.layers["a"], three_files)
    assert found[[0, 2]].tolist() == [[1, 2], [5, 6]]
    assert np.isnan(found[1]).all()


def test_rows_by_fold_leaves_files_out_that_take_no_part(three_files: Features) -> None:
    assert [rows.tolist() for rows in rows_by_fold(np.array([1, 0, -1]), three_files)] == [[0, 1]]


def test_softmax_survives_large_logits() -> None:
    found = softmax(np.array([[1000.0, 0.0], [0.0, 0.0]]))
    assert found.tolist() == [[1.0, 0.0], [0.5, 0.5]]
