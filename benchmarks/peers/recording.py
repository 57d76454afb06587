"""What every peer is given and what it must write down: the manifest, the clock, the processor's time, the memory.

Imported by the peers' scripts in their own environments, so it needs nothing but Python and numpy. A run is a folder:
``log.jsonl`` with one line an epoch (and a first and a last line that say how it began and ended), the answers for
the test items after every epoch as ``epoch-001.npy``, and nothing else. A folder without a last line is an unfinished
run and is done again. Does not cover how anything is trained.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Job:
    """The pictures of one set and fold: uint8 (n, h, w, 3) in one file, with a class and a part (train, test) each."""

    manifest: dict
    pixels: np.ndarray
    y: np.ndarray
    train: np.ndarray
    test: np.ndarray

    @property
    def kind(self) -> str:
        """Image, sound, binary or mouse: decides what augmentation is sensible."""
        return self.manifest["kind"]

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return len(self.manifest["classes"])


def read_job(path: Path) -> Job:
    """Read a manifest; all pictures are read into memory, which costs the peer no time on its clock."""
    manifest = json.loads(path.read_text())
    index = {label: i for i, label in enumerate(manifest["classes"])}
    items = manifest["items"]
    part = np.array([item["part"] for item in items])
    return Job(
        manifest,
        np.load(manifest["pixels"]),
        np.array([index[item["label"]] for item in items], np.int64),
        np.flatnonzero(part == "train"),
        np.flatnonzero(part == "test"),
    )


def options(description: str, **defaults: object) -> argparse.ArgumentParser:
    """Make the parser with what all peers take: manifest, folder, epochs, batch, seed, time limit, calibration."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the run's folder")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--time-limit", type=float, default=float("inf"), help="seconds of training to plan for")
    parser.add_argument("--trial", type=float, default=20.0, help="seconds to find the faster memory layout in")
    parser.add_argument("--calibrate", type=float, metavar="SECONDS", help="only measure images a second, and stop")
    parser.set_defaults(**defaults)
    return parser


def planned_epochs(most: int, *, n_train: int, images_per_second: float, time_limit: float) -> int:
    """Fit the recipe's own number of epochs into the time limit, before training: schedules then run to their end."""
    fitting = time_limit * images_per_second / n_train
    return max(1, min(most, int(fitting) if fitting < most else most))


def augment_spectrogram(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change a log-mel picture (time to the right, pitch upwards) as SpecAugment and a moved microphone would.

    A shift in time of up to a twentieth, brightness by up to a fifth, one band of pitches and one stretch of time of up
    to an eighth blanked; never flipped, never turned.

    Parameters
    ----------
    picture : uint8 (h, w, 3)
    rng : numpy Generator
    """
    h, w = picture.shape[:2]
    shift = int(rng.integers(-w // 20, w // 20 + 1))
    out = np.zeros_like(picture)
    out[:, max(0, shift) : w + min(0, shift)] = picture[:, max(0, -shift) : w - max(0, shift)]
    out = np.clip(out * rng.uniform(0.8, 1.2), 0, 255).astype(np.uint8)
    for axis, side in ((0, h), (1, w)):
        length = int(rng.integers(0, side // 8 + 1))
        start = int(rng.integers(0, side - length + 1))
        out[(slice(None),) * axis + (slice(start, start + length),)] = 0
    return out


def _tree() -> list[int]:
    found, queue = [], [os.getpid()]
    while queue:
        one = queue.pop()
        found.append(one)
        try:
            for task in os.listdir(f"/proc/{one}/task"):
                queue += [int(child) for child in Path(f"/proc/{one}/task/{task}/children").read_text().split()]
        except OSError:
            continue
    return found


def anonymous_bytes() -> int:
    """Sum the anonymous memory of this process and its living descendants."""
    total = 0
    for one in _tree():
        try:
            status = Path(f"/proc/{one}/status").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("RssAnon"))
    return total


def cpu_seconds() -> float:
    """Return user and system seconds of this process and its descendants, living or not."""
    own = os.times()
    total = own.user + own.system + own.children_user + own.children_system
    for one in _tree()[1:]:
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND
    return total


class Recorder:
    """Keeps a run's folder.

    Parameters
    ----------
    out : Path
        The run's folder; what an unfinished run left there is thrown away.
    job : Job
        What is trained on.
    facts : mapping
        What the first line says about the recipe (learning rate, batch, layout of the memory, ...).
    """

    def __init__(self, out: Path, job: Job, **facts: object) -> None:
        self._out, self._job = out, job
        out.mkdir(parents=True, exist_ok=True)
        for old in (*out.glob("epoch-*.npy"), *out.glob("log.jsonl")):
            old.unlink()
        self._started = time.perf_counter()
        self._seconds = self._cpu = 0.0
        self._images = 0
        self._last = (0.0, 0)
        self._peak = 0
        self._n_epochs = 0
        self._stop = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()
        first = {"n_train": len(job.train), "n_test": len(job.test), "load_start": os.getloadavg(), **facts}
        self._write(event="start", **first)

    @contextmanager
    def training(self) -> Iterator[None]:
        """Let the training clock run; it stands still while answers for the test items are asked."""
        started, used = time.perf_counter(), cpu_seconds()
        yield
        self._seconds += time.perf_counter() - started
        self._cpu += cpu_seconds() - used

    def saw(self, n_images: int) -> None:
        """Count pictures that were trained on."""
        self._images += n_images

    def epoch(self, answers: np.ndarray, **more: object) -> None:
        """Write one line: ``answers`` holds the class answered for every test item, in the manifest's order."""
        self._n_epochs += 1
        path = self._out / f"epoch-{self._n_epochs:03d}.npy"
        np.save(path, answers.astype(np.int16))
        seconds, images = self._seconds - self._last[0], self._images - self._last[1]
        self._last = (self._seconds, self._images)
        accuracy = float((answers == self._job.y[self._job.test]).mean())
        self._write(
            event="epoch", epoch=self._n_epochs, seconds_training=self._seconds,
            seconds_wall=time.perf_counter() - self._started, cpu_seconds=self._cpu, images_seen=self._images,
            images_per_second=images / seconds if seconds else None, test_accuracy=accuracy,
            test_predictions=path.name, **more,
        )  # fmt: skip
        print(f"epoch {self._n_epochs}: {100 * accuracy:.1f} %, {self._seconds:.0f} s", flush=True)

    def finish(self, **more: object) -> None:
        """Write the last line: the run is complete."""
        self._stop.set()
        self._peak = max(self._peak, anonymous_bytes())
        self._write(event="end", peak_anonymous_bytes=self._peak, load_end=os.getloadavg(), **more)

    def _watch(self) -> None:
        while not self._stop.wait(0.2):
            self._peak = max(self._peak, anonymous_bytes())

    def _write(self, **line: object) -> None:
        with (self._out / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")


def report_calibration(out: Path, **facts: object) -> None:
    """Write what a calibration found beside the runs, and print it."""
    line = json.dumps({**facts, "load": os.getloadavg()})
    out.mkdir(parents=True, exist_ok=True)
    (out / "calibration.json").write_text(line)
    print(line)
