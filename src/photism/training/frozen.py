"""The features of a whole data set: one frozen pass, kept on disk by content, recipe, network and engine.

The frozen part of a network answers the same picture the same way every time, so it is asked once: a second training on
the same files (another fold, another seed, another question) starts from the kept features and renders nothing. What a
training gets are views on what is kept: no more of it is in memory than is being looked at.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
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
from photism.recognizers.frozen_pass import CHUNK_WINDOWS, FileFeatures, FrozenPass, Panel, panels_of
from photism.recognizers.layer_names import stage_of
from photism.store import RowStore
from photism.training.features import Features, LayerRows
from photism.types import JSON, Progress, Recipe, Sample, Skipped, silent

__all__ = ["Asked", "FeatureCache", "ask"]

CHUNK_FILES = 64
# Windows that go through the network between two looks at the clock.
BATCH_IN_A_HURRY = 16


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

    def rows(self, keys: Sequence[str]) -> tuple[LayerRows, NDArray[np.int64]]:
        """Return the kept layers of many files as views on the disk: nothing is read yet.

        Parameters
        ----------
        keys : sequence of str
            Content hashes; files with the same content share their rows.

        Returns
        -------
        layers : LayerRows
            Rows of all windows, file by file in the order of ``keys``.
        counts : int64 (len(keys),)
            The number of windows of each file.

        Raises
        ------
        KeyError
            Where nothing is kept under one of the keys.
        """
        if self._store is None:
            if keys:
                raise KeyError(keys[0])
            return LayerRows({}, np.empty(0, np.int64)), np.empty(0, np.int64)
        kept, starts, counts = self._store.table(keys)
        table = np.asarray(kept, dtype=np.float32)
        edges = np.cumsum([0, *self._widths.values()])
        tables = {name: table[:, edges[i] : edges[i + 1]] for i, name in enumerate(self._widths)}
        # Where each window lies: its file's first row, and its number within the file.
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return LayerRows(tables, np.repeat(starts, counts) + within), counts

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

    ``skipped`` maps sample numbers to why they could not be rendered; ``engine`` is what a recognizer records;
    ``n_turns`` counts the files that had their turn.
    """

    features: Features
    skipped: Mapping[int, Skipped]
    panels: tuple[Panel, ...]
    engine: dict[str, JSON]
    seconds_rendering: float
    seconds_in_network: float
    n_turns: int


def ask(
    material: Material,
    recipe: Recipe,
    backbone: Backbone,
    *,
    layers: Sequence[str] | None = None,
    engine: str | Mapping[str, JSON] | None,
    executor: Executor,
    cache: Path,
    turns: Sequence[int] | None = None,
    enough: Callable[[int], bool] | None = None,
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
    layers : names, optional
        Only these (``panel/stage``); all that a head could read by default.
    engine : str or mapping, optional
        How it runs: a name, or what ``Engine.describe`` returned; the fastest way of this machine by default.
    executor : Executor
        Where rendering runs.
    cache : Path
        Where pictures and features are kept.
    turns : sequence of int, optional
        Numbers of the samples in question, in the order in which they are asked; all that have a part by default.
    enough : callable, optional
        Told how many had their turn, says whether the rest goes without; asked only where something was computed.
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
    if turns is None:
        turns = [i for i, sample in enumerate(material.samples) if sample.part is not None]
    samples = [(i, material.samples[i]) for i in turns]
    panels = _panels(material, recipe, executor)
    network = FrozenPass(backbone, panels, layers=layers, engine=engine)
    kept = FeatureCache(cache, recipe.key + network.key)
    fresh = _first_of_each(material, [sample for _, sample in samples], kept)
    turn_of = {sample.path: turn for turn, (_, sample) in enumerate(samples, 1)}

    def told(done: int, path: Path) -> bool:
        progress("frozen pass", len(samples) - len(fresh) + done, len(samples))
        return enough is not None and enough(turn_of[path])

    rendered = Gallery(recipe, cache).pictures(fresh, material.hashes, executor)
    answered = network.features(rendered, batch=CHUNK_WINDOWS if enough is None else BATCH_IN_A_HURRY)
    # Closed by hand: where the rest goes without, rendering must have stopped before anything else is rendered.
    with closing(rendered), closing(answered):
        broken, last = _keep_answers(answered, kept, material.hashes, told)
    if last is not None:
        samples = samples[: turn_of[last]]
    skipped: dict[int, Skipped] = {}
    found: dict[int, str] = {}
    for i, sample in sorted(samples, key=lambda pair: pair[0]):
        key = material.hashes[sample.path]
        if key in broken:
            skipped[i] = Skipped(sample.name, broken[key])
        else:
            found[i] = key
    seconds = time.perf_counter() - started
    return Asked(
        features=_joined(kept, found, len(material.samples), backbone),
        skipped=skipped,
        panels=panels,
        engine=network.engine,
        seconds_rendering=seconds - network.seconds,
        seconds_in_network=network.seconds,
        n_turns=len(samples),
    )


def _keep_answers(
    answered: Iterable[FileFeatures],
    kept: FeatureCache,
    hashes: Mapping[Path, str],
    told: Callable[[int, Path], bool],
) -> tuple[dict[str, str], Path | None]:
    """Keep what the network answers for every file, until ``told`` says that it is enough.

    Returns the contents that could not be rendered, and why; and the file that was the last before all.
    """
    broken: dict[str, str] = {}
    waiting: list[tuple[str, FileFeatures]] = []
    last: Path | None = None
    for done, one in enumerate(answered, start=1):
        key = hashes[one.sample.path]
        if one.reason is not None:
            broken[key] = one.reason
        else:
            waiting.append((key, one))
        if len(waiting) == CHUNK_FILES:
            kept.keep(waiting)
            waiting = []
        if told(done, one.sample.path):
            last = one.sample.path
            break
    kept.keep(waiting)
    return broken, last


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


def _first_of_each(material: Material, samples: Sequence[Sample], kept: FeatureCache) -> list[Sample]:
    """The samples to ask the network for: one of each content that is not kept yet."""
    first = {material.hashes[sample.path]: sample for sample in reversed(samples)}
    return [s for s in samples if (key := material.hashes[s.path]) not in kept and first[key] is s]


def _joined(kept: FeatureCache, found: Mapping[int, str], n_samples: int, backbone: Backbone) -> Features:
    """Line the files' rows up one after another, in the files' order, without reading any."""
    layers, counts = kept.rows(list(found.values()))
    channels = {stage.name: stage.channels for stage in backbone.stages}
    return Features(
        layers=layers,
        sample_of_window=np.repeat(np.array(list(found), dtype=np.int64), counts),
        weight=np.repeat(1.0 / counts.astype(np.float32), counts).astype(np.float32),
        n_samples=n_samples,
        places={name: table.shape[1] // (2 * channels[stage_of(name)]) for name, table in layers.tables.items()},
    )
