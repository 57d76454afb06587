"""What is asked of a training: everything that its result follows from.

Covers the options, what they say of themselves (``plan.json``), and whether they fit the data. Does not cover their
order (``street``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from photism.errors import OptionError
from photism.pictures.table import choose_variations
from photism.recognizers.backbones import DEFAULT_BACKBONE, Backbone, load_backbone
from photism.recognizers.recognizer import Decision
from photism.training.metrics import threshold_for
from photism.types import JSON, KINDS, Kind

__all__ = ["Request"]

METHODS = ("auto", "probe", "finetune")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The data and every option that the result follows from; the fields are the parameters of ``train``.

    A run is resumed only where the same is requested again.

    Raises
    ------
    OptionError
        Where there is no such method or kind, or a budget is not above 0.
    """

    data: Path
    method: str
    budget_s: float | None
    backbone: str | None
    weights: Path | None
    kind: Kind | None
    group_by: str | None
    test_fold: str | None
    from_layer: str | None
    vary: str | None
    seed: int
    engine: str | None
    positive: str | None
    threshold: float | None
    cost_ratio: float | None
    options: Mapping[str, JSON] | None
    pictures_in_report: bool
    audit: bool

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise OptionError(f"--method expects one of {', '.join(METHODS)}, and received {self.method!r}.")
        if self.kind is not None and self.kind not in KINDS:
            raise OptionError(f"--kind expects one of {', '.join(KINDS)}, and received {self.kind!r}.")
        if self.vary is not None and self.method == "probe":
            raise OptionError("--vary goes with fine-tuning, and received --method probe.")
        if self.seed < 0:
            raise OptionError(f"--seed expects a number from 0, and received {self.seed}.")
        if self.budget_s is not None and not self.budget_s > 0:
            raise OptionError(f"--budget expects seconds above 0, and received {self.budget_s:g}.")

    def to_json(self) -> dict[str, JSON]:
        """Return what ``plan.json`` holds: JSON values, paths made absolute."""
        return {
            "data": str(self.data.resolve()), "method": self.method, "budget_s": self.budget_s,
            "backbone": self.backbone, "weights": None if self.weights is None else str(self.weights.resolve()),
            "kind": self.kind, "group_by": self.group_by, "test_fold": self.test_fold, "from_layer": self.from_layer,
            "vary": self.vary, "seed": self.seed, "engine": self.engine, "positive": self.positive,
            "threshold": self.threshold, "cost_ratio": self.cost_ratio, "options": dict(self.options or {}),
            "pictures_in_report": self.pictures_in_report, "audit": self.audit,
        }  # fmt: skip

    @property
    def may_take_larger(self) -> bool:
        """Whether a larger network may take the default one's place: nobody has named one, nor how to train."""
        return self.backbone is None and self.weights is None and self.method == "auto"

    def network(self) -> Backbone:
        """Load the network that is asked first.

        Raises
        ------
        InputError
            Where there is no such network, its weights do not fit, or it has no stage ``from_layer``.
        """
        network = load_backbone(self.backbone or DEFAULT_BACKBONE, weights=self.weights)
        if self.from_layer is not None and self.from_layer not in network.stage_names:
            raise OptionError(
                f"--from-layer expects one of {', '.join(network.stage_names)}, and received {self.from_layer!r}."
            )
        return network

    def variations(self, kind: Kind) -> tuple[str, ...] | None:
        """Return the variations that fine-tuning draws; None for those that the kind uses unasked.

        Parameters
        ----------
        kind : {"image", "sound", "binary", "mouse"}

        Raises
        ------
        OptionError
            Where the kind has no such variation.
        """
        return choose_variations(kind, self.vary)

    def decision(self, labels: Sequence[str]) -> Decision | None:
        """Say from which probability on ``positive`` is said; None where no class is to be detected.

        Parameters
        ----------
        labels : sequence of str
            The classes.

        Raises
        ------
        OptionError
            Where the options do not fit one another, or not the classes.
        """
        positive, threshold, cost_ratio = self.positive, self.threshold, self.cost_ratio
        if positive is None:
            if threshold is not None or cost_ratio is not None:
                raise OptionError("--threshold and --cost-ratio need --positive LABEL, and received none.")
            return None
        if len(labels) != 2 or positive not in labels:
            raise OptionError(
                f"--positive expects one of two classes, and received {positive!r} with {', '.join(labels)}."
            )
        if threshold is not None and cost_ratio is not None:
            raise OptionError("expected --threshold or --cost-ratio, and received both.")
        if cost_ratio is not None:
            threshold = threshold_for(cost_ratio)
        return Decision(positive, 0.5 if threshold is None else threshold)
