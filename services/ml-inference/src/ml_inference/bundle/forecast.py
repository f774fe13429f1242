"""A forecast as a distribution: mean, quantiles, and the probability of passing a threshold."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
ProbabilityArray = npt.NDArray[np.float64]

MIN_WIDTH = 1e-6
"""Fraction of capacity; quantiles nearer than this are a step, and must not divide by zero."""
FARTHEST = 1e9
"""Fraction of capacity; thresholds beyond are this one, and must not overflow."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Bandwidth of a batch of links over the horizons, as fractions of link capacity (1.0 = 100 %)."""

    mean: FloatArray
    """`[batch, horizons]`"""
    quantiles: FloatArray
    """`[batch, horizons, levels]`, ascending along the last axis"""
    levels: tuple[float, ...]

    def interval(self, level: float) -> tuple[FloatArray, FloatArray]:
        """Return the ends, each `[batch, horizons]`, of the central interval that holds `level` probability.

        Raises ValueError where the model has not learnt the two quantiles that this takes.
        """
        return self._quantile((1 - level) / 2), self._quantile((1 + level) / 2)

    def exceed_probability(self, threshold: float) -> ProbabilityArray:
        """Return the probability `[batch, horizons]` of more than `threshold` (fraction of capacity).

        The distribution function is linear between the quantiles; beyond the outer ones it goes on
        exponentially, starting with the slope of the outermost segment. Each term of the sum never falls
        as the threshold rises, so the probability never rises with it.
        """
        threshold = min(threshold, FARTHEST)
        levels = np.asarray(self.levels, dtype=np.float64)  # [levels]
        knots = self.quantiles.astype(np.float64)  # [batch, horizons, levels]
        widths = np.maximum(np.diff(knots, axis=-1), MIN_WIDTH)  # [batch, horizons, segments]
        masses = np.diff(levels)  # [segments]
        inside = np.clip((threshold - knots[..., :-1]) / widths, 0, 1) @ masses  # [batch, horizons]
        lower_scale = levels[0] * widths[..., 0] / masses[0]
        upper_scale = (1 - levels[-1]) * widths[..., -1] / masses[-1]
        below = levels[0] * np.exp(np.minimum(threshold - knots[..., 0], 0) / lower_scale)
        above = (1 - levels[-1]) * -np.expm1(-np.maximum(threshold - knots[..., -1], 0) / upper_scale)
        probability: ProbabilityArray = np.clip(1 - (below + inside + above), 0, 1)
        return probability

    def _quantile(self, level: float) -> FloatArray:
        # Rounded: (1 + 0.8) / 2 is 0.9, but (1 - 0.8) / 2 is not quite 0.1.
        if (level := round(level, 6)) not in self.levels:
            raise ValueError(f"no quantile {level:g} among {self.levels}")
        return self.quantiles[..., self.levels.index(level)]
