"""Why a run memorises, stalls or falls short: likely causes, each with the evidence that points at it, and what to do.

Covers putting together what others found. It measures nothing itself, and says nothing without a figure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from photism.trust.audit import Audit
from photism.types import JSON, Verdict

__all__ = ["Cause", "likely_causes"]

# A gap of more than this share of chance between validation and training is worth an explanation.
LEAST_GAP = 0.05
# Twice the files must surely bring so many points of accuracy to be called too few.
LEAST_GAIN_POINTS = 1.0
# Wrong labels must surely be more than this share.
LEAST_WRONG = 0.01


@dataclass(frozen=True, slots=True)
class Cause:
    """A likely cause: its name, the evidence, what to do about it."""

    name: str
    evidence: str
    advice: str

    def to_json(self) -> dict[str, JSON]:
        """Return it as JSON values."""
        return {"name": self.name, "evidence": self.evidence, "advice": self.advice}

    def to_text(self) -> str:
        """Return it as sentences."""
        return f"{self.name.capitalize()}: {self.evidence} {self.advice}"


def likely_causes(
    verdict: Verdict, found: Audit, *, n_classes: int, attempts: Sequence[Mapping[str, JSON]] = ()
) -> tuple[Cause, ...]:
    """Collect what explains a verdict, or a gap between training and validation.

    Parameters
    ----------
    verdict : Verdict
    found : Audit
    n_classes : int
    attempts : sequence of mappings
        ``attempts`` of ``metrics.json``.

    Returns
    -------
    tuple of Cause
        Empty where training and validation agree and nothing leaks.
    """
    if verdict.state == "diverging":
        return (Cause("rate too high", verdict.evidence, "Lower the learning rate, tenfold to begin with."),)
    if verdict.state == "stalled":
        return (Cause("rate too low", verdict.evidence, "Raise the learning rate, or train for longer."),)
    causes = []
    if any(leak["split"] in ("valid", "test") for leak in found.files.leaks):
        n = len(found.files.leaks)
        causes.append(
            Cause(
                "leak",
                f"{n} held-out files are in another part in another guise: what is measured on them looks too good.",
                "Give them a common group (--group-by), or take them out.",
            )
        )
    gap = verdict.gap_nats if verdict.gap_low is None else verdict.gap_low
    if verdict.state != "memorising" and gap <= LEAST_GAP * math.log(n_classes):
        return tuple(causes)
    causes += _of_the_data(found)
    causes += _of_the_cut(attempts)
    return tuple(causes)


def _of_the_data(found: Audit) -> list[Cause]:
    causes = []
    if found.suspects.n_files and found.suspects.n_low / found.suspects.n_files > LEAST_WRONG:
        share = 100 * found.suspects.n_wrong / found.suspects.n_files
        causes.append(
            Cause(
                "noisy labels",
                f"about {share:.0f} % of the labels are probably wrong (95 %: {round(found.suspects.n_low)} to "
                f"{round(found.suspects.n_high)} files): learning them by heart is the only way to learn them.",
                "Look at the suspects in the report, and correct those that are wrong; where classes overlap, right "
                "labels look wrong, too.",
            )
        )
    # A test part that differs says nothing about the gap between training and validation.
    if found.held_out == "valid" and found.shift is not None and found.shift.found and found.shift.size != "slight":
        causes.append(Cause("shift", found.shift.to_text(), "The gap may be the difference between the parts."))
    if found.curve is not None:
        more = found.curve.forecast(found.curve.n_files)
        if more.gain_low >= LEAST_GAIN_POINTS:
            causes.append(
                Cause(
                    "too few files",
                    f"twice as many would bring about {more.gain_points:.1f} points of accuracy (95 %: "
                    f"{more.gain_low:.1f} to {more.gain_high:.1f}).",
                    "Collect more, the weakest classes first.",
                )
            )
    return causes


def _of_the_cut(attempts: Sequence[Mapping[str, JSON]]) -> list[Cause]:
    """Fine-tuning that lost against the probe knew the training files better and others worse."""
    if any(one["kept"] for one in attempts):
        return []
    causes = []
    for one in attempts:
        compared, plan = one["comparison"], one["plan"]
        assert isinstance(compared, dict)
        assert isinstance(plan, dict)
        simple, challenger = compared["simple_loss_nats"], compared["challenger_loss_nats"]
        assert isinstance(simple, float)
        assert isinstance(challenger, float)
        if challenger > simple:
            where = "unseen folds" if compared.get("n_folds") else "validation"
            causes.append(
                Cause(
                    "too deep a cut",
                    f"training what lies behind {plan['after'] or 'the pictures'} answered {where} worse than "
                    f"the probe ({challenger:.2f} against {simple:.2f} nats).",
                    "The probe is kept; more files, or --from-layer with a later stage, may change that.",
                )
            )
    return causes
