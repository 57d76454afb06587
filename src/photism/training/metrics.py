"""What is measured on a held-out part, each with a 95 % interval clustered by group.

Covers accuracy, loss, calibration, per-class precision, recall, F1, AUROC and AUPRC, and for two classes sensitivity
and specificity at a threshold. ``measure`` returns what ``metrics.json`` holds for a part; a class that the part lacks
has None where a number would be, never NaN. Does not cover comparisons (people, other recognizers).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int

from photism.errors import OptionError
from photism.training.intervals import bootstrap_weights, clustered_proportion, percentiles
from photism.types import JSON

__all__ = ["area_under_pr", "area_under_roc", "calibration_bins", "measure", "threshold_for"]

N_BINS = 15
N_DRAWS = 1000
# At most so many draws times items times classes; with 10,000 items of 10 classes 200 draws remain.
MAX_CELLS = 20_000_000
LEAST = 1e-12


def measure(
    probability: Float[np.ndarray, "n k"],
    truth: Int[np.ndarray, " n"],
    *,
    labels: Sequence[str],
    groups: Sequence[Hashable] | None = None,
    positive: str | None = None,
    threshold: float | None = None,
    seed: int = 0,
) -> dict[str, JSON]:
    """Measure answers against the truth.

    Parameters
    ----------
    probability : float (n, k)
        Probabilities in [0, 1], rows summing to 1, in the order of ``labels``; one row a file.
    truth : int (n,)
        Index of each file's class.
    labels : names (k,)
    groups : n group names, optional
        Files of one group are one observation in every interval; each file its own group where None.
    positive : str, optional
        Of two classes the one to detect.
    threshold : float, optional
        ``positive`` is answered from this probability on; 0.5 where None. Accuracy, F1 and the confusion matrix count
        these answers; without ``positive`` the most probable class is the answer.
    seed : int
        Of the bootstrap.

    Returns
    -------
    dict
        ``n, n_groups, accuracy, low, high, macro_f1, loss_nats, ece, brier, auroc, auprc, majority_baseline,
        per_class, confusion, calibration`` and with ``positive`` also ``positive, threshold, sensitivity, specificity,
        f1_positive``; ``NAME_low`` and ``NAME_high`` beside every measure. Fractions in [0, 1], the loss in nats,
        Brier's score in [0, 2].

    Raises
    ------
    ValueError
        If there is nothing to measure.
    OptionError
        If ``positive`` is none of exactly two labels.

    Notes
    -----
    Proportions have Wilson's interval on as many items as their groups are worth, everything else a percentile
    bootstrap over groups. Deterministic given the seed.
    """
    if len(truth) == 0:
        raise ValueError("expected at least one answer to measure, received none")
    ids = np.arange(len(truth)) if groups is None else np.unique([str(g) for g in groups], return_inverse=True)[1]
    table = _Table(
        probability=probability.astype(np.float64),
        truth=truth,
        answer=probability.argmax(axis=1),
        groups=ids,
        draws=bootstrap_weights(ids, n_draws=max(100, min(N_DRAWS, MAX_CELLS // probability.size)), seed=seed),
        labels=tuple(labels),
    )
    found: dict[str, JSON] = {"n": len(truth), "n_groups": int(ids.max()) + 1}
    two: dict[str, JSON] = {}
    if positive is not None:
        table, two = _two_classes(table, positive, 0.5 if threshold is None else threshold)
    found |= table.proportion(table.answer == truth, np.ones(len(truth), bool), "accuracy", "low", "high")
    found |= _means(table)
    # The part's own commonest class: training files may have been drawn evenly, and no constant answer does better.
    found["majority_baseline"] = float(np.bincount(truth).max() / len(truth))
    found |= _classes(table)
    found["confusion"] = _confusion(table).tolist()
    found["calibration"] = calibration_bins(table.probability, truth)
    return found | two


def threshold_for(cost_ratio: float) -> float:
    """Turn costs into a threshold: with honest probabilities, answer the positive class from this one on.

    Parameters
    ----------
    cost_ratio : float
        One missed positive costs as much as so many false alarms; above 0.

    Returns
    -------
    float
        1 / (1 + cost_ratio), in (0, 1).

    Raises
    ------
    OptionError
        If the ratio is not above 0.

    References
    ----------
    Elkan 2001, The foundations of cost-sensitive learning, IJCAI

    Examples
    --------
    >>> threshold_for(9.0)
    0.1
    """
    if not 0 < cost_ratio < float("inf"):
        raise OptionError(f"expected a cost ratio above 0 (false alarms per missed positive), received {cost_ratio:g}.")
    return 1.0 / (1.0 + cost_ratio)


def calibration_bins(
    probability: Float64[np.ndarray, "n k"], truth: Int[np.ndarray, " n"], *, n_bins: int = N_BINS
) -> list[JSON]:
    """Sort answers by how sure they are, and count how many in each bin are right.

    Parameters
    ----------
    probability : float64 (n, k)
        Rows that sum to 1.
    truth : int (n,)
        The right class of each row.
    n_bins : int
        Number of bins, equally wide.

    Returns
    -------
    list of dict
        ``low, high`` (a bin's probabilities, equally wide), ``n``, mean ``confidence``, ``accuracy`` (None if empty).
    """
    confidence = probability.max(axis=1)
    right = probability.argmax(axis=1) == truth
    of_item = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    bins: list[JSON] = []
    for i in range(n_bins):
        inside = of_item == i
        n = int(inside.sum())
        bins.append(
            {
                "low": i / n_bins,
                "high": (i + 1) / n_bins,
                "n": n,
                "confidence": float(confidence[inside].mean()) if n else None,
                "accuracy": float(right[inside].mean()) if n else None,
            }
        )
    return bins


def area_under_roc(
    score: Float64[np.ndarray, " n"], positive: Bool[np.ndarray, " n"], weights: Float64[np.ndarray, "b n"]
) -> Float64[np.ndarray, " b"]:
    """Compute the area under the ROC curve for each row of item weights: ties count half.

    Parameters
    ----------
    score : float64 (n,)
        The higher, the more likely positive.
    positive : bool (n,)
        The truth.
    weights : float64 (b, n)
        What each item weighs, a row a resample.

    Returns
    -------
    float64 (b,)
        In [0, 1]; NaN where a row gives no weight to positives or none to negatives.
    """
    pos, neg = _by_score(score, positive, weights)
    below = np.cumsum(neg, axis=1) - neg
    wins = (pos * (below + 0.5 * neg)).sum(axis=1)
    pairs = pos.sum(axis=1) * neg.sum(axis=1)
    return _ratio(wins, pairs, pairs)


def area_under_pr(
    score: Float64[np.ndarray, " n"], positive: Bool[np.ndarray, " n"], weights: Float64[np.ndarray, "b n"]
) -> Float64[np.ndarray, " b"]:
    """Compute average precision (scikit-learn's, without interpolation) for each row of item weights.

    Parameters
    ----------
    score : float64 (n,)
        The higher, the more likely positive.
    positive : bool (n,)
        The truth.
    weights : float64 (b, n)
        What each item weighs, a row a resample.

    Returns
    -------
    float64 (b,)
        In [0, 1]; NaN where a row gives no weight to positives.
    """
    pos, neg = _by_score(score, positive, weights)
    caught = np.cumsum(pos[:, ::-1], axis=1)[:, ::-1]
    called = caught + np.cumsum(neg[:, ::-1], axis=1)[:, ::-1]
    precision = np.divide(caught, called, out=np.zeros_like(called), where=called > 0)
    total = pos.sum(axis=1)
    return _ratio((pos * precision).sum(axis=1), total, total)


def _ratio(
    part: Float64[np.ndarray, " b"], whole: Float64[np.ndarray, " b"], needed: Float64[np.ndarray, " b"]
) -> Float64[np.ndarray, " b"]:
    """part / whole; NaN where ``needed`` is 0."""
    return np.asarray(np.divide(part, whole, out=np.full(len(whole), np.nan), where=needed > 0), dtype=np.float64)


def _by_score(
    score: Float64[np.ndarray, " n"], positive: Bool[np.ndarray, " n"], weights: Float64[np.ndarray, "b n"]
) -> tuple[Float64[np.ndarray, "b s"], Float64[np.ndarray, "b s"]]:
    """Weight of positives and of negatives at each distinct score, rising."""
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.diff(score[order], prepend=-np.inf) > 0)
    sorted_weights = weights[:, order]
    pos = np.add.reduceat(sorted_weights * positive[order], starts, axis=1)
    return pos, np.add.reduceat(sorted_weights, starts, axis=1) - pos


@dataclass(frozen=True)
class _Table:
    """Answers beside the truth, with groups and the draws of the bootstrap (weights of items)."""

    probability: Float64[np.ndarray, "n k"]
    truth: Int[np.ndarray, " n"]
    answer: Int[np.ndarray, " n"]
    groups: Int[np.ndarray, " n"]
    draws: Float64[np.ndarray, "b n"]
    labels: tuple[str, ...]

    def proportion(
        self, hits: Bool[np.ndarray, " n"], trials: Bool[np.ndarray, " n"], name: str, low: str = "", high: str = ""
    ) -> dict[str, JSON]:
        """``name`` with its interval; all None where nothing counts."""
        found = clustered_proportion((hits & trials).astype(float), trials.astype(float), self.groups)
        keys = (name, low or f"{name}_low", high or f"{name}_high")
        return dict(zip(keys, found or (None, None, None), strict=True))


def _with_interval(name: str, value: float, draws: Float64[np.ndarray, " b"]) -> dict[str, JSON]:
    """``name`` with the bootstrap's interval; None for what does not exist."""
    if not np.isfinite(value):
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    low, high = percentiles(draws) or (None, None)
    return {name: float(value), f"{name}_low": low, f"{name}_high": high}


def _two_classes(table: _Table, positive: str, threshold: float) -> tuple[_Table, dict[str, JSON]]:
    """Answer by threshold, and measure sensitivity and specificity."""
    if len(table.labels) != 2 or positive not in table.labels:
        raise OptionError(f"expected one of two classes to detect, received {positive!r} with {list(table.labels)}.")
    index = table.labels.index(positive)
    said = table.probability[:, index] >= threshold
    answered = _Table(
        probability=table.probability,
        truth=table.truth,
        answer=np.where(said, index, 1 - index),
        groups=table.groups,
        draws=table.draws,
        labels=table.labels,
    )
    is_positive = table.truth == index
    found: dict[str, JSON] = {"positive": positive, "threshold": float(threshold)}
    found |= answered.proportion(said, is_positive, "sensitivity")
    found |= answered.proportion(~said, ~is_positive, "specificity")
    once = np.ones((1, len(said)))
    value = float(_f1(is_positive, said, once)[0])
    return answered, found | _with_interval("f1_positive", value, _f1(is_positive, said, table.draws))


def _means(table: _Table) -> dict[str, JSON]:
    """Loss, Brier's score and the calibration error, with intervals."""
    of_truth = table.probability[np.arange(len(table.truth)), table.truth]
    loss = -np.log(np.maximum(of_truth, LEAST))
    brier = np.square(table.probability).sum(axis=1) - 2 * of_truth + 1
    mass = table.draws.sum(axis=1)
    found = _with_interval("loss_nats", float(loss.mean()), table.draws @ loss / mass)
    found |= _with_interval("brier", float(brier.mean()), table.draws @ brier / mass)
    confidence = table.probability.max(axis=1)
    surplus = confidence - (table.probability.argmax(axis=1) == table.truth)
    of_item = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    binned = surplus[:, None] * (of_item[:, None] == np.arange(N_BINS))
    ece = np.abs(table.draws @ binned).sum(axis=1) / mass
    return found | _with_interval("ece", float(np.abs(binned.sum(axis=0)).sum() / len(surplus)), ece)


def _classes(table: _Table) -> dict[str, JSON]:
    """Every class's measures, and their macro averages over the classes that this part has."""
    rows: list[JSON] = []
    once = np.ones((1, len(table.truth)))
    kept: dict[str, list[Float64[np.ndarray, " _"]]] = {"f1": [], "auroc": [], "auprc": []}
    for index, label in enumerate(table.labels):
        true, said = table.truth == index, table.answer == index
        score = table.probability[:, index]
        row: dict[str, JSON] = {"label": label, "n": int(true.sum())}
        row |= table.proportion(true, said, "precision") | table.proportion(said, true, "recall")
        for name, whole, drawn in (
            ("f1", _f1(true, said, once), _f1(true, said, table.draws)),
            ("auroc", area_under_roc(score, true, once), area_under_roc(score, true, table.draws)),
            ("auprc", area_under_pr(score, true, once), area_under_pr(score, true, table.draws)),
        ):
            value = float(whole[0]) if true.any() else float("nan")
            row |= _with_interval(name, value, drawn)
            if np.isfinite(value):
                kept[name].append(np.concatenate([whole, drawn]))
        rows.append(row)
    found: dict[str, JSON] = {}
    for name, values in kept.items():
        # A draw that lacks a class averages over the others.
        stacked = np.array(values) if values else np.full((1, 2), np.nan)
        seen = np.isfinite(stacked)
        mean = _ratio(np.where(seen, stacked, 0.0).sum(axis=0), *[seen.sum(axis=0).astype(float)] * 2)
        found |= _with_interval("macro_f1" if name == "f1" else name, float(mean[0]), mean[1:])
    return found | {"per_class": rows}


def _f1(
    true: Bool[np.ndarray, " n"], said: Bool[np.ndarray, " n"], weights: Float64[np.ndarray, "b n"]
) -> Float64[np.ndarray, " b"]:
    """F1 for each row of item weights: 0 where a class was never answered rightly, NaN where it is absent."""
    both = weights @ (true & said)
    of_true, of_said = weights @ true, weights @ said
    return _ratio(2 * both, of_true + of_said, of_true)


def _confusion(table: _Table) -> Int[np.ndarray, "k k"]:
    k = len(table.labels)
    return np.bincount(table.truth * k + table.answer, minlength=k * k).reshape(k, k)
