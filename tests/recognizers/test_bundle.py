"""A bundle holds everything, says when it is damaged, and is written whole or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.recognizers.backbone_samples import pictures, random_backbone

from photism.errors import RunError
from photism.recognizers import bundle
from photism.recognizers.bundle import Bundle, load_bundle, save_bundle
from photism.recognizers.engines import open_engine

META = {"labels": ["né", "<b>"], "temperature": 1.25, "familiar": None}
TENSORS = {"weight": np.arange(6, dtype=np.float32).reshape(2, 3), "bias": np.zeros(2)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_bundle(tmp_path / "recognizer", Bundle(META, TENSORS, random_backbone()))
    return tmp_path / "recognizer"


def test_what_was_saved_is_loaded(folder: Path) -> None:
    loaded = load_bundle(folder)
    assert loaded.meta == META
    assert set(loaded.tensors) == set(TENSORS)
    for key, value in TENSORS.items():
        np.testing.assert_array_equal(loaded.tensors[key], value)
    assert loaded.backbone == random_backbone()


def test_a_loaded_network_computes_the_same_bits(folder: Path) -> None:
    images = pictures(2, (64, 64))
    answers = [
        open_engine(backbone, size_px=(64, 64), engine="torch-fp32").pooled(images)["fire9"]
        for backbone in (random_backbone(), load_bundle(folder).backbone)
    ]
    np.testing.assert_array_equal(answers[0], answers[1])


def test_saving_again_takes_the_old_ones_place_and_leaves_no_litter(folder: Path) -> None:
    save_bundle(folder, Bundle({"labels": []}, TENSORS, random_backbone()))
    assert load_bundle(folder).meta == {"labels": []}
    assert [path.name for path in folder.parent.iterdir()] == ["recognizer"]
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".safetensors", ".safetensors"]


def test_a_failed_save_leaves_the_old_one(folder: Path) -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        save_bundle(folder, Bundle({"temperature": float("nan")}, TENSORS, random_backbone()))
    assert load_bundle(folder).meta == META


@pytest.mark.parametrize("name", [bundle.JSON_NAME, bundle.HEAD_NAME, bundle.BACKBONE_NAME])
def test_one_changed_byte_is_noticed(folder: Path, name: str) -> None:
    path = folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunError, match="damaged"):
        load_bundle(folder)


@pytest.mark.parametrize("name", [bundle.JSON_NAME, bundle.HEAD_NAME, bundle.BACKBONE_NAME])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(RunError, match=name):
        load_bundle(folder)


def test_a_newer_format_is_refused_with_a_sentence(folder: Path) -> None:
    path = folder / bundle.JSON_NAME
    body = json.loads(path.read_text())
    body["format"] = bundle.FORMAT + 1
    path.write_text(json.dumps(body))
    with pytest.raises(RunError, match="written by a newer photism"):
        load_bundle(folder)


@pytest.mark.parametrize("content", ["", "[]", "{}", "null", "[" * 100_000, '{"format": true}', '{"format": "1"}'])
def test_what_is_no_bundle_is_refused(folder: Path, content: str) -> None:
    (folder / bundle.JSON_NAME).write_text(content)
    with pytest.raises(RunError):
        load_bundle(folder)


def test_no_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="found nothing"):
        load_bundle(tmp_path / "absent")


def test_weights_under_another_name_are_refused(folder: Path) -> None:
    """The cache is keyed by the weights' hash: a bundle must not be able to claim another's."""
    path = folder / bundle.JSON_NAME
    body = json.loads(path.read_text())
    body["backbone"]["weights_sha256"] = "0" * 64
    body["self_sha256"] = bundle._self_hash(body)
    path.write_text(json.dumps(body))
    with pytest.raises(RunError, match="not the ones that its description names"):
        load_bundle(folder)


# ── a partner ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    second = Bundle({"labels": ["second"]}, TENSORS, random_backbone())
    save_bundle(tmp_path / "pair", Bundle(META, TENSORS, random_backbone(), second))
    return tmp_path / "pair"


def test_a_partner_is_kept_beside_and_found_again(pair: Path) -> None:
    loaded = load_bundle(pair)
    assert loaded.meta == META
    assert loaded.partner is not None
    assert loaded.partner.meta == {"labels": ["second"]}
    assert loaded.partner.partner is None


def test_only_a_pair_needs_the_newer_format(pair: Path, folder: Path) -> None:
    """An older photism would answer with the first network alone: it has to refuse; what has no partner it reads."""
    assert [json.loads((one / bundle.JSON_NAME).read_text())["format"] for one in (pair, folder)] == [2, 1]


def test_another_partner_is_refused(pair: Path, tmp_path: Path) -> None:
    save_bundle(tmp_path / "other", Bundle({"labels": ["third"]}, TENSORS, random_backbone()))
    shutil.rmtree(pair / bundle.PARTNER)
    (tmp_path / "other").rename(pair / bundle.PARTNER)
    with pytest.raises(RunError, match="not the partner"):
        load_bundle(pair)


def test_a_missing_partner_is_named(pair: Path) -> None:
    shutil.rmtree(pair / bundle.PARTNER)
    with pytest.raises(RunError, match=bundle.PARTNER):
        load_bundle(pair)
