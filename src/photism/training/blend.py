"""How much of what was before fine-tuning stays: in the weights, and in a head of its own on the frozen stages.

Weights between those that training began with and those that it ended with often answer better than either for data
that differ from what was taught, a new speaker for instance (WiSE-FT: Wortsman et al. 2022, arXiv 2109.01903). And the
stages before the cut, which every picture passes anyway, can have a say: a ridge head on them and the trained one
make different mistakes, so that a weighted mean of their logits makes fewer. Trained *together* the frozen features
would explain the training files at once and leave the trained stages nothing to learn, which is why the two heads are
fitted apart. Both shares are chosen by validation, each the smallest step away from plain fine-tuning that is best.
Covers the choice and the joint head. Does not cover training (``finetune``) nor whether any of it is kept (``adapt``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from photism.recognizers.head import Head
from photism.recognizers.suffix import Suffix
from photism.training.attempts import Blend
from photism.training.calibration import losses_nats, temperature_for
from photism.training.features import Features, answers, by_file, softmax
from photism.training.finetune import answer
from photism.training.views import Views

__all__ = ["REACHES", "SHARES", "choose_blend", "go_to", "joint_head", "weights_of"]

REACHES = (1.0, 0.85, 0.7, 0.5)
"""How far the weights go from the beginning of training (0) to its end (1)."""

SHARES = (0.0, 0.15, 0.3, 0.45, 0.6, 0.75)
"""What part of the logits is that of the head on frozen stages."""


def weights_of(suffix: Suffix) -> list[Tensor]:
    """Copy a suffix's weights.

    Parameters
    ----------
    suffix : Suffix
    """
    return [value.detach().clone() for value in suffix.parameters()]


def go_to(suffix: Suffix, start: Sequence[Tensor], end: Sequence[Tensor], reach: float) -> None:
    """Set a suffix's weights between two sets of weights.

    Parameters
    ----------
    suffix : Suffix
    start, end : sequences of Tensor
        What ``weights_of`` returned.
    reach : float
        0 is the start, 1 the end.
    """
    with torch.no_grad():
        for value, here, there in zip(suffix.parameters(), start, end, strict=True):
            value.copy_(torch.lerp(here.to(value.device), there.to(value.device), reach))


def choose_blend(
    suffix: Suffix,
    start: Sequence[Tensor],
    views: Views,
    files: Int[np.ndarray, " f"],
    y: Int[np.ndarray, " m"],
    frozen: tuple[Head, Features] | None,
) -> tuple[Blend, Float64[np.ndarray, "f k"]]:
    """Choose the reach, then the share, by the loss on validation files; the suffix ends with the chosen weights.

    Parameters
    ----------
    suffix : Suffix
        With the weights that training ended with.
    start : sequence of Tensor
        Those that it began with.
    views : Views
    files : int (f,)
        Validation files, ascending.
    y : int (n_samples,)
        Classes.
    frozen : (Head, Features), optional
        A head on stages before the cut that was fitted without these files, and their features.

    Returns
    -------
    blend : Blend
    probabilities : float64 (f, k)
        The validation files' answers.
    """
    end = weights_of(suffix)
    tried: list[tuple[float, Blend]] = []
    logits: dict[float, Float[np.ndarray, "n k"]] = {}
    for reach in REACHES:
        go_to(suffix, start, end, reach)
        windows, logits[reach] = answer(suffix, views, files)
        tempered = Blend(reach=reach, tuned_temperature=temperature_for(logits[reach], windows, y))
        nothing = np.zeros_like(logits[reach])
        tried.append((float(losses_nats(tempered.mix(logits[reach], nothing), windows, y).mean()), tempered))
    best = min(tried, key=lambda one: one[0])
    tuned, aside = logits[best[1].reach], np.zeros_like(logits[best[1].reach])
    if frozen is not None:
        aside = _logits(*frozen, windows)
        shared = [best]
        for share in SHARES[1:]:
            raw = replace(best[1], share=share)
            one = replace(raw, temperature=temperature_for(raw.mix(tuned, aside), windows, y))
            shared.append((float(losses_nats(one.mix(tuned, aside), windows, y).mean()), one))
        best = min(shared, key=lambda one: one[0])
    go_to(suffix, start, end, best[1].reach)
    return best[1], by_file(softmax(best[1].mix(tuned, aside)), windows)[files]


def joint_head(blend: Blend, tuned: Head, frozen: Head | None) -> Head:
    """Join two heads into one that reads the layers of both and answers as the mixture does.

    Parameters
    ----------
    blend : Blend
    tuned : Head
        As it comes from the suffix, its temperature 1.
    frozen : Head, optional
        The head on stages before the cut; needed where it has a share.
    """
    if blend.share == 0.0 or frozen is None:
        return replace(tuned, temperature=blend.tuned_temperature * blend.temperature)
    of_frozen, of_tuned = blend.share / frozen.temperature, (1.0 - blend.share) / blend.tuned_temperature
    return Head(
        layers=(*frozen.layers, *tuned.layers),
        mean=np.concatenate([frozen.mean, tuned.mean]),
        scale=np.concatenate([frozen.scale, tuned.scale]),
        weight=np.concatenate([frozen.weight * of_frozen, tuned.weight * of_tuned]).astype(np.float32),
        bias=(frozen.bias * of_frozen + tuned.bias * of_tuned).astype(np.float32),
        temperature=blend.temperature,
    )


def _logits(head: Head, features: Features, windows: Features) -> Float64[np.ndarray, "n k"]:
    """Answer for windows in the order in which a suffix answered for them."""
    assert np.array_equal(features.sample_of_window, windows.sample_of_window)
    return np.asarray(np.log(np.maximum(answers(head, features), np.finfo(np.float64).tiny)))
