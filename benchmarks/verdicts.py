"""Is the verdict right? Planted curves on real features, and onsets whose truth a large held-out set tells.

Verdicts: a linear head is trained on a random part of a set's training files with (1) their labels, (2) labels dealt
out at random, (3) a rate of 10,000, (4) a rate of 1e-8: it must be called learning, memorising, diverging and stalled.

Onsets: a head on a few hundred features is trained far past its best epoch on noisy labels, with a validation part of
400 files and a held-out set of thousands; the onset that the guard tells from validation is compared with the one
that the same definition gives on the held-out set, and its interval with that.

    PHOTISM_DATA=../shared/data python -m benchmarks.verdicts --seeds 100
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.main_job import DATA
from photism.data.material import gather
from photism.executor import ProcessExecutor
from photism.pictures.table import fit_recipe
from photism.recognizers.backbones import load_backbone
from photism.recognizers.head import Head
from photism.store import cache_root
from photism.training.classifier import standard
from photism.training.curve import Held
from photism.training.features import Features
from photism.training.frozen import ask
from photism.training.guard import verdict
from photism.training.head import Curve, Plan, train_head
from photism.types import EpochRow

# Training files only: a fold or the test part is held out of everything. The layer is one in the middle.
SETS = {
    "clothing10": (None, "photograph/b6"),
    "esc10": ("1", "log-mel/b5"),
    "fsdd": ("theo", "log-mel/b4"),
    "filefrag": (None, "pairs/b3"),
}
CASES = {
    "clean": (False, Plan(), "learning"),
    "random labels": (True, Plan(), "memorising"),
    "rate 10,000": (False, Plan(rate=1e4), "diverging"),
    "rate 1e-8": (False, Plan(rate=1e-8), "stalled"),
}
N_TRAIN, N_VALID = 500, 150


@dataclass(frozen=True)
class Pool:
    """A set's training files: features of one layer, classes."""

    features: Features
    layer: str
    y: np.ndarray
    files: np.ndarray
    n_classes: int


def pool_of(name: str, fold: str | None, layer: str) -> Pool:
    """Read a set's cached features."""
    with ProcessExecutor() as executor:
        network = load_backbone("efficientnet_lite0")
        material = gather(
            Path(DATA) / f"{name}.csv", kind=None, group_by=None, test_fold=fold, seed=0, executor=executor
        )
        recipe = fit_recipe(material.dataset.kind, material.facts("train"), size_px=network.size_px)
        asked = ask(material, recipe, network, engine=None, executor=executor, cache=cache_root())
    material = material.without(asked.skipped)
    files = np.flatnonzero(material.mask("train") | material.mask("valid"))
    features = asked.features.keep(np.isin(np.arange(len(material.y)), files), layers=[layer])
    held = Features(
        {layer: np.asarray(features.layers[layer])}, features.sample_of_window, features.weight, features.n_samples
    )
    return Pool(held, layer, material.y, files, len(material.labels))


def train(pool: Pool, y: np.ndarray, parts: tuple[np.ndarray, ...], plan: Plan, seed: int) -> Curve:
    """Train a head on the first part; all others are validation."""
    numbers = np.arange(len(y))
    taught, held = np.isin(numbers, parts[0]), np.isin(numbers, np.concatenate(parts[1:]))
    mean, scale = standard(pool.features.keep(taught), [pool.layer])
    k = pool.n_classes
    start = Head((pool.layer,), mean, scale, np.zeros((len(mean), k), np.float32), np.zeros(k, np.float32))
    return train_head(
        pool.features.keep(taught | held), y, numbers, train=taught, valid=held, start=start, n_classes=k,
        plan=plan, seed=seed,
    )  # fmt: skip


