"""The pure functions of the benchmark against peers: pairing, intervals, time to an accuracy, splits, augmentation."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from benchmarks import against_peers
from benchmarks.against_peers import (
    first_to_reach,
    is_finished,
    longest_within,
    mcnemar_p,
    paired_difference,
    rows_of,
    tasks,
)

PEERS = Path(against_peers.__file__).parent / "peers"


@pytest.fixture(scope="module")
def recording():
    spec = importlib.util.spec_from_file_location("peers_recording", PEERS / "recording.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, "peers_recording", module)
        spec.loader.exec_module(module)
    return module


def test_paired_difference_is_the_difference_of_accuracies():
    right, other = np.array([1, 1, 1, 0] * 50, bool), np.array([1, 0, 1, 0] * 50, bool)
    difference, low, high = paired_difference(right, other, np.arange(200))
    assert difference == pytest.approx(0.25)
    # Wald's interval of a paired difference of 50 in 200
    assert (low, high) == pytest.approx((0.19, 0.31), abs=0.015)


def test_paired_difference_is_wider_where_items_share_groups():
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(20), 10)
    right, other = np.repeat(rng.random(20) < 0.8, 10), np.repeat(rng.random(20) < 0.6, 10)
    _, low, high = paired_difference(right, other, group)
    _, alone_low, alone_high = paired_difference(right, other, np.arange(200))
    assert high - low > 2 * (alone_high - alone_low)


def test_mcnemar_counts_only_the_items_that_differ():
    right, other = np.ones(110, bool), np.ones(110, bool)
    other[:10] = False
    assert mcnemar_p(right, other) == pytest.approx(2 * 0.5**10)
    assert mcnemar_p(right, right) == 1.0


def test_time_to_an_accuracy_takes_the_fastest_and_within_a_time_takes_the_longest():
    runs = {"probe": (6.0, 0.90), "20s": (20.0, 0.95), "60s": (60.0, 0.94)}
    assert first_to_reach(0.93, runs) == ("20s", 20.0)
    assert first_to_reach(0.99, runs) is None
    assert longest_within(61.0, runs) == ("60s", 0.94)
    assert longest_within(5.0, runs) is None


def test_rows_hold_out_the_fold_whatever_the_split_says(tmp_path):
    (tmp_path / "set.csv").write_text(
        "path,label,fold,split\na,x,one,train\nb,x,two,test\nc,y,two,train\nd,y,one,test\n"
    )
    assert [row["part"] for row in rows_of(tmp_path / "set.csv", "two")] == ["train", "test", "test", "train"]
    assert [row["part"] for row in rows_of(tmp_path / "set.csv", None)] == ["train", "test", "train", "test"]


def test_every_fold_is_run_by_everyone_and_photism_goes_first():
    found = tasks(["esc10"], {"default": "", "60s": "--budget 60s"}, ["fastai"])
    first = [task.key for task in found if task.fold == "1"]
    assert first[:2] == ["esc10/1/photism/default", "esc10/1/photism/60s"]
    assert found[1].options == ("--budget", "60s")
    assert len(found) == 3 * (2 + 3)


def test_a_spectrogram_keeps_its_shape_and_is_never_flipped(recording):
    ramp = np.broadcast_to(np.arange(224, dtype=np.uint8)[:, None, None], (224, 224, 3)).copy()
    changed = recording.augment_spectrogram(ramp, np.random.default_rng(0))
    assert changed.shape == ramp.shape
    assert changed.dtype == np.uint8
    middle = changed[:, 112, 0].astype(int)
    seen = middle[middle > 0]
    assert np.all(np.diff(seen) >= 0)


def test_epochs_are_planned_to_fit(recording):
    assert recording.planned_epochs(25, n_train=1000, images_per_second=10, time_limit=float("inf")) == 25
    assert recording.planned_epochs(25, n_train=1000, images_per_second=10, time_limit=650) == 6
    assert recording.planned_epochs(25, n_train=1000, images_per_second=10, time_limit=1) == 1


def test_a_run_is_finished_when_its_last_line_is_there(recording, tmp_path):
    manifest = {"kind": "binary", "classes": ["a", "b"]}
    job = recording.Job(
        manifest, np.zeros((4, 8, 8, 3), np.uint8), np.array([0, 1, 0, 1]), np.arange(2), np.arange(2, 4)
    )
    record = recording.Recorder(tmp_path, job)
    with record.training():
        record.saw(2)
    record.epoch(np.array([0, 0]))
    assert not is_finished(tmp_path)
    record.finish()
    assert is_finished(tmp_path)
    assert '"test_accuracy": 0.5' in (tmp_path / "log.jsonl").read_text()
