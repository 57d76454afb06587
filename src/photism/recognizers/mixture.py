"""Two networks' say in one answer: a weighted mean of their probabilities, made honest by a temperature.

Covers the mixture alone. Which networks answer together is ``recognizer``'s, whether it pays is training's to find out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.special import softmax

__all__ = ["Mixture"]

LEAST = 1e-12  # a probability of nothing has no logarithm


@dataclass(frozen=True, slots=True)
class Mixture:
    """A linear opinion pool of two networks, sharpened or softened.

    Parameters
    ----------
    share : float
        The second network's part of the mean, in (0, 1).
    temperature : float
        The mean's logarithms are divided by it; below 1 the answer is surer than the mean, above 1 less sure.

    References
    ----------
    Stone 1961, The opinion pool, doi:10.1214/aoms/1177704873; Ranjan and Gneiting 2010, Combining probability
    forecasts, doi:10.1111/j.1467-9868.2009.00726.x (a mean of honest probabilities is not sure enough of itself)
    """

    share: float
    temperature: float = 1.0

    def mixed(
        self, first: Float64[np.ndarray, "n k"], second: Float64[np.ndarray, "n k"]
    ) -> Float64[np.ndarray, "n k"]:
        """Return the joint probabilities of n files; each row sums to 1, a row with NaN in it is NaN.

        Parameters
        ----------
        first, second : float64 (n, k)
            Probabilities of the same classes.

        Examples
        --------
        >>> Mixture(share=0.5).mixed(np.array([[0.9, 0.1]]), np.array([[0.5, 0.5]])).round(2).tolist()
        [[0.7, 0.3]]
        """
        mean = (1.0 - self.share) * first + self.share * second
        return np.asarray(softmax(np.log(np.maximum(mean, LEAST)) / self.temperature, axis=1), dtype=np.float64)
