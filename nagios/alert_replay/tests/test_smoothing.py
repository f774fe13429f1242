"""The rivals against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_replay.choice import READ, USUAL, choose
from alert_replay.smoothing import Slope, holt, holt_of_all, line
from ml_inference.forecasting.layout import HORIZONS

from .conftest import series_of, swinging, trace_of

values = st.lists(st.floats(0, 100), min_size=15, max_size=40)


@given(run=values)
def test_line_when_fitted_then_is_what_least_squares_gives(run: list[float]) -> None:
    series = series_of([run], 1000.0)
    slope = line(series)
    for row, window in enumerate(series.windows):
        rise, height = np.polyfit(np.arange(10.0), window, 1)
        assert slope.trend[row] == pytest.approx(rise, abs=1e-8)
        assert slope.level[row] == pytest.approx(height + 9 * rise, abs=1e-7)


@given(first=values, second=values, level_share=st.floats(0.05, 0.95), trend_share=st.floats(0.05, 0.95))
def test_holt_when_followed_sample_by_sample_then_is_the_same_and_no_segment_knows_another(
    first: list[float], second: list[float], level_share: float, trend_share: float
) -> None:
    expected = []
    for run in (first, second):
        level, trend = run[0], run[1] - run[0]
        for now, value in enumerate(run):
            if now:
                before = level
                level = level_share * value + (1 - level_share) * (level + trend)
                trend = trend_share * (level - before) + (1 - trend_share) * trend
            if 9 <= now < len(run) - 5:
                expected.append((level, trend))
    found = holt_of_all(series_of([first, second], 1000.0), [(0.5, 0.5), (level_share, trend_share)])
    assert np.allclose(np.stack([found.level[:, 1], found.trend[:, 1]], axis=1), np.array(expected).reshape(-1, 2))


@given(run=values, before=values, pair=st.tuples(st.floats(0.05, 0.95), st.floats(0.05, 0.95)))
def test_holt_when_shown_the_window_then_is_that_of_a_record_that_begins_there(
    run: list[float], before: list[float], pair: tuple[float, float]
) -> None:
    series = series_of([[*before, *run[:10], *[0.0] * 5]], 1000.0)
    found = holt(series, [pair])
    alone = holt_of_all(series_of([[*run[:10], *[0.0] * 5]], 1000.0), [pair])
    assert found.level[-1] == pytest.approx(alone.level[-1])
    assert found.trend[-1] == pytest.approx(alone.trend[-1])


def test_line_when_it_goes_on_then_is_read_at_its_end_or_its_highest() -> None:
    slope = Slope(np.array([10.0, 10.0]), np.array([2.0, -2.0]))
    assert READ["end"](slope).tolist() == [10 + 2 * HORIZONS, 10 - 2 * HORIZONS]
    assert READ["highest"](slope).tolist() == [10 + 2 * HORIZONS, 8]


def test_choice_when_nothing_in_the_past_passes_the_threshold_then_is_the_usual_one() -> None:
    assert choose([trace_of([10.0] * 30)], 50.0, 0.5).on_past is False
    assert choose([], 50.0, 0.5).holt == USUAL


def test_choice_when_the_past_is_a_walk_then_is_better_there_than_the_usual_one() -> None:
    from alert_replay.counts import point

    past = [trace_of(swinging(2000))]
    series = series_of([swinging(2000)], 60.0)
    chosen = choose(past, 60.0, 0.5)
    assert chosen.on_past

    def wrong(pair: tuple[float, float], read: str) -> float:
        found = holt(series, [pair])
        score = READ[read](Slope(found.level[:, 0], found.trend[:, 0]))
        return point(score, series.events, 0.5).fair_false_alarms

    assert wrong(chosen.holt, chosen.holt_read) < wrong(USUAL, "end")
