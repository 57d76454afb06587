"""The gallery: rendered once, found by content, and what could not be rendered comes back as its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from photism.data.duplicates import content_hash
from photism.errors import WorkerError
from photism.executor import SerialExecutor
from photism.pictures.gallery import CHUNK_FILES, Gallery, Rendered
from photism.pictures.table import fit_recipe
from photism.types import Recipe, Sample

RECIPE = fit_recipe("image", [], size_px=32, options={"fit": "crop+pad"})


class CountingExecutor(SerialExecutor):
    """Remembers how many files were rendered."""

    def __init__(self) -> None:
        self.n_items = 0

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        self.n_items += len(items)
        return super().map(function, items)


class DyingExecutor(SerialExecutor):
    """Answers like workers that were killed."""

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        return iter([WorkerError("reading it took longer than 60 s")] * len(items))


def photograph(path: Path, seed: int) -> Sample:
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 30, 3), np.uint8)
    PillowImage.fromarray(pixels).save(path)
    return Sample(path, path.name)


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    return [photograph(tmp_path / f"{seed}.png", seed) for seed in range(3)]


def rendered(gallery: Gallery, samples: Sequence[Sample]) -> tuple[list[Rendered], int]:
    executor = CountingExecutor()
    hashes = {sample.path: content_hash(sample.path) for sample in samples}
    return list(gallery.pictures(samples, hashes, executor)), executor.n_items


def assert_same(one: Sequence[Rendered], other: Sequence[Rendered]) -> None:
    for a, b in zip(one, other, strict=True):
        assert a.pixels is not None
        assert a.content is not None
        np.testing.assert_array_equal(a.pixels, b.pixels)
        np.testing.assert_array_equal(a.content, b.content)


def test_what_is_kept_has_the_same_pixels_and_is_not_rendered_again(samples: list[Sample], tmp_path: Path) -> None:
    first, n_first = rendered(Gallery(RECIPE, tmp_path / "cache"), samples)
    again, n_again = rendered(Gallery(RECIPE, tmp_path / "cache"), samples)
    assert (n_first, n_again) == (3, 0)
    assert_same(first, again)
    assert first[0].pixels is not None
    assert first[0].pixels.shape == (1, 2, 32, 32, 3)


def test_pictures_are_found_by_content_and_not_by_name(samples: list[Sample], tmp_path: Path) -> None:
    first, _ = rendered(Gallery(RECIPE, tmp_path / "cache"), samples)
    moved = samples[0].path.rename(tmp_path / "moved.dat")
    found, n_rendered = rendered(Gallery(RECIPE, tmp_path / "cache"), [Sample(moved, "moved.dat")])
    assert n_rendered == 0
    assert_same(first[:1], found)
    photograph(samples[1].path, seed=9)  # the same name, other content
    _, n_rendered = rendered(Gallery(RECIPE, tmp_path / "cache"), samples[1:])
    assert n_rendered == 1


def test_another_recipe_does_not_get_these_pictures(samples: list[Sample], tmp_path: Path) -> None:
    rendered(Gallery(RECIPE, tmp_path / "cache"), samples)
    for other in (Recipe("image", RECIPE.version + 1, RECIPE.options), fit_recipe("image", [], size_px=48)):
        assert Gallery(other, tmp_path / "cache")._folder != Gallery(RECIPE, tmp_path / "cache")._folder


def test_a_reason_comes_back_in_the_files_place_and_is_not_kept(samples: list[Sample], tmp_path: Path) -> None:
    samples[1].path.write_bytes(samples[1].path.read_bytes()[:60])
    for _ in range(2):
        found, n_rendered = rendered(Gallery(RECIPE, tmp_path / "cache"), samples)
        assert [one.sample.name for one in found] == ["0.png", "1.png", "2.png"]
        assert [one.pixels is None for one in found] == [False, True, False]
        assert found[1].reason
    assert n_rendered == 1


def test_what_killed_a_worker_is_a_reason_too(samples: list[Sample], tmp_path: Path) -> None:
    found = list(Gallery(RECIPE, None).pictures(samples, {}, DyingExecutor()))
    assert [one.reason for one in found] == ["reading it took longer than 60 s"] * 3


def test_nothing_is_kept_without_a_folder(samples: list[Sample], tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    kept, _ = rendered(Gallery(RECIPE, tmp_path / "cache"), samples)
    cached = set(tmp_path.rglob("*"))
    loose = list(Gallery(RECIPE, None).pictures(samples, {}, SerialExecutor()))
    assert_same(kept, loose)
    assert before < cached == set(tmp_path.rglob("*"))


def test_more_files_than_a_chunk_and_copies_of_one_file(tmp_path: Path) -> None:
    one = photograph(tmp_path / "one.png", 0)
    copies = []
    for number in range(CHUNK_FILES + 3):
        path = tmp_path / f"copy{number}.png"
        path.write_bytes(one.path.read_bytes())
        copies.append(Sample(path, path.name))
    found, _ = rendered(Gallery(RECIPE, tmp_path / "cache"), copies)
    assert len(found) == CHUNK_FILES + 3
    assert_same(found, [found[0]] * len(found))
    again, n_rendered = rendered(Gallery(RECIPE, tmp_path / "cache"), [one])
    assert n_rendered == 0
    assert_same(again, found[:1])
