"""The gallery: every picture of a data set, rendered once and kept in a memory-mapped cache.

Pictures are kept by the file's content, the recipe and the view, so a file that was moved, renamed or is part of
another data set is not rendered again. Rendering runs in the executor's workers; what could not be rendered comes
back as a reason, not as a picture.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int32, UInt8

from photism.errors import WorkerError
from photism.executor import Executor
from photism.pictures.table import RenderJob, render_pixels
from photism.pictures.view import View
from photism.store import RowStore
from photism.types import Recipe, Sample

__all__ = ["Gallery", "Rendered"]

CHUNK_FILES = 64


@dataclass(frozen=True, slots=True)
class Rendered:
    """The pictures of one file: n windows, p panels; or the reason why there are none."""

    sample: Sample
    pixels: UInt8[np.ndarray, "n p h w 3"] | None
    content: Int32[np.ndarray, "n p 4"] | None
    reason: str | None = None


class Gallery:
    """Pictures made by one recipe, found by content.

    Parameters
    ----------
    recipe : Recipe
        How every picture is made.
    folder : Path, optional
        The cache to keep them in; nothing is kept where it is None.
    view : View, optional
        Which varied view of every file is shown; the plain picture by default, and for the view of index 0.
    """

    def __init__(self, recipe: Recipe, folder: Path | None, view: View | None = None) -> None:
        self.recipe = recipe
        self.view = None if view is None or view.is_plain else view
        name = f"pictures-{recipe.key}" + (f"-{self.view.key}" if self.view else "")
        self._folder = folder / name if folder else None
        self._store: RowStore | None = None

    def pictures(
        self, samples: Sequence[Sample], hashes: Mapping[Path, str], executor: Executor
    ) -> Generator[Rendered, None, None]:
        """Yield the pictures of every sample in order, rendering those that are not kept yet.

        Parameters
        ----------
        samples : sequence of Sample
            Files to render.
        hashes : mapping of path to str
            SHA-256 of each file's content.
        executor : Executor
            Where rendering runs.
        """
        if self._store is None and self._folder and (self._folder / "shape").is_file():
            self._open([int(side) for side in (self._folder / "shape").read_text().split()])
        missing = [sample for sample in samples if self._store is None or hashes[sample.path] not in self._store]
        fresh = iter(
            executor.map(render_pixels, [RenderJob(sample.path, self.recipe, self.view) for sample in missing])
        )
        missing_paths = {sample.path for sample in missing}
        kept: list[Rendered] = []
        for sample in samples:
            if sample.path in missing_paths:
                rendered = self._received(sample, next(fresh))
                if rendered.pixels is not None:
                    kept.append(rendered)
                if len(kept) == CHUNK_FILES:
                    self._keep(kept, hashes)
                    kept = []
                yield rendered
            else:
                assert self._store is not None
                pixels, boxes = self._store.get(hashes[sample.path])
                content = np.array(boxes, dtype=np.int32).reshape(len(pixels), -1, 4)
                yield Rendered(sample, np.asarray(pixels, dtype=np.uint8), content)
        self._keep(kept, hashes)

    @staticmethod
    def _received(sample: Sample, answer: object) -> Rendered:
        if isinstance(answer, WorkerError | str):
            return Rendered(sample, None, None, str(answer))
        assert isinstance(answer, tuple)
        pixels, content = answer
        return Rendered(sample, pixels, content)

    def _open(self, shape: Sequence[int]) -> None:
        assert self._folder is not None
        self._store = RowStore(self._folder, row_shape=shape, dtype="uint8")

    def _keep(self, rendered: Sequence[Rendered], hashes: Mapping[Path, str]) -> None:
        if not rendered or self._folder is None:
            return
        first = rendered[0].pixels
        assert first is not None
        if self._store is None:
            self._open(first.shape[1:])
            fresh = self._folder / "shape.new"  # renamed, so that a process that dies here leaves no half a shape
            fresh.write_text(" ".join(str(side) for side in first.shape[1:]))
            fresh.replace(self._folder / "shape")
        assert self._store is not None
        self._store.append(
            [
                (hashes[item.sample.path], item.pixels, [[int(v) for v in row.reshape(-1)] for row in item.content])
                for item in rendered
                if item.pixels is not None and item.content is not None
            ]
        )
