"""Engines: how a frozen network runs fast on this machine, and which one to take.

An engine takes pictures as they are kept (uint8) and gives back pooled features of the stages that were asked for; the
rest of the network is not run. The fastest is found by trying each for a moment, remembered on disk, and recorded with
a run so that ``predict`` uses the same one. Covers choosing, padding to one batch size, and putting results together.
Does not cover the graphs themselves (``torch_engine``, ``openvino_engine``).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import math
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Integer, UInt8

from photism.errors import EngineError, OptionError
from photism.executor import count_cores
from photism.recognizers.backbones import Backbone
from photism.recognizers.machine import processor_has, processor_name
from photism.recognizers.pooling import (
    STATISTICS,
    Cells,
    ContentWeights,
    Statistic,
    content_weights,
    fills_picture,
)
from photism.recognizers.sealed import read_sealed, write_sealed
from photism.store import cache_root
from photism.types import JSON

__all__ = ["ENGINES", "Backend", "Engine", "engines_here", "open_engine"]


@runtime_checkable
class Backend(Protocol):
    """What a file with an engine brings: a network with its pooling, for batches of one size."""

    cells: dict[str, Cells]

    def run(
        self, batches: Iterable[tuple[UInt8[np.ndarray, "n h w 3"], ContentWeights | None]]
    ) -> Iterator[Float32[np.ndarray, "n d"]]:
        """Yield features for every batch, in order; a row holds stage by stage, statistics inside, then cells."""
        ...


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of the table of engines: its library and precision, pictures at a time, and whether it can run here."""

    library: str
    precision: str
    device: str
    batch: int
    is_here: Callable[[], bool]


def _openvino_is_here() -> bool:
    return importlib.util.find_spec("openvino") is not None


def _openvino_bf16_is_here() -> bool:
    if not _openvino_is_here():
        return False
    from photism.recognizers.openvino_engine import can_bf16

    return can_bf16()


def _cuda_is_here() -> bool:
    if platform.system() == "Linux" and not Path("/dev/nvidiactl").exists():
        return False  # known without the seconds that importing torch takes
    from photism.recognizers.torch_engine import cuda_is_there

    return cuda_is_there()


ENGINES: Mapping[str, _Row] = {
    "cuda-fp16": _Row("torch", "fp16", "cuda", 64, _cuda_is_here),
    "openvino-bf16": _Row("openvino", "bf16", "cpu", 1, _openvino_bf16_is_here),
    "openvino-fp32": _Row("openvino", "fp32", "cpu", 1, _openvino_is_here),
    # Where the processor lacks bfloat16 it is emulated, many times slower than single precision.
    "torch-bf16": _Row("torch", "bf16", "cpu", 4, lambda: processor_has("avx512_bf16", "amx_bf16", "bf16")),
    "torch-fp32": _Row("torch", "fp32", "cpu", 4, lambda: True),
}


