"""Small real networks with random weights, for tests: nothing is downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import nn
from torchvision import models

from photism.recognizers.backbones import Backbone, load_backbone


def random_state(architecture: str) -> dict[str, torch.Tensor]:
    """Random weights under torchvision's own names, without the classifier."""
    torch.manual_seed(0)
    state = models.get_model(architecture, weights=None).state_dict()
    return {key: value for key, value in state.items() if not key.startswith(("classifier", "fc"))}


@cache
def random_backbone(architecture: str = "squeezenet1_1") -> Backbone:
    """A network of torchvision with random weights, read from a file as a user would give it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        save_file(random_state(architecture), path)
        return load_backbone(f"torchvision:{architecture}", weights=path)


def pictures(n: int, size_px: tuple[int, int], *, seed: int = 0) -> np.ndarray:
    """Noise, uint8 (n, height, width, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (n, *size_px, 3), np.uint8)


@cache
def lively_backbone(name: str) -> Backbone:
    """A network of timm or torchvision whose weights are random, and every BatchNorm's statistics, scale and shift."""
    library, _, architecture = name.partition(":")
    torch.manual_seed(0)
    model = timm.create_model(architecture) if library == "timm" else models.get_model(architecture, weights=None)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0.0, 0.3)
            module.running_var.uniform_(0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0.0, 0.3)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        save_file(model.state_dict(), path)
        return load_backbone(name, weights=path)


def frozen_weights(backbone: Backbone, after: str | None) -> Mapping[str, NDArray[Any]]:
    """Return the weights and buffers of the stages up to ``after``: what training must leave alone."""
    names = backbone.stage_names
    frozen = () if after is None else names[: names.index(after) + 1]
    return {key: value for key, value in backbone.state().items() if key.split(".")[1] in frozen}
