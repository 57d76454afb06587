"""A frozen network in torch: single precision or bfloat16 on the processor, half precision on a graphics card.

It is what every machine has, and the reference that other engines must agree with. Covers preprocessing, the
trunk up to the last stage that is wanted, and pooling. Does not cover batching and padding (``engines``).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor, nn
from torch.nn import functional

from photism.errors import OptionError
from photism.recognizers.backbones import Backbone
from photism.recognizers.pooling import FAR_BELOW, STATISTICS, Cells, ContentWeights, Statistic, fit_cells

__all__ = ["TorchBackend", "cuda_is_there", "map_sizes", "pool_maps"]

PRECISIONS: Mapping[str, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def cuda_is_there() -> bool:
    """Say whether torch can compute on a graphics card here."""
    return torch.cuda.is_available()


def map_sizes(backbone: Backbone, size_px: tuple[int, int]) -> dict[str, tuple[int, int]]:
    """Return the size (rows, columns) of every stage's map for pictures of ``size_px``, computing no activation.

    Parameters
    ----------
    backbone : Backbone
        The network.
    size_px : (int, int)
        Height and width of the pictures.

    Raises
    ------
    OptionError
        Where pictures are too small for the network.
    """
    shadow = copy.deepcopy(backbone.trunk).to("meta")
    try:
        with torch.no_grad():
            maps = shadow(torch.empty(1, 3, *size_px, device="meta"))
    except RuntimeError as error:
        height, width = size_px
        raise OptionError(f"pictures of {height} x {width} pixels are too small for {backbone.name}") from error
    return {name: (int(one.shape[2]), int(one.shape[3])) for name, one in zip(shadow.names, maps, strict=True)}


class TorchBackend:
    """One network with one way of pooling, ready to run on batches of one size.

    Parameters
    ----------
    backbone : Backbone
    size_px : (height, width)
    grids : stage -> (rows, columns)
        Which stages, and at most how many cells a side.
    statistics : sequence of {"mean", "max"}
    precision : {"fp32", "bf16", "fp16"}
    threads : int
        Used on the processor.
    device : {"cpu", "cuda"}
    """

    def __init__(
        self,
        backbone: Backbone,
        *,
        size_px: tuple[int, int],
        grids: Mapping[str, tuple[int, int]],
        statistics: Sequence[Statistic],
        precision: str,
        threads: int,
        device: str = "cpu",
    ) -> None:
        sizes = map_sizes(backbone, size_px)
        self.cells = {name: fit_cells(sizes[name], grid) for name, grid in grids.items()}
        self._threads, self._device = threads, device
        dtype = PRECISIONS[precision]
        trunk = copy.deepcopy(backbone.trunk)
        network = PooledNetwork(trunk, backbone.mean, backbone.std, self.cells, statistics)
        network = network.to(device=device, dtype=dtype).to(memory_format=torch.channels_last)
        self._network = network.eval()

    def run(
        self, batches: Iterable[tuple[UInt8[np.ndarray, "n h w 3"], ContentWeights | None]]
    ) -> Iterator[Float32[np.ndarray, "n d"]]:
        """Yield features for every batch, in order; a row holds stage by stage, statistics inside, then cells."""
        for pixels, weights in batches:
            before = torch.get_num_threads()
            torch.set_num_threads(self._threads)
            try:
                with torch.inference_mode():
                    rows = columns = None
                    if weights is not None:
                        rows, columns = self._tensor(weights.rows), self._tensor(weights.columns)
                    features = self._network(self._tensor(pixels), rows, columns).float().cpu().numpy()
            finally:
                torch.set_num_threads(before)
            yield features

    def _tensor(self, array: np.ndarray) -> Tensor:
        if not array.flags.writeable:
            array = array.copy()  # torch has no read-only tensors and would warn
        return torch.from_numpy(array).to(self._device)


class PooledNetwork(nn.Module):
    """uint8 pictures in, pooled features out.

    Parameters
    ----------
    trunk : nn.Module
        A ``Trunk``; it runs up to the last stage that ``cells`` names.
    mean, std : three floats
        See ``Backbone``.
    cells : stage -> Cells
    statistics : sequence of {"mean", "max"}
    """

    scale: Tensor
    shift: Tensor

    def __init__(
        self,
        trunk: nn.Module,
        mean: Sequence[float],
        std: Sequence[float],
        cells: Mapping[str, Cells],
        statistics: Sequence[Statistic],
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.cells = dict(cells)
        self.statistics = tuple(statistics)
        deviation = torch.tensor(std).reshape(1, 3, 1, 1)
        self.register_buffer("scale", 1.0 / (255.0 * deviation))
        self.register_buffer("shift", -torch.tensor(mean).reshape(1, 3, 1, 1) / deviation)

    def forward(
        self, pixels: UInt8[Tensor, "n h w 3"], rows: Tensor | None = None, columns: Tensor | None = None
    ) -> Float[Tensor, "n d"]:
        """Return features, stage by stage, statistics inside; ``rows`` and ``columns`` keep padding out."""
        x = pixels.permute(0, 3, 1, 2).to(self.scale.dtype) * self.scale + self.shift
        maps = self.trunk(x, tuple(self.cells))
        return torch.cat(pool_maps(maps, tuple(self.cells.values()), self.statistics, rows, columns), 1)


def pool_maps(
    maps: Sequence[Tensor],
    cells: Sequence[Cells],
    statistics: Sequence[Statistic] = STATISTICS,
    rows: Tensor | None = None,
    columns: Tensor | None = None,
) -> list[Tensor]:
    """Pool activation maps into cells.

    Parameters
    ----------
    maps : sequence of float (n, c, h, w)
    cells : sequence of Cells
        How each of them is cut.
    statistics : sequence of {"mean", "max"}
    rows, columns : float, optional
        ``ContentWeights`` of the maps in this order: they keep padding out.

    Returns
    -------
    list of float (n, d)
        One for each map; statistics outside, then channels, then cells.
    """
    pooled = []
    at = [0, 0]
    for activation, one in zip(maps, cells, strict=True):
        masks = None
        if rows is not None and columns is not None:
            down = rows[:, :, at[0] : at[0] + one.size[0], None]
            across = columns[:, :, None, at[1] : at[1] + one.size[1]]
            masks = (down * across).to(activation.dtype)
            at = [at[0] + one.size[0], at[1] + one.size[1]]
        pooled.append(torch.cat([_pooled(activation, masks, one, each).flatten(1) for each in statistics], 1))
    return pooled


def _pooled(activation: Tensor, masks: Tensor | None, cells: Cells, statistic: Statistic) -> Tensor:
    everywhere = cells.grid == (1, 1)
    if statistic == "mean":
        kept = activation if masks is None else activation * masks[:, 0:1]
        if everywhere:
            return kept.mean((2, 3), keepdim=True)
        return functional.avg_pool2d(kept, cells.kernel, ceil_mode=True, count_include_pad=False)
    far_below = max(FAR_BELOW, torch.finfo(activation.dtype).min)
    kept = activation if masks is None else activation + (1.0 - masks[:, 1:2]) * far_below
    highest = (
        kept.amax((2, 3), keepdim=True) if everywhere else functional.max_pool2d(kept, cells.kernel, ceil_mode=True)
    )
    # A cell that holds nothing but padding is 0: what was added to keep padding out is still there.
    return highest if masks is None else torch.where(highest < far_below / 10, torch.zeros_like(highest), highest)
