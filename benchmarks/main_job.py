"""The main job on real sets, as a user would run it: ``photism train`` with default options.

Every run is a process of its own. The engine's cache is warm (one short run warms it), pictures and features are
never reused between runs: the seconds are those of a first run on new data. Memory is the peak of anonymous memory over
the process and its workers, polled (mapped files are not counted). Test parts and test folds choose nothing: they are
held out by ``--test-fold`` or by the CSV's own split.

    PHOTISM_DATA=../shared/data python -m benchmarks.main_job [SET ...] [--out FOLDER] [--seeds 0 1 2]
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np

DATA = Path(os.environ.get("PHOTISM_DATA", "../shared/data"))


@dataclass(frozen=True)
class Protocol:
    """One set: its CSV, and the folds to hold out in turn (None: the CSV's own split)."""

    csv: str
    folds: tuple[str | None, ...] = (None,)


FSDD_SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
PROTOCOLS: dict[str, Protocol] = {
    "esc10": Protocol("esc10.csv", ("1", "2", "3", "4", "5")),
    "mouse_bots": Protocol("mouse_bots.csv", ("1", "2", "3", "4", "5")),
    "fsdd": Protocol("fsdd.csv"),
    "fsdd_speakers": Protocol("fsdd.csv", FSDD_SPEAKERS),
    "clothing10": Protocol("clothing10.csv"),
    "cifar10": Protocol("cifar10.csv"),
    "filefrag": Protocol("filefrag.csv"),
    "cpu_rec_chunks": Protocol("cpu_rec_chunks.csv"),
}


def anonymous_bytes(pid: int) -> int:
    """Sum the anonymous memory of a process and its descendants."""
    total, queue = 0, [pid]
    while queue:
        one = queue.pop()
        try:
            status = Path(f"/proc/{one}/status").read_text()
            children = Path(f"/proc/{one}/task/{one}/children").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("RssAnon"))
        queue += [int(child) for child in children.split()]
    return total


def train(
    data: Path, out: Path, cache: Path, *, fold: str | None, seed: int, options: Sequence[str] = ()
) -> dict[str, object]:
    """Run one training as a user would; return its metrics with wall seconds and peak memory added."""
    for kept in cache.glob("*"):
        if kept.name.startswith(("pictures-", "features-", "maps-")):
            shutil.rmtree(kept)
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "photism.cli", "train", str(data), "--out", str(out), "--seed", str(seed)]
    command += options
    if fold is not None:
        command += ["--test-fold", fold]
    started, peak = time.perf_counter(), 0
    process = subprocess.Popen(
        command, env={**os.environ, "PHOTISM_CACHE": str(cache)}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    while process.poll() is None:
        peak = max(peak, anonymous_bytes(process.pid))
        time.sleep(0.1)
    wall = time.perf_counter() - started
    assert process.stderr is not None
    if process.returncode not in (0, 3):
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}: {process.stderr.read().decode()}")
    metrics: dict[str, object] = json.loads((out / "metrics.json").read_text())
    return {**metrics, "wall_s": wall, "peak_anonymous_bytes": peak}


def byte_histogram_baselines(data: Path) -> dict[str, float]:
    """Test accuracy of extra trees and of gradient boosting on plain byte histograms."""
    from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier

    with data.open(newline="") as file:
        rows = list(csv.DictReader(file))
    counts = np.stack([np.bincount(np.fromfile(data.parent / row["path"], np.uint8), minlength=256) for row in rows])
    histogram = counts / counts.sum(axis=1, keepdims=True)
    label = np.array([row["label"] for row in rows])
    test = np.array([row["split"] == "test" for row in rows])
    trees = ExtraTreesClassifier(500, n_jobs=-1, random_state=0).fit(histogram[~test], label[~test])
    boosting = HistGradientBoostingClassifier(
        max_iter=60, min_samples_leaf=3, l2_regularization=1.0, random_state=0
    ).fit(histogram[~test], label[~test])
    return {
        "extra trees": float(trees.score(histogram[test], label[test])),
        "gradient boosting": float(boosting.score(histogram[test], label[test])),
    }


def row_of(name: str, runs: list[dict[str, object]]) -> str:
    """Write one line of the table; several folds are averaged, their lowest and highest given."""

    def test(key: str) -> list[float]:
        return [float(run["test"][key]) for run in runs if run["test"][key] is not None]  # type: ignore[index]

    accuracy = test("accuracy")
    if len(runs) == 1:
        interval = f"{100 * test('low')[0]:.1f} to {100 * test('high')[0]:.1f}"
    else:
        interval = f"folds {100 * min(accuracy):.1f} to {100 * max(accuracy):.1f}"
    phases = [run["seconds"] for run in runs]
    names = ("read", "render", "frozen_pass", "probe", "finetune", "report", "total")
    seconds = " · ".join(f"{mean(float(p.get(n) or 0.0) for p in phases):.1f}" for n in names)  # type: ignore[attr-defined]
    wall = mean(float(run["wall_s"]) for run in runs)  # type: ignore[arg-type]
    peak = max(int(run["peak_anonymous_bytes"]) for run in runs) / 1e9  # type: ignore[call-overload]
    extra = ""
    if len(runs[0]["labels"]) == 2:  # type: ignore[arg-type]
        rows = [run["test"]["per_class"] for run in runs]  # type: ignore[index]
        extra = (
            " (F1 of "
            + ", ".join(f"{rows[0][i]['label']} {100 * mean(row[i]['f1'] for row in rows):.1f}" for i in (0, 1))
            + ")"
        )
    auroc = test("auroc")
    return (
        f"| {name} | {100 * mean(accuracy):.1f} | {interval} | {100 * mean(test('macro_f1')):.1f}{extra} | "
        f"{mean(auroc) if auroc else float('nan'):.4f} | {seconds} | {wall:.1f} | {peak:.2f} |"
    )


def main() -> None:
    """Run the sets and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=list(PROTOCOLS), metavar="SET")
    parser.add_argument("--out", type=Path, help="keep the runs here")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--method", choices=("auto", "probe", "finetune"), default="auto")
    parser.add_argument("--budget", help="as photism train takes it, for instance 60s")
    arguments = parser.parse_args()
    options = ["--method", arguments.method, *(["--budget", arguments.budget] if arguments.budget else [])]
    with tempfile.TemporaryDirectory() as scratch:
        out: Path = arguments.out or Path(scratch, "runs")
        cache = Path(os.environ.get("PHOTISM_CACHE") or Path(scratch, "cache"))
        print(
            "| set | test accuracy % | 95 % interval | macro-F1 % | AUROC "
            "| read · render · pass · probe · fine-tuning · report · total s | wall s | peak GB |"
        )
        print("|---|---|---|---|---|---|---|---|")
        for name in arguments.sets:
            protocol = PROTOCOLS[name]
            train(
                DATA / protocol.csv, out / "warm", cache, fold=protocol.folds[0], seed=0, options=("--method", "probe")
            )
            for seed in arguments.seeds:
                runs = [
                    train(
                        DATA / protocol.csv,
                        out / f"{name}-{fold or 'split'}-{seed}",
                        cache,
                        fold=fold,
                        seed=seed,
                        options=options,
                    )
                    for fold in protocol.folds
                ]
                print(row_of(name if seed == 0 else f"{name} (seed {seed})", runs), flush=True)
            if name in ("filefrag", "cpu_rec_chunks"):
                for baseline, accuracy in byte_histogram_baselines(DATA / protocol.csv).items():
                    print(f"| {name}: byte histogram, {baseline} | {100 * accuracy:.1f} | | | | | | |", flush=True)


if __name__ == "__main__":
    main()
