"""Training a suffix: it learns, one seed gives the same bits, and a training that was cut off ends as if it was not."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from photism.recognizers.backbones import Backbone
from photism.recognizers.frozen_pass import Panel
from photism.recognizers.head import Head
from photism.recognizers.suffix import Suffix
from photism.recognizers.table import Stage
from photism.recognizers.trunk import Trunk
from photism.training.calibration import temperature_for
from photism.training.features import by_file, softmax
from photism.training.finetune import Tuned, answer, finetune
from photism.training.plan import Plan
from photism.training.views import Views
from photism.types import Mask, Progress, silent

SIDE, PLACES, N, K = 16, 8, 72, 3
PLAN = Plan(after="a", layers=("p/c",), epochs=5, views=2, batch=16, rate=1e-2, head_rate=0.3, seed=0)


def small_suffix(n_classes: int = K) -> Suffix:
    """Two trainable stages of eight channels behind a frozen one; a head that says nothing yet."""
    torch.manual_seed(0)
    trunk = Trunk(
        {
            name: nn.Sequential(nn.Conv2d(n_in, 8, 3, stride, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
            for name, n_in, stride in (("a", 3, 2), ("b", 8, 1), ("c", 8, 2))
        }
    )
    stages = (Stage("a", 8, 2, 3), Stage("b", 8, 2, 7), Stage("c", 8, 4, 11))
    backbone = Backbone("by hand", "", "", "0" * 64, SIDE, (0.5,) * 3, (0.5,) * 3, stages, lambda: trunk)
    zero = np.zeros(16, np.float32)
    head = Head(("p/c",), zero, np.ones(16, np.float32), np.zeros((16, n_classes), np.float32), zero[:n_classes])
    return Suffix(backbone, after="a", panels=(Panel("p", SIDE, SIDE, False, False),), head=head)


@dataclass(frozen=True)
class Task:
    """Files with maps in a plain view and varied ones."""

    views: Views
    y: np.ndarray
    train: Mask
    valid: Mask | None


def task(
    *,
    n: int = N,
    noise: float = 0.5,
    n_views: int = 2,
    boxes: np.ndarray | None = None,
) -> Task:
    """Every class has a pattern of its own over the channels; every fourth file is for validation."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % K
    patterns = 2.0 * rng.standard_normal((K, 8, 1, 1))
    content = np.tile(np.array([0, 0, SIDE, SIDE], np.int32), (n, 1, 1)) if boxes is None else boxes
    tables = []
    for _ in range(1 + n_views):
        maps = (patterns[y] + noise * rng.standard_normal((n, 8, PLACES, PLACES))).astype(np.float16)
        tables.append((maps[:, None], np.arange(n), np.ones(n, np.int64), content))
    valid = np.arange(n) % 4 == 3
    return Task(Views(tables), y, ~valid, valid)


EASY = task()


