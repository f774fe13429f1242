import numpy as np
import pytest

from ml_inference.forecasting import metrics
from ml_inference.forecasting.evaluation import evaluate
from ml_inference.forecasting.layout import HORIZONS, QUANTILE_LEVELS, WINDOW
from ml_inference.forecasting.windows import Windows

ACTUAL = np.array([1.0, 2.0, 3.0, 4.0])
FORECAST = np.array([1.0, 3.0, 3.0, 2.0])


def test_metrics_when_calculated_by_hand_then_agree() -> None:
    assert metrics.rmse(ACTUAL, FORECAST) == pytest.approx(np.sqrt(5 / 4))
    assert metrics.mae(ACTUAL, FORECAST) == pytest.approx(3 / 4)
    # errors 0, -1, 0, 2: 0.9 · 2 above, 0.1 · 1 below
    assert metrics.pinball(ACTUAL, FORECAST, 0.9) == pytest.approx((0.1 * 1 + 0.9 * 2) / 4)
    assert metrics.coverage(ACTUAL, FORECAST - 1, FORECAST + 1) == pytest.approx(3 / 4)


@pytest.mark.parametrize(("error", "persistence", "expected"), [(1, 2, 0.5), (3, 2, -0.5), (0, 0, 0), (1, 0, -np.inf)])
def test_skill_when_calculated_by_hand_then_agrees(error: float, persistence: float, expected: float) -> None:
    assert metrics.skill(error, persistence) == expected


def test_evaluation_when_forecast_is_known_then_scores_are_in_mbps() -> None:
    rows = 3
    windows = Windows(
        inputs=np.zeros((rows, WINDOW, 3), np.float32),
        targets=np.full((rows, HORIZONS), 0.5, np.float32),
        last=np.full(rows, 0.3),
        capacity_mbps=np.full(rows, 200.0),
        step=np.ones(rows, np.float32),
    )
    forecast = np.full((rows, HORIZONS, 1 + len(QUANTILE_LEVELS)), 0.45, np.float32)
    forecast[0, :, -2] = 0.6  # the upper end of one row's 80 % interval
    score = evaluate(forecast, windows)[1]
    assert score.horizon == 2
    assert score.rmse_mbps == pytest.approx(10, rel=1e-6)
    assert score.rmse_persistence_mbps == pytest.approx(40, rel=1e-6)
    assert score.skill == pytest.approx(0.75, rel=1e-6)
    assert score.coverage_80 == pytest.approx(1 / 3)
