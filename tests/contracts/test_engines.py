"""Every engine keeps the same promises: the same numbers, the same bits, no padding in a feature."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.recognizers.backbone_samples import pictures, random_backbone

from photism.errors import EngineError, OptionError, WeightsError
from photism.recognizers import engines
from photism.recognizers.backbones import load_backbone
from photism.recognizers.engines import ENGINES, engines_here, open_engine

SIZE_PX = (64, 96)
HERE = engines_here()
FP32 = [name for name in HERE if name.endswith("fp32") and name != "torch-fp32"]


def boxes(n: int) -> np.ndarray:
    """Every second picture is padded, one of them nearly everywhere."""
    content = np.tile([0, 0, SIZE_PX[1], SIZE_PX[0]], (n, 1))
    content[1::2] = [10, 0, 70, 40]
    content[3:4] = [90, 60, 93, 61]
    return content


@pytest.mark.parametrize("name", FP32)
@pytest.mark.parametrize("grid", [(1, 1), (4, 1), (1, 3), (3, 5)])
def test_single_precision_agrees_to_one_in_a_thousand(name: str, grid: tuple[int, int]) -> None:
    images, content = pictures(5, SIZE_PX), boxes(5)
    ours, reference = (
        open_engine(random_backbone(), size_px=SIZE_PX, grid=grid, engine=one).pooled(images, content)
        for one in (name, "torch-fp32")
    )
    for stage, values in reference.items():
        np.testing.assert_allclose(ours[stage], values, rtol=1e-3, atol=1e-3 * np.abs(values).max())


@pytest.mark.parametrize("name", [name for name in HERE if not name.endswith("fp32")])
def test_half_precision_is_close(name: str) -> None:
    images, content = pictures(5, SIZE_PX), boxes(5)
    ours, reference = (
        open_engine(random_backbone(), size_px=SIZE_PX, grid=(4, 1), engine=one).pooled(images, content)
        for one in (name, "torch-fp32")
    )
    for stage, values in reference.items():
        np.testing.assert_allclose(ours[stage], values, rtol=0.05, atol=0.05 * np.abs(values).max())


@pytest.mark.parametrize("name", HERE)
def test_a_picture_has_the_same_bits_whatever_is_beside_it(name: str) -> None:
    engine = open_engine(random_backbone(), size_px=SIZE_PX, grid=(4, 1), engine=name)
    images, content = pictures(19, SIZE_PX), boxes(19)
    whole = engine.pooled(images, content)
    again = engine.pooled(images, content)
    backwards = engine.pooled(images[::-1], content[::-1])
    alone = engine.pooled(images[7:8], content[7:8])
    for stage, values in whole.items():
        np.testing.assert_array_equal(again[stage], values)
        np.testing.assert_array_equal(backwards[stage][::-1], values)
        np.testing.assert_array_equal(alone[stage], values[7:8])


@pytest.mark.parametrize("name", HERE)
def test_a_stage_has_the_same_bits_whatever_else_is_asked_for(name: str) -> None:
    backbone = load_backbone()
    images = pictures(3, SIZE_PX)
    everything = open_engine(backbone, size_px=SIZE_PX, grid=(2, 1), engine=name).pooled(images)
    some = open_engine(
        backbone, size_px=SIZE_PX, stages=["b3", "b1"], grid=(2, 1), statistics=("max",), engine=name
    ).pooled(images)
    assert list(some) == ["b1", "b3"]
    for stage, values in some.items():
        np.testing.assert_array_equal(values[:, 0], everything[stage][:, 1])


@pytest.mark.parametrize("name", HERE)
def test_padding_changes_nothing(name: str) -> None:
    """At the stem a place sees three pixels: away from the edge of the content its features know nothing of padding."""
    backbone = load_backbone()
    engine = open_engine(backbone, size_px=(64, 64), stages=["stem"], engine=name)
    images = pictures(2, (64, 64))
    images[1, :32] = images[0, :32]
    images[1, 32:] = 255 - images[0, 32:]
    # The padded convolution reads one row below the box.
    images[1, 32:34] = images[0, 32:34]
    stem = engine.pooled(images, np.array([[0, 0, 64, 32]] * 2))["stem"]
    np.testing.assert_array_equal(stem[0], stem[1])
    unmasked = engine.pooled(images)["stem"]
    assert not np.array_equal(unmasked[0], unmasked[1])


@pytest.mark.parametrize("name", HERE)
def test_masks_pool_what_the_content_covers(name: str) -> None:
    backbone = random_backbone()
    images = pictures(1, (64, 64))
    content = np.array([[0, 0, 64, 32]])
    halves = open_engine(backbone, size_px=(64, 64), stages=["conv1"], grid=(31, 1), engine="torch-fp32").pooled(images)
    rows = halves["conv1"][0, :, :, :, 0]  # every row of the map by itself
    half = open_engine(backbone, size_px=(64, 64), stages=["conv1"], engine=name).pooled(images, content)["conv1"]
    share = np.clip(32 - np.arange(31) * 64 / 31, 0, 64 / 31)
    np.testing.assert_allclose(half[0, 0, :, 0, 0], rows[0] @ share / share.sum(), rtol=0.02, atol=0.02)
    np.testing.assert_allclose(half[0, 1, :, 0, 0], rows[1][:, :16].max(axis=1), rtol=0.02, atol=0.02)


@pytest.mark.parametrize("name", HERE)
def test_a_cell_without_content_is_zero(name: str) -> None:
    engine = open_engine(random_backbone(), size_px=(64, 64), stages=["conv1"], grid=(4, 1), engine=name)
    values = engine.pooled(pictures(1, (64, 64)), np.array([[0, 0, 64, 16]]))["conv1"]
    assert not values[0, :, :, 2:].any()
    assert values[0, :, :, 0].any()
    assert not engine.pooled(pictures(1, (64, 64)), np.array([[9, 9, 9, 9]]))["conv1"].any()


@pytest.mark.parametrize("name", HERE)
def test_shapes_and_no_pictures_at_all(name: str) -> None:
    engine = open_engine(random_backbone(), size_px=SIZE_PX, stages=["fire3"], grid=(3, 2), engine=name)
    assert engine.pooled(pictures(2, SIZE_PX))["fire3"].shape == (2, 2, 128, *engine.grids["fire3"])
    assert engine.pooled(pictures(0, SIZE_PX))["fire3"].shape == (0, 2, 128, *engine.grids["fire3"])
    assert engine.pooled(pictures(2, SIZE_PX))["fire3"].dtype == np.float32


@pytest.mark.parametrize("name", HERE)
def test_read_only_pictures_are_taken_and_left_as_they_are(name: str) -> None:
    engine = open_engine(random_backbone(), size_px=SIZE_PX, stages=["conv1"], engine=name)
    images = pictures(2, SIZE_PX)
    images.flags.writeable = False
    before = images.copy()
    engine.pooled(images)
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("name", HERE)
def test_what_is_recorded_opens_the_same_engine(name: str) -> None:
    engine = open_engine(random_backbone(), size_px=SIZE_PX, stages=["conv1"], engine=name)
    recorded = json.loads(json.dumps(engine.describe()))
    again = open_engine(random_backbone(), size_px=SIZE_PX, stages=["conv1"], engine=recorded)
    assert again.describe() == recorded == engine.describe()


def test_what_is_recorded_elsewhere_opens_one_of_its_precision() -> None:
    elsewhere = {"name": "tpu-fp32", "precision": "fp32", "threads": 64, "batch": 8}
    assert open_engine(random_backbone(), size_px=SIZE_PX, engine=elsewhere).name.endswith("fp32")


def test_wrong_options_have_their_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    backbone = random_backbone()
    with pytest.raises(OptionError, match="unknown engine 'tpu'"):
        open_engine(backbone, size_px=SIZE_PX, engine="tpu")
    with pytest.raises(OptionError, match="at least one cell"):
        open_engine(backbone, size_px=SIZE_PX, grid=(0, 1))
    with pytest.raises(WeightsError, match="has no stage 'fire99'"):
        open_engine(backbone, size_px=SIZE_PX, stages=["fire99"])
    with pytest.raises(OptionError, match="expected pictures of"):
        open_engine(backbone, size_px=SIZE_PX, engine="torch-fp32").pooled(pictures(1, (32, 32)))
    with pytest.raises(OptionError, match="too small"):
        open_engine(backbone, size_px=(4, 4), engine="torch-fp32").pooled(pictures(1, (4, 4)))
    monkeypatch.setattr(engines, "engines_here", lambda: ("torch-fp32",))
    monkeypatch.setitem(ENGINES, "cuda-fp16", engines._Row("torch", "fp16", "cuda", 64, lambda: False))
    with pytest.raises(EngineError, match="cannot run on this machine"):
        open_engine(backbone, size_px=SIZE_PX, engine="cuda-fp16")


def test_the_choice_is_tried_once_and_remembered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PHOTISM_CACHE", str(tmp_path))
    tried: list[str] = []

    def rate(engine: engines.Engine) -> float:
        tried.append(engine.name)
        return 1.0 if engine.name == HERE[0] else 0.5

    monkeypatch.setattr(engines, "_rate", rate)
    for _ in range(2):
        assert open_engine(random_backbone(), size_px=SIZE_PX).name == HERE[0]
    assert len(tried) == len(set(tried))


@pytest.mark.skipif("openvino-fp32" not in HERE, reason="OpenVINO is not installed")
def test_a_damaged_cache_is_made_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PHOTISM_CACHE", str(tmp_path))
    images = pictures(1, SIZE_PX)

    def answer() -> np.ndarray:
        engine = open_engine(random_backbone(), size_px=SIZE_PX, stages=["fire2"], engine="openvino-fp32")
        return engine.pooled(images)["fire2"]

    first = answer()
    for damage in (lambda raw: raw[: len(raw) // 2], lambda raw: raw[:-9] + b"123456789"):
        paths = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert len(paths) == 2
        for path in paths:
            path.write_bytes(damage(path.read_bytes()))
        np.testing.assert_array_equal(answer(), first)


@pytest.mark.skipif("openvino-fp32" not in HERE, reason="OpenVINO is not installed")
def test_a_second_process_needs_no_torch_and_no_network_and_says_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PHOTISM_CACHE", str(tmp_path))
    script = """
