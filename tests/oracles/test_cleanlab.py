"""The ranking against cleanlab's, which is Apache-2.0 from 2.9 on; a test-only dependency."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from photism.trust.labels import find_suspects
from photism.types import Sample

cleanlab_rank = pytest.importorskip("cleanlab.rank")


def test_the_ranking_is_cleanlabs_self_confidence() -> None:
    rng = np.random.default_rng(0)
    probability = rng.dirichlet(np.full(4, 0.3), 500)
    y = (probability.cumsum(axis=1) > rng.random((500, 1))).argmax(axis=1)
    samples = [Sample(Path(str(i)), str(i)) for i in range(500)]
    found = find_suspects(probability, y, samples, labels=("a", "b", "c", "d"))
    quality = cleanlab_rank.get_label_quality_scores(y, probability, method="self_confidence")
    order = [i for i in np.argsort(quality, kind="stable").tolist() if probability[i].argmax() != y[i]]
    assert [one.index for one in found.items] == order
    assert [one.p_given for one in found.items] == pytest.approx(quality[order])


def test_as_many_issues_as_confident_learning_counts() -> None:
    """Two estimates of one number by different ways; on labels wrong by chance they come near one another."""
    count = pytest.importorskip("cleanlab.count")
    rng = np.random.default_rng(1)
    probability = rng.dirichlet(np.full(4, 0.05), 4000)
    y = (probability.cumsum(axis=1) > rng.random((4000, 1))).argmax(axis=1)
    wrong = rng.random(4000) < 0.1
    y[wrong] = (y[wrong] + rng.integers(1, 4, int(wrong.sum()))) % 4
    samples = [Sample(Path(str(i)), str(i)) for i in range(4000)]
    found = find_suspects(probability, y, samples, labels=("a", "b", "c", "d"))
    theirs = count.num_label_issues(y, probability)
    assert found.n_low <= wrong.sum() <= found.n_high
    assert theirs == pytest.approx(found.n_wrong, rel=0.25)
