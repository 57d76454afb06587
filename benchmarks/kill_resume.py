"""A training that is killed with ``kill -9`` again and again, and one whose disk is full: both end as if nothing was.

``photism train --method finetune`` runs once unbroken; then in another folder it is killed with its whole process group
at random instants, spread over the time that the unbroken run took, and resumed after each. Every run has a cache of
its own that is empty when it begins. Compared are every tensor and every description of the recognizer bit for bit, the
metrics but for their seconds, the names of all files left behind, and the SHA-256 of every file of the user's.

``--full-disk`` needs root: RUN, or else the cache, lies on a small tmpfs. A run must end there with one plain sentence,
no traceback and exit code 2, and go on with ``--resume`` to the same end once the disk has become larger.

    python -m benchmarks.kill_resume [DATA] [--kills 10] [--seed 0] [--full-disk] [--engine torch-fp32]

Without DATA sixty handwritten digits of scikit-learn are written.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

PER_CLASS = 6
ENLARGED = "2g"
FULL_AT = {"RUN": ("2m", "20m"), "the cache": ("2m", "20m")}


@dataclass(frozen=True)
class Run:
    """One folder, its cache, the command that trains into it, and the file that takes what it says."""

    data: Path
    out: Path
    cache: Path
    log: Path
    options: tuple[str, ...]

    def start(self, *, resume: bool) -> subprocess.Popen[bytes]:
        """Start a training in a process group of its own."""
        command = [sys.executable, "-m", "photism.cli", "train", str(self.data), "--out", str(self.out)]
        command += ["--method", "finetune", *self.options, *(["--resume"] if resume else [])]
        with self.log.open("wb") as log:
            return subprocess.Popen(
                command,
                env={**os.environ, "PHOTISM_CACHE": str(self.cache)},
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )

    def said(self) -> str:
        """Return what the last process wrote to stderr."""
        return self.log.read_text(errors="replace").strip()

    def finish(self, *, resume: bool) -> tuple[int, float]:
        """Train to the end; return the exit code and the seconds."""
        started = time.perf_counter()
        return self.start(resume=resume).wait(), time.perf_counter() - started

    def kill_after(self, seconds: float, *, resume: bool) -> str | None:
        """Train, and kill the whole group after some seconds; say what there was then, None where it had ended."""
        process = self.start(resume=resume)
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return self.state()
        if code:
            raise SystemExit(f"exit code {code}: {self.said()}")
        return None

    def state(self) -> str:
        """How far a run has come, from what lies in its folder."""
        if not self.out.is_dir():
            return "no folder yet"
        for name, words in (("metrics.json", "metrics written"), ("recognizer", "recognizer written")):
            if (self.out / name).exists():
                return words
        for name, words in (("last", "second training"), ("first", "first training")):
            state = self.out / "unfinished" / name / "state.safetensors"
            if state.is_file():
                return f"{words}, epoch {epochs_in(state)} kept"
        return "plan of the fine-tuning written" if (self.out / "finetune.json").is_file() else "before fine-tuning"


def epochs_in(state: Path) -> int:
    """Count the epochs in a checkpoint's header."""
    with state.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return len(json.loads(header["__metadata__"]["rows"]))


def write_data(folder: Path) -> Path:
    """Write some of scikit-learn's handwritten digits, one subfolder a class."""
    from photism.data.demo import write_digits

    return write_digits(folder, per_class=PER_CLASS)


