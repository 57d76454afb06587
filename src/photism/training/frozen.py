"""The features of a whole data set: one frozen pass, kept on disk by content, recipe, network and engine.

The frozen part of a network answers the same picture the same way every time, so it is asked once: a second training on
the same files (another fold, another seed, another question) starts from the kept features and renders nothing.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from photism.data.material import Material
from photism.errors import DataError, DecodeError
from photism.executor import Executor
from photism.pictures.gallery import Gallery
from photism.pictures.table import render_file
from photism.recognizers.backbones import Backbone
from photism.recognizers.frozen_pass import FileFeatures, FrozenPass, Panel, panels_of
from photism.store import RowStore
from photism.training.features import Features
from photism.types import JSON, Progress, Recipe, Skipped, silent

__all__ = ["Asked", "FeatureCache", "ask"]

CHUNK_FILES = 64


class FeatureCache:
    """Pooled features of files, found again by content.

    Parameters
    ----------
    folder : Path
        Where all caches live.
    key : str
        Everything the features depend on besides the file's content: recipe, network, pooling, engine.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._folder = folder / f"features-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
        self._widths: dict[str, int] = {}
        self._store: RowStore | None = None
        if (self._folder / "layers.json").is_file():
            self._open(json.loads((self._folder / "layers.json").read_text()))

    def __contains__(self, key: str) -> bool:
        return self._store is not None and key in self._store

    def get(self, key: str) -> dict[str, NDArray[np.float32]]:
        """Return the kept layers (n_windows, d) of the file with this content hash.

        Raises
        ------
        KeyError
            Where nothing is kept under ``key``.
        """
        if self._store is None:
            raise KeyError(key)
        rows, _ = self._store.get(key)
        ends = np.cumsum(list(self._widths.values()))[:-1]
        parts = np.split(np.asarray(rows), ends, axis=1)
        return dict(zip(self._widths, parts, strict=True))

    def keep(self, items: Sequence[tuple[str, FileFeatures]]) -> None:
        """Keep the features of files under their content hashes.

        Parameters
        ----------
        items : sequence of (key, FileFeatures)
            Files without features are passed over.
        """
        items = [(key, one) for key, one in items if one.reason is None]
        if not items:
            return
        if self._store is None:
            self._open({name: values.shape[1] for name, values in items[0][1].layers.items()})
            temporary = self._folder / "layers.json.new"
            temporary.write_text(json.dumps(self._widths))
            temporary.replace(self._folder / "layers.json")
        assert self._store is not None
        rows = [(key, np.concatenate(list(one.layers.values()), axis=1)) for key, one in items]
        self._store.append([(key, joined, [[]] * len(joined)) for key, joined in rows])

    def _open(self, widths: dict[str, int]) -> None:
        self._widths = widths
        self._store = RowStore(self._folder, row_shape=(sum(widths.values()),), dtype="float32")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the frozen network answered for a data set.

    ``skipped`` maps sample numbers to why they could not be rendered; ``engine`` is what a recognizer records.
    """

    features: Features
    skipped: Mapping[int, Skipped]
    panels: tuple[Panel, ...]
    engine: dict[str, JSON]
    seconds_rendering: float
    seconds_in_network: float


def ask(
    material: Material,
    recipe: Recipe,
    backbone: Backbone,
    *,
    engine: str | None,
    executor: Executor,
    cache: Path,
    progress: Progress = silent,
) -> Asked:
    """Ask the frozen network once for every file of a data set.

    Parameters
    ----------
    material : Material
        The files.
    recipe : Recipe
        How they become pictures.
    backbone : Backbone
        The network.
    engine : str, optional
        How it runs; the fastest way of this machine by default.
    executor : Executor
        Where rendering runs.
    cache : Path
        Where pictures and features are kept.
    progress : callable
        Told (phase, done, total).

    Returns
    -------
    Asked

    Raises
    ------
    DataError
        Where no file at all can be rendered.
    """
    started = time.perf_counter()
    samples = [(i, sample) for i, sample in enumerate(material.samples) if sample.part is not None]
    panels = _panels(material, recipe, executor)
    network = FrozenPass(backbone, panels, engine=engine)
    kept = FeatureCache(cache, recipe.key + network.key)
    known = {i for i, sample in samples if material.hashes[sample.path] in kept}
    fresh = [(i, sample) for i, sample in samples if i not in known]
    rendered = Gallery(recipe, cache).pictures([sample for _, sample in fresh], material.hashes, executor)
    found: dict[int, Mapping[str, NDArray[np.float32]]] = {
        i: kept.get(material.hashes[sample.path]) for i, sample in samples if i in known
    }
    skipped: dict[int, Skipped] = {}
    waiting: list[tuple[str, FileFeatures]] = []
    for (i, sample), one in zip(fresh, network.features(rendered), strict=True):
        if one.reason is not None:
            skipped[i] = Skipped(sample.name, one.reason)
        else:
            found[i] = one.layers
            waiting.append((material.hashes[sample.path], one))
        if len(waiting) == CHUNK_FILES:
            kept.keep(waiting)
            waiting = []
        progress("frozen pass", len(found) + len(skipped), len(samples))
    kept.keep(waiting)
    seconds = time.perf_counter() - started
    return Asked(
        features=_joined(found, len(material.samples), backbone),
        skipped=skipped,
        panels=panels,
        engine=network.engine,
        seconds_rendering=seconds - network.seconds,
        seconds_in_network=network.seconds,
    )


def _panels(material: Material, recipe: Recipe, executor: Executor) -> tuple[Panel, ...]:
    """Describe the recipe's panels from the first training file that can be rendered."""
    paths = [sample.path for sample in material.samples if sample.part == "train"]
    for some in (paths[:1], paths[1:]):  # mostly the first file will do
        for answer in executor.map(partial(describe_panels, recipe=recipe), some):
            if isinstance(answer, tuple):
                return answer
    raise DataError(f"{material.dataset.root}: none of the {len(paths)} training files can be read as {recipe.kind}.")


def describe_panels(path: Path, recipe: Recipe) -> tuple[Panel, ...] | None:
    """Render a file and describe its panels, or None where it cannot be rendered (run in a worker).

    Parameters
    ----------
    path : Path
        The file.
    recipe : Recipe
        How it is rendered.
    """
    try:
        return panels_of(render_file(path, recipe)[0])
    except DecodeError:
        return None


def _joined(found: Mapping[int, Mapping[str, NDArray[np.float32]]], n_samples: int, backbone: Backbone) -> Features:
    """Put the files' rows one after another, in the files' order."""
    order = sorted(found)
    names = list(found[order[0]]) if order else []
    counts = [len(found[i][names[0]]) for i in order]
    channels = {stage.name: stage.channels for stage in backbone.stages}
    layers = {name: np.concatenate([found[i][name] for i in order]) for name in names}
    return Features(
        layers=layers,
        sample_of_window=np.repeat(np.array(order, dtype=np.int64), counts),
        weight=np.repeat(1.0 / np.array(counts, dtype=np.float32), counts).astype(np.float32),
        n_samples=n_samples,
        places={name: x.shape[1] // (2 * channels[name.rpartition("/")[2]]) for name, x in layers.items()},
    )