class Engine:
    """A frozen network, ready to answer; made by ``open_engine``.

    Parameters
    ----------
    name : str
        A row of ``ENGINES``.
    threads, batch : int
        Pictures are run ``batch`` at a time, the last batch filled up: what a picture's features are never depends on
        what other pictures there are.
    size_px : (height, width)
    channels : stage -> int
        The stages, and how many channels each has.
    statistics : sequence of {"mean", "max"}
    backends : function (masked: bool) -> Backend
        Called at most once for each value: most data sets have no padding and need no masks.
    """

    def __init__(
        self,
        *,
        name: str,
        threads: int,
        batch: int,
        size_px: tuple[int, int],
        channels: Mapping[str, int],
        statistics: Sequence[Statistic],
        backends: Callable[[bool], Backend],
    ) -> None:
        self.name, self.threads, self.batch = name, threads, batch
        self.size_px, self.stages, self.statistics = size_px, tuple(channels), tuple(statistics)
        self._channels = dict(channels)
        self._backends = cache(backends)

    @property
    def cells(self) -> dict[str, Cells]:
        """How every stage's map is cut into cells."""
        return self._backends(False).cells

    @property
    def grids(self) -> dict[str, tuple[int, int]]:
        """How many cells (rows, columns) each stage has: at most as many as were asked for."""
        return {stage: cells.grid for stage, cells in self.cells.items()}

    def describe(self) -> dict[str, JSON]:
        """Return what a run records, and ``open_engine(engine=...)`` takes, to compute the same bits again."""
        row = ENGINES[self.name]
        return {"name": self.name, "precision": row.precision, "threads": self.threads, "batch": self.batch}

    def pooled(
        self, pixels: UInt8[np.ndarray, "n h w 3"], content: Integer[np.ndarray, "n 4"] | None = None
    ) -> dict[str, Float32[np.ndarray, "n s c r k"]]:
        """Compute pooled features of pictures.

        Parameters
        ----------
        pixels : uint8 (n, h, w, 3)
            Pictures of the engine's size, 0 black and 255 white.
        content : int (n, 4), optional
            Boxes (left, top, right, bottom) that hold data; what lies outside is left out of means and maxima. Whole
            pictures where it is None.

        Returns
        -------
        stage -> float32 (n, s, c, rows, columns)
            ``s`` runs over the statistics, in the order that was asked for. A cell without content is 0.

        Raises
        ------
        OptionError
            Where pictures have another size.

        Notes
        -----
        The same engine gives the same bits for a picture, whatever pictures are beside it.
        """
        if pixels.shape[1:3] != self.size_px:
            raise OptionError(
                f"expected pictures of {self.size_px} pixels (height, width), received {pixels.shape[1:3]}"
            )
        n = len(pixels)
        boxes = np.tile([0, 0, self.size_px[1], self.size_px[0]], (n, 1)) if content is None else content
        whole = fills_picture(boxes, self.size_px)
        shapes = {
            stage: (len(self.statistics), self._channels[stage], *cells.grid) for stage, cells in self.cells.items()
        }
        edges = np.cumsum([0, *(math.prod(shape) for shape in shapes.values())])
        features = np.empty((n, int(edges[-1])), np.float32)
        for masked in (False, True):
            rows = np.flatnonzero(whole != masked)
            if len(rows):
                self._fill(features, pixels, boxes if masked else None, rows)
        parts = zip(shapes.items(), edges[:-1], edges[1:], strict=True)
        return {stage: features[:, start:stop].reshape(n, *shape) for (stage, shape), start, stop in parts}

    def _fill(
        self,
        features: Float32[np.ndarray, "n d"],
        pixels: UInt8[np.ndarray, "n h w 3"],
        boxes: Integer[np.ndarray, "n 4"] | None,
        rows: Integer[np.ndarray, " m"],
    ) -> None:
        """Run some of the pictures and put their features into their rows of ``features``."""
        backend = self._backends(boxes is not None)
        # All at once: for one picture at a time the small arrays would cost as much as a tenth of the network.
        cells = list(backend.cells.values())
        weights = None if boxes is None else content_weights(boxes[rows], self.size_px, cells)
        starts = range(0, len(rows), self.batch)

        def batches() -> Iterator[tuple[UInt8[np.ndarray, "n h w 3"], ContentWeights | None]]:
            for start in starts:
                filled = np.resize(np.arange(start, min(start + self.batch, len(rows))), self.batch)
                yield pixels[_as_slice(rows[filled])], None if weights is None else weights.take(filled)

        for start, values in zip(starts, backend.run(batches()), strict=True):
            chosen = rows[start : start + self.batch]
            features[_as_slice(chosen)] = values[: len(chosen)]


def _as_slice(rows: Integer[np.ndarray, " n"]) -> Any:
    """Neighbouring rows as a slice, so that a memory-mapped array is not copied."""
    if (np.diff(rows) == 1).all():
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows


# ── choosing ─────────────────────────────────────────────────────────────────────────────────────────


def engines_here() -> tuple[str, ...]:
    """Return the names of the engines that can run on this machine, the likely fastest first."""
    return tuple(name for name, row in ENGINES.items() if row.is_here())


def open_engine(
    backbone: Backbone,
    *,
    size_px: tuple[int, int],
    stages: Sequence[str] | None = None,
    grid: tuple[int, int] | Mapping[str, tuple[int, int]] = (1, 1),
    statistics: Sequence[Statistic] = STATISTICS,
    engine: str | Mapping[str, JSON] | None = None,
) -> Engine:
    """Make a frozen network ready to answer.

    Parameters
    ----------
    backbone : Backbone
    size_px : (height, width)
        Size of the pictures.
    stages : sequence of str, optional
        Which stages' features; all where it is None. What lies behind the last of them is not run.
    grid : (rows, columns), or one for each stage
        At most how many cells along each side of a map; 1 where a pattern may sit anywhere. A divisor of the map's side
        gives just that many (see ``pooling``).
    statistics : sequence of {"mean", "max"}
    engine : str or mapping, optional
        A name from ``ENGINES``; or what ``Engine.describe`` returned, used where it exists on this machine; or None
        for the fastest.

    Returns
    -------
    Engine

    Raises
    ------
    OptionError
        Where an engine's name, a statistic or a grid is not one.
    WeightsError
        Where a stage does not exist or the weights cannot be read.
    EngineError
        Where the engine that was named is not on this machine, or fails.
    """
    names = backbone.stage_names if stages is None else tuple(backbone.stage(one).name for one in stages)
    ordered = tuple(one for one in backbone.stage_names if one in names)
    grids = {one: grid[one] if isinstance(grid, Mapping) else grid for one in ordered}
    if not ordered or not statistics or set(statistics) - set(STATISTICS) or min(map(min, grids.values())) < 1:
        raise OptionError(f"expected stages, grids of at least one cell and statistics of {', '.join(STATISTICS)}")
    wanted = _Plan(backbone, size_px, grids, tuple(statistics))
    if isinstance(engine, str):
        if engine not in ENGINES:
            raise OptionError(f"unknown engine {engine!r}; expected one of {', '.join(ENGINES)}")
        if not ENGINES[engine].is_here():
            raise EngineError(f"the engine {engine} cannot run on this machine; here are {', '.join(engines_here())}")
        return wanted.open(engine)
    recorded = None if engine is None else _like(engine)
    if engine is not None and recorded is not None:
        same = recorded == engine.get("name")
        batch = _whole(engine.get("batch")) if same else None
        return wanted.open(recorded, threads=_whole(engine.get("threads")), batch=batch)
    return _fastest(wanted)


