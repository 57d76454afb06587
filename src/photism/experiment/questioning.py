"""The steps that change nothing in the recognizer: can the data be trusted, and why was it answered so.

Covers whether each is done; with a budget only where time is left. What is found is ``trust`` and ``layers``.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from photism.experiment.clock import EXPLAINING_S, auditing_s, cross_tuning_s
from photism.experiment.improving import Probed
from photism.experiment.job import Job
from photism.recognizers.machine import give_memory_back
from photism.recognizers.recognizer import Recognizer
from photism.report.deciding import Decided, explain_surest
from photism.training.attempts import Adapted
from photism.training.ground import Ground
from photism.training.unseen import UnseenFolds, unseen_folds
from photism.trust.audit import Audit
from photism.trust.audit import audit as audit_data

__all__ = ["audit", "explain", "new_folds", "why_unaudited"]


def audit(job: Job, probed: Probed, adapted: Adapted | None) -> Audit | None:
    """Ask whether the data can be trusted; None where that was not wanted, or no time is left.

    Parameters
    ----------
    job : Job
    probed : Probed
        Before fine-tuning: the frozen networks' answers, and the head on them.
    adapted : Adapted or None
        What came of fine-tuning; where a fine-tuned network is kept, networks trained like it say which labels are
        doubtful as well.
    """
    ground = probed.ground
    if not (job.request.audit and job.has_time_for(auditing_s(ground.material))):
        return None
    with job.clock.measuring("trust"):
        tuned = _cross_tuned(job, ground, adapted)
        give_memory_back()  # what fine-tuning freed, before tables as large are made
        return audit_data(
            ground.material,
            ground.asked.features,
            ground.fitted,
            job.executor,
            others=() if probed.other is None else (probed.other.asked.features,),
            tuned=tuned,
            seed=job.request.seed,
            progress=job.progress,
        )


def why_unaudited(job: Job, found: Audit | None) -> str | None:
    """Say why the data were not audited; None where they were.

    Parameters
    ----------
    job : Job
    found : Audit, optional
        What ``audit`` returned.
    """
    if found is not None:
        return None
    return "the budget leaves no time for it" if job.request.audit else "that was switched off"


def new_folds(job: Job, ground: Ground) -> UnseenFolds | None:
    """Estimate how a new fold would be answered; None where no folds are given, or the audit was not wanted.

    Parameters
    ----------
    job : Job
    ground : Ground
        Of the network that was taken.
    """
    if not (job.request.audit and job.has_time_for(auditing_s(ground.material))):
        return None
    with job.clock.measuring("trust"):
        return unseen_folds(ground)


def _cross_tuned(job: Job, ground: Ground, adapted: Adapted | None) -> tuple[Float64[np.ndarray, "m k"], ...]:
    """Answers in cross-validation of networks fine-tuned like the kept one; none where there is none, or no time."""
    attempt = None if adapted is None else adapted.kept
    if adapted is None or attempt is None:
        return ()
    if adapted.crossed is not None:
        return (adapted.crossed,)
    material = ground.material
    taught = {material.observations[i] for i in np.flatnonzero(material.mask("train") | material.mask("valid"))}
    if len(taught) < 2 or not job.has_time_for(auditing_s(material) + cross_tuning_s(adapted, material)):
        return ()
    from photism.training.cross_tuned import cross_tuned

    return (cross_tuned(ground, attempt.plan, reaches=(1.0,), progress=job.progress).probabilities,)


def explain(job: Job, kept: Ground, recognizer: Recognizer) -> tuple[Decided, ...]:
    """Explain the surest right and the surest wrong answer; none where that was not wanted, or no time is left.

    Parameters
    ----------
    job : Job
    kept : Ground
        Of the network that is kept.
    recognizer : Recognizer
        Made of it.
    """
    request = job.request
    if not (request.audit and request.pictures_in_report and job.has_time_for(EXPLAINING_S)):
        return ()
    with job.clock.measuring("explain"):
        return explain_surest(kept.material, kept.fitted, recognizer, job.executor, seed=request.seed)
