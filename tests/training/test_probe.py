from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from photism.training.probe import balanced_weights, select_layers
from tests.training.made import clouds


def test_the_layer_that_tells_most_is_part_of_the_choice() -> None:
    features, y, folds = clouds(layers=("p/a", "p/b", "p/c"), apart=2.0)
    found = select_layers(features, y, folds, n_classes=3)
    best = min(found.single, key=lambda c: c.loss_nats)
    assert best.layers == ("p/a",)
    assert "p/a" in found.layers
    assert len(found.single) == 3
    assert min(c.loss_nats for c in found.candidates) < 1.0 < np.log(3)


@pytest.mark.parametrize("useful", [True, False])
def test_a_panel_that_says_nothing_is_left_out(useful: bool) -> None:
    seen, y, folds = clouds(apart=0.6, n_files=300)
    noise = np.random.default_rng(1)

    def stages(panel: str, values: np.ndarray) -> dict[str, np.ndarray]:
        """Each stage sees the same a little otherwise."""
        return {f"{panel}/{name}": values + noise.normal(0, 0.1, values.shape).astype(np.float32) for name in "abcd"}

    told, other = np.split(seen.layers["p/a"], 2, axis=1)
    both = replace(seen, layers={**stages("p", told), **stages("q", other if useful else noise.permutation(other))})
    chosen = select_layers(both, y, folds, n_classes=3).layers
    assert {layer.partition("/")[0] for layer in chosen} == ({"p", "q"} if useful else {"p"})
    assert len(chosen) > 1


def test_labels_without_a_pattern_are_answered_at_chance() -> None:
    features, y, folds = clouds(layers=("p/a", "p/b"))
    shuffled = np.random.default_rng(3).permutation(y)
    found = select_layers(features, shuffled, folds, n_classes=3)
    assert min(c.loss_nats for c in found.candidates) > 0.9 * np.log(3)


def test_the_same_seed_gives_the_same_choice_and_few_windows_are_enough() -> None:
    features, y, folds = clouds(layers=("p/a", "p/b"), n_files=300)
    one = select_layers(features, y, folds, n_classes=3, max_windows=60, seed=1)
    two = select_layers(features, y, folds, n_classes=3, max_windows=60, seed=1)
    assert one == two


def test_constant_features_do_no_harm() -> None:
    features, y, folds = clouds(layers=("p/a",))
    dull = replace(features, layers={"p/a": features.layers["p/a"], "p/dull": np.ones((120, 4), np.float32)})
    assert "p/a" in select_layers(dull, y, folds, n_classes=3).layers


def test_one_fold_is_refused() -> None:
    features, y, folds = clouds()
    with pytest.raises(ValueError, match="two folds"):
        select_layers(features, y, np.zeros_like(folds), n_classes=3)


def test_classes_and_files_weigh_the_same_however_many_windows() -> None:
    features, y, _ = clouds(n_files=40, windows=3)
    y = np.where(np.arange(40) < 30, 0, 1)
    weight = balanced_weights(features, y, 2)
    by_class = np.bincount(y[features.sample_of_window], weights=weight)
    assert by_class[0] == pytest.approx(by_class[1])
    assert weight.mean() == pytest.approx(1.0)
