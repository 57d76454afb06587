"""Is a file like anything that was taught? Two distances on early and middle features, and a threshold.

A classifier answers for anything, mostly with confidence. ``Familiarity`` looks at something else: how far a file
lies from its nearest neighbour among the taught ones (what is where in the picture), and how unusual its texture is (in
which proportions the network's detectors answer, wherever they do). Either one that is too large says "unlike
anything taught".

Covers measuring; the numbers inside are fitted by training, a floor above, on files held out of the fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from jaxtyping import Float32, Float64, Int8
from numpy.typing import NDArray

from photism.types import JSON

__all__ = ["Familiarity", "Neighbours", "Ruler", "Texture", "proportions"]

LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Ruler:
    """Brings a distance to a common scale: 0 is the middle of held-out taught files, 1 what 95 % of them stay below."""

    middle: float
    reach: float

    def read(self, value: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
        """Return (value - middle) / reach."""
        return np.asarray((value - self.middle) / self.reach, dtype=np.float64)

    @classmethod
    def of(cls, held_out: Float64[np.ndarray, " n"]) -> Ruler:
        """Fit the scale to the distances of held-out taught files."""
        middle = float(np.median(held_out))
        return cls(middle, max(float(np.quantile(held_out, 0.95)) - middle, LEAST))


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Taught windows to be near to: standardised features of one layer, rounded to steps of ``step``.

    ``mean`` and ``scale`` (d,) standardise (a feature that never varied has an infinite scale); ``taught`` (m, d).
    """

    layer: str
    mean: Float32[np.ndarray, " d"]
    scale: Float32[np.ndarray, " d"]
    taught: Int8[np.ndarray, "m d"]
    step: float

    def distances(self, layers: Mapping[str, Float32[np.ndarray, "n _"]]) -> Float64[np.ndarray, "n m"]:
        """Log distance of n windows to each taught one."""
        found = (layers[self.layer] - self.mean) / self.scale
        taught = self.taught.astype(np.float32) * np.float32(self.step)
        squares = np.square(found).sum(axis=1)[:, None] + np.square(taught).sum(axis=1) - 2.0 * found @ taught.T
        return np.asarray(0.5 * np.log(np.maximum(squares.astype(np.float64), LEAST)), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Texture:
    """The usual proportions of a layer's answers, and how far from them is far: a shrunk Mahalanobis distance.

    ``places`` is how many places pooling kept; ``mean``, ``scale`` (d,) standardise the proportions; ``basis`` (d, r)
    are the directions with the variances ``power`` (r,), every other direction has the variance ``rest``.
    """

    layer: str
    places: int
    mean: Float32[np.ndarray, " d"]
    scale: Float32[np.ndarray, " d"]
    basis: Float32[np.ndarray, "d r"]
    power: Float32[np.ndarray, " r"]
    rest: float
    ruler: Ruler

    def distances(self, layers: Mapping[str, Float32[np.ndarray, "n _"]]) -> Float64[np.ndarray, " n"]:
        """Log distance of n windows from what is usual."""
        standard = (proportions(layers[self.layer], self.places) - self.mean) / self.scale
        along = standard @ self.basis
        outside = np.maximum(np.square(standard).sum(axis=1) - np.square(along).sum(axis=1), 0.0)
        squares = (np.square(along) / self.power).sum(axis=1) + outside / self.rest
        return np.asarray(np.log(np.maximum(squares.astype(np.float64), LEAST)), dtype=np.float64)


def proportions(pooled: Float32[np.ndarray, "n d"], places: int) -> Float32[np.ndarray, "n e"]:
    """Reduce a layer's pooled features to how strongly each detector answers beside the others, wherever it does.

    Parameters
    ----------
    pooled : float32 (n, 2 * channels * places)
        Means, then maxima; each channel by channel, place by place.
    places : int

    Returns
    -------
    float32 (n, 2 * channels)
        Mean of the means and maximum of the maxima, as a vector of length 1.
    """
    by_place = pooled.reshape(len(pooled), 2, -1, places)
    joined = np.concatenate([by_place[:, 0].mean(axis=-1), by_place[:, 1].max(axis=-1)], axis=1)
    return np.asarray(joined / np.maximum(np.linalg.norm(joined, axis=1, keepdims=True), LEAST), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Familiarity:
    """Tells whether windows are like anything that was taught.

    Parameters
    ----------
    neighbours, nearest : Neighbours, Ruler
        What to be near to, and the scale of the nearest one's distance.
    textures, unusual : tuple of Texture, Ruler
        What is usual in a few layers, and the scale of their mean distance.
    threshold : float
        A file whose score lies above it is unlike anything taught.
    """

    neighbours: Neighbours
    nearest: Ruler
    textures: tuple[Texture, ...]
    unusual: Ruler
    threshold: float

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers whose features are needed."""
        return tuple(dict.fromkeys([self.neighbours.layer, *(texture.layer for texture in self.textures)]))

    def scores(self, layers: Mapping[str, Float32[np.ndarray, "n _"]]) -> Float64[np.ndarray, " n"]:
        """Return how unlike anything taught each of n windows is: about 1 and less for taught ones, no upper end.

        Parameters
        ----------
        layers : name -> float32 (n, d)
            Pooled features; must hold every layer of ``layers``.
        """
        near = self.nearest.read(self.neighbours.distances(layers).min(axis=1))
        usual = np.mean([texture.ruler.read(texture.distances(layers)) for texture in self.textures], axis=0)
        return np.asarray(np.maximum(near, self.unusual.read(usual)), dtype=np.float64)

    def is_familiar(self, layers: Mapping[str, Float32[np.ndarray, "n _"]]) -> bool:
        """Say whether a file (its n windows) is like anything that was taught: the mean score of its windows decides.

        Parameters
        ----------
        layers : name -> float32 (n, d)
        """
        return bool(self.scores(layers).mean() <= self.threshold)

    def to_json(self) -> dict[str, JSON]:
        """Return every number that is not in ``tensors``."""
        return {
            "threshold": self.threshold,
            "nearest": [self.nearest.middle, self.nearest.reach],
            "unusual": [self.unusual.middle, self.unusual.reach],
            "neighbours": {"layer": self.neighbours.layer, "step": self.neighbours.step},
            "textures": [
                {"layer": t.layer, "places": t.places, "rest": t.rest, "ruler": [t.ruler.middle, t.ruler.reach]}
                for t in self.textures
            ],
        }

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return the arrays, by name, for the bundle."""
        found: dict[str, NDArray[Any]] = {
            "neighbours.mean": self.neighbours.mean,
            "neighbours.scale": self.neighbours.scale,
            "neighbours.taught": self.neighbours.taught,
        }
        for i, texture in enumerate(self.textures):
            for name in ("mean", "scale", "basis", "power"):
                found[f"textures.{i}.{name}"] = getattr(texture, name)
        return found

    @classmethod
    def from_parts(cls, meta: Mapping[str, JSON], tensors: Mapping[str, NDArray[Any]]) -> Familiarity:
        """Put it together again from ``to_json`` and ``tensors``.

        Raises
        ------
        KeyError
            Where a part is missing.
        """
        neighbours = cast("Mapping[str, Any]", meta["neighbours"])
        textures = cast("list[Mapping[str, Any]]", meta["textures"])
        nearest, unusual = cast("list[float]", meta["nearest"]), cast("list[float]", meta["unusual"])
        return cls(
            neighbours=Neighbours(
                layer=neighbours["layer"],
                mean=tensors["neighbours.mean"],
                scale=tensors["neighbours.scale"],
                taught=tensors["neighbours.taught"],
                step=neighbours["step"],
            ),
            nearest=Ruler(*nearest),
            textures=tuple(
                Texture(
                    layer=one["layer"],
                    places=one["places"],
                    mean=tensors[f"textures.{i}.mean"],
                    scale=tensors[f"textures.{i}.scale"],
                    basis=tensors[f"textures.{i}.basis"],
                    power=tensors[f"textures.{i}.power"],
                    rest=one["rest"],
                    ruler=Ruler(*one["ruler"]),
                )
                for i, one in enumerate(textures)
            ),
            unusual=Ruler(*unusual),
            threshold=cast("float", meta["threshold"]),
        )
