"""What timm and torchvision bring: networks without weights, what is known of them, and weights by name.

Covers building a network, its published preprocessing, its weights from the library's hub or from a file. Does not
cover which network photism takes nor what becomes of it (``backbones``).
"""

from __future__ import annotations

import contextlib
import io
import socket
import urllib.request
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from photism.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = [
    "GIVE_WEIGHTS",
    "HALF",
    "Facts",
    "build_architecture",
    "fetch_weights",
    "library_facts",
    "read_weights",
    "triple",
]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)
# torchvision's ports from TensorFlow renormalise inside the network when built with their own weights.
TORCHVISION_HALF = frozenset({"googlenet", "inception_v3"})
GIVE_WEIGHTS = "give its weights with --weights FILE (safetensors, or torch's format holding tensors only)"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a library says of a network: its side, its normalisation, whose it is."""

    size_px: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    licence: str
    source: str


def build_architecture(library: str, architecture: str) -> nn.Module:
    """Build a network of ``timm`` or ``torchvision`` without its weights.

    Parameters
    ----------
    library, architecture : str
        ``timm`` or ``torchvision``, and the library's own name of the network.

    Raises
    ------
    WeightsError
        Where the library has no such network.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torchvision announces future initialisations; they are overwritten here
            if library == "timm":
                import timm

                return cast("nn.Module", timm.create_model(architecture, pretrained=False))
            from torchvision import models

            plain = {"init_weights": False, "aux_logits": False} if architecture in TORCHVISION_HALF else {}
            return cast("nn.Module", models.get_model(architecture, weights=None, **plain))
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{library} has no usable network named {architecture!r}") from error


def library_facts(library: str, architecture: str) -> Facts:
    """Return what a library says of a network that it has.

    Parameters
    ----------
    library, architecture : str
        ``timm`` or ``torchvision``, and the library's own name of the network.

    Raises
    ------
    WeightsError
        Where it does not say.
    """
    if library == "timm":
        import timm

        settings = timm.get_pretrained_cfg(architecture)
        if settings is None:
            raise WeightsError(f"timm does not say how pictures for {architecture} are to be prepared")
        return _timm_facts(settings.to_dict())
    return _torchvision_facts(architecture)


def _timm_facts(settings: dict[str, Any]) -> Facts:
    return Facts(
        size_px=int(settings["input_size"][-1]),
        mean=triple(settings["mean"]),
        std=triple(settings["std"]),
        licence=settings.get("license") or "see source",
        source=f"timm, {settings.get('hf_hub_id') or settings.get('url') or settings.get('architecture')}",
    )


def _torchvision_facts(architecture: str) -> Facts:
    from torchvision import models

    chosen = models.get_model_weights(architecture).DEFAULT
    crop_px = int(chosen.transforms().crop_size[0])
    mean, std = (HALF, HALF) if architecture in TORCHVISION_HALF else (IMAGENET_MEAN, IMAGENET_STD)
    return Facts(crop_px, mean, std, "BSD-3-Clause (torchvision); trained on ImageNet", str(chosen.url))


def fetch_weights(name: str, library: str, architecture: str) -> Mapping[str, Tensor]:
    """Take a library's own weights from its cache, or fetch them from its hub.

    Parameters
    ----------
    name : str
        What the user called the network, for the sentence.
    library : {"timm", "torchvision"}
    architecture : str

    Raises
    ------
    WeightsError
        Where they cannot be had.
    """
    try:
        if library == "timm":
            return _from_timm_hub(architecture)
        from torchvision import models

        chosen = models.get_model_weights(architecture).DEFAULT
        # torch.hub announces what it downloads.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return cast("Mapping[str, Tensor]", chosen.get_state_dict(progress=False, check_hash=True))
    except Exception as error:  # the hubs' clients raise whatever their transport does
        raise WeightsError(f"the weights of {name} could not be downloaded; {GIVE_WEIGHTS}") from error


def _from_timm_hub(architecture: str) -> Mapping[str, Tensor]:
    import timm
    from huggingface_hub import try_to_load_from_cache

    settings = timm.get_pretrained_cfg(architecture)
    cached = try_to_load_from_cache(settings.hf_hub_id, "model.safetensors") if settings.hf_hub_id else None
    if isinstance(cached, str):
        return read_weights(Path(cached))
    if not urllib.request.getproxies():
        # Without this, huggingface_hub tries again and again for a minute and says so each time.
        socket.create_connection(("huggingface.co", 443), timeout=10).close()
    return cast("Mapping[str, Tensor]", timm.create_model(architecture, pretrained=True).state_dict())


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read tensors by name from safetensors, or from torch's format holding tensors only; half becomes single.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    WeightsError
        Where the file is missing or holds no such tensors.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise WeightsError(f"{path}: expected a file with weights, found {'a folder' if path.is_dir() else 'nothing'}")
    try:
        state: Any = load_file(path)
    except (SafetensorError, OSError):
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises pickle, zip, runtime and end-of-file errors for what it cannot read
            raise WeightsError(f"{path}: expected safetensors or torch's format holding tensors only") from error
    while isinstance(state, dict) and not any(isinstance(one, torch.Tensor) for one in state.values()):
        inner = next((state[key] for key in ("state_dict", "model", "model_state_dict") if key in state), None)
        if inner is None:
            break
        state = inner
    if not isinstance(state, dict) or not any(isinstance(one, torch.Tensor) for one in state.values()):
        raise WeightsError(f"{path}: expected tensors by name, received {type(state).__name__} without any")
    named = {str(key).removeprefix("module."): one for key, one in state.items() if isinstance(one, torch.Tensor)}
    return {key: one.float() if one.is_floating_point() else one for key, one in named.items()}


def triple(values: Iterable[Any]) -> tuple[float, float, float]:
    """Return three numbers as floats."""
    red, green, blue = (float(value) for value in values)
    return red, green, blue
