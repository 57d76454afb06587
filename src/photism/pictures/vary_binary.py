"""Variations of bytes: the same file from another offset, with a region gone, or a piece of it.

Covers what a file of the same type could also look like: where it starts, what it lacks, how much of it is there. Bytes
are never changed in value or in order (but for one seam): what follows what is the meaning. Does not cover
anything that is done to pictures: a turned or mirrored byte plot is no byte plot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import UInt8

from photism.pictures.view import Op, apply_ops
from photism.types import ByteString

__all__ = ["DEFAULT_OPS", "OPS", "vary"]

SHIFT_BYTES = 512
SMALL_BYTES = 16 * SHIFT_BYTES  # up to here a dropped prefix would be a good part of the file: it is moved to the end
REGION_FRACTION = 0.15
FRAGMENT_FRACTION = 0.5
COPIED_BYTES = 1 << 26  # longer files are memory maps and stay so: nothing is cut out of their middle


def vary(signal: ByteString, rng: np.random.Generator, ops: Sequence[str] | None = None) -> ByteString:
    """Vary a string of bytes.

    Parameters
    ----------
    signal
        Any number of bytes; may be a read-only memory map. It is left as it is.
    rng
        Where every choice comes from.
    ops
        Names from ``OPS``, applied in order, each with its probability; by default ``DEFAULT_OPS``.

    Returns
    -------
    ByteString
        1 byte or more, in the file's order; nothing stays nothing. What was no more than cut is a view of the same
        memory, so that a file larger than memory is not read.

    Raises
    ------
    OptionError
        A name is not in ``OPS``.

    Examples
    --------
    >>> few = ByteString(np.arange(100, dtype=np.uint8))
    >>> len(vary(few, np.random.default_rng(0), ("fragment",) * 4).values) < 100
    True
    """
    return apply_ops(signal, rng, OPS, DEFAULT_OPS if ops is None else ops)


def _shift(signal: ByteString, rng: np.random.Generator) -> ByteString:
    """Start up to 512 bytes later; in a small file what came before follows at the end, so that nothing is lost."""
    n = len(signal.values)
    skipped = int(rng.integers(0, min(SHIFT_BYTES, max(n - 1, 0)) + 1))
    if n <= SMALL_BYTES:
        return _bytes(np.roll(signal.values, -skipped), signal)
    return _bytes(signal.values[skipped:], signal)


def _region(signal: ByteString, rng: np.random.Generator) -> ByteString:
    """Remove a region of up to 15 %, anywhere; in a very long file from its start or its end."""
    n = len(signal.values)
    gone = int(n * rng.uniform(0.0, REGION_FRACTION))
    start = int(rng.integers(0, n - gone + 1))
    if n > COPIED_BYTES:
        start = 0 if start < n // 2 else n - gone
    if start == 0 or start + gone == n:
        return _bytes(signal.values[gone:] if start == 0 else signal.values[:start], signal)
    return _bytes(np.concatenate([signal.values[:start], signal.values[start + gone :]]), signal)


def _fragment(signal: ByteString, rng: np.random.Generator) -> ByteString:
    """Keep 50 to 100 % of the bytes, in one piece."""
    n = len(signal.values)
    kept = min(n, max(1, round(n * rng.uniform(FRAGMENT_FRACTION, 1.0)))) if n else 0
    start = int(rng.integers(0, n - kept + 1))
    return _bytes(signal.values[start : start + kept], signal)


def _bytes(values: UInt8[np.ndarray, " n"], like: ByteString) -> ByteString:
    return ByteString(values, like.encoding)


OPS: Mapping[str, Op[ByteString]] = {
    "shift": Op(_shift, 0.8),
    "region": Op(_region, 0.5),
    "fragment": Op(_fragment, 0.5),
}
"""Every variation of bytes, with its probability."""

DEFAULT_OPS = ("shift", "region", "fragment")
"""What is applied, in this order, where nothing is named."""
