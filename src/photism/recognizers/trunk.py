"""A convolutional network as a chain of named stages: found, named, verified and measured.

Covers any network whose modules run one after another (AlexNet, VGG, SqueezeNet, ResNet, EfficientNet, MobileNet,
ConvNeXt, DenseNet, RegNet, ...). Whether a network is such a chain is not assumed but tried: it runs once, and every
module must receive what the one before it returned. Does not cover networks that branch between stages (HRNet) or that
work on tokens (ViT, Swin): they are refused with a sentence.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from photism.errors import WeightsError
from photism.recognizers.table import Stage

__all__ = ["Trunk", "build_trunk", "describe_stages"]

# Folders inside a network: their children are links of the chain, not the folder itself.
FOLDERS = frozenset({"features", "blocks", "stages", "layers", "trunk_output"})
# What ends a chain of maps: the classifier and the pooling before it.
ENDS = frozenset({"avgpool", "global_pool", "classifier", "head", "fc", "AuxLogits", "flatten", "head_drop"})
PROBE_SIZE_PX = (160, 192)  # not square, so that a map with its axes swapped is noticed

SQUEEZENET_STAGES = ("conv1", *(f"fire{i}" for i in range(2, 10)))
# The names that papers use, for networks whose modules are only numbered.
PUBLISHED_NAMES: Mapping[str, tuple[str, ...]] = {
    "alexnet": tuple(f"conv{i}" for i in range(1, 6)),
    "squeezenet1_0": SQUEEZENET_STAGES,
    "squeezenet1_1": SQUEEZENET_STAGES,
    "vgg11": ("conv1_1", "conv2_1", *(f"conv{b}_{i}" for b in (3, 4, 5) for i in (1, 2))),
    "vgg13": tuple(f"conv{b}_{i}" for b in range(1, 6) for i in (1, 2)),
    "vgg16": ("conv1_1", "conv1_2", "conv2_1", "conv2_2", *(f"conv{b}_{i}" for b in (3, 4, 5) for i in (1, 2, 3))),
    "vgg19": ("conv1_1", "conv1_2", "conv2_1", "conv2_2", *(f"conv{b}_{i}" for b in (3, 4, 5) for i in (1, 2, 3, 4))),
}


class Trunk(nn.Module):
    """A frozen chain of stages: always in evaluation mode, no gradient to its parameters.

    Parameters
    ----------
    stages : name -> nn.Sequential
        In the order in which they run.
    """

    def __init__(self, stages: Mapping[str, nn.Sequential]) -> None:
        super().__init__()
        self.stages = nn.ModuleDict(stages)
        self.requires_grad_(requires_grad=False)
        self.train(mode=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The stages' names, first to last."""
        return tuple(self.stages)

    def train(self, mode: bool = True) -> Trunk:  # noqa: ARG002
        """Stay in evaluation mode, whatever is asked: a frozen BatchNorm must not learn from the data."""
        return super().train(mode=False)

    def forward(self, x: Float[Tensor, "n 3 h w"], names: Sequence[str] | None = None) -> list[Tensor]:
        """Return the activation maps of some stages; what lies behind the last of them is not run.

        Parameters
        ----------
        x : float (n, 3, h, w)
            Normalised pictures.
        names : sequence of str, optional
            Which stages; all where it is None.

        Returns
        -------
        list of float (n, c, h', w')
            In the order of ``names``.
        """
        wanted = self.names if names is None else tuple(names)
        maps: dict[str, Tensor] = {}
        for name, stage in self.stages.items():
            x = stage(x)
            maps[name] = x
            if all(one in maps for one in wanted):
                break
        return [maps[name] for name in wanted]


def build_trunk(model: nn.Module, *, architecture: str, verify: bool = True) -> Trunk:
    """Find the chain of stages of a network.

    Parameters
    ----------
    model : nn.Module
        A classifier from timm or torchvision; put in evaluation mode, otherwise left as it is.
    architecture : str
        Its name without the library's prefix: some have published stage names, and errors name it.
    verify : bool
        Run the network once on noise and check that the chain is what the network computes.

    Raises
    ------
    WeightsError
        Where the network is not a chain of convolutional stages.
    """
    model.eval()
    links = [link for link in _links(model) if link[0].split(".")[-1] not in ENDS]
    if verify:
        links = _verified(model, links, architecture)
    groups = _grouped(links)
    names = _names([path for path, _ in groups], architecture)
    return Trunk({name: nn.Sequential(*modules) for name, (_, modules) in zip(names, groups, strict=True)})


