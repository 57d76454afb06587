"""Equal files and what they leak."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from photism.data.duplicates import content_hash, contradictions, exact_duplicates, leaks
from photism.errors import DecodeError
from photism.types import Part, Sample


def write(folder: Path, name: str, content: bytes, *, label: str = "a") -> Sample:
    (folder / name).write_bytes(content)
    return Sample(folder / name, name, label)


def sample(name: str, part: Part | None, *, group: str | None = None) -> Sample:
    return Sample(Path("/data") / name, name, "a", group, None, part)


def copies_among(samples: list[Sample]) -> list[list[Sample]]:
    return exact_duplicates(samples, {one.path: content_hash(one.path) for one in samples})


@pytest.mark.parametrize("n_bytes", [0, 1, 65_536, 65_537, (1 << 20) + 1, 3_000_000])
def test_the_hash_is_sha256_at_every_size(tmp_path: Path, n_bytes: int) -> None:
    content = bytes(i % 251 for i in range(1000)) * (n_bytes // 1000) + b"x" * (n_bytes % 1000)
    assert content_hash(write(tmp_path, "a", content).path) == hashlib.sha256(content).hexdigest()


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match=r"gone cannot be read: No such file"):
        content_hash(tmp_path / "gone")


def test_equal_files_are_found_and_near_ones_are_not(tmp_path: Path) -> None:
    large = bytes(200_000)
    samples = [
        write(tmp_path, "d", b"same"),
        write(tmp_path, "b", b"same"),
        write(tmp_path, "c", b"sane"),
        write(tmp_path, "e", b"same and more"),
        write(tmp_path, "g", large + b"1"),
        write(tmp_path, "f", large + b"1"),
        write(tmp_path, "h", large + b"2"),
        write(tmp_path, "i", b"1" + large),
    ]
    os.link(tmp_path / "h", tmp_path / "z")
    samples.append(Sample(tmp_path / "z", "z"))
    found = [[each.name for each in same] for same in copies_among(samples)]
    assert found == [["b", "d"], ["f", "g"], ["h", "z"]]
    assert copies_among([]) == []


def test_equal_files_with_different_labels_are_told(tmp_path: Path) -> None:
    same = copies_among([write(tmp_path, name, b"x", label=label) for name, label in zip("123", "abb", strict=True)])
    assert contradictions(same) == ["Equal files carry different labels: 1 (a), 2 (b)."]
    assert contradictions([same[0][1:]]) == []


def test_one_leak_a_held_out_item_in_the_shape_of_the_contract() -> None:
    samples = [
        sample("t1", "train"),
        sample("t2", "train"),
        sample("v1", "valid"),
        sample("v2", "valid"),
        sample("x1", "test"),
        sample("x2", "test"),
        sample("x3", "test"),
    ]
    by_name = {each.name: each for each in samples}
    same = [[by_name[name] for name in names] for names in (["t2", "t1", "v1", "x1"], ["v2", "x2"])]
    assert leaks(samples, same) == [
        {"kind": "exact", "path": "x1", "split": "test", "of": "t1", "of_split": "train", "similarity": 1.0},
        {"kind": "exact", "path": "x2", "split": "test", "of": "v2", "of_split": "valid", "similarity": 1.0},
        {"kind": "exact", "path": "v1", "split": "valid", "of": "t1", "of_split": "train", "similarity": 1.0},
    ]


def test_torn_groups_leak_and_an_equal_file_is_the_stronger_evidence() -> None:
    samples = [
        sample("t1", "train", group="g"),
        sample("t2", "train", group="h"),
        sample("x1", "test", group="g"),
        sample("x2", "test", group="g"),
        sample("x3", "test", group="alone"),
        sample("free", None, group="g"),
    ]
    found = leaks(samples, [[samples[1], samples[3]]])
    assert [(each["kind"], each["path"], each["of"], each["similarity"]) for each in found] == [
        ("group", "x1", "t1", None),
        ("exact", "x2", "t2", 1.0),
    ]


def test_duplicates_found_before_the_split_are_enough() -> None:
    before = [sample("t", None), sample("x", None), sample("dropped", None)]
    after = [sample("t", "train"), sample("x", "test")]
    assert [each["path"] for each in leaks(after, [before])] == ["x"]
