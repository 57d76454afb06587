"""Anonymous memory of a training against the number of samples: it must hardly grow.

Every figure is from a process of its own, which imports photism, notes its anonymous memory and then works. Counted is
what the process itself holds beyond that note at its peak (``RssAnon`` of /proc, polled; mapped pages, such as those of
the cache, are not anonymous, and workers hold one file at a time each). ``images`` writes small pictures and trains on
them as a user would. ``sounds`` makes up the features of short sounds (of the packaged network's width, 134 kB a sound)
and fits everything that is fitted to them: the pass of the network over so many sounds would take an hour. ``finetune``
fine-tunes the packaged network on small pictures as a user would, but for one epoch and one varied view: every epoch
takes the same steps in the same buffers, and a view more is one more memory-mapped table and 32 bytes a file. It trains
four times (the training part, then validation with it; each half of both for the audit), compares, asks the trained
network, audits and writes the report.

What the program was doing at the peak is told by looking at its stack whenever memory is read: the innermost of
``PARTS``. The figures beside a part are the memory when it began to be seen and the most that was seen in it.

    python -m benchmarks.memory [images] [sounds] [finetune] [--samples 5000 20000]
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
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType

import numpy as np

N_CLASSES = 10
CHANNELS = {"stem": 32, "b0": 16, "b1": 24, "b2": 40, "b3": 80, "b4": 112, "b5": 96, "b6": 160, "head": 640}
PLACES = 14
RANK = 300
# The file and the function that a part is told by.
PARTS = {
    ("material.py", "gather"): "reading",
    ("frozen.py", "ask"): "frozen pass",
    ("probe.py", "select_layers"): "choosing layers",
    ("classifier.py", "fit_classifier"): "fitting a head",
    ("head.py", "train_head"): "the head's curve",
    ("familiar.py", "fit_familiarity"): "familiarity",
    ("views.py", "make_views"): "making views",
    ("suffix.py", "__init__"): "cutting the network",
    ("finetune.py", "_step"): "training steps",
    ("finetune.py", "answer"): "answering with the suffix",
    ("suffix.py", "settled"): "putting the network back",
    ("adapt.py", "_asked_again"): "asking the trained network",
    ("finetune.py", "_keep"): "keeping the training's state",
    ("cross_tuned.py", "cross_tuned"): "the audit's fine-tuning",
    ("near.py", "near_duplicates"): "the audit's near duplicates",
    ("shortcuts.py", "find_shortcuts"): "the audit's shortcuts",
    ("out_of_fold.py", "held_out_probabilities"): "the audit's labels",
    ("labels.py", "find_suspects"): "the audit's labels",
    ("shift.py", "find_shift"): "the audit's shift",
    ("learning_curve.py", "learning_curve"): "the audit's learning curve",
    ("audit.py", "audit"): "the rest of the audit",
    ("deciding.py", "explain_surest"): "explaining",
    ("recognizer.py", "save_recognizer"): "the report",
    ("page.py", "save_page"): "the report",
    ("telling.py", "tell"): "the report",
}


def anonymous_bytes() -> int:
    """Return the anonymous memory of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


@dataclass(slots=True)
class Peak:
    """Anonymous bytes above the baseline: the most there was, and for every part that was seen (first, most)."""

    n_bytes: int = 0
    parts: dict[str, tuple[int, int]] = field(default_factory=dict)

    def see(self, part: str, n_bytes: int) -> None:
        """Note how much there is while a part runs."""
        self.n_bytes = max(self.n_bytes, n_bytes)
        first, most = self.parts.get(part, (n_bytes, n_bytes))
        self.parts[part] = (first, max(most, n_bytes))

    def told(self) -> str:
        """Name the part with the peak and what it began with, and the runner-up."""
        ranked = sorted(self.parts.items(), key=lambda one: -one[1][1])[:2]
        return ", then ".join(f"{part} ({first / 1e6:.0f} → {most / 1e6:.0f})" for part, (first, most) in ranked)


