"""How a network is fine-tuned: how deep, how long, on how many views. Decided before training and never by the clock.

Depth is told by the probes. As long as a later stage answers better than those before it, pretrained features still
help; behind the best stage they have become too special to what the network was taught first, and that is what is
trained anew. Covers the plan, the choice of the cut, and what fits into a budget. Does not cover the probes (``probe``)
nor training (``finetune``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from photism.training.probe import Candidate, Selection
from photism.types import JSON

__all__ = ["Depth", "Plan", "choose_depth"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that a fine-tuning depends on besides the data.

    ``after`` is the last frozen stage, None where all are trained; ``layers`` what the head reads. ``views`` counts
    varied views beside the plain one. ``rate`` is the highest rate of the last stage, ``stage_decay`` what each stage
    before it has of the next one's; ``head_rate`` is how far one step may move a logit, in nats. ``averaged_epochs`` is
    how far back the weights are averaged. ``patience`` epochs after the best one training stops; 0 never.
    """

    after: str | None
    layers: tuple[str, ...]
    epochs: int = 12
    views: int = 4
    batch: int = 32
    rate: float = 3e-4
    head_rate: float = 0.03
    stage_decay: float = 0.8
    weight_decay: float = 0.02
    smoothing: float = 0.1
    mixup: float = 0.0
    averaged_epochs: float = 0.5
    patience: int = 0
    seed: int = 0

    def to_json(self) -> dict[str, JSON]:
        """Return the plan as JSON values."""
        return {**asdict(self), "layers": list(self.layers)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Plan:
        """Read a plan that ``to_json`` wrote.

        Parameters
        ----------
        values : mapping
        """
        return cls(**{**values, "layers": tuple(values["layers"])})


@dataclass(frozen=True, slots=True)
class Depth:
    """Where to cut, which layers the head reads behind the cut, and why."""

    after: str | None
    layers: tuple[str, ...]
    evidence: str


# At least so many stages are trained, however late the features stop helping.
LEAST_TRAINED = 3


def choose_depth(selection: Selection, stages: Sequence[str], *, from_layer: str | None = None) -> Depth:
    """Read from the probes where the network is to be cut.

    Parameters
    ----------
    selection : Selection
        Cross-validated probes on every stage and on joins.
    stages : names
        The network's, first to last.
    from_layer : str, optional
        The first stage to be trained, by hand.

    Returns
    -------
    Depth
        ``layers`` is the best candidate that lies behind the cut.
    """
    best = min(selection.single, key=lambda one: one.loss_nats)
    helpful = max(stages.index(stage_of(name)) for name in best.layers)
    if from_layer is not None:
        first = stages.index(from_layer)
        evidence = f"Training begins at {from_layer}, as was asked."
    else:
        first = min(helpful + 1, len(stages) - LEAST_TRAINED)
        evidence = (
            f"Probes answer best on {stages[helpful]} ({100 * best.accuracy:.1f} % of files, "
            f"{best.loss_nats:.2f} nats, cross-validated): training begins at {stages[first]}."
        )
    after = stages[first - 1] if first else None
    behind = [one for one in selection.candidates if _lies_behind(one, stages, first)]
    return Depth(after, min(behind, key=lambda one: one.loss_nats).layers, evidence)


def stage_of(layer: str) -> str:
    """Return the stage of a layer's name, ``panel/stage``."""
    return layer.rpartition("/")[2]


def _lies_behind(candidate: Candidate, stages: Sequence[str], first: int) -> bool:
    return all(stages.index(stage_of(name)) >= first for name in candidate.layers)
