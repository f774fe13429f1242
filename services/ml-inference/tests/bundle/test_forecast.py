"""Probabilities that behave like probabilities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_inference.bundle import Forecast

LEVELS = (0.05, 0.1, 0.5, 0.9, 0.95)
fractions = st.floats(0, 10, width=32)
quantiles = st.lists(fractions, min_size=len(LEVELS), max_size=len(LEVELS)).map(sorted)
thresholds = st.floats(0, allow_nan=False)


def forecast_of(knots: list[float]) -> Forecast:
    array = np.array([[knots]], dtype=np.float32)
    return Forecast(array[..., 2], array, LEVELS)


@given(quantiles, st.lists(thresholds, min_size=2, max_size=20))
def test_exceed_probability_when_threshold_rises_then_never_rises(knots: list[float], asked: list[float]) -> None:
    forecast = forecast_of(knots)
    answers = [float(forecast.exceed_probability(threshold)[0, 0]) for threshold in sorted(asked)]
    assert all(0 <= answer <= 1 for answer in answers)
    assert answers == sorted(answers, reverse=True)


@given(quantiles)
def test_exceed_probability_when_threshold_is_a_quantile_then_is_its_complement(knots: list[float]) -> None:
    spread = [knot + 0.1 * index for index, knot in enumerate(knots)]
    forecast = forecast_of(spread)
    for level, knot in zip(LEVELS, forecast.quantiles[0, 0], strict=True):
        assert forecast.exceed_probability(float(knot))[0, 0] == pytest.approx(1 - level, abs=1e-6)


@pytest.mark.parametrize(("threshold", "expected"), [(0.0, 1.0), (1e9, 0.0), (float("inf"), 0.0)])
def test_exceed_probability_when_threshold_is_far_off_then_is_certain(threshold: float, expected: float) -> None:
    answer = forecast_of([0.5, 0.51, 0.55, 0.6, 0.61]).exceed_probability(threshold)
    assert answer[0, 0] == pytest.approx(expected, abs=1e-6)


def test_exceed_probability_when_asked_for_a_batch_then_answers_each() -> None:
    knots = np.sort(np.random.default_rng(0).random((3, 5, len(LEVELS)), dtype=np.float32), axis=-1)
    assert Forecast(knots[..., 2], knots, LEVELS).exceed_probability(0.5).shape == (3, 5)


def test_interval_when_its_quantiles_were_not_learnt_then_raises() -> None:
    with pytest.raises(ValueError, match=r"no quantile 0\.25"):
        forecast_of([0.1, 0.2, 0.3, 0.4, 0.5]).interval(0.5)
