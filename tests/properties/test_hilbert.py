"""The Hilbert curve: a bijection, neighbours stay neighbours, stretches fill squares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photism.errors import OptionError
from photism.pictures.curves import hilbert_index, hilbert_xy

ORDERS = st.integers(0, 8)


@given(order=ORDERS)
def test_index_and_xy_are_inverses(order: int) -> None:
    x, y = hilbert_xy(order)
    np.testing.assert_array_equal(hilbert_index(order)[y, x], np.arange(4**order))
    assert len(np.unique(hilbert_index(order))) == 4**order


@given(order=ORDERS)
def test_neighbours_on_the_line_share_an_edge(order: int) -> None:
    x, y = hilbert_xy(order)
    np.testing.assert_array_equal(np.abs(np.diff(x)) + np.abs(np.diff(y)), 1)


@given(order=ORDERS, data=st.data())
def test_aligned_stretches_fill_squares(order: int, data: st.DataObject) -> None:
    inner = data.draw(st.integers(0, order))
    start = data.draw(st.integers(0, 4 ** (order - inner) - 1)) * 4**inner
    x, y = (side[start : start + 4**inner] for side in hilbert_xy(order))
    assert np.ptp(x) == np.ptp(y) == 2**inner - 1


@given(order=ORDERS)
def test_every_order_runs_from_the_top_left_to_the_top_right(order: int) -> None:
    x, y = hilbert_xy(order)
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 2**order - 1, 0)


def test_tables_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        hilbert_index(2)[0, 0] = 1


@pytest.mark.parametrize("order", [-1, 13])
def test_an_order_out_of_range_is_refused(order: int) -> None:
    with pytest.raises(OptionError, match="0 to 12"):
        hilbert_xy(order)