def part_of(frame: FrameType | None) -> str:
    """Say in which part of the program a stack is: the innermost that ``PARTS`` knows, but for the audit's."""
    found = "the rest"
    while frame is not None:
        part = PARTS.get((Path(frame.f_code.co_filename).name, frame.f_code.co_name), "")
        if found == "the rest" or part.startswith("the audit's"):
            found = part or found
        frame = frame.f_back
    return found


def peak_while(work: Callable[[], None]) -> Peak:
    """Do something, and return how much more anonymous memory than before there was at its peak, and where."""
    before, peak, done, main_thread = anonymous_bytes(), Peak(), threading.Event(), threading.get_ident()

    def watch() -> None:
        while not done.wait(0.02):
            peak.see(part_of(sys._current_frames()[main_thread]), anonymous_bytes() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return peak


def write_images(folder: Path, n: int, side_px: int = 16) -> Path:
    """Write small noisy pictures, a colour a class, as ``folder/CLASS/NUMBER.png``."""
    from PIL import Image

    rng = np.random.default_rng(0)
    colours = rng.integers(60, 196, (N_CLASSES, 3))
    for number in range(n):
        place = folder / f"class {number % N_CLASSES}"
        place.mkdir(parents=True, exist_ok=True)
        pixels = np.clip(rng.normal(colours[number % N_CLASSES], 60.0, (side_px, side_px, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(place / f"{number}.png")
    return folder


def train_images(scratch: Path, n: int) -> Peak:
    """Train on ``n`` small pictures; return the peak."""
    import photism.experiment

    data = write_images(scratch / "data", n)
    return peak_while(lambda: print(photism.experiment.train(data, scratch / "RUN"), file=sys.stderr))


def finetune_images(scratch: Path, n: int) -> Peak:
    """Fine-tune on ``n`` small pictures for an epoch with one varied view; return the peak."""
    import photism.experiment
    import photism.training.plan as lengths

    data = write_images(scratch / "data", n, side_px=32)
    lengths.STANDARD_EPOCHS, lengths.LEAST_STEPS, lengths.STANDARD_VIEWS = 1, 1, 1

    def work() -> None:
        print(photism.experiment.train(data, scratch / "RUN", method="finetune"), file=sys.stderr)

    return peak_while(work)


def fit_sounds(scratch: Path, n: int) -> Peak:
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


KINDS = {"images": train_images, "sounds": fit_sounds, "finetune": finetune_images}


def measure(kind: str, n: int) -> tuple[Peak, float]:
    """Measure in a process of its own; return the peak, and the seconds that it all took."""
    with tempfile.TemporaryDirectory() as scratch:
        started = time.perf_counter()
        answer = subprocess.run(
            [sys.executable, "-m", "benchmarks.memory", kind, "--samples", str(n), "--here", scratch],
            env={**os.environ, "PHOTISM_CACHE": str(Path(scratch, "cache"))},
            stdout=subprocess.PIPE,
            check=True,
        )
        return Peak(**json.loads(answer.stdout)), time.perf_counter() - started


def main() -> None:
    """Measure every kind at every size and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", default=list(KINDS), metavar="KIND")
    parser.add_argument("--samples", type=int, nargs="+", default=[5000, 20000])
    parser.add_argument("--here", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here is not None:
        import photism.experiment

        if "finetune" in arguments.kinds:
            import photism.training.adapt  # noqa: F401 - and torch with it

        print(json.dumps(asdict(KINDS[arguments.kinds[0]](arguments.here, arguments.samples[0]))))
        return
    print("| kind | samples | peak anonymous MB above the imports | growth | in (MB) | s |\n|---|---|---|---|---|---|")
    for kind in arguments.kinds:
        first = None
        for n in arguments.samples:
            peak, seconds = measure(kind, n)
            first = first or peak.n_bytes
            growth = peak.n_bytes / first - 1
            row = f"| {kind} | {n} | {peak.n_bytes / 1e6:.0f} | {growth:+.0%} | {peak.told()} | {seconds:.0f} |"
            print(row, flush=True)
            every = ", ".join(f"{part} {low / 1e6:.0f} → {high / 1e6:.0f}" for part, (low, high) in peak.parts.items())
            print(f"{kind} {n}: {every}", file=sys.stderr)


if __name__ == "__main__":
    main()
