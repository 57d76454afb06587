"""A portion of the data, for a budget too short to read everything: files take turns, so that any beginning is fair.

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
"""Files of every class in every part that have their turns before all others, where there are so many."""


@dataclass(frozen=True, slots=True)
class Turns:
    """Numbers of all samples that have a part; the first ``least`` are too few to do without."""

    order: tuple[int, ...]
    least: int


def turns(material: Material, *, seed: int) -> Turns:
    """Let files take turns: first a few of every class in every part, then all parts and classes evenly.

    Parameters
    ----------
    material : Material
    seed : int
        Which file of its class comes when.

    Returns
    -------
    Turns
        The first n of the order hold about n / n_files of every class in every part.
    """
    chance = np.random.default_rng(seed)
    strata: dict[tuple[str, str], list[int]] = {}
    for number, sample in enumerate(material.samples):
        if sample.part is not None:
            strata.setdefault((sample.part, str(sample.label)), []).append(number)
    placed: list[tuple[float, int]] = []
    for key in sorted(strata):
        members = chance.permutation(strata[key]).tolist()
        late = (chance.random() + np.arange(len(members))) / len(members)
        placed += [(-1.0 if i < FEWEST else float(late[i]), number) for i, number in enumerate(members)]
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
        The end of the warning: "... files were read, ".

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
    warning = f"Only {len(stays)} of {n_files} files were read, an even share of every class: {why}."
    return replace(material, samples=samples, warnings=(*material.warnings, warning), n_left_out=n_files - len(stays))
