"""What a training's seconds went to, phase by phase, and what comes after a step will take.

Covers measuring and the few constants that a budget is shared out by. Does not cover what a fine-tuning costs: that is
measured on the spot (``training.budget``).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from photism.data.material import Material
from photism.training.attempts import Adapted
from photism.training.frozen import Asked
from photism.training.plan import crossed_epochs

__all__ = ["EXPLAINING_S", "Clock", "auditing_s", "cross_tuning_s", "finishing_s", "probing_s"]

PHASES = ("read", "render", "frozen_pass", "probe", "finetune", "trust", "explain", "report")
REPORT_S = 8.0  # compiling a network and writing the report
EXPLAINING_S = 12.0
"""Explaining two answers, and the report."""
PROBE_S, PROBE_S_A_FILE = 3.0, 0.004  # fitting a head, and the report
AUDIT_S, AUDIT_S_A_FILE = 8.0, 0.010  # asking whether the data can be trusted, and the report


class Clock:
    """Seconds by phase, counted from when it was made; a phase that did not run has none."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._seconds: dict[str, float] = dict.fromkeys(PHASES, 0.0)

    @contextmanager
    def measuring(self, phase: str) -> Iterator[None]:
        """Count what happens meanwhile to a phase.

        Parameters
        ----------
        phase : str
            One of ``PHASES``.
        """
        started = time.perf_counter()
        yield
        self.add(phase, time.perf_counter() - started)

    def add(self, phase: str, seconds: float) -> None:
        """Count seconds to a phase that measured them itself.

        Parameters
        ----------
        phase : str
        seconds : float
        """
        self._seconds[phase] += seconds

    def so_far(self) -> dict[str, float]:
        """Return the seconds of every phase, and of everything as ``total``."""
        return {**self._seconds, "total": time.perf_counter() - self._started}


def finishing_s(asked: Asked) -> float:
    """Predict what comes after fine-tuning: one more pass by a network that is compiled anew, and the report.

    Parameters
    ----------
    asked : Asked
        The first pass.
    """
    return REPORT_S + asked.seconds_in_network


def probing_s(n_files: int) -> float:
    """Predict what comes after the frozen pass where nothing else does: a head and the report.

    Parameters
    ----------
    n_files : int
        How many were asked.
    """
    return PROBE_S + PROBE_S_A_FILE * n_files


def auditing_s(material: Material) -> float:
    """Predict what the audit and the report after it take.

    Parameters
    ----------
    material : Material
    """
    return AUDIT_S + AUDIT_S_A_FILE * len(material.samples)


def cross_tuning_s(adapted: Adapted, material: Material) -> float:
    """Predict what training like the kept network in cross-validation takes: half its epochs, every taught file once.

    Parameters
    ----------
    adapted : Adapted
        With the kept network's curve, whose epochs say what they took on the training part.
    material : Material
    """
    rows = adapted.fitted.history
    n_train, n_taught = material.count("train"), material.count("train") + material.count("valid")
    n_epochs = 0 if adapted.kept is None else crossed_epochs(adapted.kept.plan)
    return n_epochs * sum(row.seconds for row in rows) / max(len(rows), 1) * n_taught / n_train
