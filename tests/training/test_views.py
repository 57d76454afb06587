"""Maps behind a cut: what the network itself says there, made once, found again, drawn by chance that is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from photism.errors import DecodeError
from photism.executor import SerialExecutor
from photism.pictures.gallery import Gallery
from photism.pictures.table import RenderJob
from photism.training.views import Cut, Views, make_views, map_bytes
from tests.recognizers.backbone_samples import random_backbone
from tests.small_training import Small, material_of, write_colours


class Watched(SerialExecutor):
    """Keeps what it was asked to render; refuses varied views of some files."""

    def __init__(self, refused: Sequence[Path] = ()) -> None:
        self.jobs: list[RenderJob] = []
        self.refused = set(refused)

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        self.jobs += items
        for item, answer in zip(items, super().map(function, items), strict=True):
            yield "it is too short." if item.view is not None and item.path in self.refused else answer


class Gone(SerialExecutor):
    """Can no longer draw one file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        for item, answer in zip(items, super().map(function, items), strict=True):
            yield "it is gone." if item.path == self.path else answer


def cut_of(small: Small, after: str | None = "fire4") -> Cut:
    return Cut(random_backbone(), after, small.recipe, small.asked.panels, small.asked.engine)


def made(
    small: Small,
    cache: Path,
    *,
    cut: Cut | None = None,
    executor: Watched | None = None,
    n_views: int = 2,
    seed: int = 0,
) -> Views:
    return make_views(
        small.material, cut or cut_of(small), plain=np.ones(30, dtype=bool), varied=small.material.mask("train"),
        n_views=n_views, seed=seed, executor=executor or Watched(), cache=cache,
    )  # fmt: skip


def plain_maps(views: Views, files: np.ndarray, batch: int = 7) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    numbers, maps, content = zip(*views.plain(files, batch), strict=True)
    return np.concatenate(numbers), np.concatenate(maps), np.concatenate(content)


def drawn(views: Views, files: np.ndarray, seed: int = 0) -> np.ndarray:
    return views.draw(files, np.random.default_rng(seed))[0]


def test_a_file_that_can_no_longer_be_drawn_is_not_answered_with_anothers_map(small: Small, tmp_path: Path) -> None:
    gone = small.material.samples[3].path
    with pytest.raises(DecodeError, match=f"{gone}: expected a file that can be drawn"):
        make_views(
            small.material, cut_of(small), plain=np.ones(30, dtype=bool), varied=np.zeros(30, dtype=bool), n_views=0,
            seed=0, executor=Gone(gone), cache=tmp_path,
        )  # fmt: skip


@pytest.fixture(scope="module")
def made_once(small: Small, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Watched, Views]:
    cache, executor = tmp_path_factory.mktemp("views"), Watched()
    return cache, executor, made(small, cache, executor=executor)


def test_maps_are_the_networks_own_at_the_cut(small: Small, made_once: tuple[Path, Watched, Views]) -> None:
    cut = cut_of(small)
    numbers, maps, content = plain_maps(made_once[2], np.arange(30))
    assert numbers.tolist() == list(range(30))
    assert maps.dtype == np.float16
    assert maps.shape == (30, *cut.row_shape)
    assert content.tolist() == [[[0, 0, 64, 64]]] * 30
    backbone = cut.backbone
    rendered = Gallery(small.recipe, None).pictures(small.material.samples, small.material.hashes, SerialExecutor())
    pixels = np.concatenate([one.pixels[:, 0] for one in rendered if one.pixels is not None])
    mean, std = (torch.tensor(value).reshape(1, 3, 1, 1) for value in (backbone.mean, backbone.std))
    with torch.no_grad():
        x = (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255 - mean) / std
        expected = backbone.trunk(x, [str(cut.after)])[0].numpy()
    scale = np.abs(expected).max()
    assert scale > 0
    np.testing.assert_allclose(maps[:, 0] / scale, expected / scale, atol=2e-3)


def test_where_nothing_is_frozen_the_pictures_themselves_are_kept(small: Small, tmp_path: Path) -> None:
    cut = cut_of(small, None)
    _, pictures, _ = plain_maps(made(small, tmp_path, cut=cut, n_views=0), np.arange(30))
    rendered = Gallery(small.recipe, None).pictures(small.material.samples, small.material.hashes, SerialExecutor())
    assert pictures.dtype == np.uint8
    np.testing.assert_array_equal(pictures, np.concatenate([r.pixels for r in rendered if r.pixels is not None]))
    assert map_bytes(cut) == 64 * 64 * 3


