"""From features to a recognizer's parts: which layers, which head, its curve and verdict, what is familiar.

The order matters and is all that this file holds. Layers, family, strength and temperature are chosen by
cross-validation inside the training part; the validation part is measured with a head that never saw it; the head
that is kept is then fitted once more on the same layers, to training and validation together.
The test part is answered by the kept head and chooses nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from threadpoolctl import threadpool_limits

from photism.data.material import Material
from photism.data.split import inner_folds
from photism.recognizers.familiarity import Familiarity
from photism.recognizers.head import Head
from photism.training.classifier import fit_classifier
from photism.training.familiar import familiar_layers, familiar_rate, fit_familiarity
from photism.training.features import Features, answers, by_file
from photism.training.frozen import Asked
from photism.training.guard import verdict
from photism.training.head import train_head
from photism.training.probe import Selection, select_layers
from photism.types import PARTS, EpochRow, Mask, Part, Verdict

__all__ = ["Fitted", "fit", "probe_of"]

N_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Fitted:
    """What training on cached features made.

    ``probabilities`` holds, for ``valid`` and ``test``, float64 (n_samples, k) with NaN rows for files of other parts:
    validation files were answered by a head that never saw them. ``familiar_rate`` is the share of test files that are
    called familiar; None where there is no test part.
    """

    head: Head
    familiarity: Familiarity | None
    selection: Selection
    strength: float
    history: tuple[EpochRow, ...]
    verdict: Verdict
    probabilities: Mapping[Part, Float64[np.ndarray, "m k"]]
    familiar_rate: float | None


def probe_of(material: Material, asked: Asked, *, seed: int) -> Fitted:
    """Fit a head to a frozen network's answers for a data set.

    Parameters
    ----------
    material : Material
    asked : Asked
    seed : int
    """
    return fit(
        asked.features,
        y=material.y,
        groups=material.groups,
        units=material.units,
        masks={part: material.mask(part) for part in PARTS},
        n_classes=len(material.labels),
        seed=seed,
    )


def fit(
    features: Features,
    *,
    y: Int64[np.ndarray, " m"],
    groups: Sequence[str],
    units: Sequence[str],
    masks: Mapping[Part, Mask],
    n_classes: int,
    seed: int,
) -> Fitted:
    """Choose layers and a head, fit them, and tell what the curve says.

    Parameters
    ----------
    features : Features
        Windows of all files.
    y : int64 (n_samples,)
        Class of every file; -1 where it has no part.
    groups : sequence of n_samples
        What is one observation: intervals are clustered by it.
    units : sequence of n_samples
        What an inner fold must never cut: the groups, or larger parts (``Material.units``).
    masks : mapping of part to bool (n_samples,)
        Which files belong to ``train``, ``valid`` and ``test``.
    n_classes : int
        Number of classes in the training part.
    seed : int
        Chooses folds, batches and which files stand for all where there are too many.

    Returns
    -------
    Fitted

    Notes
    -----
    Deterministic, bit for bit, given the features and the seed. Linear algebra runs on one thread a call: for systems
    of this size several threads of OpenBLAS were slower, six times so on a busy machine, and bits would depend on them.
    """
    with threadpool_limits(limits=1, user_api="blas"):
        return _fit(features, y=y, groups=groups, units=units, masks=masks, n_classes=n_classes, seed=seed)


def _fit(
    features: Features,
    *,
    y: Int64[np.ndarray, " m"],
    groups: Sequence[str],
    units: Sequence[str],
    masks: Mapping[Part, Mask],
    n_classes: int,
    seed: int,
) -> Fitted:
    train = features.keep(masks["train"])
    folds = folds_of(y, units, masks["train"], seed)
    selection = select_layers(train, y, folds, n_classes=n_classes, seed=seed)
    chosen = fit_classifier(train, y, folds, layers=selection.layers, n_classes=n_classes)
    valid = features.keep(masks["valid"], layers=chosen.head.layers)
    curve = train_head(
        features,
        y,
        np.unique(np.array(groups), return_inverse=True)[1],
        train=masks["train"],
        valid=masks["valid"],
        start=chosen.head,
        n_classes=n_classes,
        seed=seed,
    )
    taught = masks["train"] | masks["valid"]
    near = familiar_layers(features.layers, selection.layers)
    both = features.keep(taught, layers=[name for name in features.layers if name in (*selection.layers, *near)])
    both_folds = folds_of(y, units, taught, seed)
    kept = fit_classifier(both, y, both_folds, layers=selection.layers, n_classes=n_classes)
    head = kept.head
    familiarity = fit_familiarity(both, both_folds, layers=near, seed=seed)
    probabilities: dict[Part, Float64[np.ndarray, "m k"]] = {"valid": by_file(answers(chosen.head, valid), valid)}
    rate: float | None = None
    if masks["test"].any():
        test = features.keep(masks["test"], layers=head.layers)
        probabilities["test"] = by_file(answers(head, test), test)
        if familiarity is not None:
            rate = familiar_rate(familiarity, features.keep(masks["test"], layers=familiarity.layers))
    return Fitted(
        head=head,
        familiarity=familiarity,
        selection=selection,
        strength=kept.strength,
        history=curve.rows,
        verdict=verdict(curve.rows, chance_nats=math.log(n_classes), held=curve.held),
        probabilities=probabilities,
        familiar_rate=rate,
    )


def folds_of(y: Int64[np.ndarray, " m"], units: Sequence[str], mask: Mask, seed: int) -> Int64[np.ndarray, " m"]:
    """Give every file of a part its inner fold, units whole; -1 for all other files.

    A part that is one unit is divided by files: it has nothing else to be divided by (``split`` warns of it).

    Parameters
    ----------
    y : int64 (n_samples,)
        Class of every file.
    units : sequence of n_samples
        What a fold must never cut.
    mask : bool (n_samples,)
        The part.
    seed : int
        Chooses among equally good divisions.
    """
    numbers = np.flatnonzero(mask)
    folds = np.full(len(y), -1, dtype=np.int64)
    owners = [units[i] for i in numbers.tolist()]
    folds[numbers] = inner_folds(y[numbers], owners if len(set(owners)) > 1 else None, N_FOLDS, seed)
    return folds
