"""How a network is fine-tuned: how deep, how long, on how many views. Decided before training and never by the clock.

Depth is told by the probes. As long as a later stage answers better than those before it, pretrained features still
help. From the best stage on they have become special to what the network was taught first: that stage and all behind it
are trained (three at least, and nothing of the first half), and what lies before is used as it is. Covers the plan, the
choice of the cut, and what fits into a time. Does not cover the probes (``probe``), what things cost here (``budget``)
nor training (``finetune``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from photism.errors import OptionError
from photism.recognizers.layer_names import stage_of
from photism.training.probe import Selection
from photism.types import JSON

__all__ = [
    "REACHES",
    "Costs",
    "Depth",
    "Plan",
    "choose_depth",
    "crossed_epochs",
    "fit_plan",
    "is_whole",
    "middle_of",
    "seconds_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that a fine-tuning depends on besides the data.

    ``after`` is the last frozen stage, None where all are trained; ``layers`` what the head reads; ``frozen_layers``
    what a head of its own reads before the cut. ``views`` counts varied views beside the plain one. ``rate`` is the
    highest rate of the last stage, ``stage_decay`` what each stage before it has of the next one's; ``head_rate`` is
    how far one step may move a logit, in nats. ``averaged_epochs`` is how far back the weights are averaged.
    A ``steady`` rate stays at its highest instead of falling along a cosine. ``variations`` are the kind's defaults
    where they are None.
    """

    after: str | None
    layers: tuple[str, ...]
    frozen_layers: tuple[str, ...] = ()
    epochs: int = 6
    views: int = 3
    batch: int = 32
    rate: float = 1e-3
    head_rate: float = 0.03
    stage_decay: float = 0.8
    weight_decay: float = 0.02
    smoothing: float = 0.1
    mixup: float = 0.0
    averaged_epochs: float = 0.5
    steady: bool = False
    variations: tuple[str, ...] | None = None
    seed: int = 0

    def to_json(self) -> dict[str, JSON]:
        """Return the plan as JSON values."""
        lists = {"layers": list(self.layers), "frozen_layers": list(self.frozen_layers)}
        return {**asdict(self), **lists, "variations": None if self.variations is None else list(self.variations)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Plan:
        """Read a plan that ``to_json`` wrote.

        Parameters
        ----------
        values : mapping
        """
        names = {name: tuple(values[name]) for name in ("layers", "frozen_layers")}
        varied = values.get("variations")
        return cls(**{**values, **names, "variations": None if varied is None else tuple(varied)})


@dataclass(frozen=True, slots=True)
class Costs:
    """What a training costs here: seconds for one optimizer step's window, and for making one view of a file.

    ``n_train``, ``n_valid`` and ``n_taught`` count files; taught are those of both parts. A step draws one window of a
    file, answering walks all ``windows`` that a file has on average. ``crossed`` says whether folds in turn decide,
    which takes a training in cross-validation.
    """

    step_s: float
    view_s: float
    n_train: int
    n_valid: int
    windows: float = 1.0
    crossed: bool = False

    @property
    def n_taught(self) -> int:
        """Files that the kept network is trained on."""
        return self.n_train + self.n_valid


@dataclass(frozen=True, slots=True)
class Depth:
    """Where to cut, which layers heads read behind the cut and before it, and why."""

    after: str | None
    layers: tuple[str, ...]
    frozen_layers: tuple[str, ...]
    evidence: str

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Depth:
        """Read a depth from JSON values.

        Parameters
        ----------
        values : mapping
        """
        return cls(values["after"], tuple(values["layers"]), tuple(values["frozen_layers"]), values["evidence"])


# Without a budget; a small set takes so many epochs that there are LEAST_STEPS. More than MOST_EPOCHS brought
# few files nothing, however long the budget (LOG.md, 2026-11-23).
STANDARD_EPOCHS, STANDARD_VIEWS = 6, 3
LEAST_STEPS, MOST_EPOCHS = 200, 40
# What a budget buys, from little to much: how many times the standard's epochs, and how many views.
RUNGS = ((1 / 6, 0), (1 / 3, 1), (1 / 2, 2), (1.0, 3), (1.5, 4), (2.5, 6), (4.0, 8))
# A pass that only answers takes about this share of a training step.
ANSWERING = 0.35
REACHES = (1.0, 0.85, 0.7, 0.5)
"""How far the weights may go from the beginning of training (0) to its end (1); ``blend`` chooses."""
# At least so many stages are trained, however late the features stop helping; the first half of the network never is,
# however early: filters as general as those serve better as they are, with a head of their own.
LEAST_TRAINED = 3


def choose_depth(
    selection: Selection, stages: Sequence[str], *, from_layer: str | None = None, because: str = "as was asked"
) -> Depth:
    """Read from the probes where the network is to be cut.

    Parameters
    ----------
    selection : Selection
        Cross-validated probes on every stage and on joins.
    stages : names
        The network's, first to last.
    from_layer : str, optional
        The first stage to be trained, by hand.
    because : str
        Why that one, for the report.

    Returns
    -------
    Depth
        ``layers`` is the best candidate that lies behind the cut, ``frozen_layers`` the best before it.
    """
    numbers = {one: [stages.index(stage_of(name)) for name in one.layers] for one in selection.candidates}
    last_read = max(map(max, numbers.values()))
    best = min(selection.single, key=lambda one: one.loss_nats)
    helpful = max(stages.index(stage_of(name)) for name in best.layers)
    if from_layer is not None:
        first = stages.index(from_layer)
        evidence = f"Training begins at {from_layer}, {because}."
    else:
        first = max(0, min(max(helpful, stages.index(middle_of(stages))), len(stages) - LEAST_TRAINED, last_read))
        why = _why(helpful, first, len(stages))
        evidence = (
            f"Probes answer best on {stages[helpful]} ({100 * best.accuracy:.1f} % of files, "
            f"{best.loss_nats:.2f} nats, cross-validated): training begins at {stages[first]}{why}."
        )
    after = stages[first - 1] if first else None
    behind = [one for one, found in numbers.items() if min(found) >= first]
    before = [one for one, found in numbers.items() if max(found) < first]
    if not behind:
        raise OptionError(
            f"--from-layer expects a stage up to {stages[last_read]}, the last that a head reads here, and received "
            f"{from_layer!r}."
        )
    frozen_layers = min(before, key=lambda one: one.loss_nats).layers if before else ()
    return Depth(after, min(behind, key=lambda one: one.loss_nats).layers, frozen_layers, evidence)


def _why(helpful: int, first: int, n_stages: int) -> str:
    """Say why training begins elsewhere than at the stage that answers best."""
    if helpful < first:
        return ", for the first half never is trained"
    return f", for the last {LEAST_TRAINED} always are" if first < helpful and first == n_stages - LEAST_TRAINED else ""


def fit_plan(plan: Plan, n_train: int, costs: Costs | None = None, seconds: float | None = None) -> Plan | None:
    """Set a plan's length: the standard one, or the longest that fits into a time.

    Parameters
    ----------
    plan : Plan
    n_train : int
        Files that are learned from.
    costs : Costs, optional
        Measured before; needed with ``seconds``.
    seconds : float, optional
        What is left for making views, training, and training once more with validation included.

    Returns
    -------
    Plan or None
        None where not even the shortest fits.
    """
    standard = _standard_epochs(plan, n_train)
    if seconds is None or costs is None:
        return replace(plan, epochs=standard, views=STANDARD_VIEWS)
    best = None
    for times, views in RUNGS:
        longer = replace(plan, epochs=min(MOST_EPOCHS, max(1, round(times * standard))), views=views)
        if seconds_of(longer, costs) <= seconds:
            best = longer
    return best


def is_whole(plan: Plan | None, n_train: int) -> bool:
    """Say whether a plan is at least as long as one without a budget.

    Parameters
    ----------
    plan : Plan or None
    n_train : int
        Files that are learned from.
    """
    return plan is not None and plan.epochs >= _standard_epochs(plan, n_train)


def _standard_epochs(plan: Plan, n_train: int) -> int:
    return max(STANDARD_EPOCHS, min(MOST_EPOCHS, -(-LEAST_STEPS // -(-n_train // plan.batch))))


def seconds_of(plan: Plan, costs: Costs) -> float:
    """Predict how long a plan takes, the second training on both parts included.

    Parameters
    ----------
    plan : Plan
    costs : Costs
    """
    views = (plan.views + 1) * costs.n_taught * costs.view_s
    answering = ANSWERING * costs.windows
    answered = answering * (costs.n_valid + min(512, costs.n_train))
    steps = plan.epochs * (costs.n_train + costs.n_taught + 2 * answered)
    if costs.crossed:
        steps += costs.n_taught * (crossed_epochs(plan) + len(REACHES) * answering)
    return views + steps * costs.step_s


def crossed_epochs(plan: Plan) -> int:
    """Say how long a suffix is trained in cross-validation: half as long as the kept one.

    Parameters
    ----------
    plan : Plan
    """
    return (plan.epochs + 1) // 2


def middle_of(stages: Sequence[str]) -> str:
    """Name the first stage of a network's later half: training begins no earlier unless that leaves too few stages.

    Parameters
    ----------
    stages : names
        The network's, first to last.

    Examples
    --------
    >>> middle_of(["stem", "b0", "b1", "b2", "b3", "b4", "b5", "b6", "head"])
    'b3'
    """
    return stages[(len(stages) - 1) // 2]
