"""From a file to its explanation: rendered, answered, attributed, cut into regions, checked, found again in the data.

Covers the order of the steps. How contributions are found is ``attribution``, the check is ``checks``, the way back to
the data ``source``; what comes out is ``explanation``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from photism.errors import InputError, OptionError, WorkerError
from photism.executor import Executor
from photism.layers.attribution import DEFAULT_METHOD, METHODS, Explained, attribute
from photism.layers.checks import check
from photism.layers.evidence import Check
from photism.layers.explanation import Explanation, Joint
from photism.layers.heat import HeatMap, Shown, shown_of
from photism.layers.regions import Region, find_regions
from photism.layers.source import FindJob, draw, find
from photism.pictures.table import RenderJob
from photism.recognizers.recognizer import Recognizer

__all__ = ["explain_file", "explain_shown"]

J = TypeVar("J")
R = TypeVar("R")


def explain_file(
    explained: Explained,
    path: Path,
    *,
    executor: Executor,
    label: str | None = None,
    method: str = DEFAULT_METHOD,
    seed: int = 0,
) -> Explanation:
    """Explain what a recognizer answers for one file.

    Parameters
    ----------
    explained : Explained
    path : Path
        Any file of the recognizer's kind.
    executor : Executor
        Where the file is decoded.
    label : str, optional
        Explain this class instead of the answer.
    method : str
        A row of ``attribution.METHODS``.
    seed : int
        Of the random regions and the shuffled weights.

    Raises
    ------
    InputError
        Where the file cannot be read, or there is no such class or method.
    """
    recognizer = explained.recognizer
    windows = _only(executor, draw, RenderJob(path, recognizer.recipe))
    shown = shown_of(windows)
    probabilities = explained.answering.probabilities([shown.pixels], shown.content)[0]
    joint = _joint(recognizer, path, executor)
    answer = recognizer.label_of(probabilities) if joint is None else joint.answer
    target = _index(recognizer.labels, answer if label is None else label)
    heat, regions, checked = explain_shown(explained, shown, target, method=method, seed=seed)
    found = _only(executor, find, FindJob(path, recognizer.recipe, regions)) if regions else ()
    return Explanation(
        path=str(path),
        label=recognizer.labels[target],
        probability=float(probabilities[target]),
        answer=answer,
        shown=shown,
        heat=heat,
        regions=regions,
        found=found,
        check=checked,
        joint=joint,
    )


def _joint(recognizer: Recognizer, path: Path, executor: Executor) -> Joint | None:
    """What both networks answer for a file, where there are two."""
    partner = recognizer.partner
    if partner is None:
        return None
    (answer,) = recognizer.predict(path, executor=executor)
    if answer.error is not None:
        raise InputError(answer.error)
    names = recognizer.backbone.name, partner.recognizer.backbone.name
    return Joint(*names, partner.mixture.share, str(answer.label), float(answer.probability or 0.0))


def explain_shown(
    explained: Explained, shown: Shown, target: int, *, method: str = DEFAULT_METHOD, seed: int = 0
) -> tuple[HeatMap, tuple[Region, ...], Check]:
    """Explain pictures that are there already.

    Parameters
    ----------
    explained : Explained
    shown : Shown
    target : int
        Index of the class.
    method : str
        A row of ``attribution.METHODS``.
    seed : int
        Of the random regions and the shuffled weights.
    """
    heat = attribute(explained, shown, target, method=method)
    n_twins = METHODS[method].n_twins
    twins = [attribute(explained.twin(seed + i), shown, target, method=method).values for i in range(n_twins)]
    return heat, find_regions(heat, shown), check(explained.answering, shown, heat, twins=twins, seed=seed)


def _index(labels: Sequence[str], label: str) -> int:
    if label not in labels:
        raise OptionError(f"--label expects one of {', '.join(labels)}, and received {label!r}.")
    return labels.index(label)


def _only(executor: Executor, function: Callable[[J], R | str], job: J) -> R:
    """Do one job in a worker; what cannot be done is told as the user's input being wrong."""
    (answer,) = executor.map(function, [job])
    if isinstance(answer, WorkerError | str):
        raise InputError(str(answer))
    return answer
