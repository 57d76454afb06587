"""A training that takes seconds: ten pictures each of three colours, a small network with random weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from photism.data.material import Material, gather
from photism.executor import SerialExecutor
from photism.pictures.table import fit_recipe
from photism.training.fit import Fitted, fit
from photism.training.frozen import Asked, ask
from photism.training.ground import Ground
from photism.types import PARTS, Recipe
from tests.recognizers.backbone_samples import random_backbone

ENGINE = "torch-fp32"
COLOURS = {"red": (200, 60, 60), "green": (60, 200, 60), "blue": (60, 60, 200)}


def write_colours(folder: Path, *, per_class: int = 10) -> Path:
    """Write noisy pictures of a colour each as ``folder/train|test/COLOUR/N.png``, every fifth one for the test."""
    rng = np.random.default_rng(0)
    for label, colour in COLOURS.items():
        for number in range(per_class):
            place = folder / ("test" if number % 5 == 4 else "train") / label
            place.mkdir(parents=True, exist_ok=True)
            pixels = np.clip(rng.normal(colour, 40.0, (40, 40, 3)), 0, 255).astype(np.uint8)
            PillowImage.fromarray(pixels).save(place / f"{number}.png")
    return folder


def material_of(folder: Path) -> Material:
    return gather(folder, kind=None, group_by=None, test_fold=None, seed=0, executor=SerialExecutor())


@dataclass(frozen=True)
class Small:
    """What each step of the small training made."""

    folder: Path
    cache: Path
    material: Material
    recipe: Recipe
    asked: Asked
    fitted: Fitted


def ask_small(material: Material, recipe: Recipe, cache: Path) -> Asked:
    return ask(material, recipe, random_backbone(), engine=ENGINE, executor=SerialExecutor(), cache=cache)


def fit_small(material: Material, asked: Asked) -> Fitted:
    return fit(
        asked.features,
        y=material.y,
        groups=material.groups,
        units=material.units,
        masks={part: material.mask(part) for part in PARTS},
        n_classes=len(material.labels),
        seed=0,
    )


def train_small(folder: Path, cache: Path) -> Small:
    material = material_of(write_colours(folder))
    recipe = fit_recipe("image", material.facts("train"), size_px=64)
    asked = ask_small(material, recipe, cache)
    return Small(folder, cache, material, recipe, asked, fit_small(material, asked))


def ground_of(small: Small, cache: Path) -> Ground:
    """What fine-tuning starts from."""
    return Ground(small.material, small.recipe, random_backbone(), small.asked, small.fitted, SerialExecutor(), cache)


def in_folds(ground: Ground) -> Ground:
    """The same with taught files in four given folds, of which one is validation."""
    taught = [i for i, sample in enumerate(ground.material.samples) if sample.part != "test"]
    fold = {number: str(place % 4) for place, number in enumerate(taught)}
    samples = tuple(
        replace(sample, fold=fold[i], part="valid" if fold[i] == "0" else "train") if i in fold else sample
        for i, sample in enumerate(ground.material.samples)
    )
    material = replace(ground.material, samples=samples, by_fold=True)
    return replace(ground, material=material, fitted=fit_small(material, ground.asked))
