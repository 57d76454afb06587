"""Training a suffix: from the probe's head, on kept maps, epoch by epoch, resumable at any instant.

The head begins as the probe's answer (linear probing, then fine-tuning: Kumar et al. 2022, arXiv 2202.10054), so the
first epoch starts where the probe ended. AdamW with one cycle of the rate, lower rates for earlier stages, label
smoothing, and an average of the weights that is what is measured and kept. Every epoch draws from a random stream of
its own, and between epochs, every few seconds, everything is written to disk: a run that is killed goes on from there
and ends with the same bits. Covers the loop, its state on disk, and answering with a suffix. Does not cover what is
trained (``recognizers.suffix``), on what (``views``), how long and how deep (``plan``), or whether the result is kept
(``adapt``).
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Int
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor
from torch.nn import functional

from photism.executor import count_cores
from photism.pictures.view import VARIATION_VERSION
from photism.recognizers.machine import give_memory_back
from photism.recognizers.suffix import Suffix
from photism.training.calibration import temperature_for
from photism.training.curve import NOTHING, Held, Measured, measure_files, row_of
from photism.training.device import learning_logits, place, tensor
from photism.training.features import Features, by_file, softmax
from photism.training.plan import Plan
from photism.training.views import Views
from photism.types import EpochRow, Mask, Progress, Watch, silent, unwatched

__all__ = ["Tuned", "answer", "finetune"]

BATCH_ANSWERED = 64
# An epoch is cheaper to do again than its state is to write where epochs are short.
KEEP_EVERY_S = 5.0
# Files on which the training curve is measured, at most: an even share.
MAX_MEASURED = 512


@dataclass(frozen=True, slots=True)
class Tuned:
    """What a training of a suffix left: its curve, and which epoch's weights the suffix holds now.

    ``held`` has every validation file's loss in every epoch; None where there was no validation.
    """

    rows: tuple[EpochRow, ...]
    held: Held | None
    best_epoch: int


@dataclass(frozen=True, slots=True)
class _Files:
    """Files to measure on: their numbers, classes and groups."""

    numbers: Int[np.ndarray, " f"]
    truth: Int[np.ndarray, " f"]
    groups: Int[np.ndarray, " f"]


def finetune(
    suffix: Suffix,
    views: Views,
    y: Int[np.ndarray, " m"],
    groups: Int[np.ndarray, " m"],
    *,
    train: Mask,
    valid: Mask | None,
    plan: Plan,
    until: int | None = None,
    tempered: bool = True,
    checkpoint: Path | None = None,
    progress: Progress = silent,
    watch: Watch = unwatched,
) -> Tuned:
    """Train a suffix in place; it ends with the averaged weights of its best epoch.

    Parameters
    ----------
    suffix : Suffix
        With the probe's head.
    views : Views
        Maps of the files; training files in varied views too.
    y, groups : int (n_samples,)
        Classes, and what is one observation.
    train : bool (n_samples,)
        What is learned from.
    valid : bool (n_samples,), optional
        Says which epoch is best; the last one is where it is None.
    plan : Plan
        How.
    until : int, optional
        End with this epoch, though the rates are those of ``plan.epochs``.
    tempered : bool
        Tell losses at the temperature that suits validation, as a recognizer would be given it; else as they are.
    checkpoint : Path, optional
        A folder for the state of an unfinished training; read where it fits.
    progress : callable
        Told ("fine-tuning", steps done, steps in all).
    watch : callable, optional
        Told every epoch's row as soon as there is one, also those that a checkpoint brings; nothing without ``valid``.

    Returns
    -------
    Tuned
        Losses and accuracies count files; those of training are measured on plain pictures of an even share.

    Notes
    -----
    Deterministic on one machine's processor, but for ``seconds``; the number of threads is set to the processors'. On
    a graphics card where there is one.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(count_cores())
    place(suffix)
    try:
        return _Loop(suffix, views, y, groups, train, valid, plan, tempered, checkpoint, progress, watch).run(
            plan.epochs if until is None else until
        )
    finally:
        torch.set_num_threads(threads)
        give_memory_back()


