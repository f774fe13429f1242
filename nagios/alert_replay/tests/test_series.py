"""Which samples are judged, and what came of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ml_inference.forecasting.windows import cut

from .conftest import Runs, series_of, trace_of

runs = st.lists(st.lists(st.sampled_from([0.0, 30.0, 40.0, 50.0, 60.0]), max_size=40), max_size=4)


@given(runs=runs, threshold=st.sampled_from([0.0, 40.0, 45.0, 60.0]))
def test_moments_when_counted_one_by_one_then_are_the_same(runs: Runs, threshold: float) -> None:
    series = series_of(runs, threshold)
    moments, events, windows, place = [], [], [], 0
    for run in runs:
        for now in range(len(run)):
            if now >= 9 and now + 5 < len(run) and run[now] < threshold:
                moments.append(place + now)
                events.append(any(value > threshold for value in run[now + 1 : now + 6]))
                windows.append(run[now - 9 : now + 1])
        place += len(run)
    assert series.moments.tolist() == moments
    assert series.events.tolist() == events
    assert series.windows.tolist() == windows


@given(runs=runs)
def test_watched_when_segments_are_cut_into_windows_then_are_their_rows(runs: Runs) -> None:
    windows = cut([trace_of(run) for run in runs])
    series = series_of(runs, 45.0)
    assert np.array_equal(series.utilisation[series.watched], 100 * windows.last)


def test_days_when_samples_are_far_apart_then_are_link_time() -> None:
    series = series_of([[0.0] * 30], 45.0, step_seconds=3600.0)
    assert series.days == (30 - 9 - 5) / 24
