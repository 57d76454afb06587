"""photism turns anything into a picture and recognises it.

>>> import photism
>>> run = photism.train("sounds/", "RUN")  # doctest: +SKIP
>>> photism.load("RUN").predict("rain.wav")[0].label  # doctest: +SKIP
'rain'

Importing photism imports nothing heavy: a name below is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from photism.errors import InputError, PhotismError
    from photism.experiment import train
    from photism.recognizers.recognizer import Recognizer
    from photism.runs import Run, load
    from photism.types import Prediction
    from photism.verbs.ask import evaluate, render
    from photism.verbs.check import check
    from photism.verbs.explain import explain

_HOMES = {
    "InputError": "photism.errors",
    "PhotismError": "photism.errors",
    "Prediction": "photism.types",
    "Recognizer": "photism.recognizers.recognizer",
    "Run": "photism.runs",
    "check": "photism.verbs.check",
    "evaluate": "photism.verbs.ask",
    "explain": "photism.verbs.explain",
    "load": "photism.runs",
    "render": "photism.verbs.ask",
    "train": "photism.experiment",
}

__all__ = [
    "InputError",
    "PhotismError",
    "Prediction",
    "Recognizer",
    "Run",
    "__version__",
    "check",
    "evaluate",
    "explain",
    "load",
    "render",
    "train",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'photism' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
