"""The head: a linear classifier on pooled features, with the temperature that makes its probabilities honest.

Covers applying a head; fitting one is training's job, a floor above.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32
from scipy.special import softmax

__all__ = ["Head"]


@dataclass(frozen=True, slots=True)
class Head:
    """Softmax of a linear map of standardised features.

    Parameters
    ----------
    layers : names
        The layers whose features are joined, in this order.
    mean, scale : float32 (d,)
        Features are centred and divided by these.
    weight : float32 (d, k)
    bias : float32 (k,)
    temperature : float
        Logits are divided by it (Guo et al. 2017, arXiv 1706.04599).
    """

    layers: tuple[str, ...]
    mean: Float32[np.ndarray, " d"]
    scale: Float32[np.ndarray, " d"]
    weight: Float32[np.ndarray, "d k"]
    bias: Float32[np.ndarray, " k"]
    temperature: float = 1.0

    def logits(self, layers: Mapping[str, Float32[np.ndarray, "n _"]]) -> Float[np.ndarray, "n k"]:
        """Return the logits (nats, before the temperature) of n windows.

        Parameters
        ----------
        layers : name -> float32 (n, d)
            Pooled features; must hold every layer of the head.
        """
        joined = np.concatenate([layers[name] for name in self.layers], axis=1)
        return np.asarray(((joined - self.mean) / self.scale) @ self.weight + self.bias)

    def probabilities(self, layers: Mapping[str, Float32[np.ndarray, "n _"]]) -> Float[np.ndarray, "n k"]:
        """Return the probabilities of n windows; each row sums to 1.

        Parameters
        ----------
        layers : name -> float32 (n, d)
        """
        return np.asarray(softmax(self.logits(layers).astype(np.float64) / self.temperature, axis=1))
