"""Are two parts of a data set alike? A classifier that tries to tell them apart.

If files of one part can be told from files of the other, class by class, then what was measured on one says less
about the other: another speaker, another camera, another codec. The classifier reads frozen features of early, middle
and late stages; it is judged on groups that it was not taught, and against what it reaches where the groups' parts
are dealt out anew.

Covers two parts whose features are at hand, and new data against the little that a recognizer keeps of what it was
taught. A difference in how many files a class has is no shift here: only files of one class are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int
from threadpoolctl import threadpool_limits

from photism.recognizers.familiarity import Familiarity
from photism.recognizers.layer_names import by_panel
from photism.training.features import Features
from photism.training.intervals import bootstrap_weights, percentiles
from photism.training.out_of_fold import inner_products
from photism.types import JSON, Mask

__all__ = ["Foreign", "Shift", "find_shift", "shift_from_familiarity", "shift_layers"]

# Where in a panel's sequence of stages to look, 0 the first, 1 the last: early stages see levels, codecs and
# sharpness, middle ones voices and textures, late ones what is shown.
DEPTHS = (0.125, 0.375, 0.625, 0.875)
STRENGTH = 0.3
N_FOLDS = 5
N_PERMUTATIONS, N_BOOTSTRAP = 499, 500
MAX_FILES = 1500
LEAST_GROUPS = 10
"""Fewer groups in a part than these say nothing about it."""
N_FOREIGN = 20
# From which AUROC on a difference is more than a curiosity, and plain.
SMALL, LARGE = 0.6, 0.8


@dataclass(frozen=True, slots=True)
class Foreign:
    """A file of the other part by its sample number; ``score`` in [0, 1] is the share of the first part's files of its
    class that look less foreign."""

    index: int
    score: float


@dataclass(frozen=True, slots=True)
class Shift:
    """How well two parts can be told apart.

    ``auroc`` in [0, 1] with its 95 % interval: 0.5 is not at all, 1 is always; the probability that a file of the
    other part looks more foreign than one of the first part of the same class. ``p_value`` is how often dealing the
    groups out anew reaches as much. ``foreign`` are the other part's files that look least like the first's.
    """

    auroc: float
    low: float
    high: float
    p_value: float
    n_one: int
    n_other: int
    n_groups_one: int
    n_groups_other: int
    foreign: tuple[Foreign, ...]

    @property
    def found(self) -> bool:
        """Whether the parts differ by more than chance."""
        return self.p_value <= 0.05 and self.auroc > 0.5

    @property
    def size(self) -> str:
        """How large the difference is, in a word: none, slight, clear or plain."""
        if not self.found:
            return "none"
        return "slight" if self.auroc < SMALL else "clear" if self.auroc < LARGE else "plain"

    @property
    def advice(self) -> str:
        """What to do about it."""
        if not self.found:
            return "Nothing needs to be done."
        if self.size == "slight":
            return "It is small: look at the most foreign files, and read the measured accuracy with a grain of salt."
        return (
            "Look at the most foreign files: where they came another way (device, speaker, codec, light), expect "
            "another accuracy there, add such files to the training part, or vary them so in training."
        )

    def to_json(self) -> dict[str, JSON]:
        """Return the finding as JSON values."""
        return {
            "auroc": self.auroc,
            "low": self.low,
            "high": self.high,
            "p_value": self.p_value,
            "found": self.found,
            "size": self.size,
            "n": [self.n_one, self.n_other],
            "n_groups": [self.n_groups_one, self.n_groups_other],
            "foreign": [{"index": one.index, "score": one.score} for one in self.foreign],
            "advice": self.advice,
        }

    def to_text(self) -> str:
        """Return the finding as one sentence."""
        numbers = f"AUROC {self.auroc:.2f}, 95 %: {self.low:.2f} to {self.high:.2f}, p = {self.p_value:.3f}"
        if not self.found:
            return f"The two parts cannot be told apart ({numbers})."
        how = {"slight": "slightly", "clear": "clearly", "plain": "plainly"}[self.size]
        return f"The two parts differ {how} ({numbers}). {self.advice}"


def shift_layers(names: Sequence[str]) -> tuple[str, ...]:
    """Name the layers that are looked at: an early, two middle ones and a late one of every panel.

    Parameters
    ----------
    names : layer names, ``panel/stage``, in the network's order

    Examples
    --------
    >>> shift_layers([f"a/b{i}" for i in range(9)])
    ('a/b1', 'a/b3', 'a/b5', 'a/b7')
    """
    chosen: dict[str, None] = {}
    for stages in by_panel(names).values():
        chosen.update(dict.fromkeys(stages[round(depth * (len(stages) - 1))] for depth in DEPTHS))
    return tuple(chosen)


def find_shift(
    features: Features,
    one: Mask,
    other: Mask,
    groups: Sequence[str],
    *,
    y: Int[np.ndarray, " m"] | None = None,
    layers: Sequence[str] | None = None,
    seed: int = 0,
) -> Shift | None:
    """Try to tell two parts apart.

    Parameters
    ----------
    features : Features
        Windows of both parts.
    one, other : bool (n_samples,)
        The part that was taught, and the part that is asked about.
    groups : sequence of n_samples
        What is one observation.
    y : int (n_samples,), optional
        Class of every file: only files of one class are compared. All are taken for one class by default.
    layers : names, optional
        Where to look; ``shift_layers`` by default.
    seed : int
        Which files stand for all where there are many, the folds and the permutations.

    Returns
    -------
    Shift or None
        None where a part has fewer than 10 groups in classes that both parts have.

    Notes
    -----
    A ridge regression on the part, with the class's means taken off both sides, on at most 1500 files. Its answers for
    a fold of groups that it was not taught are linear in the parts, so that 499 permutations cost one matrix product:
    groups trade their parts with groups of the same largest class, whole. The p-value is exact where groups of a
    class are exchangeable; with only a few groups (speakers, say) it can never be small, and rightly so: any speaker
    differs from the others. The interval is that of this one classifier on other groups. A group that is on both
    sides counts as two. About 2 s. Deterministic given the seed.

    References
    ----------
    Lopez-Paz and Oquab 2017, Revisiting classifier two-sample tests, arXiv 1610.06545; Rabanser, Günnemann and Lipton
    2019, Failing loudly, arXiv 1810.11953; Phipson and Smyth 2010, doi:10.2202/1544-6115.1585 (the p-value)
    """
    present = np.zeros(features.n_samples, dtype=bool)
    present[features.sample_of_window] = True
    of_class = np.zeros(features.n_samples, dtype=np.int64) if y is None else y.astype(np.int64)
    present &= (one | other) & (of_class >= 0)
    both = np.intersect1d(of_class[present & one], of_class[present & other])
    present &= np.isin(of_class, both)
    keys = [f"{int(o)} {g}" for o, g in zip(other, groups, strict=True)]
    n_groups = [len({keys[i] for i in np.flatnonzero(present & part)}) for part in (one, other)]
    if min(n_groups) < LEAST_GROUPS:
        return None
    kept = _thin(present, other, keys, seed)
    part = features.keep(kept)
    files = part.files
    deck = _Deck(other[files], of_class[files], [keys[i] for i in files.tolist()])
    with threadpool_limits(limits=1, user_api="blas"):
        products, _ = inner_products(part, layers=shift_layers(tuple(features.layers)) if layers is None else layers)
        answers = _Answers(products, deck, seed)
        shuffled = deck.permutations(N_PERMUTATIONS, seed)
        held = answers.held_out(np.concatenate([deck.other[None], shuffled]))
        reached = np.array([deck.auroc(s, o) for s, o in zip(held, [deck.other, *shuffled], strict=True)])
        low, high = deck.interval(held[0], seed)
    p_value = float(1 + np.count_nonzero(reached[1:] >= reached[0])) / (N_PERMUTATIONS + 1)
    foreign = tuple(Foreign(int(files[i]), share) for i, share in deck.most_foreign(held[0])[:N_FOREIGN])
    n_one, n_other = int((present & one).sum()), int((present & other).sum())
    return Shift(float(reached[0]), low, high, p_value, n_one, n_other, n_groups[0], n_groups[1], foreign)


def shift_from_familiarity(
    familiarity: Familiarity, features: Features, groups: Sequence[str], *, seed: int = 0
) -> Shift | None:
    """Try to tell new data from what a recognizer keeps of its training data.

    Parameters
    ----------
    familiarity : Familiarity
        Of the recognizer's bundle: it keeps up to 2000 taught windows of an early stage, rounded.
    features : Features
        Windows of the new files; must hold that layer (``familiarity.neighbours.layer``).
    groups : sequence of n_samples
        What is one observation among the new files.
    seed : int

    Returns
    -------
    Shift or None
        None where there are fewer than 10 groups or taught windows. ``foreign`` holds numbers of the new files.

    Notes
    -----
    Sees what an early stage sees: level, light, sharpness, codec, noise. What is kept says neither class nor file, so
    other shares of the classes count as a shift here, and every taught window is an observation of its own.
    """
    near = familiarity.neighbours
    taught = near.taught.astype(np.float32) * np.float32(near.step)
    rows = (features.read((near.layer,)) - near.mean) / near.scale
    # New windows are rounded and clipped as the taught ones were, or that alone would tell them apart.
    new = np.clip(np.rint(rows / near.step), -127, 127).astype(np.float32) * np.float32(near.step)
    n = features.n_samples
    number = np.concatenate([features.sample_of_window, n + np.arange(len(taught))])
    weight = np.concatenate([features.weight, np.ones(len(taught), np.float32)])
    joined = Features({near.layer: np.concatenate([new, taught])}, number, weight, n + len(taught))
    is_new = np.arange(joined.n_samples) < n
    names = [*groups, *(f"taught window {i}" for i in range(len(taught)))]
    return find_shift(joined, ~is_new, is_new, names, layers=(near.layer,), seed=seed)


def _thin(present: Mask, other: Mask, keys: Sequence[str], seed: int) -> Mask:
    """Keep about ``MAX_FILES`` files, whole groups, as many of one part as of the other where there are enough."""
    kept = np.zeros_like(present)
    rng = np.random.default_rng(seed)
    n_other = int((present & other).sum())
    n_one = int(present.sum()) - n_other
    room = {True: max(MAX_FILES // 2, MAX_FILES - n_one), False: max(MAX_FILES // 2, MAX_FILES - n_other)}
    for side in (False, True):
        files = np.flatnonzero(present & (other == side))
        _, group = np.unique([keys[i] for i in files.tolist()], return_inverse=True)
        order = rng.permutation(int(group.max()) + 1)
        size = np.bincount(group)
        before = np.cumsum(size[order]) - size[order]
        kept[files[np.isin(group, order[before < room[side]])]] = True
    return kept


class _Deck:
    """Files of two parts in their classes and groups: deals the parts out anew, and measures answers."""

    def __init__(self, other: Bool[np.ndarray, " f"], y: Int[np.ndarray, " f"], keys: Sequence[str]) -> None:
        self.other = other
        self.classes, self.y = np.unique(y, return_inverse=True)
        _, first, self.group = np.unique(np.array(keys), return_index=True, return_inverse=True)
        self.group_other = other[first]
        count = np.zeros((len(first), len(self.classes)))
        np.add.at(count, (self.group, self.y), 1.0)
        self.stratum = count.argmax(axis=1)
        self.members = [np.flatnonzero(self.y == c) for c in range(len(self.classes))]

    def permutations(self, n: int, seed: int) -> Bool[np.ndarray, "n f"]:
        """Deal the groups' parts out anew within each stratum."""
        rng = np.random.default_rng(seed)
        dealt = np.repeat(self.group_other[None], n, axis=0)
        for stratum in np.unique(self.stratum):
            groups = np.flatnonzero(self.stratum == stratum)
            dealt[:, groups] = rng.permuted(dealt[:, groups], axis=1)
        return np.asarray(dealt[:, self.group], dtype=bool)

    def means(self, rows: Int[np.ndarray, " r"]) -> Float64[np.ndarray, "f r"]:
        """What takes the mean over those of ``rows`` that have a file's class; 0 for a class that none has."""
        same = (self.y[:, None] == self.y[rows]).astype(np.float64)
        return np.asarray(same / np.maximum(same.sum(axis=1, keepdims=True), 1.0), dtype=np.float64)

    def auroc(self, score: Float64[np.ndarray, " f"], other: Bool[np.ndarray, " f"]) -> float:
        """How often a file of the other part scores higher than one of the first part in the same class."""
        won = pairs = 0.0
        for rows in self.members:
            n_other = int(other[rows].sum())
            n_pairs = n_other * (len(rows) - n_other)
            if n_pairs:
                # Scores of 0.0 through and through are no order: ties take the mean rank.
                rank = _mean_ranks(score[rows])
                won += float(rank[other[rows]].sum()) - n_other * (n_other + 1) / 2
                pairs += n_pairs
        return won / pairs if pairs else 0.5

    def interval(self, score: Float64[np.ndarray, " f"], seed: int) -> tuple[float, float]:
        """The AUROC's 95 % interval by drawing groups of each part with replacement."""
        weight = np.empty((N_BOOTSTRAP, len(score)))
        for side in (False, True):
            files = np.flatnonzero(self.other == side)
            _, group = np.unique(self.group[files], return_inverse=True)
            weight[:, files] = bootstrap_weights(group, n_draws=N_BOOTSTRAP, seed=seed + int(side))
        won, pairs = np.zeros(N_BOOTSTRAP), np.zeros(N_BOOTSTRAP)
        for rows in self.members:
            a, b = rows[~self.other[rows]], rows[self.other[rows]]
            beats = (score[b][:, None] > score[a]) + 0.5 * (score[b][:, None] == score[a])
            won += np.einsum("nb,nb->n", weight[:, b], weight[:, a] @ beats.T)
            pairs += weight[:, a].sum(axis=1) * weight[:, b].sum(axis=1)
        drawn = np.divide(won, pairs, out=np.full_like(won, np.nan), where=pairs > 0)
        low, high = percentiles(drawn) or (0.0, 1.0)
        return low, high

    def most_foreign(self, score: Float64[np.ndarray, " f"]) -> list[tuple[int, float]]:
        """The other part's rows, the most foreign first, with the share of the first part that looks less foreign."""
        found: list[tuple[float, float, int]] = []
        for rows in self.members:
            usual = np.sort(score[rows[~self.other[rows]]])
            for i in rows[self.other[rows]].tolist():
                found.append((float(np.searchsorted(usual, score[i])) / len(usual), float(score[i]), i))
        return [(i, share) for share, _, i in sorted(found, key=lambda f: (-f[0], -f[1], f[2]))]


