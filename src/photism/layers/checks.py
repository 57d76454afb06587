"""Can an explanation be believed? Deletion and insertion against random regions of the same size, and twins of noise.

Deletion takes away what the heat map holds for important, most important first, and watches the answer's probability
fall; insertion puts it into an empty picture and watches it rise. A good explanation has a small area under the first
curve and a large one under the second. Both are measured with the recognizer's own engine, against the same heat map
moved to random places (regions of the same sizes and shapes, somewhere else) and against heat maps of twins whose
weights are shuffled. One that does no better than either is reported as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt8
from scipy.stats import spearmanr, t

from photism.layers.answering import Answering
from photism.layers.evidence import FRACTIONS, Check
from photism.layers.heat import HeatMap, Shown, content_mask, empty

__all__ = ["N_RANDOM", "check", "moved"]

N_RANDOM = 10

Maps = Float32[np.ndarray, "n p h w"]
Curve = Float64[np.ndarray, " f"]


def check(
    answering: Answering,
    shown: Shown,
    heat: HeatMap,
    *,
    twins: Sequence[Maps] = (),
    n_random: int = N_RANDOM,
    seed: int = 0,
) -> Check:
    """Measure an explanation against random regions, and against twins.

    Parameters
    ----------
    answering : Answering
    shown : Shown
        One file.
    heat : HeatMap
    twins : sequence of float32 (n, p, h, w)
        Heat maps of the same file from recognizers with shuffled weights.
    n_random : int
        Random places that the heat map is moved to, 2 or more.
    seed : int
        Of those places.

    References
    ----------
    Petsiuk, Das & Saenko 2018, arXiv 1806.07421 (deletion, insertion); Adebayo et al. 2018, arXiv 1810.03292 (sanity
    checks).
    """
    rng = np.random.default_rng(seed)
    random = [moved(heat.values, shown, rng) for _ in range(n_random)]
    curves = _curves(answering, shown, [heat.values, *random, *twins], heat.target)
    areas = np.trapezoid(curves, np.array(FRACTIONS), axis=2)
    own, others, shuffled = areas[0], areas[1 : 1 + n_random], areas[1 + n_random :]
    score = (others[:, 1] - others[:, 0]) / 2.0
    gain = float((own[1] - own[0]) / 2.0 - score.mean())
    reach = float(t.ppf(0.975, n_random - 1) * score.std(ddof=1) / n_random**0.5)
    mean = curves[1 : 1 + n_random].mean(axis=0)
    return Check(
        deletion=float(own[0]),
        insertion=float(own[1]),
        random_deletion=float(others[:, 0].mean()),
        random_insertion=float(others[:, 1].mean()),
        gain=gain,
        gain_low=gain - reach,
        gain_high=gain + reach,
        shuffled_deletion=float(shuffled[:, 0].mean()) if len(shuffled) else None,
        shuffled_insertion=float(shuffled[:, 1].mean()) if len(shuffled) else None,
        shuffled_similarity=_similarity(heat.values, twins, content_mask(shown)) if twins else None,
        deletion_curve=tuple(curves[0, 0].tolist()),
        insertion_curve=tuple(curves[0, 1].tolist()),
        random_deletion_curve=tuple(mean[0].tolist()),
        random_insertion_curve=tuple(mean[1].tolist()),
    )


def moved(values: Maps, shown: Shown, rng: np.random.Generator) -> Maps:
    """Move a heat map to a random place, round the corner of what holds data, and turn it over at random.

    Regions keep their sizes and shapes, and panels their shares; where they lie is chance. Windows are dealt out anew.

    Parameters
    ----------
    values : float32 (n, p, h, w)
    shown : Shown
    rng : numpy Generator
    """
    out = values.copy()
    order = rng.permutation(len(values))
    for window, panel in np.ndindex(values.shape[:2]):
        left, top, right, bottom = shown.content[window, panel]
        if right <= left or bottom <= top:
            continue
        part = values[order[window], panel, top:bottom, left:right]
        part = np.roll(part, (int(rng.integers(bottom - top)), int(rng.integers(right - left))), (0, 1))
        out[window, panel, top:bottom, left:right] = part[:: rng.choice((-1, 1)), :: rng.choice((-1, 1))]
    return out


def _curves(answering: Answering, shown: Shown, maps: Sequence[Maps], target: int) -> Float64[np.ndarray, "m 2 f"]:
    """The class's probability along deletion and insertion, for every map."""
    held, nothing = content_mask(shown), empty(shown)
    inner = FRACTIONS[1:-1]

    def copies() -> Iterator[UInt8[np.ndarray, "n p h w 3"]]:
        yield shown.pixels
        yield nothing
        for values in maps:
            rank = _ranks(values, held)
            for fraction in inner:
                yield _mixed(nothing, shown.pixels, rank < fraction)
            for fraction in inner:
                yield _mixed(shown.pixels, nothing, rank < fraction)

    found = answering.probabilities(copies(), shown.content)[:, target]
    whole, none = found[0], found[1]
    paths = found[2:].reshape(len(maps), 2, len(inner))
    ends = np.array([[[whole, none], [none, whole]]]).repeat(len(maps), axis=0)
    return np.concatenate([ends[..., :1], paths, ends[..., 1:]], axis=2)


def _ranks(values: Maps, held: Bool[np.ndarray, "n p h w"]) -> Float64[np.ndarray, "n p h w"]:
    """Each pixel's place in the order of importance, in [0, 1); 2 for padding, which is never touched."""
    order: Int64[np.ndarray, " m"] = np.argsort(-values[held], kind="stable")
    place = np.empty(len(order))
    place[order] = np.arange(len(order)) / max(len(order), 1)
    ranks = np.full(values.shape, 2.0)
    ranks[held] = place
    return ranks


def _mixed(
    here: UInt8[np.ndarray, "n p h w 3"], there: UInt8[np.ndarray, "n p h w 3"], chosen: Bool[np.ndarray, "n p h w"]
) -> UInt8[np.ndarray, "n p h w 3"]:
    return np.where(chosen[..., None], here, there)


def _similarity(values: Maps, twins: Sequence[Maps], held: Bool[np.ndarray, "n p h w"]) -> float:
    """Mean rank correlation with the twins; a map without any contrast is like nothing (0)."""
    own = values[held][::16]
    found = []
    for twin in twins:
        other = twin[held][::16]
        flat = np.ptp(own) == 0 or np.ptp(other) == 0
        found.append(0.0 if flat else float(spearmanr(own, other).statistic))
    return float(np.mean(found))
