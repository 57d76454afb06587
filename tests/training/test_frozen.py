"""One frozen pass a data set: kept by content, recipe, network and engine, and the same numbers when found again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from photism.errors import DataError
from photism.executor import SerialExecutor
from photism.pictures.table import fit_recipe
from photism.recognizers.frozen_pass import FileFeatures
from photism.training.frozen import Asked, FeatureCache, ask
from photism.types import Sample
from tests.recognizers.backbone_samples import random_backbone
from tests.small_training import ENGINE, Small, ask_small, material_of, write_colours


def assert_same(one: Asked, other: Asked) -> None:
    assert list(one.features.layers) == list(other.features.layers)
    for name, values in one.features.layers.items():
        np.testing.assert_array_equal(values, other.features.layers[name])
    np.testing.assert_array_equal(one.features.sample_of_window, other.features.sample_of_window)


def test_every_file_has_features_that_weigh_one(small: Small) -> None:
    features = small.asked.features
    assert features.n_samples == 30
    assert np.bincount(features.sample_of_window, features.weight, minlength=30).tolist() == [1.0] * 30
    channels = {stage.name: stage.channels for stage in random_backbone().stages}
    for name, values in features.layers.items():
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
        assert values.shape == (30, 2 * channels[name.rpartition("/")[2]] * features.places[name])
    assert small.asked.engine["name"] == ENGINE
    assert not small.asked.skipped


def test_a_second_pass_finds_the_same_bits_and_asks_no_network(small: Small) -> None:
    again = ask_small(small.material, small.recipe, small.cache)
    assert again.seconds_in_network == 0.0
    assert_same(small.asked, again)


def test_an_empty_cache_gives_the_same_bits(small: Small, tmp_path: Path) -> None:
    afresh = ask_small(small.material, small.recipe, tmp_path)
    assert afresh.seconds_in_network > 0
    assert_same(small.asked, afresh)


def test_another_recipe_is_another_cache(small: Small, tmp_path: Path) -> None:
    recipe = fit_recipe("image", [], size_px=64, options={"fit": "pad"})
    ask_small(small.material, small.recipe, tmp_path)
    n_caches = len(list(tmp_path.glob("features-*")))
    ask_small(small.material, recipe, tmp_path)
    assert len(list(tmp_path.glob("features-*"))) == n_caches + 1


def test_a_file_that_breaks_after_it_was_listed_is_skipped(tmp_path: Path) -> None:
    material = material_of(write_colours(tmp_path / "colours"))
    number = int(np.flatnonzero(material.mask("train"))[2])
    path = material.samples[number].path
    path.write_bytes(path.read_bytes()[:60])
    asked = ask_small(material, fit_recipe("image", [], size_px=64), tmp_path / "cache")
    assert set(asked.skipped) == {number}
    assert asked.skipped[number].path == material.samples[number].name
    assert number not in asked.features.sample_of_window
    assert asked.features.n_samples == 30


def test_nothing_that_can_be_read_is_an_error(tmp_path: Path) -> None:
    material = material_of(write_colours(tmp_path / "colours"))
    for sample in material.samples:
        sample.path.write_bytes(b"no picture")
    with pytest.raises(DataError, match="none of the"):
        ask(
            material,
            fit_recipe("image", [], size_px=64),
            random_backbone(),
            engine=ENGINE,
            executor=SerialExecutor(),
            cache=tmp_path / "cache",
        )


def test_the_cache_keeps_windows_of_layers_apart(tmp_path: Path) -> None:
    sample = Sample(tmp_path / "a", "a")
    layers = {"p/one": np.arange(6, dtype=np.float32).reshape(2, 3), "p/two": np.full((2, 1), 7, np.float32)}
    other = {name: values[:1] + 10 for name, values in layers.items()}
    kept = FeatureCache(tmp_path, "key")
    assert "a" not in kept
    assert not kept.rows([])[0]
    with pytest.raises(KeyError):
        kept.rows(["a"])
    broken = FileFeatures(sample, {}, "it is broken.")
    kept.keep([("a", FileFeatures(sample, layers)), ("broken", broken), ("b", FileFeatures(sample, other))])
    for cache in (kept, FeatureCache(tmp_path, "key")):
        assert "broken" not in cache
        found, counts = cache.rows(["b", "a", "b"])
        assert counts.tolist() == [1, 2, 1]
        for name, values in found.items():
            np.testing.assert_array_equal(values, np.concatenate([other[name], layers[name], other[name]]))
    with pytest.raises(KeyError):
        kept.rows(["a", "c"])
    assert "a" not in FeatureCache(tmp_path, "another key")


def test_files_with_the_same_content_share_their_rows_and_their_fate(tmp_path: Path) -> None:
    folder = write_colours(tmp_path / "colours")
    (folder / "train/red/0.png").write_bytes((folder / "train/red/1.png").read_bytes())
    material = material_of(folder)
    numbers = [i for i, s in enumerate(material.samples) if s.name in ("train/red/0.png", "train/red/1.png")]
    asked = ask_small(material, fit_recipe("image", [], size_px=64), tmp_path / "cache")
    one, other = asked.features.layers.rows[np.isin(asked.features.sample_of_window, numbers)]
    assert one == other
    assert len(np.unique(asked.features.layers.rows)) == 29
    for i in numbers:  # identical, and broken after they were listed
        material.samples[i].path.write_bytes(b"no picture")
    again = ask_small(material, fit_recipe("image", [], size_px=64), tmp_path / "cache of its own")
    assert sorted(again.skipped) == numbers
    assert {skipped.path for skipped in again.skipped.values()} == {"train/red/0.png", "train/red/1.png"}


def test_features_are_views_on_the_disk(small: Small) -> None:
    features = small.asked.features
    kept = features.keep(small.material.mask("train"))
    for name, table in features.layers.tables.items():
        assert not table.flags.owndata
        assert np.shares_memory(table, kept.layers.tables[name])


def test_parts_do_not_change_features(small: Small, tmp_path: Path) -> None:
    """Features depend on nothing but the file: another split of the same files finds them all."""
    swapped = tuple(replace(s, part="test" if s.part == "train" else "train") for s in small.material.samples)
    again = ask_small(replace(small.material, samples=swapped), small.recipe, small.cache)
    assert again.seconds_in_network == 0.0
    assert_same(small.asked, again)


def test_files_are_asked_in_turn_until_it_is_enough(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("photism.recognizers.frozen_pass.CHUNK_WINDOWS", 4)
    order = np.random.default_rng(0).permutation(30).tolist()
    told: list[int] = []

    def enough(turn: int) -> bool:
        told.append(turn)
        return turn == 10

    def ask_some(cache: Path, turns: list[int], enough: Callable[[int], bool] | None = None) -> Asked:
        network, executor = random_backbone(), SerialExecutor()
        return ask(
            small.material, small.recipe, network, engine=ENGINE, executor=executor, cache=cache, turns=turns,
            enough=enough,
        )  # fmt: skip

    some = ask_some(tmp_path, order, enough)
    assert told == list(range(1, 11))
    assert some.n_turns == 10
    assert some.features.files.tolist() == sorted(order[:10])
    for name, values in some.features.layers.items():
        np.testing.assert_array_equal(values, small.asked.features.layers[name][sorted(order[:10])])
    # What else is kept by now changes nothing where the number is known.
    assert_same(ask_some(small.cache, order[:10]), some)
