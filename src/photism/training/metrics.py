"""What a recognizer is worth on labelled files: the measures of ``metrics.json``, with 95 % intervals.

Every measure is of files (a file's windows were averaged before) and comes as plain JSON numbers; what cannot be measured (a
class that is absent, say) is None, never NaN. Does not cover comparison between observers.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import rankdata

from photism.errors import OptionError
from photism.training.intervals import fraction_interval
from photism.types import JSON

__all__ = ["auroc", "average_precision", "calibration_bins", "expected_calibration_error", "measure", "threshold_for"]

N_BINS = 10
SMALLEST_PROBABILITY = 1e-12


def measure(
    probability: Float[np.ndarray, "m k"],
    truth: Int[np.ndarray, " m"],
    *,
    labels: Sequence[str],
    groups: Sequence[Hashable],
    majority: int | None = None,
    positive: str | None = None,
    threshold: float | None = None,
) -> dict[str, JSON]:
    """Measure answers against the truth.

    Parameters
    ----------
    probability : float (m, k)
        One row a file, summing to 1.
    truth : int (m,)
        Index of each file's class.
    labels : k names
        The classes.
    groups : sequence of m
        The group of each file; intervals are clustered by it.
    majority : int, optional
        The commonest class of the training part, whose share is the baseline; the commonest here by default.
    positive : str, optional
        Of two classes, the one to detect: sensitivity and specificity are reported for it.
    threshold : float, optional
        Probability from which ``positive`` is said; where it is given, it decides the answers.

    Returns
    -------
    dict
        ``n, accuracy, low, high, macro_f1, loss_nats, brier, ece, auroc, auprc, majority_baseline, per_class,
        confusion, calibration``, and with ``positive`` also ``threshold, sensitivity, specificity, f1_positive`` and the
        intervals of the first two.

    Raises
    ------
    OptionError
        Where ``positive`` is no label or there are not two classes.
    """
    n, k = probability.shape
    answer = _answers(probability, labels, positive, threshold)
    correct = answer == truth
    low, high = fraction_interval(correct, groups)
    confusion = np.zeros((k, k), dtype=np.int64)
    np.add.at(confusion, (truth, answer), 1)
    rows = [_class_row(i, probability, truth, confusion, labels, groups, correct) for i in range(k)]
    present = [row for row in rows if row["n"]]
    counts = np.bincount(truth, minlength=k)
    common = int(counts.argmax()) if majority is None else majority
    told = np.maximum(probability[np.arange(n), truth], SMALLEST_PROBABILITY)
    result: dict[str, JSON] = {
        "n": n,
        "accuracy": float(correct.mean()),
        "low": low,
        "high": high,
        "macro_f1": _mean([row["f1"] for row in present]),
        "loss_nats": float(-np.log(told).mean()),
        "brier": float(np.square(probability - np.eye(k)[truth]).sum(axis=1).mean()),
        "ece": expected_calibration_error(probability, truth),
        "auroc": _mean([row["auroc"] for row in rows]),
        "auprc": _mean([row["auprc"] for row in rows]),
        "majority_baseline": float(counts[common] / n),
        "per_class": list(rows),
        "confusion": [[int(cell) for cell in row] for row in confusion],
        "calibration": list(calibration_bins(probability, truth)),
    }
    if positive is not None:
        result |= _detection(labels.index(positive), positive, answer, truth, groups, threshold)
    return result


def threshold_for(cost_ratio: float) -> float:
    """Return the probability from which to say "positive" when a miss costs ``cost_ratio`` false alarms.

    Examples
    --------
    >>> threshold_for(1.0), threshold_for(4.0)
    (0.5, 0.2)
    """
    if not cost_ratio > 0:
        raise OptionError(f"--cost-ratio expects a number above 0, and received {cost_ratio:g}.")
    return 1.0 / (1.0 + cost_ratio)


def auroc(score: Float[np.ndarray, " m"], positive: Bool[np.ndarray, " m"]) -> float | None:
    """Return the area under the ROC curve: how often a positive item scores higher than a negative one (ties half).

    Parameters
    ----------
    score : float (m,)
        Higher is more positive.
    positive : bool (m,)
        The truth. None is returned where all items are of one sort.
    """
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if n_positive == 0 or n_negative == 0:
        return None
    ranks = float(rankdata(score)[positive].sum())
    return (ranks - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)


def average_precision(score: Float[np.ndarray, " m"], positive: Bool[np.ndarray, " m"]) -> float | None:
    """Return the area under the precision-recall curve as a sum of steps (no interpolation).

    Parameters
    ----------
    score : float (m,)
        Higher is more positive.
    positive : bool (m,)
        The truth. None is returned where there is no positive item.
    """
    n_positive = int(positive.sum())
    if n_positive == 0:
        return None
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(positive[order])
    # Items of equal score enter together: only the last of a tie is a point of the curve.
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    gained = np.diff(hits[last], prepend=0)
    return float((gained * hits[last] / (last + 1)).sum() / n_positive)


def calibration_bins(probability: Float[np.ndarray, "m k"], truth: Int[np.ndarray, " m"]) -> list[dict[str, JSON]]:
    """Sort answers into ten bins of confidence: how many, how sure, how often right.

    Parameters
    ----------
    probability : float (m, k)
        One row an item, summing to 1.
    truth : int (m,)
        Index of each item's class.
    """
    confidence, correct = probability.max(axis=1), probability.argmax(axis=1) == truth
    bin_of = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    rows: list[dict[str, JSON]] = []
    for i in range(N_BINS):
        inside = bin_of == i
        n = int(inside.sum())
        rows.append(
            {
                "low": i / N_BINS,
                "high": (i + 1) / N_BINS,
                "n": n,
                "confidence": float(confidence[inside].mean()) if n else None,
                "accuracy": float(correct[inside].mean()) if n else None,
            }
        )
    return rows


def expected_calibration_error(probability: Float[np.ndarray, "m k"], truth: Int[np.ndarray, " m"]) -> float:
    """Return how far confidence is from accuracy, averaged over ten bins of equal width.

    Parameters
    ----------
    probability : float (m, k)
        One row an item, summing to 1.
    truth : int (m,)
        Index of each item's class.

    References
    ----------
    Guo et al. 2017, arXiv 1706.04599
    """
    confidence, correct = probability.max(axis=1), probability.argmax(axis=1) == truth
    bin_of = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    gaps = np.bincount(bin_of, weights=confidence - correct, minlength=N_BINS)
    return float(np.abs(gaps).sum() / len(truth))


def _answers(
    probability: Float[np.ndarray, "m k"], labels: Sequence[str], positive: str | None, threshold: float | None
) -> Int[np.ndarray, " m"]:
    if positive is None:
        return probability.argmax(axis=1)
    if positive not in labels or len(labels) != 2:
        raise OptionError(f"--positive expects one of two classes, and received {positive!r} with {', '.join(labels)}.")
    index = labels.index(positive)
    return np.where(probability[:, index] >= (0.5 if threshold is None else threshold), index, 1 - index)


def _class_row(
    i: int,
    probability: Float[np.ndarray, "m k"],
    truth: Int[np.ndarray, " m"],
    confusion: Int[np.ndarray, "k k"],
    labels: Sequence[str],
    groups: Sequence[Hashable],
    correct: Bool[np.ndarray, " m"],
) -> dict[str, JSON]:
    hits, n, said = int(confusion[i, i]), int(confusion[i].sum()), int(confusion[:, i].sum())
    of_class = truth == i
    interval: tuple[float, float] | None = None
    if n:
        interval = fraction_interval(correct[of_class], [groups[j] for j in np.flatnonzero(of_class)])
    return {
        "label": labels[i],
        "n": n,
        "precision": hits / said if said else None,
        "recall": hits / n if n else None,
        "recall_low": interval[0] if interval else None,
        "recall_high": interval[1] if interval else None,
        "f1": 2 * hits / (n + said) if n + said else None,
        "auroc": auroc(probability[:, i], of_class),
        "auprc": average_precision(probability[:, i], of_class),
    }


def _detection(
    index: int,
    positive: str,
    answer: Int[np.ndarray, " m"],
    truth: Int[np.ndarray, " m"],
    groups: Sequence[Hashable],
    threshold: float | None,
) -> dict[str, JSON]:
    """Sensitivity and specificity of the positive class, with intervals."""
    result: dict[str, JSON] = {"positive": positive, "threshold": 0.5 if threshold is None else threshold}
    for name, mask in (("sensitivity", truth == index), ("specificity", truth != index)):
        right = ((answer == index) == (truth == index))[mask]
        interval = fraction_interval(right, [groups[i] for i in np.flatnonzero(mask)]) if mask.any() else None
        result[name] = float(right.mean()) if mask.any() else None
        result[f"{name}_low"], result[f"{name}_high"] = interval or (None, None)
    hits = int(((answer == index) & (truth == index)).sum())
    total = int((answer == index).sum() + (truth == index).sum())
    result["f1_positive"] = 2 * hits / total if total else None
    return result


def _mean(values: Sequence[JSON]) -> float | None:
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    return float(np.mean(numbers)) if numbers else None
