"""Probabilities against what came."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alert_replay.reliability import bins, sure

told = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50)


@given(told)
def test_bins_when_filled_then_hold_every_forecast_once(found: list[tuple[float, bool]]) -> None:
    probability, event = (np.array(part) for part in zip(*found, strict=True))
    all_bins = bins(probability, event)
    assert sum(each.count for each in all_bins) == len(found)
    assert np.isclose(sum(each.count * each.came for each in all_bins), event.sum())
    assert np.isclose(sum(each.count * each.said for each in all_bins), probability.sum())
    assert [each.said for each in all_bins] == sorted(each.said for each in all_bins)


def test_sure_when_some_are_then_counts_those_that_came() -> None:
    assert sure(np.array([0.8, 0.9, 1.0, 0.79]), np.array([True, False, True, True])) == (3, 2 / 3)
    assert sure(np.array([0.5]), np.array([True])) == (0, None)
