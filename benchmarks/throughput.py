"""How much of the best engine's own throughput the frozen pass keeps, measured in one run.

    python -m benchmarks.throughput [--backbone efficientnet_lite0] [--rounds 5] [--json FILE]

The yardstick is the plain network (single precision pictures in, class scores out) in OpenVINO, run by an asynchronous
loop with the settings that are best for it, and by OpenVINO's own ``benchmark_app`` where it is installed. Beside it
our frozen pass: bytes in, pooled features out, for each kind's default pooling. The contestants take turns, so that a
busy machine disturbs all of them alike; each one's best turn counts. Processor time is shown beside it: other programs
barely change it.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import openvino as ov
import torch

from photism.executor import count_cores
from photism.recognizers.backbones import Backbone, load_backbone
from photism.recognizers.engines import ENGINES, Engine, open_engine
from photism.recognizers.frozen_pass import FrozenPass, Panel

# Each kind's default picture: a photograph's or a path's patterns may sit anywhere, a sound's frequency is kept, and
# so are both bytes of a pair.
PANELS = {
    "image, mouse": Panel("picture", 224, 224, keeps_rows=False, keeps_columns=False),
    "sound": Panel("log-mel", 224, 224, keeps_rows=True, keeps_columns=False),
    "binary": Panel("pairs", 256, 256, keeps_rows=True, keeps_columns=True),
}
TARGET = 0.8
PADDED = ", padded"


class Plain(torch.nn.Module):
    """The trunk with global pooling behind it and a classifier of ImageNet's size: what a benchmark would run."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.trunk = backbone.trunk
        self.classifier = torch.nn.Linear(backbone.stages[-1].channels, 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.trunk(x)[-1].mean((2, 3)))


def plain_graph(backbone: Backbone, size_px: int, folder: Path) -> Path:
    """Convert the plain network and save it as a file that ``benchmark_app`` reads."""
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    example = torch.zeros(1, 3, size_px, size_px)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit.trace announces its end
        traced = torch.jit.trace(Plain(backbone).eval(), example, check_trace=False)
        frontend = FrontEndManager().load_by_framework("pytorch")
        decoder = TorchScriptPythonDecoder(traced, example_input=example)
        loaded = frontend.load(decoder)
        graph = frontend.convert(loaded)
    path = folder / "plain.xml"
    graph.reshape([1, 3, size_px, size_px])
    ov.save_model(graph, path, compress_to_fp16=False)
    return path


