"""Many links at once: what is wrong with one is its own affair."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from qos_contract import EXAMPLE_BATCH, EXAMPLE_REQUEST, MAX_BATCH, BatchRequest, BatchResponse, PredictRequest

FORECAST: dict[str, Any] = {
    "predicted_bandwidth": 72.84,
    "lower": 60.0,
    "upper": 80,
    "horizon": 1,
    "model_version": "20250101-abcdef12",
    "link_capacity_mbps": 100.0,
}


def read(*requests: Any, **more: Any) -> BatchRequest:
    return BatchRequest.model_validate_json(json.dumps({"requests": requests} | more))


def test_batch_when_of_the_example_then_is_read() -> None:
    assert [question.horizon for question in read(*EXAMPLE_BATCH["requests"]).requests] == [1, 5]


@pytest.mark.parametrize("bad", [None, 1, "x", [], {}, EXAMPLE_REQUEST | {"horizon": 6}, EXAMPLE_REQUEST | {"x": 1}])
def test_batch_when_one_is_bad_then_the_others_are_read(bad: Any) -> None:
    first, second, third = read(EXAMPLE_REQUEST, bad, EXAMPLE_REQUEST).requests
    assert isinstance(first, PredictRequest)
    assert first == third
    with pytest.raises(ValidationError) as alone:
        PredictRequest.model_validate_json(json.dumps(bad))
    assert isinstance(second, ValidationError)
    assert second.__traceback__ is None  # or the batch would hold itself until the garbage collector comes by
    assert [(found["loc"], found["type"]) for found in second.errors()] == [
        (found["loc"], found["type"]) for found in alone.value.errors()
    ]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b'{"requests": {}}',
        b'{"requests": []}',
        json.dumps({"requests": [EXAMPLE_REQUEST] * (MAX_BATCH + 1)}).encode(),
        json.dumps({"requests": [EXAMPLE_REQUEST], "more": 1}).encode(),
    ],
)
def test_batch_when_not_a_batch_then_is_refused_as_a_whole(raw: bytes) -> None:
    with pytest.raises(ValidationError):
        BatchRequest.model_validate_json(raw)


def test_answers_when_written_then_are_read_as_what_they_are() -> None:
    refusal = {"error": "validation_error", "detail": [{"loc": ["body", "requests", 1], "msg": "no", "type": "x"}]}
    raw = json.dumps({"answers": [FORECAST, refusal]})
    wire = json.loads(BatchResponse.model_validate_json(raw).wire())
    assert wire == {"answers": [FORECAST | {"unit": "Mbps", "level": 0.8}, refusal]}


@pytest.mark.parametrize("bad", [{}, FORECAST | {"upper": float("nan")}, {"error": "nonsense", "detail": "x"}])
def test_answers_when_one_is_neither_then_are_refused(bad: Any) -> None:
    with pytest.raises(ValidationError):
        BatchResponse.model_validate_json(json.dumps({"answers": [FORECAST, bad]}))
