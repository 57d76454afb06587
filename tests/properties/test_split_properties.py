"""Whatever the labels and groups: groups are whole, nothing is lost, classes are level, order decides nothing."""

from __future__ import annotations

import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from photism.data.listing import printable
from photism.data.records import safe_cell
from photism.data.split import inner_folds, split
from photism.errors import DataError
from photism.types import Sample

ROWS = st.lists(st.tuples(st.sampled_from("abcd"), st.none() | st.integers(0, 12)), min_size=1, max_size=60)
SEEDS = st.integers(0, 2**31)


def samples_of(rows: list[tuple[str, int | None]]) -> list[Sample]:
    return [
        Sample(Path(f"/{i}"), str(i), label, None if group is None else str(group))
        for i, (label, group) in enumerate(rows)
    ]


def group_of(sample: Sample) -> str:
    return f"group {sample.group}" if sample.group else f"file {sample.name}"


@settings(deadline=None)  # a busy machine is no failure
@given(rows=ROWS, seed=SEEDS, data=st.data())
def test_a_cut_is_whole_complete_and_blind_to_order(
    rows: list[tuple[str, int | None]], seed: int, data: st.DataObject
) -> None:
    samples = samples_of(rows)
    n_groups = Counter(label for label, _ in {(each.label, group_of(each)) for each in samples})
    try:
        cut = split(samples, seed=seed)
    except DataError:
        assert set(n_groups.values()) == {1}
        return
    assert Counter(each.name for each in cut.samples) == Counter(each.name for each in samples)
    where: dict[str, set[str | None]] = {}
    for each in cut.samples:
        where.setdefault(group_of(each), set()).add(each.part)
    assert all(len(parts) == 1 for parts in where.values())
    assert {each.label for each in cut.part("train")} == {each.label for each in samples}
    for label, n in n_groups.items():
        if n == 1:
            assert {each.part for each in cut.samples if each.label == label} == {"train"}
    assert split(data.draw(st.permutations(samples)), seed=seed) == cut


@settings(deadline=None)
@given(counts=st.lists(st.integers(2, 60), min_size=1, max_size=5), fraction=st.floats(0.05, 0.5), seed=SEEDS)
def test_without_groups_every_class_gives_its_share_to_the_nearest_item(
    counts: list[int], fraction: float, seed: int
) -> None:
    samples = samples_of([("abcde"[k], None) for k, n in enumerate(counts) for _ in range(n)])
    valid = Counter(each.label for each in split(samples, seed=seed, valid_fraction=fraction).part("valid"))
    for label, n in Counter(each.label for each in samples).items():
        assert max(1, np.floor(fraction * n)) <= valid[label] <= max(1, np.ceil(fraction * n))


@settings(deadline=None)
@given(rows=ROWS, n_folds=st.integers(2, 6), seed=SEEDS, data=st.data())
def test_inner_folds_never_tear_a_group_and_follow_the_samples(
    rows: list[tuple[str, int | None]], n_folds: int, seed: int, data: st.DataObject
) -> None:
    labels = [label for label, _ in rows]
    groups = [f"own {i}" if group is None else str(group) for i, (_, group) in enumerate(rows)]
    folds = inner_folds(labels, groups, n_folds, seed)
    assert set(folds.tolist()) <= set(range(n_folds))
    assert len(set(folds.tolist())) == min(n_folds, len(set(groups)))
    assert len(set(zip(groups, folds.tolist(), strict=True))) == len(set(groups))
    order = data.draw(st.permutations(range(len(rows))))
    again = inner_folds([labels[i] for i in order], [groups[i] for i in order], n_folds, seed)
    assert again.tolist() == folds[order].tolist()


@settings(deadline=None)
@given(labels=st.lists(st.sampled_from("abc"), min_size=1, max_size=80), n_folds=st.integers(2, 6), seed=SEEDS)
def test_without_groups_inner_folds_differ_by_one_item_a_class(labels: list[str], n_folds: int, seed: int) -> None:
    folds = inner_folds(labels, None, n_folds, seed)
    for label in set(labels):
        counts = np.bincount(folds[np.array(labels) == label], minlength=n_folds)
        assert counts.max() - counts.min() <= 1


@settings(deadline=None)
@given(text=st.text(st.characters(codec=None), max_size=20))
def test_names_become_printable_and_cells_harmless(text: str) -> None:
    encodable = text.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")
    assert all(c.isprintable() or unicodedata.category(c) == "Zs" for c in printable(encodable))
    assert not safe_cell(encodable).startswith(("=", "+", "-", "@", "\t", "\r"))
