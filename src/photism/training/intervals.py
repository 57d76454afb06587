"""95 % intervals for fractions, clustered by group: a group is one observation, however many files it has.

Covers one method, Wilson's interval on an effective number of observations. Does not cover differences between two
observers nor reader studies.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
from jaxtyping import Bool

__all__ = ["fraction_interval", "wilson"]

Z_95 = 1.959963984540054


def wilson(fraction: float, n: float) -> tuple[float, float]:
    """Return Wilson's 95 % interval for a fraction of n observations.

    Parameters
    ----------
    fraction : float
        Observed, in [0, 1].
    n : float
        Number of observations, above 0; effective numbers need not be whole.

    Returns
    -------
    (low, high)
        Within [0, 1]; never empty, also where the fraction is 0 or 1.

    References
    ----------
    Wilson 1927, doi:10.1080/01621459.1927.10502953

    Examples
    --------
    >>> [round(end, 4) for end in wilson(0.9, 100)]
    [0.8256, 0.9448]
    """
    z2 = Z_95**2
    centre = (fraction + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * math.sqrt(fraction * (1 - fraction) / n + z2 / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def fraction_interval(correct: Bool[np.ndarray, " n"], groups: Sequence[Hashable]) -> tuple[float, float]:
    """Return the 95 % interval of the fraction that is True, when items of one group stand or fall together.

    Parameters
    ----------
    correct : bool (n,)
        One value an item, at least one item.
    groups : sequence of n
        The group of each item.

    Returns
    -------
    (low, high)

    Notes
    -----
    The number of items is divided by the design effect, the ratio of the variance between groups to that of
    independent items, which is never taken below 1 (groups must not look more certain than single items). Where all
    items agree there is no variance to see, and each group counts as one observation.

    References
    ----------
    Rao and Scott 1992, doi:10.2307/2532311

    Examples
    --------
    >>> alone = fraction_interval(np.array([True, False] * 50), list(range(100)))
    >>> paired = fraction_interval(np.array([True, True, False, False] * 25), [i // 2 for i in range(100)])
    >>> paired[1] - paired[0] > alone[1] - alone[0]
    True
    """
    n = len(correct)
    fraction = float(np.mean(correct))
    _, index = np.unique(np.array([str(group) for group in groups]), return_inverse=True)
    n_groups = int(index.max()) + 1
    if n_groups == n:
        return wilson(fraction, n)
    if fraction in (0.0, 1.0) or n_groups == 1:
        return wilson(fraction, n_groups)
    sizes = np.bincount(index)
    excess = np.bincount(index, weights=correct.astype(float)) - fraction * sizes
    variance = n_groups / (n_groups - 1) * float(np.square(excess).sum())
    effect = max(1.0, variance / (n * fraction * (1 - fraction)))
    return wilson(fraction, n / effect)
