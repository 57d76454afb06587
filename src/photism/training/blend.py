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
from dataclasses import dataclass, replace

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
    "HeldOut",
    "answers_on_the_way",
    "choose_blend",
    "frozen_logits",
    "go_to",
    "joint_head",
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


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What a suffix and a head before its cut answer for files that neither learned from.

    ``windows`` says which file each window is of, ``tuned`` holds the suffix's logits (n_windows, k) by reach,
    ``frozen`` those of the other head, None where there is none.
    """

    windows: Features
    tuned: Mapping[float, Float[np.ndarray, "n k"]]
    frozen: Float[np.ndarray, "n k"] | None

    def probabilities(self, blend: Blend) -> Float64[np.ndarray, "m k"]:
        """Answer for files as a blend does; NaN in the rows of files without windows.

        Parameters
        ----------
        blend : Blend
        """
        return by_file(softmax(self._mixed(blend)), self.windows)

    def retempered(self, blend: Blend, y: Int[np.ndarray, " m"]) -> Blend:
        """Keep a blend's reach and share, and find the temperatures that suit these answers.

        Parameters
        ----------
        blend : Blend
        y : int (n_samples,)
            Classes.
        """
        tuned_temperature = temperature_for(self.tuned[blend.reach], self.windows, y)
        raw = Blend(reach=blend.reach, share=blend.share, tuned_temperature=tuned_temperature)
        if blend.share == 0.0:
            return raw
        return replace(raw, temperature=temperature_for(self._mixed(raw), self.windows, y))

    def loss_nats(self, blend: Blend, y: Int[np.ndarray, " m"]) -> float:
        """Compute a blend's mean loss over files.

        Parameters
        ----------
        blend : Blend
        y : int (n_samples,)
            Classes.
        """
        return float(losses_nats(self._mixed(blend), self.windows, y).mean())

    def _mixed(self, blend: Blend) -> Float64[np.ndarray, "n k"]:
        tuned = self.tuned[blend.reach]
        return blend.mix(tuned, np.zeros_like(tuned) if self.frozen is None else self.frozen)


def choose_blend(held_out: HeldOut, y: Int[np.ndarray, " m"]) -> Blend:
    """Choose the reach, then the share, by the loss on files that the answers' makers had not seen.

    Parameters
    ----------
    held_out : HeldOut
    y : int (n_samples,)
        Classes.
    """
    alone = [held_out.retempered(Blend(reach=reach), y) for reach in held_out.tuned]
    best = min(alone, key=lambda one: held_out.loss_nats(one, y))
    if held_out.frozen is None:
        return best
    mixed = [held_out.retempered(replace(best, share=share), y) for share in SHARES[1:]]
    return min((best, *mixed), key=lambda one: held_out.loss_nats(one, y))


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
