"""Views: several varied pictures of one file, each found again by its number.

Covers which view of a file is meant (``View``), where its random numbers come from, and what the tables of variations
of every kind have in common (``Op``, ``apply_ops``). Does not cover what is varied: that is each kind's own file
(``vary_image``, ``vary_sound``, ``vary_binary``, ``vary_mouse``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from photism.errors import OptionError

__all__ = ["VARIATION_VERSION", "Op", "View", "apply_ops"]

VARIATION_VERSION = 2
"""Raise it whenever a variation of any kind gives other signals: it is part of every view's cache key."""

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Op(Generic[S]):
    """One way to vary a signal, and how often it is used.

    ``apply(signal, rng)`` returns a new signal and leaves the old one as it is; ``probability`` in [0, 1] is the share
    of views that it is applied to.
    """

    apply: Callable[[S, np.random.Generator], S]
    probability: float


@dataclass(frozen=True, slots=True)
class View:
    """Which of a file's varied pictures is meant.

    Parameters
    ----------
    seed : int
        The training's seed, 0 or above.
    index : int
        Number of the view: 0 is the plain picture without any variation, 1 and above are varied.
    ops : tuple of str, optional
        Names of the kind's variations, applied in this order; None means the kind's ``DEFAULT_OPS``.

    Raises
    ------
    OptionError
        Where ``seed`` or ``index`` is under 0.

    Examples
    --------
    >>> View(seed=0, index=2, ops=("flip",)).key
    'v2-s0-i2-flip'
    """

    seed: int
    index: int
    ops: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that no view has."""
        if self.seed < 0 or self.index < 0:
            raise OptionError(f"a view's seed and index must be 0 or above, but are {self.seed} and {self.index}")

    @property
    def is_plain(self) -> bool:
        """Whether this is the picture without any variation."""
        return self.index == 0

    @property
    def key(self) -> str:
        """A name for a cache folder that changes whenever the view's pictures would; long lists of ops are hashed."""
        names = "default" if self.ops is None else "+".join(self.ops) or "none"
        if len(names) > 60:
            names = hashlib.sha256(names.encode()).hexdigest()[:16]
        return f"v{VARIATION_VERSION}-s{self.seed}-i{self.index}-{names}"

    def rng(self, content_hash: str) -> np.random.Generator:
        """Return the random numbers of this view of one file, whatever its name, its order or its neighbours.

        Parameters
        ----------
        content_hash : str
            SHA-256 of the file's content, from ``photism.data.duplicates.content_hash``.
        """
        digest = hashlib.sha256(f"{self.seed} {self.index} {content_hash}".encode()).digest()
        return np.random.default_rng(int.from_bytes(digest, "big"))


def apply_ops(signal: S, rng: np.random.Generator, ops: Mapping[str, Op[S]], names: Sequence[str]) -> S:
    """Apply variations in order, each with its own probability.

    Parameters
    ----------
    signal
        A signal of the kind that the table belongs to; it is left as it is.
    rng : numpy Generator
        Where every choice comes from.
    ops : mapping of str to Op
        The kind's table.
    names : sequence of str
        Which of them, in order; one may be named more than once.

    Returns
    -------
    signal
        A varied signal of the same type; the same object where no variation was drawn.

    Raises
    ------
    OptionError
        Where a name is not in the table.
    """
    unknown = sorted(set(names) - set(ops))
    if unknown:
        raise OptionError(f"a variation must be one of {', '.join(ops)}, but is {unknown[0]!r}")
    for name in names:
        if rng.random() < ops[name].probability:
            signal = ops[name].apply(signal, rng)
    return signal
