"""Probabilities that behave like probabilities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ml_inference.bundle import Distribution, Forecast

LEVELS = (0.05, 0.1, 0.5, 0.9, 0.95)
fractions = st.floats(0, 10, width=32)
quantiles = st.lists(fractions, min_size=len(LEVELS), max_size=len(LEVELS)).map(sorted)
thresholds = st.floats(0, allow_nan=False)


def forecast_of(knots: list[float]) -> Distribution:
    return Forecast(np.array([[[knots[2], *knots]]], dtype=np.float32), LEVELS).at(0, 0)


@given(quantiles, st.lists(thresholds, min_size=2, max_size=20))
def test_exceed_probability_when_threshold_rises_then_never_rises(knots: list[float], asked: list[float]) -> None:
    forecast = forecast_of(knots)
    answers = [forecast.exceed_probability(threshold) for threshold in sorted(asked)]
    assert all(0 <= answer <= 1 for answer in answers)
    assert answers == sorted(answers, reverse=True)


@given(quantiles)
def test_exceed_probability_when_threshold_is_a_quantile_then_is_its_complement(knots: list[float]) -> None:
    spread = [knot + 0.1 * index for index, knot in enumerate(knots)]
    forecast = forecast_of(spread)
    for level, knot in zip(LEVELS, forecast.quantiles, strict=True):
        assert forecast.exceed_probability(knot) == pytest.approx(1 - level, abs=1e-6)


@pytest.mark.parametrize(("threshold", "expected"), [(0.0, 1.0), (1e9, 0.0), (float("inf"), 0.0)])
def test_exceed_probability_when_threshold_is_far_off_then_is_certain(threshold: float, expected: float) -> None:
    answer = forecast_of([0.5, 0.51, 0.55, 0.6, 0.61]).exceed_probability(threshold)
    assert answer == pytest.approx(expected, abs=1e-6)


@given(arrays(np.float32, (3, 5, 1 + len(LEVELS)), elements=st.floats(-1, 10, width=32)))
def test_distribution_when_taken_from_a_batch_then_is_that_of_the_arrays(output: np.ndarray) -> None:
    forecast = Forecast(output, LEVELS)
    assert (np.diff(forecast.quantiles, axis=-1) >= 0).all()
    for link, step in np.ndindex(3, 5):
        distribution = forecast.at(link, step)
        assert distribution.mean == forecast.mean[link, step] >= 0
        assert distribution.quantiles == forecast.quantiles[link, step].tolist()
        assert distribution.interval(0.8) == (distribution.quantiles[1], distribution.quantiles[3])


def test_interval_when_its_quantiles_were_not_learnt_then_raises() -> None:
    with pytest.raises(ValueError, match=r"no quantile 0\.25"):
        forecast_of([0.1, 0.2, 0.3, 0.4, 0.5]).interval(0.5)
