"""Does a recognizer know what it was never taught? ``familiar`` on test items, on foreign sets and on nothing at all.

Needs runs of ``esc10`` (fold 1 held out), ``clothing10`` and ``filefrag`` as ``benchmarks.main_job --out FOLDER``
leaves them. Nothing here chooses anything.

    PHOTISM_DATA=../shared/data python -m benchmarks.familiar FOLDER
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

import photism
from benchmarks.main_job import DATA

N_FOREIGN, N_ODD = 400, 20


def part_of(name: str, part: str, fold: str | None = None) -> list[Path]:
    """List the files of a set that belong to a part or a fold."""
    with (DATA / f"{name}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [DATA / row["path"] for row in rows if (row.get("fold") == fold if fold else row.get("split", part) == part)]


def some(paths: list[Path], n: int = N_FOREIGN) -> list[Path]:
    """Take every so-manyth path."""
    return paths[:: max(1, len(paths) // n)][:n]


def odd_sounds(folder: Path) -> list[Path]:
    """Write silence and white noise, five seconds each."""
    rng, paths = np.random.default_rng(0), []
    for i in range(N_ODD):
        for name, samples in (("silence", np.zeros(220_500)), ("noise", rng.normal(0, 0.1 * (i + 1) / N_ODD, 220_500))):
            paths.append(folder / f"{name}{i}.wav")
            soundfile.write(paths[-1], samples, 44_100)
    return paths


def odd_pictures(folder: Path) -> list[Path]:
    """Write blank pictures and noise."""
    rng, paths = np.random.default_rng(0), []
    for i in range(N_ODD):
        blank = np.full((300, 300, 3), rng.integers(0, 256, 3), np.uint8)
        for name, pixels in (("blank", blank), ("noise", rng.integers(0, 256, (300, 300, 3), np.uint8))):
            paths.append(folder / f"{name}{i}.png")
            Image.fromarray(pixels).save(paths[-1])
    return paths


def odd_bytes(folder: Path) -> list[Path]:
    """Write constant bytes and uniformly random ones."""
    rng, paths = np.random.default_rng(0), []
    for i in range(N_ODD):
        for name, data in (("blank", bytes([i * 12]) * 4096), ("noise", rng.bytes(4096))):
            paths.append(folder / f"{name}{i}.bin")
            paths[-1].write_bytes(data)
    return paths


def rate(recognizer: photism.Recognizer, paths: list[Path]) -> float:
    """Return the share of the files that are called familiar."""
    answers = [answer.familiar for answer in recognizer.predict(paths) if answer.error is None]
    return float(np.mean([bool(answer) for answer in answers]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    runs: Path = parser.parse_args().runs
    cases: list[tuple[str, str, list[Path], str, list[Path], Callable[[Path], list[Path]]]] = [
        ("esc10", "esc10-1-0", part_of("esc10", "", "1"),
         "fsdd", some(part_of("fsdd", "test")), odd_sounds),
        ("clothing10", "clothing10-split-0", part_of("clothing10", "test"),
         "cifar10", some(part_of("cifar10", "test")), odd_pictures),
        ("filefrag", "filefrag-split-0", part_of("filefrag", "test"),
         "cpu_rec_chunks", some(part_of("cpu_rec_chunks", "test")), odd_bytes),
    ]  # fmt: skip
    print(
        "| taught | test items that pass % | foreign set | refused % | odd inputs | refused % |\n"
        "|---|---|---|---|---|---|"
    )
    for taught, run, test, foreign, others, make in cases:
        recognizer = photism.load(runs / run)
        with tempfile.TemporaryDirectory() as folder:
            odd = make(Path(folder))
            kinds = sorted({path.stem.rstrip("0123456789") for path in odd})
            told = ", ".join(
                f"{kind} {100 * (1 - rate(recognizer, [p for p in odd if p.stem.startswith(kind)])):.0f}"
                for kind in kinds
            )
        passing, refused = rate(recognizer, test), 1 - rate(recognizer, others)
        print(
            f"| {taught} | {100 * passing:.1f} | {foreign} | {100 * refused:.1f} | {' and '.join(kinds)} | {told} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
