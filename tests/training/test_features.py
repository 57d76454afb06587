from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from photism.training.features import Features, LayerRows, by_file, divisors, rows_by_fold, softmax
from tests.training.made import clouds


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


def on_disk(folder: Path, features: Features) -> Features:
    """The same features as views on a memory-mapped file, where they lie in another order and among other rows."""
    n = features.n_windows
    place = np.random.default_rng(0).permutation(2 * n)[:n]
    ends = np.cumsum([0, *(values.shape[1] for values in features.layers.values())])
    written = np.full((2 * n, ends[-1]), np.nan, np.float32)
    written[place] = np.concatenate(list(features.layers.values()), axis=1)
    written.tofile(folder / "rows.bin")
    rows = np.asarray(np.memmap(folder / "rows.bin", np.float32, "r", shape=written.shape))
    tables = {name: rows[:, ends[i] : ends[i + 1]] for i, name in enumerate(features.layers)}
    return Features(
        LayerRows(tables, place), features.sample_of_window, features.weight, features.n_samples, features.places
    )


def test_views_on_the_disk_read_like_arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held, _, _ = clouds(n_files=50, windows=2, layers=("p/a", "p/b"))
    mapped = on_disk(tmp_path, held)
    mask = np.arange(50) % 3 == 0
    names = ("p/a", "p/b")
    assert mapped.width(names) == 40
    monkeypatch.setattr("photism.training.features.CHUNK_BYTES", 1000)
    for one, other in ((held, mapped), (held.keep(mask), mapped.keep(mask))):
        joined = np.concatenate(list(one.layers.values()), axis=1)
        for some in (one, other):
            assert np.array_equal(some.read(names), joined)
            assert np.array_equal(some.read(names, np.array([3, 3, 0])), joined[[3, 3, 0]])
            chunks = list(some.chunks(names))
            assert len(chunks) > 1
            assert np.array_equal(np.concatenate([values for _, values in chunks]), joined)
            assert all(np.array_equal(joined[rows], values) for rows, values in chunks)
            strips = list(some.strips(names))
            assert len(strips) > 2
            assert all(np.array_equal(joined[:, columns], values) for columns, values in strips)
            assert np.concatenate([values for _, values in strips], axis=1).shape == joined.shape


def test_what_is_read_is_the_readers_own(tmp_path: Path) -> None:
    held, _, _ = clouds(n_files=10)
    before = held.layers["p/a"].copy()
    for features in (held, on_disk(tmp_path, held), held.keep(np.ones(10, bool))):
        features.read(("p/a",))[:] = 0
        for _, values in [*features.chunks(("p/a",)), *features.strips(("p/a",))]:
            values[:] = 0
        assert np.array_equal(features.layers["p/a"], before)
    with pytest.raises(ValueError, match="read-only"):
        held.keep(np.ones(10, bool)).layers["p/a"][0] = 1


def test_keeping_copies_no_features(three_files: Features) -> None:
    kept = three_files.keep(np.array([True, True, False])).keep(np.array([True, False, False]))
    assert isinstance(kept.layers, LayerRows)
    assert all(kept.layers.tables[name] is values for name, values in three_files.layers.items())
    assert kept.layers["a"].tolist() == [[0, 1], [2, 3]]


def test_an_even_share_of_files_takes_whole_files() -> None:
    features, _, _ = clouds(n_files=30, windows=2)
    assert features.share(60).all()
    assert np.flatnonzero(features.share(20)).tolist() == list(range(0, 30, 3))


@given(hnp.arrays(np.float32, st.integers(1, 40), elements=st.floats(0, 1e3, width=32)))
def test_no_feature_is_divided_by_much_less_than_the_rest(spread: np.ndarray) -> None:
    found = divisors(spread)
    alive = np.isfinite(found)
    assert np.all(found[alive] >= spread[alive] * (1 - 1e-6))
    if alive.any():
        rms = np.sqrt(np.mean(np.square(spread[alive], dtype=np.float64)))
        assert found[alive].min() >= 0.29 * rms
        assert found[alive].max() <= 1.05 * max(float(spread.max()), rms)
    assert np.all(spread[~alive] <= 1e-6 * max(float(spread.max()), 1e-30))
