"""The steps that may be refused: a larger network, fine-tuning one or both, and two networks that answer together.

Covers whether each is tried. What depends on the clock is written down in the run's folder before it is done, and read
again where a run is resumed. Does not cover how either is done (``training.larger``, ``training.adapt``,
``training.ensemble``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from photism.experiment.clock import finishing_s
from photism.experiment.job import Job
from photism.runs import read_json, write_whole
from photism.training.attempts import Adapted, Ensemble, Upgrade
from photism.training.choose import FEWEST_WRONG, Judges, can_be_beaten
from photism.training.ensemble import try_ensemble
from photism.training.ground import Ground
from photism.training.plan import Depth, Plan, is_whole
from photism.types import JSON

__all__ = ["Probed", "decide_nothing_more", "fine_tune", "fine_tune_other", "join_other", "take_larger", "why_untried"]

LARGER, FINETUNE, FINETUNE_OTHER = "larger.json", "finetune.json", "finetune_other.json"
LARGER_SHARE = 0.4  # of the time left, for asking a larger network
# With less time left fine-tuning is not thought about: importing torch and measuring what a step costs take 5 s.
LEAST_TUNING_S = 10.0


@dataclass(frozen=True, slots=True)
class Probed:
    """The network that the training goes on with, and the other one where two were asked.

    ``upgrade`` says how the two compared, ``other`` is of the one that was left.
    """

    ground: Ground
    upgrade: Upgrade | None = None
    other: Ground | None = None

    @property
    def may_tune_both(self) -> bool:
        """Whether the network that was left could be fine-tuned as well, and be judged like the one that is kept."""
        return self.other is not None and not self.ground.material.by_fold


def take_larger(job: Job, ground: Ground) -> Probed:
    """Ask a larger network as well where there is time, and take it where that pays (``choose.Judges``).

    Parameters
    ----------
    job : Job
    ground : Ground
        Of the small network.
    """
    request = job.request
    if not request.may_take_larger:
        return Probed(ground)
    with job.clock.measuring("probe"):
        if not _is_larger_asked(job, ground):
            return Probed(ground)
        from photism.training.larger import LARGER as LARGER_NETWORK
        from photism.training.larger import try_larger

        engine = job.engine_of(LARGER_NETWORK)
        taken, upgrade, other = try_larger(
            ground, engine=engine, options=request.options, seed=request.seed, progress=job.progress
        )
        for one in (taken, other):
            if one is not None:
                job.keep_engine(one.backbone.name, one.asked.engine)
        return Probed(taken, upgrade, other)


def fine_tune(job: Job, probed: Probed) -> Adapted | None:
    """Fine-tune, and keep that where it pays (``choose.Judges``); None where it is not tried.

    Parameters
    ----------
    job : Job
    probed : Probed
    """
    method, ground = job.request.method, probed.ground
    if not (
        method == "finetune" or (method == "auto" and not _in_a_hurry(job, ground, FINETUNE) and _can_gain(ground))
    ):
        return None
    # Here, because it trains with torch, which a run that only probes does not need.
    from photism.training.adapt import adapt

    with job.clock.measuring("finetune"):
        return adapt(
            ground,
            _plans(job, ground, FINETUNE, shared=probed.may_tune_both),
            always=method == "finetune",
            folder=job.folder / "unfinished",
            progress=job.progress,
            watch=job.watch,
        )


def fine_tune_other(job: Job, probed: Probed, adapted: Adapted | None) -> Adapted | None:
    """Fine-tune the network that was left, to answer beside the kept one; None where that is not tried.

    It is where fine-tuning the kept one paid and a budget leaves time for the standard plan, or a longer one.

    Parameters
    ----------
    job : Job
    probed : Probed
    adapted : Adapted, optional
        What ``fine_tune`` returned.
    """
    if probed.other is None or not probed.may_tune_both or adapted is None or adapted.kept is None:
        return None
    if job.request.budget_s is None or _in_a_hurry(job, probed.other, FINETUNE_OTHER):
        return None
    from photism.training.adapt import adapt

    with job.clock.measuring("finetune"):
        n_train = probed.other.material.count("train")
        plans = [one for one in _plans(job, probed.other, FINETUNE_OTHER) if is_whole(one[1], n_train)]
        folder = job.folder / "unfinished" / "other"
        return adapt(probed.other, plans, always=False, folder=folder, progress=job.progress) if plans else None


def join_other(
    job: Job, probed: Probed, adapted: Adapted | None, other_adapted: Adapted | None = None
) -> Ensemble | None:
    """Compare what is kept with what both networks answer together; None where that cannot be told.

    One network alone may have been asked, or errs too seldom; or folds judge and a fine-tuned network is kept, of which
    only half-trained ones have answered them.

    Parameters
    ----------
    job : Job
    probed : Probed
    adapted, other_adapted : Adapted, optional
        What ``fine_tune`` and ``fine_tune_other`` returned.
    """
    tuned = adapted is not None and adapted.kept is not None
    if probed.other is None or not _can_gain(probed.ground) or (tuned and probed.ground.material.by_fold):
        return None
    with job.clock.measuring("probe"):
        return try_ensemble(probed.ground, adapted, probed.other, other_adapted)


def why_untried(job: Job, ground: Ground, adapted: Adapted | None) -> str | None:
    """Say why a run that might have fine-tuned did not; None where it did, and where it was told what to do.

    Parameters
    ----------
    job : Job
    ground : Ground
        Of the network that was taken.
    adapted : Adapted, optional
        What ``fine_tune`` returned.
    """
    if job.request.method != "auto" or (adapted is not None and adapted.attempts):
        return None
    path = job.folder / FINETUNE
    if path.is_file() and not _read_plans(path):
        return "Fine-tuning was not tried: the budget leaves no time for it."
    judges = "files of a fold" if ground.material.by_fold else "validation files (or groups of them)"
    return (
        f"Fine-tuning was not tried: the probe errs on too few {judges} for anything better to be told apart from it."
    )


def decide_nothing_more(job: Job) -> None:
    """Write down that no larger network is asked and nothing fine-tuned: a run that is resumed has no more time either.

    Parameters
    ----------
    job : Job
    """
    write_whole(job.folder / LARGER, json.dumps({"ask": False}))
    write_whole(job.folder / FINETUNE, "[]")


def _can_gain(ground: Ground) -> bool:
    """Say whether the probe errs often enough for anything better to be told apart from it."""
    judges = Judges.of(ground.material)
    found, y = ground.probe_unseen[judges.files], ground.material.y[judges.files]
    if not judges.n_folds:
        return can_be_beaten(found, y, judges.groups)
    # In so many files of a fold on average: one of them may be much easier than the others.
    return bool((found.argmax(axis=1) != y).sum() / judges.n_folds >= FEWEST_WRONG)


def _in_a_hurry(job: Job, ground: Ground, name: str) -> bool:
    """Say whether the budget is too short for any fine-tuning; what it once was it stays."""
    path, seconds = job.folder / name, job.seconds_left(finishing_s(ground.asked))
    if not path.is_file() and seconds is not None and seconds < LEAST_TUNING_S:
        write_whole(path, "[]")
    return path.is_file() and not _read_plans(path)


def _is_larger_asked(job: Job, ground: Ground) -> bool:
    """Say whether there is time to ask the larger network; with a budget the answer stays what it first was."""
    seconds = job.seconds_left(finishing_s(ground.asked))
    if seconds is None:
        return _can_gain(ground)
    from photism.training.larger import LEAST_BUDGET_S, cost_of_larger_s

    path, request = job.folder / LARGER, job.request
    if not path.is_file():
        wanted = seconds >= LEAST_BUDGET_S and _can_gain(ground)
        wanted = wanted and (
            cost_of_larger_s(ground, engine=request.engine, options=request.options) <= LARGER_SHARE * seconds
        )
        write_whole(path, json.dumps({"ask": wanted}))
    return cast("Mapping[str, bool]", read_json(path))["ask"]


def _plans(job: Job, ground: Ground, name: str, *, shared: bool = False) -> list[tuple[Depth, Plan]]:
    """Return the plans that are written down, and write them down where none are."""
    from photism.training.budget import plans_for

    path, request = job.folder / name, job.request
    if not path.is_file():
        plans = plans_for(
            ground,
            always=request.method == "finetune",
            from_layer=request.from_layer,
            seed=request.seed,
            variations=request.variations(ground.material.dataset.kind),
            seconds_left=lambda: job.seconds_left(finishing_s(ground.asked)),
            shared=shared,
        )
        kept = [{"depth": asdict(depth), "plan": plan.to_json()} for depth, plan in plans]
        write_whole(path, json.dumps(kept, indent=2))
    return _read_plans(path)


def _read_plans(path: Path) -> list[tuple[Depth, Plan]]:
    rows = cast("Sequence[Mapping[str, Mapping[str, JSON]]]", read_json(path))
    return [(Depth.from_json(row["depth"]), Plan.from_json(row["plan"])) for row in rows]
