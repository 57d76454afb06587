"""What to expect of a new fold: folds answered without themselves, and the range for one more."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photism.training.unseen import UnseenFolds, unseen_folds
from tests.small_training import Small, ground_of, in_folds


def test_every_given_fold_is_answered_without_itself(small: Small, tmp_path: Path) -> None:
    ground = in_folds(ground_of(small, tmp_path))
    found = unseen_folds(ground)
    assert found is not None
    assert found.n_files == {"0": 6, "1": 6, "2": 6, "3": 6}
    right = ground.probe_without.argmax(axis=1) == ground.material.y
    for fold, accuracy in found.accuracy.items():
        files = [i for i, sample in enumerate(ground.material.samples) if sample.fold == fold]
        assert accuracy == np.mean(right[files])
    assert UnseenFolds.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert unseen_folds(ground_of(small, tmp_path)) is None


def test_one_more_fold_lies_in_the_range_as_often_as_said() -> None:
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(2000):
        *known, new = rng.normal(0.7, 0.03, 6)
        low, high = UnseenFolds({str(i): float(a) for i, a in enumerate(known)}, {}).expected()
        inside.append(low <= new <= high)
    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)


@given(st.lists(st.floats(0, 1), min_size=4, max_size=9))
def test_the_range_holds_the_mean_and_is_a_share(accuracies: list[float]) -> None:
    low, high = UnseenFolds({str(i): a for i, a in enumerate(accuracies)}, {}).expected()
    assert 0 <= low <= np.mean(accuracies) + 1e-9
    assert np.mean(accuracies) - 1e-9 <= high <= 1