class PlainLoop:
    """``benchmark_app``'s way: as many requests under way as the compiled network says is best."""

    def __init__(self, path: Path, size_px: int, *, precision: str, batch: int) -> None:
        core = ov.Core()
        graph = core.read_model(path)
        graph.reshape([batch, 3, size_px, size_px])
        settings = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": precision}
        self.batch = batch
        self._queue = ov.AsyncInferQueue(core.compile_model(graph, "CPU", settings), 0)
        self._noise = np.random.default_rng(0).random((batch, 3, size_px, size_px), np.float32)

    def run(self, n: int) -> None:
        """Run ``n`` pictures."""
        for _ in range(n // self.batch):
            self._queue.start_async([self._noise], share_inputs=True)
        self._queue.wait_all()


def benchmark_app(path: Path, precision: str, seconds: int) -> float | None:
    """Ask OpenVINO's own program; None where it is not installed."""
    program = shutil.which("benchmark_app", path=str(Path(sys.executable).parent)) or shutil.which("benchmark_app")
    if program is None:
        return None
    command = [
        program,
        "-m",
        str(path),
        "-d",
        "CPU",
        "-hint",
        "throughput",
        "-infer_precision",
        precision,
        "-t",
        str(seconds),
    ]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Throughput:\s+([\d.]+) FPS", output)
    return float(found.group(1)) if found else None


def main() -> None:
    """Measure, print a table, and end with 1 where the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=256, help="pictures a turn")
    parser.add_argument("--engine", default=None)
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    backbone, n = load_backbone(options.backbone), options.pictures
    engine = options.engine or open_engine(backbone, size_px=(224, 224)).name
    print(f"{options.backbone}, {engine}, {count_cores()} processors")
    missed = []
    for size_px in sorted({panel.height_px for panel in PANELS.values()}):
        turns = Turns(n)
        panels = {kind: panel for kind, panel in PANELS.items() if panel.height_px == size_px}
        yardsticks = measure(turns, backbone, engine, size_px, panels, options.rounds)
        print(f"\n{size_px} x {size_px} pixels")
        missed += turns.report(yardsticks)
        if options.json is not None:
            options.json.with_suffix(f".{size_px}.json").write_text(turns.to_json())
    sys.exit(f"below {TARGET:.0%}: {', '.join(missed)}" if missed else 0)


def measure(
    turns: Turns, backbone: Backbone, engine: str, size_px: int, panels: Mapping[str, Panel], rounds: int
) -> set[str]:
    """Let the plain network and our frozen pass take turns on pictures of one size; return the yardsticks' names."""
    noise = np.random.default_rng(0).integers(0, 256, (turns.n, size_px, size_px, 3), np.uint8)
    padded = np.tile([0, 0, size_px * 3 // 4, size_px], (turns.n, 1))
    precision = {"fp32": "f32"}.get(ENGINES[engine].precision, ENGINES[engine].precision)
    ours: dict[str, Engine] = {}
    for kind, panel in panels.items():
        whole = open_engine(backbone, size_px=(size_px, size_px), grid=panel.grid, engine=engine)
        default = FrozenPass(backbone, [panel], engine=engine).engines[panel.name]
        ours[f"{kind}, to {default.stages[-1]}"] = default
        if default.stages != whole.stages:
            ours[f"({kind}, all stages)"] = whole
    with tempfile.TemporaryDirectory() as folder:
        path = plain_graph(backbone, size_px, Path(folder))
        loops = {f"plain, batch {b}": PlainLoop(path, size_px, precision=precision, batch=b) for b in (1, 2, 16)}
        for _ in range(rounds + 1):
            for name, loop in loops.items():
                turns.take(name, partial(loop.run, turns.n))
            found = benchmark_app(path, precision, 3)
            if found is not None:
                turns.note("benchmark_app", found)
            for name, one in ours.items():
                turns.take(name, partial(one.pooled, noise))
                turns.take(f"{name}{PADDED}", partial(one.pooled, noise, padded))
    return {*loops, "benchmark_app"}


class Turns:
    """What every contestant reached, turn by turn; ``n`` pictures a turn."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.rates: dict[str, list[float]] = {}
        self.processor_ms: dict[str, list[float]] = {}

    def take(self, name: str, run: Callable[[], object]) -> None:
        """Run one turn on the clock and on the processor's."""
        start, used = time.perf_counter(), time.process_time()
        run()
        self.processor_ms.setdefault(name, []).append(1e3 * (time.process_time() - used) / self.n)
        self.note(name, self.n / (time.perf_counter() - start))

    def note(self, name: str, rate: float) -> None:
        """Keep one turn's pictures per second."""
        self.rates.setdefault(name, []).append(rate)

    def report(self, yardsticks: set[str]) -> list[str]:
        """Print every contestant's best turn and its share of the best yardstick's; return those below the target.

        What no kind runs by default stands in parentheses and does not count. The first turn warms up. Processor time
        is that of this process: ``benchmark_app`` has none here.
        """
        best = {name: max(rates[1:]) for name, rates in self.rates.items()}
        least_ms = {name: min(values[1:]) for name, values in self.processor_ms.items()}
        goal = max(best[name] for name in best if name in yardsticks)
        goal_ms = min(least_ms[name] for name in least_ms if name in yardsticks)
        print(f"{'contestant':<26}{'pictures/s':>12}{'share':>8}{'processor ms a picture':>26}{'share':>8}")
        for name, rate in best.items():
            used = f"{least_ms[name]:>26.2f}{goal_ms / least_ms[name]:>8.0%}" if name in least_ms else ""
            print(f"{name:<26}{rate:>12.0f}{rate / goal:>8.0%}{used}")
        counted = [name for name in best if name not in yardsticks and not name.startswith("(")]
        return [name for name in counted if best[name] < TARGET * goal]

    def to_json(self) -> str:
        """Return every turn."""
        return json.dumps({"pictures_per_second": self.rates, "processor_ms": self.processor_ms}, indent=1)


if __name__ == "__main__":
    main()
