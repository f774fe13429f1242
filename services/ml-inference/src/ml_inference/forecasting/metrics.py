"""Scores. All take arrays of one shape and keep its unit; never a percentage error: traffic has zeros."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.floating]


def rmse(actual: Numbers, forecast: Numbers) -> float:
    """Root mean square error, in the unit of the series."""
    return float(np.sqrt(np.mean((np.asarray(actual, np.float64) - forecast) ** 2)))


def mae(actual: Numbers, forecast: Numbers) -> float:
    """Mean absolute error, in the unit of the series."""
    return float(np.mean(np.abs(np.asarray(actual, np.float64) - forecast)))


def skill(error: float, error_of_persistence: float) -> float:
    """1 - RMSE / RMSE of persistence: 0 is no better than the last value, 1 is perfect.

    A series that never moves leaves nothing to win: 0 if the model is as exact, -inf if it is not.
    """
    if error_of_persistence == 0:
        return 0.0 if error == 0 else float("-inf")
    return 1 - error / error_of_persistence


def pinball(actual: Numbers, forecast: Numbers, level: float) -> float:
    """Mean quantile loss (Koenker & Bassett 1978): max(level · e, (level - 1) · e) with e = actual - forecast."""
    error = np.asarray(actual, np.float64) - forecast
    return float(np.mean(np.maximum(level * error, (level - 1) * error)))


def coverage(actual: Numbers, lower: Numbers, upper: Numbers) -> float:
    """Share of values that lie in [lower, upper]."""
    return float(np.mean((actual >= lower) & (actual <= upper)))
