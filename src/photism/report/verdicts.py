"""A verdict's numbers in sentences: the gap, where memorising began, what going on has cost."""

from __future__ import annotations

from photism.types import Verdict

__all__ = ["tell_verdict"]


def tell_verdict(verdict: Verdict) -> tuple[str, ...]:
    r"""Tell what a verdict's own sentence leaves out.

    Parameters
    ----------
    verdict : Verdict

    Returns
    -------
    tuple of str
        Empty where there are no intervals, and for curves that diverge or have stalled: their gap means nothing.

    Examples
    --------
    >>> found = Verdict("memorising", 7, 6, 0.21, "So.", 0.12, 6, 9, 0.15, 0.28, 0.05, 0.2)
    >>> print(*tell_verdict(found), sep="\n")
    In the best epoch validation was 0.21 nats above training (95 % interval 0.15 to 0.28).
    Memorising begins in epoch 7 (6 to 9); going on to the end cost 0.12 nats (0.05 to 0.20). The best epoch is kept.
    """
    if verdict.gap_low is None or verdict.gap_high is None or verdict.state in ("diverging", "stalled"):
        return ()
    side, gap = ("above", verdict.gap_nats) if verdict.gap_nats >= 0 else ("below", -verdict.gap_nats)
    bounds = sorted((abs(verdict.gap_low), abs(verdict.gap_high)))
    if verdict.gap_low <= 0 <= verdict.gap_high:
        said = [
            f"In the best epoch validation and training were {gap:.2f} nats apart, which is not told apart from none."
        ]
    else:
        said = [
            f"In the best epoch validation was {gap:.2f} nats {side} training (95 % interval {bounds[0]:.2f} to "
            f"{bounds[1]:.2f})."
        ]
    if verdict.onset_epoch is not None and verdict.cost_low is not None and verdict.cost_high is not None:
        said.append(
            f"Memorising begins in epoch {verdict.onset_epoch} ({verdict.onset_low} to {verdict.onset_high}); going on "
            f"to the end cost {verdict.cost_nats:.2f} nats ({verdict.cost_low:.2f} to {verdict.cost_high:.2f}). The "
            "best epoch is kept."
        )
    return tuple(said)
