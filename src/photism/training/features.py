"""Cached features of a data set's windows, as every file of this floor takes them.

Covers the one noun ``Features`` (an array for each layer, which file each window belongs to, what it weighs), the ways
to read it bit by bit, and the moves all others need: keep the windows of some files, answer for windows with a head,
and turn values for windows into values for files. Does not cover how features are computed (``frozen``) nor what is
fitted to them (``probe``, ``head``, ``familiar``).

The features of a large set do not fit into memory: they lie in a memory-mapped file, and keeping some files only
narrows the list of row numbers. Whoever fits something to them reads ``CHUNK_BYTES`` at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from jaxtyping import Float, Float32, Float64, Int
from numpy.typing import NDArray

from photism.recognizers.head import Head
from photism.types import Mask

__all__ = [
    "CHUNK_BYTES",
    "Features",
    "LayerRows",
    "Rows",
    "answers",
    "blocks",
    "by_file",
    "divisors",
    "rows_by_fold",
    "softmax",
]

CHUNK_BYTES = 32 * 2**20
"""How much of a set's features is read at a time. Results depend on it in their last bits, so it is no option."""

FLOOR, LEAST_SPREAD = 0.3, 1e-6

Rows: TypeAlias = slice | NDArray[np.integer]
"""Which windows: a slice or their numbers."""


class LayerRows(Mapping[str, NDArray[np.float32]]):
    """Some rows of tables that lie elsewhere, in a memory-mapped file mostly, layer by layer.

    Looking a layer up by name reads its rows into memory: fine for a few, wrong for a large set, whose chunks
    ``Features.chunks`` reads one by one.

    Parameters
    ----------
    tables : name -> float32 (m, d)
        One table a layer, none of it copied. ``d`` differs from layer to layer.
    rows : int (n,)
        The row numbers of n windows, the same in every table.
    """

    def __init__(self, tables: Mapping[str, NDArray[np.float32]], rows: NDArray[np.integer]) -> None:
        self.tables, self.rows = tables, rows

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        found = self.tables[name][_narrow(self.rows)]
        found.flags.writeable = False  # what is written here would not reach the table
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.tables)

    def __len__(self) -> int:
        return len(self.tables)


