"""Files take turns: any beginning of the order is a fair share, and who had no turn is left out and counted."""

from __future__ import annotations

from collections import Counter
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


def test_a_few_of_every_class_and_part_come_first() -> None:
    material = made()
    found = turns(material, seed=0)
    assert strata(material, found.order[: found.least]) == {key: min(n, FEWEST) for key, n in SIZES.items()}


@given(st.integers(60, 404), st.integers(0, 50))
def test_any_beginning_is_an_even_share(n: int, seed: int) -> None:
    material = made()
    found = strata(material, turns(material, seed=seed).order[:n])
    assert all(found[key] >= min(size, FEWEST) for key, size in SIZES.items())
    shares = [(found[key], size) for key, size in SIZES.items() if found[key] > FEWEST]
    assert max((one - 1) / size for one, size in shares) <= min((one + 1) / size for one, size in shares)


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
        "Only 100 of 404 files were read, an even share of every class: there was no time.",
    )
    assert left_out(material, order, why="there was no time") is material