def _mean_ranks(values: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """Ranks from 1; equal values share their mean."""
    _, where, size = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(size) - (size - 1) / 2)[where], dtype=np.float64)


class _Answers:
    """Held-out answers of a ridge regression, for any way to deal the parts: linear in them."""

    def __init__(self, products: Float32[np.ndarray, "f f"], deck: _Deck, seed: int) -> None:
        self.deck = deck
        self.folds = self._folds(seed)
        self.maps = [self._map(products, rows) for rows in self.folds]

    def held_out(self, dealt: Bool[np.ndarray, "n f"]) -> Float64[np.ndarray, "n f"]:
        """Answers for each fold by a regression that was fitted without it."""
        answers = np.empty(dealt.shape)
        for rows, (others, linear) in zip(self.folds, self.maps, strict=True):
            answers[:, rows] = dealt[:, others] @ linear.T
        return answers

    def _map(
        self, products: Float32[np.ndarray, "f f"], rows: Int[np.ndarray, " r"]
    ) -> tuple[Int[np.ndarray, " o"], Float64[np.ndarray, "r o"]]:
        """What turns the others' parts into answers for a fold.

        Class means are the others' own: taken over all files, what the others' sum to would tell the fold's parts.
        """
        others = np.setdiff1d(np.arange(len(products)), rows)
        mean = self.deck.means(others)
        kernel = products[:, others].astype(np.float64)
        kernel -= mean @ kernel[others]
        own = mean[others]
        kernel -= kernel @ own.T
        system = kernel[others]
        size = max(float(np.mean(np.diag(system))), 1e-30)
        system[np.diag_indices_from(system)] += STRENGTH * size
        solved = np.linalg.solve(system, kernel[rows].T).T
        return others, solved - solved @ own

    def _folds(self, seed: int) -> list[Int[np.ndarray, " _"]]:
        """Folds of whole groups, each with its share of each class and part."""
        rng = np.random.default_rng(seed)
        n_groups = len(self.deck.stratum)
        order = rng.permutation(n_groups)
        order = order[np.lexsort((self.deck.group_other[order], self.deck.stratum[order]))]
        fold = np.empty(n_groups, dtype=np.int64)
        fold[order] = np.arange(n_groups) % N_FOLDS
        of_file = fold[self.deck.group]
        return [rows for f in range(N_FOLDS) if len(rows := np.flatnonzero(of_file == f))]
