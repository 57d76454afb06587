"""Heads on nested parts of the files, and what they answer for every file: those they were taught, without their group.

Covers the order in which files come, the closed form of what is answered without a group, and the walk over sizes.
Does not cover what follows for more files than there are (``learning_curve``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Float64, Int
from scipy import linalg

from photism.training.features import softmax

__all__ = ["NestedHeads", "measure", "orders"]

# Smaller sizes are drawn more often: they cost less and vary more.
MAX_DRAWS = 8
TEMPERATURES = np.geomspace(0.01, 1.0, 25)


def orders(
    taught: Int[np.ndarray, " t"], group: Int[np.ndarray, " f"], y: Int[np.ndarray, " f"], seed: int
) -> list[Int[np.ndarray, " t"]]:
    """Make orders in which files come: groups whole, and every stretch with each class's share of groups.

    Parameters
    ----------
    taught : int (t,)
        The files that can be taught.
    group, y : int (f,)
        Of all files.
    seed : int
    """
    rng = np.random.default_rng(seed)
    numbers, first = np.unique(group[taught], return_index=True)
    of_group = y[taught[first]]
    found = []
    for _ in range(MAX_DRAWS):
        place = np.empty(len(numbers))
        for c in np.unique(of_group):
            members = rng.permutation(np.flatnonzero(of_group == c))
            place[members] = (np.arange(len(members)) + rng.random()) / len(members)
        at = place[np.searchsorted(numbers, group[taught])]
        found.append(taught[np.lexsort((group[taught], at))])
    return found


class NestedHeads:
    """Ridge heads on some of the files, and what they answer for all: those they were taught, without their group.

    Parameters
    ----------
    products : float32 (f, t)
        Inner products: a row a file, and a column for each of the ``known`` ones, which alone can be taught.
    known : int (t,)
    y, group : int (f,)
        Class, and what is one observation.
    n_classes : int
    strength : float
        The ridge penalty.
    """

    def __init__(
        self,
        products: Float32[np.ndarray, "f t"],
        known: Int[np.ndarray, " t"],
        y: Int[np.ndarray, " f"],
        group: Int[np.ndarray, " f"],
        n_classes: int,
        strength: float,
    ) -> None:
        self.products, self.known, self.y, self.group = products, known, y, group
        self.n_classes, self.strength = n_classes, strength

    def answers(self, some: Int[np.ndarray, " s"]) -> Float64[np.ndarray, "f k"]:
        """Return the answers for all files by a head on some.

        Parameters
        ----------
        some : int (s,)
        """
        count = np.bincount(self.y[some], minlength=self.n_classes)
        weight = 1.0 / count[self.y[some]]
        root = np.sqrt(weight * (len(some) / weight.sum()))[:, None]
        target = np.eye(self.n_classes)[self.y[some]] - 1.0 / self.n_classes
        columns = np.searchsorted(self.known, some)
        system = self.products[np.ix_(some, columns)].astype(np.float64)
        system *= root
        system *= root.T
        system[np.diag_indices_from(system)] += self.strength
        # The inverse of the root serves everything, in a fifth of the time of the system's own inverse.
        # Turned, because only columns one after another are overwritten.
        root_of = linalg.cholesky(system.T, lower=True, overwrite_a=True, check_finite=False)
        inverse, _ = linalg.lapack.dtrtri(root_of, lower=1, overwrite_c=1)
        dual = inverse.T @ (inverse @ (root * target))
        mix = np.zeros((len(self.known), self.n_classes), np.float32)  # for the whole table: a part of it is a copy
        mix[columns] = root * dual
        found = (self.products @ mix).astype(np.float64)
        group = self.group[some]
        size = np.bincount(group)
        alone = size[group] == 1
        held = np.empty_like(target)
        held[alone] = dual[alone] / np.einsum("ij,ij->j", inverse, inverse)[alone, None]
        for number in np.flatnonzero(size > 1):
            members = np.flatnonzero(group == number)
            held[members] = np.linalg.solve(inverse[:, members].T @ inverse[:, members], dual[members])
        found[some] = target - held / root
        return np.asarray(found, dtype=np.float64)

    def judged(self, some: Int[np.ndarray, " s"]) -> tuple[Float64[np.ndarray, " f"], Float64[np.ndarray, " f"]]:
        """Say whether each file is answered rightly, and its loss in nats at the temperature that suits the taught.

        Parameters
        ----------
        some : int (s,)
            Files that the head is taught.
        """
        found = self.answers(some)
        rows = np.arange(len(found))
        best, least = None, np.inf
        for temperature in TEMPERATURES:
            of_some = softmax(found[some] / temperature)[np.arange(len(some)), self.y[some]]
            loss = float(-np.log(np.maximum(of_some, 1e-12)).mean())
            if loss < least:
                best, least = temperature, loss
        assert best is not None
        losses = -np.log(np.maximum(softmax(found / best)[rows, self.y], 1e-12))
        return (found.argmax(axis=1) == self.y).astype(np.float64), losses


def measure(
    heads: NestedHeads, ways: Sequence[Int[np.ndarray, " t"]], sizes: Sequence[int]
) -> tuple[Float64[np.ndarray, "z f"], Float64[np.ndarray, "z f"], list[int], list[float]]:
    """Measure for each size and file how often it is answered rightly and its loss, and how many files were taught.

    Parameters
    ----------
    heads : NestedHeads
    ways : sequence of int (t,)
        Orders in which files come.
    sizes : sequence of int
        Largest first.

    Returns
    -------
    hits, losses : float64 (sizes, files)
        Over the draws.
    n_draws, n_taught : list of int, list of float
    """
    n_files, largest = len(heads.y), sizes[0]
    hits, losses = np.zeros((len(sizes), n_files)), np.zeros((len(sizes), n_files))
    n_draws, n_taught = [], []
    for i, size in enumerate(sizes):
        draws = min(MAX_DRAWS, round((largest / size) ** 2))
        total = 0
        for order in ways[:draws]:
            some = order[: _whole(heads.group[order], size)]
            hit, loss = heads.judged(some)
            hits[i] += hit / draws
            losses[i] += loss / draws
            total += len(some)
        n_draws.append(draws)
        n_taught.append(total / draws)
    return hits, losses, n_draws, n_taught


def _whole(group: Int[np.ndarray, " t"], size: int) -> int:
    """The place nearest to ``size`` where no group is cut."""
    ends = np.flatnonzero(np.diff(group, append=-1)) + 1
    return int(ends[np.argmin(np.abs(ends - size))])
