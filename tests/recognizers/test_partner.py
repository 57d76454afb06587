"""Two networks in one recognizer: their answers are mixed as said, kept on disk, and asked by any engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage
from tests.layers.explained_samples import image_windows, recognizer_of

from photism.executor import SerialExecutor
from photism.recognizers.mixture import Mixture
from photism.recognizers.recognizer import Partner, Recognizer, load_recognizer, save_recognizer


def alone(size_px: int, stage: str) -> Recognizer:
    return recognizer_of(*image_windows(size_px=size_px), (stage,))


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path in paths:
        PillowImage.fromarray(rng.integers(0, 256, (90, 120, 3), np.uint8)).save(path)
    return paths


@pytest.mark.parametrize("size_px", [96, 64])
def test_the_answer_is_the_mixture_of_both(files: list[Path], size_px: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where both see the same pictures, which are then drawn once; and over the edge of what is held at a time."""
    monkeypatch.setattr("photism.recognizers.recognizer.CHUNK_FILES", 2)
    first, second, mixture = alone(96, "fire9"), alone(size_px, "fire4"), Mixture(0.3, 0.8)
    executor = SerialExecutor()
    one, other = (
        np.array([answer.probabilities for answer in recognizer.predict(files, executor=executor)])
        for recognizer in (first, second)
    )
    mean = 0.7 * one + 0.3 * other
    expected = mean**1.25 / (mean**1.25).sum(axis=1, keepdims=True)
    both = replace(first, partner=Partner(second, mixture)).predict(files, executor=executor)
    np.testing.assert_allclose([answer.probabilities for answer in both], expected, atol=1e-6)
    assert [answer.path for answer in both] == [str(file) for file in files]


def test_a_broken_file_is_told_and_the_others_are_answered(files: list[Path]) -> None:
    files[1].write_bytes(b"no picture")
    both = replace(alone(96, "fire9"), partner=Partner(alone(64, "fire4"), Mixture(0.5)))
    answers = both.predict(files, executor=SerialExecutor())
    assert [answer.error is None for answer in answers] == [True, False, True]


def test_a_pair_is_saved_and_loaded(files: list[Path], tmp_path: Path) -> None:
    both = replace(alone(96, "fire9"), partner=Partner(alone(64, "fire4"), Mixture(0.35, 0.9)))
    save_recognizer(tmp_path / "recognizer", both)
    loaded = load_recognizer(tmp_path / "recognizer")
    assert loaded.partner is not None
    assert loaded.partner.mixture == Mixture(0.35, 0.9)
    answers = [one.predict(files, executor=SerialExecutor()) for one in (both, loaded)]
    assert answers[0] == answers[1]
    assert "with" in repr(loaded)


def test_another_engine_is_another_engine_for_both() -> None:
    both = replace(alone(96, "fire9"), partner=Partner(alone(64, "fire4"), Mixture(0.5))).by("openvino-fp32")
    assert both.partner is not None
    assert (both.engine, both.partner.recognizer.engine) == ("openvino-fp32", "openvino-fp32")
