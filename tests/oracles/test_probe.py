"""Ridge, its left-out folds and the classifier against scikit-learn, fitted again for every fold."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from photism.training.classifier import fit_classifier, standard
from photism.training.features import Features
from photism.training.probe import balanced_weights, held_out_answers


def test_left_out_folds_agree_with_fitting_again() -> None:
    rng = np.random.default_rng(0)
    x, target = rng.standard_normal((60, 15)), rng.standard_normal((60, 3))
    weight = rng.uniform(0.2, 3.0, 60)
    folds = np.array_split(rng.permutation(60), 5)
    found = held_out_answers(x @ x.T, target, weight, folds, strength=0.7)
    for held in folds:
        kept = np.setdiff1d(np.arange(60), held)
        again = Ridge(alpha=0.7, fit_intercept=False).fit(x[kept], target[kept], sample_weight=weight[kept])
        assert found[held] == pytest.approx(again.predict(x[held]), abs=1e-8)


@pytest.mark.parametrize("d", [12, 150])
def test_the_classifier_is_scikit_learns_ridge(d: int) -> None:
    rng = np.random.default_rng(1)
    y = np.arange(90) % 3
    x = (rng.standard_normal((90, d)) + 0.5 * np.eye(3, d)[y]).astype(np.float32)
    features = Features({"a": x}, np.arange(90), np.ones(90, np.float32), 90)
    folds = np.arange(90) // 18
    fit = fit_classifier(features, y, folds, layers=["a"], n_classes=3)
    mean, scale = standard(features, ("a",))
    wide = np.concatenate([(x - mean) / scale, np.ones((90, 1))], axis=1)
    weight = balanced_weights(features, y, 3)
    oracle = Ridge(alpha=fit.strength, fit_intercept=False, tol=1e-10)
    oracle.fit(wide, np.eye(3)[y] - 1 / 3, sample_weight=weight)
    assert fit.head.logits({"a": x}) == pytest.approx(oracle.predict(wide), abs=2e-4)
    for fold in range(5):
        kept, held = folds != fold, folds == fold
        again = Ridge(alpha=fit.strength, fit_intercept=False, tol=1e-10)
        again.fit(wide[kept], (np.eye(3)[y] - 1 / 3)[kept], sample_weight=weight[kept])
        assert fit.held_out_logits[held] == pytest.approx(again.predict(wide[held]), abs=2e-4)
