"""How far an axis reaches, where its ticks go and what they say: seconds, hertz, byte offsets, pixels, nats.

Shared by the charts of the page and by ``render --axes``, so that both read alike. It does not draw.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from photism.types import Axis, EpochRow

__all__ = ["Ruler", "loss_ceiling", "nice_steps", "ruler"]


@dataclass(frozen=True, slots=True)
class Ruler:
    """A labelled side: ``title`` with its unit, and ticks as (place along the side in [0, 1], text)."""

    title: str
    ticks: tuple[tuple[float, str], ...]


def ruler(axis: Axis, *, n: int = 6, within: tuple[float, float] = (0.0, 1.0)) -> Ruler:
    """Choose about ``n`` ticks that a stranger can read for one side of a picture.

    Parameters
    ----------
    axis
        The side. Hertz become kilohertz from 1,000 upwards, seconds become milliseconds under a second, byte
        offsets and byte values are written in hexadecimal.
    n
        How many ticks there is room for, at least 2.
    within
        The stretch of the side that holds data, as fractions of it: padding gets no ticks.

    Returns
    -------
    Ruler
        Ticks in the order of their value, at least one place apart; none on a Hilbert curve or on categories,
        where a place along one side has no value of its own.

    Examples
    --------
    >>> ruler(Axis("frequency", "Hz", 8000.0, 50.0, "mel"), n=6).title
    'frequency (kHz, mel scale)'
    >>> [text for _, text in ruler(Axis("time", "s", 0.0, 0.5), n=6).ticks]
    ['0', '100', '200', '300', '400', '500']
    >>> [text for _, text in ruler(Axis("offset", "bytes", 0.0, 4096.0, "rows"), n=5).ticks]
    ['0x0', '0x400', '0x800', '0xC00', '0x1000']
    """
    title, write, factor = _manner(axis)
    if axis.scale in {"hilbert", "category"}:
        reach = f"{write(axis.start)}–{write(axis.stop)}"
        return Ruler(f"{axis.name} {reach} along a Hilbert curve" if axis.scale == "hilbert" else title, ())
    low, high = sorted((axis.start, axis.stop))
    if not (math.isfinite(low) and math.isfinite(high)) or low == high:
        return Ruler(title, ())
    slack = 0.003 * (high - low)  # a tick half a pixel outside is drawn on the edge: a reader misses the 0 otherwise
    if axis.scale in {"mel", "log"}:
        values: Iterable[float] = _decades(low, high)
    elif _is_bytes(axis):
        values = _multiples(low - slack, high + slack, _hex_step(high - low, n))
    else:
        values = (value / factor for value in nice_steps((low - slack) * factor, (high + slack) * factor, n=n))
    start, stop = within[0] - 0.004, within[1] + 0.004
    places = [(axis.fraction_at(value), value) for value in values]
    placed = [(min(1.0, max(0.0, place)), value) for place, value in places if start <= place <= stop]
    return Ruler(title, tuple((place, write(value)) for place, value in _apart(placed, 0.62 / max(2, n))))


def nice_steps(low: float, high: float, *, n: int = 6) -> list[float]:
    """Return multiples of 1, 2 or 5 times a power of ten that lie in [``low``, ``high``], about ``n`` of them.

    Examples
    --------
    >>> nice_steps(0.0, 1.0, n=6)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    if not high > low:
        return [low]
    rough = (high - low) / max(1, n - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((m * power for m in (1.0, 2.0, 5.0, 10.0)), key=lambda s: (abs(math.log(s / rough)), s))
    return _multiples(low, high, step)


def _multiples(low: float, high: float, step: float) -> list[float]:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) + 0.0 for i in range(first, last + 1)]


def _hex_step(span: float, n: int) -> float:
    return 2.0 ** max(0, math.ceil(math.log2(span / max(1, n - 1)) - 1e-9))


def _decades(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten in between (and 0 where mel reaches it); the ends if that leaves one."""
    powers = range(math.floor(math.log10(low if low > 0.0 else high * 1e-3)), math.ceil(math.log10(high)) + 1)
    values = [m * 10.0**p for p in powers for m in (1.0, 2.0, 5.0) if low <= m * 10.0**p <= high]
    values = [low, *values] if low == 0.0 else values
    return values if len(values) >= 2 else [low, high]


def _apart(placed: list[tuple[float, float]], gap: float) -> list[tuple[float, float]]:
    """Drop ticks closer than ``gap``; powers of ten are asked first, because a reader looks for them."""
    kept: list[tuple[float, float]] = []
    for place, value in sorted(placed, key=lambda pair: (not _is_round(pair[1]), pair[1])):
        if all(abs(place - other) >= gap for other, _ in kept):
            kept.append((place, value))
    return sorted(kept, key=lambda pair: pair[1])


def _is_round(value: float) -> bool:
    return value > 0 and math.isclose(math.log10(value), round(math.log10(value)), abs_tol=1e-9)


def _is_bytes(axis: Axis) -> bool:
    return "byte" in axis.unit.lower() or "byte" in axis.name.lower()


def _manner(axis: Axis) -> tuple[str, Callable[[float], str], float]:
    """Choose the title, how a value is written, and the factor from the axis's unit to the written one."""
    reach = max(abs(axis.start), abs(axis.stop))
    name, unit = axis.name, axis.unit
    if unit == "Hz":
        scale = {"mel": ", mel scale", "log": ", log scale"}.get(axis.scale, "")
        if reach >= 1000.0:
            return f"{name} (kHz{scale})", lambda value: _plain(value / 1000.0), 1e-3
        return f"{name} (Hz{scale})", _plain, 1.0
    if axis.scale == "log":
        return f"{name} ({unit}, log scale)", _plain, 1.0
    if unit == "s" and reach < 1.0:
        return f"{name} (ms)", lambda value: _plain(1000.0 * value), 1e3
    if _is_bytes(axis):
        return f"{name} (hexadecimal)", lambda value: f"0x{round(value):X}", 1.0
    return f"{name} ({unit})" if unit and unit != name else name, _plain, 1.0


def _plain(value: float) -> str:
    return f"{value:.6g}".replace("-", "−")


def loss_ceiling(history: Sequence[EpochRow]) -> float:
    """Say how high a chart of ``history``'s losses must reach, in nats, above 0.

    The largest loss, unless it is an explosion: three times what is ordinary, where the first epoch, which has learned
    nothing yet, is ordinary too.

    Examples
    --------
    >>> loss_ceiling(())
    1.0
    """
    rows = [(row.train_loss_nats, row.valid_loss_nats) for row in history]
    losses = sorted(loss for row in rows for loss in row if math.isfinite(loss))
    if not losses:
        return 1.0
    start = [loss for loss in rows[0] if math.isfinite(loss)]
    ordinary = max(losses[int(0.9 * (len(losses) - 1))], *start, 1e-3)
    return min(max(losses[-1], 1e-3), 3.0 * ordinary)
