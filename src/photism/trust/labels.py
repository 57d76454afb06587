"""Labels that are probably wrong.

Told from held-out probabilities: of a head that never saw a file, nor any other file of its group. It does not matter
whose they are, a frozen network's (``photism.training.out_of_fold``) or a fine-tuned one's in cross-validation.

Covers the ranking, and how many labels are wrong in all. Does not cover how the probabilities are made, nor copies
under two labels (``near``), and changes no label: a person looks and decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int
from scipy import optimize

from photism.types import JSON, Sample

__all__ = ["Suspect", "Suspects", "find_suspects"]

# Half of what twice a log-likelihood ratio stays below in 95 of 100 cases: the chi-squared distribution with 1 degree.
HALF_CHI2_95 = 1.920729410347062
LOWEST, HIGHEST = 1e-6, 0.5
N_IN_JSON = 500


@dataclass(frozen=True, slots=True)
class Suspect:
    """A file whose label is probably wrong.

    ``index`` is the sample's number, ``given`` its label, ``likely`` what the head answers; ``score`` in [0, 1] is the
    probability that the label is wrong, ``p_given`` and ``p_likely`` those of the two labels before the given one is
    taken into account.
    """

    index: int
    given: str
    likely: str
    score: float
    p_given: float
    p_likely: float


@dataclass(frozen=True, slots=True)
class Suspects:
    """Files whose head answers something else than their label, the most doubtful first, and how many are wrong.

    ``n_wrong`` of ``n_files`` labels are wrong, with 95 % between ``n_low`` and ``n_high``; all from labels that are
    wrong by chance: a class that is always confused with another one is not seen.
    """

    items: tuple[Suspect, ...]
    n_files: int
    n_wrong: float
    n_low: float
    n_high: float
    names: tuple[str, ...]

    @property
    def first(self) -> tuple[Suspect, ...]:
        """As many as are thought to be wrong: those to look at."""
        return self.items[: round(self.n_wrong)]

    def to_json(self) -> dict[str, JSON]:
        """Return the estimate and at most 500 of the files."""
        return {
            "n_files": self.n_files,
            "n_wrong": self.n_wrong,
            "low": self.n_low,
            "high": self.n_high,
            "items": [
                {
                    "path": self.names[one.index],
                    "given": one.given,
                    "likely": one.likely,
                    "score": one.score,
                    "p_given": one.p_given,
                    "p_likely": one.p_likely,
                }
                for one in self.items[:N_IN_JSON]
            ],
        }

    def to_text(self) -> str:
        """Return the finding in a sentence."""
        n = round(self.n_wrong)
        between = f"95 %: {round(self.n_low)} to {round(self.n_high)}"
        if n == 0:
            return f"No sign of labels that are wrong by chance among {self.n_files} files ({between})."
        worst = self.items[0] if self.items else None
        example = f"; first of all {self.names[worst.index]}: {worst.given}, or {worst.likely}?" if worst else "."
        return f"About {n} of {self.n_files} labels are probably wrong, or their classes overlap ({between}){example}"


def find_suspects(
    probability: Float64[np.ndarray, "m k"],
    y: Int[np.ndarray, " m"],
    samples: Sequence[Sample],
    *,
    labels: Sequence[str],
) -> Suspects:
    """Rank the files by how probably their label is wrong.

    Parameters
    ----------
    probability : float64 (n_samples, n_classes)
        Held-out: of heads that saw neither the file nor its group. Rows of NaN are left out.
    y : int (n_samples,)
        The given classes, in [0, n_classes); a negative one is left out.
    samples : sequence of n_samples
        With their names, and groups where they have some.
    labels : sequence of n_classes
        The classes' names.

    Returns
    -------
    Suspects

    Raises
    ------
    ValueError
        Where lengths do not agree, or there are fewer than two classes.

    Notes
    -----
    A label is taken to be wrong with one rate for all, any other class as likely as the next. The rate is the one
    under which the given labels are most likely; its interval holds the rates whose log-likelihood is less than 1.92
    below, counted in groups. Then a file's posterior probability of a wrong label falls with the probability of the
    given class alone, which ranks. Wrong labels that follow the content (a breed that one annotator did not know) are
    ranked as well, but counted only in part.

    References
    ----------
    Northcutt, Jiang and Chuang 2021, Confident learning, arXiv 1911.00068 (the problem, and ranking by
    self-confidence); Patrini et al. 2017, arXiv 1609.03683 (forward correction: the model of wrong labels)
    """
    k = probability.shape[1]
    if not len(probability) == len(y) == len(samples) or k != len(labels) or k < 2:
        raise ValueError(
            f"expected a row a sample and a column a class, two at least, and received {len(probability)} x {k} for "
            f"{len(y)} classes of {len(samples)} samples with {len(labels)} names"
        )
    files = np.flatnonzero((y >= 0) & np.isfinite(probability).all(axis=1))
    found, given = probability[files], y[files]
    of_given = found[np.arange(len(files)), given]
    n_units = len({samples[i].group or f"file {i}" for i in files.tolist()})
    rate, low, high = _rate(of_given, k, n_units)
    by_chance = rate * (1.0 - of_given) / (k - 1)
    score = by_chance / np.maximum(by_chance + (1.0 - rate) * of_given, 1e-300)
    likely = found.argmax(axis=1) if len(files) else given
    order = [i for i in np.argsort(of_given, kind="stable").tolist() if likely[i] != given[i]]
    items = [
        Suspect(
            index=int(files[i]),
            given=labels[given[i]],
            likely=labels[likely[i]],
            score=float(score[i]),
            p_given=float(of_given[i]),
            p_likely=float(found[i, likely[i]]),
        )
        for i in order
    ]
    n = len(files)
    names = tuple(sample.name for sample in samples)
    return Suspects(tuple(items), n, rate * n, low * n, high * n, names)


def _rate(of_given: Float64[np.ndarray, " f"], k: int, n_units: int) -> tuple[float, float, float]:
    """The share of wrong labels, and its 95 % interval by the likelihood."""
    if len(of_given) == 0:
        return 0.0, 0.0, 1.0
    by_chance = (1.0 - of_given) / (k - 1)
    worth = n_units / len(of_given)

    def loss(rate: float) -> float:
        seen = (1.0 - rate) * of_given + rate * by_chance
        return float(-np.log(np.maximum(seen, 1e-300)).sum()) * worth

    best = optimize.minimize_scalar(loss, bounds=(LOWEST, HIGHEST), method="bounded", options={"xatol": 1e-7})
    rate, ceiling = float(best.x), float(best.fun) + HALF_CHI2_95

    def over(log_rate: float) -> float:
        return loss(float(np.exp(log_rate))) - ceiling

    edges = np.log([LOWEST, rate, HIGHEST])
    low = float(np.exp(optimize.brentq(over, edges[0], edges[1]))) if over(edges[0]) > 0 else 0.0
    high = float(np.exp(optimize.brentq(over, edges[1], edges[2]))) if over(edges[2]) > 0 else 1.0
    return (0.0 if low == 0.0 and rate < 2 * LOWEST else rate), low, high
