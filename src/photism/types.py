"""The nouns of photism, frozen, with their shapes and units.

A datum walks one street: ``Sample`` (a file on disk) → *signal* (``Image``, ``Waveform``, ``ByteString`` or
``PointerTrack``) → ``Picture`` (what the network sees) → ``Prediction``. What cannot be used becomes a
``Skipped`` with a reason, never a default.

This file covers nouns that more than one floor uses. It does not cover how they are made: each verb
(``read_``, ``decode_``, ``render_``, ``preprocess_``, ``predict``) fixes its floor.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8

Kind: TypeAlias = Literal["image", "sound", "binary", "mouse"]
Part: TypeAlias = Literal["train", "valid", "test"]
Scale: TypeAlias = Literal["linear", "log", "mel", "hilbert", "rows", "category"]
JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

KINDS: tuple[Kind, ...] = ("image", "sound", "binary", "mouse")
PARTS: tuple[Part, ...] = ("train", "valid", "test")


# ── what comes from disk ─────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Sample:
    """One file with what is known about it before it is opened.

    ``name`` is the path as the user wrote it (relative to the CSV's folder or to DATA), ``group`` is whatever a
    split must never cut (speaker, patient, recording), ``fold`` and ``part`` are as given by the user or None.
    """

    path: Path
    name: str
    label: str | None = None
    group: str | None = None
    fold: str | None = None
    part: Part | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is not used, and why, in one plain sentence."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Sniffed:
    """What a file's content says it is, learned without decoding it whole.

    ``facts`` are numbers that a renderer fits its recipe to: ``duration_s``, ``rate_hz``, ``channels`` for
    sounds; ``width_px``, ``height_px`` for images; ``size_bytes`` for all; ``duration_s``, ``n_points`` for tracks.
    """

    kind: Kind
    facts: Mapping[str, float]


# ── signals: what a file says, in its own units ──────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Image:
    """An upright photograph: sRGB, 0 black and 255 white.

    ``original_px`` is the (width, height) of the file where it was decoded at a fraction of its size, else None.
    """

    pixels: UInt8[np.ndarray, "h w 3"]
    original_px: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Waveform:
    """Sound pressure in [-1, 1], one row a channel, at ``rate_hz`` samples a second."""

    samples: Float32[np.ndarray, "c t"]
    rate_hz: int


@dataclass(frozen=True, slots=True)
class ByteString:
    """Bytes, possibly a read-only memory map of a file larger than memory.

    ``encoding`` says what the file was before: ``raw``, or the hex dump it was read from.
    """

    values: UInt8[np.ndarray, " n"]
    encoding: str = "raw"


@dataclass(frozen=True, slots=True)
class PointerTrack:
    """A pointer's path: seconds from the first event, pixels with y downwards, pressed buttons as a bit mask.

    ``time_unit`` is the unit that was detected in the file (``s``, ``ms``, ``us``, ``ns``).
    """

    time_s: Float64[np.ndarray, " t"]
    xy_px: Float64[np.ndarray, "t 2"]
    buttons: UInt8[np.ndarray, " t"]
    time_unit: str


Signal: TypeAlias = Image | Waveform | ByteString | PointerTrack


# ── pictures ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Axis:
    """What one side of a picture means.

    ``start`` is the value at the first pixel's outer edge (left for x, top for y) and ``stop`` the value at the last
    pixel's outer edge; ``start > stop`` means that the value falls along the side (frequency, from the top down).
    ``anywhere`` says that a pattern may sit at any place along this side without changing its meaning (time, file
    offset, both sides of a photograph); where it is False the place itself is the meaning (frequency, byte value),
    and pooling keeps it.

    >>> Axis("frequency", "Hz", 8000.0, 0.0, "linear").value_at(0.25)
    6000.0
    """

    name: str
    unit: str
    start: float
    stop: float
    scale: Scale = "linear"
    anywhere: bool = False

    def value_at(self, fraction: float) -> float:
        """Turn a place along the side (0 the first edge, 1 the last) into the data's unit."""
        low, high = self._warp(self.start), self._warp(self.stop)
        return self._unwarp(low + (high - low) * fraction)

    def fraction_at(self, value: float) -> float:
        """Turn a value in the data's unit into a place along the side: the inverse of ``value_at``.

        >>> axis = Axis("frequency", "Hz", 8000.0, 50.0, "mel")
        >>> round(axis.fraction_at(axis.value_at(0.3)), 12)
        0.3
        """
        low, high = self._warp(self.start), self._warp(self.stop)
        return (self._warp(value) - low) / (high - low)

    def _warp(self, value: float) -> float:
        if self.scale == "mel":  # O'Shaughnessy 1987, the HTK form
            return 2595.0 * math.log10(1.0 + value / 700.0)
        return math.log(value) if self.scale == "log" else value

    def _unwarp(self, value: float) -> float:
        if self.scale == "mel":
            return float(700.0 * (10.0 ** (value / 2595.0) - 1.0))
        return math.exp(value) if self.scale == "log" else value


@dataclass(frozen=True, slots=True)
class Recipe:
    """Enough to make a picture again, bit for bit: the renderer, its version and its options.

    ``options`` holds JSON values only. Raise ``version`` whenever a renderer's pixels change: it is part of
    every cache key.
    """

    kind: Kind
    version: int
    options: Mapping[str, JSON] = field(default_factory=dict)

    def to_json(self) -> dict[str, JSON]:
        """Return the recipe as JSON values, for a bundle or a cache key."""
        return {"kind": self.kind, "version": self.version, "options": dict(self.options)}

    @property
    def key(self) -> str:
        """A short hash that changes whenever the pictures would.

        >>> Recipe("image", 1, {"fit": "pad"}).key == Recipe("image", 1, {"fit": "crop"}).key
        False
        """
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Picture:
    """What the recognizer sees: pixels whose sides know their units.

    ``content`` is the pixel box ``(left, top, right, bottom)`` that holds data; what lies outside is padding
    and is masked when features are pooled. ``panel`` names the layout (``log-mel``, ``pairs``, ...).
    """

    pixels: UInt8[np.ndarray, "h w 3"]
    x: Axis
    y: Axis
    recipe: Recipe
    panel: str
    content: tuple[int, int, int, int]


Window: TypeAlias = tuple[Picture, ...]
"""One stretch of a file, seen through every panel of its recipe (mostly one)."""


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Prediction:
    """An answer: ``probabilities`` (k,) sum to 1 in the order of ``labels``; ``familiar`` is False for what is unlike
    anything that was taught, None where that cannot be told; ``error`` holds the reason when the file could not be read
    (labels are then empty); ``decided`` is the label at a recognizer's own threshold, where it has one."""

    path: str
    labels: tuple[str, ...]
    probabilities: tuple[float, ...]
    familiar: bool | None
    error: str | None = None
    decided: str | None = None

    @property
    def label(self) -> str | None:
        """The answer: the most probable label, or the one decided at a threshold; None where there is an error."""
        if self.decided is not None:
            return self.decided
        return self.labels[int(np.argmax(self.probabilities))] if self.labels else None

    @property
    def probability(self) -> float | None:
        """The probability of ``label``, or None where there is an error."""
        return self.probabilities[self.labels.index(self.label)] if self.label is not None else None

    def top(self, n: int = 5) -> list[tuple[str, float]]:
        """Return the ``n`` most probable (label, probability), best first.

        >>> Prediction("a.wav", ("cat", "dog"), (0.1, 0.9), True).top(1)
        [('dog', 0.9)]
        """
        order = sorted(range(len(self.labels)), key=lambda i: -self.probabilities[i])
        return [(self.labels[i], self.probabilities[i]) for i in order[:n]]

    def to_json(self, n_top: int = 5) -> dict[str, JSON]:
        """Return the answer as the command line prints it, with the ``n_top`` most probable labels."""
        return {
            "path": self.path,
            "label": self.label,
            "probability": self.probability,
            "top": [[label, probability] for label, probability in self.top(n_top)],
            "familiar": self.familiar,
            "error": self.error,
        }

    def to_text(self, n_top: int = 1) -> str:
        """Return the answer as one line for a reader, with the ``n_top`` most probable labels.

        >>> Prediction("a.wav", ("cat", "dog"), (0.1, 0.9), False).to_text()
        'a.wav: unlike anything it was taught; the nearest answer is dog (90.0 %)'
        >>> Prediction("a.wav", ("cat", "dog"), (0.1, 0.9), True).to_text(2)
        'a.wav: dog (90.0 %), cat (10.0 %)'
        """
        if self.label is None or self.probability is None:
            return f"{self.path}: {self.error}"
        others = [pair for pair in self.top(n_top) if pair[0] != self.label][: n_top - 1]
        said = [(self.label, self.probability), *others]
        answer = ", ".join(f"{label} ({min(100 * share, 99.9):.1f} %)" for label, share in said)
        note = "unlike anything it was taught; the nearest answer is " if self.familiar is False else ""
        return f"{self.path}: {note}{answer}"


@dataclass(frozen=True, slots=True)
class Trial:
    """One answer of one observer about one item: the same row for a person and for a recognizer.

    ``sample`` names the item, ``observer`` who answered, ``truth`` what it is (None where that is not known),
    ``response`` the label that was said (None where only a rating was given), ``confidence`` how sure of it, in [0, 1],
    ``rating`` a place on a scale that rises with the positive class, ``condition`` under which circumstances
    (with an aid, say), ``response_time_s`` seconds from showing to answering.
    """

    sample: str
    observer: str
    truth: str | None
    response: str | None
    confidence: float | None = None
    rating: float | None = None
    condition: str | None = None
    response_time_s: float | None = None


@dataclass(frozen=True, slots=True)
class EpochRow:
    """One epoch of training: losses in nats, accuracies as fractions, both with 95 % intervals (NaN where unknown)."""

    epoch: int
    train_loss_nats: float
    valid_loss_nats: float
    train_accuracy: float
    valid_accuracy: float
    train_low: float
    train_high: float
    valid_low: float
    valid_high: float
    learning_rate: float
    seconds: float
    train_loss_low: float = math.nan
    train_loss_high: float = math.nan
    valid_loss_low: float = math.nan
    valid_loss_high: float = math.nan


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the curves say, in a word and in one sentence of evidence (GLOSSARY.md defines the words).

    ``gap_nats`` is validation less training loss at the best epoch, ``cost_nats`` what going on from there to the end
    has cost in validation loss. ``_low`` and ``_high`` bound 95 % intervals over validation's groups; None where files'
    own losses were not kept, or there is nothing to bound.
    """

    state: Literal["learning", "memorising", "stalled", "diverging"]
    onset_epoch: int | None
    best_epoch: int
    gap_nats: float
    evidence: str
    cost_nats: float = 0.0
    onset_low: int | None = None
    onset_high: int | None = None
    gap_low: float | None = None
    gap_high: float | None = None
    cost_low: float | None = None
    cost_high: float | None = None


Mask: TypeAlias = Bool[np.ndarray, " n"]
Progress: TypeAlias = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""


Watch: TypeAlias = Callable[[str, EpochRow], None]
"""Told a curve's name and its newest row, as soon as an epoch has ended."""


def unwatched(curve: str, row: EpochRow) -> None:
    """Look at nothing: what ``watch`` is where nobody asked for it."""


def silent(phase: str, done: int, total: int) -> None:
    """Tell nobody: ``phase``, ``done`` and ``total`` are dropped."""
