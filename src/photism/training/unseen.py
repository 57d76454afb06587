"""What to expect of a new fold: each given fold answered by a probe that learned from others alone.

Where a fold is a speaker or a hospital, the test part is one of them, and its interval counts files: it says nothing of
the next speaker. The spread between folds does. Covers that estimate. Does not cover choosing by it (``choose``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

import numpy as np
from scipy.special import stdtrit

from photism.training.ground import Ground
from photism.types import JSON

__all__ = ["UnseenFolds", "unseen_folds"]


@dataclass(frozen=True, slots=True)
class UnseenFolds:
    """Accuracy (a fraction) and number of files of every training and validation fold, answered without it."""

    accuracy: dict[str, float]
    n_files: dict[str, int]

    def expected(self) -> tuple[float, float]:
        """Return where the accuracy on one more fold is expected (95 %), folds taken for draws from a normal one.

        References
        ----------
        Student's t with the prediction's factor sqrt(1 + 1/n): Hahn and Meeker 1991, Statistical Intervals, 4.7
        """
        found = list(self.accuracy.values())
        half = stdev(found) * math.sqrt(1 + 1 / len(found)) * float(stdtrit(len(found) - 1, 0.975))
        return max(0.0, mean(found) - half), min(1.0, mean(found) + half)

    def to_json(self) -> dict[str, JSON]:
        """Return the figures as JSON values."""
        low, high = self.expected()
        folds: list[JSON] = [{"fold": f, "n": self.n_files[f], "accuracy": a} for f, a in self.accuracy.items()]
        return {"folds": folds, "mean": mean(self.accuracy.values()), "expected_low": low, "expected_high": high}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> UnseenFolds:
        """Read what ``to_json`` wrote.

        Parameters
        ----------
        values : mapping
        """
        rows = values["folds"]
        return cls({one["fold"]: one["accuracy"] for one in rows}, {one["fold"]: one["n"] for one in rows})

    def to_text(self) -> str:
        r"""Say it in a sentence.

        Examples
        --------
        >>> accuracy = dict(ann=0.9, bob=0.8, cy=0.94, di=0.88)
        >>> print(*UnseenFolds(accuracy, dict.fromkeys(accuracy, 50)).to_text().split("; "), sep="\n")
        Folds answered by a probe that had not seen them: 88.0 % on average (bob 80.0, di 88.0, ann 90.0, cy 94.0)
        another fold is to be expected between 67.1 and 100.0 % (95 %, from 4 folds).
        """
        low, high = self.expected()
        each = ", ".join(f"{fold} {100 * a:.1f}" for fold, a in sorted(self.accuracy.items(), key=lambda one: one[1]))
        return (
            f"Folds answered by a probe that had not seen them: {100 * mean(self.accuracy.values()):.1f} % on average "
            f"({each}); another fold is to be expected between {100 * low:.1f} and {100 * high:.1f} % (95 %, from "
            f"{len(self.accuracy)} folds)."
        )


def unseen_folds(ground: Ground) -> UnseenFolds | None:
    """Answer for every training and validation fold without it; None where validation is no given fold.

    Parameters
    ----------
    ground : Ground
    """
    material = ground.material
    if not material.by_fold:
        return None
    probability = ground.probe_without
    right = probability.argmax(axis=1) == material.y
    fold = np.array([str(sample.fold) for sample in material.samples])
    taught = np.isfinite(probability).all(axis=1)
    names = sorted(set(fold[taught].tolist()))
    accuracy = {name: float(right[taught & (fold == name)].mean()) for name in names}
    return UnseenFolds(accuracy, {name: int((taught & (fold == name)).sum()) for name in names})
