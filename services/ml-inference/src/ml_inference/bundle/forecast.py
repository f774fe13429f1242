"""A forecast as a distribution: mean, quantiles, and the probability of passing a threshold."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from math import exp, expm1
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ml_inference.bundle.passage import exceed_within

FloatArray = npt.NDArray[np.float32]

MIN_WIDTH: Final = 1e-6
"""Fraction of capacity; quantiles nearer than this are a step, and must not divide by zero."""
FARTHEST: Final = 1e9
"""Fraction of capacity; thresholds beyond are this one, and must not overflow."""


class Distribution(NamedTuple):
    """Bandwidth of one link some steps ahead, as fractions of link capacity (1.0 = 100 %).

    Plain numbers: for one link, array operations would take several times as long.
    """

    mean: float
    quantiles: list[float]
    """ascending, one for each of `levels`"""
    levels: tuple[float, ...]

    def interval(self, level: float) -> tuple[float, float]:
        """Return the ends of the central interval that holds `level` probability.

        Raises ValueError where the model has not learnt the two quantiles that this takes.
        """
        low, high = _ends(self.levels, level)
        return self.quantiles[low], self.quantiles[high]

    def exceed_probability(self, threshold: float) -> float:
        """Return the probability of more than `threshold` (fraction of capacity).

        The distribution function is linear between the quantiles; beyond the outer ones it goes on
        exponentially, starting with the slope of the outermost segment. Each term of the sum never falls
        as the threshold rises, so the probability never rises with it.
        """
        threshold = min(threshold, FARTHEST)
        levels, knots = self.levels, self.quantiles
        widths = [max(high - low, MIN_WIDTH) for low, high in pairwise(knots)]
        masses = [high - low for low, high in pairwise(levels)]
        below = levels[0] * exp(min(threshold - knots[0], 0) * masses[0] / (levels[0] * widths[0]))
        inside = sum(
            mass * min(max((threshold - knot) / width, 0), 1)
            for mass, knot, width in zip(masses, knots[:-1], widths, strict=True)
        )
        tail = 1 - levels[-1]
        above = tail * -expm1(-max(threshold - knots[-1], 0) * masses[-1] / (tail * widths[-1]))
        return min(max(1 - (below + inside + above), 0), 1)


class Forecast(NamedTuple):
    """Bandwidth of a batch of links over the horizons, as fractions of link capacity (1.0 = 100 %).

    Bandwidth is not negative and quantiles do not cross, whatever the network says.
    """

    output: FloatArray
    """`[batch, horizons, 1 + levels]`, as the graph gave it: the mean, then the quantiles"""
    levels: tuple[float, ...]

    @property
    def mean(self) -> FloatArray:
        """`[batch, horizons]`."""
        return np.maximum(self.output[..., 0], 0)

    @property
    def quantiles(self) -> FloatArray:
        """`[batch, horizons, levels]`, ascending along the last axis."""
        return np.sort(np.maximum(self.output[..., 1:], 0), axis=-1)

    def at(self, link: int, step: int) -> Distribution:
        """Return the distribution for one link of the batch at one horizon, both counted from 0."""
        mean, *quantiles = self.output[link, step].tolist()
        quantiles.sort()
        if quantiles[0] < 0:
            quantiles = [max(quantile, 0.0) for quantile in quantiles]
        return Distribution(max(mean, 0.0), quantiles, self.levels)

    def exceed_within(self, thresholds: Sequence[float]) -> npt.NDArray[np.float64]:
        """Return `[batch, horizons]`: the probability of more than each link's threshold (fraction) up to each step."""
        steps = range(self.output.shape[1])
        return np.array(
            [
                exceed_within([self.at(link, step).exceed_probability(threshold) for step in steps])
                for link, threshold in enumerate(thresholds)
            ]
        )


@cache
def _ends(levels: tuple[float, ...], level: float) -> tuple[int, int]:
    # Rounded: (1 + 0.8) / 2 is 0.9, but (1 - 0.8) / 2 is not quite 0.1.
    ends = round((1 - level) / 2, 6), round((1 + level) / 2, 6)
    for end in ends:
        if end not in levels:
            raise ValueError(f"no quantile {end:g} among {levels}")
    return levels.index(ends[0]), levels.index(ends[1])
