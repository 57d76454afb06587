"""A training under way: what every step on the street is given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from photism.executor import Executor
from photism.experiment.clock import Clock
from photism.experiment.request import Request
from photism.runs import read_json, write_whole
from photism.types import JSON, Progress, Watch

__all__ = ["Job"]

ENGINES = "engines.json"


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

    def engine_of(self, network: str) -> str | Mapping[str, JSON] | None:
        """Return how a network is to be run: as the user named it, or else as it was when the run began.

        The fastest engine is found by trying, and what was found is kept in the cache: a run that is resumed without
        it must not find another one.

        Parameters
        ----------
        network : str
            Its name.
        """
        return self.request.engine or self._engines().get(network)

    def keep_engine(self, network: str, engine: Mapping[str, JSON]) -> None:
        """Write down how a network is run.

        Parameters
        ----------
        network : str
        engine : mapping
            What ``Engine.describe`` returned.
        """
        if network not in self._engines():
            write_whole(self.folder / ENGINES, json.dumps({**self._engines(), network: engine}, indent=2))

    def _engines(self) -> Mapping[str, Mapping[str, JSON]]:
        path = self.folder / ENGINES
        return cast("Mapping[str, Mapping[str, JSON]]", read_json(path)) if path.is_file() else {}

    def has_time_for(self, seconds: float) -> bool:
        """Say whether the budget, where there is one, leaves more than this.

        Parameters
        ----------
        seconds : float
        """
        left = self.seconds_left(0.0)
        return left is None or left > seconds
