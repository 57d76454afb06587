"""How much a stage knows of the classes: channel by channel, and read all at once by a linear probe.

Covers the share of a channel's variance that classes explain (omega squared), which class a channel prefers (AUROC, one
against the rest), and a ridge probe answered out of fold, groups whole.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

__all__ = ["class_auroc", "explained_by_class", "probe_hits"]

N_FOLDS, STRENGTH = 5, 0.3


def explained_by_class(answers: Float[np.ndarray, "n c"], y: Int[np.ndarray, " n"]) -> Float[np.ndarray, " c"]:
    """Return omega squared: the share of each channel's variance that the classes explain, corrected for chance.

    Parameters
    ----------
    answers : float (n, c)
    y : int (n,)

    References
    ----------
    Hays 1963; Olejnik & Algina 2003, doi:10.1037/1082-989X.8.4.434
    """
    x = answers.astype(np.float64)
    classes, counts = np.unique(y, return_counts=True)
    means = np.stack([x[y == k].mean(0) for k in classes])
    total = np.square(x - x.mean(0)).sum(0)
    between = (counts[:, None] * np.square(means - x.mean(0))).sum(0)
    n, k = len(y), len(classes)
    within = (total - between) / max(1, n - k)
    omega = (between - (k - 1) * within) / (total + within + 1e-12)
    return np.where(total > 1e-12, omega, 0.0)


def class_auroc(answers: Float[np.ndarray, "n c"], y: Int[np.ndarray, " n"]) -> Float[np.ndarray, "k c"]:
    """Return how well each channel alone tells each class from the rest, in [0, 1], 0.5 being chance.

    Parameters
    ----------
    answers : float (n, c)
    y : int (n,)
        Classes 0 to k - 1; of one that does not occur, or occurs alone, nothing is told apart: 0.5.
    """
    ranks = np.argsort(np.argsort(answers, axis=0, kind="stable"), axis=0).astype(np.float64)
    rows = []
    for k in range(int(y.max()) + 1):
        ours = y == k
        n, m = int(ours.sum()), int((~ours).sum())
        rows.append((ranks[ours].sum(0) - n * (n - 1) / 2) / (n * m) if n * m else np.full(ranks.shape[1], 0.5))
    return np.stack(rows)


def probe_hits(
    answers: Float[np.ndarray, "n c"], y: Int[np.ndarray, " n"], groups: Int[np.ndarray, " n"], *, seed: int = 0
) -> Float[np.ndarray, " n"]:
    """Say which pictures a linear probe gets right that was fitted without the picture's own group.

    Parameters
    ----------
    answers : float (n, c)
        A stage's answers.
    y, groups : int (n,)
        A group is never cut.
    seed : int
        Folds follow from it.

    Returns
    -------
    float (n,)
        1 right, 0 wrong.
    """
    names = np.unique(groups)
    fold_of = dict(zip(np.random.default_rng(seed).permutation(names), np.arange(len(names)) % N_FOLDS, strict=True))
    fold = np.array([fold_of[g] for g in groups])
    target = np.eye(int(y.max()) + 1)[y]
    right = np.zeros(len(y))
    for k in range(N_FOLDS):
        held, rest = fold == k, fold != k
        if not held.any() or not rest.any():
            continue
        mean, spread = answers[rest].mean(0), answers[rest].std(0)
        awake = spread > 1e-6 * max(float(spread.max()), 1e-12)
        a, b = (((answers[part] - mean)[:, awake] / spread[awake]).astype(np.float64) for part in (rest, held))
        gram = a @ a.T
        gram[np.diag_indices_from(gram)] += STRENGTH * float(np.trace(gram)) / len(gram)
        offset = target[rest].mean(0)
        score = b @ a.T @ np.linalg.solve(gram, target[rest] - offset) + offset
        right[held] = score.argmax(1) == y[held]
    return right
