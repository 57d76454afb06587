"""Files take turns by chance: any beginning of the order is a share of every part; the rest is left out and counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from photism.data.material import Material
from photism.data.portion import FEWEST, left_out, turns
from photism.data.sources import Dataset
from photism.types import Part, Sample

SIZES: dict[tuple[Part, str], int] = {
    ("train", "cat"): 200, ("train", "dog"): 50, ("train", "rare"): 4, ("valid", "cat"): 40, ("valid", "dog"): 10,
    ("test", "cat"): 100,
}  # fmt: skip


def made() -> Material:
    samples = [
        Sample(Path(f"{part}/{label}/{n}"), f"{part}/{label}/{n}", label, part=part)
        for (part, label), size in SIZES.items()
        for n in range(size)
    ]
    samples.append(Sample(Path("broken"), "broken", "cat"))
    dataset = Dataset(tuple(samples), (), "image", {}, {"image": len(samples)}, (), Path("made"))
    return Material(dataset, tuple(samples), {}, (), (), ("as it was.",), ())


def strata(material: Material, numbers: tuple[int, ...]) -> Counter[tuple[Part | None, str | None]]:
    return Counter((material.samples[i].part, material.samples[i].label) for i in numbers)


def test_everyone_with_a_part_has_one_turn() -> None:
    found = turns(made(), seed=0)
    assert sorted(found.order) == list(range(sum(SIZES.values())))


def test_some_training_files_of_every_class_and_some_held_out_ones_come_first() -> None:
    material = made()
    found = turns(material, seed=0)
    first = strata(material, found.order[: found.least])
    assert {key: n for key, n in first.items() if key[0] == "train"} == {
        ("train", "cat"): FEWEST, ("train", "dog"): FEWEST, ("train", "rare"): 4,
    }  # fmt: skip
    assert first["valid", "cat"] + first["valid", "dog"] == first["test", "cat"] == 3 * FEWEST


@given(st.integers(60, 404), st.integers(0, 50))
def test_any_beginning_holds_the_same_share_of_every_part(n: int, seed: int) -> None:
    material = made()
    found = strata(material, turns(material, seed=seed).order[:n])
    sizes = {"train cat": 200, "train dog": 50, "valid": 50, "test": 100}
    read = {
        "train cat": found["train", "cat"], "train dog": found["train", "dog"],
        "valid": found["valid", "cat"] + found["valid", "dog"], "test": found["test", "cat"],
    }  # fmt: skip
    late = [(read[key], size) for key, size in sizes.items() if read[key] > 3 * FEWEST]
    if late:
        assert max((one - 1) / size for one, size in late) <= min((one + 1) / size for one, size in late)


def test_held_out_files_are_drawn_without_regard_to_their_class() -> None:
    """Of 2 in 10 validation files being dogs, 2 in 10 of those drawn first are, over many seeds."""
    material = made()
    drawn = [strata(material, (found := turns(material, seed=seed)).order[: found.least]) for seed in range(200)]
    assert abs(sum(one["valid", "dog"] for one in drawn) / (200 * 3 * FEWEST) - 0.2) < 0.03


def test_the_seed_says_whose_turn_it_is() -> None:
    material = made()
    assert turns(material, seed=0) == turns(material, seed=0)
    assert turns(material, seed=0) != turns(material, seed=1)


def test_who_had_no_turn_has_no_part_and_is_counted() -> None:
    material = made()
    order = turns(material, seed=0).order
    some = left_out(material, order[:100], why="there was no time")
    assert sum(sample.part is not None for sample in some.samples) == 100
    assert all(some.samples[i] == material.samples[i] for i in order[:100])
    assert some.warnings == (
        "as it was.",
        "Only 100 of 404 files were read, drawn by chance from every part: there was no time.",
    )
    assert left_out(material, order, why="there was no time") is material


def test_a_leak_from_a_file_that_is_left_out_is_none() -> None:
    material = replace(made(), duplicates=(("train/cat/0", "test/cat/0"), ("train/cat/1", "test/cat/1")))
    material = material.with_parts(material.samples)
    assert [leak["path"] for leak in material.leaks] == ["test/cat/0", "test/cat/1"]
    number = {sample.name: i for i, sample in enumerate(material.samples)}
    stays = [i for i in range(404) if i != number["train/cat/0"]]
    assert [leak["path"] for leak in left_out(material, stays, why="there was no time").leaks] == ["test/cat/1"]