@dataclass(frozen=True, slots=True)
class Features:
    """What a frozen network answered for every window of a data set.

    Parameters
    ----------
    layers : name -> float32 (n_windows, d)
        One array a layer, in the order of the network; plain arrays, or ``LayerRows`` where they lie on disk. ``d``
        differs from layer to layer.
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

    @property
    def files(self) -> Int[np.ndarray, " f"]:
        """The numbers of the files that have windows here, in order."""
        return np.unique(self.sample_of_window)

    def width(self, names: Iterable[str]) -> int:
        """Count the values that a window has in some layers.

        Parameters
        ----------
        names : layer names
        """
        tables, _ = self._source()
        return sum(int(tables[name].shape[1]) for name in names)

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
            With ``n_samples`` unchanged, so that labels keep their index. No feature is copied.
        """
        kept = np.flatnonzero(samples[self.sample_of_window])
        tables, rows = self._source()
        names = tuple(self.layers) if layers is None else tuple(layers)
        return Features(
            layers=LayerRows({name: tables[name] for name in names}, kept if rows is None else rows[kept]),
            sample_of_window=self.sample_of_window[kept],
            weight=self.weight[kept],
            n_samples=self.n_samples,
            places=self.places,
        )

    def share(self, max_windows: int) -> Mask:
        """Mark an even share of the files: every second one, every third one, so that few windows are left.

        Parameters
        ----------
        max_windows : int
            About so many windows; all files where there are not more.

        Returns
        -------
        bool (n_samples,)
        """
        step = max(1, -(-self.n_windows // max_windows))
        mask = np.zeros(self.n_samples, dtype=bool)
        mask[self.files[::step]] = True
        return mask

    def read(self, names: Sequence[str], rows: Rows = slice(None)) -> Float32[np.ndarray, "m _"]:
        """Read layers side by side.

        Parameters
        ----------
        names : layer names
            In this order.
        rows : slice or int (m,)
            Which windows; all by default.

        Returns
        -------
        float32 (m, sum of the layers' d)
            The caller's own copy.
        """
        tables, of_window = self._source()
        wanted = _narrow(np.arange(self.n_windows)[rows] if of_window is None else of_window[rows])
        n_rows = wanted.stop - wanted.start if isinstance(wanted, slice) else len(wanted)
        joined, start = np.empty((n_rows, self.width(names)), np.float32), 0
        for name in names:
            stop = start + tables[name].shape[1]
            joined[:, start:stop] = tables[name][wanted]
            start = stop
        return joined

    def chunks(self, names: Sequence[str]) -> Iterator[tuple[slice, Float32[np.ndarray, "m _"]]]:
        """Walk over all windows, some at a time.

        Parameters
        ----------
        names : layer names

        Yields
        ------
        rows : slice
            Which windows.
        joined : float32 (m, sum of the layers' d)
            Their layers side by side, at most ``CHUNK_BYTES``; the caller's own copy.
        """
        step = max(1, CHUNK_BYTES // max(4 * self.width(names), 1))
        for start in range(0, self.n_windows, step):
            rows = slice(start, min(start + step, self.n_windows))
            yield rows, self.read(names, rows)

    def chunks_by_layer(self, names: Sequence[str]) -> Iterator[tuple[slice, dict[str, Float32[np.ndarray, "m _"]]]]:
        """Walk like ``chunks``, with an array for each layer.

        Parameters
        ----------
        names : layer names

        Yields
        ------
        rows : slice
            Which windows.
        layers : name -> float32 (m, d)
        """
        ends = np.cumsum([self.width((name,)) for name in names])[:-1]
        for rows, joined in self.chunks(names):
            yield rows, dict(zip(names, np.split(joined, ends, axis=1), strict=True))

    def strips(self, names: Sequence[str]) -> Iterator[tuple[slice, Float32[np.ndarray, "n _"]]]:
        """Walk over the values of all windows, some values at a time.

        Parameters
        ----------
        names : layer names

        Yields
        ------
        columns : slice
            Which values, counted over the layers side by side.
        strip : float32 (n_windows, m)
            At most ``CHUNK_BYTES``, of one layer; the caller's own copy.
        """
        tables, of_window = self._source()
        rows = slice(None) if of_window is None else _narrow(of_window)
        step, before = max(1, CHUNK_BYTES // max(4 * self.n_windows, 1)), 0
        for name in names:
            width = int(tables[name].shape[1])
            for start in range(0, width, step):
                stop = min(start + step, width)
                strip = tables[name][:, start:stop][rows]
                yield slice(before + start, before + stop), strip.copy() if isinstance(rows, slice) else strip
            before += width

    def _source(self) -> tuple[Mapping[str, NDArray[np.float32]], NDArray[np.integer] | None]:
        """The tables that the layers lie in, and which of their rows; None for all."""
        if isinstance(self.layers, LayerRows):
            return self.layers.tables, self.layers.rows
        return self.layers, None


def _narrow(rows: NDArray[np.integer]) -> Rows:
    """Neighbouring rows as a slice: read in one go."""
    if len(rows) and (np.diff(rows) == 1).all():
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows


def answers(head: Head, features: Features) -> Float64[np.ndarray, "n k"]:
    """Answer for all windows, reading some at a time.

    Parameters
    ----------
    head : Head
    features : Features
        Must hold every layer of the head.

    Returns
    -------
    float64 (n_windows, k)
        Probabilities; each row sums to 1.
    """
    found = np.empty((features.n_windows, len(head.bias)))
    for rows, layers in features.chunks_by_layer(head.layers):
        found[rows] = head.probabilities(layers)
    return found


def divisors(spread: Float[np.ndarray, " d"]) -> Float64[np.ndarray, " d"]:
    """Return what a layer's features are divided by to count alike: their standard deviations, none far below the rest.

    A feature that hardly varies among the taught files may do so in new ones (a speaker with another voice, another
    camera): divided by its own small deviation alone it would drown all others. The floor is a share of the layer's
    root mean square (LOG.md, 2026-11-23).

    Parameters
    ----------
    spread : float (d,)
        Standard deviations.

    Returns
    -------
    float64 (d,)
        Infinite for a feature that never varies: it says nothing.
    """
    alive = spread > LEAST_SPREAD * max(float(spread.max(initial=0.0)), 1e-30)
    floor = FLOOR * np.sqrt(np.mean(np.square(spread[alive], dtype=np.float64))) if alive.any() else 0.0
    return np.asarray(np.where(alive, np.hypot(spread, floor), np.inf), dtype=np.float64)


def blocks(n: int, size: int) -> list[slice]:
    """Cut n rows into stretches of so many, the last one shorter.

    Parameters
    ----------
    n, size : int

    Examples
    --------
    >>> blocks(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


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
    total = np.stack(columns, axis=1).astype(np.float64)  # of no window at all numpy counts whole numbers
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
