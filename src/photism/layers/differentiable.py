"""A recognizer as a differentiable function: pictures in, logits out, with the map of every stage on the way.

The engines answer fast and have no gradients; this is the same arithmetic in torch, single precision, with the head's
own pooling, standardisation and weights, so that what is explained is what answers. Nothing hooks into the network: a
trunk returns its maps by itself, so no hook can be left behind. Does not cover what is made of maps and gradients
(``gradcam``, ``integrated_gradients``, the atlas).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, Integer, UInt8
from torch import Tensor, nn

from photism.recognizers.frozen_pass import Panel
from photism.recognizers.layer_names import layer_name, panel_of, stage_of
from photism.recognizers.pooling import STATISTICS, Cells, Statistic, content_weights, fills_picture, fit_cells
from photism.recognizers.recognizer import Recognizer
from photism.recognizers.torch_engine import map_sizes, pool_maps

__all__ = ["Differentiable", "as_tensor"]


class Differentiable(nn.Module):
    """Pictures (n windows, p panels) to logits (nats, before the temperature), in torch.

    Parameters
    ----------
    recognizer : Recognizer
        Its network is shared and left as it is; its head is copied.

    Notes
    -----
    Agrees with the recognizer's own probabilities to 1e-3 where its engine computes in single precision; a
    recognizer that answers in bfloat16 rounds more coarsely itself.
    """

    head_mean: Tensor
    head_scale: Tensor
    head_weight: Tensor
    head_bias: Tensor
    pixel_scale: Tensor
    pixel_shift: Tensor

    def __init__(self, recognizer: Recognizer) -> None:
        super().__init__()
        head, backbone = recognizer.head, recognizer.backbone
        self.labels, self.panels, self.temperature = recognizer.labels, recognizer.panels, head.temperature
        self.layers = head.layers
        self.stage_names = backbone.stage_names
        self._channels = {stage.name: stage.channels for stage in backbone.stages}
        self.trunk = backbone.trunk
        sizes = {panel.name: map_sizes(backbone, (panel.height_px, panel.width_px)) for panel in self.panels}
        self.map_sizes = {
            layer_name(panel, stage): size for panel, some in sizes.items() for stage, size in some.items()
        }
        self.cells = {name: _cells(self.panel_of(name), self.map_sizes[name]) for name in self.layers}
        for name in ("mean", "scale", "weight", "bias"):
            self.register_buffer(f"head_{name}", torch.from_numpy(getattr(head, name).astype(np.float32)))
        deviation = torch.tensor(backbone.std).reshape(1, 3, 1, 1)
        self.register_buffer("pixel_scale", 1.0 / (255.0 * deviation))
        self.register_buffer("pixel_shift", -torch.tensor(backbone.mean).reshape(1, 3, 1, 1) / deviation)
        super().train(mode=False)

    def train(self, mode: bool = True) -> Differentiable:  # noqa: ARG002
        """Stay in evaluation mode, whatever is asked: what is explained must be what answers."""
        return super().train(mode=False)

    def panel_of(self, layer: str) -> Panel:
        """Return the panel that a layer (``panel/stage``) looks at."""
        return next(panel for panel in self.panels if panel.name == panel_of(layer))

    def maps(
        self, pixels: Float[Tensor, "n p h w 3"] | UInt8[Tensor, "n p h w 3"], *, layers: Sequence[str] | None = None
    ) -> dict[str, Tensor]:
        """Return activation maps.

        Parameters
        ----------
        pixels : float or uint8 (n, p, h, w, 3)
            0 to 255, panels in the recognizer's order.
        layers : sequence of str, optional
            ``panel/stage`` names; all that the head reads by default.

        Returns
        -------
        name -> float (n, c, h', w')
        """
        wanted = self.layers if layers is None else tuple(layers)
        found: dict[str, Tensor] = {}
        for index, panel in enumerate(self.panels):
            names = {stage_of(name) for name in wanted if panel_of(name) == panel.name}
            stages = [name for name in self.stage_names if name in names]
            if stages:
                x = pixels[:, index].permute(0, 3, 1, 2).to(self.pixel_scale.dtype)
                maps = self.trunk(x * self.pixel_scale + self.pixel_shift, stages)
                found |= {layer_name(panel.name, stage): one for stage, one in zip(stages, maps, strict=True)}
        return {name: found[name] for name in wanted}

    def logits_of_maps(
        self, maps: Mapping[str, Tensor], content: Integer[np.ndarray, "n p 4"] | None = None
    ) -> Float[Tensor, "n k"]:
        """Apply the recognizer's pooling and head to the maps that it reads.

        Parameters
        ----------
        maps : name -> float (n, c, h', w')
            Must hold every layer of the head.
        content : int (n, p, 4), optional
            Boxes (left, top, right, bottom) in pixels that hold data; the whole picture by default.

        Returns
        -------
        float (n, k)
            Nats, before the temperature, as ``Head.logits``.
        """
        joined = torch.cat([self.pool(name, maps[name], content, *STATISTICS) for name in self.layers], 1)
        return ((joined - self.head_mean) / self.head_scale) @ self.head_weight + self.head_bias

    def pool(
        self, layer: str, activation: Tensor, content: Integer[np.ndarray, "n p 4"] | None, *statistics: Statistic
    ) -> Float[Tensor, "n d"]:
        """Pool one layer's map as the head reads it.

        Parameters
        ----------
        layer : str
            One of ``layers``.
        activation : float (n, c, h', w')
        content : int (n, p, 4), optional
            See ``logits_of_maps``.
        statistics : {"mean", "max"}
            Which, in this order.

        Returns
        -------
        float (n, d)
            Statistics outside, then channels, then cells.
        """
        rows, columns = self._weights(layer, content)
        return pool_maps([activation], [self.cells[layer]], statistics, rows, columns)[0]

    def head_parts(self, layer: str, target: int) -> list[tuple[Float[Tensor, "c a b"], Float[Tensor, "c a b"]]]:
        """Return what the head does with one layer's features, for one class.

        Parameters
        ----------
        layer : str
            One of ``layers``.
        target : int
            Index of the class.

        Returns
        -------
        list of (weight, mean)
            For each statistic, channels x cells: the weight (nats) of a feature that is not standardised, and the
            training files' mean of it.
        """
        start = sum(self._n_features(name) for name in self.layers[: self.layers.index(layer)])
        part = slice(start, start + self._n_features(layer))
        weight = self.head_weight[part, target] / self.head_scale[part]
        shape = (len(STATISTICS), -1, *self.cells[layer].grid)
        return list(zip(weight.reshape(shape), self.head_mean[part].reshape(shape), strict=True))

    def forward(
        self,
        pixels: Float[Tensor, "n p h w 3"] | UInt8[Tensor, "n p h w 3"],
        content: Integer[np.ndarray, "n p 4"] | None = None,
    ) -> Float[Tensor, "n k"]:
        """Return logits (nats, before the temperature); differentiable with respect to ``pixels``.

        Parameters
        ----------
        pixels : float or uint8 (n, p, h, w, 3)
            0 to 255.
        content : int (n, p, 4), optional
            See ``logits_of_maps``.
        """
        return self.logits_of_maps(self.maps(pixels), content)

    def probabilities(
        self, pixels: UInt8[np.ndarray, "n p h w 3"], content: Integer[np.ndarray, "n p 4"] | None = None
    ) -> Float[np.ndarray, "n k"]:
        """Return the probabilities of n windows, without gradients: what the recognizer answers.

        Parameters
        ----------
        pixels : uint8 (n, p, h, w, 3)
        content : int (n, p, 4), optional
            See ``logits_of_maps``.
        """
        with torch.no_grad():
            logits = self(as_tensor(pixels), content).double() / self.temperature
            return np.asarray(torch.softmax(logits, 1).numpy())

    def randomised(self, seed: int) -> Differentiable:
        """Return a twin that has learned nothing: every weight tensor's values stand in a random order.

        Sizes and spreads of the weights stay, what they say is gone (Adebayo et al. 2018, arXiv 1810.03292, randomise
        all layers).

        Parameters
        ----------
        seed : int
        """
        twin = copy.deepcopy(self)
        chance = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for value in [p for p in twin.trunk.parameters() if p.ndim > 1] + [twin.head_weight]:
                order = torch.randperm(value.numel(), generator=chance)
                value.copy_(value.reshape(-1)[order].reshape(value.shape))
        return twin

    def _n_features(self, layer: str) -> int:
        rows, columns = self.cells[layer].grid
        return len(STATISTICS) * self._channels[stage_of(layer)] * rows * columns

    def _weights(self, name: str, content: Integer[np.ndarray, "n p 4"] | None) -> tuple[Tensor | None, Tensor | None]:
        panel = self.panel_of(name)
        size_px = (panel.height_px, panel.width_px)
        if content is None:
            return None, None
        boxes = content[:, self.panels.index(panel)]
        if fills_picture(boxes, size_px).all():
            return None, None
        weights = content_weights(boxes, size_px, [self.cells[name]])
        return torch.from_numpy(weights.rows), torch.from_numpy(weights.columns)


def as_tensor(pixels: np.ndarray) -> Tensor:
    """Return an array as a tensor of its own memory: torch has no read-only tensors.

    Parameters
    ----------
    pixels : array
        Any shape and type.
    """
    return torch.from_numpy(np.array(pixels))


def _cells(panel: Panel, size: tuple[int, int]) -> Cells:
    return fit_cells(size, panel.grid)
