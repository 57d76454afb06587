"""Two networks that answer together: is that better, beyond chance, than the one that is kept alone?

Where two networks were asked, the one that was left makes other mistakes than the one that is kept, and its probe is
there already (fine-tuned, where a long budget paid for that): joining their probabilities costs the training nothing,
and each answer a second network. Covers how large a say it gets, the paired test, and the answers of both. Does not
cover which network is kept (``larger``, ``adapt``).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float64

from photism.recognizers.mixture import Mixture
from photism.training.attempts import Adapted, Ensemble
from photism.training.calibration import temperature_of, tempered
from photism.training.choose import Judges, compare
from photism.training.fit import Fitted
from photism.training.ground import Ground

__all__ = ["SHARES", "mixed", "try_ensemble"]

SHARES = (0.2, 0.35, 0.5)
"""What part of the mean may be the other network's: never the larger one, for the first is what is explained."""


def try_ensemble(
    ground: Ground, adapted: Adapted | None, other: Ground, other_adapted: Adapted | None = None
) -> Ensemble:
    """Compare what is kept with what both networks answer together, on files that neither has seen.

    Parameters
    ----------
    ground : Ground
        Of the network that was taken.
    adapted : Adapted or None
        What came of fine-tuning it.
    other : Ground
        Of the network that was left, on the same files.
    other_adapted : Adapted, optional
        What came of fine-tuning that.

    Returns
    -------
    Ensemble
        Its share is the one with the lowest loss on the files that judge, its temperature suits them.

    Notes
    -----
    Where folds judge, groups of files are the observations and one fold at most may be answered worse. Five folds tell
    little from chance, and a mean of two networks that are about as good risks little on a new one: before it is
    sharpened its loss is nowhere larger than the mean of both losses (Jensen).
    """
    material = ground.material
    alone, beside = _unseen(ground, adapted), _unseen(other, other_adapted)
    attempts = () if other_adapted is None else other_adapted.attempts
    judges = Judges.of(material).who_have(alone, beside)
    files, y = judges.files, material.y[judges.files]
    groups, folds = [material.groups[i] for i in files.tolist()], judges.groups if judges.n_folds else None
    first = tempered(alone[files], y)
    tries = []
    for share in SHARES:
        mixture = Mixture(share, temperature_of(Mixture(share).mixed(alone[files], beside[files]), y))
        both = mixture.mixed(alone[files], beside[files])
        comparison = compare(first, both, y, groups, n_folds=judges.n_folds, folds=folds)
        tries.append(Ensemble(other.backbone.name, mixture, comparison, attempts))
    return min(tries, key=lambda one: one.comparison.challenger_loss_nats)


def mixed(fitted: Fitted, other: Fitted, mixture: Mixture) -> Fitted:
    """Return what was fitted with the probabilities that both networks give together.

    Parameters
    ----------
    fitted, other : Fitted
        Of the network that is kept, and of its partner.
    mixture : Mixture
    """
    both = {part: mixture.mixed(one, other.probabilities[part]) for part, one in fitted.probabilities.items()}
    return replace(fitted, probabilities=both)


def _unseen(ground: Ground, adapted: Adapted | None) -> Float64[np.ndarray, "m k"]:
    """What is kept of a network answers (n_samples, k) for the files that judge, none of which it saw."""
    return ground.probe_unseen if adapted is None or adapted.unseen is None else adapted.unseen
