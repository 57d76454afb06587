"""Mixing what was before fine-tuning with what came of it: one head answers as the mixture."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from photism.recognizers.head import Head
from photism.recognizers.suffix import Suffix
from photism.training.attempts import Blend
from photism.training.blend import (
    SHARES,
    HeldOut,
    answers_on_the_way,
    choose_blend,
    frozen_logits,
    go_to,
    joint_head,
    weights_of,
)
from photism.training.features import Features, by_file, softmax
from photism.training.finetune import answer
from photism.training.plan import REACHES
from tests.training.test_finetune import EASY, K, N, small_suffix, tune

FILES = np.flatnonzero(EASY.valid)
temperatures = st.floats(0.1, 10.0)


def a_head(seed: int, name: str, d: int = 6, temperature: float = 1.0) -> Head:
    rng = np.random.default_rng(seed)
    return Head(
        (name,),
        rng.standard_normal(d).astype(np.float32),
        rng.uniform(0.5, 2.0, d).astype(np.float32),
        rng.standard_normal((d, K)).astype(np.float32),
        rng.standard_normal(K).astype(np.float32),
        temperature,
    )


def told(y: np.ndarray, files: np.ndarray, *, sure: float) -> tuple[Head, Features]:
    """A head on frozen stages that knows the classes of ``files``, or nothing where ``sure`` is 0."""
    known = np.eye(K, dtype=np.float32)[y[files]]
    head = Head(
        ("p/a",), np.zeros(K, np.float32), np.ones(K, np.float32), sure * np.eye(K, dtype=np.float32),
        np.zeros(K, np.float32),
    )  # fmt: skip
    return head, Features({"p/a": known}, files, np.ones(len(files), np.float32), len(y))


@given(st.sampled_from(SHARES), temperatures, temperatures, temperatures)
def test_one_head_answers_as_the_mixture_does(share: float, tuned_t: float, frozen_t: float, last_t: float) -> None:
    rng = np.random.default_rng(0)
    layers = {"p/a": rng.standard_normal((5, 6)).astype(np.float32), "p/c": rng.standard_normal((5, 6), np.float32)}
    tuned, frozen = a_head(1, "p/c"), a_head(2, "p/a", temperature=frozen_t)
    blend = Blend(share=share, tuned_temperature=tuned_t, temperature=last_t)
    mixed = blend.mix(tuned.logits(layers), np.log(np.maximum(frozen.probabilities(layers), 1e-300)))
    found = joint_head(blend, tuned, frozen).probabilities(layers)
    np.testing.assert_allclose(found, softmax(mixed), atol=2e-5)


def test_without_a_share_the_head_reads_trained_stages_only() -> None:
    assert joint_head(Blend(), a_head(1, "p/c"), a_head(2, "p/a")).layers == ("p/c",)
    assert joint_head(Blend(share=0.3), a_head(1, "p/c"), a_head(2, "p/a")).layers == ("p/a", "p/c")


def test_weights_go_from_start_to_end() -> None:
    suffix = small_suffix()
    start = weights_of(suffix)
    tune(EASY, suffix)
    end = weights_of(suffix)
    go_to(suffix, start, end, 1.0)
    assert all((a == b).all() for a, b in zip(weights_of(suffix), end, strict=True))
    go_to(suffix, start, end, 0.0)
    assert all((a == b).all() for a, b in zip(weights_of(suffix), start, strict=True))
    go_to(suffix, start, end, 0.5)
    for middle, a, b in zip(weights_of(suffix), start, end, strict=True):
        np.testing.assert_allclose(middle.numpy(), ((a + b) / 2).numpy(), atol=1e-6)


def on_the_way(suffix: Suffix, start: list[Tensor]) -> tuple[Features, dict[float, np.ndarray]]:
    return answers_on_the_way(suffix, start, EASY.views, FILES)


@pytest.mark.parametrize("sure", [0.0, 8.0])
def test_files_that_were_not_learned_from_choose(sure: float) -> None:
    suffix = small_suffix()
    start = weights_of(suffix)
    tune(EASY, suffix)
    end = weights_of(suffix)
    windows, tuned = on_the_way(suffix, start)
    assert all((a == b).all() for a, b in zip(weights_of(suffix), end, strict=True))
    frozen = frozen_logits(*told(EASY.y, FILES, sure=sure), windows)
    held_out = HeldOut(windows, tuned, frozen)
    blend = choose_blend(held_out, EASY.y)
    assert blend.reach in REACHES
    assert blend.share in SHARES
    go_to(suffix, start, end, blend.reach)
    _, logits = answer(suffix, EASY.views, FILES)
    found = held_out.probabilities(blend)[FILES]
    np.testing.assert_allclose(found, by_file(softmax(blend.mix(logits, frozen)), windows)[FILES], atol=1e-6)


def test_a_frozen_head_that_knows_better_gets_the_largest_share() -> None:
    """And one that knows the opposite gets none."""
    shares = []
    for shift in (0, 1):
        suffix = small_suffix()
        start = weights_of(suffix)
        tune(EASY, suffix, until=1)
        windows, tuned = on_the_way(suffix, start)
        frozen = frozen_logits(*told((EASY.y + shift) % K, FILES, sure=8.0), windows)
        shares.append(choose_blend(HeldOut(windows, tuned, frozen), EASY.y).share)
    assert shares == [SHARES[-1], 0.0]


def test_a_training_that_destroyed_the_network_is_taken_halfway_back() -> None:
    suffix = small_suffix()
    tune(EASY, suffix)
    good = weights_of(suffix)
    go_to(suffix, good, [-value for value in good], 1.0)
    windows, tuned = on_the_way(suffix, good)
    assert choose_blend(HeldOut(windows, tuned, None), EASY.y).reach == min(REACHES)


def test_the_order_of_windows_is_checked() -> None:
    suffix = small_suffix()
    other = told(EASY.y, np.flatnonzero(np.arange(N) % 4 == 2), sure=1.0)
    windows, _ = on_the_way(suffix, weights_of(suffix))
    with pytest.raises(AssertionError):
        frozen_logits(*other, windows)


@given(st.builds(Blend, st.floats(0, 1), st.floats(0, 1), temperatures, temperatures))
def test_a_blend_survives_being_written_down(blend: Blend) -> None:
    assert Blend.from_json(json.loads(json.dumps(asdict(blend)))) == blend
