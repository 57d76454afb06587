"""Is what ``--method auto`` chose at least as good as the probe, on test? Every set, every fold, several seeds.

Both are trained by the command line on the same split; pictures and frozen features are shared, seconds are not
compared here. What is finished is kept in ``--out`` and not done again, so that the table can be made in pieces; a row
says how many of its runs are there.

    PHOTISM_DATA=../shared/data python -m benchmarks.auto_against_probe [SET ...] --out FOLDER [--seeds 0 1 2]
    python -m benchmarks.auto_against_probe --out FOLDER --table
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from scipy import stats

from benchmarks.main_job import DATA, PROTOCOLS

# Short trainings first: a table in pieces then has whole rows soonest.
ORDER = ("cpu_rec_chunks", "filefrag", "clothing10", "esc10", "mouse_bots", "cifar10", "fsdd", "fsdd_speakers")


@dataclass(frozen=True, slots=True)
class Pair:
    """One split of one set with one seed, trained both ways: test accuracies as fractions, losses in nats."""

    auto: float
    probe: float
    auto_nats: float
    probe_nats: float
    tuned: bool
    larger: bool
    together: bool

    @property
    def points(self) -> float:
        """What auto brought, in points."""
        return 100 * (self.auto - self.probe)


def train(name: str, fold: str | None, seed: int, method: str, out: Path) -> dict[str, object]:
    """Train unless it is done; return the metrics."""
    folder = out / f"{name}-{fold or 'split'}-{seed}-{method}"
    if not (folder / "metrics.json").is_file():
        command = [sys.executable, "-m", "photism.cli", "train", str(DATA / PROTOCOLS[name].csv), "--out", str(folder)]
        command += ["--seed", str(seed), "--method", method, "--no-audit", *(["--test-fold", fold] if fold else [])]
        command += ["--resume"] if folder.exists() else []
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 3):
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
    metrics: dict[str, object] = json.loads((folder / "metrics.json").read_text())
    return metrics


def pair_of(name: str, fold: str | None, seed: int, out: Path) -> Pair | None:
    """Read both runs; None where one is not there."""
    found = []
    for method in ("auto", "probe"):
        path = out / f"{name}-{fold or 'split'}-{seed}-{method}" / "metrics.json"
        if not path.is_file():
            return None
        found.append(json.loads(path.read_text()))
    auto, probe = found
    chosen = auto["chosen"]
    return Pair(
        auto["test"]["accuracy"],
        probe["test"]["accuracy"],
        auto["test"]["loss_nats"],
        probe["test"]["loss_nats"],
        tuned=chosen["method"] == "finetune",
        larger=chosen["backbone"] != probe["chosen"]["backbone"],
        together=chosen.get("partner") is not None,
    )


def row_of(name: str, seeds: list[int], out: Path) -> str | None:
    """Write a set's line; None where nothing is there."""
    wanted = [(fold, seed) for seed in seeds for fold in PROTOCOLS[name].folds]
    pairs = [pair for fold, seed in wanted if (pair := pair_of(name, fold, seed, out)) is not None]
    if not pairs:
        return None
    points = [pair.points for pair in pairs]
    half = math.nan
    if len(points) > 1:
        half = float(stats.t.ppf(0.975, len(points) - 1)) * stdev(points) / math.sqrt(len(points))
    tuned, larger, together = (sum(getattr(p, what) for p in pairs) for what in ("tuned", "larger", "together"))
    interval = "" if math.isnan(half) else f"{mean(points) - half:+.2f} to {mean(points) + half:+.2f}"
    accuracy = [f"{100 * mean(getattr(p, way) for p in pairs):.2f}" for way in ("auto", "probe")]
    nats = [f"{mean(getattr(p, way) for p in pairs):.3f}" for way in ("auto_nats", "probe_nats")]
    return (
        f"| {name} | {len(pairs)} of {len(wanted)} | {tuned} | {larger} | {together} | {' | '.join(accuracy)} | "
        f"{mean(points):+.2f} | {interval} | {min(points):+.2f} | {' | '.join(nats)} |"
    )


def main() -> None:
    """Train what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=list(ORDER), metavar="SET")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--table", action="store_true", help="train nothing")
    options = parser.parse_args()
    if not options.table:
        for seed in options.seeds:
            for name in options.sets:
                for fold in PROTOCOLS[name].folds:
                    for method in ("probe", "auto"):
                        metrics = train(name, fold, seed, method, options.out)
                        print(name, fold, seed, method, metrics["test"]["accuracy"], file=sys.stderr, flush=True)  # type: ignore[index]
    print(
        "| set | runs | fine-tuned | larger network | two networks | auto % | probe % | difference | 95 % over runs | "
        "worst | auto nats | probe nats |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
    )
    for name in options.sets:
        row = row_of(name, options.seeds, options.out)
        if row is not None:
            print(row)


if __name__ == "__main__":
    main()
