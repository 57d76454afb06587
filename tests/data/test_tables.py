"""CSV files as people, scripts and spreadsheets write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from photism.data.listing import Listing
from photism.data.tables import list_table
from photism.errors import DataError, OptionError
from photism.types import Sample


def table(folder: Path, content: str | bytes, *, group_by: str | None = None) -> Listing:
    path = folder / "list.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list_table(path, group_by=group_by)


def pairs(listing: Listing) -> list[tuple[str, str | None]]:
    return [(sample.name, sample.label) for sample in listing.samples]


def reasons(listing: Listing) -> list[tuple[str, str]]:
    return [(skipped.path, skipped.reason) for skipped in listing.skipped]


def test_all_columns_in_any_order_and_others_ignored(tmp_path: Path) -> None:
    listing = table(tmp_path, "fold,note,PATH,Split,label ,group\n1,x,b/c.wav,Validation,cat,g\n2,y,a.wav,,dog,\n")
    assert listing.samples == [
        Sample(tmp_path / "a.wav", "a.wav", "dog", None, "2", None),
        Sample(tmp_path / "b/c.wav", "b/c.wav", "cat", "g", "1", "valid"),
    ]
    assert listing.columns == ("fold", "note", "PATH", "Split", "label", "group")
    assert listing.root == tmp_path


@pytest.mark.parametrize(
    "content",
    [
        "path,label\na,x\nb,y\n",
        "path,label\r\na,x\r\nb,y\r\n",
        "path,label\ra,x\rb,y\r",
        "path;label\na;x\nb;y",
        "path\tlabel\na\tx\nb\ty",
        "path|label\na|x\nb|y",
        "sep=;\r\npath;label\r\na;x\r\nb;y\r\n",
        "\n\npath, label\n\na, x\n,\nb, y\n\n",
        '"path","label"\n"a","x"\n"b","y"\n',
        b"\xef\xbb\xbfpath,label\na,x\nb,y\n",
        "path,label\na,x\nb,y\n".encode("utf-16"),
        "\ufeffpath\tlabel\na\tx\nb\ty\n".encode("utf-16-be"),
    ],
)
def test_dialects(tmp_path: Path, content: str | bytes) -> None:
    assert pairs(table(tmp_path, content)) == [("a", "x"), ("b", "y")]


def test_quotes_keep_delimiters(tmp_path: Path) -> None:
    assert pairs(table(tmp_path, 'path,label\n"a,b.png","x ""y"""\n')) == [("a,b.png", 'x "y"')]


def test_absolute_paths_and_windows_separators(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "a.png").touch()
    listing = table(tmp_path, f"path,label\n{tmp_path}/x.png,cat\ncat\\a.png,cat\n")
    assert {sample.path for sample in listing.samples} == {tmp_path / "x.png", tmp_path / "cat" / "a.png"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "begins with: nothing"),
        ("file,class\na,b\n", "begins with: file,class"),
        ("path\na\n", "names the columns path and label"),
        ('path,label\na,x\nb,"y\nc,z\n', "line 4: unexpected end of data"),
        ("path,label,split\na,x,holdout\n", "line 2: the split must be train, valid or test, not holdout"),
        (b"\x89PNG\r\n\x1a\n\0\0", "neither a folder nor a CSV"),
        (b"x" * 100_000, "neither a folder nor a CSV"),
    ],
)
def test_what_is_no_table_has_its_sentence(tmp_path: Path, content: str | bytes, told: str) -> None:
    with pytest.raises(DataError, match=told) as caught:
        table(tmp_path, content)
    assert str(tmp_path / "list.csv") in str(caught.value)


def test_rows_that_cannot_be_used(tmp_path: Path) -> None:
    listing = table(
        tmp_path,
        b"path,label,fold\na,x,1\nb,,1\n,x,1\nc\nd,x,1,2\ncaf\xe9,x,1\ncat/.DS_Store,x,1\ne,caf\xe9,1\nf,x\ng,x,1,,\n",
    )
    assert pairs(listing) == [("a", "x"), ("f", "x"), ("g", "x")]
    assert reasons(listing) == [
        ("b", "b has no label (line 3)."),
        ("line 4", "line 4 has no path."),
        ("c", "c has no label (line 5)."),
        ("d", "d is in a row of 4 cells (line 6) where the header names 3 columns."),
        (r"caf\xe9", r"caf\xe9 is in a row that is not UTF-8 (line 7)."),
        ("cat/.DS_Store", "cat/.DS_Store is litter left by macOS."),
        ("e", "e is in a row that is not UTF-8 (line 9)."),
    ]


def test_a_file_that_is_listed_twice_is_used_once(tmp_path: Path) -> None:
    listing = table(tmp_path, "path,label\na,x\n./a,x\nb,y\n")
    assert pairs(listing) == [("a", "x"), ("b", "y")]
    assert reasons(listing) == [("./a", "./a is listed twice: line 2 is used, line 3 is not.")]


def test_a_file_in_two_parts_stays_held_out(tmp_path: Path) -> None:
    listing = table(tmp_path, "path,label,split\na,x,train\na,x,test\na,x,valid\nb,y,\nb,y,train\n")
    assert [(sample.name, sample.part) for sample in listing.samples] == [("a", "test"), ("b", "train")]
    assert len(listing.skipped) == 3


def test_a_file_with_two_labels_is_not_used(tmp_path: Path) -> None:
    listing = table(tmp_path, "path,label\na,x\na,y\nb,y\n")
    assert pairs(listing) == [("b", "y")]
    assert reasons(listing) == [("a", "a has contradictory labels: x (line 2) and y (line 3).")]


def test_group_by_takes_the_place_of_group(tmp_path: Path) -> None:
    content = "path,label,group,Patient\na,x,1,p\n"
    assert table(tmp_path, content).samples[0].group == "1"
    assert table(tmp_path, content, group_by="patient").samples[0].group == "p"
    with pytest.raises(OptionError, match="no such column; it has path, label, group, Patient"):
        table(tmp_path, content, group_by="doctor")
