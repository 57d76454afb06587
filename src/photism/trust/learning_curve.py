"""What would more files bring? Accuracy and loss against the number of files, and on to numbers nobody has yet.

Heads are fitted to nested parts of the files, whole groups each, from cached features: a few seconds. Every file is
answered at every size by a head that never saw its group, so that sizes are compared on the same files. An inverse
power law is fitted, and its interval is drawn from files, draws and starting points together.

Covers the head on frozen features. Does not cover a fine-tuned network, which mostly gains more from more files, nor
files of another kind than those at hand: "more" means more of the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int
from scipy import optimize
from threadpoolctl import threadpool_limits

from photism.training.features import Features
from photism.training.intervals import bootstrap_weights
from photism.training.out_of_fold import inner_products
from photism.training.probe import INTERCEPT
from photism.trust.nested_heads import NestedHeads, measure, orders
from photism.types import JSON, Mask

__all__ = ["Forecast", "LearningCurve", "SizeRow", "learning_curve"]

# Sizes as shares of all files, each the half of the next but one.
SHARES = (1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.125, 0.09, 0.0625)
LEAST_PER_CLASS = 4
LEAST_SIZES, LEAST_GROUPS = 3, 10
# A class with fewer groups is taught but not measured: two or three recordings do not say how the next one fares.
LEAST_GROUPS_A_CLASS = 5
MAX_FILES = 3600
N_BOOTSTRAP = 200
SLOWEST, FASTEST, N_RATES = 0.05, 2.0, 15


@dataclass(frozen=True, slots=True)
class SizeRow:
    """Heads taught ``n_files`` files: accuracy in [0, 1] and loss in nats, with 95 % intervals over groups."""

    n_files: int
    n_draws: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    loss_nats: float
    loss_low: float
    loss_high: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """What ``n_more`` files more would bring: accuracy, and the gain in points (1 is 1 %), with 95 % intervals."""

    n_more: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    gain_points: float
    gain_low: float
    gain_high: float


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """Measured sizes, and the laws that fit them.

    ``laws`` (b, 3) holds, for the best fit first and then for each bootstrap draw, c, a and s of
    error(n) = c + a * (n / n_files)^-s. ``unmeasured`` are classes with fewer than 5 groups: heads were taught them,
    and accuracy leaves them out.
    """

    rows: tuple[SizeRow, ...]
    n_files: int
    laws: Float64[np.ndarray, "b 3"]
    unmeasured: tuple[int, ...] = ()
    noun: str = "files"

    def forecast(self, n_more: int) -> Forecast:
        """Say what ``n_more`` files more would bring.

        Parameters
        ----------
        n_more : int
            From 0. Beyond as many as there are, an answer is a guess with an honest width.
        """
        c, a, s = self.laws.T
        now, then = c + a, c + a * (1.0 + n_more / self.n_files) ** -s
        gain, accuracy = 100.0 * (now - then), 1.0 - then
        low, high = np.percentile(accuracy[1:], [2.5, 97.5])
        gain_low, gain_high = np.percentile(gain[1:], [2.5, 97.5])
        return Forecast(
            n_more,
            float(accuracy[0]),
            min(float(low), float(accuracy[0])),
            max(float(high), float(accuracy[0])),
            float(gain[0]),
            min(float(gain_low), float(gain[0])),
            max(float(gain_high), float(gain[0])),
        )

    @property
    def usual_step(self) -> int:
        """A round number of files, about half as many as there are."""
        half = self.n_files / 2
        power = 10 ** max(int(np.floor(np.log10(max(half, 1.0)))), 0)
        return max(int(round(half / power) * power), 1)

    def to_json(self) -> dict[str, JSON]:
        """Return sizes, the best law and forecasts for half as many, as many and three times as many files more."""
        c, a, s = (float(v) for v in self.laws[0])
        return {
            "n_files": self.n_files,
            "sizes": [
                {
                    "n_files": row.n_files,
                    "n_draws": row.n_draws,
                    "accuracy": [row.accuracy, row.accuracy_low, row.accuracy_high],
                    "loss_nats": [row.loss_nats, row.loss_low, row.loss_high],
                }
                for row in self.rows
            ],
            "unmeasured_classes": list(self.unmeasured),
            "law": {"floor_error": c, "scale": a, "rate": s},
            "forecasts": [
                {
                    "n_more": one.n_more,
                    "accuracy": [one.accuracy, one.accuracy_low, one.accuracy_high],
                    "gain_points": [one.gain_points, one.gain_low, one.gain_high],
                }
                for one in (self.forecast(n) for n in (self.usual_step, self.n_files, 3 * self.n_files))
            ],
        }

    def to_text(self) -> str:
        """Return the forecast for about half as many files more, as a sentence."""
        one = self.forecast(self.usual_step)
        points = f"{one.gain_points:.1f} points"
        between = f"95 %: {one.gain_low:.1f} to {one.gain_high:.1f}"
        if one.gain_high < 0.5:
            return f"{one.n_more} more {self.noun} would hardly bring anything: about {points} ({between})."
        return f"{one.n_more} more {self.noun} would bring about {points} of accuracy ({between})."


def learning_curve(
    features: Features,
    y: Int[np.ndarray, " m"],
    groups: Sequence[str],
    *,
    layers: Sequence[str],
    strength: float,
    n_classes: int,
    train: Mask,
    valid: Mask | None = None,
    seed: int = 0,
) -> LearningCurve | None:
    """Measure accuracy against the number of training files, and fit what more would bring.

    Parameters
    ----------
    features : Features
        Windows of the files.
    y : int (n_samples,)
        Class of every file, in [0, n_classes); files of other parts may have any number.
    groups : sequence of n_samples
        What is one observation and never cut.
    layers : names
        What the head reads (``Fitted.selection.layers``).
    strength : float
        The head's penalty (``Fitted.strength``).
    n_classes : int
    train : bool (n_samples,)
        Files that heads are taught.
    valid : bool (n_samples,), optional
        Files that are answered, and never taught. Without them the training files alone are answered, held out.
    seed : int
        Draws of groups and the bootstrap.

    Returns
    -------
    LearningCurve or None
        None where there are too few files: three sizes with four files a class are needed.

    Notes
    -----
    Files that a head was taught are answered without their group, in closed form; all others as they are. Of more than
    3600 training files that many are taken. The interval joins a bootstrap over groups with the choice of where the
    law begins to hold. About 8 s for 3,000 files.

    References
    ----------
    Hestness et al. 2017, Deep learning scaling is predictable, empirically, arXiv 1712.00409; Viering and Loog 2023,
    The shape of learning curves: a review, doi:10.1109/TPAMI.2022.3220744; Mahmood et al. 2022, How much more data do
    I need?, arXiv 2207.01725
    """
    present = np.zeros(features.n_samples, dtype=bool)
    present[features.sample_of_window] = True
    taught = _thin(train & present, groups, seed)
    asked = taught if valid is None else taught | (valid & present)
    part = features.keep(asked)
    files = part.files
    names = np.array([groups[i] for i in files.tolist()])
    _, group = np.unique(names, return_inverse=True)
    n_all = int(taught.sum())
    sizes = [round(share * n_all) for share in SHARES if share * n_all >= LEAST_PER_CLASS * n_classes]
    if len(sizes) < LEAST_SIZES or len(np.unique(group)) < LEAST_GROUPS:
        return None
    with threadpool_limits(limits=1, user_api="blas"):
        known = np.flatnonzero(taught[files])
        products, _ = inner_products(part, layers=layers, against=known)  # files that are only asked need no columns
        products += np.float32(INTERCEPT)
        heads = NestedHeads(products, known, y[files], group, n_classes, strength)
        hits, losses, n_draws, n_taught = measure(heads, orders(known, group, y[files], seed), sizes)
    few = _few_groups(y[files], group)
    measured = ~np.isin(y[files], few)
    if not measured.any():
        return None
    hits, losses = hits[:, measured], losses[:, measured]
    drawn = _draws(group[measured], seed)
    rows = tuple(
        SizeRow(round(n), d, *_with_interval(hits[i], drawn), *_with_interval(losses[i], drawn))
        for i, (n, d) in enumerate(zip(n_taught, n_draws, strict=True))
    )
    errors = 1.0 - np.concatenate([hits.mean(axis=1)[None], (drawn @ hits.T)])
    n_train = int((train & present).sum())
    laws = _laws(np.array(n_taught) / n_train, errors, seed)
    return LearningCurve(rows, n_train, laws, few)


def _few_groups(y: Int[np.ndarray, " f"], group: Int[np.ndarray, " f"]) -> tuple[int, ...]:
    """The classes with too few groups to be measured."""
    return tuple(c for c in np.unique(y).tolist() if len(np.unique(group[y == c])) < LEAST_GROUPS_A_CLASS)


def _thin(train: Mask, groups: Sequence[str], seed: int) -> Mask:
    """Keep about ``MAX_FILES`` training files, whole groups."""
    files = np.flatnonzero(train)
    if len(files) <= MAX_FILES:
        return train
    _, group = np.unique([groups[i] for i in files.tolist()], return_inverse=True)
    order = np.random.default_rng(seed).permutation(int(group.max()) + 1)
    size = np.bincount(group)
    chosen = order[np.cumsum(size[order]) <= MAX_FILES]
    kept = np.zeros_like(train)
    kept[files[np.isin(group, chosen)]] = True
    return kept


def _draws(group: Int[np.ndarray, " f"], seed: int) -> Float64[np.ndarray, "b f"]:
    """Bootstrap draws of groups: each file's share."""
    number = np.unique(group, return_inverse=True)[1]
    weight = bootstrap_weights(number, n_draws=N_BOOTSTRAP, seed=seed)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True), dtype=np.float64)