def test_every_view_is_rendered_once_and_found_again(small: Small, made_once: tuple[Path, Watched, Views]) -> None:
    cache, executor, views = made_once
    assert [job.view for job in executor.jobs].count(None) == 30
    assert len(executor.jobs) == 30 + 2 * small.material.count("train")
    stores = {folder.name: (folder / "rows.bin").stat().st_size for folder in cache.glob("maps-*")}
    assert sorted(stores.values()) == sorted(map_bytes(cut_of(small)) * n for n in (30, 18, 18))
    again = Watched()
    found = made(small, cache, executor=again)
    assert not again.jobs
    assert {folder.name: (folder / "rows.bin").stat().st_size for folder in cache.glob("maps-*")} == stores
    for one, other in zip(plain_maps(views, np.arange(30)), plain_maps(found, np.arange(30)), strict=True):
        np.testing.assert_array_equal(one, other)
    files = np.flatnonzero(small.material.mask("train"))
    np.testing.assert_array_equal(drawn(views, files), drawn(found, files))
    # One more view costs that view alone.
    made(small, cache, executor=again, n_views=3)
    assert len(again.jobs) == 18
    assert {job.view.index for job in again.jobs if job.view is not None} == {3}


@pytest.mark.parametrize("other", ["after", "recipe", "weights"])
def test_another_cut_recipe_or_network_is_another_store(
    small: Small, made_once: tuple[Path, Watched, Views], other: str
) -> None:
    cache, cut = made_once[0], cut_of(small)
    if other == "after":
        cut = cut_of(small, "fire5")
    elif other == "recipe":
        cut = replace(cut, recipe=replace(cut.recipe, version=cut.recipe.version + 1000))
    else:
        cut = replace(cut, backbone=replace(cut.backbone, weights_sha256="1" * 64))
    before = set(cache.glob("maps-*"))
    made(small, cache, cut=cut, n_views=0)
    assert len(set(cache.glob("maps-*")) - before) == 1


def test_an_empty_cache_gives_the_same_bits_and_another_seed_others(
    small: Small, made_once: tuple[Path, Watched, Views], tmp_path: Path
) -> None:
    files = np.flatnonzero(small.material.mask("train"))
    afresh = made(small, tmp_path)
    np.testing.assert_array_equal(drawn(made_once[2], files), drawn(afresh, files))
    other = made(small, tmp_path, seed=1)
    np.testing.assert_array_equal(plain_maps(other, files)[1], plain_maps(afresh, files)[1])
    assert not np.array_equal(drawn(other, files), drawn(afresh, files))


def test_varied_views_differ_from_the_plain_one_and_from_each_other(
    small: Small, made_once: tuple[Path, Watched, Views]
) -> None:
    views = made_once[2]
    assert len(views) == 3
    n_seen = []
    for file in range(30):
        maps = drawn(views, np.full(40, file))
        plain = plain_maps(views, np.array([file]))[1]
        n_seen.append(len(np.unique(maps.reshape(40, -1), axis=0)))
        assert (maps == plain).all(axis=(1, 2, 3, 4)).any()
    assert set(n_seen) <= {1, 2, 3}
    train = small.material.mask("train")
    assert {n for n, taught in zip(n_seen, train, strict=True) if not taught} == {1}
    assert np.mean(np.array(n_seen)[train] == 3) > 0.8  # a view may happen to be drawn without any variation


def test_drawing_follows_from_the_generator_alone(made_once: tuple[Path, Watched, Views]) -> None:
    views, files = made_once[2], np.arange(24).repeat(3)
    one, other = np.random.default_rng(5), np.random.default_rng(5)
    for _ in range(2):
        np.testing.assert_array_equal(views.draw(files, one)[0], views.draw(files, other)[0])
    assert one.random() == other.random()
    assert not np.array_equal(drawn(views, files, 1), drawn(views, files, 2))


