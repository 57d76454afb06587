"""fastai's ``fine_tune``: one epoch of the head, then all layers with discriminative rates and one cycle.

``vision_learner`` with timm's architecture (fastai's own body, pooling and head), the packaged weights put in,
``fine_tune(n)`` at its default base learning rate of 2e-3, default batch of 64 unless told otherwise, default
``aug_transforms`` for photographs. Spectrograms are masked, shifted and brightened; bytes and pointer tracks are left.
The frozen epoch that comes first is counted, as an epoch of its own.
"""

from __future__ import annotations

import random
import time

import fastai
import numpy as np
import torch
from fastai.callback.channelslast import ChannelsLast
from fastai.vision.all import (
    Callback,
    CancelValidException,
    CategoryBlock,
    DataBlock,
    ImageBlock,
    IndexSplitter,
    Normalize,
    PILImage,
    Transform,
    aug_transforms,
    vision_learner,
)
from recording import Job, Recorder, augment_spectrogram, options, read_job, report_calibration
from torch_parts import ARCHITECTURE, TRIAL_BATCH, is_channels_last_faster, laid_out, measured_rates, packaged_network
from torchvision import transforms

BASE_LR = 2e-3


class Masked(Transform):
    """Spectrograms of the training part, augmented."""

    split_idx = 0

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def encodes(self, picture: PILImage) -> PILImage:
        """Change one picture."""
        return PILImage.create(augment_spectrogram(np.asarray(picture), self.rng))


class Clock(Callback):
    """Times training, asks for the test items after every epoch, and leaves fastai's own validation out."""

    order = 90

    def __init__(self, record: Recorder, job: Job, channels_last: bool) -> None:
        self.record, self.job, self.channels_last, self.context = record, job, channels_last, None

    def before_train(self) -> None:
        """Start the clock."""
        self.context = self.record.training()
        self.context.__enter__()

    def after_batch(self) -> None:
        """Count."""
        if self.learn.training:
            self.record.saw(len(self.learn.yb[0]))

    def after_train(self) -> None:
        """Stop the clock."""
        self.context.__exit__(None, None, None)

    def before_validate(self) -> None:
        """Ask for the test items instead of validating."""
        prepare = transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)])
        model, found = self.learn.model.eval(), []
        with torch.inference_mode():
            for rows in np.array_split(self.job.test, max(1, len(self.job.test) // 64)):
                x = torch.stack([prepare(picture) for picture in self.job.pixels[rows]])
                found.append(model(laid_out(x, self.channels_last)).argmax(1).numpy())
        self.record.epoch(np.concatenate(found))
        raise CancelValidException


def learner(job: Job, batch: int, seed: int):
    """Build data loaders and learner; the classes keep the manifest's order."""
    size_px = job.pixels.shape[1]
    items = [*job.train, job.train[0]]  # fastai wants a validation part: one picture that nobody asks for
    augment = aug_transforms(size=size_px) if job.kind == "image" else []
    block = DataBlock(
        blocks=(ImageBlock, CategoryBlock(vocab=list(range(job.n_classes)), sort=False)),
        get_x=lambda row: job.pixels[row],
        get_y=lambda row: int(job.y[row]),
        splitter=IndexSplitter([len(items) - 1]),
        item_tfms=[Masked(seed)] if job.kind == "sound" else [],
        batch_tfms=[*augment, Normalize.from_stats([0.5] * 3, [0.5] * 3)],
    )
    loaders = block.dataloaders(items, bs=batch, num_workers=0, device=torch.device("cpu"))
    learn = vision_learner(loaders, ARCHITECTURE, pretrained=False, normalize=False)
    trunk = learn.model[0].model
    ready = packaged_network().state_dict()
    trunk.load_state_dict({name: ready[name] for name in trunk.state_dict()})
    return learn


def main() -> None:
    """Train and write the run's folder."""
    given = options(__doc__.splitlines()[0], epochs=5, batch=64).parse_args()
    random.seed(given.seed)
    np.random.seed(given.seed)
    torch.manual_seed(given.seed)
    job = read_job(given.manifest)
    size_px = job.pixels.shape[1]
    batch = min(given.batch, max(2, len(job.train) // 2))
    learn = learner(job, batch, given.seed)
    if given.calibrate:
        rates, processor_rates = measured_rates(
            learn.model, size_px=size_px, batch=TRIAL_BATCH, precisions=("fp32", "bf16"), seconds=given.calibrate
        )
        start, n = time.perf_counter(), 0
        for x, _ in learn.dls.train:
            n += len(x)
            if time.perf_counter() - start > 5:
                break
        rates["loading and augmenting alone"] = n / (time.perf_counter() - start)
        report_calibration(
            given.out, peer="fastai", batch=TRIAL_BATCH, size_px=size_px, rates=rates, processor_rates=processor_rates
        )
        return
    rates, _ = measured_rates(learn.model, size_px=size_px, batch=min(batch, TRIAL_BATCH), seconds=given.trial)
    channels_last = is_channels_last_faster(rates)
    if channels_last:
        learn.add_cb(ChannelsLast())
    record = Recorder(
        given.out, job, peer="fastai", epochs=given.epochs, batch=batch, lr=BASE_LR, rates=rates,
        channels_last=channels_last, torch=torch.__version__, fastai=fastai.__version__,
    )  # fmt: skip
    learn.add_cb(Clock(record, job, channels_last))
    with learn.no_bar(), learn.no_logging():
        learn.fine_tune(given.epochs, base_lr=BASE_LR)
    record.finish()


if __name__ == "__main__":
    main()
