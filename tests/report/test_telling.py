"""From a training to its account: what is shown is what was found, and no more is rendered than is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.recognizers.backbone_samples import random_backbone
from tests.small_training import Small

from photism.executor import SerialExecutor
from photism.pictures.table import first_window
from photism.recognizers.recognizer import Recognizer
from photism.report.account import N_MISTAKES_SHOWN, examples_wanted
from photism.report.page import build_page
from photism.report.telling import Story, tell
from photism.types import JSON, Image

MEASURES: dict[str, JSON] = {"n": 6, "accuracy": 0.5, "low": 0.2, "high": 0.8}
CHOSEN: dict[str, JSON] = {"method": "probe", "backbone": "squeezenet1_1", "layers": ["a"], "engine": "torch-fp32"}


class CountingExecutor(SerialExecutor):
    def __init__(self) -> None:
        self.items: list[Any] = []

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        self.items += items
        return super().map(function, items)


@pytest.fixture
def story(small: Small) -> Story:
    fitted = small.fitted
    recognizer = Recognizer(
        random_backbone(),
        small.material.labels,
        small.recipe,
        small.asked.panels,
        fitted.head,
        fitted.familiarity,
        small.asked.engine,
    )
    return Story(
        title="colours",
        command="photism train colours",
        group_by=None,
        material=small.material,
        recognizer=recognizer,
        fitted=fitted,
        metrics={
            "larger": None,
            "ensemble": None,
            "attempts": [],
            "untried": None,
            "unaudited": "that was switched off",
            "valid": {**MEASURES, "n": small.material.count("valid")},
            "test": MEASURES,
            "familiar_rate": fitted.familiar_rate,
            "chosen": CHOSEN,
            "versions": {"photism": "0"},
            "leaks": [],
            "leak_worth": None,
            "causes": [],
        },
        audit=None,
        seconds={"read": 0.1},
        finished="2025-01-01T00:00:00+00:00",
    )


def all_wrong(story: Story, *, confidence: float = 0.9) -> Story:
    """The same story, but every test answer is the next class, surer and surer."""
    probability = np.full_like(story.fitted.probabilities["test"], np.nan)
    for rank, i in enumerate(np.flatnonzero(story.material.mask("test"))):
        sure = confidence + 0.01 * rank
        probability[i] = (1 - sure) / 2
        probability[i, (story.material.y[i] + 1) % 3] = sure
    return replace(
        story, fitted=replace(story.fitted, probabilities={**story.fitted.probabilities, "test": probability})
    )


def test_the_account_says_what_was_found(story: Story) -> None:
    account = tell(story, SerialExecutor())
    assert account.labels == ("blue", "green", "red")
    assert [count.n for count in account.counts] == [10, 10, 10]
    assert [count.n_test for count in account.counts] == [2, 2, 2]
    assert account.test is not None
    assert account.test.n == 6
    assert account.verdict == story.fitted.verdict
    assert account.n_groups is None
    assert {probe.name for probe in account.probes if probe.chosen} == {" + ".join(story.fitted.selection.layers)}
    assert len(account.examples) == 3 * min(examples_wanted(3), story.material.count("train") // 3)
    assert account.steps is not None
    assert isinstance(account.steps.signal, Image)
    assert all(example.window[0].pixels.shape == (64, 64, 3) for example in account.examples)
    assert "colours" in build_page(account)


def test_the_most_confident_mistake_comes_first(story: Story) -> None:
    mistakes = tell(all_wrong(story), SerialExecutor()).mistakes
    assert len(mistakes) == 6
    assert [m.probability for m in mistakes] == sorted((m.probability for m in mistakes), reverse=True)
    assert all(m.predicted != m.truth for m in mistakes)
    assert all(m.window is not None for m in mistakes)


def test_no_more_is_rendered_than_the_page_shows(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("photism.report.telling.N_MISTAKES_SHOWN", 2)
    executor = CountingExecutor()
    account = tell(all_wrong(story), executor)
    assert len(executor.items) == len(account.examples) + 2
    assert [m.window is not None for m in account.mistakes] == [True, True, False, False, False, False]
    assert N_MISTAKES_SHOWN > 2


def test_without_an_executor_nothing_is_drawn(story: Story) -> None:
    account = tell(all_wrong(story), None)
    assert account.examples == ()
    assert account.steps is None
    assert all(mistake.window is None for mistake in account.mistakes)
    assert len(account.mistakes) == 6
    assert "<img" not in build_page(account, pictures=False)


def test_validation_speaks_where_there_is_no_test_part(story: Story) -> None:
    account = tell(replace(story, metrics={**story.metrics, "test": None}), None)
    assert account.test is None
    assert account.valid.n == story.material.count("valid")


def test_a_file_that_has_gone_is_no_example(story: Story, tmp_path: Path) -> None:
    assert first_window(tmp_path / "gone.png", story.recognizer.recipe) is None
    broken = story.material.samples
    gone = tuple(replace(s, path=tmp_path / s.path.name) if s.label == "red" else s for s in broken)
    material = replace(story.material, samples=gone)
    material = replace(material, dataset=replace(material.dataset, facts={**material.dataset.facts}))
    account = tell(replace(story, material=material), SerialExecutor())
    assert {example.label for example in account.examples} == {"blue", "green"}
