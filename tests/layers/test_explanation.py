"""``explain`` from a file to its page: the contract's JSON, the check, wrong input, hostile names."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage
from tests.layers.explained_samples import LABELS, image_windows, recognizer_of
from tests.sample_accounts import sample_account
from typer.testing import CliRunner

from photism.cli import layers as _  # noqa: F401  # adds its verb
from photism.cli.app import app
from photism.errors import InputError
from photism.executor import SerialExecutor
from photism.layers.attribution import METHODS, Explained
from photism.layers.explaining import explain_file
from photism.layers.explanation import Explanation
from photism.report.deciding import Decided
from photism.report.explain_page import explain_piece, save_explanation
from photism.report.heat_picture import overlay
from photism.report.page import build_page
from photism.runs import load
from photism.verbs.explain import explain

HOSTILE = "<img src=x onerror=alert(1)>.png"


@pytest.fixture(scope="module")
def explanation(trained: Path, digits: Path) -> Explanation:
    return explain_file(Explained(load(trained)), digits / "digit_3" / "0001.png", executor=SerialExecutor())


def test_the_json_is_the_contracts(explanation: Explanation) -> None:
    said = json.loads(json.dumps(explanation.to_json(), allow_nan=False))
    assert said["label"] == explanation.label
    assert said["method"] == "gradcam"
    for name in ("deletion", "insertion", "random_deletion", "random_insertion"):
        assert 0.0 <= said[name] <= 1.0
    assert isinstance(said["fails_own_check"], bool)
    for region in said["regions"]:
        for side in ("x", "y"):
            assert set(region[side]) == {"name", "unit", "start", "stop"}
            assert region[side]["start"] < region[side]["stop"]
        assert 0.0 < region["weight"] <= 1.0
    assert said["completeness_error"] is None
    assert explanation.path in explanation.to_text()


def test_the_verb_writes_a_page_that_needs_nothing_else(
    trained: Path, digits: Path, tmp_path: Path, explanation: Explanation
) -> None:
    file = tmp_path / HOSTILE
    shutil.copy(digits / "digit_3" / "0001.png", file)
    before = file.read_bytes()
    out = tmp_path / "out"
    found = explain(trained, file, out, command="photism explain <b>")
    assert {one.name for one in out.iterdir()} == {"explain.html", "explain.json", "heat.png"}
    page = (out / "explain.html").read_text()
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "photism explain &lt;b&gt;" in page
    with PillowImage.open(out / "heat.png") as heat:
        h, w = found.heat.values.shape[2:]
        assert heat.size == (2 * w, 2 * h)
    assert json.loads((out / "explain.json").read_text()) == found.to_json()
    assert file.read_bytes() == before
    assert replace(found, path=explanation.path).to_json() == explanation.to_json(), "the same file, the same answer"


@pytest.mark.parametrize("method", [name for name in METHODS if name != "gradcam"])
def test_another_class_by_every_method(method: str, tmp_path: Path) -> None:
    recipe, windows = image_windows(size_px=64)
    explained = Explained(recognizer_of(recipe, windows, ("fire3",)))
    pixels = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    PillowImage.fromarray(pixels).save(tmp_path / "noise.png")
    found = explain_file(explained, tmp_path / "noise.png", executor=SerialExecutor(), label="two", method=method)
    assert found.label == "two"
    assert found.answer in LABELS
    assert (found.completeness_error is not None) == (method == "integrated-gradients")
    assert found.check.shuffled_similarity is not None
    assert ("miss the difference" in found.to_text()) == (method == "integrated-gradients")


def test_wrong_input_gets_a_sentence(trained: Path, digits: Path, tmp_path: Path) -> None:
    file = digits / "digit_3" / "0001.png"
    with pytest.raises(InputError, match="--label expects one of digit_0"):
        explain(trained, file, tmp_path / "a", label="cat")
    with pytest.raises(InputError, match=r"broken\.png"):
        explain(trained, digits / "digit_0" / "broken.png", tmp_path / "b")
    with pytest.raises(InputError, match="--method expects gradcam"):
        explain(trained, file, tmp_path / "c", method="lime")
    with pytest.raises(InputError, match="expected a new or empty folder"):
        explain(trained, file, digits)
    assert not list(tmp_path.iterdir())


def test_the_command_prints_json_alone(trained: Path, digits: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "explain.json").write_text("{}")  # an earlier explanation is replaced
    (tmp_path / "out" / "region-7.wav").write_text("old")
    arguments = ["explain", str(trained), str(digits / "digit_3" / "0001.png"), "--out", str(tmp_path / "out")]
    answer = CliRunner().invoke(app, [*arguments, "--format", "json", "--method", "gradcam"])
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout)["method"] == "gradcam"
    assert {one.name for one in (tmp_path / "out").iterdir()} == {"explain.html", "explain.json", "heat.png"}
    refused = CliRunner().invoke(app, [*arguments, "--method", "guess"])
    assert refused.exit_code == 2


def test_a_failed_check_is_said_first(explanation: Explanation, tmp_path: Path) -> None:
    failed = replace(explanation, check=replace(explanation.check, gain=-0.1, gain_low=-0.2, gain_high=0.0))
    save_explanation(failed, tmp_path / "page.html")
    head = (tmp_path / "page.html").read_text().partition("<main>")[0]
    assert "does no better than random regions of the same size" in head
    assert "note-box" in explain_piece(failed)


def test_pictures_can_be_left_out(explanation: Explanation) -> None:
    assert "data:image" in explain_piece(explanation)
    assert "data:" not in explain_piece(explanation, pictures=False)


def test_the_glow_is_where_the_heat_is() -> None:
    pixels = np.full((8, 8, 3), 100, np.uint8)
    values = np.zeros((8, 8), np.float32)
    values[2, 5], values[6, 1] = 1.0, -1.0
    drawn = overlay(pixels, values, highest=1.0, outlined=np.zeros((8, 8), bool))
    assert drawn.shape == (16, 16, 3)
    bright = drawn.sum(axis=2)
    assert set(zip(*np.nonzero(bright > bright.min()), strict=True)) == {(y, x) for y in (4, 5) for x in (10, 11)}
    outlined = np.zeros((8, 8), bool)
    outlined[1:4, 1:4] = True
    assert (overlay(pixels, values * 0, highest=0.0, outlined=outlined) == 255).all(axis=2).sum() == 20


def test_the_report_says_where_the_kept_recognizer_answers_otherwise_than_the_measured_one(
    explanation: Explanation,
) -> None:
    """Validation files were measured before the kept recognizer learned from them as well."""
    pages = [
        build_page(replace(sample_account("image"), decided=(Decided("digit_3", explanation, measured),)))
        for measured in (explanation.answer, "digit_9")
    ]
    assert [f"digit_9 when it was measured, {explanation.answer} now" in page for page in pages] == [False, True]
    assert ["that is explained here" in page for page in pages] == [False, True]
