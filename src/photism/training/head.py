"""The head's training curve: a linear head trained by mini-batches on cached features, epoch by epoch.

Covers the curve that every run shows and the guard reads, in a second or two. The recognizer's own head is fitted in
closed form (``classifier``) on the same standardised features; this one learns them by steps, with cross-entropy, no
penalty and nothing to stop it but the validation loss, so that it can show when and how much such data are memorised.
Does not cover fine-tuning of the network itself.

Where there are fewer windows than features the steps are taken in the windows' inner products: the weights of a linear
head that begins at zero are sums of the features that it has seen (the representer theorem), so that it suffices to
learn how much of each. Otherwise a part that would take more than ``HELD_BYTES`` of memory is read batch by batch from
where its features lie.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float32, Float64, Int

from photism.recognizers.head import Head
from photism.training.curve import Held, Measured, measure_files, row_of
from photism.training.features import Features, by_file, softmax
from photism.training.probe import balanced_weights
from photism.training.ridge import add_inner_products
from photism.types import EpochRow, Mask

__all__ = ["Curve", "Plan", "train_head"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How the head is trained.

    ``rate`` is the highest learning rate, reached after a tenth of the steps and left along a cosine, or kept to the
    end where it is ``steady``; it is for features whose squared norm is 1 on average. Training stops ``patience``
    epochs after the best one.
    """

    epochs: int = 40
    batch: int = 64
    rate: float = 2.0
    momentum: float = 0.9
    steady: bool = False
    patience: int = 8
    least_steps: int = 400


PLAN = Plan()
HELD_BYTES = 64 * 2**20
# Inner products of so many windows at most (85 MB), and of no more than this share of the number of features.
MAX_PRODUCTS, SHARE_OF_FEATURES = 4608, 0.5
# With more windows than these, an even share of the training files stands for all when their loss is measured: to
# measure all would take as long as to learn from them.
MAX_WINDOWS_MEASURED = 4000


@dataclass(frozen=True, slots=True)
class Curve:
    """The rows of a training, and the head of the best epoch.

    ``held`` has every validation file's loss in every epoch; ``steps`` counts optimizer steps: one a batch.
    """

    rows: tuple[EpochRow, ...]
    held: Held
    best: Head
    steps: int


@dataclass(slots=True)
class _State:
    weight: Float32[np.ndarray, "d k"]
    bias: Float32[np.ndarray, " k"]
    weight_speed: Float32[np.ndarray, "d k"]
    bias_speed: Float32[np.ndarray, " k"]
    steps: int = 0

    @classmethod
    def zero(cls, d: int, n_classes: int) -> _State:
        """Every class is as likely as any other, and nothing moves."""
        weight, bias = np.zeros((d, n_classes), np.float32), np.zeros(n_classes, np.float32)
        return cls(weight, bias, np.zeros_like(weight), np.zeros_like(bias))


