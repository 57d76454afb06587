"""split.csv and skipped.csv: complete, in order, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from photism.data.records import SplitRow, plain_cell, read_split_csv, safe_cell, write_skipped_csv, write_split_csv
from photism.types import Sample, Skipped


def test_split_csv(tmp_path: Path) -> None:
    samples = [
        Sample(Path("/x/b"), "b", "=cmd()", "@g", None, "test"),
        Sample(Path("/x/a"), "-a,1.png", "cat", None, None, "train"),
    ]
    write_split_csv(tmp_path / "split.csv", samples, {Path("/x/a"): "ab12"})
    with (tmp_path / "split.csv").open(encoding="utf-8", newline="") as stream:
        assert list(csv.reader(stream)) == [
            ["path", "label", "group", "part", "sha256"],
            ["'-a,1.png", "cat", "", "train", "ab12"],
            ["b", "'=cmd()", "'@g", "test", ""],
        ]
    assert [path.name for path in tmp_path.iterdir()] == ["split.csv"]
    assert read_split_csv(tmp_path / "split.csv") == (
        SplitRow("-a,1.png", "cat", None, "train", "ab12"),
        SplitRow("b", "=cmd()", "@g", "test", ""),
    )


@pytest.mark.parametrize(
    "name", ["9.41.00\u202fAM.png", "a\nb\r.png", "\r", "\u200bzero", "'=1", "''", "a\\nb", '\u0631\u0627,"x"']
)
def test_every_name_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    write_split_csv(tmp_path / "split.csv", [Sample(Path("/x"), name, name, name, None, "valid")], {})
    assert read_split_csv(tmp_path / "split.csv") == (SplitRow(name, name, name, "valid", ""),)


def test_a_torn_table_is_a_value_error(tmp_path: Path) -> None:
    (tmp_path / "split.csv").write_text('path,label,group,part\n"half')
    with pytest.raises(ValueError, match=r"split\.csv"):
        read_split_csv(tmp_path / "split.csv")


def test_skipped_csv(tmp_path: Path) -> None:
    write_skipped_csv(tmp_path / "skipped.csv", [Skipped("+a\udce9\n", "a is empty.")])
    assert (tmp_path / "skipped.csv").read_bytes() == b"path,reason\n'+a\\xe9\\n,a is empty.\n"
    write_skipped_csv(tmp_path / "skipped.csv", [])
    assert (tmp_path / "skipped.csv").read_bytes() == b"path,reason\n"


def test_cells_that_a_spreadsheet_would_run() -> None:
    for start in "=+-@\t\r":
        assert safe_cell(start + "1").startswith("'")
        assert plain_cell(safe_cell(f"{start}1")) == (start + "1" if start in "=+-@" else safe_cell(f"{start}1"))
    assert safe_cell("1=1") == "1=1"
