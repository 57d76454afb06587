"""Two networks that answer together: is that better, beyond chance, than the one that is kept alone?

Where two networks were asked, the one that was left makes other mistakes than the one that is kept, and its probe is
there already: joining their probabilities costs the training nothing, and each answer a second network. Covers how
large a say it gets, the paired test, and the answers of both. Does not cover which network is kept (``larger``,
``adapt``).
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

SHARES = (0.2, 0.35, 0.5, 0.65)
"""What part of the mean may be the other network's."""


def try_ensemble(ground: Ground, adapted: Adapted | None, other: Ground) -> Ensemble:
    """Compare what is kept with what both networks answer together, on files that neither has seen.

    Parameters
    ----------
    ground : Ground
        Of the network that was taken.
    adapted : Adapted or None
        What came of fine-tuning it.
    other : Ground
        Of the network that was left, on the same files.

    Returns
    -------
    Ensemble
        Its share is the one with the lowest loss on the files that judge; its temperature suits the validation files,
        where both are as sure of themselves as the kept ones will be.

    Notes
    -----
    Groups of files are the observations, also where folds judge. What is asked of a fold elsewhere, whether a new one
    may be answered much worse, a mean answers by itself: by Jensen's inequality its loss is nowhere larger than the
    weighted mean of both losses.
    """
    material = ground.material
    alone, beside = _unseen(ground, adapted), other.probe_unseen
    judges = Judges.of(material).who_have(alone, beside)
    files, y = judges.files, material.y[judges.files]
    first, second = tempered(alone[files], y), tempered(beside[files], y)
    groups = [material.groups[i] for i in files.tolist()]
    tries = [
        compare(first, tempered(Mixture(share).mixed(first, second), y), y, groups, n_folds=judges.n_folds)
        for share in SHARES
    ]
    share, comparison = min(zip(SHARES, tries, strict=True), key=lambda one: one[1].challenger_loss_nats)
    comparison = replace(comparison, by_group=judges.n_folds > 0)
    valid = np.flatnonzero(material.mask("valid"))
    kept = ground.fitted if adapted is None else adapted.fitted
    joint = Mixture(share).mixed(*(one.probabilities["valid"][valid] for one in (kept, other.fitted)))
    return Ensemble(other.backbone.name, Mixture(share, temperature_of(joint, material.y[valid])), comparison)


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
    """What is kept answers (n_samples, k) for the files that judge, none of which it saw."""
    return ground.probe_unseen if adapted is None or adapted.unseen is None else adapted.unseen