def test_a_file_that_cannot_be_drawn_in_a_view_is_shown_as_it_is(small: Small, tmp_path: Path) -> None:
    files = np.flatnonzero(small.material.mask("train"))
    broken, sound = files[3], files[4]
    executor = Watched([small.material.samples[broken].path])
    views = made(small, tmp_path, executor=executor)
    assert (drawn(views, np.full(30, broken)) == plain_maps(views, np.array([broken]))[1]).all()
    assert not (drawn(views, np.full(30, sound)) == plain_maps(views, np.array([sound]))[1]).all()
    whole = made(small, tmp_path / "another")
    np.testing.assert_array_equal(drawn(views, files[5:]), drawn(whole, files[5:]))


def test_identical_files_share_their_rows(small: Small, tmp_path: Path) -> None:
    folder = write_colours(tmp_path / "colours")
    (folder / "train/red/0.png").write_bytes((folder / "train/red/1.png").read_bytes())
    twins = replace(small, material=material_of(folder))
    executor = Watched()
    views = made(twins, tmp_path / "cache", executor=executor)
    assert [job.view for job in executor.jobs].count(None) == 29
    sizes = [(store / "rows.bin").stat().st_size for store in (tmp_path / "cache").glob("maps-*")]
    assert max(sizes) == 29 * map_bytes(cut_of(small))
    names = [sample.name for sample in twins.material.samples]
    one, other = (names.index(f"train/red/{i}.png") for i in (0, 1))
    np.testing.assert_array_equal(drawn(views, np.full(9, one)), drawn(views, np.full(9, other)))
    _, maps, _ = plain_maps(views, np.arange(30))
    np.testing.assert_array_equal(maps[one], maps[other])
    assert len(np.unique(maps.reshape(30, -1), axis=0)) == 29


def test_windows_of_a_file_are_drawn_evenly_and_keep_their_boxes() -> None:
    """Rows that say which they are: file 0 has rows 4 to 6, file 1 none, file 2 row 1; a second view knows file 0."""
    rows = np.arange(8, dtype=np.float16).reshape(8, 1, 1, 1, 1)
    starts, counts = np.array([4, 0, 1]), np.array([3, 0, 1])
    content = np.array([[[row, 0, 9, 9]] for row in (4, 5, 6, 1)], np.int32)
    second = (
        rows + 100,
        np.array([2, 0, 0]),
        np.array([2, 0, 0]),
        np.array([[[r, 0, 9, 9]] for r in (102, 103)], np.int32),
    )
    views = Views([(rows, starts, counts, content), second])
    maps, boxes = views.draw(np.array([0, 2] * 600), np.random.default_rng(0))
    values = maps.reshape(-1).astype(int)
    np.testing.assert_array_equal(values, boxes[:, 0, 0])
    assert (values[1::2] == 1).all()
    found, often = np.unique(values[::2], return_counts=True)
    assert found.tolist() == [4, 5, 6, 102, 103]
    np.testing.assert_allclose(often / 600, [1 / 6, 1 / 6, 1 / 6, 1 / 4, 1 / 4], atol=0.06)
    numbers, maps, boxes = plain_maps(views, np.array([0, 2]), batch=3)
    assert numbers.tolist() == [0, 0, 0, 2]
    assert maps.reshape(-1).tolist() == boxes[:, 0, 0].tolist() == [4, 5, 6, 1]


def test_variations_can_be_named_and_are_kept_apart(small: Small, made_once: tuple[Path, Watched, Views]) -> None:
    cache, _, usual = made_once

    def varied(ops: tuple[str, ...] | None) -> tuple[np.ndarray, list[RenderJob]]:
        executor = Watched()
        views = make_views(
            small.material, cut_of(small), plain=np.ones(30, dtype=bool), varied=small.material.mask("train"),
            n_views=2, seed=0, executor=executor, cache=cache, ops=ops,
        )  # fmt: skip
        return drawn(views, np.flatnonzero(small.material.mask("train"))), executor.jobs

    files = np.flatnonzero(small.material.mask("train"))
    as_usual, asked = varied(None)
    assert asked == []  # found again under the usual name
    assert np.array_equal(as_usual, drawn(usual, files))
    flipped, asked = varied(("flip",))
    assert {job.view.ops for job in asked if job.view is not None} == {("flip",)}
    assert len(asked) == 2 * len(files)
    assert not np.array_equal(flipped, as_usual)
