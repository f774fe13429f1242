"""What the gateway is asked for a link, and what is taken for an answer."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nagios_plugins.http import NOBODY, ServiceError
from nagios_plugins.links.outlook import look_ahead
from nagios_plugins.links.records import HISTORY, HORIZON, Outlook, Sample
from qos_contract import MAX_HORIZON, MAX_SAMPLES, WINDOW, BatchRequest, BatchResponse, PredictRequest

FUZZ = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
STEP = {
    "predicted_bandwidth": 868.0,
    "lower": 800.5,
    "upper": 941.0,
    "exceed_probability": 0.5,
    "exceed_within_probability": 0.82,
}
ANSWER: dict[str, Any] = STEP | {
    "unit": "Mbps",
    "level": 0.8,
    "horizon": 5,
    "model_version": "20261123-abcdef12",
    "link_capacity_mbps": 1000,
    "path": [STEP] * 5,
}
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.sampled_from([*STEP, *ANSWER]), inner, max_size=3),
    max_leaves=12,
)


def run_of(samples: int, spread: float | None = 0.5) -> list[Sample]:
    return [Sample(3, 100 + n, 1000.0 + 5 * n, 1000.0 + n, 500.0 + n, 1000.0, spread) for n in range(samples)]


def look(service: Any, run: list[Sample], decides: Any = "model") -> list[Outlook]:
    return look_ahead(run, 900.0, decides, url=service.url, timeout=2, identity=NOBODY)


def test_facts_when_compared_with_the_contract_then_are_its_own() -> None:
    assert (HISTORY, HORIZON) == (MAX_SAMPLES, MAX_HORIZON)
    BatchResponse.model_validate({"answers": [ANSWER]})


@pytest.mark.parametrize("samples", [WINDOW, 40, 600])
def test_question_when_asked_then_is_the_contract_s_for_both_forecasters(service: Any, samples: int) -> None:
    service.says({"answers": [ANSWER] * 2})
    look(service, run_of(samples))
    ((path, body),) = service.asked
    assert path == "/predict/batch"
    asked = BatchRequest.model_validate_json(body).requests
    assert all(isinstance(question, PredictRequest) for question in asked)
    assert [question.forecaster for question in asked] == ["model", "baseline"]
    for question in asked:
        assert (question.horizon, question.threshold_mbps, question.link_capacity_mbps) == (5, 900, 1000)
        assert len(question.packet_rate) == min(samples, MAX_SAMPLES)
        assert question.bandwidth_util[-1] == pytest.approx((500 + samples - 1) / 10)
        assert question.packet_rate[-1] == 1000 + samples - 1


@pytest.mark.parametrize(("spread", "sent"), [(None, False), (0.5, True)])
def test_question_when_no_round_trip_was_measured_then_has_none(service: Any, spread: float | None, sent: bool) -> None:
    service.says({"answers": [ANSWER] * 2})
    look(service, run_of(10, spread))
    assert ("rtt_variance" in json.loads(service.asked[0][1])["requests"][0]) is sent


@pytest.mark.parametrize("decides", ["model", "baseline"])
def test_outlooks_when_answered_then_say_who_decides(service: Any, decides: str) -> None:
    service.says({"answers": [ANSWER, ANSWER | {"model_version": "ridge-20261123-abcdef12"}]})
    outlooks = look(service, run_of(10), decides)
    assert [(outlook.forecaster, outlook.decided) for outlook in outlooks] == [
        ("model", decides == "model"),
        ("baseline", decides == "baseline"),
    ]
    assert [outlook.model_version[:5] for outlook in outlooks] == ["20261", "ridge"]
    assert (outlooks[0].epoch, outlooks[0].cell, outlooks[0].last_mbps) == (3, 109, 509)
    assert (outlooks[0].path[0].mean, outlooks[0].path[4].upper, outlooks[0].path[2].exceed_within) == (868, 941, 0.82)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"error": "validation_error", "detail": [{"loc": ["body"]}]}, "refused: "),
        (ANSWER | {"unit": "kbps"}, "unit is 'kbps'"),
        (ANSWER | {"path": [STEP] * 4}, "not 5 steps"),
        (ANSWER | {"path": [STEP] * 4 + [None]}, "not 5 steps"),
        (ANSWER | {"path": [STEP] * 4 + [STEP | {"upper": -1}]}, "upper is no number from 0"),
        (ANSWER | {"path": [STEP] * 4 + [STEP | {"exceed_within_probability": 1.5}]}, "no number from 0 to 1"),
        (ANSWER | {"path": [STEP | {"lower": True}] * 5}, "lower is no number"),
        (ANSWER | {"model_version": 7}, "who made it"),
        (None, "no forecast"),
    ],
)
def test_answer_when_it_is_no_forecast_then_says_why(service: Any, answer: object, reason: str) -> None:
    service.says({"answers": [ANSWER, answer]})
    with pytest.raises(ServiceError, match=reason):
        look(service, run_of(10))


@FUZZ
@given(answer=ANY_JSON | st.fixed_dictionaries({"answers": st.lists(ANY_JSON, min_size=2, max_size=2)}))
def test_answer_when_it_is_any_json_then_is_a_forecast_or_refused(service: Any, answer: object) -> None:
    service.says(answer)
    outlooks = []
    with suppress(ServiceError):
        outlooks = look(service, run_of(10))
    assert all(0 <= step.exceed_within <= 1 for outlook in outlooks for step in outlook.path)