import socket, sys
def refuse(*a, **k): raise AssertionError("a network connection was tried")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
import numpy as np
from photism.recognizers.backbones import load_backbone
from photism.recognizers.engines import open_engine
engine = open_engine(load_backbone(), size_px=(64, 64), stages=["b1"], engine="openvino-fp32")
engine.pooled(np.zeros((1, 64, 64, 3), np.uint8))
print("torch" in sys.modules)
"""
    said = [subprocess.run([sys.executable, "-c", script], capture_output=True, text=True) for _ in range(2)]
    assert [one.stderr for one in said] == ["", ""]
    assert [one.stdout.strip() for one in said] == ["True", "False"]


SIGNALLED = """
import gc, os, signal
import numpy as np
from photism.recognizers.engines import open_engine
from tests.recognizers.backbone_samples import pictures, random_backbone

images = pictures(2, (64, 96))
held = [open_engine(random_backbone(), size_px=(64, 96), grid=(1, n), engine=NAME) for n in (1, 2, 3)]
for engine in held:
    engine.pooled(images)
del engine
while held:
    held.pop(0)
    gc.collect()
signal.signal(signal.SIGINT, signal.default_int_handler)  # a process in the background was told not to hear it
try:
    os.kill(os.getpid(), signal.SIGINT)
    print("unheard")
except KeyboardInterrupt:
    print("heard")
"""


@pytest.mark.parametrize("name", HERE)
def test_a_process_whose_engines_are_gone_still_hears_ctrl_c(name: str) -> None:
    """Engines that went in the order in which they came used to leave a signal no stack but freed memory."""
    told = subprocess.run(
        [sys.executable, "-c", SIGNALLED.replace("NAME", repr(name))], capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stdout) == (0, "heard\n"), told.stderr
