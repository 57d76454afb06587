"""Which held-out files the report explains, and their explanations: the surest right answer and the surest wrong one.

Covers the choice. How an answer is explained is ``layers.explaining``, how it looks ``explain_page``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from photism.data.material import Material
from photism.errors import InputError
from photism.executor import Executor
from photism.layers.explanation import Explanation
from photism.recognizers.recognizer import Recognizer
from photism.training.fit import Fitted
from photism.types import Part

__all__ = ["Decided", "explain_surest"]


@dataclass(frozen=True, slots=True)
class Decided:
    """A file's true class, why it is answered as it is, and what it was called when that was measured.

    The two differ where the kept recognizer learned from validation files as well.
    """

    truth: str
    why: Explanation
    measured: str


def explain_surest(
    material: Material, fitted: Fitted, recognizer: Recognizer, executor: Executor, *, seed: int = 0
) -> tuple[Decided, ...]:
    """Explain one right and one wrong answer of the held-out part, those that the recognizer is surest of.

    Parameters
    ----------
    material : Material
    fitted : Fitted
    recognizer : Recognizer
    executor : Executor
        Where files are decoded.
    seed : int

    Returns
    -------
    tuple of Decided
        One or two.
    """
    # Here, because these import torch: a run that explains nothing does not wait for it.
    from photism.layers.attribution import Explained
    from photism.layers.explaining import explain_file

    part: Part = "test" if "test" in fitted.probabilities else "valid"
    files = np.flatnonzero(material.mask(part))
    probability = fitted.probabilities[part][files]
    answer = recognizer.classes_of(probability)
    sure, right = probability[np.arange(len(files)), answer], answer == material.y[files]
    explained, found = Explained(recognizer), []
    for wanted in (right, ~right):
        if wanted.any():
            place = int(np.argmax(np.where(wanted, sure, -1.0)))
            sample = material.samples[int(files[place])]
            try:
                why = explain_file(explained, sample.path, executor=executor, seed=seed)
            except InputError:  # it is gone since it was rendered: the report is no place to stop
                continue
            measured = recognizer.labels[int(answer[place])]
            found.append(Decided(str(sample.label), replace(why, path=sample.name), measured))
    return tuple(found)
