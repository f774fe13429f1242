"""What is replayed is what the services answer."""

from __future__ import annotations

import numpy as np
import pytest

from alert_replay.linkset import LinkSet
from alert_replay.scores import ask, within
from ml_inference.bundle import Bundle
from ml_inference.serving.prediction import predict
from qos_contract import PredictRequest

from .conftest import CAPACITY, PACKETS, swinging, trace_of

THRESHOLD = 62.5  # % of capacity


def test_forecasts_when_replayed_then_are_what_the_service_answers_at_that_sample(bundle: Bundle) -> None:
    runs = [swinging(40, seed=1), swinging(700, seed=2), swinging(8, seed=3)]
    links = LinkSet("set", "test", [trace_of(run) for run in runs], [], THRESHOLD, "given")
    said = ask(links, bundle)
    assert len(said.within) == links.series.watched.sum() == 30 + 690
    for row, run, now in ((0, runs[0], 9), (29, runs[0], 38), (30, runs[1], 9), (30 + 650, runs[1], 659)):
        past = run[max(now - 511, 0) : now + 1]
        question = PredictRequest(
            packet_rate=[PACKETS * CAPACITY / 100 * value for value in past],
            bandwidth_util=past,
            link_capacity_mbps=CAPACITY,
            horizon=5,
            threshold_mbps=THRESHOLD / 100 * CAPACITY,
            path=True,
        )
        answer = predict(bundle, question, 100.0)
        assert answer.path
        for step, expected in enumerate(answer.path):
            assert said.within[row, step] == pytest.approx(expected.exceed_within_probability, abs=2e-4)
            assert said.exceed[row, step] == pytest.approx(expected.exceed_probability, abs=2e-4)
            for column, value in (
                (said.mean, expected.predicted_bandwidth),
                (said.lower, expected.lower),
                (said.upper, expected.upper),
            ):
                assert column[row, step] * CAPACITY / 100 == pytest.approx(value, abs=2e-3)
    flat = within(links.series, said)
    assert np.array_equal(np.isfinite(flat), links.series.watched)
    assert flat[9] == said.within[0, -1]
