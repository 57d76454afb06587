"""What a suffix is trained on: the maps behind the cut, of every file in several varied views, kept on disk.

A frozen part gives the same map for the same picture, so varied views are rendered and asked once and used in every
epoch. Maps are kept by content, recipe, view, network, cut and engine, in half precision, and read through a memory
map. Where nothing is frozen the pictures themselves are kept. Covers making and drawing batches. Does not cover what a
varied view is (``photism.pictures.view``) nor training (``finetune``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int
from numpy.typing import NDArray

from photism.data.material import Material
from photism.errors import DecodeError
from photism.executor import Executor
from photism.pictures.gallery import Gallery, Rendered
from photism.pictures.view import View
from photism.recognizers.backbones import Backbone
from photism.recognizers.engines import Engine, open_engine
from photism.recognizers.frozen_pass import Panel
from photism.store import RowStore
from photism.types import JSON, Mask, Progress, Recipe, Sample, silent

__all__ = ["Cut", "Views", "make_views", "map_bytes"]

CHUNK_WINDOWS = 128


@dataclass(frozen=True)
class Cut:
    """Where a network is cut, and what turns files into maps there.

    ``after`` is the last frozen stage, None where the whole network is trained; ``engine`` what ``Engine.describe``
    returned, or a name.
    """

    backbone: Backbone
    after: str | None
    recipe: Recipe
    panels: tuple[Panel, ...]
    engine: str | Mapping[str, JSON] | None

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Shape of what one window is kept as: panels first."""
        size_px = (self.panels[0].height_px, self.panels[0].width_px)
        if self.after is None:
            return (len(self.panels), *size_px, 3)
        from photism.recognizers.torch_engine import map_sizes  # torch: what only describes a cut does not wait for it

        height, width = map_sizes(self.backbone, size_px)[self.after]
        return (len(self.panels), self.backbone.stage(self.after).channels, height, width)


def map_bytes(cut: Cut) -> int:
    """Count the bytes that one window takes on disk.

    Parameters
    ----------
    cut : Cut
    """
    return int(np.prod(cut.row_shape)) * (1 if cut.after is None else 2)


class Views:
    """Maps of files in several views, in memory-mapped tables.

    Parameters
    ----------
    tables : sequence of (rows, starts, counts, content)
        One a view, the plain one first. ``rows`` is the table on disk, ``starts`` and ``counts`` int64 (n_samples,) say
        where a file's windows lie (count 0 where it has none), ``content`` int32 (sum of counts, p, 4) holds their
        boxes in the files' order.
    """

    def __init__(
        self, tables: Sequence[tuple[NDArray[np.generic], NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]]
    ) -> None:
        self._tables = tuple(tables)
        self._offsets = tuple(np.cumsum(counts) - counts for _, _, counts, _ in tables)

    def __len__(self) -> int:
        return len(self._tables)

    def draw(
        self, files: Int[np.ndarray, " b"], chance: np.random.Generator
    ) -> tuple[NDArray[np.generic], NDArray[np.int32]]:
        """Draw one window of one view of every file.

        Parameters
        ----------
        files : int (b,)
            Numbers of files that have a plain view.
        chance : numpy Generator

        Returns
        -------
        maps : (b, p, ...)
        content : int32 (b, p, 4)
        """
        views = chance.integers(len(self._tables), size=len(files))
        places = chance.random(len(files))
        return self._read(
            [
                (0 if self._tables[v][2][i] == 0 else int(v), int(i), float(u))
                for v, i, u in zip(views, files, places, strict=True)
            ]
        )

    def plain(
        self, files: Int[np.ndarray, " f"], batch: int
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.generic], NDArray[np.int32]]]:
        """Walk over all windows of the files' plain views.

        Parameters
        ----------
        files : int (f,)
        batch : int
            Windows at a time.

        Yields
        ------
        numbers : int64 (b,)
            Which file each window is of.
        maps : (b, p, ...)
        content : int32 (b, p, 4)
        """
        rows, starts, counts, content = self._tables[0]
        numbers = np.repeat(files, counts[files])
        within = np.arange(len(numbers)) - np.repeat(np.cumsum(counts[files]) - counts[files], counts[files])
        for start in range(0, len(numbers), batch):
            some, at = numbers[start : start + batch], within[start : start + batch]
            yield some, rows[starts[some] + at], content[self._offsets[0][some] + at]

    def _read(self, wanted: Sequence[tuple[int, int, float]]) -> tuple[NDArray[np.generic], NDArray[np.int32]]:
        maps, boxes = [], []
        for view, file, place in wanted:
            rows, starts, counts, content = self._tables[view]
            window = int(place * counts[file])
            maps.append(rows[starts[file] + window])
            boxes.append(content[self._offsets[view][file] + window])
        return np.stack(maps), np.stack(boxes)


