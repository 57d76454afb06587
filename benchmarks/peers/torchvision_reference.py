"""torchvision's reference classification recipe, adapted to fine-tuning.

https://github.com/pytorch/vision/tree/main/references/classification: SGD with momentum 0.9, batches of 32, weight
decay 2e-5 and none for normalisation, label smoothing 0.1, a linear warm-up and a cosine, TrivialAugmentWide and random
erasing (0.1) after RandomResizedCrop and flip, an exponential moving average of the weights. Adapted: learning rate
0.01 for pretrained weights, one epoch of warm-up, 25 epochs (as many as fit the time limit, so that the cosine ends),
the average follows every step over about a tenth of the training (the recipe's own constant assumes ImageNet's size).
Of the raw and the averaged weights the better one on the test items is written down: an advantage for the peer.
Spectrograms are masked and shifted instead, bytes and pointer tracks are not changed.
"""

from __future__ import annotations

import torch
from recording import Recorder, options, planned_epochs, read_job, report_calibration
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch_parts import (
    TRIAL_BATCH,
    answers,
    is_channels_last_faster,
    laid_out,
    measured_rates,
    network_for,
    training_loader,
)
from torchvision import ops, transforms

ERASE = 0.1


def main() -> None:
    """Train and write the run's folder."""
    parser = options(__doc__.splitlines()[0], epochs=25, batch=32)
    parser.add_argument("--lr", type=float, default=0.01)
    given = parser.parse_args()
    torch.manual_seed(given.seed)
    job = read_job(given.manifest)
    size_px = job.pixels.shape[1]
    network = network_for(job.n_classes)
    if given.calibrate:
        rates, processor_rates = measured_rates(
            network, size_px=size_px, batch=TRIAL_BATCH, precisions=("fp32", "bf16"), seconds=given.calibrate
        )
        report_calibration(
            given.out,
            peer="torchvision_reference",
            batch=TRIAL_BATCH,
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
    plain = [transforms.PILToTensor(), transforms.ConvertImageDtype(torch.float), transforms.Normalize([0.5], [0.5])]
    before, after = [], []
    if job.kind == "image":
        before = [
            transforms.RandomResizedCrop(size_px),
            transforms.RandomHorizontalFlip(),
            transforms.TrivialAugmentWide(interpolation=transforms.InterpolationMode.BILINEAR),
        ]
        after = [transforms.RandomErasing(p=ERASE)]
    loader = training_loader(job, transforms.Compose([*before, *plain, *after]), batch=given.batch, seed=given.seed)
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
    norms, others = ops._utils.split_normalization_params(network)
    optimizer = torch.optim.SGD(
        [{"params": norms, "weight_decay": 0.0}, {"params": others, "weight_decay": 2e-5}], lr=given.lr, momentum=0.9
    )
    warm_up = 1 if epochs > 1 else 0
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=max(1, epochs - warm_up))
    scheduler = cosine
    if warm_up:
        rising = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=warm_up)
        scheduler = torch.optim.lr_scheduler.SequentialLR(optimizer, [rising, cosine], milestones=[warm_up])
    decay = 1.0 - min(1.0, 10.0 / (epochs * len(loader)))
    averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    record = Recorder(
        given.out, job, peer="torchvision_reference", epochs=epochs, batch=given.batch, lr=given.lr, rates=rates,
        channels_last=channels_last, ema_decay=decay, torch=torch.__version__,
    )  # fmt: skip
    network.train()
    for epoch in range(epochs):
        with record.training():
            for x, y in loader:
                loss = criterion(network(laid_out(x, channels_last)), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                averaged.update_parameters(network)
                if epoch < warm_up:
                    averaged.n_averaged.fill_(0)  # as the reference: copy the weights while warming up
                record.saw(len(x))
            scheduler.step()
        truth = job.y[job.test]
        both = {
            name: answers(one, job, transforms.Compose(plain), channels_last=channels_last)
            for name, one in (("raw", network), ("averaged", averaged))
        }
        right = {f"accuracy_{name}": float((found == truth).mean()) for name, found in both.items()}
        record.epoch(max(both.values(), key=lambda found: (found == truth).mean()), **right)
    record.finish()


if __name__ == "__main__":
    main()
