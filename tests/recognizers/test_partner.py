"""Two networks in one recognizer: their answers are mixed as said, kept on disk, and asked by any engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage
from tests.layers.explained_samples import LABELS, image_windows, recognizer_of

from photism.executor import SerialExecutor
from photism.layers.attribution import Explained
from photism.layers.explaining import explain_file
from photism.pictures.gallery import Gallery, Rendered
from photism.recognizers.mixture import Mixture
from photism.recognizers.recognizer import Decision, Partner, Recognizer, load_recognizer, save_recognizer


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
    drawn: list[object] = []
    pictures = Gallery.pictures

    def counted(gallery: Gallery, some: Sequence[object], *rest: Any) -> Iterator[Rendered]:
        drawn.extend(some)
        return pictures(gallery, some, *rest)

    monkeypatch.setattr(Gallery, "pictures", counted)
    mean = 0.7 * one + 0.3 * other
    expected = mean**1.25 / (mean**1.25).sum(axis=1, keepdims=True)
    both = replace(first, partner=Partner(second, mixture)).predict(files, executor=executor)
    np.testing.assert_allclose([answer.probabilities for answer in both], expected, atol=1e-6)
    assert [answer.path for answer in both] == [str(file) for file in files]
    assert len(drawn) == (3 if size_px == 96 else 6)


def test_a_broken_file_is_told_and_the_others_are_answered(files: list[Path]) -> None:
    files[1].write_bytes(b"no picture")
    both = replace(alone(96, "fire9"), partner=Partner(alone(64, "fire4"), Mixture(0.5)))
    answers = both.predict(files, executor=SerialExecutor())
    assert [answer.error is None for answer in answers] == [True, False, True]


def test_a_file_that_vanishes_between_two_looks_is_told(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    both = replace(alone(96, "fire9"), partner=Partner(alone(64, "fire4"), Mixture(0.5)))
    pictures = Gallery.pictures

    def vanishing(gallery: Gallery, *rest: Any) -> Iterator[Rendered]:
        if gallery.recipe.options["size_px"] == 64:
            files[0].unlink()
        yield from pictures(gallery, *rest)

    monkeypatch.setattr(Gallery, "pictures", vanishing)
    answers = both.predict(files, executor=SerialExecutor())
    assert answers[0].error is not None
    assert answers[0].error.startswith(str(files[0]))
    assert [answer.label is not None for answer in answers] == [False, True, True]


def test_a_threshold_decides_on_what_both_say(files: list[Path]) -> None:
    """And an explanation names the same answer."""

    def of_two(stage: str) -> Recognizer:
        one = alone(96, stage)
        head = replace(one.head, weight=one.head.weight[:, :2], bias=one.head.bias[:2])
        return replace(one, labels=LABELS[:2], head=head)

    first, second = of_two("fire9"), of_two("fire4")
    both = replace(first, partner=Partner(second, Mixture(0.5)), decision=Decision(LABELS[0], 1e-6))
    (answer,) = both.predict(files[0], executor=SerialExecutor())
    assert answer.label == LABELS[0]
    found = explain_file(Explained(both), files[0], executor=SerialExecutor())
    assert found.answer == found.label == LABELS[0]
    assert found.joint is not None
    assert found.joint.probability == pytest.approx(answer.probability)


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