def hashes(folder: Path) -> dict[str, str]:
    """Hash every file of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def differences(one: Path, other: Path) -> list[str]:
    """Compare what two runs left behind; return what differs, in words."""
    metrics = [json.loads((run / "metrics.json").read_text()) for run in (one, other)]
    engines = [each["chosen"]["engine"] for each in metrics]
    if engines[0] != engines[1]:  # every cache finds the fastest by itself, and other work beside decides as well
        return [f"{engines[0]} was asked here and {engines[1]} there: fix one with --engine"]
    found = []
    names = [{str(p.relative_to(run)) for p in run.rglob("*")} for run in (one, other)]
    found += [f"only one of the two has {name}" for name in sorted(names[0] ^ names[1])]
    for path in sorted((one / "recognizer").glob("*.safetensors")):
        tensors = [load_file(run / "recognizer" / path.name) for run in (one, other)]
        if set(tensors[0]) != set(tensors[1]):
            found.append(f"other tensors in {path.name}")
        same = set(tensors[0]) & set(tensors[1])
        found += [
            f"{path.name}: {name}" for name in sorted(same) if tensors[0][name].tobytes() != tensors[1][name].tobytes()
        ]
    for name in ("recognizer/recognizer.json", "split.csv", "skipped.csv", "finetune.json"):
        if (one / name).read_bytes() != (other / name).read_bytes():
            found.append(name)
    keys = {key for each in metrics for key in each} - {"seconds"}
    found += [f"metrics.json: {key}" for key in sorted(keys) if metrics[0].get(key) != metrics[1].get(key)]
    rows = [[json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()] for run in (one, other)]
    if [{**row, "seconds": 0} for row in rows[0]] != [{**row, "seconds": 0} for row in rows[1]]:
        found.append("history.jsonl")
    return found


def kill_and_resume(whole: Run, seconds: float, scratch: Path, n_kills: int, seed: int) -> list[str]:
    """Kill runs at random instants until they are done; print each, return what differs from the unbroken run.

    The instants are spread over the unbroken run's time, from early to late, each counted from its own process's start.
    A run that ends before all kills were made is compared, and another one begins.
    """
    chance = np.random.default_rng(seed)
    print("\n| run | kill after s | there was |\n|---|---|---|")
    wrong: list[str] = []
    number, broken = 0, None
    for kill in range(n_kills):
        if broken is None:
            number += 1
            home = scratch / f"broken-{number}"
            broken = Run(whole.data, home / "RUN", home / "cache", whole.log, whole.options)
        after = float((kill + chance.random()) / n_kills * seconds)
        found = broken.kill_after(after, resume=broken.out.is_dir())
        print(f"| {number} | {after:.1f} | {found or 'it was done'} |", flush=True)
        if found is None:
            wrong += differences(whole.out, broken.out)
            broken = None
    if broken is not None:
        code, rest = broken.finish(resume=broken.out.is_dir())
        print(f"| {number} | not killed | exit code {code} after {rest:.1f} s |", flush=True)
        wrong += differences(whole.out, broken.out) if code == 0 else [f"exit code {code}: {broken.said()}"]
    return wrong


@contextmanager
def tmpfs(place: Path, size: str) -> Iterator[Path]:
    """Mount a small disk in memory, and take it away again."""
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill_disks(whole: Run, scratch: Path) -> list[str]:
    """Train onto disks that become full, enlarge them, and resume; print each, return what went wrong."""
    wrong = []
    print("\n| full disk | size | exit code | said | resumed | differs |\n|---|---|---|---|---|---|")
    for which, sizes in FULL_AT.items():
        for size in sizes:
            home = scratch / f"{which.replace(' ', '_')}-{size}"
            with tmpfs(home / "disk", size) as disk:
                places = (disk / "RUN", home / "cache") if which == "RUN" else (home / "RUN", disk / "cache")
                run = Run(whole.data, *places, whole.log, whole.options)
                code, _ = run.finish(resume=False)
                said = run.said()
                fitted = code == 0
                if not fitted:
                    subprocess.run(["mount", "-o", f"remount,size={ENLARGED}", str(disk)], check=True)
                again, _ = run.finish(resume=run.out.is_dir())
                differ = differences(whole.out, run.out) if again == 0 else [run.said()]
                print(f"| {which} | {size} | {code} | {said[-300:]!r} | {again} | {differ or 'nothing'} |", flush=True)
                if not fitted and (code != 2 or len(said.splitlines()) != 1 or "Traceback" in said):
                    wrong.append(f"{which} on {size}: exit code {code}, {said!r}")
                wrong += [f"{which} on {size}, resumed: {one}" for one in differ]
    return wrong


def report(what: str, found: Sequence[str]) -> None:
    """Print what was found wrong, or that nothing was."""
    print(f"\n{what}: {'as it must be' if not found else 'WRONG'}")
    for one in found:
        print(f"  - {one}")


def changed(before: Mapping[str, str], data: Path) -> list[str]:
    """Name the user's files that are not what they were."""
    after = hashes(data)
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def main() -> None:
    """Run what is asked for and print the tables; exit with 1 where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--engine", help="the fastest of this machine by default, chosen anew by each empty cache")
    parser.add_argument("--full-disk", action="store_true")
    arguments = parser.parse_args()
    options = ("--engine", arguments.engine) if arguments.engine else ()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        data = arguments.data or write_data(scratch / "data")
        before = hashes(data)
        whole = Run(data, scratch / "whole" / "RUN", scratch / "whole" / "cache", scratch / "log.txt", options)
        code, seconds = whole.finish(resume=False)
        if code:
            raise SystemExit(f"the unbroken run ended with {code}: {whole.said()}")
        print(f"unbroken: {seconds:.1f} s, {len(before)} files")
        wrong = kill_and_resume(whole, seconds, scratch, arguments.kills, arguments.seed)
        report(f"killed {arguments.kills} times against unbroken", wrong)
        if arguments.full_disk:
            full = fill_disks(whole, scratch)
            report("full disks", full)
            wrong += full
        touched = changed(before, data)
        report(f"the user's {len(before)} files", touched)
    sys.exit(1 if wrong or touched else 0)


if __name__ == "__main__":
    main()
