"""Ridge regression on class indicators: its system, solved in closed form or by conjugate gradients.

A system with a row a window or one with a row a feature, whichever is smaller; where both are large it is never written
down, and steps read the features from the disk. Covers coefficients, and answers for rows that a fit did not see. Does
not cover which penalty is best nor what the answers mean (``classifier``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, Float32, Float64, Int
from scipy import linalg

from photism.executor import count_cores
from photism.training.features import CHUNK_BYTES, Features, blocks
from photism.training.probe import INTERCEPT, held_out_answers

__all__ = ["RidgeRows", "add_inner_products"]

# Steps end where the answers' weighted root mean square error over the taught windows is below the tolerance, judged by
# what the last few steps gained.
TOLERANCE, STEPS_JUDGED, MAX_STEPS = 1e-5, 3, 200
# So many coefficients are stepped at once (16 MB for each of a few arrays), more of them class by class.
MAX_VALUES_STEPPED = 2**21
# How many directions are solved for at once: so many, or as many as take 48 MB.
MAX_RANK, MAX_VALUES_BASIS = 512, 12 * 2**20
ROWS_ADDED = 512


@dataclass(frozen=True)
class RidgeRows:
    """Rows ready for fitting: features with what standardises them, classes and weights (1 on average).

    A row's last value is a constant, whose coefficient is penalised like any other's. The rows stay on the disk: what
    is in memory grows with their number or with their length, whichever is smaller, and not with both.
    """

    features: Features
    mean: Float32[np.ndarray, " d"]
    scale: Float32[np.ndarray, " d"]
    y: Int[np.ndarray, " n"]
    weight: Float64[np.ndarray, " n"]
    n_classes: int

    @property
    def sides(self) -> tuple[int, int]:
        """Numbers of rows and of values in a row, but for the constant."""
        return self.features.n_windows, len(self.mean)

    @property
    def dual(self) -> bool:
        """Whether a system with a row a window is smaller than one with a row a feature."""
        return self.sides[0] <= self.sides[1]

    @cached_property
    def target(self) -> Float64[np.ndarray, "n k"]:
        """Class indicators less their mean under balance: what the answers aim at."""
        return np.asarray(np.eye(self.n_classes)[self.y] - 1.0 / self.n_classes, dtype=np.float64)

    @cached_property
    def gram(self) -> Float64[np.ndarray, "n n"]:
        """Inner products of the rows."""
        return self._products()

    def share(self, max_windows: int) -> RidgeRows:
        """Keep about ``max_windows`` rows: whole files, evenly over the list."""
        if self.sides[0] <= max_windows:
            return self
        mask = self.features.share(max_windows)
        rows = mask[self.features.sample_of_window]
        some = replace(self, features=self.features.keep(mask), y=self.y[rows], weight=self.weight[rows])
        if "gram" in vars(self):  # a part of it is the part's
            vars(some)["gram"] = self.gram[np.ix_(rows, rows)]
        return some

    def solve(
        self, strength: float, like: RidgeRows | None = None
    ) -> tuple[Float32[np.ndarray, "d k"], Float32[np.ndarray, " k"]]:
        """Coefficients of the features, and biases; by steps where rows that are like all are given."""
        if like is not None:
            theta = self._by_steps(strength, like)
        elif self.dual:
            root = np.sqrt(self.weight)[:, None]
            # Overwritten; nobody asks for it again.
            system = vars(self).pop("gram") if "gram" in vars(self) else self._products()
            system *= root
            system *= root.T
            _penalise(system, strength)
            theta = self._combine(root * _solve(system, root * self.target))
        else:
            square, product = self._moments(np.arange(self.sides[0]))
            _penalise(square, strength)
            theta = _solve(square, product)
        return theta[:-1].astype(np.float32), (theta[-1] * np.sqrt(INTERCEPT)).astype(np.float32)

    def held_out(self, folds: Sequence[Int[np.ndarray, " _"]], strength: float) -> Float64[np.ndarray, "n k"]:
        """Answers for the rows of each fold by a fit to all other rows."""
        if self.dual:
            return held_out_answers(self.gram, self.target, self.weight, folds, strength=strength)
        parts = [self._moments(rows) for rows in folds]
        square, product = sum(part[0] for part in parts), sum(part[1] for part in parts)
        answers = np.zeros(self.target.shape)
        for rows, (of_fold, product_of_fold) in zip(folds, parts, strict=True):
            system = square - of_fold
            _penalise(system, strength)
            theta = _solve(system, product - product_of_fold).astype(np.float32)
            for some, wide in self._wide(rows):
                answers[some] = wide @ theta
        return answers

    def _standard(self, values: Float32[np.ndarray, "m _"], columns: slice = slice(None)) -> None:
        values -= self.mean[columns]
        values /= self.scale[columns]

    def _wide(self, rows: Int[np.ndarray, " _"]) -> Iterator[tuple[Int[np.ndarray, " m"], Float32[np.ndarray, "m e"]]]:
        """Walk over some of the rows, their constant at the end."""
        d = self.sides[1]
        step = max(1, CHUNK_BYTES // (4 * (d + 1)))
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            wide = np.full((len(some), d + 1), np.sqrt(INTERCEPT), np.float32)
            wide[:, :d] = self.features.read(self._names, some)
            self._standard(wide[:, :d])
            yield some, wide

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(self.features.layers)

    def _products(self) -> Float64[np.ndarray, "n n"]:
        """Inner products of the rows."""
        total = np.zeros((self.sides[0], self.sides[0]))
        add_inner_products(self.features, self._names, self.mean, self.scale, total)
        total += INTERCEPT
        return total

    def _moments(self, rows: Int[np.ndarray, " _"]) -> tuple[Float64[np.ndarray, "e e"], Float64[np.ndarray, "e k"]]:
        """Weighted sums of products of the rows' features, with one another and with the targets."""
        e = self.sides[1] + 1
        square, product = np.zeros((e, e)), np.zeros((e, self.n_classes))
        for some, wide in self._wide(rows):
            root = np.sqrt(self.weight[some])[:, None]
            wide *= root.astype(np.float32)
            _add_products(square, wide)
            product += wide.T @ (root * self.target[some]).astype(np.float32)
        _mirror(square)
        return square, product

    def _combine(self, mix: Float64[np.ndarray, "n k"]) -> Float64[np.ndarray, "e k"]:
        """Sums of the rows, each times its share in ``mix``."""
        total, light = np.zeros((self.sides[1] + 1, mix.shape[1])), mix.astype(np.float32)
        for rows, values in self.features.chunks(self._names):
            self._standard(values)
            total[:-1] += values.T @ light[rows]
        total[-1] = np.sqrt(INTERCEPT) * mix.sum(axis=0)
        return total

    def _squared(self, theta: Float64[np.ndarray, "e k"]) -> Float64[np.ndarray, "e k"]:
        """``_combine`` of the weighted answers for all rows, which are read once."""
        total, light = np.zeros(theta.shape), theta[:-1].astype(np.float32)
        constant = np.sqrt(INTERCEPT)
        for rows, values in self.features.chunks(self._names):
            self._standard(values)
            mix = (values @ light + constant * theta[-1]) * self.weight[rows, None]
            total[:-1] += values.T @ mix.astype(np.float32)
            total[-1] += constant * mix.sum(axis=0)
        return total

    def _by_steps(self, strength: float, like: RidgeRows) -> Float64[np.ndarray, "e k"]:
        """Coefficients by conjugate gradients, for a system that is too large to be written down.

        A step reads all rows once; a column a class, each with its own steps. What makes few steps enough is that the
        strongest directions, found with ``like``, an even share of the rows, are solved for at once.
        """
        n = self.sides[0]
        basis, power = self._strongest(like)
        eased = (power.min() + strength) / (power + strength) - 1.0

        def uphill(slope: Float64[np.ndarray, "e c"]) -> Float64[np.ndarray, "e c"]:
            along = eased[:, None] * (basis.T @ slope.astype(np.float32))
            return np.asarray(slope + basis @ along.astype(np.float32), dtype=np.float64)

        aim = self._combine(self.weight[:, None] * self.target)
        theta = np.zeros(aim.shape)
        for columns in blocks(aim.shape[1], max(1, MAX_VALUES_STEPPED // len(aim))):
            slope = aim[:, columns]
            rising = uphill(slope)
            direction, size = rising, (slope * rising).sum(axis=0)
            gains: list[Float64[np.ndarray, " c"]] = []
            for _ in range(MAX_STEPS):
                bent = self._squared(direction) + strength * direction
                length = _ratio(size, (direction * bent).sum(axis=0))
                theta[:, columns] += length * direction
                slope = slope - length * bent
                # What the last few steps gained is what was still missing before them.
                gains = [*gains[1 - STEPS_JUDGED :], length * size]
                left = float(np.sum(gains, axis=0).max())
                if len(gains) == STEPS_JUDGED and left <= n * TOLERANCE**2:
                    break
                rising = uphill(slope)
                turn = -length * _ratio((bent * rising).sum(axis=0), size)
                size = (slope * rising).sum(axis=0)
                direction = rising + turn * direction
        return theta

    def _strongest(self, like: RidgeRows) -> tuple[Float32[np.ndarray, "e r"], Float64[np.ndarray, " r"]]:
        """The directions in which the rows have most of their weighted squares, and how much (Nyström's method).

        Begins with the strongest directions of ``like``; they span nearly the same space.
        """
        e, most = self.sides[1] + 1, like.sides[0]
        rank = max(1, min(MAX_RANK, MAX_VALUES_BASIS // e, most // 2))
        root = np.sqrt(like.weight)[:, None]
        power, mix = linalg.eigh(like.gram * root * root.T, subset_by_index=[most - rank, most - 1])
        mix = root * mix / np.sqrt(np.maximum(power, 1e-12 * power[-1]))
        begun, found = np.empty((e, rank), np.float32), np.empty((e, rank), np.float32)
        for columns in blocks(rank, max(1, MAX_VALUES_STEPPED // e)):
            begun[:, columns] = like._combine(mix[:, columns])
            found[:, columns] = self._squared(begun[:, columns].astype(np.float64))
        core, square = np.zeros((rank, rank)), np.zeros((rank, rank))
        for rows in blocks(e, ROWS_ADDED):
            part = found[rows].astype(np.float64)
            core += begun[rows].T @ part
            square += part.T @ part
        power, turn = linalg.eigh((core + core.T) / 2)
        alive = power > 1e-6 * power[-1]
        turn = turn[:, alive] / np.sqrt(power[alive])
        power, again = linalg.eigh(turn.T @ square @ turn)
        turn = (turn @ (again / np.sqrt(power))).astype(np.float32)
        basis = np.empty((e, len(power)), np.float32)
        for rows in blocks(e, ROWS_ADDED):
            basis[rows] = found[rows] @ turn
        return basis, power


def add_inner_products(
    features: Features,
    names: Sequence[str],
    mean: Float32[np.ndarray, " d"],
    scale: Float32[np.ndarray, " d"],
    total: Float[np.ndarray, "n n"],
) -> None:
    """Add the inner products of all windows' standardised features, a strip of values at a time.

    Parameters
    ----------
    features : Features
    names : layer names
        Joined in this order.
    mean, scale : float32 (d,)
    total : float32 or float64 (n_windows, n_windows)
        Symmetric; what is added to.
    """
    for columns, strip in features.strips(names):
        strip -= mean[columns]
        strip /= scale[columns]
        _add_products(total, strip.T)
    _mirror(total)


def _ratio(one: Float64[np.ndarray, " c"], other: Float64[np.ndarray, " c"]) -> Float64[np.ndarray, " c"]:
    """one / other; 0 where there is nothing left to divide by."""
    return np.asarray(np.divide(one, other, out=np.zeros_like(one), where=other > 0), dtype=np.float64)


def _add_products(total: Float[np.ndarray, "s s"], values: Float32[np.ndarray, "m s"]) -> None:
    """Add ``values.T @ values`` to the lower triangle, in blocks of rows: no second square is in memory.

    Blocks side by side, each on one thread, so that the bits do not depend on how many there are.
    """

    def add(block: slice) -> None:
        total[block, : block.stop] += values[:, block].T @ values[:, : block.stop]

    with ThreadPoolExecutor(count_cores()) as pool:
        for _ in pool.map(add, blocks(len(total), ROWS_ADDED)):
            pass


def _mirror(total: Float[np.ndarray, "s s"]) -> None:
    """Copy the lower triangle to the upper one, in place."""
    for block in blocks(len(total), ROWS_ADDED):
        square = total[block, block]
        square[:] = np.tril(square) + np.tril(square, -1).T
        total[: block.start, block] = total[block, : block.start].T


def _penalise(system: Float64[np.ndarray, "s s"], strength: float) -> None:
    system[np.diag_indices_from(system)] += strength


def _solve(system: Float64[np.ndarray, "s s"], aim: Float64[np.ndarray, "s k"]) -> Float64[np.ndarray, "s k"]:
    """Solve a symmetric system, which is overwritten."""
    factors = linalg.lu_factor(system.T, overwrite_a=True, check_finite=False)
    return np.asarray(linalg.lu_solve(factors, aim, check_finite=False), dtype=np.float64)
