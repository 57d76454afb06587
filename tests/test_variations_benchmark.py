"""The screening of variations: every variation beside every other equally often, planted effects found again."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.variations import design, effects, says


@pytest.mark.parametrize("n_variations", [3, 4, 5, 10])
@pytest.mark.parametrize("n_rounds", [1, 2])
def test_every_variation_is_used_by_half_and_beside_every_other_by_a_quarter(n_variations: int, n_rounds: int) -> None:
    used = design(n_variations, n_rounds)
    assert len(used) >= n_rounds * (n_variations + 4)
    together = used.T.astype(int) @ used
    n = len(used)
    assert np.array_equal(together, np.full_like(together, n // 4) + np.eye(n_variations, dtype=int) * (n // 4))


def test_planted_effects_are_found_and_chance_is_told_apart() -> None:
    chance = np.random.default_rng(0)
    used, inside = design(4, 1), []
    for _ in range(400):
        truth = np.array([-0.3, 0.0, 0.1, 0.0])
        found, reach = effects(used, 0.4 + used @ truth + chance.normal(scale=0.02, size=len(used)))
        inside.append(np.abs(found - truth) <= reach)
    assert 0.92 < np.mean(inside) < 0.98
    assert says(-0.3, 0.1) == "helps"
    assert says(0.3, 0.1) == "harms"
    assert says(0.05, 0.1) == "no effect shown"
