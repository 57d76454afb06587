"""The last step: everything that a run leaves in its folder is written here.

Covers which files there are, and their order. What they say is ``report``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from photism.data.records import write_skipped_csv, write_split_csv
from photism.errors import WorkerError
from photism.experiment.job import Job
from photism.recognizers.recognizer import save_recognizer
from photism.report.figures import Curves, draw_curves
from photism.report.page import save_page
from photism.report.summary import summarise
from photism.report.telling import Story, tell
from photism.runs import write_whole
from photism.training.history import history_lines
from photism.types import JSON

__all__ = ["keep"]


def keep(job: Job, story: Story) -> dict[str, JSON]:
    """Write the recognizer, the page, the curves, and the records that say how they came about.

    Parameters
    ----------
    job : Job
    story : Story
        What was found.

    Returns
    -------
    dict
        What ``metrics.json`` holds.
    """
    with job.clock.measuring("report"):
        _save(job, story)
    metrics: dict[str, JSON] = {**story.metrics, "seconds": dict(job.clock.so_far())}
    _write_records(job, story, metrics)
    return metrics


def _save(job: Job, story: Story) -> None:
    """Write the recognizer, the page and the curves."""
    folder, pictures = job.folder, job.request.pictures_in_report
    job.progress("report", 0, 1)
    save_recognizer(folder / "recognizer", story.recognizer)
    save_page(tell(story, job.executor if pictures else None), folder / "report.html", pictures=pictures)
    # In a worker: importing what draws them takes half a second and much memory.
    (drawn,) = job.executor.map(draw_curves, [Curves(story.fitted.history, story.fitted.verdict)])
    if isinstance(drawn, WorkerError):
        raise drawn
    for name, content in zip(("curves.png", "curves.svg"), drawn, strict=True):
        (folder / name).write_bytes(content)
    job.progress("report", 1, 1)


def _write_records(job: Job, story: Story, metrics: Mapping[str, JSON]) -> None:
    """Write the split, what was skipped, the history, the log and the metrics."""
    folder, material = job.folder, story.material
    write_split_csv(folder / "split.csv", [s for s in material.samples if s.part is not None], material.hashes)
    write_skipped_csv(folder / "skipped.csv", material.skipped)
    write_whole(folder / "history.jsonl", history_lines(story.fitted.history))
    log = [job.command, *material.warnings, *(f"skipped {one.path}: {one.reason}" for one in material.skipped)]
    text = "\n".join(log) + "\n\n" + summarise(folder, metrics) + "\n"
    (folder / "log.txt").write_text(text, encoding="utf-8", errors="backslashreplace")
    # The metrics come last: a folder that has them is a finished run.
    write_whole(folder / "metrics.json", json.dumps(metrics, indent=2, allow_nan=False))
