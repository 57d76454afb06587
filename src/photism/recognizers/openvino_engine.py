"""A frozen network in OpenVINO: on most processors the fastest way through it. The only file that imports openvino.

The trunk is converted from torch once for each network and picture size, and kept; preprocessing, the choice of stages
and pooling are then added to that graph in milliseconds, and the compiled form is kept too, so that the next process
starts without torch. Covers conversion, graph, compilation, the cache and asynchronous execution. Does not cover
padding to full batches (``engines``).

OpenVINO's ``convert_model`` reports its use over the network; the frontend below it, used here, does not.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import tempfile
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import openvino as ov
from jaxtyping import Float32, UInt8
from numpy.typing import NDArray
from openvino import opset13 as ops

from photism.errors import EngineError
from photism.recognizers.backbones import Backbone
from photism.recognizers.pooling import FAR_BELOW, Cells, ContentWeights, Statistic, fit_cells
from photism.recognizers.sealed import read_sealed, write_sealed

__all__ = ["OpenVinoBackend", "can_bf16", "version"]

# Part of every key in the cache: raise it when the graph that this file builds changes.
GRAPH_VERSION = 5
PRECISIONS: Mapping[str, str] = {"fp32": "f32", "bf16": "bf16"}


def version() -> str:
    """Return OpenVINO's version, as cache keys and run records hold it."""
    return str(ov.__version__)


def can_bf16() -> bool:
    """Say whether this processor computes in bfloat16 by itself (emulating it is slower than single precision)."""
    return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@functools.cache
def _core() -> Any:
    """The one core of this process, which lives as long as it does.

    Every core gives the thread a stack for signals of its own, and frees it when it goes. Of two that go in the order
    in which they came the second one restores the first one's, which is freed: the next signal (Ctrl-C, to begin with)
    is then written to memory that is gone, or somebody else's (LOG.md, 2026-11-23).
    """
    return ov.Core()


