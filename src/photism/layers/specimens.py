"""The user's own files that the atlas looks at: a few hundred, balanced over classes, never of the test part.

Covers choosing them, drawing them (first window, one panel), and the smaller sets that twins are asked about. What is
shown and measured follows from this choice and its seed, so the choice is part of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from photism.data.duplicates import content_hash
from photism.data.records import read_split_csv
from photism.errors import DataError, RunError
from photism.executor import Executor
from photism.pictures.gallery import Gallery
from photism.recognizers.frozen_pass import Panel
from photism.types import Progress, Recipe, Sample, silent

__all__ = ["Specimens", "choose_samples", "draw_specimens", "read_taught"]


@dataclass(frozen=True)
class Specimens:
    """Files with the picture that the network sees of each (first window, one panel).

    ``y`` numbers classes that occur, in the order of ``labels``; ``groups`` numbers what a split never cuts.
    """

    samples: tuple[Sample, ...]
    pixels: UInt8[np.ndarray, "n h w 3"]
    content: Int[np.ndarray, "n 4"]
    labels: tuple[str, ...]
    y: Int[np.ndarray, " n"]
    groups: Int[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.samples)

    def first(self, n: int) -> Specimens:
        """Return the first ``n`` (they alternate between classes)."""
        return Specimens(self.samples[:n], self.pixels[:n], self.content[:n], self.labels, self.y[:n], self.groups[:n])


def read_taught(split: Path, root: Path) -> list[Sample]:
    """Read the training and validation part of a run from its ``split.csv``; test files are left alone.

    Parameters
    ----------
    split : Path
        The run's ``split.csv``.
    root : Path
        The folder that its paths start from.

    Raises
    ------
    RunError
        Where there is no such file, or it is damaged.
    """
    try:
        return [
            Sample(root / row.name, row.name, row.label, row.group, part=row.part)
            for row in read_split_csv(split)
            if row.part != "test"
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{split}: expected the run's own list of its files, and it cannot be read.") from error


def choose_samples(samples: Sequence[Sample], n: int, *, seed: int) -> list[Sample]:
    """Choose files so that classes alternate and a group gives a second file only when all have given one.

    Parameters
    ----------
    samples : sequence of Sample
    n : int
        How many at most.
    seed : int
    """
    rng = np.random.default_rng(seed)
    ordered = sorted(samples, key=lambda one: one.name)
    ordered = [ordered[i] for i in rng.permutation(len(ordered))]
    given: dict[str, int] = {}
    turn: dict[tuple[str, str], int] = {}
    queue: list[tuple[int, str, int, Sample]] = []
    for i, one in enumerate(ordered):
        label, group = one.label or "", one.group or one.name
        turn[label, group] = turn.get((label, group), 0) + 1
        queue.append((turn[label, group], label, i, one))
    queue.sort(key=lambda row: row[:3])
    ranked: list[tuple[int, str, Sample]] = []
    for _, label, _, one in queue:
        given[label] = given.get(label, 0) + 1
        ranked.append((given[label], label, one))
    ranked.sort(key=lambda row: row[:2])
    return [one for _, _, one in ranked[:n]]


def draw_specimens(
    samples: Sequence[Sample],
    recipe: Recipe,
    panels: Sequence[Panel],
    panel: str,
    *,
    executor: Executor,
    cache: Path | None = None,
    progress: Progress = silent,
) -> Specimens:
    """Draw the first window of every file and keep one panel; what cannot be drawn is left out.

    Parameters
    ----------
    samples : sequence of Sample
    recipe : Recipe
    panels : sequence of Panel
        The recipe's layouts, in order.
    panel : str
        The wanted one.
    executor : Executor
        Where files are decoded and rendered.
    cache : Path, optional
        Where rendered pictures are kept.
    progress : callable
        Told (phase, done, total).

    Raises
    ------
    DataError
        Where fewer than four files can be read.
    """
    place = [one.name for one in panels].index(panel)
    there = [one for one in samples if one.path.is_file()]
    hashes = {one.path: content_hash(one.path) for one in there} if cache else {}
    kept, pixels, content = [], [], []
    for done, one in enumerate(Gallery(recipe, cache).pictures(there, hashes, executor), 1):
        if one.pixels is not None and one.content is not None:
            kept.append(one.sample)
            pixels.append(np.array(one.pixels[0, place]))
            content.append(np.array(one.content[0, place]))
        progress("read", done, len(there))
    if len(kept) < 4:
        raise DataError(
            f"expected the files that the run was made of, and {len(there)} of {len(samples)} were found, "
            f"{len(kept)} of them readable; --data says where they are now."
        )
    labels = tuple(sorted({one.label or "" for one in kept}))
    names = [one.group or one.name for one in kept]
    order = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return Specimens(
        tuple(kept), np.stack(pixels), np.stack(content), labels,
        np.array([labels.index(one.label or "") for one in kept]), np.array([order[name] for name in names]),
    )  # fmt: skip
