"""A plain PyTorch loop after the official tutorial "Transfer Learning for Computer Vision".

https://docs.pytorch.org/tutorials/beginner/transfer_learning_tutorial.html, "Finetuning the ConvNet": a new last layer,
all weights trained by SGD (0.001, momentum 0.9), batches of 4, StepLR(7, 0.1), 25 epochs, RandomResizedCrop and flip.
Differs: the packaged network, its own mean and std, no crop or flip but for photographs, memory layout by trial.
"""

from __future__ import annotations

import torch
from recording import Recorder, options, planned_epochs, read_job, report_calibration
from torch import nn
from torch_parts import (
    TRIAL_BATCH,
    answers,
    is_channels_last_faster,
    laid_out,
    measured_rates,
    network_for,
    training_loader,
)
from torchvision import transforms


def main() -> None:
    """Train and write the run's folder."""
    parser = options(__doc__.splitlines()[0], epochs=25, batch=4)
    parser.add_argument("--lr", type=float, default=0.001)
    given = parser.parse_args()
    torch.manual_seed(given.seed)
    job = read_job(given.manifest)
    size_px = job.pixels.shape[1]
    network = network_for(job.n_classes)
    if given.calibrate:
        rates, processor_rates = measured_rates(
            network, size_px=size_px, batch=given.batch, precisions=("fp32", "bf16"), seconds=given.calibrate
        )
        report_calibration(
            given.out,
            peer="torch_tutorial",
            batch=given.batch,
            size_px=size_px,
            rates=rates,
            processor_rates=processor_rates,
        )
        return
    rates, _ = measured_rates(network, size_px=size_px, batch=min(given.batch, TRIAL_BATCH), seconds=given.trial)
    channels_last = is_channels_last_faster(rates)
    epochs = planned_epochs(
        given.epochs, n_train=len(job.train), images_per_second=max(rates.values()), time_limit=given.time_limit
    )
    plain = [transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)]
    crops = [transforms.RandomResizedCrop(size_px), transforms.RandomHorizontalFlip()] if job.kind == "image" else []
    loader = training_loader(job, transforms.Compose([*crops, *plain]), batch=given.batch, seed=given.seed)
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(network.parameters(), lr=given.lr, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=7, gamma=0.1)
    record = Recorder(
        given.out, job, peer="torch_tutorial", epochs=epochs, batch=given.batch, lr=given.lr, rates=rates,
        channels_last=channels_last, torch=torch.__version__,
    )  # fmt: skip
    network.train()
    for _ in range(epochs):
        with record.training():
            for x, y in loader:
                optimizer.zero_grad()
                loss = criterion(network(laid_out(x, channels_last)), y)
                loss.backward()
                optimizer.step()
                record.saw(len(x))
            scheduler.step()
        record.epoch(answers(network, job, transforms.Compose(plain), channels_last=channels_last))
    record.finish()


if __name__ == "__main__":
    main()