def verdicts(n_seeds: int) -> Iterator[str]:
    """Count how often each planted case is named rightly."""
    pools = {name: pool_of(name, *where) for name, where in SETS.items()}
    for case, (shuffled, plan, expected) in CASES.items():
        told: Counter[str] = Counter()
        wrong: Counter[str] = Counter()
        for seed in range(n_seeds):
            name = list(pools)[seed % len(pools)]
            pool = pools[name]
            rng = np.random.default_rng(seed)
            order = rng.permutation(pool.files)
            n_train = min(N_TRAIN, 3 * len(order) // 4)
            y = pool.y.copy()
            if shuffled:
                y[pool.files] = rng.permutation(y[pool.files])
            curve = train(pool, y, (order[:n_train], order[n_train : n_train + N_VALID]), plan, seed)
            found = verdict(curve.rows, chance_nats=math.log(pool.n_classes), held=curve.held, seed=seed)
            told[found.state] += 1
            wrong[name] += found.state != expected
        told_text = ", ".join(f"{count} {state}" for state, count in told.most_common())
        yield f"| {case} | {expected} | {told[expected]} of {n_seeds} | {told_text} | {dict(+wrong) or ''} |"


def narrowed(pool: Pool, d: int, rng: np.random.Generator) -> Pool:
    """Keep some of the features: with about as many as files, noise is memorised at the highest price."""
    values = pool.features.layers[pool.layer]
    some = np.ascontiguousarray(values[:, rng.permutation(values.shape[1])[:d]])
    f = pool.features
    return Pool(
        Features({pool.layer: some}, f.sample_of_window, f.weight, f.n_samples),
        pool.layer, pool.y, pool.files, pool.n_classes,
    )  # fmt: skip


def onsets(n_seeds: int) -> Iterator[str]:
    """Compare onsets told by 400 files with those told by thousands."""
    # set, features, training files, share of wrong labels, rate, epochs
    trials = (
        ("clothing10", 200, 400, 0.3, 3.0, 30),
        ("clothing10", 300, 1000, 0.3, 4.0, 24),
        ("clothing10", 100, 300, 0.2, 4.0, 30),
        ("cifar10", 300, 500, 0.2, 3.0, 30),
    )
    layers = {"clothing10": "photograph/head", "cifar10": "photograph/head"}
    pools = {name: pool_of(name, None, layer) for name, layer in layers.items()}
    for name, d, n_train, noise, rate, epochs in trials:
        near, covered, widths, none, when = [], [], [], 0, []
        for seed in range(n_seeds):
            rng = np.random.default_rng([seed, d])
            pool = narrowed(pools[name], d, rng)
            order = rng.permutation(pool.files)[:4000]
            y = pool.y.copy()
            flipped = order[:n_train][rng.random(n_train) < noise]
            y[flipped] = rng.integers(0, pool.n_classes, len(flipped))
            parts = order[:n_train], order[n_train : n_train + 400], order[n_train + 400 :]
            plan = Plan(epochs=epochs, rate=rate, patience=10**6, least_steps=1, steady=True)
            curve = train(pool, y, parts, plan, seed)
            chance = math.log(pool.n_classes)
            files = np.sort(np.concatenate(parts[1:]))
            told, truth = (
                verdict(_rows(curve, of), chance_nats=chance, held=Held(curve.held.losses_nats[:, of], files[of]))
                for of in (np.isin(files, parts[1]), np.isin(files, parts[2]))
            )
            if truth.onset_epoch is None or told.onset_epoch is None:
                none += 1
                near.append(truth.onset_epoch == told.onset_epoch)
                continue
            when.append(truth.onset_epoch)
            near.append(abs(told.onset_epoch - truth.onset_epoch) <= 1)
            assert told.onset_low is not None
            assert told.onset_high is not None
            covered.append(told.onset_low <= truth.onset_epoch <= told.onset_high)
            widths.append(told.onset_high - told.onset_low)
        yield (
            f"| {name}, {d} features, {n_train} files, {100 * noise:.0f} % wrong labels | {np.median(when):.0f} "
            f"({min(when)} to {max(when)}) | {sum(near)} of {n_seeds} | {sum(covered)} of {len(covered)} | "
            f"{np.median(widths):.0f} | {none} |"
        )


def _rows(curve: Curve, of: np.ndarray) -> list[EpochRow]:
    """The curve as some of its validation files tell it."""
    from dataclasses import replace

    losses = curve.held.losses_nats[:, of].mean(axis=1).astype(float)
    return [replace(row, valid_loss_nats=float(loss)) for row, loss in zip(curve.rows, losses, strict=True)]


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=100)
    given = parser.parse_args()
    with threadpool_limits(limits=1, user_api="blas"):
        print("| planted | must be | right | told | wrong on |\n|---|---|---|---|---|")
        for line in verdicts(given.seeds):
            print(line, flush=True)
        print("\n| trained far past | true onset (range) | within one epoch | in the interval | its width | no onset |")
        print("|---|---|---|---|---|---|")
        for line in onsets(given.seeds):
            print(line, flush=True)


if __name__ == "__main__":
    main()
