"""What a check of an explanation found, as a value: it can be kept, written and shown without asking a network again.

Does not cover how it is measured (``checks``).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FRACTIONS", "Check"]

FRACTIONS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)
"""Shares of the pixels that hold data at which the curves are measured; nearly all happens early."""


@dataclass(frozen=True, slots=True)
class Check:
    """How an explanation did against chance. Areas lie in [0, 1], in probability of the explained class.

    Parameters
    ----------
    deletion, insertion : float
        Areas under the explanation's curves.
    random_deletion, random_insertion : float
        Mean areas of the same heat map moved to random places.
    gain, gain_low, gain_high : float
        Half of (insertion - deletion), less the random regions' mean of it, with its 95 % interval over the draws.
    shuffled_deletion, shuffled_insertion : float or None
        Mean areas of the heat maps of twins with shuffled weights; None where none were made.
    shuffled_similarity : float or None
        Mean rank correlation of the twins' heat maps with this one: near 1, it shows the picture, not what was learned.
    deletion_curve, insertion_curve : tuple of float
        The probability at each of ``FRACTIONS``.
    random_deletion_curve, random_insertion_curve : tuple of float
        The random regions' mean.
    """

    deletion: float
    insertion: float
    random_deletion: float
    random_insertion: float
    gain: float
    gain_low: float
    gain_high: float
    shuffled_deletion: float | None
    shuffled_insertion: float | None
    shuffled_similarity: float | None
    deletion_curve: tuple[float, ...]
    insertion_curve: tuple[float, ...]
    random_deletion_curve: tuple[float, ...]
    random_insertion_curve: tuple[float, ...]

    @property
    def beats_random(self) -> bool:
        """Whether the explanation is better than random regions of the same size, beyond chance."""
        return self.gain_low > 0.0

    @property
    def beats_shuffled(self) -> bool:
        """Whether it is better than what twins with shuffled weights point at; True where there are none."""
        if self.shuffled_deletion is None or self.shuffled_insertion is None:
            return True
        return self.insertion - self.deletion > self.shuffled_insertion - self.shuffled_deletion

    @property
    def fails(self) -> bool:
        """Whether the explanation fails its own check, in either way."""
        return not (self.beats_random and self.beats_shuffled)

    def to_json(self) -> dict[str, object]:
        """Return the contract's fields and the rest of the evidence."""
        return {
            "deletion": self.deletion,
            "insertion": self.insertion,
            "random_deletion": self.random_deletion,
            "random_insertion": self.random_insertion,
            "fails_own_check": self.fails,
            "beats_random_regions": self.beats_random,
            "beats_shuffled_weights": None if self.shuffled_deletion is None else self.beats_shuffled,
            "gain": self.gain,
            "gain_low": self.gain_low,
            "gain_high": self.gain_high,
            "shuffled_deletion": self.shuffled_deletion,
            "shuffled_insertion": self.shuffled_insertion,
            "shuffled_similarity": self.shuffled_similarity,
            "fractions": list(FRACTIONS),
            "deletion_curve": list(self.deletion_curve),
            "insertion_curve": list(self.insertion_curve),
            "random_deletion_curve": list(self.random_deletion_curve),
            "random_insertion_curve": list(self.random_insertion_curve),
        }

    def to_text(self) -> str:
        """Return the finding in one or two sentences."""
        figures = (
            f"deletion {self.deletion:.2f} (random regions {self.random_deletion:.2f}), insertion {self.insertion:.2f} "
            f"(random regions {self.random_insertion:.2f}); gain over them {self.gain:+.3f}, 95 % interval "
            f"{self.gain_low:+.3f} to {self.gain_high:+.3f}"
        )
        if not self.beats_random:
            how = "worse than" if self.gain_high < 0.0 else "no better than"
            return f"This explanation does {how} random regions of the same size: {figures}."
        if not self.beats_shuffled:
            return f"This explanation does no better than one of a network with shuffled weights: {figures}."
        return f"The regions matter to the answer: {figures}."