def train_head(
    features: Features,
    y: Int[np.ndarray, " m"],
    groups: Int[np.ndarray, " m"],
    *,
    train: Mask,
    valid: Mask,
    start: Head,
    n_classes: int,
    plan: Plan = PLAN,
    seed: int = 0,
) -> Curve:
    """Train a head from zero by mini-batches, keep its curve and the weights of its best epoch.

    Parameters
    ----------
    features : Features
        Windows of both parts at least.
    y : int (n_samples,)
    groups : int (n_samples,)
        For the intervals of the accuracies.
    train, valid : bool (n_samples,)
        The two parts.
    start : Head
        Its layers and standardisation are used; its weights are not.
    n_classes : int
    plan : Plan
    seed : int
        Order of the batches.

    Returns
    -------
    Curve
        Losses and accuracies count files (a file's windows averaged), measured after each epoch: on the validation
        part, and on the training part or, where that has more than 4000 windows, an even share of its files.

    Notes
    -----
    Gradient descent with Nesterov momentum; classes weigh the same. Deterministic but for ``seconds``.
    """
    learned, held, dual = _parts(features, y, groups, train=train, valid=valid, start=start)
    seen = learned.share(MAX_WINDOWS_MEASURED)
    weight = balanced_weights(learned.features, y, n_classes).astype(np.float32)
    n = learned.features.n_windows
    state = _State.zero(n if dual else len(start.mean), n_classes)
    a_epoch = -(-n // plan.batch)
    epochs = max(plan.epochs, -(-plan.least_steps // a_epoch))
    chance = np.random.default_rng(seed)
    rows: list[EpochRow] = []
    losses: list[Float64[np.ndarray, " f"]] = []
    best: tuple[float, int, _State] | None = None
    for epoch in range(1, epochs + 1):
        began = time.perf_counter()
        rate = 0.0
        for batch in np.array_split(chance.permutation(n), a_epoch):
            rate = plan.rate * _schedule(state.steps / (epochs * a_epoch), steady=plan.steady)
            step(
                state,
                learned.read(batch),
                learned.of_window[batch],
                weight[batch],
                rate=rate,
                momentum=plan.momentum,
                rows=batch if dual else None,
            )
        of_train, of_valid = seen.measure(state), held.measure(state)
        rows.append(row_of(epoch, of_train, of_valid, rate=rate, seconds=time.perf_counter() - began))
        losses.append(of_valid.losses_nats)
        loss = rows[-1].valid_loss_nats
        if not math.isfinite(loss):
            break
        if best is None or loss < best[0]:
            best = (loss, epoch, replace(state, weight=state.weight.copy(), bias=state.bias.copy()))
        elif epoch - best[1] >= plan.patience:
            break
    of_file = Held(np.stack(losses).astype(np.float32), held.groups[held.features.files])
    found = best[2] if best else state
    weights = learned.combined(found.weight) if dual else found.weight
    return Curve(tuple(rows), of_file, replace(start, weight=weights, bias=found.bias, temperature=1.0), state.steps)


def _parts(
    features: Features,
    y: Int[np.ndarray, " m"],
    groups: Int[np.ndarray, " m"],
    *,
    train: Mask,
    valid: Mask,
    start: Head,
) -> tuple[_Part, _Part, bool]:
    """Return what is learned from, what is held out, and whether both are known by inner products."""
    learned, held = (features.keep(mask, layers=start.layers) for mask in (train, valid))
    n_windows = learned.n_windows + held.n_windows
    if n_windows > min(MAX_PRODUCTS, SHARE_OF_FEATURES * len(start.mean)):
        return _Part.of(learned, y, groups, start), _Part.of(held, y, groups, start), False
    both = features.keep(train | valid, layers=start.layers)
    products = np.zeros((n_windows, n_windows), np.float32)
    add_inner_products(both, start.layers, start.mean, start.scale, products)
    is_learned = train[both.sample_of_window]
    with_learned = products[:, is_learned]
    return (
        _Part(learned, start, with_learned[is_learned], y, groups),
        _Part(held, start, with_learned[~is_learned], y, groups),
        True,
    )


def step(
    state: _State,
    x: Float32[np.ndarray, "b d"],
    y: Int[np.ndarray, " b"],
    weight: Float32[np.ndarray, " b"],
    *,
    rate: float,
    momentum: float,
    rows: Int[np.ndarray, " b"] | None = None,
) -> None:
    """Take one optimizer step on one batch: weighted cross-entropy, Nesterov momentum.

    With ``rows`` ``x`` holds inner products with all windows that are learned from, of which the batch are these.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        error = softmax(x @ state.weight + state.bias)
        error[np.arange(len(y)), y] -= 1.0
        error = (error * (weight / len(y))[:, None]).astype(np.float32)
        if rows is None:
            uphill = x.T @ error
        else:
            uphill = np.zeros_like(state.weight)
            uphill[rows] = error
        for value, speed, slope in (
            (state.weight, state.weight_speed, uphill),
            (state.bias, state.bias_speed, error.sum(axis=0)),
        ):
            speed *= np.float32(momentum)
            speed += slope
            value -= np.float32(rate) * (slope + np.float32(momentum) * speed)
    state.steps += 1


def _schedule(done: float, *, steady: bool) -> float:
    """Share of the highest rate: up in a tenth of the way, down along a cosine."""
    if done < 0.1:
        return 0.1 + 0.9 * done / 0.1
    if steady:
        return 1.0
    return 0.5 * (1.0 + math.cos(math.pi * (done - 0.1) / 0.9))


@dataclass(frozen=True)
class _Part:
    """A part's windows, to be standardised, with what is needed to measure on files.

    ``held`` are their standardised features, or inner products with all windows that are learned from; None where they
    are read from the disk.
    """

    features: Features
    head: Head
    held: Float32[np.ndarray, "n d"] | None
    y: Int[np.ndarray, " m"]
    groups: Int[np.ndarray, " m"]

    @classmethod
    def of(cls, features: Features, y: Int[np.ndarray, " m"], groups: Int[np.ndarray, " m"], head: Head) -> _Part:
        """Hold a small part in memory, and leave a large one where it is."""
        part = cls(features, head, None, y, groups)
        fits = 4 * features.n_windows * len(head.mean) <= HELD_BYTES
        return replace(part, held=part.read(np.arange(features.n_windows))) if fits else part

    @cached_property
    def of_window(self) -> Int[np.ndarray, " n"]:
        """The class of every window."""
        return np.asarray(self.y[self.features.sample_of_window])

    def share(self, max_windows: int) -> _Part:
        """Keep an even share of the files, so that few windows are left."""
        if self.features.n_windows <= max_windows:
            return self
        mask = self.features.share(max_windows)
        if self.held is None:
            return _Part.of(self.features.keep(mask), self.y, self.groups, self.head)
        held = self.held[mask[self.features.sample_of_window]]
        return replace(self, features=self.features.keep(mask), held=held)

    def combined(self, shares: Float32[np.ndarray, "n k"]) -> Float32[np.ndarray, "d k"]:
        """Sums of the windows' standardised features, each times its share."""
        total = np.zeros((len(self.head.mean), shares.shape[1]), np.float32)
        for rows, values in self.features.chunks(self.head.layers):
            total += self._standard(values).T @ shares[rows]
        return total

    def read(self, rows: Int[np.ndarray, " b"]) -> Float32[np.ndarray, "b d"]:
        """Return the standardised features of some windows."""
        if self.held is not None:
            return np.asarray(self.held[rows], dtype=np.float32)
        return self._standard(self.features.read(self.head.layers, rows))

    def logits(self, state: _State) -> Float32[np.ndarray, "n k"]:
        """Answer for every window."""
        if self.held is not None:
            return np.asarray(self.held @ state.weight + state.bias, dtype=np.float32)
        found = np.empty((self.features.n_windows, len(state.bias)), np.float32)
        for rows, values in self.features.chunks(self.head.layers):
            found[rows] = self._standard(values) @ state.weight + state.bias
        return found

    def _standard(self, values: Float32[np.ndarray, "b d"]) -> Float32[np.ndarray, "b d"]:
        values -= self.head.mean
        values /= self.head.scale
        return values

    def measure(self, state: _State) -> Measured:
        """Measure every file's loss, and the accuracy."""
        files = self.features.files
        with np.errstate(over="ignore", invalid="ignore"):
            answers: Float64[np.ndarray, "f k"] = by_file(softmax(self.logits(state)), self.features)[files]
        return measure_files(answers, self.y[files], self.groups[files])
