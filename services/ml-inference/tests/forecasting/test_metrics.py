import numpy as np
import pytest

from ml_inference.forecasting import metrics
from ml_inference.forecasting.layout import QUANTILE_LEVELS

ACTUAL = np.array([1.0, 2.0, 3.0, 4.0])
FORECAST = np.array([1.0, 3.0, 3.0, 2.0])


def test_metrics_when_calculated_by_hand_then_agree() -> None:
    assert metrics.rmse(ACTUAL, FORECAST) == pytest.approx(np.sqrt(5 / 4))
    assert metrics.mae(ACTUAL, FORECAST) == pytest.approx(3 / 4)
    # errors 0, -1, 0, 2: 0.9 · 2 above, 0.1 · 1 below
    assert metrics.pinball(ACTUAL, FORECAST, 0.9) == pytest.approx((0.1 * 1 + 0.9 * 2) / 4)
    assert metrics.coverage(ACTUAL, FORECAST - 1, FORECAST + 1) == pytest.approx(3 / 4)
    assert metrics.width(FORECAST - 1, FORECAST + 2) == pytest.approx(3)
    # one-step persistence errs by 0, 1, 2, 3 on the same rows
    assert metrics.mase(ACTUAL, FORECAST, last=np.ones(4), following=ACTUAL) == pytest.approx((3 / 4) / (6 / 4))


@pytest.mark.parametrize(("error", "persistence", "expected"), [(1, 2, 0.5), (3, 2, -0.5), (0, 0, 0), (1, 0, -np.inf)])
def test_skill_when_calculated_by_hand_then_agrees(error: float, persistence: float, expected: float) -> None:
    assert metrics.skill(error, persistence) == expected


def test_mase_when_nothing_moves_then_has_no_yardstick() -> None:
    still = np.ones(3)
    assert np.isnan(metrics.mase(still, still, still, still))
    assert metrics.mase(still, still + 1, still, still) == np.inf


def test_crps_when_all_quantiles_are_one_point_then_is_the_absolute_error_at_symmetric_levels() -> None:
    quantiles = np.repeat(FORECAST[:, None], len(QUANTILE_LEVELS), axis=1)  # [rows, quantiles]
    assert metrics.crps(ACTUAL, quantiles, QUANTILE_LEVELS) == pytest.approx(metrics.mae(ACTUAL, FORECAST))


def test_crps_when_forecast_is_exact_then_is_zero() -> None:
    quantiles = np.repeat(ACTUAL[:, None], 3, axis=1)
    assert metrics.crps(ACTUAL, quantiles, (0.1, 0.5, 0.9)) == 0


def test_crps_when_compared_with_pinball_then_is_twice_its_mean_over_the_levels() -> None:
    quantiles = np.stack([FORECAST - 1, FORECAST, FORECAST + 1], axis=1)  # [rows, 3]
    levels = (0.1, 0.5, 0.9)
    losses = [metrics.pinball(ACTUAL, quantiles[:, column], level) for column, level in enumerate(levels)]
    assert metrics.crps(ACTUAL, quantiles, levels) == pytest.approx(2 * np.mean(losses))


def test_crps_when_levels_are_many_then_approaches_the_closed_form() -> None:
    # Uniform on [0, 1], value 0.5: ∫ (F - 1{x ≥ 0.5})² dx = 2 · 0.5³ / 3 = 1/12.
    levels = (np.arange(500) + 0.5) / 500
    assert metrics.crps(np.array([0.5]), levels[None, :], levels.tolist()) == pytest.approx(1 / 12, rel=1e-4)
