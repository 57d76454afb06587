"""Cross-validated fine-tuning: every taught file is answered, and never by a network that saw its label."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from photism.training import cross_tuned as module
from photism.training.cross_tuned import cross_tuned
from photism.training.ground import Ground
from photism.training.plan import REACHES, Plan
from tests.small_training import COLOURS, Small, ground_of, in_folds


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cross")


def a_plan(small: Small) -> Plan:
    layers = (next(name for name in small.asked.features.layers if name.endswith("/fire9")),)
    return Plan(after="fire7", layers=layers, epochs=8, views=1, batch=8, seed=0)


def with_labels(ground: Ground, wrong: dict[int, str]) -> Ground:
    """The same files, some under another label."""
    samples = tuple(
        replace(sample, label=wrong.get(i, sample.label)) for i, sample in enumerate(ground.material.samples)
    )
    return replace(ground, material=replace(ground.material, samples=samples))


def test_training_and_validation_files_are_answered_and_no_other(small: Small, place: Path) -> None:
    told: list[tuple[str, int, int]] = []
    crossed = cross_tuned(ground_of(small, place), a_plan(small), progress=lambda *one: told.append(one))
    found = crossed.probabilities
    taught = small.material.mask("train") | small.material.mask("valid")
    assert np.array_equal(np.isfinite(found).all(axis=1), taught)
    np.testing.assert_allclose(found[taught].sum(axis=1), 1.0, atol=1e-6)
    assert np.mean(found[taught].argmax(axis=1) == small.material.y[taught]) > 0.8
    assert set(crossed.held_out.tuned) == set(REACHES)
    assert np.array_equal(crossed.held_out.windows.files, np.flatnonzero(taught))
    assert {phase for phase, _, _ in told} == {"views", "cross-validation"}
    done = [n for phase, n, _ in told if phase == "cross-validation"]
    assert done == sorted(done)
    assert told[-1] == ("cross-validation", done[-1], done[-1])


def test_a_group_in_every_fold_is_answered_all_the_same(small: Small, place: Path) -> None:
    """Folds were given, and what they tear is said elsewhere; only copies are left out."""
    ground = in_folds(ground_of(small, place))
    samples = tuple(replace(sample, group="everyone") for sample in ground.material.samples)
    ground = replace(ground, material=replace(ground.material, samples=samples))
    found = cross_tuned(ground, a_plan(small), reaches=(1.0,)).probabilities
    taught = ground.material.mask("train") | ground.material.mask("valid")
    assert np.isfinite(found[taught]).all()


def test_a_wrong_label_is_not_repeated(small: Small, place: Path) -> None:
    """One file gets another colour's name: a network that had seen it would be drawn towards that."""
    ground = ground_of(small, place)
    files = np.flatnonzero(small.material.mask("train") | small.material.mask("valid"))
    one, other = sorted(COLOURS)[:2]
    chosen = next(i for i in files.tolist() if small.material.samples[i].label == one)
    plain = cross_tuned(ground, a_plan(small), reaches=(1.0,)).probabilities
    flipped = cross_tuned(with_labels(ground, {chosen: other}), a_plan(small), reaches=(1.0,)).probabilities
    labels = small.material.labels
    assert labels[plain[chosen].argmax()] == one
    assert labels[flipped[chosen].argmax()] == one


def test_given_folds_are_left_out_whole(small: Small, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ground = in_folds(ground_of(small, place))
    learned: list[set[str | None]] = []
    real = module.finetune

    def seen(*args: Any, **options: Any) -> Any:
        learned.append({ground.material.samples[i].fold for i in np.flatnonzero(options["train"])})
        return real(*args, **options)

    monkeypatch.setattr(module, "finetune", seen)
    cross_tuned(ground, a_plan(small))
    one, other = learned
    assert one | other == {"0", "1", "2", "3"}
    assert not one & other


def test_one_group_cannot_be_held_out(small: Small, place: Path) -> None:
    ground = ground_of(small, place)
    samples = tuple(replace(sample, group="all") for sample in ground.material.samples)
    with pytest.raises(ValueError, match="2 groups"):
        cross_tuned(replace(ground, material=replace(ground.material, samples=samples)), a_plan(small))


def test_a_file_with_a_copy_in_the_other_half_is_not_answered(small: Small, place: Path) -> None:
    ground = in_folds(ground_of(small, place))
    samples = ground.material.samples
    taught = [i for i, sample in enumerate(samples) if sample.part != "test"]
    first = taught[0]
    others = [i for i in taught if samples[i].label == samples[first].label and samples[i].fold != samples[first].fold]
    hashes = dict(ground.material.hashes)
    hashes |= {samples[i].path: hashes[samples[first].path] for i in others}
    ground = replace(ground, material=replace(ground.material, hashes=hashes))
    found = cross_tuned(ground, a_plan(small), reaches=(1.0,)).probabilities
    assert np.isnan(found[first]).all()
    assert np.isfinite(found[[i for i in taught if samples[i].label != samples[first].label]]).all()


def test_the_probe_answers_for_a_fold_without_it(small: Small, place: Path) -> None:
    ground = in_folds(ground_of(small, place))
    taught = ~ground.material.mask("test")
    found = ground.probe_without
    assert np.array_equal(np.isfinite(found).all(axis=1), taught)
    assert np.mean(found[taught].argmax(axis=1) == ground.material.y[taught]) > 0.8
    noise = np.random.default_rng(1).permutation(ground.material.y[taught])
    samples = list(ground.material.samples)
    for i, label in zip(np.flatnonzero(taught).tolist(), noise.tolist(), strict=True):
        samples[i] = replace(samples[i], label=ground.material.labels[label])
    guessed = replace(ground, material=replace(ground.material, samples=tuple(samples))).probe_without
    assert np.mean(guessed[taught].argmax(axis=1) == noise) < 0.7


def test_a_head_learns_from_one_fold_alone(small: Small, place: Path) -> None:
    """Its penalty and temperature are chosen over files, since there are no folds to choose over."""
    ground = in_folds(ground_of(small, place))
    one = np.array([sample.fold == "1" for sample in ground.material.samples])
    head = ground.head(ground.fitted.selection.layers, one, 0)
    assert 0.02 < head.temperature < 50
