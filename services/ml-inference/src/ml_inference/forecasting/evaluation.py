"""A forecaster's scores per horizon, in Mbps, beside persistence on the same rows."""

from __future__ import annotations

from dataclasses import dataclass

from ml_inference.forecasting import metrics
from ml_inference.forecasting.layout import HORIZONS, INTERVAL, Single, quantile_column
from ml_inference.forecasting.windows import Windows


@dataclass(frozen=True)
class Score:
    """One horizon's scores."""

    horizon: int  # steps
    rmse_mbps: float
    rmse_persistence_mbps: float
    skill: float  # 1 - rmse / rmse of persistence
    mae_mbps: float
    coverage_80: float  # share of values inside the 80 % interval


def evaluate(forecast: Single, windows: Windows) -> list[Score]:
    """Score forecasts [rows, HORIZONS, 1 + quantiles], fractions of capacity, against what followed."""
    capacity = windows.capacity_mbps  # [rows]
    lower, upper = (quantile_column(level) for level in INTERVAL)
    scores = []
    for step in range(HORIZONS):
        actual = windows.targets[:, step] * capacity  # [rows] Mbps
        mean = forecast[:, step, 0] * capacity  # [rows] Mbps
        error, error_of_last = metrics.rmse(actual, mean), metrics.rmse(actual, windows.last * capacity)
        scores.append(
            Score(
                horizon=step + 1,
                rmse_mbps=error,
                rmse_persistence_mbps=error_of_last,
                skill=metrics.skill(error, error_of_last),
                mae_mbps=metrics.mae(actual, mean),
                coverage_80=metrics.coverage(
                    windows.targets[:, step], forecast[:, step, lower], forecast[:, step, upper]
                ),
            )
        )
    return scores
