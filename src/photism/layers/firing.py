"""Where a stage fires on one chosen file: how far its channels are, at each place, from their usual answers.

An answer is standardised by the channel's mean and spread over all files looked at; a place's heat is the root mean
square over channels. It says where something unusual is for this stage, not what decided the file's label.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float32, UInt8

from photism.layers.staged import StageAnswers, StagedNetwork

__all__ = ["firing_maps"]


def firing_maps(
    network: StagedNetwork, pixels: UInt8[np.ndarray, "h w 3"], answers: Mapping[str, StageAnswers]
) -> dict[str, Float32[np.ndarray, "_ _"]]:
    """Return every stage's heat over one picture, in [0, 1].

    Parameters
    ----------
    network : StagedNetwork
    pixels : uint8 (h, w, 3)
        The chosen file's picture.
    answers : stage -> StageAnswers
        To all files looked at: what is usual.
    """
    found = {}
    for name, activation in zip(network.names, network.maps(pixels[None]), strict=True):
        values = activation[0].float().numpy()
        usual = answers[name].mean.mean(0)
        spread = np.maximum(answers[name].top.std(0), 1e-6)
        distance = np.sqrt(np.square((values - usual[:, None, None]) / spread[:, None, None]).mean(0))
        low, high = float(distance.min()), float(distance.max())
        found[name] = ((distance - low) / max(high - low, 1e-9)).astype(np.float32)
    return found