def make_views(
    material: Material,
    cut: Cut,
    *,
    plain: Mask,
    varied: Mask,
    n_views: int,
    seed: int,
    executor: Executor,
    cache: Path,
    ops: tuple[str, ...] | None = None,
    progress: Progress = silent,
) -> Views:
    """Render views of files and ask the frozen part for their maps, but for those that are kept already.

    Parameters
    ----------
    material : Material
    cut : Cut
    plain, varied : bool (n_samples,)
        Which files are needed as they are, and which in ``n_views`` varied views besides.
    n_views : int
    seed : int
        Of the variations.
    executor : Executor
        Where files are rendered.
    cache : Path
        Where maps are kept.
    ops : tuple of str, optional
        Which variations of the kind, applied in this order; its ``DEFAULT_OPS`` where it is None.
    progress : callable
        Told ("views", done, total).

    Returns
    -------
    Views
        A file whose varied view cannot be drawn goes without that view.

    Raises
    ------
    DecodeError
        Where a file can no longer be drawn as it is, though it could be before.
    """
    jobs = [(None, np.flatnonzero(plain))] + [
        (View(seed, v, ops), np.flatnonzero(varied)) for v in range(1, n_views + 1)
    ]
    total, done = sum(len(files) for _, files in jobs), 0
    engine = _engine(cut)
    tables = []
    for view, files in jobs:
        store = _Store(cut, view, cache, engine)
        samples = [material.samples[i] for i in files]
        for n_done in store.fill(samples, material.hashes, executor):
            progress("views", done + n_done, total)
        done += len(files)
        tables.append(store.table(files, [material.hashes[s.path] for s in samples], len(material.samples)))
    gone = [int(i) for i in np.flatnonzero(plain) if tables[0][2][i] == 0]
    if gone:
        more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
        raise DecodeError(
            f"{material.samples[gone[0]].path}{more}: expected a file that can be drawn, as it could be when this "
            "training began, and could not draw it; --resume goes on once it can be."
        )
    return Views(tables)


def _engine(cut: Cut) -> Engine | None:
    if cut.after is None:
        return None
    from photism.recognizers.torch_engine import map_sizes

    panel = cut.panels[0]
    size_px = (panel.height_px, panel.width_px)
    # As many cells as the map has places: pooling then changes nothing.
    places = map_sizes(cut.backbone, size_px)[cut.after]
    return open_engine(
        cut.backbone, size_px=size_px, stages=[cut.after], grid=places, statistics=("mean",), engine=cut.engine
    )


class _Store:
    """The maps of one view."""

    def __init__(self, cut: Cut, view: View | None, cache: Path, engine: Engine | None) -> None:
        self._cut, self._engine = cut, engine
        # Pictures of varied views are not kept: what is made of them is.
        self._gallery = Gallery(cut.recipe, cache if view is None else None, view)
        key = [
            cut.recipe.key,
            view.key if view else "plain",
            cut.backbone.weights_sha256,
            cut.after,
            list(cut.row_shape),
        ]
        name = hashlib.sha256(
            json.dumps([*key, engine.describe() if engine else None], sort_keys=True).encode()
        ).hexdigest()[:16]
        self._rows = RowStore(
            cache / f"maps-{name}", row_shape=cut.row_shape, dtype="uint8" if engine is None else "float16"
        )

    def fill(self, samples: Sequence[Sample], hashes: Mapping[Path, str], executor: Executor) -> Iterator[int]:
        """Make what is missing; yields how many of the samples are done."""
        first = {hashes[sample.path]: sample for sample in reversed(samples)}
        missing = [s for s in samples if (key := hashes[s.path]) not in self._rows and first[key] is s]
        waiting: list[Rendered] = []
        for done, one in enumerate(self._gallery.pictures(missing, hashes, executor), len(samples) - len(missing) + 1):
            if one.pixels is not None:
                waiting.append(one)
            if sum(len(each.pixels) for each in waiting if each.pixels is not None) >= CHUNK_WINDOWS:
                self._keep(waiting, hashes)
                waiting = []
            yield done
        self._keep(waiting, hashes)

    def _keep(self, files: Sequence[Rendered], hashes: Mapping[Path, str]) -> None:
        if not files:
            return
        pixels = np.concatenate([one.pixels for one in files if one.pixels is not None])
        rows = pixels if self._engine is None else self._maps(pixels)
        items, start = [], 0
        for one in files:
            assert one.content is not None
            stop = start + len(one.content)
            boxes = [[int(v) for v in box.reshape(-1)] for box in one.content]
            items.append((hashes[one.sample.path], rows[start:stop], boxes))
            start = stop
        self._rows.append(items)

    def _maps(self, pixels: NDArray[np.uint8]) -> NDArray[np.float16]:
        assert self._engine is not None
        assert self._cut.after is not None
        # Padding is left in: what comes after the cut must see what it was pretrained to see; pooling leaves it out.
        panels = [
            self._engine.pooled(np.ascontiguousarray(pixels[:, index]))[self._cut.after][:, 0]
            for index in range(pixels.shape[1])
        ]
        return np.stack(panels, axis=1).astype(np.float16)

    def table(
        self, files: NDArray[np.int64], keys: Sequence[str], n_samples: int
    ) -> tuple[NDArray[np.generic], NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
        """Where every file's windows lie; files that could not be drawn have none."""
        there = np.array([key in self._rows for key in keys], dtype=bool)
        rows, found_starts, found_counts = self._rows.table([k for k, t in zip(keys, there, strict=True) if t])
        starts, counts = np.zeros(n_samples, np.int64), np.zeros(n_samples, np.int64)
        starts[files[there]], counts[files[there]] = found_starts, found_counts
        boxes = [self._rows.extra(key) for key, t in zip(keys, there, strict=True) if t]
        content = np.array([box for one in boxes for box in one], np.int32)
        return rows, starts, counts, content.reshape(-1, len(self._cut.panels), 4)
