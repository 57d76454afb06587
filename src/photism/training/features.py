"""Cached features of a data set's windows, as every file of this floor takes them.

Covers the one noun ``Features`` (arrays for each layer, which file each window belongs to, what it weighs) and the two
moves all others need: keep the windows of some files, and turn values for windows into values for files. Does not
cover how features are computed (``frozen``) nor what is fitted to them (``probe``, ``head``, ``familiar``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Float32, Float64, Int

from photism.types import Mask

__all__ = ["Features", "by_file", "rows_by_fold", "softmax"]


@dataclass(frozen=True, slots=True)
class Features:
    """What a frozen network answered for every window of a data set.

    Parameters
    ----------
    layers : name -> float32 (n_windows, d)
        One array a layer, in the order of the network. ``d`` differs from layer to layer.
    sample_of_window : int64 (n_windows,)
        The index of the file that each window was cut from, in [0, n_samples).
    weight : float32 (n_windows,)
        What a window weighs: 1 / (number of windows of its file), so that a file is one observation.
    n_samples : int
        Number of files. A file may be without windows (it belongs to another part).
    places : name -> int
        How many places pooling kept in a layer, so that d = 2 * channels * places; 1 where a layer is not named.
    """

    layers: Mapping[str, Float32[np.ndarray, "n _"]]
    sample_of_window: Int[np.ndarray, " n"]
    weight: Float32[np.ndarray, " n"]
    n_samples: int
    places: Mapping[str, int] = field(default_factory=dict)

    @property
    def n_windows(self) -> int:
        """Number of windows (rows of every layer's array)."""
        return int(self.sample_of_window.shape[0])

    def keep(self, samples: Mask, *, layers: Iterable[str] | None = None) -> Features:
        """Keep the windows of some files; the numbering of files stays as it is.

        Parameters
        ----------
        samples : bool (n_samples,)
            True for each file to keep (a part's mask).
        layers : names, optional
            Keep these layers only; all where it is None.

        Returns
        -------
        Features
            Copies of the kept rows, with ``n_samples`` unchanged, so that labels keep their index.
        """
        rows = samples[self.sample_of_window]
        names = tuple(self.layers) if layers is None else tuple(layers)
        return Features(
            layers={name: self.layers[name][rows] for name in names},
            sample_of_window=self.sample_of_window[rows],
            weight=self.weight[rows],
            n_samples=self.n_samples,
            places=self.places,
        )


def by_file(values: Float[np.ndarray, "n k"], features: Features) -> Float[np.ndarray, "m k"]:
    """Average values for windows (probabilities, say) into values for files.

    Parameters
    ----------
    values : float (n_windows, k)
    features : Features
        Says which file a window belongs to and what it weighs.

    Returns
    -------
    float64 (n_samples, k)
        The weighted mean over a file's windows; NaN in the rows of files that have none here.

    Notes
    -----
    Summed in the order of the windows, so the same input gives the same bits.
    """
    heavy = values * features.weight[:, None].astype(np.float64)
    columns = [np.bincount(features.sample_of_window, weights=c, minlength=features.n_samples) for c in heavy.T]
    total = np.stack(columns, axis=1)
    mass = np.bincount(features.sample_of_window, weights=features.weight, minlength=features.n_samples)
    return np.divide(total, mass[:, None], out=np.full_like(total, np.nan), where=mass[:, None] > 0)


def rows_by_fold(folds: Int[np.ndarray, " m"], features: Features) -> list[Int[np.ndarray, " _"]]:
    """List, for every fold, the windows of its files: no fold is empty, and folds below 0 are left out.

    Parameters
    ----------
    folds : int (n_samples,)
        The fold of every file; -1 for a file that takes no part.
    features : Features
        Whose windows.
    """
    of_window = folds[features.sample_of_window]
    return [np.flatnonzero(of_window == fold) for fold in np.unique(of_window) if fold >= 0]


def softmax(logits: Float[np.ndarray, "n k"]) -> Float64[np.ndarray, "n k"]:
    """Turn logits (nats) into probabilities: rows sum to 1."""
    odds = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True), dtype=np.float64)
