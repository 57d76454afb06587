"""Overfitting on purpose: deeper and smaller trainings are all there, random labels are learned by heart, data stay."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from photism.errors import OptionError
from photism.trust.overfit import Overfit, Taught, overfit
from tests.small_training import Small, ground_of, train_small


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    place = tmp_path_factory.mktemp("overfit")
    return train_small(place / "data", place / "cache")


@pytest.fixture(scope="module")
def found(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Overfit:
    return overfit(ground_of(small, tmp_path_factory.mktemp("maps")), n_files=12, epochs=4)


def all_of(found: Overfit) -> list[Taught]:
    return [*found.depths, *found.sizes, *found.random]


def test_it_goes_from_the_head_alone_to_all_layers_and_from_few_files_to_many(small: Small, found: Overfit) -> None:
    stages = ground_of(small, Path()).backbone.stage_names
    first = [one.first_trained for one in found.depths]
    assert first[0] == "head"
    assert first[-1] == stages[0]
    assert [stages.index(name) for name in first[1:]] == sorted((stages.index(n) for n in first[1:]), reverse=True)
    sizes = [one.n_train for one in found.sizes]
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == 12
    assert len({one.first_trained for one in found.sizes}) == 1
    assert found.sizes[-1] in found.depths
    assert [one.random_labels for one in found.random] == [True, True]
    assert not any(one.random_labels for one in (*found.depths, *found.sizes))


def test_every_training_goes_on_to_the_last_epoch(found: Overfit) -> None:
    assert {len(one.rows) for one in all_of(found)} == {4}
    assert all(1 <= one.verdict.best_epoch <= 4 for one in all_of(found))


def test_random_labels_are_learned_by_heart_and_help_nobody(small: Small, tmp_path: Path) -> None:
    found = overfit(ground_of(small, tmp_path), n_files=18, epochs=60)
    by_head = found.random[0]
    assert by_head.rows[-1].train_loss_nats < 0.8 * by_head.rows[0].train_loss_nats
    assert by_head.rows[-1].valid_loss_nats > found.depths[0].rows[-1].valid_loss_nats
    assert by_head.verdict.state in ("memorising", "diverging")


def test_the_same_seed_gives_the_same_curves(small: Small, found: Overfit, tmp_path: Path) -> None:
    again = overfit(ground_of(small, tmp_path), n_files=12, epochs=4)
    for one, other in zip(all_of(found), all_of(again), strict=True):
        assert [row.valid_loss_nats for row in one.rows] == [row.valid_loss_nats for row in other.rows]
    assert [one.verdict for one in all_of(found)] == [one.verdict for one in all_of(again)]


def test_the_network_and_the_labels_are_left_as_they_were(small: Small, tmp_path: Path) -> None:
    ground = ground_of(small, tmp_path)
    before, labels = ground.backbone.weights_sha256, small.material.y.copy()
    overfit(ground, n_files=12, epochs=3)
    assert ground.backbone.weights_sha256 == before
    np.testing.assert_array_equal(small.material.y, labels)


def test_everything_is_json(found: Overfit) -> None:
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert len(told["depths"]) == len(found.depths)
    assert told["chance_nats"] == pytest.approx(np.log(3))


@pytest.mark.parametrize(("options", "message"), [({"n_files": 5}, "two files a class"), ({"epochs": 2}, "3 or more")])
def test_too_little_is_refused(small: Small, tmp_path: Path, options: dict[str, int], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        overfit(ground_of(small, tmp_path), **options)