def _with_interval(values: Float64[np.ndarray, " f"], drawn: Float64[np.ndarray, "b f"]) -> tuple[float, float, float]:
    low, high = np.percentile(drawn @ values, [2.5, 97.5])
    mean = float(values.mean())
    return mean, min(float(low), mean), max(float(high), mean)


def _laws(n: Float64[np.ndarray, " z"], errors: Float64[np.ndarray, "b z"], seed: int) -> Float64[np.ndarray, "b 3"]:
    """Fit c + a * n^-s to each row of errors, larger sizes weighing more; rows after the first begin anywhere."""
    rng = np.random.default_rng(seed)
    laws = []
    for i, row in enumerate(errors):
        most = len(n) if i == 0 else int(rng.integers(LEAST_SIZES, len(n) + 1))
        # A share of the draws is told that the error goes to 0 in the end, the other that it need not.
        floor = i == 0 or bool(rng.random() < 0.5)
        laws.append(_law(n[:most], row[:most], floor))
    return np.array(laws)


def _law(n: Float64[np.ndarray, " z"], error: Float64[np.ndarray, " z"], floor: bool) -> tuple[float, float, float]:
    """The best c, a, s: least squares for c and a from 0 up, at each of many rates."""
    weight = np.sqrt(n)

    def fitted(s: float) -> tuple[float, float, float, float]:
        columns = np.stack([np.ones_like(n), n**-s], axis=1)[:, 0 if floor else 1 :]
        found, rest = optimize.nnls(columns * weight[:, None], error * weight)
        return float(rest), float(found[0]) if floor else 0.0, float(found[-1]), float(s)

    rates = np.geomspace(SLOWEST, FASTEST, N_RATES).tolist()
    at = min(range(N_RATES), key=lambda i: fitted(rates[i])[0])
    near = np.log([rates[max(at - 1, 0)], rates[min(at + 1, N_RATES - 1)]])
    found = optimize.minimize_scalar(lambda s: fitted(float(np.exp(s)))[0], bounds=(near[0], near[1]), method="bounded")
    _, c, a, s = min(fitted(rates[at]), fitted(float(np.exp(found.x))))
    return c, a, s
