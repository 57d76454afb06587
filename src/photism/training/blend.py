"""How much of what was before fine-tuning stays: in the weights, and in a head of its own on the frozen stages.

Weights between those that training began with and those that it ended with often answer better than either for data
that differ from what was taught, a new speaker for instance (WiSE-FT: Wortsman et al. 2022, arXiv 2109.01903). And the
stages before the cut, which every picture passes anyway, can have a say: a ridge head on them and the trained one
make different mistakes, so that a weighted mean of their logits makes fewer. Trained *together* the frozen features
would explain the training files at once and leave the trained stages nothing to learn, which is why the two heads are
fitted apart. Both are chosen on files that were not learned from, each the smallest step away from plain fine-tuning
that is best. Covers the choice and the joint head. Does not cover training (``finetune``) nor whether any of it is kept
(``adapt``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, Int
from torch import Tensor

from photism.recognizers.head import Head
from photism.recognizers.suffix import Suffix
from photism.training.attempts import Blend
from photism.training.calibration import losses_nats, temperature_for
from photism.training.features import Features, answers, by_file, softmax
from photism.training.finetune import answer
from photism.training.plan import REACHES
from photism.training.views import Views

__all__ = [
    "SHARES",
    "answers_on_the_way",
    "blended",
    "choose_blend",
    "frozen_logits",
    "go_to",
    "joint_head",
    "retempered",
    "weights_of",
]

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


def answers_on_the_way(
    suffix: Suffix,
    start: Sequence[Tensor],
    views: Views,
    files: Int[np.ndarray, " f"],
    reaches: Sequence[float] = REACHES,
) -> tuple[Features, dict[float, Float32[np.ndarray, "n k"]]]:
    """Answer for files with a suffix's weights at some reaches; it ends with those that training ended with.

    Parameters
    ----------
    suffix : Suffix
        With the weights that training ended with.
    start : sequence of Tensor
        Those that it began with.
    views : Views
    files : int (f,)
        Ascending.
    reaches : sequence of float
        At least one.

    Returns
    -------
    windows : Features
        Without layers: which file each window is of.
    logits : mapping of reach to float32 (n_windows, k)
    """
    end = weights_of(suffix)
    logits = {}
    for reach in reaches:
        go_to(suffix, start, end, reach)
        windows, logits[reach] = answer(suffix, views, files)
    go_to(suffix, start, end, 1.0)
    return windows, logits


def frozen_logits(head: Head, features: Features, windows: Features) -> Float64[np.ndarray, "n k"]:
    """Answer for windows in the order in which a suffix answered for them, in nats.

    Parameters
    ----------
    head : Head
        On stages before the cut.
    features : Features
        Those of the windows' files and any others.
    windows : Features
        As ``answers_on_the_way`` returned them.
    """
    asked = np.zeros(features.n_samples, dtype=bool)
    asked[windows.files] = True
    features = features.keep(asked, layers=head.layers)
    assert np.array_equal(features.sample_of_window, windows.sample_of_window)
    return np.asarray(np.log(np.maximum(answers(head, features), np.finfo(np.float64).tiny)))


def choose_blend(
    windows: Features,
    tuned: Mapping[float, Float[np.ndarray, "n k"]],
    frozen: Float[np.ndarray, "n k"] | None,
    y: Int[np.ndarray, " m"],
) -> Blend:
    """Choose the reach, then the share, by the loss on files that the answers' makers had not seen.

    Parameters
    ----------
    windows : Features
        Which file each window is of.
    tuned : mapping of reach to float (n_windows, k)
        The suffix's logits.
    frozen : float (n_windows, k), optional
        Logits of a head on stages before the cut.
    y : int (n_samples,)
        Classes.
    """
    nothing = np.zeros_like(tuned[1.0])
    tried = []
    for reach, logits in tuned.items():
        one = Blend(reach=reach, tuned_temperature=temperature_for(logits, windows, y))
        tried.append((float(losses_nats(one.mix(logits, nothing), windows, y).mean()), one))
    best = min(tried, key=lambda one: one[0])
    if frozen is None:
        return best[1]
    logits, shared = tuned[best[1].reach], [best]
    for share in SHARES[1:]:
        raw = replace(best[1], share=share)
        one = replace(raw, temperature=temperature_for(raw.mix(logits, frozen), windows, y))
        shared.append((float(losses_nats(one.mix(logits, frozen), windows, y).mean()), one))
    return min(shared, key=lambda one: one[0])[1]


def retempered(
    blend: Blend,
    windows: Features,
    tuned: Mapping[float, Float[np.ndarray, "n k"]],
    frozen: Float[np.ndarray, "n k"] | None,
    y: Int[np.ndarray, " m"],
) -> Blend:
    """Keep a blend's reach and share, and find the temperatures that suit other networks' answers.

    Parameters
    ----------
    blend : Blend
    windows : Features
    tuned : mapping of reach to float (n_windows, k)
    frozen : float (n_windows, k), optional
    y : int (n_samples,)
        Classes.
    """
    logits = tuned[blend.reach]
    raw = Blend(reach=blend.reach, share=blend.share, tuned_temperature=temperature_for(logits, windows, y))
    if blend.share == 0.0 or frozen is None:
        return raw
    return replace(raw, temperature=temperature_for(raw.mix(logits, frozen), windows, y))


def blended(
    blend: Blend,
    windows: Features,
    tuned: Mapping[float, Float[np.ndarray, "n k"]],
    frozen: Float[np.ndarray, "n k"] | None,
) -> Float64[np.ndarray, "m k"]:
    """Return the probabilities that a blend gives files; NaN in the rows of files without windows.

    Parameters
    ----------
    blend : Blend
    windows : Features
    tuned : mapping of reach to float (n_windows, k)
    frozen : float (n_windows, k), optional
    """
    logits = tuned[blend.reach]
    return by_file(softmax(blend.mix(logits, np.zeros_like(logits) if frozen is None else frozen)), windows)


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
