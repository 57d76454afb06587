"""What copies and sources leak: one leak a held-out file, the strongest evidence first."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from photism.trust.leaks import join_leaks, near_leaks
from photism.trust.near import NearPair
from photism.trust.origin import Origin
from photism.types import PARTS, Part, Sample


def samples(*parts: Part | None) -> list[Sample]:
    return [Sample(Path(f"{i}"), f"file{i}", "x", part=part) for i, part in enumerate(parts)]


def test_a_copy_in_training_is_a_leak() -> None:
    leaks = near_leaks(samples("train", "test"), [NearPair(0, 1, 0.97, "cropped")], [])
    assert leaks == [
        {"kind": "near", "path": "file1", "split": "test", "of": "file0", "of_split": "train", "similarity": 0.97}
    ]


def test_training_comes_before_validation_and_copies_of_copies_count() -> None:
    pairs = [NearPair(0, 1, 0.9, "a"), NearPair(1, 2, 0.9, "b"), NearPair(2, 3, 0.99, "c")]
    leaks = near_leaks(samples("train", "test", "test", "valid"), pairs, [])
    told = {leak["path"]: (leak["of"], leak["similarity"]) for leak in leaks}
    assert told["file1"] == ("file0", 0.9)
    assert told["file2"] == ("file0", 0.9 * 0.9)  # not file3, though it is nearer: it is validation
    assert told["file3"][0] == "file0"
    assert [leak["split"] for leak in leaks] == ["test", "test", "valid"]


def test_the_likest_copy_is_named() -> None:
    leaks = near_leaks(samples("train", "test", "train"), [NearPair(0, 1, 0.95, "a"), NearPair(1, 2, 0.99, "b")], [])
    assert [leak["of"] for leak in leaks] == ["file2"]


def test_files_without_a_part_leak_nothing_and_pass_nothing_on() -> None:
    pairs = [NearPair(0, 1, 0.9, "a"), NearPair(1, 2, 0.9, "b")]
    assert near_leaks(samples("train", None, "test"), pairs, [Origin((0, 1), "x", "file names")]) == []


def test_a_source_on_both_sides_is_a_leak_and_a_copy_is_the_stronger_one() -> None:
    origins = [Origin((0, 1, 2), "rec1", "file names")]
    leaks = near_leaks(samples("train", "test", "valid", "train"), [NearPair(1, 3, 0.98, "shifted")], origins)
    assert [(leak["path"], leak["kind"], leak["of"], leak["similarity"]) for leak in leaks] == [
        ("file1", "near", "file3", 0.98),
        ("file2", "source", "file0", None),
    ]


def test_joined_lists_name_a_file_once() -> None:
    def leak(kind: str, path: str) -> dict[str, object]:
        return {"kind": kind, "path": path, "split": "test", "of": "o", "of_split": "train", "similarity": None}

    joined = join_leaks(
        [leak("group", "a"), leak("exact", "b")], [leak("near", "a"), leak("near", "b"), leak("source", "c")]
    )
    assert [(each["path"], each["kind"]) for each in joined] == [("a", "near"), ("b", "exact"), ("c", "source")]


@given(
    parts=st.lists(st.sampled_from([*PARTS, None]), min_size=2, max_size=9),
    links=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=12),
)
def test_a_leak_is_what_can_be_reached(parts: list[Part | None], links: list[tuple[int, int]]) -> None:
    n = len(parts)
    pairs = [NearPair(min(i, j), max(i, j), 0.9, "x") for i, j in links if i < n and j < n and i != j]
    together = [{i} for i in range(n)]
    for pair in pairs * n:
        if parts[pair.first] and parts[pair.second]:
            joined = together[pair.first] | together[pair.second]
            for i in joined:
                together[i] = joined
    sees = {"valid": {"train"}, "test": {"train", "valid"}}
    wanted = {f"file{i}" for i in range(n) if any(parts[j] in sees.get(parts[i] or "", ()) for j in together[i])}
    assert {leak["path"] for leak in near_leaks(samples(*parts), pairs, [])} == wanted
