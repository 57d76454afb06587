"""The folder that a verb makes: found fit before the work, gone where the work fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from photism.errors import DataError, InputError
from photism.verbs.making import making


def test_a_folder_is_made_before_the_work_and_kept_with_what_is_in_it(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    for _ in range(2):  # the second time it holds what an earlier call made
        with making(out, verb="layers", mark="atlas.json"):
            assert out.is_dir()
            (out / "atlas.json").write_text("{}")
    assert (out / "atlas.json").is_file()


def test_where_the_work_fails_no_empty_folder_stays(tmp_path: Path) -> None:
    with pytest.raises(DataError), making(tmp_path / "out", verb="layers", mark="atlas.json"):
        raise DataError("no files.")
    assert not list(tmp_path.iterdir())


def test_what_is_not_ours_or_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    for out, words in (
        (tmp_path, "one of an earlier `photism layers`"),
        (tmp_path / "thesis.txt", "one of an earlier `photism layers`"),
        (tmp_path / "thesis.txt" / "out", "cannot be written"),
    ):
        with pytest.raises(InputError, match=words), making(out, verb="layers", mark="atlas.json"):
            raise AssertionError("the work must not begin")


def test_a_page_that_cannot_be_written_has_its_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="out cannot be written"), making(tmp_path / "out", verb="x", mark="x.json"):
        (tmp_path / "out" / "gone" / "page.html").write_text("")
    with pytest.raises(FileNotFoundError), making(tmp_path / "out", verb="x", mark="x.json"):
        (tmp_path / "elsewhere").read_text()
