"""A file of the cache is whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from photism.recognizers.sealed import read_sealed, write_sealed


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    write_sealed(path, b"content")
    assert read_sealed(path) == b"content"
    assert [one.name for one in path.parent.iterdir()] == ["file"]


@pytest.mark.parametrize("damage", [lambda raw: raw[:-1], lambda raw: raw[:5], lambda raw: b"", lambda raw: raw + b"x"])
def test_what_was_damaged_is_not_there(tmp_path: Path, damage) -> None:
    path = tmp_path / "file"
    write_sealed(path, b"content")
    path.write_bytes(damage(path.read_bytes()))
    assert read_sealed(path) is None


def test_nothing_is_not_there(tmp_path: Path) -> None:
    assert read_sealed(tmp_path / "file") is None


def test_the_newest_stay(tmp_path: Path) -> None:
    for index in range(5):
        write_sealed(tmp_path / str(index), b"content", keep=3)
        os.utime(tmp_path / str(index), (index, index))
    write_sealed(tmp_path / "5", b"content", keep=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["3", "4", "5"]


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    write_sealed(tmp_path / "file" / "inside", b"content")
    assert read_sealed(tmp_path / "file" / "inside") is None
