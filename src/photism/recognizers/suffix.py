"""The last stages of a network with a head on them, cut off so that they can be trained.

What lies before the cut stays frozen and is asked once: its map is what goes in here. BatchNorm stays in evaluation
mode whatever is trained, so it is a fixed scale and shift: they are folded into the convolution before them while the
suffix is trained, which is faster, and put back into BatchNorm's own places when the network is put together again, so
that the result is a network like any other. Covers the cut, folding, the forward pass with the pictures' own pooling,
and putting back. Does not cover training (``photism.training.finetune``).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence, Set
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from photism.errors import OptionError
from photism.recognizers.backbones import Backbone, backbone_from_json, state_hash
from photism.recognizers.frozen_pass import Panel
from photism.recognizers.head import Head
from photism.recognizers.layer_names import layer_name, panel_of, stage_of
from photism.recognizers.pooling import Cells, content_weights, fills_picture, fit_cells
from photism.recognizers.torch_engine import map_sizes, pool_maps

__all__ = ["Suffix"]


class Suffix(nn.Module):
    """Trainable stages and a trainable head: the map behind the cut in, logits out.

    Parameters
    ----------
    backbone : Backbone
        Left as it is; the stages are copied.
    after : str or None
        The last stage that stays frozen; None trains the whole network, and pictures go in.
    panels : sequence of Panel
        The recipe's layouts, in the order in which maps come.
    head : Head
        Where training begins; its layers must lie behind the cut. Its temperature becomes part of its weights.

    Raises
    ------
    OptionError
        Where a layer of the head lies before the cut.
    """

    mean: Tensor
    scale: Tensor
    pixel_scale: Tensor
    pixel_shift: Tensor

    def __init__(self, backbone: Backbone, *, after: str | None, panels: Sequence[Panel], head: Head) -> None:
        super().__init__()
        self.backbone, self.after, self.panels, self.layers = backbone, after, tuple(panels), head.layers
        names = backbone.stage_names
        wanted = [stage_of(name) for name in head.layers]
        first = 0 if after is None else names.index(backbone.stage(after).name) + 1
        last = max(names.index(one) for one in wanted)
        if min(names.index(one) for one in wanted) < first:
            raise OptionError(f"expected layers behind {after} for the head, and received {', '.join(head.layers)}")
        trunk = backbone.trunk
        self.stages = nn.ModuleDict({name: copy.deepcopy(trunk.stages[name]) for name in names[first : last + 1]})
        self.cells = {panel.name: _cells(backbone, panel, head.layers) for panel in self.panels}
        self.stages, self._folded = _folded(self.stages, self._example())
        # After folding: torch makes the bias of a folded convolution that had none a constant.
        self.stages.requires_grad_(requires_grad=True)
        self._spread = head.scale
        self.register_buffer("mean", torch.from_numpy(head.mean.copy()))
        self.register_buffer("scale", torch.from_numpy((1.0 / head.scale).astype(np.float32)))
        self.weight = nn.Parameter(torch.from_numpy((head.weight / head.temperature).astype(np.float32)))
        self.bias = nn.Parameter(torch.from_numpy((head.bias / head.temperature).astype(np.float32)))
        deviation = torch.tensor(backbone.std).reshape(1, 3, 1, 1)
        self.register_buffer("pixel_scale", 1.0 / (255.0 * deviation))
        self.register_buffer("pixel_shift", -torch.tensor(backbone.mean).reshape(1, 3, 1, 1) / deviation)
        self.to(memory_format=torch.channels_last)
        super().train(mode=False)

    def train(self, mode: bool = True) -> Suffix:  # noqa: ARG002
        """Stay in evaluation mode, whatever is asked: BatchNorm keeps the statistics that it was pretrained with."""
        return super().train(mode=False)

    def forward(self, maps: Tensor, content: Int[np.ndarray, "n p 4"]) -> Float[Tensor, "n k"]:
        """Return the logits (nats) of n windows.

        Parameters
        ----------
        maps : float (n, p, c, h, w), or uint8 (n, p, h, w, 3)
            What the frozen part returned for each panel; the pictures themselves where nothing is frozen.
        content : int (n, p, 4)
            Boxes (left, top, right, bottom) in pixels of the picture that hold data.
        """
        found: dict[str, Tensor] = {}
        for index, panel in enumerate(self.panels):
            cells = self.cells[panel.name]
            if not cells:
                continue
            x = maps[:, index]
            if self.after is None:
                x = x.permute(0, 3, 1, 2) * self.pixel_scale + self.pixel_shift
            x = x.contiguous(memory_format=torch.channels_last)
            kept = []
            for name, stage in self.stages.items():
                x = stage(x)
                if name in cells:
                    kept.append(x)
                if len(kept) == len(cells):
                    break
            rows, columns = self._weights(panel, content[:, index])
            pooled = pool_maps(kept, tuple(cells.values()), rows=rows, columns=columns)
            found |= {layer_name(panel.name, name): one for name, one in zip(cells, pooled, strict=True)}
        joined = torch.cat([found[name] for name in self.layers], 1)
        return ((joined - self.mean) * self.scale) @ self.weight + self.bias

    def stage_parameters(self) -> dict[str, list[nn.Parameter]]:
        """Return the trainable parameters of every stage, first to last."""
        return {name: list(stage.parameters()) for name, stage in self.stages.items()}

    def settled(self) -> tuple[Backbone, Head]:
        """Return the whole network with the trained stages in their places, and the trained head (temperature 1)."""
        state = self.backbone.state()
        trained = {f"stages.{key}": _array(value) for key, value in self.stages.state_dict().items()}
        state |= self._unfolded(trained, before=frozenset(state))
        values = self.backbone.to_json()
        values |= {"weights_sha256": state_hash(state), "source": f"{self.backbone.source}, fine-tuned by photism"}
        head = Head(
            layers=self.layers,
            mean=_array(self.mean),
            scale=self._spread,
            weight=_array(self.weight),
            bias=_array(self.bias),
        )
        return backbone_from_json(values, state), head

    def _example(self) -> Tensor:
        """Noise of the shape of a map as it comes from the frozen part."""
        chance = torch.Generator().manual_seed(0)
        if self.after is None:
            return torch.randn(1, 3, 64, 64, generator=chance)
        return torch.randn(1, self.backbone.stage(self.after).channels, 16, 16, generator=chance)

    def _weights(self, panel: Panel, content: Int[np.ndarray, "n 4"]) -> tuple[Tensor | None, Tensor | None]:
        """What keeps padding out of the pooled features; None where the data fill every picture."""
        size_px = (panel.height_px, panel.width_px)
        if fills_picture(content, size_px).all():
            return None, None
        weights = content_weights(content, size_px, tuple(self.cells[panel.name].values()))
        device = self.weight.device
        return torch.from_numpy(weights.rows).to(device), torch.from_numpy(weights.columns).to(device)

    def _unfolded(self, state: dict[str, NDArray[Any]], *, before: Set[str]) -> dict[str, NDArray[Any]]:
        """Give the scale and shift that were folded into convolutions back to the BatchNorm behind them.

        The statistics that the norm divides by are undone by its own weight: what the trained convolution
        returns passes through unchanged, but for the trained shift.
        """
        for conv, norm, spread in self._folded:
            bias = state.pop(f"stages.{conv}.bias")
            if f"stages.{conv}.bias" in before:
                state[f"stages.{conv}.bias"] = np.zeros_like(bias)
            state[f"stages.{norm}.weight"] = spread
            state[f"stages.{norm}.bias"] = bias
            state[f"stages.{norm}.running_mean"] = np.zeros_like(bias)
        return state


def _array(value: Tensor) -> NDArray[Any]:
    return value.detach().cpu().numpy().copy()


def _cells(backbone: Backbone, panel: Panel, layers: Iterable[str]) -> dict[str, Cells]:
    """How the maps of one panel are cut, for the stages that the head reads of it, in the network's order."""
    wanted = {stage_of(name) for name in layers if panel_of(name) == panel.name}
    sizes = map_sizes(backbone, (panel.height_px, panel.width_px)) if wanted else {}
    return {name: fit_cells(sizes[name], panel.grid) for name in backbone.stage_names if name in wanted}


