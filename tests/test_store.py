"""The row store: what was kept comes back, and what was damaged is thrown away."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from photism.errors import OptionError
from photism.store import RowStore, cache_limit, list_cache, trim_cache


def rows(value: int, count: int = 2) -> np.ndarray:
    return np.full((count, 3), value, dtype=np.float32)


def test_rows_come_back_in_another_process_eyes(tmp_path: Path) -> None:
    first = RowStore(tmp_path / "s", row_shape=(3,), dtype="float32")
    first.append([("a", rows(1), [[1, 2]] * 2), ("b", rows(2, 1), [[3, 4]])])
    second = RowStore(tmp_path / "s", row_shape=(3,), dtype="float32")
    kept, extra = second.get("a")
    assert np.array_equal(kept, rows(1))
    assert extra == [[1, 2], [1, 2]]
    assert "b" in second
    assert "c" not in second
    with pytest.raises(KeyError):
        second.get("c")


def test_two_writers_do_not_overwrite_each_other(tmp_path: Path) -> None:
    one = RowStore(tmp_path, row_shape=(3,), dtype="float32")
    two = RowStore(tmp_path, row_shape=(3,), dtype="float32")
    one.append([("a", rows(1), [[], []])])
    two.append([("b", rows(2), [[], []])])
    one.append([("b", rows(9), [[], []]), ("c", rows(3), [[], []])])
    fresh = RowStore(tmp_path, row_shape=(3,), dtype="float32")
    for key, value in (("a", 1), ("b", 2), ("c", 3)):
        assert np.array_equal(fresh.get(key)[0], rows(value))


@pytest.mark.parametrize("damage", ["rows", "index"])
def test_a_damaged_store_starts_over(tmp_path: Path, damage: str) -> None:
    store = RowStore(tmp_path, row_shape=(3,), dtype="float32")
    store.append([("a", rows(1), [[], []])])
    if damage == "rows":
        os.truncate(tmp_path / "rows.bin", 5)
    else:
        (tmp_path / "index.jsonl").write_bytes(b"{broken\n")
    fresh = RowStore(tmp_path, row_shape=(3,), dtype="float32")
    assert "a" not in fresh
    fresh.append([("a", rows(4), [[], []])])
    assert np.array_equal(fresh.get("a")[0], rows(4))


def test_rows_written_without_an_index_line_are_overwritten(tmp_path: Path) -> None:
    store = RowStore(tmp_path, row_shape=(3,), dtype="float32")
    store.append([("a", rows(1), [[], []])])
    with (tmp_path / "rows.bin").open("ab") as file:
        file.write(b"killed here")
    fresh = RowStore(tmp_path, row_shape=(3,), dtype="float32")
    fresh.append([("b", rows(2), [[], []])])
    assert np.array_equal(RowStore(tmp_path, row_shape=(3,), dtype="float32").get("b")[0], rows(2))


def test_trimming_deletes_the_oldest_store_first(tmp_path: Path) -> None:
    for age, name in enumerate(("pictures-old", "maps-new")):
        RowStore(tmp_path / name, row_shape=(3,), dtype="float32").append([("a", rows(1), [[], []])])
        os.utime(tmp_path / name / "rows.bin", (age, age))
    sizes = [one.n_bytes for one in list_cache(tmp_path)]
    assert trim_cache(tmp_path, limit_bytes=sizes[1]) == sizes[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["maps-new"]


def test_clearing_leaves_what_is_not_ours(tmp_path: Path) -> None:
    RowStore(tmp_path / "features-a", row_shape=(3,), dtype="float32").append([("a", rows(1), [[], []])])
    (tmp_path / "engines" / "compiled").mkdir(parents=True)
    (tmp_path / "engines" / "compiled" / "x.blob").write_bytes(b"12345")
    (tmp_path / "thesis.txt").write_text("mine")
    (tmp_path / "pictures-of-my-cat").mkdir()
    (tmp_path / "pictures-of-my-cat" / "cat.png").write_bytes(b"cat")
    assert {one.sort for one in list_cache(tmp_path)} == {"features", "engines"}
    assert trim_cache(tmp_path, limit_bytes=0) > 0
    assert list_cache(tmp_path) == ()
    assert (tmp_path / "thesis.txt").read_text() == "mine"
    assert (tmp_path / "pictures-of-my-cat" / "cat.png").exists()


def test_a_store_in_use_is_not_removed(tmp_path: Path) -> None:
    store = RowStore(tmp_path / "features-1", row_shape=(3,), dtype="float32")
    store.append([("a", rows(1), [[], []])])
    assert trim_cache(tmp_path, limit_bytes=0) == 0
    store.append([("b", rows(2), [[], []])])
    assert np.array_equal(store.get("a")[0], rows(1))
    del store
    assert trim_cache(tmp_path, limit_bytes=0) > 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("given", ["20GB", "-1", "", "1e9"])
def test_a_limit_that_is_no_number_of_bytes_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("PHOTISM_CACHE_BYTES", given)
    with pytest.raises(OptionError, match="PHOTISM_CACHE_BYTES expects a number of bytes"):
        cache_limit()
