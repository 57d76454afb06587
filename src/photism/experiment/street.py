"""The street: read, ask, probe, a larger network, fine-tune, join both, audit, explain, keep.

``train`` is the door to it; the order of the steps is all that this file holds. Each step has its own room beside it.
The other verbs are in ``verbs``.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from photism.executor import ProcessExecutor
from photism.experiment.asking import ask_and_probe, read
from photism.experiment.clock import Clock
from photism.experiment.improving import fine_tune, fine_tune_other, join_other, take_larger, why_untried
from photism.experiment.job import Job
from photism.experiment.keeping import keep
from photism.experiment.questioning import audit as audit_data
from photism.experiment.questioning import explain, new_folds, why_unaudited
from photism.experiment.request import Request
from photism.recognizers.recognizer import Partner, Recognizer
from photism.report.loggers import check_loggers, loggers
from photism.report.metrics_json import metrics_json
from photism.report.telling import Story
from photism.runs import PLAN, Run, prepare, undone_if_refused
from photism.store import cache_limit, cache_root, trim_cache
from photism.training.attempts import Adapted
from photism.training.ensemble import mixed
from photism.training.ground import Ground
from photism.types import JSON, EpochRow, Kind, Progress, Watch, silent, unwatched

__all__ = ["train"]


def train(
    data: str | Path,
    out: str | Path,
    *,
    method: str = "auto",
    budget_s: float | None = None,
    backbone: str | None = None,
    weights: Path | None = None,
    kind: Kind | None = None,
    group_by: str | None = None,
    test_fold: str | None = None,
    from_layer: str | None = None,
    vary: str | None = None,
    seed: int = 0,
    engine: str | None = None,
    positive: str | None = None,
    threshold: float | None = None,
    cost_ratio: float | None = None,
    options: Mapping[str, JSON] | None = None,
    pictures_in_report: bool = True,
    audit: bool = True,
    resume: bool = False,
    replace_run: bool = False,
    command: str | None = None,
    log: Sequence[str] = (),
    progress: Progress = silent,
    watch: Watch = unwatched,
) -> Run:
    """Make a recognizer of a folder or a CSV, with the evidence to trust it or not.

    Parameters
    ----------
    data : path
        A folder with one subfolder a class, or train/valid/test folders of such, or a CSV (``path,label`` and
        optionally ``group``, ``fold``, ``split``).
    out : path
        The run's folder; made here.
    method : {"auto", "probe", "finetune"}
        How to train: a head on the frozen network's stages, the last stages too, or what validation says is better.
    budget_s : float, optional
        Seconds for everything; the best within them is made. The plan is fixed before training and kept with the run.
        Where they are too few for all files a share of them is read, drawn by chance; the run says so.
    backbone : str, optional
        A name from the table of backbones. By default efficientnet_lite0, and where ``method`` is "auto" a larger
        one in its place or beside it if validation says that it pays.
    weights : Path, optional
        A file with the backbone's weights.
    kind : optional
        What to read the files as; told from content by default.
    group_by : str, optional
        The CSV's column whose values a split must never cut.
    test_fold : str, optional
        Hold this fold out of everything as the test part.
    from_layer : str, optional
        The first stage that fine-tuning trains; told from the probes by default.
    vary : str, optional
        Which variations fine-tuning draws (``pictures.table.choose_variations``); those of the kind by default.
    seed : int
        Every random choice follows from it.
    engine : str, optional
        Which engine; the fastest of this machine by default.
    positive : str, optional
        Of two classes, the one to detect.
    threshold : float, optional
        Probability in [0, 1] from which ``positive`` is said; 0.5 by default.
    cost_ratio : float, optional
        A missed ``positive`` costs so many false alarms; sets the threshold.
    options : mapping, optional
        Options of the renderer (``layout``, ``fit``, ...).
    pictures_in_report : bool
        False leaves everything drawn from the data out of the report.
    audit : bool
        Ask whether the data can be trusted: near copies, leaks, shortcuts, labels, shift, what more files would bring;
        and explain the surest right and the surest wrong answer in the report.
        It changes nothing in the recognizer; with a budget it is asked only where time is left.
    resume : bool
        Continue a run that was interrupted: what was rendered and computed is used again.
    replace_run : bool
        Start over where ``out`` holds a run of photism.
    command : str, optional
        What the report shows as the command that made it.
    log : sequence of {"tensorboard", "mlflow"}
        Where the curves go besides the run's own folder.
    progress : callable
        Told (phase, done, total).
    watch : callable
        Told (curve, row) after every epoch.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        Where the data, an option or the run's folder is wrong: one plain sentence.
    EngineError
        Where the named engine is not on this machine.

    Notes
    -----
    One machine, one engine, one seed: the same bits. The test part, where there is one, chooses nothing.
    """
    request = Request(
        data=Path(data), method=method, budget_s=budget_s, backbone=backbone, weights=weights, kind=kind,
        group_by=group_by, test_fold=test_fold, from_layer=from_layer, vary=vary, seed=seed, engine=engine,
        positive=positive, threshold=threshold, cost_ratio=cost_ratio, options=options,
        pictures_in_report=pictures_in_report, audit=audit,
    )  # fmt: skip
    check_loggers(log)
    cache_limit()  # what is wrong with it is said now, not when the work is done
    command = command or f"photism.train({str(request.data)!r}, {str(out)!r})"
    clock, folder = Clock(), Path(out)
    fresh = replace_run or not (folder / PLAN).is_file()
    finished = prepare(folder, request.to_json(), resume=resume, replace_run=replace_run)
    if finished is not None:
        return finished
    return _made(request, folder, clock, fresh=fresh, command=command, log=log, progress=progress, watch=watch)


def _made(
    request: Request,
    folder: Path,
    clock: Clock,
    *,
    fresh: bool,
    command: str,
    log: Sequence[str],
    progress: Progress,
    watch: Watch,
) -> Run:
    """Make a run in its folder; where the data or an option is wrong, leave nothing behind."""
    cache = cache_root()
    with (
        undone_if_refused(folder, fresh=fresh),
        loggers(log, folder, request.to_json()) as logs,
        ProcessExecutor() as executor,
    ):

        def watched(curve: str, row: EpochRow) -> None:
            watch(curve, row)
            logs.epoch(curve, row)

        metrics = _walk(Job(request, folder, command, cache, executor, clock, progress, watched))
        logs.finish(folder, metrics)
    shutil.rmtree(folder / "unfinished", ignore_errors=True)
    trim_cache(cache)
    return Run(folder, metrics)


def _walk(job: Job) -> dict[str, JSON]:
    """Walk the street once; return what ``metrics.json`` holds."""
    network = job.request.network()
    material = read(job)
    job.request.variations(material.dataset.kind)  # what is wrong with them is said before the work
    decision = job.request.decision(material.labels)
    probed = take_larger(job, ask_and_probe(job, material, network))
    adapted = fine_tune(job, probed)
    other_adapted = fine_tune_other(job, probed, adapted)
    ensemble = join_other(job, probed, adapted, other_adapted)
    kept = _kept(probed.ground, adapted)
    recognizer = replace(_recognizer(kept), decision=decision)
    if ensemble is not None and ensemble.kept and probed.other is not None:
        # What is familiar is the first network's to tell.
        other = _kept(probed.other, other_adapted)
        beside = replace(_recognizer(other), familiarity=None)
        recognizer = replace(recognizer, partner=Partner(beside, ensemble.mixture))
        kept = replace(kept, fitted=mixed(kept.fitted, other.fitted, ensemble.mixture))
    audited = audit_data(job, probed, adapted)
    unseen = new_folds(job, probed.ground)
    decided = explain(job, kept, recognizer)
    story = Story(
        title=job.request.data.stem,
        command=job.command,
        group_by=job.request.group_by,
        material=kept.material,
        recognizer=recognizer,
        fitted=kept.fitted,
        metrics=metrics_json(
            kept.material,
            kept.fitted,
            recognizer,
            adapted=adapted,
            found=audited,
            upgrade=probed.upgrade,
            ensemble=ensemble,
            unseen=unseen,
            untried=why_untried(job, probed.ground, adapted),
            unaudited=why_unaudited(job, audited),
        ),
        audit=audited,
        seconds=job.clock.so_far(),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        decided=decided,
    )
    return keep(job, story)


def _recognizer(ground: Ground) -> Recognizer:
    """Put a network and what was fitted to it together, ready to answer."""
    asked, fitted = ground.asked, ground.fitted
    return Recognizer(
        ground.backbone,
        ground.material.labels,
        ground.recipe,
        asked.panels,
        fitted.head,
        fitted.familiarity,
        asked.engine,
    )


def _kept(ground: Ground, adapted: Adapted | None) -> Ground:
    """Return what is kept: the probe's network and head, or the fine-tuned ones."""
    return ground if adapted is None else replace(ground, backbone=adapted.backbone, fitted=adapted.fitted)
