"""Probabilities for every file of a part by heads that never saw the file, nor any other file of its group.

They are what tells a wrong label: a head that was taught a file's label would answer with it. The head is a kernel
ridge regression, whose answers with any group left out have a closed form, and a softmax regression on these answers
that knows which classes are taken for one another; it too is fitted without the file's fold. Several networks answer
apart, and their logarithms are averaged.

Covers inner products between files, and held-out probabilities. Does not cover the head that a recognizer keeps
(``classifier``) nor what the probabilities are used for (``photism.trust``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from jaxtyping import Float32, Float64, Int
from scipy import linalg, optimize, sparse, special
from threadpoolctl import threadpool_limits

from photism.data.split import inner_folds
from photism.recognizers.layer_names import by_panel
from photism.training.features import Features, blocks, softmax
from photism.training.probe import INTERCEPT

__all__ = ["held_out_probabilities", "inner_products", "late_layers", "standard_strips"]

# Of distances whose square is 2 on average: neighbours count for more than the far side of the set, but not alone.
BANDWIDTH = 0.3
# Penalties beside a sum over files of weight 1 on average. Firmer ones than are best for accuracy: what matters here
# is that one wrong label does not bend the answers around it.
STRENGTHS = (0.1, 0.3, 1.0)
# Files stand for all in the kernel where there are more: so many, or as many as keep the table below 128 MB.
MAX_LANDMARKS, MAX_VALUES = 3000, 32 * 2**20
JITTER = 1e-5
ROWS_ADDED = 512
N_FOLDS = 5
# The spread of the prior on how far the softmax regression's coefficients lie from one number for all classes.
CALIBRATION_VARIANCE = 0.1
# Where the softmax regression looks for its first guess: slopes, and shares of wrong labels, which stay below the most.
SLOPES, WRONG = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0), (0.003, 0.02, 0.05, 0.15)
MOST_WRONG = 0.5


def standard_strips(features: Features, name: str) -> Iterator[Float32[np.ndarray, "f _"]]:
    """Walk over a layer's values, windows averaged into files and standardised, some values at a time.

    Parameters
    ----------
    features : Features
    name : str
        The layer.

    Yields
    ------
    float32 (n_files, c)
        Mean 0 and variance 1 in each column; values that never vary are left out. Rows are in the order of
        ``features.files``.
    """
    row = np.searchsorted(features.files, features.sample_of_window)
    mass = np.bincount(row, weights=features.weight)
    share = (features.weight / mass[row]).astype(np.float32)
    mean_of = sparse.csr_array((share, (row, np.arange(len(row)))), shape=(len(mass), len(row)))
    for _, strip in features.strips((name,)):
        values = np.asarray(mean_of @ strip, dtype=np.float32)
        values -= values.mean(axis=0)
        spread = np.sqrt(np.mean(np.square(values), axis=0))
        alive = spread > 1e-6 * max(float(spread.max()), 1e-30)
        values = values[:, alive]
        values /= spread[alive]
        yield values


def inner_products(
    features: Features, *, layers: Sequence[str], against: Int[np.ndarray, " l"] | None = None
) -> tuple[Float32[np.ndarray, "f l"], Float32[np.ndarray, " f"]]:
    """Compute inner products between files: standardised features, windows averaged, every layer with the same say.

    Parameters
    ----------
    features : Features
        Its files are the rows, in the order of ``features.files``.
    layers : names
    against : int (n_against,), optional
        Rows that all are multiplied with; all by default.

    Returns
    -------
    products : float32 (n_files, n_against)
    squares : float32 (n_files,)
        Each file's product with itself; 1 on average.

    Notes
    -----
    Reads a strip of values at a time. A value that never varies says nothing.
    """
    n_files = len(features.files)
    rows = np.arange(n_files) if against is None else against
    total, squares = np.zeros((n_files, len(rows)), np.float32), np.zeros(n_files, np.float32)
    for name in layers:
        # Counted first, in a pass of its own: a layer's products then need no table beside the sum's.
        n_alive = sum(values.shape[1] for values in standard_strips(features, name))
        share = np.float32(1.0 / np.sqrt(max(n_alive, 1) * len(layers)))
        for values in standard_strips(features, name):
            values *= share
            against_values = values[rows].T
            for some in blocks(n_files, ROWS_ADDED):
                total[some] += values[some] @ against_values
            squares += np.einsum("ij,ij->i", values, values)
    return total, squares


def late_layers(names: Iterable[str]) -> tuple[str, ...]:
    """Name the later half of every panel's stages: where held-out probabilities come from.

    Parameters
    ----------
    names : layer names, ``panel/stage``, in the network's order

    Notes
    -----
    On training parts of six sets with planted wrong labels, they found as many as the layers that a probe chose, or
    more, and they do not depend on labels that may be wrong (LOG.md, 2026-11-22).

    Examples
    --------
    >>> late_layers([f"a/b{i}" for i in range(9)])
    ('a/b5', 'a/b6', 'a/b7', 'a/b8')
    """
    return tuple(name for panel in by_panel(names).values() for name in panel[(len(panel) + 1) // 2 :] or panel)


def held_out_probabilities(
    features: Features,
    y: Int[np.ndarray, " m"],
    groups: Sequence[str],
    *,
    n_classes: int,
    others: Sequence[Features] = (),
    tuned: Sequence[Float64[np.ndarray, "m k"]] = (),
    seed: int = 0,
) -> Float64[np.ndarray, "m k"]:
    """Answer for every file as a head that never saw its group.

    Parameters
    ----------
    features : Features
        Windows of the files in question; ``late_layers`` are read.
    y : int (n_samples,)
        Class of every file in question, in [0, n_classes).
    groups : sequence of n_samples
        What is left out whole; every file by itself where all are one group.
    n_classes : int
    others : sequence of Features
        The same files as other networks see them, whose ``late_layers`` are read as well: what one network confuses
        another may tell apart.
    tuned : sequence of float64 (n_samples, n_classes)
        Probabilities of fine-tuned networks that saw neither the file nor its group (``cross_tuned``). Where a row is
        not finite the others speak for the file.
    seed : int
        Which files stand for all where there are many, and the folds of the softmax regression.

    Returns
    -------
    float64 (n_samples, n_classes)
        Rows sum to 1; NaN in the rows of files without windows.

    Raises
    ------
    ValueError
        Where another network's features are not those of the same files.

    Notes
    -----
    Classes weigh the same in the kernel regression; the softmax regression gives them back their shares. About 4 s for
    3,000 files and 15 s for 10,000 on one core, times the networks. Deterministic given the seed.

    The geometric mean of what networks answer finds more wrong labels than one regression on the sum of their kernels
    (LOG.md, 2026-11-23).

    References
    ----------
    An, Liu and Venkatesh 2007, doi:10.1016/j.patcog.2006.12.015 (left-out groups); Williams and Seeger 2000, Using the
    Nyström method to speed up kernel machines, NeurIPS 13; Kull et al. 2019, arXiv 1910.12656 (the softmax regression)
    """
    files = features.files
    truth = y[files]
    owners = [groups[i] for i in files.tolist()]
    names = owners if len(set(owners)) > 1 else files.tolist()
    _, number = np.unique(np.array(names), return_inverse=True)
    if any(not np.array_equal(other.files, files) for other in others):
        raise ValueError("other networks must have seen the same files")
    folds = np.asarray(inner_folds(truth, names, N_FOLDS, seed))
    logs, n_sources = np.zeros((len(files), n_classes)), np.full((len(files), 1), 1 + len(others))
    with threadpool_limits(limits=1, user_api="blas"):
        for index, one in enumerate((features, *others)):
            # Other files stand for all in every network: what one choice misses another has.
            table = _kernel_table(one, late_layers(one.layers), seed + index)
            logs += _log(_best_of_strengths(table, truth, number, folds, n_classes))
        for probability in tuned:
            known = np.isfinite(probability[files]).all(axis=1)
            logs[known] += _log(_calibrated(_log(probability[files][known]), truth[known], folds[known]))
            n_sources[known] += 1
    answers = np.full((features.n_samples, n_classes), np.nan)
    answers[files] = _sharpened(logs / n_sources, truth, folds) if n_sources.max() > 1 else softmax(logs)
    return answers


def _log(probability: Float64[np.ndarray, "f k"]) -> Float64[np.ndarray, "f k"]:
    return np.asarray(np.log(np.maximum(probability, 1e-12)))


def _sharpened(
    logs: Float64[np.ndarray, "f k"], truth: Int[np.ndarray, " f"], folds: Int[np.ndarray, " f"]
) -> Float64[np.ndarray, "f k"]:
    """Make a mean of several networks' answers as sure as it is right; it is less sure, and would hide wrong labels.

    By one slope, under which the labels of the other folds are most likely where a share of them is wrong.
    """
    probability = np.empty(logs.shape)
    for fold in np.unique(folds):
        held = folds == fold
        probability[held] = softmax(_slope(logs[~held], truth[~held]) * logs[held])
    return probability


def _slope(logs: Float64[np.ndarray, "f k"], truth: Int[np.ndarray, " f"]) -> float:
    rows, k = np.arange(len(truth)), logs.shape[1]

    def loss(theta: Float64[np.ndarray, " 2"]) -> float:
        wrong = MOST_WRONG * special.expit(theta[1])
        of_given = softmax(np.exp(theta[0]) * logs)[rows, truth]
        seen = (1.0 - wrong) * of_given + wrong * (1.0 - of_given) / (k - 1)
        return float(-np.log(np.maximum(seen, 1e-300)).mean())

    starts = [np.array([np.log(a), np.log(b / (MOST_WRONG - b))]) for a in SLOPES for b in WRONG]
    return float(np.exp(optimize.minimize(loss, min(starts, key=loss), method="Nelder-Mead").x[0]))


def _best_of_strengths(
    table: Float32[np.ndarray, "f l"],
    truth: Int[np.ndarray, " f"],
    group: Int[np.ndarray, " f"],
    folds: Int[np.ndarray, " f"],
    n_classes: int,
) -> Float64[np.ndarray, "f k"]:
    """Held-out probabilities with the penalty under which the given labels are most likely."""
    best, least = np.full((len(truth), n_classes), 1.0 / n_classes), np.inf
    for strength in STRENGTHS:
        found = _without_group(table, truth, group, n_classes, strength)
        probability = _calibrated(found, truth, folds)
        loss = float(-_log(probability)[np.arange(len(truth)), truth].mean())
        if loss < least:
            best, least = probability, loss
    return best


def _kernel_table(features: Features, layers: Sequence[str], seed: int) -> Float32[np.ndarray, "f l"]:
    """Rows whose inner products are a Gaussian kernel's, plus a constant; exact unless there are many files."""
    n_files = len(features.files)
    most = max(1, min(MAX_LANDMARKS, MAX_VALUES // n_files, n_files))
    chosen = np.sort(np.random.default_rng(seed).permutation(n_files)[:most])
    kernel, squares = inner_products(features, layers=layers, against=chosen)
    kernel *= -2.0
    kernel += squares[:, None]
    kernel += squares[chosen]
    np.maximum(kernel, 0.0, out=kernel)
    kernel *= -BANDWIDTH
    np.exp(kernel, out=kernel)
    kernel += np.float32(INTERCEPT)
    core = kernel[chosen].astype(np.float64)
    core[np.diag_indices_from(core)] += JITTER * INTERCEPT
    # Symmetric, and as Fortran wants it when transposed: worked on in place.
    root = linalg.cholesky(core.T, lower=True, overwrite_a=True, check_finite=False).astype(np.float32)
    table = linalg.solve_triangular(root, kernel.T, lower=True, overwrite_b=True, check_finite=False).T
    return np.asarray(table, dtype=np.float32)


def _without_group(
    table: Float32[np.ndarray, "f l"],
    truth: Int[np.ndarray, " f"],
    group: Int[np.ndarray, " f"],
    n_classes: int,
    strength: float,
) -> Float64[np.ndarray, "f k"]:
    """Answers of a ridge regression on class indicators that was fitted without the file's group.

    With the leverages H_gg of a group and its residuals r_g, the residuals without it are (I - H_gg)^-1 r_g: exact.
    """
    count = np.bincount(truth, minlength=n_classes)
    weight = 1.0 / count[truth]
    root = np.sqrt(weight * (len(truth) / weight.sum()))[:, None]
    target = (np.eye(n_classes)[truth] - 1.0 / n_classes) * root
    light = root.astype(np.float32)
    n = table.shape[1]
    system, aim = np.zeros((n, n)), np.zeros((n, n_classes))
    # Weighted some rows at a time: a second table would take as much again as the first.
    for some in blocks(len(table), ROWS_ADDED):
        rows = table[some] * light[some]
        system += rows.T @ rows
        aim += rows.T @ target[some].astype(np.float32)
    system[np.diag_indices_from(system)] += strength
    # Symmetric, and as Fortran wants it when transposed: worked on in place.
    root_of = linalg.cholesky(system.T, lower=True, overwrite_a=True, check_finite=False)
    theta = linalg.cho_solve((root_of, True), aim, check_finite=False).astype(np.float32)
    factor = root_of.astype(np.float32)
    del system, root_of

    def whitened(files: Int[np.ndarray, " s"]) -> Float32[np.ndarray, "l s"]:
        """Columns whose inner products are the files' leverages."""
        columns = np.asfortranarray((table[files] * light[files]).T)
        found = linalg.solve_triangular(factor, columns, lower=True, overwrite_b=True, check_finite=False)
        return np.asarray(found, dtype=np.float32)

    size = np.bincount(group)
    alone = size[group] == 1
    residual = np.empty_like(target)
    for some in blocks(len(table), ROWS_ADDED):
        residual[some] = target[some] - (table[some] * light[some]) @ theta
        lone = some.start + np.flatnonzero(alone[some])
        columns = whitened(lone)
        leverage = np.einsum("ij,ij->j", columns, columns).astype(np.float64)
        residual[lone] /= np.maximum(1.0 - leverage, 1e-6)[:, None]
    for number in np.flatnonzero(size > 1):
        members = np.flatnonzero(group == number)
        columns = whitened(members)
        block = -(columns.T @ columns).astype(np.float64)
        block[np.diag_indices_from(block)] += 1.0 + 1e-6
        residual[members] = np.linalg.solve(block, residual[members])
    return np.asarray((target - residual) / root, dtype=np.float64)


def _calibrated(
    found: Float64[np.ndarray, "f k"], truth: Int[np.ndarray, " f"], folds: Int[np.ndarray, " f"]
) -> Float64[np.ndarray, "f k"]:
    """Probabilities by a softmax regression on the answers, fitted without the file's fold."""
    centred = (found - found.mean(axis=0)) / max(float(found.std()), 1e-12)
    probability = np.empty(found.shape)
    for fold in np.unique(folds):
        held = folds == fold
        slope, mix, bias = _softmax_regression(centred[~held], truth[~held])
        probability[held] = softmax(slope * centred[held] + centred[held] @ mix + bias)
    return probability


def _softmax_regression(
    x: Float64[np.ndarray, "n k"], truth: Int[np.ndarray, " n"]
) -> tuple[float, Float64[np.ndarray, "k k"], Float64[np.ndarray, " k"]]:
    """Fit slope, mix and bias of softmax(slope * x + x @ mix + bias); the mix is drawn to 0.

    A share of the labels, found with the rest, is taken to be wrong, any other class as likely as the next. Without it
    a few wrong labels among sure answers would make all answers less sure.
    """
    n, k = x.shape
    target, rows = np.eye(k)[truth], np.arange(n)

    def loss(theta: Float64[np.ndarray, " p"]) -> tuple[float, Float64[np.ndarray, " p"]]:
        slope, mix, bias = theta[0], theta[1 : 1 + k * k].reshape(k, k), theta[1 + k * k : -1]
        wrong = MOST_WRONG * special.expit(theta[-1])
        probability = softmax(slope * x + x @ mix + bias)
        of_given = probability[rows, truth]
        seen = np.maximum((1.0 - wrong) * of_given + wrong * (1.0 - of_given) / (k - 1), 1e-300)
        value = -np.log(seen).sum() + 0.5 * np.square(mix).sum() / CALIBRATION_VARIANCE
        # A little pull on the biases keeps a class that this fold does not hold from running away.
        value += 0.005 * np.square(bias).sum()
        error = ((1.0 - wrong - wrong / (k - 1)) * of_given / seen)[:, None] * (probability - target)
        by_wrong = ((of_given - (1.0 - of_given) / (k - 1)) / seen).sum() * wrong * (1.0 - wrong / MOST_WRONG)
        gradient = np.concatenate(
            [
                [(error * x).sum()],
                (x.T @ error + mix / CALIBRATION_VARIANCE).ravel(),
                error.sum(axis=0) + 0.01 * bias,
                [by_wrong],
            ]
        )
        return float(value) / n, gradient / n

    start = np.zeros(2 + k * k + k)

    def begun(slope: float, wrong: float) -> Float64[np.ndarray, " p"]:
        start[0], start[-1] = slope, np.log(wrong / (MOST_WRONG - wrong))
        return start.copy()

    # The loss has more than one valley (sure answers and some wrong labels; or none of either): begin in the deepest.
    best = min((begun(a, b) for a in SLOPES for b in WRONG), key=lambda theta: loss(theta)[0])
    theta = optimize.minimize(loss, best, jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
    return float(theta[0]), theta[1 : 1 + k * k].reshape(k, k), theta[1 + k * k : -1]
