"""What came of a larger network and of fine-tuning, as runs and reports take it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Float64

from photism.recognizers.backbones import Backbone
from photism.recognizers.mixture import Mixture
from photism.training.choose import Comparison
from photism.training.fit import Fitted
from photism.training.plan import Depth, Plan

__all__ = ["Adapted", "Attempt", "Blend", "Ensemble", "Upgrade"]


@dataclass(frozen=True, slots=True)
class Blend:
    """What is mixed: ``reach`` in weights, ``share`` in logits.

    The trained head's logits are divided by ``tuned_temperature`` before mixing, the frozen one's by its own; the
    mixture by ``temperature``.
    """

    reach: float = 1.0
    share: float = 0.0
    tuned_temperature: float = 1.0
    temperature: float = 1.0

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Blend:
        """Read a blend from JSON values.

        Parameters
        ----------
        values : mapping
        """
        return cls(**values)

    def mix(self, tuned: Float[np.ndarray, "n k"], frozen: Float[np.ndarray, "n k"]) -> Float64[np.ndarray, "n k"]:
        """Mix the logits of n windows and apply the temperature.

        Parameters
        ----------
        tuned : float (n, k)
            As they come from the suffix.
        frozen : float (n, k)
            Divided by their own temperature already.
        """
        mixed = (1.0 - self.share) / self.tuned_temperature * tuned + self.share * frozen
        return np.asarray(mixed / self.temperature, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One fine-tuning beside what was best before it: where it was cut, how trained, how mixed, how it compared.

    ``n_unasked`` folds were not asked, because those that were had refused it already.
    """

    depth: Depth
    plan: Plan
    blend: Blend
    comparison: Comparison
    kept: bool
    n_unasked: int = 0


@dataclass(frozen=True, slots=True)
class Adapted:
    """The outcome of fine-tuning: every attempt, and the network with its parts, the probe's where none is kept.

    ``crossed`` is what networks trained like the kept one answered for training and validation files in
    cross-validation; None where they were not asked. ``unseen`` is what the kept attempt was judged by: its answers
    (n_samples, k) for files that it had not seen, NaN elsewhere; None where no attempt is kept.
    """

    attempts: tuple[Attempt, ...]
    backbone: Backbone
    fitted: Fitted
    crossed: Float64[np.ndarray, "m k"] | None = None
    unseen: Float64[np.ndarray, "m k"] | None = None

    @property
    def kept(self) -> Attempt | None:
        """The attempt whose network is kept; None where the probe is."""
        return next((one for one in reversed(self.attempts) if one.kept), None)


@dataclass(frozen=True, slots=True)
class Upgrade:
    """The larger network's name, and how its probe compared with the smaller one's."""

    name: str
    comparison: Comparison

    @property
    def kept(self) -> bool:
        """Whether it takes the small one's place."""
        return self.comparison.challenger_wins


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Two networks' probabilities joined: the second one's name, how, and how that compared with the first alone.

    ``attempts`` are the second network's fine-tunings, of which the kept one answers here; its probe where none is.
    """

    name: str
    mixture: Mixture
    comparison: Comparison
    attempts: tuple[Attempt, ...] = ()

    @property
    def kept(self) -> bool:
        """Whether both are to answer."""
        return self.comparison.challenger_wins