def _like(engine: Mapping[str, JSON]) -> str | None:
    """The engine that a run recorded, or else the first of its precision; None where this machine has neither."""
    here = engines_here()
    if engine.get("name") in here:
        return str(engine["name"])
    return next((name for name in here if ENGINES[name].precision == engine.get("precision")), None)


def _whole(value: JSON) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


@dataclass(frozen=True, slots=True)
class _Plan:
    """What an engine is to compute, before one is chosen."""

    backbone: Backbone
    size_px: tuple[int, int]
    grids: Mapping[str, tuple[int, int]]
    statistics: tuple[Statistic, ...]

    def open(self, name: str, *, threads: int | None = None, batch: int | None = None) -> Engine:
        """Open one engine by name."""
        row = ENGINES[name]
        # More threads than processors only take turns; OpenVINO's results do not depend on their number.
        n_threads, n_batch = min(threads or count_cores(), count_cores()), batch or row.batch

        def backend(masked: bool) -> Backend:
            if row.library == "openvino":
                from photism.recognizers.openvino_engine import OpenVinoBackend

                return OpenVinoBackend(
                    self.backbone,
                    size_px=self.size_px,
                    grids=self.grids,
                    statistics=self.statistics,
                    masked=masked,
                    precision=row.precision,
                    threads=n_threads,
                    batch=n_batch,
                    machine=processor_name(),
                    cache=cache_root() / "engines",
                )
            from photism.recognizers.torch_engine import TorchBackend

            return TorchBackend(
                self.backbone,
                size_px=self.size_px,
                grids=self.grids,
                statistics=self.statistics,
                precision=row.precision,
                threads=n_threads,
                device=row.device,
            )

        return Engine(
            name=name,
            threads=n_threads,
            batch=n_batch,
            size_px=self.size_px,
            channels={stage: self.backbone.stage(stage).channels for stage in self.grids},
            statistics=self.statistics,
            backends=backend,
        )


def _fastest(plan: _Plan) -> Engine:
    """Open the engine that was fastest when it was last tried here; try all of them where none was."""
    path = cache_root() / "engines" / "choices" / f"{_choice_key(plan)}.json"
    remembered = read_sealed(path)
    if remembered is not None:
        name = json.loads(remembered)["engine"]
        if name in ENGINES and ENGINES[name].is_here():
            return plan.open(name)
    rates: dict[str, float] = {}
    opened: dict[str, Engine] = {}
    for name in engines_here():
        if name == "torch-fp32" and rates:
            continue  # never the fastest beside another; it is the one that always works
        try:
            opened[name] = plan.open(name)
            rates[name] = _rate(opened[name])
        except EngineError:
            continue  # this network does not convert: the next engine, and torch-fp32 at last, takes it
    best = max(rates, key=lambda name: rates[name])
    write_sealed(path, json.dumps({"engine": best, "pictures_per_second": rates}).encode())
    return opened[best]


def _rate(engine: Engine) -> float:
    """Pictures per second, from a few batches of noise."""
    is_cpu_torch = engine.name.startswith("torch")
    n = engine.batch if is_cpu_torch else max(48, 2 * engine.batch)
    noise = np.random.default_rng(0).integers(0, 256, (n, *engine.size_px, 3), np.uint8)
    engine.pooled(noise[: engine.batch])
    start = time.perf_counter()
    engine.pooled(noise)
    return n / (time.perf_counter() - start)


def _choice_key(plan: _Plan) -> str:
    libraries = [importlib.metadata.version("torch")]
    if _openvino_is_here():
        libraries.append(importlib.metadata.version("openvino"))
    key = [processor_name(), count_cores(), libraries, plan.backbone.weights_sha256, plan.size_px]
    return hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]
