"""What fine-tuning starts from: the data, the network as it was asked, and what was fitted to its answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from threadpoolctl import threadpool_limits

from photism.data.material import Material
from photism.executor import Executor
from photism.recognizers.backbones import Backbone
from photism.recognizers.head import Head
from photism.training.classifier import fit_classifier
from photism.training.features import answers, by_file
from photism.training.fit import Fitted, folds_of
from photism.training.frozen import Asked
from photism.training.views import Cut
from photism.types import Mask, Recipe

__all__ = ["Ground"]


FOLD_SEED = 0  # five folds or fewer are each left out alone, whatever it is


@dataclass(frozen=True)
class Ground:
    """Everything that is known when the probe is done, and where work is done and kept."""

    material: Material
    recipe: Recipe
    backbone: Backbone
    asked: Asked
    fitted: Fitted
    executor: Executor
    cache: Path

    def cut(self, after: str | None) -> Cut:
        """Cut the network behind a stage; before the first where it is None.

        Parameters
        ----------
        after : str or None
            The last frozen stage.
        """
        return Cut(self.backbone, after, self.recipe, self.asked.panels, self.asked.engine)

    def head(self, layers: tuple[str, ...], files: Mask, seed: int) -> Head:
        """Fit a head on some layers of the network as it was asked.

        Parameters
        ----------
        layers : names
        files : bool (n_samples,)
            What is learned from.
        seed : int
            Of the inner folds that choose the penalty.
        """
        units = self.material.units
        if len({units[i] for i in np.flatnonzero(files)}) < 2:  # one fold alone cannot be divided into folds
            units = self.material.observations
        folds = folds_of(self.material.y, units, files, seed)
        features = self.asked.features.keep(files, layers=layers)
        n_classes = len(self.material.labels)
        with threadpool_limits(limits=1, user_api="blas"):
            return fit_classifier(features, self.material.y, folds, layers=layers, n_classes=n_classes).head

    @cached_property
    def probe_without(self) -> Float64[np.ndarray, "m k"]:
        """Probabilities (n_samples, k) of the probe that learned without a file's inner fold; NaN for test files."""
        material, layers = self.material, self.fitted.selection.layers
        taught = material.mask("train") | material.mask("valid")
        folds = folds_of(material.y, material.units, taught, FOLD_SEED)
        found = np.full((len(taught), len(material.labels)), np.nan)
        for fold in range(folds.max() + 1):
            held = folds == fold
            head, features = self.head(layers, taught & ~held, FOLD_SEED), self.asked.features.keep(held, layers=layers)
            found[held] = by_file(answers(head, features), features)[held]
        return found

    @property
    def probe_unseen(self) -> Float64[np.ndarray, "m k"]:
        """What the probe answers (n_samples, k) for the files that judge (``choose.Judges``), none of which it saw."""
        return self.probe_without if self.material.by_fold else self.fitted.probabilities["valid"]
