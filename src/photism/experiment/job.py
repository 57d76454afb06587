"""A training under way: what every step on the street is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from photism.executor import Executor
from photism.experiment.clock import Clock
from photism.experiment.request import Request
from photism.types import Progress, Watch

__all__ = ["Job"]


@dataclass(frozen=True, slots=True)
class Job:
    """What was requested, the folder where it is kept, who works for it, and who is told.

    ``command`` is what the report shows as the command that made it; ``cache`` is where what can be made again is kept.
    """

    request: Request
    folder: Path
    command: str
    cache: Path
    executor: Executor
    clock: Clock
    progress: Progress
    watch: Watch

    def seconds_left(self, reserve_s: float) -> float | None:
        """Return what the budget leaves beside a reserve; None where there is no budget.

        Parameters
        ----------
        reserve_s : float
            What is still to be paid for afterwards.
        """
        budget_s = self.request.budget_s
        return None if budget_s is None else budget_s - self.clock.so_far()["total"] - reserve_s

    def has_time_for(self, seconds: float) -> bool:
        """Say whether the budget, where there is one, leaves more than this.

        Parameters
        ----------
        seconds : float
        """
        left = self.seconds_left(0.0)
        return left is None or left > seconds