def _links(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Walk a network's direct parts in order, opening folders, up to the one that ends the chain."""
    for name, child in model.named_children():
        if name in ENDS and name != "AuxLogits":
            return
        if name in FOLDERS and isinstance(child, nn.Sequential):
            yield from ((f"{name}.{part}", module) for part, module in child.named_children())
        else:
            yield name, child


def _verified(
    model: nn.Module, links: Sequence[tuple[str, nn.Module]], architecture: str
) -> list[tuple[str, nn.Module]]:
    """Run the network on noise and keep the links that pass a map on from one to the next."""
    received: dict[str, Tensor] = {}
    returned: dict[str, Any] = {}

    # Copies in both hooks: a module may work in place.
    def before(path: str) -> Callable[[nn.Module, Any], None]:
        def hook(_module: nn.Module, inputs: Any) -> None:
            received[path] = inputs[0].clone()

        return hook

    def after(path: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            returned[path] = output.clone() if isinstance(output, Tensor) else None

        return hook

    x = torch.randn(2, 3, *PROBE_SIZE_PX, generator=torch.Generator().manual_seed(0))
    hooks = [module.register_forward_pre_hook(before(path)) for path, module in links]
    hooks += [module.register_forward_hook(after(path)) for path, module in links]
    refusal = WeightsError(
        f"{architecture} is not a chain of convolutional stages; expected a convolutional network such as "
        "timm:resnet18, timm:convnext_atto or torchvision:alexnet"
    )
    try:
        with torch.no_grad():
            model(x)
    except (RuntimeError, ValueError, AssertionError, TypeError, AttributeError, IndexError) as error:
        raise refusal from error
    finally:
        for hook in hooks:
            hook.remove()
    kept: list[tuple[str, nn.Module]] = []
    passed = x
    for path, module in links:
        if path not in returned:
            continue
        output = returned[path]
        if output is None or not torch.equal(received[path], passed):
            raise refusal
        if output.ndim != 4 or output.shape[2] <= 1 or output.shape[2] > output.shape[3]:
            raise refusal
        kept.append((path, module))
        passed = output
    if not kept:
        raise refusal
    return kept


def _is_leaf(module: nn.Module, word: str) -> bool:
    return word in type(module).__name__.lower()


def _grouped(links: Iterable[tuple[str, nn.Module]]) -> list[tuple[str, list[nn.Module]]]:
    """Join links into stages: a convolution or a block opens one, what follows up to the next belongs to it.

    Pooling between two stages is the beginning of the later one, so that a stage's map is what its
    nonlinearity returned.
    """
    groups: list[tuple[str, list[nn.Module]]] = []
    waiting: list[nn.Module] = []
    for path, module in links:
        if _is_leaf(module, "pool"):
            waiting.append(module)
        elif not waiting and groups and _continues(module):
            groups[-1][1].append(module)
        else:
            groups.append((path, [*waiting, module]))
            waiting = []
    return groups


def _continues(module: nn.Module) -> bool:
    """Whether a module only finishes the stage before it: a norm, a nonlinearity, dropout, nothing."""
    words = ("norm", "relu", "silu", "swish", "gelu", "elu", "sigmoid", "dropout", "identity", "act")
    return any(_is_leaf(module, word) for word in words) and not any(
        isinstance(part, (nn.Conv2d, nn.Linear)) for part in module.modules()
    )


def _names(paths: Sequence[str], architecture: str) -> tuple[str, ...]:
    published = PUBLISHED_NAMES.get(architecture.removesuffix("_bn"))
    if published is not None and len(published) == len(paths):
        return published
    plain = {"conv_stem": "stem", "conv1": "stem", "conv_head": "head"}
    return tuple(plain.get(p, p.replace("blocks.", "b").replace("stages.", "s").replace(".", "_")) for p in paths)


def describe_stages(trunk: Trunk, *, size_px: tuple[int, int]) -> tuple[Stage, ...]:
    """Measure a trunk's layer table without computing a single activation.

    Parameters
    ----------
    trunk : Trunk
    size_px : (height, width)
        A size that the network takes; strides are read from the maps' sizes at it.

    Returns
    -------
    tuple of Stage
        In the order in which they run.

    Notes
    -----
    The network runs on the ``meta`` device, where tensors have shapes but no values, while every operation is
    watched: a convolution or pooling with kernel k and dilation d widens the receptive field by (k - 1) d times
    the stride so far; any other operation takes the widest of its inputs. That is the theoretical receptive field
    (Araujo, Norris & Sim 2019, doi:10.23915/distill.00021); it ignores the picture's border.
    """
    shadow = copy.deepcopy(trunk).to("meta")
    watch = _ReceptiveField()
    rows = []
    with torch.no_grad(), watch:
        x = torch.empty(1, 3, *size_px, device="meta")
        for name, activation in zip(shadow.names, shadow(x), strict=True):
            field, stride = watch.of(activation)
            rows.append(Stage(name, int(activation.shape[1]), stride, field))
    return tuple(rows)


class _ReceptiveField(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Follow (receptive field, stride) through every operation; None is the whole picture."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._known: dict[int, tuple[int | None, int]] = {}
        self._alive: list[Tensor] = []  # ids are only unique among tensors that live

    def of(self, tensor: Tensor) -> tuple[int | None, int]:
        return self._known.get(id(tensor), (1, 1))

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        inputs = [self._known[id(one)] for one in _tensors(args) if id(one) in self._known]
        fields = [field for field, _ in inputs]
        stride = max((one for _, one in inputs), default=1)
        field = None if None in fields else max((one for one in fields if one is not None), default=1)
        field, stride = _widened(str(func), args, field, stride)
        for one in _tensors([out]):
            if inputs or "conv" in str(func):
                self._known[id(one)] = (field, stride)
                self._alive.append(one)
        return out


def _widened(name: str, args: tuple[Any, ...], field: int | None, stride: int) -> tuple[int | None, int]:
    """What one operation does to (receptive field, stride)."""
    if "aten.convolution" in name:
        weight, steps, dilation = args[1], args[3], args[5]
        widened = None if field is None else field + (weight.shape[2] - 1) * dilation[0] * stride
        return widened, stride * steps[0]
    if "aten.max_pool2d" in name or "aten.avg_pool2d" in name:
        kernel, steps = args[1][0], (args[2] or args[1])[0]
        return (None if field is None else field + (kernel - 1) * stride), stride * steps
    reduces = any(word in name for word in ("aten.mean.dim", "aten.sum.dim", "norm.Scalar", "aten.amax", "adaptive"))
    if (reduces or "vector_norm" in name) and args[0].ndim == 4 and _over_both_sides(args):
        return None, stride
    return field, stride


def _over_both_sides(args: tuple[Any, ...]) -> bool:
    return any(isinstance(one, (list, tuple)) and len(one) >= 2 for one in args[1:])


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)