def _folded(stages: nn.ModuleDict, example: Tensor) -> tuple[nn.ModuleDict, list[tuple[str, str, NDArray[np.float32]]]]:
    """Fold where that changes nothing: not where a norm's input is used elsewhere too, or was changed in place."""
    folded = copy.deepcopy(stages)
    pairs = _fold(folded, example)
    for one, other in zip(_maps(stages, example), _maps(folded, example), strict=True):
        if not torch.allclose(one, other, rtol=0, atol=1e-3 * max(1.0, one.abs().max().item())):
            return stages, []
    return folded, pairs


def _maps(stages: nn.ModuleDict, x: Tensor) -> list[Tensor]:
    maps = []
    with torch.no_grad():
        for stage in stages.values():
            x = stage(x)
            maps.append(x.clone())
    return maps


def _fold(stages: nn.ModuleDict, example: Tensor) -> list[tuple[str, str, NDArray[np.float32]]]:
    """Fold every BatchNorm into the convolution whose output alone it takes, in place.

    Returns
    -------
    list of (convolution, norm, spread)
        Their paths, and the norm's standard deviations float32 (c,).
    """
    folded = []
    modules = dict(stages.named_modules())
    for conv_path, norm_path in _pairs(stages, example):
        conv, norm = modules[conv_path], modules[norm_path]
        assert isinstance(conv, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_var is not None
        spread = torch.sqrt(norm.running_var + norm.eps)
        _put(stages, conv_path, fuse_conv_bn_eval(conv, norm))
        # timm's norms carry the nonlinearity that follows them.
        rest = [part for part in (getattr(norm, "drop", None), getattr(norm, "act", None)) if part is not None]
        _put(stages, norm_path, nn.Sequential(*rest) if rest else nn.Identity())
        folded.append((conv_path, norm_path, _array(spread)))
    return folded


def _pairs(stages: nn.ModuleDict, example: Tensor) -> list[tuple[str, str]]:
    """Find which BatchNorm takes what which convolution returned, by running the stages once."""
    returned: dict[int, str] = {}
    alive: list[Tensor] = []
    pairs: dict[str, str] = {}

    def after_conv(path: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            returned[id(output)] = path
            alive.append(output)

        return hook

    def before_norm(path: str) -> Callable[[nn.Module, Any], None]:
        def hook(_module: nn.Module, inputs: Any) -> None:
            if id(inputs[0]) in returned:
                pairs[returned[id(inputs[0])]] = path

        return hook

    hooks = []
    for path, module in stages.named_modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_hook(after_conv(path)))
        elif isinstance(module, nn.BatchNorm2d):
            hooks.append(module.register_forward_pre_hook(before_norm(path)))
    with torch.no_grad():
        x = example
        for stage in stages.values():
            x = stage(x)
    for one in hooks:
        one.remove()
    return list(pairs.items())


def _put(root: nn.Module, path: str, module: nn.Module) -> None:
    """Set a module at a dotted path."""
    parent, _, name = path.rpartition(".")
    setattr(root.get_submodule(parent), name, module)