def answer(suffix: Suffix, views: Views, files: Int[np.ndarray, " f"]) -> tuple[Features, Float32[np.ndarray, "n k"]]:
    """Answer for every window of some files' plain pictures.

    Parameters
    ----------
    suffix : Suffix
    views : Views
    files : int (f,)
        Numbers of files with a plain view, ascending.

    Returns
    -------
    features : Features
        Without layers: which file each window is of, and what it weighs.
    logits : float32 (n_windows, k)
    """
    numbers, found = [np.zeros(0, np.int64)], [np.zeros((0, len(suffix.bias)), np.float32)]
    with torch.inference_mode():
        for some, maps, content in views.plain(files, BATCH_ANSWERED):
            numbers.append(some)
            found.append(suffix(tensor(maps, suffix), content).float().cpu().numpy())
    of_window = np.concatenate(numbers)
    n_samples = int(files.max(initial=-1)) + 1
    weight = (1.0 / np.maximum(np.bincount(of_window, minlength=n_samples), 1)).astype(np.float32)[of_window]
    return Features({}, of_window, weight, n_samples), np.concatenate(found)


class _Loop:
    """The state of a training and the steps that change it."""

    def __init__(
        self,
        suffix: Suffix,
        views: Views,
        y: Int[np.ndarray, " m"],
        groups: Int[np.ndarray, " m"],
        train: Mask,
        valid: Mask | None,
        plan: Plan,
        tempered: bool,
        checkpoint: Path | None,
        progress: Progress,
        watch: Watch,
    ) -> None:
        self.suffix, self.views, self.y, self.plan = suffix, views, y, plan
        self.tempered = tempered
        self.key = _key(plan, y, groups, train, valid)
        self.checkpoint, self.progress, self.watch = checkpoint, progress, watch
        self.files = np.flatnonzero(train)
        shown = self.files[:: max(1, -(-len(self.files) // MAX_MEASURED))]
        self.learned = _Files(shown, y[shown], groups[shown])
        held = None if valid is None else np.flatnonzero(valid)
        self.held = None if held is None else _Files(held, y[held], groups[held])
        self.n_classes = len(suffix.bias)
        count = np.bincount(y[self.files], minlength=self.n_classes)
        # Every class weighs the same; the mean over files is 1.
        self.class_weight = torch.from_numpy(
            (len(self.files) / np.maximum(count, 1) / (count > 0).sum()).astype(np.float32)
        )
        self.values = [value for value in suffix.parameters() if value.requires_grad]
        self.average = [value.detach().clone() for value in self.values]
        self.best = [value.detach().clone() for value in self.values]
        self.optimizer = torch.optim.AdamW(_groups(suffix, plan), betas=(0.9, 0.99), fused=True)
        self.steps_an_epoch = -(-len(self.files) // plan.batch)
        self.rows: list[EpochRow] = []
        self.losses: list[Float32[np.ndarray, " f"]] = []
        self.best_epoch = 0
        self.kept_at = time.perf_counter()

    def run(self, until: int) -> Tuned:
        self._resume()
        for row in self.rows:
            self._tell(row)
        for epoch in range(len(self.rows) + 1, until + 1):
            if self.rows and not math.isfinite(self.rows[-1].train_loss_nats):
                break
            self.rows.append(self._epoch(epoch))
            row = self.rows[-1]
            self._tell(row)
            best = self.rows[self.best_epoch - 1].valid_loss_nats if self.best_epoch else math.inf
            if math.isfinite(row.train_loss_nats) and (self.held is None or row.valid_loss_nats < best):
                self.best_epoch = epoch
                _copy(self.average, self.best)
            if epoch == until or time.perf_counter() - self.kept_at >= KEEP_EVERY_S:
                self._keep()
        _copy(self.best, self.values)
        held = None if self.held is None else Held(np.stack(self.losses), self.held.groups)
        return Tuned(tuple(self.rows), held, self.best_epoch)

    def _tell(self, row: EpochRow) -> None:
        if self.held is not None:
            where = "the whole network" if self.plan.after is None else f"behind {self.plan.after}"
            self.watch(f"fine-tuning {where}", row)

    def _epoch(self, epoch: int) -> EpochRow:
        began = time.perf_counter()
        chance = np.random.default_rng([self.plan.seed, epoch])
        n_steps = self.plan.epochs * self.steps_an_epoch
        rate = 0.0
        for index, batch in enumerate(np.array_split(chance.permutation(self.files), self.steps_an_epoch)):
            step = (epoch - 1) * self.steps_an_epoch + index
            rate = _schedule(step / n_steps, steady=self.plan.steady)
            for group in self.optimizer.param_groups:
                group["lr"] = group["highest"] * rate
            self._step(batch, chance)
            _follow(self.average, self.values, self._decay(step))
            self.progress("fine-tuning", step + 1, n_steps)
        kept = [value.detach().clone() for value in self.values]
        _copy(self.average, self.values)
        temperature, valid = 1.0, NOTHING
        if self.held is not None:
            windows, logits = answer(self.suffix, self.views, self.held.numbers)
            temperature = temperature_for(logits, windows, self.y) if self.tempered else 1.0
            valid = _measured(self.held, windows, logits / temperature)
            self.losses.append(valid.losses_nats.astype(np.float32))
        windows, logits = answer(self.suffix, self.views, self.learned.numbers)
        train = _measured(self.learned, windows, logits / temperature)
        _copy(kept, self.values)
        return row_of(epoch, train, valid, rate=rate * self.plan.rate, seconds=time.perf_counter() - began)

    def _step(self, batch: Int[np.ndarray, " b"], chance: np.random.Generator) -> None:
        maps, content = self.views.draw(batch, chance)
        x, truth = tensor(maps, self.suffix), torch.from_numpy(self.y[batch])
        target = functional.one_hot(truth, self.n_classes).float()
        target = target * (1 - self.plan.smoothing) + self.plan.smoothing / self.n_classes
        target = target * self.class_weight[truth][:, None]
        if self.plan.mixup > 0:
            share = float(chance.beta(self.plan.mixup, self.plan.mixup))
            other = torch.from_numpy(chance.permutation(len(batch)))
            x = share * x + (1 - share) * x[other]
            target = share * target + (1 - share) * target[other]
            content = np.concatenate(  # what either of the two fills
                [np.minimum(content, content[other])[..., :2], np.maximum(content, content[other])[..., 2:]], axis=-1
            )
        logits = learning_logits(self.suffix, x, content)
        loss = -(target.to(logits.device) * functional.log_softmax(logits, 1)).sum(1).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()

    def _decay(self, step: int) -> float:
        """How much of the average stays: it looks back over about half an epoch, less in the beginning."""
        horizon = max(4.0, self.plan.averaged_epochs * self.steps_an_epoch)
        return 1.0 - 1.0 / min(horizon, step + 1.0)

    # ── the state on disk ────────────────────────────────────────────────────────────────────────────

    def _keep(self) -> None:
        """Write everything that the next epoch depends on, whole or not at all."""
        if self.checkpoint is None:
            return
        self.checkpoint.mkdir(parents=True, exist_ok=True)
        tensors: dict[str, Tensor] = {"losses": torch.from_numpy(np.stack(self.losses))} if self.losses else {}
        for index, value in enumerate(self.values):
            state = self.optimizer.state[value]
            tensors |= {
                f"value.{index}": value.detach().contiguous(),
                f"average.{index}": self.average[index].contiguous(),
                f"best.{index}": self.best[index].contiguous(),
                f"first.{index}": state["exp_avg"].contiguous(),
                f"second.{index}": state["exp_avg_sq"].contiguous(),
                f"step.{index}": state["step"].reshape(1),
            }
        about = {"key": self.key, "best_epoch": str(self.best_epoch)}
        about["rows"] = json.dumps([asdict(row) for row in self.rows])
        fresh = self.checkpoint / "state.new"
        # Not save_file: it tells of a full disk in words only.
        fresh.write_bytes(save(tensors, metadata=about))
        fresh.replace(self.checkpoint / "state.safetensors")
        self.kept_at = time.perf_counter()

    def _resume(self) -> None:
        """Take up an unfinished training of the same plan and files; begin anew where there is none that is whole."""
        path = None if self.checkpoint is None else self.checkpoint / "state.safetensors"
        if path is None or not path.is_file():
            return
        about = _about(path)
        if about is None or about.get("key") != self.key:
            return
        tensors = load_file(path)
        for index, value in enumerate(self.values):
            value.data.copy_(tensors[f"value.{index}"])
            self.average[index].copy_(tensors[f"average.{index}"])
            self.best[index].copy_(tensors[f"best.{index}"])
            self.optimizer.state[value] = {
                "step": tensors[f"step.{index}"].reshape(()).to(value.device),
                "exp_avg": torch.empty_like(value).copy_(tensors[f"first.{index}"]),
                "exp_avg_sq": torch.empty_like(value).copy_(tensors[f"second.{index}"]),
            }
        self.rows = [EpochRow(**row) for row in json.loads(about["rows"])]
        self.losses = list(tensors["losses"].numpy()) if "losses" in tensors else []
        self.best_epoch = int(about["best_epoch"])


def _measured(files: _Files, windows: Features, logits: Float32[np.ndarray, "n k"]) -> Measured:
    return measure_files(by_file(softmax(logits), windows)[files.numbers], files.truth, files.groups)


def _key(plan: Plan, *data: Int[np.ndarray, " m"] | Mask | None) -> str:
    """Name what a training is: its plan, how views vary, which files of which classes it learns from and answers."""
    digest = hashlib.sha256(json.dumps([plan.to_json(), VARIATION_VERSION], sort_keys=True).encode())
    for values in data:
        digest.update(b"none" if values is None else values.tobytes())
    return digest.hexdigest()


def _about(path: Path) -> dict[str, str] | None:
    from safetensors import safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError):
        return None  # half a file: the training begins anew


def _groups(suffix: Suffix, plan: Plan) -> list[dict[str, object]]:
    """Parameters with their highest rates: the later a stage, the higher; the head by the width of what it reads."""
    stages = list(suffix.stage_parameters().values())
    groups: list[dict[str, object]] = []
    for index, values in enumerate(stages):
        rate = plan.rate * plan.stage_decay ** (len(stages) - 1 - index)
        # Shifts are not decayed towards zero: they would carry a BatchNorm's work away with them.
        for some, decay in (
            ([v for v in values if v.ndim > 1], plan.weight_decay),
            ([v for v in values if v.ndim <= 1], 0.0),
        ):
            if some:
                groups.append({"params": some, "highest": rate, "lr": rate, "weight_decay": decay})
    # A window's squared norm is 1 on average, so a step of r in every weight moves a logit by up to r sqrt(d).
    head = plan.head_rate / math.sqrt(len(suffix.weight))
    groups.append({"params": [suffix.weight, suffix.bias], "highest": head, "lr": head, "weight_decay": 0.0})
    return groups


def _schedule(done: float, *, steady: bool) -> float:
    """Share of the highest rate: up in a tenth of the way, down along a cosine (Smith 2018, arXiv 1803.09820)."""
    if done < 0.1:
        return 0.05 + 0.95 * done / 0.1
    if steady:
        return 1.0
    return 0.5 * (1.0 + math.cos(math.pi * (done - 0.1) / 0.9))


def _copy(source: Sequence[Tensor], target: Sequence[Tensor]) -> None:
    with torch.no_grad():
        for here, there in zip(source, target, strict=True):
            there.copy_(here)


def _follow(average: Sequence[Tensor], values: Sequence[Tensor], decay: float) -> None:
    with torch.no_grad():
        for mean, value in zip(average, values, strict=True):
            mean.lerp_(value, 1.0 - decay)