class OpenVinoBackend:
    """One network with one way of pooling, compiled for batches of one size.

    Parameters
    ----------
    backbone : Backbone
    size_px : (height, width)
    grids : stage -> (rows, columns)
        Which stages, and at most how many cells a side.
    statistics : sequence of {"mean", "max"}
    masked : bool
        Whether the graph takes content weights.
    precision : {"fp32", "bf16"}
    threads, batch : int
    machine : str
        Names the processor: compiled forms are kept for each.
    cache : Path
        Folder for converted and compiled networks.

    Raises
    ------
    EngineError
        Where OpenVINO cannot convert or compile the network.
    """

    def __init__(
        self,
        backbone: Backbone,
        *,
        size_px: tuple[int, int],
        grids: Mapping[str, tuple[int, int]],
        statistics: Sequence[Statistic],
        masked: bool,
        precision: str,
        threads: int,
        batch: int,
        machine: str,
        cache: Path,
    ) -> None:
        self._settings = {
            "INFERENCE_PRECISION_HINT": PRECISIONS[precision],
            "NUM_STREAMS": str(threads),
            "INFERENCE_NUM_THREADS": str(threads),
            # Measured on a busy machine: free threads reach half of what pinned ones do.
            "ENABLE_CPU_PINNING": True,
        }
        self._request = _Request(backbone, size_px, batch, dict(grids), tuple(statistics), masked, precision)
        key = [self._request.key(), machine, self._settings]
        path = cache / "compiled" / f"{_digest(key)}.blob"
        loaded = self._load(path)
        self._compiled, self.cells = loaded if loaded is not None else self._compile(path, cache)

    def _load(self, path: Path) -> tuple[Any, dict[str, Cells]] | None:
        """Take the compiled network from the cache, or None where it is not there or was damaged."""
        content = read_sealed(path)
        if content is None:
            return None
        head, _, blob = content.partition(b"\n")
        try:
            compiled = _core().import_model(io.BytesIO(blob), "CPU", self._settings)
        except RuntimeError:  # written by a build of the same version that this one cannot read: made again
            return None
        return compiled, self._request.cells(json.loads(head))

    def _compile(self, path: Path, cache: Path) -> tuple[Any, dict[str, Cells]]:
        """Build the graph, compile it and keep the result."""
        try:
            trunk = _trunk_graph(self._request.backbone, self._request.size_px, self._request.batch, cache)
            cells = self._request.cells({name: list(one.shape)[2:] for name, one in _maps(trunk).items()})
            compiled = _core().compile_model(self._request.graph(trunk, cells), "CPU", self._settings)
        except RuntimeError as error:
            name = self._request.backbone.name
            raise EngineError(f"OpenVINO cannot run {name} here: {str(error).splitlines()[0]}") from error
        head = json.dumps({name: one.size for name, one in cells.items()}).encode()
        blob = compiled.export_model()
        write_sealed(path, head + b"\n" + (blob if isinstance(blob, bytes) else blob.getvalue()))
        return compiled, cells

    def run(
        self, batches: Iterable[tuple[UInt8[np.ndarray, "n h w 3"], ContentWeights | None]]
    ) -> Iterator[Float32[np.ndarray, "n d"]]:
        """Yield features for every batch, in order; a row holds stage by stage, statistics inside, as ``cells`` cuts.

        What is yielded is overwritten when the next is asked for.
        """
        # More requests than run at once: the streams go on while this thread waits for its turn on a busy machine.
        n_requests = 4 * int(self._compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        idle = [self._compiled.create_infer_request() for _ in range(n_requests)]
        running: deque[Any] = deque()
        for pixels, weights in batches:
            if not idle:
                done = running.popleft()
                done.wait()
                yield _read(done)
                idle.append(done)
            request = idle.pop()
            inputs = [pixels] if weights is None else [pixels, weights.rows, weights.columns]
            for index, one in enumerate(inputs):
                # Tensors of a request copy: the caller's arrays may be read-only, or gone before the request has run.
                request.get_input_tensor(index).data[:] = one
            request.start_async()
            running.append(request)
        for done in running:
            done.wait()
            yield _read(done)


def _read(request: Any) -> Float32[np.ndarray, "n d"]:
    tensor = request.get_output_tensor(0)
    if tensor.element_type != ov.Type.bf16:
        return cast("NDArray[np.float32]", tensor.data)
    # numpy has no bfloat16: it is the upper half of a single precision number.
    upper: NDArray[np.uint16] = tensor.data.view(np.uint16)
    return (upper.astype(np.uint32) << 16).view(np.float32)


class _Request:
    """What a graph is made for."""

    def __init__(
        self,
        backbone: Backbone,
        size_px: tuple[int, int],
        batch: int,
        grids: Mapping[str, tuple[int, int]],
        statistics: tuple[Statistic, ...],
        masked: bool,
        precision: str,
    ) -> None:
        self.precision = precision
        self.backbone, self.size_px, self.batch = backbone, size_px, batch
        self.grids, self.statistics, self.masked = grids, statistics, masked

    def key(self) -> list[Any]:
        """Everything that changes the graph."""
        return [
            *_trunk_key(self.backbone, self.size_px, self.batch),
            [self.backbone.mean, self.backbone.std],
            list(self.grids.items()),
            self.statistics,
            self.masked,
            self.precision,
        ]

    def cells(self, sizes: Mapping[str, Sequence[int]]) -> dict[str, Cells]:
        """Cut the maps, whose sizes are known now, into cells."""
        return {name: fit_cells((int(sizes[name][0]), int(sizes[name][1])), grid) for name, grid in self.grids.items()}

    def graph(self, trunk: Any, cells: Mapping[str, Cells]) -> Any:
        """Put preprocessing before a trunk and pooling behind it; stages after the last one wanted fall away."""
        height, width = self.size_px
        pixels = ops.parameter([self.batch, height, width, 3], np.uint8, name="pixels")
        deviation = np.array(self.backbone.std, np.float32)
        mean = np.array(self.backbone.mean, np.float32)
        x = ops.multiply(ops.convert(pixels, "f32"), 1.0 / (255.0 * deviation))
        # Transposed last: OpenVINO then takes the bytes' own order, channels last, and moves nothing.
        x = ops.transpose(ops.add(x, -mean / deviation), [0, 3, 1, 2])
        parameter = trunk.get_parameters()[0]
        for consumer in parameter.output(0).get_target_inputs():
            consumer.replace_source_output(x.output(0))
        parameters, at = [pixels], [0, 0]
        if self.masked:
            total = [sum(one.size[side] for one in cells.values()) for side in (0, 1)]
            parameters += [ops.parameter([self.batch, 2, count], np.float32) for count in total]
        maps = _maps(trunk)
        features = []
        for name, one in cells.items():
            masks = _masks(parameters[1], parameters[2], at, one) if self.masked else None
            at = [at[0] + one.size[0], at[1] + one.size[1]]
            for statistic in self.statistics:
                values = _pooled(maps[name], masks, one, statistic)
                if masks is not None and statistic == "max":
                    values = _without_empty(values)
                features.append(ops.reshape(values, [self.batch, -1], special_zero=False))
        # One result: reading many small ones costs a tenth of the network's time.
        result = ops.concat(features, 1)
        if self.precision == "bf16":
            # OpenVINO keeps what leads to a single precision result in single precision, so that which stages are
            # results would change all of them. With this, a stage has the same bits whatever else is asked for.
            result = ops.convert(result, "bf16")
        return ov.Model([ops.result(result)], parameters)


def _masks(rows: Any, columns: Any, at: Sequence[int], cells: Cells) -> tuple[Any, Any]:
    """What the places of one map count for: (n, 1, h, w) for means, and 0 or far below for maxima."""
    (height, width), (first_row, first_column) = cells.size, at
    down = ops.slice(rows, [first_row], [first_row + height], [1], [2])
    across = ops.slice(columns, [first_column], [first_column + width], [1], [2])
    both = ops.multiply(ops.unsqueeze(down, 3), ops.unsqueeze(across, 2))
    mean = ops.slice(both, [0], [1], [1], [1])
    keep = ops.slice(both, [1], [2], [1], [1])
    one, low = np.float32(1.0), np.float32(FAR_BELOW)
    return mean, ops.multiply(ops.subtract(ops.constant(one), keep), ops.constant(low))


def _pooled(activation: Any, masks: tuple[Any, Any] | None, cells: Cells, statistic: Statistic) -> Any:
    if masks is not None:
        with_mask = ops.multiply if statistic == "mean" else ops.add
        activation = with_mask(activation, masks[0 if statistic == "mean" else 1])
    if cells.grid == (1, 1):
        reduce = ops.reduce_mean if statistic == "mean" else ops.reduce_max
        return reduce(activation, [2, 3], keep_dims=True)
    # Pooling with a fixed kernel: adaptive pooling takes three times as long as the network's last stages.
    kernel = list(cells.kernel)
    past = [grid * side - size for grid, side, size in zip(cells.grid, kernel, cells.size, strict=True)]
    if statistic == "mean":
        return ops.avg_pool(activation, kernel, [0, 0], past, kernel, exclude_pad=True)
    return ops.max_pool(activation, kernel, [1, 1], [0, 0], past, kernel).output(0)


def _without_empty(values: Any) -> Any:
    """Say 0 for a cell that holds nothing but padding: what was added to keep padding out is still there."""
    empty = ops.less(values, ops.constant(np.float32(FAR_BELOW / 10)))
    return ops.select(empty, ops.constant(np.float32(0.0)), values)


# ── the trunk, converted once ────────────────────────────────────────────────────────────────────────


def _trunk_key(backbone: Backbone, size_px: tuple[int, int], batch: int) -> list[Any]:
    return [GRAPH_VERSION, version(), backbone.weights_sha256, backbone.stage_names, size_px, batch]


def _digest(key: Any) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]


