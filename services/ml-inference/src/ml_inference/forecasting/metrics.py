"""Scores. All take arrays of one shape and keep its unit; never a percentage error: traffic has zeros."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ml_inference.forecasting.layout import Double

Numbers = npt.NDArray[np.floating]


def rmse(actual: Numbers, forecast: Numbers) -> float:
    """Root mean square error, in the unit of the series."""
    return float(np.sqrt(np.mean((np.asarray(actual, np.float64) - forecast) ** 2)))


def mae(actual: Numbers, forecast: Numbers) -> float:
    """Mean absolute error, in the unit of the series."""
    return float(np.mean(np.abs(np.asarray(actual, np.float64) - forecast)))


def mase(actual: Numbers, forecast: Numbers, last: Numbers, following: Numbers) -> float:
    """MAE / MAE of one-step persistence on the same rows; `following` is the value one step after `last`.

    Hyndman & Koehler 2006 (doi:10.1016/j.ijforecast.2006.03.001) divide by that error on the training rows of the
    one series. Here the rows are of many links, often none of them in training: each set is its own yardstick.
    NaN where nothing moves and the forecast is exact, inf where it is not.
    """
    error, naive = mae(actual, forecast), mae(following, last)
    if naive == 0:
        return float("nan") if error == 0 else float("inf")
    return error / naive


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


def crps_of_rows(actual: Numbers, quantiles: Numbers, levels: Sequence[float]) -> Double:
    """Continuous ranked probability score of each value [...] by its forecast's quantiles [..., levels].

    CRPS = 2 ∫ pinball(level) dlevel (Laio & Tamea 2007, doi:10.5194/hess-11-1267-2007, eq. 11; Gneiting & Ranjan
    2011), here as the plain mean over the levels: each counts alike, the tails' more than the integral's would.
    Comparable between forecasts with the same levels only.
    """
    # Two sums instead of an array [..., levels] per step of the formula: this is what scoring spends its time on.
    error = np.asarray(actual, np.float64)[..., None] - quantiles  # [..., levels]
    below = np.asarray(levels) - (error < 0)  # [..., levels] slope of the loss
    return np.asarray(2 * np.einsum("...l,...l->...", error, below) / len(levels))


def crps(actual: Numbers, quantiles: Numbers, levels: Sequence[float]) -> float:
    """Mean of `crps_of_rows`, in the unit of the series."""
    return float(np.mean(crps_of_rows(actual, quantiles, levels)))


def coverage(actual: Numbers, lower: Numbers, upper: Numbers) -> float:
    """Share of values that lie in [lower, upper]."""
    return float(np.mean((actual >= lower) & (actual <= upper)))


def width(lower: Numbers, upper: Numbers) -> float:
    """Mean of upper - lower, in the unit of the series: of two intervals that cover alike, the narrower is better."""
    return float(np.mean(np.asarray(upper, np.float64) - lower))
