from __future__ import annotations

import numpy as np
import pytest

from photism.training.calibration import losses_nats, temperature_for
from photism.training.features import Features, softmax


def test_the_temperature_that_made_the_labels_is_found_again() -> None:
    rng = np.random.default_rng(0)
    honest = rng.normal(size=(4000, 4)) * 2
    probability = softmax(honest)
    y = np.array([rng.choice(4, p=p) for p in probability])
    features = Features({}, np.arange(4000), np.ones(4000, np.float32), 4000)
    assert temperature_for(honest * 3.0, features, y) == pytest.approx(3.0, rel=0.06)
    assert temperature_for(honest * 0.1, features, y) == pytest.approx(0.1, rel=0.06)


def test_a_files_windows_are_averaged_as_probabilities() -> None:
    features = Features({}, np.array([0, 0]), np.array([0.5, 0.5], np.float32), 1)
    logits = np.log(np.array([[0.8, 0.2], [0.4, 0.6]]))
    assert losses_nats(logits, features, np.array([0])) == pytest.approx([-np.log(0.6)])


def test_a_loss_is_capped() -> None:
    features = Features({}, np.array([0]), np.ones(1, np.float32), 1)
    assert losses_nats(np.array([[0.0, 1e6]]), features, np.array([0])) == pytest.approx([27.631], abs=1e-3)