def _maps(trunk: Any) -> dict[str, Any]:
    """A trunk's stages by name: what its results are computed from."""
    return {result.get_friendly_name(): result.input_value(0) for result in trunk.get_results()}


def _trunk_graph(backbone: Backbone, size_px: tuple[int, int], batch: int, cache: Path) -> Any:
    """Return the trunk with every stage as a result, from the cache or converted now."""
    path = cache / "converted" / f"{_digest(_trunk_key(backbone, size_px, batch))}.graph"
    content = read_sealed(path)
    if content is None:
        graph = _convert(backbone, size_px, batch)
        with tempfile.TemporaryDirectory() as folder:
            text, weights = Path(folder) / "trunk.xml", Path(folder) / "trunk.bin"
            ov.serialize(graph, text, weights)
            content = text.stat().st_size.to_bytes(8, "little") + text.read_bytes() + weights.read_bytes()
        write_sealed(path, content)
    n_text = int.from_bytes(content[:8], "little")
    return _core().read_model(io.BytesIO(content[8 : 8 + n_text]), io.BytesIO(content[8 + n_text :]))


def _convert(backbone: Backbone, size_px: tuple[int, int], batch: int) -> Any:
    import torch
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    # Two pictures: tracing one would take the batch for a constant in some networks, tracing all of them is slow.
    example = torch.zeros(2, 3, *size_px)
    trunk = backbone.trunk
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter(
            "ignore"
        )  # torch.jit.trace announces its end; OpenVINO has no other way in that is as fast
        traced = torch.jit.trace(  # type: ignore[no-untyped-call]
            lambda x: tuple(trunk(x)), example, check_trace=False
        )
        frontend = FrontEndManager().load_by_framework("pytorch")
        decoder = TorchScriptPythonDecoder(traced, example_input=example)  # named: the graph under way points into it
        loaded = frontend.load(decoder)
        graph = frontend.convert(loaded)
    graph.reshape([batch, 3, *size_px])
    for result, name in zip(graph.get_results(), backbone.stage_names, strict=True):
        result.set_friendly_name(name)
    return graph
