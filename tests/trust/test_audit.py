"""The audit: planted copies, leaks and their worth show up in one account; the recognizer is not touched by it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image as PillowImage

from photism.executor import SerialExecutor
from photism.pictures.table import fit_recipe
from photism.trust.audit import audit, worth_of
from photism.trust.shift import Shift
from photism.types import JSON
from tests.small_training import Small, ask_small, fit_small, material_of, train_small


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """Three colours; a test file is a training file saved again, another the same bytes."""
    place = tmp_path_factory.mktemp("audit")
    clean = train_small(place / "data", place / "cache")
    rng = np.random.default_rng(1)
    source = place / "data" / "train" / "red" / "0.png"
    scene = np.kron(rng.integers(0, 255, (12, 12, 3), dtype=np.uint8), np.ones((10, 10, 1), np.uint8))
    PillowImage.fromarray(scene).save(source)
    PillowImage.open(source).resize((90, 90)).save(place / "data" / "test" / "red" / "again.jpg", quality=85)
    shutil.copy(place / "data" / "train" / "blue" / "1.png", place / "data" / "test" / "blue" / "same.png")
    material = material_of(clean.folder)
    recipe = fit_recipe("image", material.facts("train"), size_px=64)
    asked = ask_small(material, recipe, place / "cache")
    return Small(clean.folder, clean.cache, material, recipe, asked, fit_small(material, asked))


def test_planted_copies_are_leaks_and_the_account_is_json(small: Small) -> None:
    found = audit(small.material, small.asked.features, small.fitted, SerialExecutor())
    leaks = {str(leak["path"]): leak for leak in found.files.leaks}
    assert leaks["test/red/again.jpg"]["kind"] == "near"
    assert leaks["test/red/again.jpg"]["of"] == "train/red/0.png"
    assert leaks["test/blue/same.png"]["kind"] == "exact"
    assert set(leaks) == {"test/red/again.jpg", "test/blue/same.png"}
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert {one["path"] for one in told["near_duplicates"]} | {one["of"] for one in told["near_duplicates"]} >= set(
        leaks
    )
    assert told["suspects"]["n_files"] == small.material.count("train") + small.material.count("valid")
    assert any("near cop" in sentence for sentence in found.sentences())
    assert found.held_out == "test"
    again = audit(small.material, small.asked.features, small.fitted, SerialExecutor())
    assert again.to_json() == found.to_json()


def test_fine_tuned_networks_have_a_say_in_what_is_doubted(small: Small) -> None:
    """They find every label right, so the file that frozen features put elsewhere is doubted less."""
    taught = small.material.mask("train") | small.material.mask("valid")
    y, k = small.material.y, len(small.material.labels)
    tuned = np.full((len(y), k), np.nan)
    tuned[taught] = 0.98 * np.eye(k)[y[taught]] + 0.02 / k
    plain, told = (
        audit(small.material, small.asked.features, small.fitted, SerialExecutor(), tuned=one).suspects
        for one in ((), (tuned,))
    )
    assert told.n_wrong < plain.n_wrong


def test_alarms_are_what_should_not_wait_for_the_report(small: Small) -> None:
    found = audit(small.material, small.asked.features, small.fitted, SerialExecutor())
    quiet = replace(found.suspects, n_low=0.0)
    assert replace(found, suspects=quiet, shift=None).alarms() == ()
    assert replace(found, suspects=replace(quiet, n_wrong=3.0, n_low=2.0), shift=None).alarms() == (
        replace(quiet, n_wrong=3.0, n_low=2.0).to_text(),
    )
    unseen = replace(found, suspects=quiet, shift=None, files=replace(found.files, gap="2 files were not compared."))
    assert unseen.alarms() == ("2 files were not compared.",)
    plain, slight = (Shift(auroc, auroc, auroc, 0.001, 20, 10, 20, 10, ()) for auroc in (0.99, 0.55))
    (told,) = replace(found, suspects=quiet, shift=plain).alarms()
    assert told.startswith("Training and test part: The two parts differ plainly")
    assert replace(found, suspects=quiet, shift=slight).alarms() == ()


def test_copies_under_two_labels_are_said(small: Small) -> None:
    found = audit(small.material, small.asked.features, small.fitted, SerialExecutor()).files
    assert not any("two labels" in sentence for sentence in found.sentences())
    moved = tuple(replace(s, label="green") if s.name == "test/red/again.jpg" else s for s in found.samples)
    assert any("1 of them has two labels" in sentence for sentence in replace(found, samples=moved).sentences())


def test_what_the_search_could_not_look_at_is_said(small: Small) -> None:
    found = audit(small.material, small.asked.features, small.fitted, SerialExecutor())
    assert found.to_json()["gap"] == ""
    gap = "1 file could not be compared in the time and memory given: near copies may be missing."
    assert gap not in found.sentences()
    missed = replace(found, files=replace(found.files, gap=gap))
    assert gap in missed.sentences()
    assert missed.to_json()["gap"] == gap


def leak_of(name: str) -> Mapping[str, JSON]:
    return {"kind": "near", "path": name, "split": "test", "of": "x", "of_split": "train", "similarity": 0.9}


def test_what_a_leak_is_worth(small: Small) -> None:
    material = small.material
    test = np.flatnonzero(material.mask("test"))
    names = [material.samples[i].name for i in test.tolist()]
    answer = (material.y[test] + 1) % 3
    answer[:2] = material.y[test[:2]]  # only the leaked ones are right
    worth = worth_of([leak_of(name) for name in names[:2]], answer, material, "test")
    assert worth is not None
    assert (worth.n_leaked, worth.clean_accuracy) == (2, 0.0)
    assert worth.accuracy == pytest.approx(2 / len(test))
    assert worth.low <= worth.accuracy <= worth.high
    assert "worth" in worth.to_text()
    assert worth_of([], answer, material, "test") is None
    assert worth_of([leak_of(name) for name in names], answer, material, "test") is None
