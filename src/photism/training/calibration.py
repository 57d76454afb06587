"""Temperature scaling: one number that makes probabilities honest without changing any answer.

The temperature is found on held-out answers of the training part, so that the validation and test parts stay unseen.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64, Int
from scipy import optimize

from photism.training.features import Features, by_file, softmax

__all__ = ["losses_nats", "temperature_for", "temperature_of", "tempered"]

# A probability of exactly zero would make one file's loss infinite; 1e-12 caps it at 27.6 nats.
LEAST = 1e-12
LOWEST, HIGHEST = 1e-3, 1e3


def losses_nats(
    logits: Float[np.ndarray, "n k"], features: Features, y: Int[np.ndarray, " m"]
) -> Float64[np.ndarray, " f"]:
    """Compute the cross-entropy of every file that has windows: -log of the mean probability of its class.

    Parameters
    ----------
    logits : float (n_windows, k)
    features : Features
    y : int (n_samples,)

    Returns
    -------
    float64 (files with windows,)
        In nats, in the files' order, at most 27.6.
    """
    files = np.unique(features.sample_of_window)
    probability = by_file(softmax(logits), features)[files, y[files]]
    return np.asarray(-np.log(np.maximum(probability, LEAST)), dtype=np.float64)


def temperature_for(logits: Float[np.ndarray, "n k"], features: Features, y: Int[np.ndarray, " m"]) -> float:
    """Find the temperature that gives held-out answers the lowest loss.

    Parameters
    ----------
    logits : float (n_windows, k)
        Answers of heads that did not see the file they answer for.
    features : Features
    y : int (n_samples,)

    Returns
    -------
    float
        In [0.001, 1000]; divide logits by it. Above 1 where the answers were too sure of themselves.

    References
    ----------
    Guo, Pleiss, Sun and Weinberger 2017, On calibration of modern neural networks, arXiv 1706.04599
    Platt 1999, Probabilistic outputs for support vector machines, section 2.2 (the targets)
    """
    files = np.unique(features.sample_of_window)
    # As if one file more had been seen with every class but its own for an answer (Platt's targets, for k classes): a
    # head that was right on all n held-out files has not shown that it is wrong less often than about once in n.
    doubt = 1.0 / (len(files) + 2)
    target = np.full((len(files), logits.shape[1]), doubt / max(logits.shape[1] - 1, 1))
    target[np.arange(len(files)), y[files]] = 1.0 - doubt

    def loss(log_t: float) -> float:
        probability = by_file(softmax(logits / np.exp(log_t)), features)[files]
        return float(-(target * np.log(np.maximum(probability, LEAST))).sum(axis=1).mean())

    found = optimize.minimize_scalar(
        loss, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded", options={"xatol": 1e-3, "maxiter": 40}
    )
    return float(np.exp(found.x))


def temperature_of(probability: Float64[np.ndarray, "n k"], y: Int[np.ndarray, " n"]) -> float:
    """Find the temperature that suits probabilities of files.

    Parameters
    ----------
    probability : float64 (n, k)
        Rows sum to 1.
    y : int (n,)
        Classes.
    """
    alone = Features({}, np.arange(len(y)), np.ones(len(y), np.float32), len(y))
    return temperature_for(np.log(np.maximum(probability, LEAST)), alone, y)


def tempered(probability: Float64[np.ndarray, "n k"], y: Int[np.ndarray, " n"]) -> Float64[np.ndarray, "n k"]:
    """Give probabilities of files the temperature that suits them.

    Parameters
    ----------
    probability : float64 (n, k)
        Rows sum to 1.
    y : int (n,)
        Classes.
    """
    return softmax(np.log(np.maximum(probability, LEAST)) / temperature_of(probability, y))
