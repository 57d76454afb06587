"""The head's training curve: the same head once more, by mini-batches, so that every run has a history to look at.

The kept head is fitted in one go with a penalty that cross-validation chose (``classifier``). This file trains it the
slow way and without any penalty, from nothing to far past its best epoch, on the same cached features: the classic picture
of learning first and memorising later, in a second or two. Does not cover what the curve means (``guard``).
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int, Int64

from photism.recognizers.head import Head
from photism.training.features import Features, by_file, softmax
from photism.training.intervals import fraction_interval
from photism.training.probe import balanced_weights
from photism.types import EpochRow

__all__ = ["Curve", "SoftmaxTrainer", "train_curve"]

N_EPOCHS, BATCH = 40, 64
RATE, MOMENTUM = 2.0, 0.9
SMALLEST_PROBABILITY = 1e-12


@dataclass(frozen=True, slots=True)
class Curve:
    """The epochs of a training, and what each validation file lost in each of them.

    ``valid_losses_nats`` is float64 (n_epochs, n_valid_files), ``valid_groups`` the group of each of these files and
    ``n_classes`` tells what knowing nothing costs: ln(n_classes).
    """

    rows: tuple[EpochRow, ...]
    valid_losses_nats: Float64[np.ndarray, "e m"]
    valid_groups: tuple[str, ...]
    n_classes: int

    @property
    def best_epoch(self) -> int:
        """The epoch with the lowest validation loss, from 1."""
        losses = np.nan_to_num([row.valid_loss_nats for row in self.rows], nan=math.inf)
        return self.rows[int(np.argmin(losses))].epoch


class SoftmaxTrainer:
    """Multinomial logistic regression trained by stochastic gradient descent with Nesterov momentum.

    Parameters
    ----------
    n_features, n_classes : int
        The map starts at zero, so the first answers are that every class is as likely as any other.
    """

    def __init__(self, n_features: int, n_classes: int) -> None:
        self.theta = np.zeros((n_features + 1, n_classes), np.float32)  # the last row is the intercept
        self.velocity = np.zeros_like(self.theta)
        self.n_steps = 0

    def logits(self, x: Float32[np.ndarray, "n r"]) -> Float32[np.ndarray, "n k"]:
        """Return the logits (n, k) of rows ``x``."""
        return x @ self.theta[:-1] + self.theta[-1]

    def step(
        self, x: Float32[np.ndarray, "b r"], y: Int[np.ndarray, " b"], weight: Float32[np.ndarray, " b"], rate: float
    ) -> None:
        """Take one optimizer step on one batch.

        Parameters
        ----------
        x : float32 (b, r)
            Rows whose squared norm is 1 on average.
        y : int (b,)
            Their classes.
        weight : float32 (b,)
            What each row counts, 1 on average over the training part.
        rate : float
            Learning rate.
        """
        error = softmax(self.logits(x)).astype(np.float32)
        error[np.arange(len(y)), y] -= 1.0
        error *= weight[:, None] / len(y)
        gradient = np.concatenate([x.T @ error, error.sum(axis=0, keepdims=True)])
        self.velocity = MOMENTUM * self.velocity + gradient
        self.theta -= rate * (gradient + MOMENTUM * self.velocity)
        self.n_steps += 1


def train_curve(
    train: Features,
    valid: Features,
    y: Int64[np.ndarray, " m"],
    groups: Sequence[str],
    *,
    head: Head,
    n_classes: int,
    seed: int,
    n_epochs: int = N_EPOCHS,
    rate: float = RATE,
) -> Curve:
    """Train the head by mini-batches and measure it on both parts after every epoch.

    Parameters
    ----------
    train, valid : Features
        Windows of the two parts; must hold the head's layers.
    y : int64 (n_samples,)
        Class of every file.
    groups : sequence of n_samples
        The group of every file; intervals are clustered by it.
    head : Head
        Whose layers and standardisation are used; its weights are not.
    n_classes : int
        Number of classes.
    seed : int
        Orders the batches.
    n_epochs : int
        How long to go on; nothing stops it earlier.
    rate : float
        Learning rate, constant over the run.

    Returns
    -------
    Curve

    Notes
    -----
    Exactly one optimizer step a batch. Deterministic given the seed.
    """
    x, x_valid = _standardised(train, head), _standardised(valid, head)
    of_window = y[train.sample_of_window]
    weight = balanced_weights(train, y, n_classes).astype(np.float32)
    trainer = SoftmaxTrainer(x.shape[1], n_classes)
    random = np.random.default_rng(seed)
    rows: list[EpochRow] = []
    losses: list[Float64[np.ndarray, " m"]] = []
    for epoch in range(1, n_epochs + 1):
        started = time.perf_counter()
        order = random.permutation(len(x))
        with np.errstate(all="ignore"):  # a rate that is far too high ends in infinities: that is what the guard is for
            for start in range(0, len(x), BATCH):
                batch = order[start : start + BATCH]
                trainer.step(x[batch], of_window[batch], weight[batch], rate)
            on_train = _measured(trainer.logits(x), train, y, groups)
            on_valid = _measured(trainer.logits(x_valid), valid, y, groups)
        losses.append(on_valid.losses)
        rows.append(
            EpochRow(
                epoch=epoch,
                train_loss_nats=float(on_train.losses.mean()),
                valid_loss_nats=float(on_valid.losses.mean()),
                train_accuracy=on_train.accuracy,
                valid_accuracy=on_valid.accuracy,
                train_low=on_train.low,
                train_high=on_train.high,
                valid_low=on_valid.low,
                valid_high=on_valid.high,
                learning_rate=rate,
                seconds=time.perf_counter() - started,
            )
        )
    files = np.unique(valid.sample_of_window)
    return Curve(tuple(rows), np.stack(losses), tuple(groups[i] for i in files), n_classes)


@dataclass(frozen=True, slots=True)
class _Measured:
    losses: Float64[np.ndarray, " m"]
    accuracy: float
    low: float
    high: float


def _standardised(features: Features, head: Head) -> Float32[np.ndarray, "n d"]:
    joined = np.concatenate([features.layers[name] for name in head.layers], axis=1)
    return np.asarray((joined - head.mean) / head.scale, dtype=np.float32)


def _measured(
    logits: Float32[np.ndarray, "n k"], features: Features, y: Int64[np.ndarray, " m"], groups: Sequence[str]
) -> _Measured:
    """Losses of the files that have windows here, and how many of them are answered rightly."""
    files = np.unique(features.sample_of_window)
    if not np.isfinite(logits).all():
        return _Measured(np.full(len(files), np.inf), 0.0, 0.0, 1.0)
    probability = by_file(softmax(logits), features)[files]
    correct = probability.argmax(axis=1) == y[files]
    low, high = fraction_interval(correct, [groups[i] for i in files])
    told = np.maximum(probability[np.arange(len(files)), y[files]], SMALLEST_PROBABILITY)
    return _Measured(-np.log(told), float(correct.mean()), low, high)
