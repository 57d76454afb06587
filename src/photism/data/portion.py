"""A portion of the data, for a budget too short to read everything: files take turns in a random order.

Covers the order of the turns, and leaving out whoever had none. Does not cover how many turns there is time for
(``photism.experiment``).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from photism.data.material import Material

__all__ = ["Turns", "left_out", "turns"]

FEWEST = 6
"""So many training files of every class, and so many times the classes of each other part, have their turns first."""


@dataclass(frozen=True, slots=True)
class Turns:
    """Numbers of all samples that have a part; the first ``least`` are too few to do without."""

    order: tuple[int, ...]
    least: int


def turns(material: Material, *, seed: int) -> Turns:
    """Let files take turns: first a few training files of every class and some held-out ones, then all evenly.

    Parameters
    ----------
    material : Material
    seed : int
        Which file of its class comes when.

    Returns
    -------
    Turns
        Any beginning of the order holds about the same share of each part. The held-out files in it are drawn without
        regard to their class: what is measured on them is an estimate for all of them.
    """
    chance = np.random.default_rng(seed)
    strata: dict[tuple[str, str], list[int]] = {}
    for number, sample in enumerate(material.samples):
        if sample.part is not None:
            label = str(sample.label) if sample.part == "train" else ""
            strata.setdefault((sample.part, label), []).append(number)
    placed: list[tuple[float, int]] = []
    for part, label in sorted(strata):
        members = chance.permutation(strata[part, label]).tolist()
        late = (chance.random() + np.arange(len(members))) / len(members)
        first = FEWEST if part == "train" else FEWEST * len(material.labels)
        placed += [(-1.0 if i < first else float(late[i]), number) for i, number in enumerate(members)]
    placed.sort()
    return Turns(tuple(number for _, number in placed), sum(place < 0 for place, _ in placed))


def left_out(material: Material, asked: Collection[int], *, why: str) -> Material:
    """Leave out every file that had no turn, and say so.

    Parameters
    ----------
    material : Material
    asked : numbers
        Of the samples that stay.
    why : str
        The end of the warning, without a full stop.

    Returns
    -------
    Material
        The same where everything was asked.
    """
    n_files = sum(sample.part is not None for sample in material.samples)
    if len(asked) == n_files:
        return material
    stays = set(asked)
    samples = tuple(s if i in stays else replace(s, part=None) for i, s in enumerate(material.samples))
    warning = f"Only {len(stays)} of {n_files} files were read, drawn by chance from every part: {why}."
    smaller = material.with_parts(samples)
    return replace(smaller, warnings=(*material.warnings, warning), n_left_out=n_files - len(stays))