@pytest.fixture(scope="module", autouse=True)
def _kept_after_every_epoch() -> Iterator[None]:
    """Epochs are short here: without this the state would be written at the end only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("photism.training.finetune.KEEP_EVERY_S", 0.0)
        yield


def tune(
    task: Task,
    suffix: Suffix,
    plan: Plan = PLAN,
    *,
    until: int | None = None,
    checkpoint: Path | None = None,
    progress: Progress = silent,
) -> Tuned:
    return finetune(
        suffix, task.views, task.y, np.arange(len(task.y)),
        train=task.train, valid=task.valid, plan=plan, until=until, checkpoint=checkpoint, progress=progress,
    )  # fmt: skip


def bits(suffix: Suffix) -> list[bytes]:
    return [value.detach().numpy().tobytes() for value in suffix.state_dict().values()]


def without_seconds(tuned: Tuned) -> list[str]:
    return [repr(replace(row, seconds=0.0)) for row in tuned.rows]  # repr: a loss may be no number


@dataclass(frozen=True)
class Whole:
    """A training that nobody interrupted, and its checkpoint after every epoch."""

    weights: list[bytes]
    tuned: Tuned
    kept: list[Path]
    last: Path


STEPS = math.ceil(N * 3 / 4 / PLAN.batch)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    place, kept = tmp_path_factory.mktemp("whole"), []

    def copy(phase: str, done: int, total: int) -> None:
        assert (phase, total) == ("fine-tuning", PLAN.epochs * STEPS)
        if done % STEPS == 1 and done > 1:  # an epoch has just begun
            kept.append(shutil.copytree(place / "state", place / f"after-{done // STEPS}"))

    suffix = small_suffix()
    tuned = tune(EASY, suffix, checkpoint=place / "state", progress=copy)
    assert len(kept) == PLAN.epochs - 1
    return Whole(bits(suffix), tuned, kept, place / "state")


def assert_same_end(whole: Whole, suffix: Suffix, tuned: Tuned, checkpoint: Path | None = None) -> None:
    assert bits(suffix) == whole.weights
    assert tuned.best_epoch == whole.tuned.best_epoch
    assert without_seconds(tuned) == without_seconds(whole.tuned)
    if checkpoint is not None:
        one, other = (load_file(place / "state.safetensors") for place in (checkpoint, whole.last))
        assert set(one) == set(other)
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_an_easy_task_is_learned_from_where_the_head_began(whole: Whole) -> None:
    rows = whole.tuned.rows
    assert [row.epoch for row in rows] == [1, 2, 3, 4, 5]
    assert rows[0].train_loss_nats < math.log(K)
    assert rows[-1].train_loss_nats < 0.5 * rows[0].train_loss_nats
    assert rows[-1].valid_accuracy == 1.0
    assert all(row.valid_low <= row.valid_accuracy <= row.valid_high for row in rows)
    assert rows[-1].learning_rate < rows[1].learning_rate <= PLAN.rate


def test_every_stage_and_the_head_are_trained() -> None:
    before, suffix = dict(small_suffix().named_parameters()), small_suffix()
    tune(EASY, suffix, until=2)
    assert not [name for name, value in suffix.named_parameters() if torch.equal(value, before[name])]


def test_the_same_plan_gives_the_same_bits_and_another_seed_others(whole: Whole) -> None:
    suffix = small_suffix()
    torch.manual_seed(99)
    np.random.seed(99)
    assert_same_end(whole, suffix, tune(EASY, suffix))
    other = small_suffix()
    tune(EASY, other, replace(PLAN, seed=1))
    assert bits(other) != whole.weights


@pytest.mark.parametrize("epoch", range(1, PLAN.epochs))
def test_a_training_goes_on_after_any_epoch_and_ends_with_the_same_bits(
    whole: Whole, epoch: int, tmp_path: Path
) -> None:
    state = shutil.copytree(whole.kept[epoch - 1], tmp_path / "state")
    steps: list[int] = []
    suffix = small_suffix()
    tuned = tune(EASY, suffix, checkpoint=state, progress=lambda _, done, __: steps.append(done))
    assert steps[0] == epoch * STEPS + 1
    assert_same_end(whole, suffix, tuned, state)


@pytest.mark.parametrize("step", [1, STEPS, STEPS + 1, 3 * STEPS - 1])
def test_a_training_that_is_stopped_within_an_epoch_ends_with_the_same_bits(
    whole: Whole, step: int, tmp_path: Path
) -> None:
    def stop(_: str, done: int, __: int) -> None:
        if done == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(EASY, small_suffix(), checkpoint=tmp_path, progress=stop)
    suffix = small_suffix()
    assert_same_end(whole, suffix, tune(EASY, suffix, checkpoint=tmp_path), tmp_path)


def test_a_finished_training_is_not_repeated(whole: Whole, tmp_path: Path) -> None:
    state = shutil.copytree(whole.last, tmp_path / "state")
    steps: list[int] = []
    suffix = small_suffix()
    tuned = tune(EASY, suffix, checkpoint=state, progress=lambda _, done, __: steps.append(done))
    assert not steps
    assert_same_end(whole, suffix, tuned)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def fill_with_nothing(path: Path) -> None:
    path.write_bytes(b"")


def scribble(path: Path) -> None:
    path.write_bytes(b"\xff" * 500)


@pytest.mark.parametrize("damage", [cut_short, fill_with_nothing, scribble])
def test_a_damaged_checkpoint_begins_anew(whole: Whole, damage: Callable[[Path], None], tmp_path: Path) -> None:
    state = shutil.copytree(whole.kept[2], tmp_path / "state")
    damage(state / "state.safetensors")
    steps: list[int] = []
    suffix = small_suffix()
    tuned = tune(EASY, suffix, checkpoint=state, progress=lambda _, done, __: steps.append(done))
    assert steps[0] == 1
    assert_same_end(whole, suffix, tuned, state)


def test_half_a_checkpoint_beside_a_whole_one_is_no_harm(whole: Whole, tmp_path: Path) -> None:
    state = shutil.copytree(whole.kept[1], tmp_path / "state")
    (state / "state.new").write_bytes((state / "state.safetensors").read_bytes()[:500])
    suffix = small_suffix()
    assert_same_end(whole, suffix, tune(EASY, suffix, checkpoint=state), state)


def test_the_checkpoint_of_another_plan_is_not_taken_up(whole: Whole, tmp_path: Path) -> None:
    state = shutil.copytree(whole.kept[2], tmp_path / "state")
    plan = replace(PLAN, rate=2e-2)
    one, other = small_suffix(), small_suffix()
    with_state, without = tune(EASY, one, plan, checkpoint=state), tune(EASY, other, plan)
    assert bits(one) == bits(other)
    assert without_seconds(with_state) == without_seconds(without)


def test_the_checkpoint_of_other_files_is_not_taken_up(whole: Whole, tmp_path: Path) -> None:
    state = shutil.copytree(whole.kept[2], tmp_path / "state")
    moved = replace(EASY, train=np.roll(EASY.train, 1), valid=np.roll(~EASY.train, 1))
    one, other = small_suffix(), small_suffix()
    tune(moved, one, checkpoint=state)
    tune(moved, other)
    assert bits(one) == bits(other)


def loss_of(suffix: Suffix, task: Task, part: Mask) -> float:
    files = np.flatnonzero(part)
    windows, logits = answer(suffix, task.views, files)
    logits = logits / np.float32(temperature_for(logits, windows, task.y))
    return float(-np.log(by_file(softmax(logits), windows)[files, task.y[files]]).mean())


def test_the_weights_of_the_best_epoch_remain() -> None:
    # What is learned is wrong for validation: the earlier, the better.
    hard = replace(EASY, y=np.where(EASY.train, EASY.y, (EASY.y + 1) % K))
    suffix = small_suffix()
    tuned = tune(hard, suffix, PLAN)
    best = min(tuned.rows, key=lambda row: row.valid_loss_nats)
    assert tuned.best_epoch == best.epoch < len(tuned.rows)
    assert loss_of(suffix, hard, ~hard.train) == pytest.approx(best.valid_loss_nats, rel=1e-4)
    assert tuned.rows[1].valid_loss_nats > best.valid_loss_nats * (1 + 3e-4)


def test_without_validation_the_last_epoch_is_the_best() -> None:
    alone = replace(EASY, valid=None)
    tuned = tune(alone, small_suffix(), until=3)
    assert tuned.best_epoch == len(tuned.rows) == 3
    assert all(math.isnan(row.valid_loss_nats) for row in tuned.rows)


def test_ending_early_keeps_the_rates_of_the_whole_plan(whole: Whole) -> None:
    suffix = small_suffix()
    tuned = tune(EASY, suffix, until=2)
    assert without_seconds(tuned) == without_seconds(whole.tuned)[:2]
    assert bits(suffix) != whole.weights


def test_mixed_pictures_are_learned_from_too(tmp_path: Path) -> None:
    plan = replace(PLAN, mixup=0.4)
    one, other, plain = small_suffix(), small_suffix(), small_suffix()
    tuned = tune(EASY, one, plan)
    assert tuned.rows[-1].valid_accuracy > 0.9
    tune(EASY, other, plan)
    assert bits(one) == bits(other)
    tune(EASY, plain)
    assert bits(plain) != bits(one)


def test_a_mixed_picture_holds_data_where_either_does() -> None:
    boxes = np.tile(np.array([0, 0, 8, 16], np.int32), (N, 1, 1))
    boxes[1::2] = [4, 8, 16, 16]
    seen: list[np.ndarray] = []
    suffix = small_suffix()
    handle = suffix.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1]))
    tune(task(boxes=boxes), suffix, replace(PLAN, mixup=0.4), until=1)
    handle.remove()
    found = {tuple(box) for content in seen[:STEPS] for box in content[:, 0].tolist()}
    assert found == {(0, 0, 8, 16), (4, 8, 16, 16), (0, 0, 16, 16)}


def test_classes_weigh_the_same_however_many_files_they_have() -> None:
    """Maps that say nothing: what is answered is the prior, and three to one must come out as one to one."""
    n = 64
    rare = (np.arange(n) % 4 == 0).astype(np.int64)
    empty = (np.zeros((n, 1, 8, PLACES, PLACES), np.float16), np.arange(n), np.ones(n, np.int64))
    content = np.tile(np.array([0, 0, SIDE, SIDE], np.int32), (n, 1, 1))
    blind = Task(Views([(*empty, content)]), rare, np.ones(n, dtype=bool), None)
    suffix = small_suffix(n_classes=2)
    with torch.no_grad():
        suffix.bias.copy_(torch.tensor([1.0, -1.0]))
    tune(blind, suffix, replace(PLAN, epochs=20, head_rate=0.5))
    _, logits = answer(suffix, blind.views, np.arange(n))
    assert softmax(logits)[:, 1].mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("with_valid", [True, False])
def test_a_training_that_diverges_stops_and_leaves_numbers(with_valid: bool, tmp_path: Path) -> None:
    wild = EASY if with_valid else replace(EASY, valid=None)
    plan = replace(PLAN, rate=1e30, head_rate=1e30)
    first, suffix = small_suffix(), small_suffix()
    tuned = tune(wild, suffix, plan, checkpoint=tmp_path)
    assert not math.isfinite(tuned.rows[-1].train_loss_nats)
    assert len(tuned.rows) < plan.epochs
    assert all(torch.isfinite(value).all() for value in suffix.parameters())
    again = tune(wild, first, plan, checkpoint=tmp_path)
    assert without_seconds(again) == without_seconds(tuned)
    assert bits(first) == bits(suffix)


def test_files_of_several_windows_have_one_say_each() -> None:
    """Three windows of one file and one of another, read back in order."""
    rng = np.random.default_rng(0)
    maps = rng.standard_normal((9, 1, 8, PLACES, PLACES)).astype(np.float16)
    content = np.tile(np.array([0, 0, SIDE, SIDE], np.int32), (4, 1, 1))
    views = Views([(maps, np.array([5, 0, 2]), np.array([3, 0, 1]), content)])
    suffix = small_suffix()
    with torch.no_grad():
        suffix.weight.copy_(torch.from_numpy(rng.standard_normal((16, K)).astype(np.float32)))
    windows, logits = answer(suffix, views, np.array([0, 2]))
    assert windows.sample_of_window.tolist() == [0, 0, 0, 2]
    np.testing.assert_allclose(windows.weight, [1 / 3, 1 / 3, 1 / 3, 1])
    with torch.no_grad():
        expected = suffix(torch.from_numpy(maps[[5, 6, 7, 2]].astype(np.float32)), content)
    np.testing.assert_allclose(logits, expected.numpy(), atol=1e-5)


def test_the_number_of_threads_is_left_as_it_was() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        tune(EASY, small_suffix(), until=1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
