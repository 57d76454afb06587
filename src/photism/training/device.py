"""Where a suffix learns: on a graphics card where torch finds one, else on the processor.

Covers bringing weights and maps there, the precision of a step, and waiting for its end. Does not cover frozen networks
(``recognizers.engines``).
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from photism.recognizers.suffix import Suffix
from photism.recognizers.torch_engine import cuda_is_there

__all__ = ["learning_logits", "place", "tensor", "wait"]


def place(suffix: Suffix) -> None:
    """Bring a suffix to where it learns.

    Parameters
    ----------
    suffix : Suffix
    """
    suffix.to(device="cuda" if cuda_is_there() else "cpu")


def tensor(maps: np.ndarray, suffix: Suffix) -> Tensor:
    """Turn kept maps into what a suffix takes, where it is.

    Parameters
    ----------
    maps : float16 (n, p, c, h, w) or uint8 (n, p, h, w, 3)
    suffix : Suffix
    """
    return torch.from_numpy(np.ascontiguousarray(maps, dtype=np.float32)).to(suffix.weight.device)


def learning_logits(suffix: Suffix, x: Tensor, content: Int[np.ndarray, "n p 4"]) -> Float[Tensor, "n k"]:
    """Return a suffix's logits (nats) with what is needed for their gradients, float32.

    Half precision pays on a graphics card; on processors without hardware for it single precision was faster.

    Parameters
    ----------
    suffix : Suffix
    x : float (n, p, c, h, w) or (n, p, h, w, 3)
        From ``tensor``.
    content : int (n, p, 4)
        See ``Suffix.forward``.
    """
    with torch.autocast(x.device.type, torch.bfloat16, enabled=x.device.type == "cuda"):
        logits: Tensor = suffix(x, content)
    return logits.float()


def wait(suffix: Suffix) -> None:
    """Return when everything that was asked of a suffix is computed; a graphics card runs behind the program.

    Parameters
    ----------
    suffix : Suffix
    """
    if suffix.weight.is_cuda:
        torch.cuda.synchronize()
