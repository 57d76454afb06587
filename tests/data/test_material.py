"""A data set made ready: numbers that stay, copies and leaks, and what happens when a file turns out to be broken."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.small_training import material_of, write_colours

from photism.data.duplicates import content_hash
from photism.data.material import hash_of
from photism.errors import DataError
from photism.types import PARTS, Skipped


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    return write_colours(tmp_path / "colours")


def test_every_file_has_a_part_a_class_and_a_hash(colours: Path) -> None:
    material = material_of(colours)
    assert material.labels == ("blue", "green", "red")
    assert [material.count(part) for part in PARTS] == [material.count("train"), material.count("valid"), 6]
    assert sum(material.count(part) for part in PARTS) == 30
    assert material.count("valid") > 0
    for sample, y in zip(material.samples, material.y, strict=True):
        assert material.labels[y] == sample.label == sample.path.parent.name
        assert material.hashes[sample.path] == content_hash(sample.path)
    assert len(material.facts("test")) == 6
    assert not material.leaks
    assert not material.duplicates


def test_copies_across_the_given_parts_are_leaks(colours: Path) -> None:
    shutil.copy(colours / "train" / "red" / "0.png", colours / "test" / "red" / "copy.png")
    material = material_of(colours)
    assert len(material.duplicates) == 1
    (leak,) = material.leaks
    assert str(leak["path"]).endswith("copy.png")
    assert leak["split"] == "test"


def test_copies_stay_on_one_side_of_a_split_that_is_cut_here(colours: Path) -> None:
    for number in range(4):
        shutil.copy(colours / "train" / "red" / "0.png", colours / "train" / "red" / f"copy{number}.png")
    material = material_of(colours)
    copies = {*(colours / "train" / "red").glob("copy*"), colours / "train" / "red" / "0.png"}
    parts = {s.part for s in material.samples if s.path in copies}
    assert len(parts) == 1
    assert not material.leaks


def test_what_holds_the_same_bytes_is_one_observation(colours: Path) -> None:
    shutil.copy(colours / "train" / "red" / "0.png", colours / "train" / "red" / "copy.png")
    material = material_of(colours)
    of = {sample.path.name: one for sample, one in zip(material.samples, material.observations, strict=True)
          if sample.path.parent.name == "red"}  # fmt: skip
    assert of["0.png"] == of["copy.png"]
    assert len(set(of.values())) == len(of) - 1
    assert len(set(material.groups)) == len(material.groups)


def test_groups_that_share_a_file_are_one_observation(colours: Path) -> None:
    for number, name in enumerate(("x", "y", "z")):
        shutil.copy(colours / "train" / "red" / f"{number // 2}.png", colours / "train" / "red" / f"{name}.png")
    material = material_of(colours)
    group_of = {"0.png": "a", "x.png": "b", "y.png": "b", "1.png": "c", "z.png": "d"}
    samples = tuple(
        replace(s, group=group_of.get(s.path.name) if s.path.parent.name == "red" else None) for s in material.samples
    )
    joined = replace(material, samples=samples)
    found = {s.name: one for s, one in zip(samples, joined.observations, strict=True)}
    red = {name: found[f"train/red/{name}"] for name in group_of}
    assert red["0.png"] == red["x.png"] == red["y.png"]
    assert red["1.png"] == red["z.png"] != red["0.png"]


def test_a_broken_file_keeps_its_number_and_loses_its_part(colours: Path) -> None:
    material = material_of(colours)
    number = int(np.flatnonzero(material.mask("train"))[0])
    left = material.without({number: Skipped("x", "it is broken.")})
    assert len(left.samples) == len(material.samples)
    assert left.samples[number].part is None
    assert left.y[number] == -1
    assert [i for i in range(30) if left.samples[i] != material.samples[i]] == [number]
    assert left.skipped == (*material.skipped, Skipped("x", "it is broken."))
    assert material.samples[number].part == "train", "the old value is left alone"


def test_a_class_without_training_files_is_taken_out_with_a_reason(colours: Path) -> None:
    material = material_of(colours)
    red = {i for i, s in enumerate(material.samples) if s.label == "red" and s.part == "train"}
    left = material.without({i: Skipped(material.samples[i].name, "it is broken.") for i in red})
    assert left.labels == ("blue", "green")
    assert all(s.part is None for s in left.samples if s.label == "red")
    reasons = {one.reason for one in left.skipped}
    assert "its class 'red' has no file in the training part." in reasons
    assert sum(left.count(part) for part in PARTS) == int((left.y >= 0).sum()) == 20


def test_too_little_left_is_an_error_with_a_sentence(colours: Path) -> None:
    material = material_of(colours)
    broken = Skipped("x", "it is broken.")
    not_blue = {i: broken for i, s in enumerate(material.samples) if s.label != "blue"}
    with pytest.raises(DataError, match="found only 'blue'"):
        material.without(not_blue)
    with pytest.raises(DataError, match="found none"):
        material.without(dict.fromkeys(range(30), broken))
    with pytest.raises(DataError, match="validate"):
        material.without({int(i): broken for i in np.flatnonzero(material.mask("valid"))})


def test_groups_and_names_never_meet(colours: Path) -> None:
    """A file that is named like another file's group is no member of it."""
    table = colours / "table.csv"
    rows = [
        f"train/{label}/{number}.png,{label},{'train/red/0.png' if number == 1 else ''}"
        for label in ("red", "blue")
        for number in (0, 1, 2, 3, 5, 6, 7, 8)
    ]
    table.write_text("path,label,group\n" + "\n".join(rows) + "\n")
    material = material_of(table)
    assert len(set(material.groups)) == 15


def test_a_file_that_has_gone_has_no_hash(tmp_path: Path) -> None:
    assert hash_of(tmp_path / "gone.png") is None
