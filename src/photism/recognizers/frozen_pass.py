"""One pass of pictures through a frozen network, pooled as the pictures' axes say.

A picture knows which of its sides mean something at a place (frequency, byte value) and along which a pattern may
sit anywhere (time, file offset): features are averaged, and their maxima taken, only along the second sort. What
leaves the network is one row of numbers a window and layer; training fits heads to them and a recognizer answers from
them, through this same code.

Does not cover how the network runs (``engines``) nor what is made of the features (``head``, and training above).
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32, UInt8

from photism.pictures.gallery import Rendered
from photism.recognizers.backbones import Backbone
from photism.recognizers.engines import Engine, open_engine
from photism.recognizers.layer_names import layer_name
from photism.types import JSON, Sample, Window

__all__ = ["FileFeatures", "FrozenPass", "Panel", "panels_of"]

KEPT_ROWS, KEPT_GRID = 14, 8
"""Places kept along a side that means something: so many where the other side is pooled, so many squared where not."""
MAX_VALUES_A_LAYER = 16_384
CHUNK_WINDOWS = 128


@dataclass(frozen=True, slots=True)
class Panel:
    """One layout of a recipe as the network needs to know it: size, and which sides' places mean something."""

    name: str
    height_px: int
    width_px: int
    keeps_rows: bool
    keeps_columns: bool

    @property
    def grid(self) -> tuple[int, int]:
        """Places (rows, columns) to keep when pooling; 1 along a side where a pattern may sit anywhere."""
        if self.keeps_rows and self.keeps_columns:
            return KEPT_GRID, KEPT_GRID
        return (KEPT_ROWS if self.keeps_rows else 1), (KEPT_ROWS if self.keeps_columns else 1)

    def to_json(self) -> dict[str, JSON]:
        """Return the panel as JSON values, for the bundle."""
        return {
            "name": self.name,
            "height_px": self.height_px,
            "width_px": self.width_px,
            "keeps_rows": self.keeps_rows,
            "keeps_columns": self.keeps_columns,
        }


def panels_of(window: Window) -> tuple[Panel, ...]:
    """Describe the panels of a rendered window, from its pictures' own axes."""
    return tuple(
        Panel(p.panel, p.pixels.shape[0], p.pixels.shape[1], not p.y.anywhere, not p.x.anywhere) for p in window
    )


@dataclass(frozen=True, slots=True)
class FileFeatures:
    """What the network answered for one file: a row a window in every layer, or the reason why there is none."""

    sample: Sample
    layers: Mapping[str, Float32[np.ndarray, "n _"]]
    reason: str | None = None


class FrozenPass:
    """A frozen network that turns rendered files into pooled features.

    Parameters
    ----------
    backbone : Backbone
        Which network, with its weights.
    panels : sequence of Panel
        The layouts of the recipe; the network runs once for each.
    layers : names, optional
        Only these (``panel/stage``); every stage of every panel by default. What lies behind the last wanted stage
        is not computed.
    engine : str or mapping, optional
        Its name, or what ``Engine.describe`` returned; the fastest of this machine by default.

    Raises
    ------
    EngineError
        Where the named engine does not exist on this machine.
    """

    def __init__(
        self,
        backbone: Backbone,
        panels: Sequence[Panel],
        *,
        layers: Sequence[str] | None = None,
        engine: str | Mapping[str, JSON] | None = None,
    ) -> None:
        self.panels = tuple(panels)
        self._backbone = backbone
        self.seconds = 0.0  # spent in the network so far
        self.engines: dict[str, Engine] = {}
        for panel in self.panels:
            stages = [
                stage.name
                for stage in backbone.stages
                if (
                    layer_name(panel.name, stage.name) in layers if layers is not None else _fits(stage.channels, panel)
                )
            ]
            if stages:
                self.engines[panel.name] = open_engine(
                    backbone,
                    size_px=(panel.height_px, panel.width_px),
                    stages=stages,
                    grid=panel.grid,
                    engine=engine,
                )
                # One for all panels, whatever their size: it is the one that a recognizer records.
                engine = self.engine

    @property
    def key(self) -> str:
        """Name everything that the features depend on besides the pictures: network, stages, pooling, engine."""
        parts: dict[str, JSON] = {"weights": self._backbone.weights_sha256}
        for name, engine in self.engines.items():
            grids: dict[str, JSON] = {stage: list(grid) for stage, grid in engine.grids.items()}
            parts[name] = {"engine": engine.describe(), "size_px": list(engine.size_px), "grids": grids}
        return json.dumps(parts, sort_keys=True)

    @property
    def engine(self) -> dict[str, JSON]:
        """What a recognizer records, so that its answers are computed by the same engine."""
        return next(iter(self.engines.values())).describe()

    def features(
        self, rendered: Iterable[Rendered], *, batch: int = CHUNK_WINDOWS
    ) -> Generator[FileFeatures, None, None]:
        """Yield the features of every file, in the order in which the files come.

        Parameters
        ----------
        rendered : iterable of Rendered
            Files with their pictures, or with the reason why they have none.
        batch : int
            Windows at a time, at least.

        Notes
        -----
        Windows of several files go through the network together; a file's numbers do not depend on its neighbours.
        """
        waiting: list[Rendered] = []
        n_windows = 0
        for one in rendered:
            waiting.append(one)
            n_windows += 0 if one.pixels is None else len(one.pixels)
            if n_windows >= batch:
                yield from self._run(waiting)
                waiting, n_windows = [], 0
        yield from self._run(waiting)

    def _run(self, files: Sequence[Rendered]) -> Iterator[FileFeatures]:
        drawn = [(one.pixels, one.content) for one in files if one.pixels is not None and one.content is not None]
        layers: dict[str, Float32[np.ndarray, "n _"]] = {}
        if drawn:
            pixels = np.concatenate([pair[0] for pair in drawn])
            content = np.concatenate([pair[1] for pair in drawn])
            for index, panel in enumerate(self.panels):
                if panel.name in self.engines:
                    layers |= self._run_panel(panel, pixels[:, index], content[:, index])
        start = 0
        for one in files:
            if one.pixels is None:
                yield FileFeatures(one.sample, {}, one.reason)
                continue
            stop = start + len(one.pixels)
            yield FileFeatures(one.sample, {name: values[start:stop] for name, values in layers.items()})
            start = stop

    def _run_panel(
        self, panel: Panel, pixels: UInt8[np.ndarray, "n h w 3"], content: Int32[np.ndarray, "n 4"]
    ) -> dict[str, Float32[np.ndarray, "n _"]]:
        started = time.perf_counter()
        pooled = self.engines[panel.name].pooled(np.ascontiguousarray(pixels), content)
        self.seconds += time.perf_counter() - started
        return {layer_name(panel.name, stage): values.reshape(len(values), -1) for stage, values in pooled.items()}


def _fits(channels: int, panel: Panel) -> bool:
    """Say whether a stage's features of a panel are few enough to be worth fitting a head to."""
    rows, columns = panel.grid
    return 2 * channels * rows * columns <= MAX_VALUES_A_LAYER or rows * columns <= KEPT_ROWS
