"""Recall, precision and false alarms against counting by hand."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_replay.counts import alike, curve, point

samples = st.lists(st.tuples(st.integers(0, 6).map(float), st.booleans()), min_size=1, max_size=40).filter(
    lambda found: any(event for _, event in found)
)
recalls = st.floats(0.01, 1.0)


def split(found: list[tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray]:
    score, event = zip(*found, strict=True)
    return np.array(score), np.array(event)


@given(found=samples, recall=recalls)
def test_point_when_every_cut_is_tried_then_is_the_highest_that_sees_enough(
    found: list[tuple[float, bool]], recall: float
) -> None:
    events = sum(event for _, event in found)
    for cut in sorted({score for score, _ in found}, reverse=True):
        alarms = [event for score, event in found if score >= cut]
        if sum(alarms) >= ceil(recall * events - 1e-9):
            break
    best = point(*split(found), recall)
    assert (best.cut, best.hits, best.false_alarms) == (cut, sum(alarms), len(alarms) - sum(alarms))
    assert best.recall == sum(alarms) / events >= recall - 1e-9
    assert best.precision == sum(alarms) / len(alarms)


@given(found=samples, recall=recalls)
def test_fair_false_alarms_when_scores_are_tied_then_lie_between_those_of_lucky_and_unlucky_orders(
    found: list[tuple[float, bool]], recall: float
) -> None:
    score, event = split(found)
    best = point(score, event, recall)
    lucky, unlucky = (point(score + sign * 1e-3 * event, event, recall) for sign in (1, -1))
    assert lucky.false_alarms <= best.fair_false_alarms <= unlucky.false_alarms + 1e-9
    assert best.fair_false_alarms <= best.false_alarms


@given(st.lists(st.booleans(), min_size=1, max_size=30).filter(any), recalls)
def test_fair_false_alarms_when_nothing_is_tied_then_are_the_false_alarms(event: list[bool], recall: float) -> None:
    best = point(np.arange(float(len(event))), np.array(event), recall)
    assert best.fair_false_alarms == best.false_alarms


@given(found=samples)
def test_curve_when_read_at_each_recall_then_is_the_point_there(found: list[tuple[float, bool]]) -> None:
    recall, precision = curve(*split(found))
    assert recall[-1] == 1
    for at, value in zip(recall, precision, strict=True):
        if at > 0:
            best = point(*split(found), float(at))
            assert best.recall >= at - 1e-9
            assert best.precision >= value - 1e-9


def test_point_when_scores_differ_in_the_last_bit_only_then_are_tied() -> None:
    score = np.array([0.3, 0.1 + 0.2, 0.3, 0.1])
    best = point(score, np.array([True, False, True, False]), 0.5)
    assert (best.hits, best.false_alarms) == (2, 1)
    assert best.fair_false_alarms == 0.5
    assert len(set(alike(score).tolist())) == 2


def test_point_when_there_is_no_event_then_says_so() -> None:
    with pytest.raises(ValueError, match="no event"):
        point(np.zeros(3), np.zeros(3, bool), 0.5)
