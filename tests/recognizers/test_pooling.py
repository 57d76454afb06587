"""Cells and content weights against their definitions, computed the slow way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from photism.recognizers.pooling import Cells, content_weights, fills_picture, fit_cells
from photism.recognizers.torch_engine import pool_maps


@given(st.integers(1, 130), st.integers(1, 16))
def test_cells_cover_a_side_once_with_no_more_than_asked(size: int, wanted: int) -> None:
    cells = fit_cells((size, 1), (wanted, 1))
    kernel, n_cells = cells.kernel[0], cells.grid[0]
    assert n_cells <= wanted
    assert (n_cells - 1) * kernel < size <= n_cells * kernel


def test_a_divisor_gives_just_that_many() -> None:
    assert fit_cells((112, 56), (7, 8)).grid == (7, 8)


@given(st.integers(0, 200), st.integers(1, 200), st.sampled_from([(7, 1), (14, 7), (13, 4), (28, 1)]))
def test_weights_make_means_over_content(start: int, length: int, shape: tuple[int, int]) -> None:
    places, wanted = shape
    stop = min(start + length, 224)
    cells = fit_cells((places, places), (wanted, 1))
    box = np.array([[0, min(start, stop - 1), 224, stop]])
    weights = content_weights(box, (224, 224), [cells]).rows[0, 0]
    for cell in range(cells.grid[0]):
        inside = weights[cell * cells.kernel[0] : (cell + 1) * cells.kernel[0]]
        assert np.isclose(inside.mean(), 1.0, atol=1e-5) or not inside.any()


def test_maxima_are_taken_where_content_covers_half_of_a_row() -> None:
    cells = [fit_cells((7, 7), (7, 1))]
    keep = content_weights(np.array([[0, 0, 224, 48]]), (224, 224), cells).rows[0, 1]
    assert keep.tolist() == [1, 1, 0, 0, 0, 0, 0]
    keep = content_weights(np.array([[0, 0, 224, 40]]), (224, 224), cells).rows[0, 1]
    assert keep.tolist() == [1, 0, 0, 0, 0, 0, 0]


def test_content_thinner_than_a_row_is_not_lost() -> None:
    cells = [fit_cells((7, 7), (1, 1))]
    weights = content_weights(np.array([[100, 70, 103, 72]]), (224, 224), cells)
    assert weights.rows[0, 1].sum() == 1
    assert weights.columns[0, 1].sum() == 1


def test_no_content_weighs_nothing() -> None:
    cells = [Cells((4, 4), (4, 4), (1, 1))]
    weights = content_weights(np.array([[5, 5, 5, 5]]), (32, 32), cells)
    assert not weights.rows.any()
    assert not weights.columns.any()


def test_fills_picture() -> None:
    boxes = np.array([[0, 0, 64, 32], [0, 0, 63, 32], [1, 0, 64, 32], [0, 0, 64, 31]])
    assert fills_picture(boxes, (32, 64)).tolist() == [True, False, False, False]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_cell_of_padding_is_zero_in_every_precision(dtype: torch.dtype) -> None:
    cells = fit_cells((4, 4), (2, 1))
    weights = content_weights(np.array([[0, 0, 64, 32]]), (64, 64), [cells])
    maps = torch.full((1, 3, 4, 4), -2.0, dtype=dtype)
    maps[:, :, 0, 1] = 5.0
    rows, columns = torch.from_numpy(weights.rows), torch.from_numpy(weights.columns)
    (highest,) = pool_maps([maps], [cells], ("max",), rows, columns)
    assert highest.dtype == dtype
    np.testing.assert_array_equal(highest.float().reshape(3, 2), [[5.0, 0.0]] * 3)
