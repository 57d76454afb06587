"""A suffix is the end of its network: the same answers before training, and again when it was put back after it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from tests.recognizers.backbone_samples import frozen_weights, lively_backbone, pictures
from torch import Tensor, nn

from photism.errors import OptionError
from photism.recognizers.backbones import Backbone, state_hash
from photism.recognizers.engines import open_engine
from photism.recognizers.frozen_pass import Panel
from photism.recognizers.head import Head
from photism.recognizers.suffix import Suffix
from photism.recognizers.table import Stage
from photism.recognizers.trunk import Trunk

SIDE, N = 64, 5
SPECTRUM = Panel("spectrum", SIDE, SIDE, keeps_rows=True, keeps_columns=False)
PAIRS = Panel("pairs", SIDE, SIDE, keeps_rows=True, keeps_columns=True)
PHOTO = Panel("photo", SIDE, SIDE, keeps_rows=False, keeps_columns=False)
# BatchNorm that carries its nonlinearity, beside squeeze-and-excitation; plain BatchNorm and shortcuts; no BatchNorm.
NETWORKS = {
    "timm:mobilenetv3_small_050": ("b3_0", "b5_0"),
    "torchvision:resnet18": ("layer3", "layer4"),
    "torchvision:squeezenet1_1": ("fire8", "fire9"),
}
CUTS = [(name, after) for name in NETWORKS for after in (None, "first", "before")]


def the_cut(name: str, after: str | None) -> str | None:
    """The first stage; or the one before the first that the head reads."""
    names = the_network(name).stage_names
    if after is None:
        return None
    return names[0] if after == "first" else names[names.index(layers_of(name)[0]) - 1]


@cache
def the_network(name: str) -> Backbone:
    return lively_backbone(name)


def layers_of(name: str) -> tuple[str, ...]:
    names = the_network(name).stage_names
    return names[-3], names[-1]


def boxes(panels: tuple[Panel, ...]) -> np.ndarray:
    """Whole pictures, and such whose data end somewhere."""
    content = np.tile(np.array([0, 0, SIDE, SIDE], np.int32), (N, len(panels), 1))
    content[1, :, 2] = 20
    content[2, :, 1], content[2, :, 3] = 9, 33
    content[3, 0] = [5, 5, 50, 64]
    return content


def shown(panels: tuple[Panel, ...]) -> np.ndarray:
    return np.stack([pictures(N, (SIDE, SIDE), seed=seed) for seed in range(len(panels))], axis=1)


def features_of(
    backbone: Backbone, stages: tuple[str, ...], panels: tuple[Panel, ...], content: np.ndarray
) -> dict[str, np.ndarray]:
    """What a recognizer sees of the whole network."""
    found = {}
    for index, panel in enumerate(panels):
        engine = open_engine(backbone, size_px=(SIDE, SIDE), stages=list(stages), grid=panel.grid, engine="torch-fp32")
        pooled = engine.pooled(shown(panels)[:, index], content[:, index])
        found |= {f"{panel.name}/{stage}": values.reshape(N, -1) for stage, values in pooled.items()}
    return found


def maps_of(backbone: Backbone, after: str | None, panels: tuple[Panel, ...]) -> Tensor:
    pixels = torch.from_numpy(shown(panels)).float()
    if after is None:
        return pixels
    mean, std = (torch.tensor(value).reshape(1, 3, 1, 1) for value in (backbone.mean, backbone.std))
    with torch.no_grad():
        x = [(pixels[:, p].permute(0, 3, 1, 2) / 255 - mean) / std for p in range(len(panels))]
        return torch.stack([backbone.trunk(one, [after])[0] for one in x], 1)


def a_head(features: dict[str, np.ndarray], *, temperature: float = 1.7) -> Head:
    rng = np.random.default_rng(0)
    joined = np.concatenate(list(features.values()), axis=1)
    d = joined.shape[1]
    return Head(
        layers=tuple(features),
        mean=joined.mean(0),
        scale=(joined.std(0) * np.sqrt(d) + 0.1 * joined.std()).astype(np.float32),
        weight=rng.standard_normal((d, 4)).astype(np.float32),
        bias=rng.standard_normal(4).astype(np.float32),
        temperature=temperature,
    )


def shake(suffix: Suffix) -> None:
    """Change every trainable number a little."""
    chance = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for value in suffix.parameters():
            value.mul_(1 + 0.03 * torch.randn(value.shape, generator=chance))
            value.add_(0.003 * torch.randn(value.shape, generator=chance))


def logits_of(suffix: Suffix, maps: Tensor, content: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return suffix(maps, content).numpy()


@pytest.mark.parametrize(("name", "after"), CUTS)
def test_an_untrained_suffix_answers_like_the_probe_on_the_whole_network(name: str, after: str | None) -> None:
    backbone, cut, panels = the_network(name), the_cut(name, after), (PHOTO, SPECTRUM)
    for content in (boxes(panels), np.tile(np.array([0, 0, SIDE, SIDE], np.int32), (N, 2, 1))):
        features = features_of(backbone, layers_of(name), panels, content)
        head = a_head(features)
        suffix = Suffix(backbone, after=cut, panels=panels, head=head)
        logits = logits_of(suffix, maps_of(backbone, cut, panels), content)
        np.testing.assert_allclose(logits, head.logits(features) / head.temperature, atol=1e-4)


def test_padding_changes_the_answer() -> None:
    """Or else the test above would not see whether boxes are obeyed."""
    backbone, panels = the_network("torchvision:resnet18"), (PHOTO,)
    content = boxes(panels)
    whole = np.tile(np.array([0, 0, SIDE, SIDE], np.int32), (N, 1, 1))
    suffix = Suffix(
        backbone, after="stem", panels=panels, head=a_head(features_of(backbone, ("layer4",), panels, content))
    )
    maps = maps_of(backbone, "stem", panels)
    apart = np.abs(logits_of(suffix, maps, content) - logits_of(suffix, maps, whole)).max(axis=1)
    assert (apart[[1, 2, 3]] > 1e-2).all()
    assert (apart[[0, 4]] < 1e-5).all()


@pytest.mark.parametrize(("name", "after"), CUTS)
def test_what_was_trained_is_put_back_into_the_network(name: str, after: str | None) -> None:
    backbone, cut, panels = the_network(name), the_cut(name, after), (SPECTRUM, PAIRS)
    content = boxes(panels)
    before = state_hash(backbone.state())
    suffix = Suffix(
        backbone, after=cut, panels=panels, head=a_head(features_of(backbone, layers_of(name), panels, content))
    )
    maps = maps_of(backbone, cut, panels)
    untrained = logits_of(suffix, maps, content)
    shake(suffix)
    logits = logits_of(suffix, maps, content)
    assert np.abs(logits - untrained).max() > 1e-2
    settled, head = suffix.settled()
    assert head.temperature == 1.0
    assert head.layers == suffix.layers
    assert settled.weights_sha256 == state_hash(settled.state()) != before
    assert state_hash(backbone.state()) == before
    np.testing.assert_allclose(
        head.logits(features_of(settled, layers_of(name), panels, content)), logits, atol=1e-4, rtol=1e-4
    )
    assert state_hash(frozen_weights(settled, cut)) == state_hash(frozen_weights(backbone, cut))


def test_layers_of_one_panel_need_nothing_of_another() -> None:
    backbone, panels = the_network("torchvision:squeezenet1_1"), (PHOTO, SPECTRUM)
    content = boxes(panels)
    both = features_of(backbone, ("fire9",), panels, content)
    features = {"spectrum/fire9": both["spectrum/fire9"]}
    head = a_head(features)
    suffix = Suffix(backbone, after="fire7", panels=panels, head=head)
    maps = maps_of(backbone, "fire7", panels)
    maps[:, 0] = torch.nan
    np.testing.assert_allclose(logits_of(suffix, maps, content), head.logits(features) / head.temperature, atol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_training_leaves_frozen_stages_and_statistics_alone(name: str) -> None:
    backbone, cut, panels = the_network(name), the_cut(name, "before"), (PHOTO,)
    content = boxes(panels)
    suffix = Suffix(
        backbone, after=cut, panels=panels, head=a_head(features_of(backbone, layers_of(name), panels, content))
    )
    kept = frozen_weights(backbone, cut)
    names = backbone.stage_names
    assert {key.split(".")[1] for key in kept} == set(names[: names.index(str(cut)) + 1])
    if name != "torchvision:squeezenet1_1":
        assert any("running_var" in key for key in kept)
    before, whole = state_hash(kept), state_hash(backbone.state())
    suffix.train()
    optimizer = torch.optim.Adam(suffix.parameters(), lr=3e-5)
    maps, truth = maps_of(backbone, cut, panels), torch.arange(N) % 4
    losses = []
    for _ in range(4):
        loss = nn.functional.cross_entropy(suffix(maps, content), truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    settled, _ = suffix.settled()
    assert state_hash(frozen_weights(settled, cut)) == before
    assert state_hash(backbone.state()) == whole != settled.weights_sha256
    after = settled.state()
    variances = [key for key in after if key.endswith("running_var")]
    assert all(np.array_equal(after[key], backbone.state()[key]) for key in variances)


def test_nothing_is_frozen_where_the_whole_network_is_trained() -> None:
    assert frozen_weights(the_network("torchvision:resnet18"), None) == {}


def test_every_parameter_behind_the_cut_is_trained_and_none_before_it() -> None:
    backbone, panels = the_network("torchvision:resnet18"), (PHOTO,)
    content = boxes(panels)
    suffix = Suffix(
        backbone, after="layer2", panels=panels, head=a_head(features_of(backbone, ("layer4",), panels, content))
    )
    assert list(suffix.stage_parameters()) == ["layer3", "layer4"]
    suffix(maps_of(backbone, "layer2", panels), content).sum().backward()
    left = [name for name, value in suffix.named_parameters() if value.grad is None]
    assert not left
    assert not any(value.requires_grad for value in backbone.trunk.parameters())
    # What the head does not read is not computed.
    early = a_head(features_of(backbone, ("layer3",), panels, content))
    assert list(Suffix(backbone, after="layer2", panels=panels, head=early).stage_parameters()) == ["layer3"]


def test_training_mode_is_declined() -> None:
    backbone, panels = the_network("torchvision:densenet121"), (PHOTO,)  # its norms stand before their convolutions
    content = boxes(panels)
    suffix = Suffix(
        backbone,
        after=backbone.stage_names[-3],
        panels=panels,
        head=a_head(features_of(backbone, (backbone.stage_names[-1],), panels, content)),
    )
    assert any(isinstance(module, nn.BatchNorm2d) for module in suffix.modules())
    suffix.train()
    assert not any(module.training for module in suffix.modules())
    maps = maps_of(backbone, backbone.stage_names[-3], panels)
    before = {key: value.clone() for key, value in suffix.state_dict().items()}
    suffix(maps, content)
    assert all(torch.equal(value, before[key]) for key, value in suffix.state_dict().items())


def test_a_head_with_a_layer_before_the_cut_is_refused() -> None:
    backbone, panels = the_network("torchvision:squeezenet1_1"), (PHOTO,)
    head = a_head(features_of(backbone, ("fire6", "fire9"), panels, boxes(panels)))
    for after in ("fire6", "fire7"):
        with pytest.raises(OptionError, match=f"layers behind {after} .* photo/fire6"):
            Suffix(backbone, after=after, panels=panels, head=head)
    Suffix(backbone, after="fire5", panels=panels, head=head)


def made_by_hand(last: nn.Sequential) -> Backbone:
    """A network of two stages."""
    torch.manual_seed(0)
    trunk = Trunk({"a": nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.ReLU()), "b": last})
    stages = (Stage("a", 6, 2, 3), Stage("b", 8, 2, 7))
    return Backbone("by hand", "", "", "0" * 64, SIDE, (0.5,) * 3, (0.5,) * 3, stages, lambda: trunk)


def a_norm() -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(8)
    nn.init.uniform_(norm.running_mean, -1, 1)
    nn.init.uniform_(norm.running_var, 0.5, 2)
    nn.init.uniform_(norm.weight, 0.5, 2)
    nn.init.uniform_(norm.bias, -1, 1)
    return norm


class Forked(nn.Module):
    """A convolution whose output is taken by a norm and by the sum behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(6, 8, 3, padding=1), a_norm()

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return y + self.norm(y)


@pytest.mark.parametrize(
    "last",
    [
        nn.Sequential(nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(inplace=True), a_norm()),
        nn.Sequential(nn.Conv2d(6, 8, 3, padding=1), nn.Dropout(0.5), a_norm(), nn.ReLU(inplace=True)),
        nn.Sequential(Forked(), nn.ReLU()),
    ],
    ids=["rectified in place", "through a module that returns its input", "forked"],
)
def test_a_norm_is_folded_only_where_nothing_lies_between(last: nn.Sequential) -> None:
    backbone, panels = made_by_hand(last), (PHOTO,)
    content = boxes(panels)
    features = features_of(backbone, ("b",), panels, content)
    head = a_head(features)
    suffix = Suffix(backbone, after="a", panels=panels, head=head)
    logits = logits_of(suffix, maps_of(backbone, "a", panels), content)
    np.testing.assert_allclose(logits, head.logits(features) / head.temperature, atol=1e-4)
