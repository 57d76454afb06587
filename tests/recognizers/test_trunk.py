"""Stages are found, named and measured; what is no chain is refused."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import timm
import torch
from torch import nn
from torchvision import models

from photism.errors import WeightsError
from photism.recognizers.table import PACKAGED
from photism.recognizers.trunk import Trunk, build_trunk, describe_stages


def trunk_of(library: str, name: str) -> Trunk:
    torch.manual_seed(0)
    model = models.get_model(name, weights=None) if library == "torchvision" else timm.create_model(name)
    return build_trunk(model, architecture=name)


def without_nonlinearity(module: nn.Module) -> None:
    """Let every input that can reach an output reach it: no rectifier that shuts, no maximum that chooses."""
    for name, child in module.named_children():
        if isinstance(child, (nn.ReLU, nn.ReLU6)):
            setattr(module, name, nn.Identity())
        elif isinstance(child, nn.MaxPool2d):
            setattr(module, name, nn.AvgPool2d(child.kernel_size, child.stride, child.padding, child.ceil_mode))
        else:
            without_nonlinearity(child)


@pytest.mark.parametrize(
    ("library", "name", "stage"),
    [
        ("torchvision", "alexnet", "conv5"),
        ("torchvision", "squeezenet1_1", "fire5"),
        ("torchvision", "resnet18", "layer2"),
        ("timm", "tf_efficientnet_lite0", "b3"),
    ],
)
def test_receptive_field_is_the_footprint_of_the_gradient(library: str, name: str, stage: str) -> None:
    trunk = trunk_of(library, name)
    table = {row.name: row for row in describe_stages(trunk, size_px=(224, 224))}
    field = table[stage].receptive_field_px
    assert field is not None
    plain = copy.deepcopy(trunk)
    without_nonlinearity(plain)
    for key, value in plain.state_dict().items():
        value.copy_(torch.zeros_like(value) if "running_mean" in key else value.abs() + 0.01)
    side = field + 4 * table[stage].stride_px
    x = torch.rand(1, 3, side, side, requires_grad=True)
    activation = plain(x, [stage])[0]
    activation[0, :, activation.shape[2] // 2, activation.shape[3] // 2].sum().backward()
    touched = np.flatnonzero(x.grad.abs().sum((0, 1, 3)).numpy())
    assert touched[-1] - touched[0] + 1 == field


def test_alexnet_is_five_convolutions_as_the_field_names_them() -> None:
    table = describe_stages(trunk_of("torchvision", "alexnet"), size_px=(224, 224))
    assert [row.name for row in table] == ["conv1", "conv2", "conv3", "conv4", "conv5"]
    assert [row.channels for row in table] == [64, 192, 384, 256, 256]
    assert [row.receptive_field_px for row in table] == [11, 51, 99, 131, 163]


def test_packaged_tables_are_what_is_measured() -> None:
    for row in PACKAGED.values():
        trunk = trunk_of("timm", row.architecture)
        assert describe_stages(trunk, size_px=(row.size_px, row.size_px)) == row.stages


def test_squeeze_and_excitation_sees_everything() -> None:
    table = describe_stages(trunk_of("timm", "mobilenetv3_small_050"), size_px=(224, 224))
    assert table[0].receptive_field_px == 3
    assert table[-1].receptive_field_px is None


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "hrnet_w18_small"])
def test_what_is_no_chain_is_refused_with_a_sentence(name: str) -> None:
    with pytest.raises(WeightsError, match=f"^{name} is not a chain of convolutional stages"):
        trunk_of("timm", name)


def test_no_hook_is_left() -> None:
    model = models.get_model("squeezenet1_1", weights=None)
    build_trunk(model, architecture="squeezenet1_1")
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_the_network_is_cut_behind_the_last_stage_that_is_wanted() -> None:
    trunk = trunk_of("torchvision", "squeezenet1_1")
    trunk.stages["fire4"] = nn.Identity()  # would change what follows, if it ran
    x = torch.rand(1, 3, 64, 64)
    assert trunk(x, ["fire2"])[0].shape[1] == 128


def test_training_mode_is_declined() -> None:
    trunk = trunk_of("torchvision", "resnet18")
    trunk.train()
    before = trunk.state_dict()["stages.stem.1.running_mean"].clone()
    trunk(torch.rand(2, 3, 64, 64))
    assert torch.equal(trunk.state_dict()["stages.stem.1.running_mean"], before)
    assert not any(parameter.requires_grad for parameter in trunk.parameters())
