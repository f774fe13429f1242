"""From the probability of exceeding a threshold at each step to that of exceeding it at one step or more.

The steps of one link are not independent: a link that is full at one step is likely to be full at the next. So the
forecast's steps are joined by a Gaussian copula of one factor (Vasicek 1987; Li 2000, "On Default Correlation"): given
the factor u, a standard normal number that all steps share, they are independent, and step h stays below with

    P(below at h | u) = Φ((Φ⁻¹(1 - p_h) - √ρ · u) / √(1 - ρ)),

and the answer is 1 - E[Π_h P(below at h | u)], the expectation by Gauss–Hermite quadrature. ρ = 0 makes the steps
independent, ρ = 1 makes the likeliest one speak for all.
"""

from collections.abc import Sequence
from math import erfc, sqrt
from statistics import NormalDist
from typing import Final

from numpy.polynomial.hermite_e import hermegauss

STEP_CORRELATION: Final = 0.55
"""ρ: the most likely one for the shipped model on generated links (0.5 and 0.6 are as good), thresholds at each link's
85th percentile. No measured link was used; on measured ones the best lies between 0.2 and 0.8, by set."""
NODES: Final = 12
"""of the quadrature"""

_QUANTILE: Final = NormalDist().inv_cdf
FARTHEST: Final = 8.2
"""Standard deviations; a probability below 1e-16 is that of this distance, as 1 minus it could not be told from 1."""


class FactorCopula:
    """Steps that one factor joins, with a correlation from 0 (independent) to below 1."""

    def __init__(self, correlation: float) -> None:
        points, weights = hermegauss(NODES)
        # Φ(x) = erfc(-x/√2)/2, so what goes into erfc has the 1/√2 in it.
        self._scale = 1 / sqrt(2 * (1 - correlation))
        self._shifts = [float(point) * sqrt(correlation) * self._scale for point in points]
        self._weights = [float(weight) for weight in weights / weights.sum()]

    def exceed_within(self, probabilities: Sequence[float]) -> list[float]:
        """Return for each step the probability of exceeding the threshold at it or at one before it.

        `probabilities` are those of the steps alone. What comes back never falls from step to step, and is never below
        the likeliest step so far.
        """
        below = self._weights  # [nodes] weight of the node × probability that no step so far exceeds, given it
        answers: list[float] = []
        least = 0.0
        for probability in probabilities:
            least = max(least, probability)
            if probability > 0:
                z = self._scale * (_QUANTILE(1 - probability) if 1e-16 < probability < 1 else FARTHEST)
                if probability >= 1:
                    z = -z
                below = [weight * 0.5 * erfc(shift - z) for weight, shift in zip(below, self._shifts, strict=True)]
            # The first step is itself; what the quadrature leaves out must not make a later one less likely than it is.
            least = min(max(least, 1 - sum(below)), 1.0) if answers else probability
            answers.append(least)
        return answers


exceed_within = FactorCopula(STEP_CORRELATION).exceed_within
"""With the correlation that is served."""
