"""What is put on a shelf comes back as it was, while there is room."""

from __future__ import annotations

import shutil
from collections import namedtuple
from io import FileIO
from pathlib import Path

import numpy as np
import pytest

from photism.executor import ProcessExecutor
from photism.trust import shelf as shelf_file
from photism.trust.shelf import LEAST_FREE_BYTES, Place, Shelf


def total(place: Place) -> float:
    return float(place.read().sum())


def test_arrays_come_back_with_their_shape_and_type() -> None:
    record = np.dtype([("size_px", "<u4", 2), ("grey", "u1", (4, 4))])
    arrays = [
        np.arange(5, dtype=np.float32),
        np.zeros((0,), np.float32),
        np.arange(6, dtype=np.uint8).reshape(2, 3).T,
        np.array(((3, 4), np.eye(4)), dtype=record),
    ]
    with Shelf() as shelf:
        places = [shelf.put(each) for each in arrays]
        for wanted, place in zip(arrays, places, strict=True):
            assert place is not None
            assert place.read().dtype == wanted.dtype
            assert np.array_equal(place.read(), wanted)
        folder = places[0].file.parent  # type: ignore[union-attr]
    assert not folder.exists()


def test_workers_read_what_was_put() -> None:
    with Shelf() as shelf, ProcessExecutor(workers=1) as executor:
        places = [shelf.put(np.full(3, value)) for value in (1.0, 2.0)]
        assert list(executor.map(total, places)) == [3.0, 6.0]


def test_a_full_shelf_takes_nothing_more() -> None:
    with Shelf(100) as shelf:
        assert shelf.put(np.zeros(60, np.uint8)) is not None
        assert shelf.put(np.zeros(60, np.uint8)) is None
        assert shelf.put(np.zeros(40, np.uint8)) is not None
        assert shelf.put(np.zeros(1, np.uint8)) is None


def test_room_is_left_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, LEAST_FREE_BYTES + 10))
    with Shelf() as shelf:
        assert shelf.put(np.zeros(11, np.uint8)) is None
        assert shelf.put(np.zeros(10, np.uint8)) is not None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_disk_that_fills_up_is_no_error() -> None:
    with Shelf() as shelf, FileIO("/dev/full", "w") as full:
        shelf._file = full
        assert shelf.put(np.zeros(10, np.uint8)) is None
        assert shelf.put(np.zeros(1, np.uint8)) is None


def test_without_any_folder_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(prefix: str) -> None:
        raise FileNotFoundError(prefix)

    monkeypatch.setattr(shelf_file.tempfile, "TemporaryDirectory", none)
    with Shelf() as shelf:
        assert shelf.put(np.zeros(1, np.uint8)) is None
