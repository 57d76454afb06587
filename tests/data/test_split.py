"""Parts: obeyed where given, cut where not, no group torn, nothing decided by order or place."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from photism.data.split import Split, inner_folds, split
from photism.errors import DataError, OptionError
from photism.types import PARTS, Part, Sample


def sample(
    name: str, label: str = "a", group: str | None = None, *, fold: str | None = None, part: Part | None = None
) -> Sample:
    return Sample(Path("/data") / name, name, label, group, fold, part)


def plain(n_per_class: int = 10, labels: str = "abc") -> list[Sample]:
    return [sample(f"{label}{i:03}", label) for label in labels for i in range(n_per_class)]


def parts(cut: Split) -> dict[str, Part | None]:
    return {each.name: each.part for each in cut.samples}


# ── cutting ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("fraction", "expected"), [(0.2, 4), (0.1, 2), (0.5, 10)])
def test_each_class_gives_its_share(fraction: float, expected: int) -> None:
    cut = split(plain(20), valid_fraction=fraction)
    assert Counter(each.label for each in cut.part("valid")) == dict.fromkeys("abc", expected)
    assert len(cut.part("train")) == 3 * (20 - expected)
    assert cut.part("test") == ()
    assert cut.warnings == ()


def test_seeds_differ_and_repeat() -> None:
    cuts = [parts(split(plain(30), seed=seed)) for seed in (0, 1, 0)]
    assert cuts[0] == cuts[2] != cuts[1]


def test_neither_order_nor_place_decides() -> None:
    samples = plain(30)
    shuffled = random.Random(0).sample(samples, len(samples))
    moved = [Sample(Path("/elsewhere") / s.name, s.name, s.label) for s in shuffled]
    assert parts(split(moved)) == parts(split(samples))
    assert [s.name for s in split(moved).samples] == sorted(s.name for s in samples)


def test_groups_stay_whole() -> None:
    samples = [sample(f"{g}-{i}", "ab"[g % 2], str(g)) for g in range(20) for i in range(1 + g % 5)]
    cut = split(samples)
    where: dict[str | None, set[str | None]] = {}
    for each in cut.samples:
        where.setdefault(each.group, set()).add(each.part)
    assert all(len(each) == 1 for each in where.values())
    assert 8 <= len(cut.part("valid")) <= 16  # of 60


def test_a_group_and_a_file_may_share_their_name() -> None:
    samples = [*plain(10, "ab"), sample("x1", "a", "a001"), sample("x2", "a", "a001")]
    assert len({s.part for s in split(samples).samples if s.group == "a001"}) == 1


def test_copies_stay_together() -> None:
    samples = plain(10, "ab")
    same = [[s for s in samples if s.name[1:] in ("000", "001", "002")], [samples[2], samples[3]]]
    for seed in range(5):
        where = parts(split(samples, seed=seed, together=same))
        assert len({where[s.name] for each in same for s in each}) == 1
        assert where == parts(split(samples, seed=seed, together=same[::-1]))


def test_two_items_are_one_to_learn_and_one_to_measure() -> None:
    cut = split([*plain(20, "ab"), sample("c1", "c"), sample("c2", "c")])
    assert Counter(each.part for each in cut.samples if each.label == "c") == {"train": 1, "valid": 1}


def test_a_class_of_one_group_stays_in_training_and_is_told() -> None:
    cut = split([*plain(20, "ab"), *(sample(f"c{i}", "c", "one") for i in range(9)), sample("d", "d")])
    assert {each.part for each in cut.samples if each.label in "cd"} == {"train"}
    assert cut.warnings == (
        "With a single group, the classes c and d stay in the training part, unmeasured.",
        "The valid part lacks the classes c and d: they do not help to choose the recognizer.",
    )


def test_when_every_class_is_one_group_nothing_can_be_cut() -> None:
    with pytest.raises(DataError, match="every class is a single group"):
        split([sample("a1", "a", "1"), sample("a2", "a", "1"), sample("b1", "b", "2")])


def test_groups_of_several_classes() -> None:
    samples = [sample(f"{g:02}-{label}", label, str(g)) for g in range(10) for label in "abc"]
    cut = split(samples)
    assert Counter(each.label for each in cut.part("valid")) == dict.fromkeys("abc", 2)


# ── what is given ────────────────────────────────────────────────────────────────────────────────────


def test_given_parts_are_obeyed() -> None:
    samples = [
        *(
            sample(f"{label}-{part}-{i}", label, part=part)
            for label in "ab"
            for part in ("train", "valid")
            for i in "12"
        ),
        *(sample(f"{label}-free", label) for label in "ab"),
    ]
    cut = split(samples)
    assert {name: part for name, part in parts(cut).items() if "free" not in name} == {
        s.name: s.part for s in samples if s.part
    }
    assert {part for name, part in parts(cut).items() if "free" in name} == {"train"}


def test_validation_is_cut_from_training_alone() -> None:
    samples = [
        sample(f"{label}-{part}-{i}", label, part=part)
        for label in "ab"
        for part in ("train", "test")
        for i in range(10)
    ]
    cut = split(samples)
    assert {each.name for each in cut.part("test")} == {s.name for s in samples if s.part == "test"}
    assert (len(cut.part("train")), len(cut.part("valid"))) == (16, 4)


def test_a_test_fold_overrides_the_given_parts() -> None:
    samples = [sample(f"{label}{i}", label, fold=str(i % 5), part="test") for label in "ab" for i in range(20)]
    cut = split(samples, test_fold="3")
    assert {each.fold for each in cut.part("test")} == {"3"}
    assert "3" not in {each.fold for each in (*cut.part("train"), *cut.part("valid"))}
    assert (len(cut.part("train")), len(cut.part("valid")), len(cut.part("test"))) == (24, 8, 8)


def test_beside_a_test_fold_another_fold_validates() -> None:
    samples = [sample(f"{label}{i}", label, fold=str(i % 5)) for label in "ab" for i in range(20)]
    for seed in range(4):
        cut = split(samples, test_fold="3", seed=seed)
        assert cut.by_fold
        assert len({each.fold for each in cut.part("valid")}) == 1
        assert len({each.fold for each in cut.part("train")}) == 3


@pytest.mark.parametrize(
    "folds",
    [
        pytest.param(["1", "2", "3", "4"], id="too few others"),
        pytest.param(["1", "2", "3", "4", "5a", "5b"], id="a fold without a class"),
    ],
)
def test_where_folds_cannot_validate_groups_do(folds: list[str]) -> None:
    samples = [
        sample(f"{label}{i}{fold}", label, fold=fold)
        for fold in folds
        for label in ("a" if fold.endswith("a") else "b" if fold.endswith("b") else "ab")
        for i in range(5)
    ]
    cut = split(samples, test_fold="1")
    assert not cut.by_fold
    assert len({each.fold for each in cut.part("valid")}) > 1


def test_an_unknown_fold_lists_the_folds() -> None:
    samples = [sample(f"{i}", fold=fold) for i, fold in enumerate(["10", "9", "9", "1"])]
    with pytest.raises(OptionError, match=r"--test-fold 7: there is no such fold; the folds are 1, 9, 10\."):
        split(samples, test_fold="7")
    with pytest.raises(OptionError, match="the data name no folds"):
        split(plain(), test_fold="1")


def test_torn_groups_are_obeyed_and_told() -> None:
    samples = [sample(f"{label}{i}", label, f"g{i}", fold=str(i % 2)) for label in "ab" for i in range(8)]
    samples.append(sample("z", "a", "g2", fold="1"))
    cut = split(samples, test_fold="1")
    assert cut.warnings == ("The given parts tear the group g2: what is held out was partly seen in training.",)


def test_training_on_one_group_alone_is_told() -> None:
    groups = {"train": "a", "valid": "b", "test": "c"}
    samples = [sample(f"{part}{label}", label, groups[part], part=part) for part in PARTS for label in "xy"]
    assert any("of one group (a)" in warning for warning in split(samples).warnings)
    assert not any("of one group" in w for w in split([replace(s, group="a") for s in samples]).warnings)


def test_classes_that_a_part_lacks_are_told() -> None:
    samples = [sample(f"{i}{label}", label, part=part) for i, part in enumerate(("train", "valid")) for label in "ab"]
    samples += [sample("c", "c", part="valid"), sample("a-test", "a", part="test")]
    assert split(samples).warnings == (
        "The train part lacks the class c: no recognizer can learn them.",
        "The test part lacks the classes b and c: they are not measured.",
    )


def test_without_training_there_is_nothing_to_do() -> None:
    with pytest.raises(DataError, match="No sample is left for training"):
        split([sample("a", part="test"), sample("b", part="valid")])


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1.0, float("nan")])
def test_the_fraction_is_one(fraction: float) -> None:
    with pytest.raises(OptionError, match="between 0 and 1"):
        split(plain(), valid_fraction=fraction)


# ── inner folds ──────────────────────────────────────────────────────────────────────────────────────


def test_inner_folds_are_level_in_size_and_in_classes() -> None:
    labels = np.repeat(["a", "b", "c"], [50, 23, 7])
    folds = inner_folds(labels, None, 5)
    assert folds.dtype == np.int64
    for label in "abc":
        counts = np.bincount(folds[labels == label], minlength=5)
        assert counts.max() - counts.min() <= 1
    sizes = np.bincount(folds)
    assert sizes.max() - sizes.min() <= 1


def test_inner_folds_take_numbers_as_names() -> None:
    labels, groups = np.arange(40) % 2, np.arange(40) // 4
    folds = inner_folds(labels, groups, 3, seed=1)
    assert all(len(set(folds[groups == group])) == 1 for group in range(10))


def test_inner_folds_of_nothing_or_of_too_few() -> None:
    assert inner_folds([], None, 3).shape == (0,)
    assert len(set(inner_folds(["a", "b"], None, 3).tolist())) == 2
    with pytest.raises(OptionError, match="2 at least"):
        inner_folds(["a"], None, 1)
    with pytest.raises(OptionError, match="2 labels and 1 groups"):
        inner_folds(["a", "b"], ["g"], 2)


def test_twenty_thousand_samples_are_divided_at_once() -> None:
    labels = [str(i % 100) for i in range(20_000)]
    start = time.process_time()
    folds = inner_folds(labels, [str(i // 3) for i in range(20_000)], 5)
    assert time.process_time() - start < 3.0  # 0.2 s where nothing else runs
    sizes = np.bincount(folds)
    assert sizes.max() - sizes.min() <= 40
