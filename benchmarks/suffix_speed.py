"""Training a suffix beside training the whole network: images a second in one framework, precision and batch size.

Both are photism's own ``Suffix`` with the same head, forward, backward and optimizer step, on noise, in turn, the
median of several rounds. Beside them the arithmetic: floating-point operations of a picture's convolutions, three
times those of the forward pass (torch's own counter takes the backward pass of grouped convolutions for dense), against
what a plain matrix product reaches on this machine at the same moment.

    python -m benchmarks.suffix_speed [--backbone NAME] [--rounds 5]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch

from photism.executor import count_cores
from photism.recognizers.backbones import Backbone, load_backbone
from photism.recognizers.frozen_pass import Panel
from photism.recognizers.head import Head
from photism.recognizers.suffix import Suffix
from photism.recognizers.torch_engine import map_sizes

BATCH, N_CLASSES, SECONDS = 32, 10, 4.0


def ready(backbone: Backbone, after: str | None) -> tuple[Suffix, Callable[[], None]]:
    """Make a suffix and one training step on it."""
    size_px = (backbone.size_px, backbone.size_px)
    last = backbone.stages[-1]
    width = 2 * last.channels
    zero = np.zeros(width, np.float32)
    head = Head(
        (f"p/{last.name}",),
        zero,
        np.full(width, width**0.5, np.float32),
        np.zeros((width, N_CLASSES), np.float32),
        zero[:N_CLASSES],
    )
    suffix = Suffix(backbone, after=after, panels=(Panel("p", *size_px, False, False),), head=head)
    if after is None:
        maps = torch.rand(BATCH, 1, *size_px, 3) * 255
    else:
        maps = torch.rand(BATCH, 1, backbone.stage(after).channels, *map_sizes(backbone, size_px)[after])
    content = np.tile([0, 0, *size_px], (BATCH, 1, 1))
    optimizer = torch.optim.AdamW(suffix.parameters(), 1e-6, fused=True)
    truth = torch.arange(BATCH) % N_CLASSES

    def step() -> None:
        loss = torch.nn.functional.cross_entropy(suffix(maps, content), truth)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return suffix, step


def gflop_of(suffix: Suffix, step: Callable[[], None]) -> float:
    """Count a training step's floating-point operations for one picture: 2 a multiplication and addition, times 3."""
    counted = 0.0

    def count(module: torch.nn.Module, _inputs: object, output: torch.Tensor) -> None:
        nonlocal counted
        assert isinstance(module, torch.nn.Conv2d)
        counted += 2.0 * output.numel() * module.weight[0].numel()

    hooks = [one.register_forward_hook(count) for one in suffix.modules() if isinstance(one, torch.nn.Conv2d)]
    step()
    for hook in hooks:
        hook.remove()
    return 3.0 * counted / BATCH / 1e9


def rate(step: Callable[[], None]) -> float:
    """Pictures a second over a few seconds."""
    step()
    n, started = 0, time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        step()
        n += 1
    return n * BATCH / (time.perf_counter() - started)


def peak_gflops() -> float:
    """What the best of some square matrix products in single precision reaches here and now."""
    best = 0.0
    for side in (384, 512, 768, 1024, 2048):
        a, times = torch.rand(side, side), 2 * 2048**3 // side**3
        a @ a
        started = time.perf_counter()
        for _ in range(times):
            a @ a
        best = max(best, 2 * side**3 * times / (time.perf_counter() - started) / 1e9)
    return best


def main() -> None:
    """Run both in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(count_cores())
    backbone = load_backbone(arguments.backbone)
    names = backbone.stage_names
    cuts: list[str | None] = [None, *names[len(names) // 2 - 1 : -2]]
    made = {after: ready(backbone, after) for after in cuts}
    steps = {after: step for after, (_, step) in made.items()}
    rates: dict[str | None, list[float]] = {after: [] for after in cuts}
    peaks = []
    for _ in range(arguments.rounds):
        for after in cuts:
            rates[after].append(rate(steps[after]))
        peaks.append(peak_gflops())
    peak = median(peaks)
    whole = median(rates[None])
    print(
        f"{arguments.backbone}, batches of {BATCH}, {count_cores()} threads; "
        f"a matrix product reaches {peak:.0f} GFLOP/s"
    )
    print("| trained | pictures a second | times full training | GFLOP a picture | GFLOP/s | of the matrix product |")
    print("|---|---|---|---|---|---|")
    for after in cuts:
        gflop = gflop_of(*made[after])
        speed = median(rates[after])
        first = "everything" if after is None else f"from {names[names.index(after) + 1]} on"
        reached = speed * gflop
        share = f"{100 * reached / peak:.0f} %"
        print(f"| {first} | {speed:.0f} | {speed / whole:.1f} | {gflop:.2f} | {reached:.0f} | {share} |")


if __name__ == "__main__":
    main()
