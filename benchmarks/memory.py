"""Anonymous memory of a training against the number of samples: it must hardly grow.

Every figure is from a process of its own, which imports photism, notes its anonymous memory and then works. Counted is
what the process itself holds beyond that note at its peak (``RssAnon`` of /proc, polled; mapped pages, such as those of
the cache, are not anonymous, and workers hold one file at a time each). ``images`` writes small pictures and trains on
them as a user would. ``sounds`` makes up the features of short sounds (of the packaged network's width, 134 kB a sound)
and fits everything that is fitted to them: the pass of the network over so many sounds would take an hour.

    python -m benchmarks.memory [images] [sounds] [--samples 5000 20000]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

N_CLASSES = 10
CHANNELS = {"stem": 32, "b0": 16, "b1": 24, "b2": 40, "b3": 80, "b4": 112, "b5": 96, "b6": 160, "head": 640}
PLACES = 14
RANK = 300


def anonymous_bytes() -> int:
    """Return the anonymous memory of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


def peak_while(work: Callable[[], None]) -> int:
    """Do something, and return how much more anonymous memory than before there was at its peak."""
    before, peak, done = anonymous_bytes(), 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.02):
            peak = max(peak, anonymous_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return peak - before


def write_images(folder: Path, n: int) -> Path:
    """Write small noisy pictures, a colour a class, as ``folder/CLASS/NUMBER.png``."""
    from PIL import Image

    rng = np.random.default_rng(0)
    colours = rng.integers(60, 196, (N_CLASSES, 3))
    for number in range(n):
        place = folder / f"class {number % N_CLASSES}"
        place.mkdir(parents=True, exist_ok=True)
        pixels = np.clip(rng.normal(colours[number % N_CLASSES], 60.0, (16, 16, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(place / f"{number}.png")
    return folder


def train_images(scratch: Path, n: int) -> int:
    """Train on ``n`` small pictures; return the peak."""
    import photism.experiment

    data = write_images(scratch / "data", n)
    return peak_while(lambda: print(photism.experiment.train(data, scratch / "RUN"), file=sys.stderr))


def fit_sounds(scratch: Path, n: int) -> int:
    """Fit everything to made-up features of ``n`` sounds, kept in a cache; return the peak."""
    from photism.recognizers.frozen_pass import FileFeatures
    from photism.training.features import Features
    from photism.training.fit import fit
    from photism.training.frozen import FeatureCache
    from photism.types import Sample

    rng = np.random.default_rng(0)
    widths = {f"log-mel/{name}": 2 * PLACES * channels for name, channels in CHANNELS.items()}
    ends = np.cumsum(list(widths.values()))
    # Features as a network's are: a few directions are strong, many are weak, and classes differ in the strong ones.
    mix = rng.standard_normal((RANK, ends[-1]), np.float32) / np.arange(1, RANK + 1, dtype=np.float32)[:, None] ** 0.5
    centre = 0.3 * rng.standard_normal((N_CLASSES, RANK))
    truth, kept = np.arange(n) % N_CLASSES, FeatureCache(scratch, "made up")
    y = np.where(rng.random(n) < 0.1, rng.integers(0, N_CLASSES, n), truth)  # one label in ten says nothing
    for start in range(0, n, 50):
        numbers = np.arange(start, min(start + 50, n))
        inner = (centre[truth[numbers]] + rng.standard_normal((len(numbers), RANK))).astype(np.float32)
        rows = inner @ mix
        rows += rng.standard_normal(rows.shape, np.float32)
        layers = [dict(zip(widths, np.split(row[None], ends[:-1], axis=1), strict=True)) for row in np.abs(rows)]
        names = [str(i) for i in numbers]
        kept.keep([(i, FileFeatures(Sample(Path(i), "a"), one)) for i, one in zip(names, layers, strict=True)])
    del mix, rows, layers
    part = rng.permutation(n) % 5

    def work() -> None:
        layers, counts = kept.rows([str(i) for i in range(n)])
        features = Features(layers, np.arange(n), 1.0 / counts.astype(np.float32), n, dict.fromkeys(widths, PLACES))
        masks = {"train": part > 1, "valid": part == 1, "test": part == 0}
        groups = [str(i) for i in range(n)]
        fitted = fit(features, y=y, groups=groups, units=groups, masks=masks, n_classes=N_CLASSES, seed=0)
        right = np.mean(fitted.probabilities["test"][masks["test"]].argmax(axis=1) == y[masks["test"]])
        print(f"{fitted.selection.layers}, {fitted.strength}, {right:.3f}", file=sys.stderr)

    return peak_while(work)


KINDS = {"images": train_images, "sounds": fit_sounds}


def measure(kind: str, n: int) -> tuple[int, float]:
    """Measure in a process of its own; return the peak in bytes, and the seconds that it all took."""
    with tempfile.TemporaryDirectory() as scratch:
        started = time.perf_counter()
        answer = subprocess.run(
            [sys.executable, "-m", "benchmarks.memory", kind, "--samples", str(n), "--here", scratch],
            env={**os.environ, "PHOTISM_CACHE": str(Path(scratch, "cache"))},
            stdout=subprocess.PIPE,
            check=True,
        )
        return int(json.loads(answer.stdout)), time.perf_counter() - started


def main() -> None:
    """Measure every kind at every size and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", default=list(KINDS), metavar="KIND")
    parser.add_argument("--samples", type=int, nargs="+", default=[5000, 20000])
    parser.add_argument("--here", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here is not None:
        import photism.experiment  # noqa: F401 - the baseline

        print(KINDS[arguments.kinds[0]](arguments.here, arguments.samples[0]))
        return
    print("| kind | samples | peak anonymous MB above the imports | growth | s |\n|---|---|---|---|---|")
    for kind in arguments.kinds:
        first = None
        for n in arguments.samples:
            peak, seconds = measure(kind, n)
            first = first or peak
            print(f"| {kind} | {n} | {peak / 1e6:.0f} | {peak / first - 1:+.0%} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
