"""An answer explained: which regions decided it, what they are in the data, and whether that can be believed.

Covers the value alone, which needs no network. How it comes about is ``explaining``; the page is the report's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from photism.layers.evidence import Check
from photism.layers.found import Found
from photism.layers.heat import HeatMap, Shown
from photism.layers.regions import Region, cells_of

__all__ = ["Explanation", "Joint"]


@dataclass(frozen=True, slots=True)
class Joint:
    """What two networks answer together, where only the first is explained; ``share`` is the partner's say."""

    explained: str
    partner: str
    share: float
    answer: str
    probability: float

    def to_text(self) -> str:
        """Say what is explained, and what both answer."""
        return (
            f"Two networks answer together: {self.answer}, {100 * min(self.probability, 0.999):.1f} %. What follows is "
            f"{self.explained} alone, which has {100 * (1 - self.share):.0f} % of the say; {self.partner} is left out."
        )


@dataclass(frozen=True, slots=True)
class Explanation:
    """Which regions of one file decided one class, with the evidence for it.

    Parameters
    ----------
    path : str
    label : str
        The class that is explained.
    probability : float
        The recognizer's probability of it.
    answer : str
        What the recognizer answers; the same as ``label`` unless another was asked for.
    joint : Joint or None
        Where the recognizer is two networks: ``probability``, regions and check are then the first one's.
    shown : Shown
    heat : HeatMap
    regions : tuple of Region
        Heaviest first.
    found : tuple of Found
        The same regions in the data's units.
    check : Check
    """

    path: str
    label: str
    probability: float
    answer: str
    shown: Shown
    heat: HeatMap
    regions: tuple[Region, ...]
    found: tuple[Found, ...]
    check: Check
    joint: Joint | None = None

    @property
    def resolution(self) -> Mapping[str, tuple[float, float]]:
        """For each panel that is read, the (height, width) in pixels of what the method tells apart."""
        panels = [picture.panel for picture in self.shown.windows[0]]
        return {name: cell for name, cell in zip(panels, cells_of(self.heat), strict=True) if cell != (0.0, 0.0)}

    @property
    def completeness_error(self) -> float | None:
        """How far contributions miss the difference that they should add up to, as a share of it; None if none."""
        if self.heat.completeness_nats is None or not self.heat.difference_nats:
            return None
        return self.heat.completeness_nats / abs(self.heat.difference_nats)

    def to_json(self) -> dict[str, object]:
        """Return the contract's JSON."""
        resolution = {name: {"height_px": cell[0], "width_px": cell[1]} for name, cell in self.resolution.items()}
        return {
            "path": self.path,
            "label": self.label,
            "probability": self.probability,
            "answer": self.answer,
            "joint": None if self.joint is None else asdict(self.joint),
            "method": self.heat.method,
            "regions": [one.to_json() for one in self.found],
            **self.check.to_json(),
            "completeness_error": self.completeness_error,
            "resolution": resolution,
        }

    def to_text(self) -> str:
        """Return the explanation in a few lines."""
        joint = self.joint is not None and self.joint.answer == self.label
        probability = self.joint.probability if self.joint is not None and joint else self.probability
        lines = [f"{self.path}: {self.label} ({100 * min(probability, 0.999):.1f} %), by {self.heat.method}"]
        lines += [] if self.joint is None else [self.joint.to_text()]
        lines += [f"  {100 * one.weight:.0f} % {one.panel}: {one.sentence}" for one in self.found]
        if not self.found:
            lines.append("  no place of it speaks for this class")
        lines.append(self.check.to_text())
        if self.completeness_error is not None:
            lines.append(
                f"Contributions miss the difference they should add up to ({self.heat.difference_nats:.3f} nats) by "
                f"{100 * self.completeness_error:.1f} %."
            )
        return "\n".join(lines)
