"""Whatever ml-inference does, the gateway answers from the error table, in time, and tells no address."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from qos_contract import ERRORS, EXAMPLE_BATCH, EXAMPLE_REQUEST, ErrorBody, ErrorCode, PredictResponse
from qos_runtime.testing import Answer, Endpoint, Exchange, FaultServer, free_port, run_fault_server, running

from . import upstreams

GATEWAY = ["-m", "api_gateway"]
DEADLINE = 0.5


@pytest.fixture(scope="module")
def upstream() -> Iterator[FaultServer]:
    with run_fault_server(upstreams.forecast) as server:
        yield server


@pytest.fixture(scope="module")
def gateway_process(upstream: FaultServer) -> Iterator[Endpoint]:
    url = f"http://127.0.0.1:{upstream.port}"
    settings = {"request_timeout_seconds": DEADLINE, "readiness_timeout_seconds": DEADLINE, "retry_after_seconds": 3}
    with running(GATEWAY, "API_GATEWAY_", inference_url=url, **settings) as (endpoint, _):
        endpoint.wait_for("/health", 200)
        yield endpoint


@pytest.fixture
def gateway(gateway_process: Endpoint, upstream: FaultServer) -> Endpoint:
    upstream.behaviour = upstreams.forecast
    assert gateway_process.post("/predict", EXAMPLE_REQUEST).status == 200  # so that a kept connection is there
    upstream.seen.clear()
    return gateway_process


def error_of(answer: Answer) -> ErrorCode:
    body = ErrorBody.model_validate_json(answer.body)
    assert ERRORS[body.error].status == answer.status
    assert b"10.0.0.7" not in answer.body
    assert b"127.0.0.1" not in answer.body
    if answer.status >= 500:
        assert int(answer.headers["Retry-After"]) > 0
    return body.error


QUESTIONS = {
    "/predict": (EXAMPLE_REQUEST, upstreams.FORECAST),
    "/predict/batch": (EXAMPLE_BATCH, upstreams.BATCH),
}
FAULTS = {
    "/predict": {
        upstreams.reset: ErrorCode.UPSTREAM_UNAVAILABLE,
        upstreams.close: ErrorCode.UPSTREAM_UNAVAILABLE,
        upstreams.break_off: ErrorCode.UPSTREAM_UNAVAILABLE,
        upstreams.fail: ErrorCode.UPSTREAM_UNAVAILABLE,
        upstreams.unready: ErrorCode.UPSTREAM_UNAVAILABLE,
        upstreams.unready_forever: ErrorCode.UPSTREAM_UNAVAILABLE,
        upstreams.hang: ErrorCode.UPSTREAM_TIMEOUT,
        upstreams.drip: ErrorCode.UPSTREAM_TIMEOUT,
        upstreams.drip_the_head: ErrorCode.UPSTREAM_TIMEOUT,
        upstreams.break_off_in_a_chunk: ErrorCode.UPSTREAM_UNAVAILABLE,
        upstreams.lie_about_a_chunk: ErrorCode.UPSTREAM_INVALID,
        upstreams.garbage: ErrorCode.UPSTREAM_INVALID,
        upstreams.nonsense: ErrorCode.UPSTREAM_INVALID,
        upstreams.other_json: ErrorCode.UPSTREAM_INVALID,
        upstreams.nan: ErrorCode.UPSTREAM_INVALID,
        upstreams.flood: ErrorCode.UPSTREAM_INVALID,
        upstreams.redirect: ErrorCode.UPSTREAM_INVALID,
        upstreams.lose_the_path: ErrorCode.UPSTREAM_INVALID,
        upstreams.refuse_strangely: ErrorCode.UPSTREAM_INVALID,
        upstreams.contradict_itself: ErrorCode.UPSTREAM_INVALID,
    },
    "/predict/batch": {
        upstreams.answer_too_few: ErrorCode.UPSTREAM_INVALID,
        upstreams.answer_too_many: ErrorCode.UPSTREAM_INVALID,
        upstreams.answer_none: ErrorCode.UPSTREAM_INVALID,
        upstreams.spoil_an_item: ErrorCode.UPSTREAM_INVALID,
        upstreams.make_up_an_error: ErrorCode.UPSTREAM_INVALID,
        upstreams.nan_in_an_item: ErrorCode.UPSTREAM_INVALID,
        upstreams.answer_for_one_link: ErrorCode.UPSTREAM_INVALID,
        upstreams.fail: ErrorCode.UPSTREAM_UNAVAILABLE,
        upstreams.reset: ErrorCode.UPSTREAM_UNAVAILABLE,
        upstreams.hang: ErrorCode.UPSTREAM_TIMEOUT,
    },
}


@pytest.mark.parametrize(
    ("path", "fault"),
    [pytest.param(path, fault, id=f"{path}, {fault.__name__}") for path, faults in FAULTS.items() for fault in faults],
)
def test_predict_when_upstream_misbehaves_then_the_table_answers_in_time(
    gateway: Endpoint, upstream: FaultServer, path: str, fault: Any
) -> None:
    question, right = QUESTIONS[path]
    upstream.behaviour = fault
    begun = time.monotonic()
    assert error_of(gateway.post(path, question)) is FAULTS[path][fault]
    assert time.monotonic() - begun < 2 * DEADLINE
    upstream.behaviour = upstreams.forecast
    answer = gateway.post(path, question)
    assert (answer.status, answer.json()) == (200, right)


ODDITIES = [
    upstreams.crawl_in_time,
    upstreams.send_chunks,
    upstreams.send_chunks_in_pieces,
    upstreams.end_after_the_answer,
    upstreams.end_after_the_answer_only_in_words,
    upstreams.answer_twice_at_once,
    upstreams.answer_and_a_half,
    upstreams.answer_again_a_little_later,
    upstreams.answer_and_babble,
]


@pytest.mark.parametrize("oddity", ODDITIES, ids=lambda oddity: oddity.__name__)
def test_predict_when_upstream_answers_oddly_but_rightly_then_200_and_the_next_gets_its_own(
    gateway: Endpoint, upstream: FaultServer, oddity: Any
) -> None:
    upstream.behaviour = oddity
    begun = time.monotonic()
    answer = gateway.post("/predict", EXAMPLE_REQUEST)
    assert (answer.status, answer.json()) == (200, upstreams.FORECAST)
    assert time.monotonic() - begun < DEADLINE
    # What was sent unasked is there before the next request is; nobody could tell it from an answer afterwards.
    time.sleep(0.1)
    third = upstreams.FORECAST | {"predicted_bandwidth": 60.0}

    async def answer_anew(exchange: Exchange) -> None:
        await exchange.answer(200, third)

    upstream.behaviour = answer_anew
    for _ in range(3):
        assert gateway.post("/predict", EXAMPLE_REQUEST).json() == third
    assert len(upstream.seen) == 4


@pytest.mark.parametrize(
    "oddity",
    [
        upstreams.end_after_the_answer,
        upstreams.end_after_the_answer_only_in_words,
        upstreams.answer_twice_at_once,
        upstreams.answer_and_a_half,
    ],
    ids=lambda oddity: oddity.__name__,
)
def test_predict_when_a_connection_cannot_be_trusted_any_more_then_the_next_request_opens_another(
    gateway: Endpoint, upstream: FaultServer, oddity: Any
) -> None:
    upstream.behaviour = oddity
    for _ in range(3):
        assert gateway.post("/predict", EXAMPLE_REQUEST).json() == upstreams.FORECAST
    assert [exchange.number > 1 for exchange in upstream.seen] == [True, False, False]


def test_batch_when_upstream_refuses_one_item_then_it_is_passed_on(gateway: Endpoint, upstream: FaultServer) -> None:
    problem = {"loc": ["body", "requests", 0, "packet_rate"], "msg": "too short", "type": "too_short"}
    answers = [{"error": "validation_error", "detail": [problem]}, upstreams.FORECAST]

    async def refuse_one(exchange: Exchange) -> None:
        await exchange.answer(200, {"answers": answers})

    upstream.behaviour = refuse_one
    answer = gateway.post("/predict/batch", EXAMPLE_BATCH)
    assert (answer.status, answer.json()) == (200, {"answers": answers})


@pytest.mark.parametrize("host", ["127.0.0.1", "ml-inference.invalid"], ids=["refused", "no such name"])
def test_predict_when_nothing_listens_then_503_and_alive_but_not_ready(host: str) -> None:
    url = f"http://{host}:{free_port()}"
    with running(GATEWAY, "API_GATEWAY_", inference_url=url) as (gateway, _):
        answer = gateway.post("/predict", EXAMPLE_REQUEST)
        assert error_of(answer) is ErrorCode.UPSTREAM_UNAVAILABLE
        ready = gateway.get("/health/ready")
        assert (ready.status, ready.json()["reason"]) == (503, "ml-inference cannot be reached")
        assert host.encode() not in answer.body + ready.body
        assert gateway.get("/health").status == 200


def test_predict_when_upstream_names_a_time_then_it_is_passed_on(gateway: Endpoint, upstream: FaultServer) -> None:
    upstream.behaviour = upstreams.unready
    assert gateway.post("/predict", EXAMPLE_REQUEST).headers["Retry-After"] == "17"
    upstream.behaviour = upstreams.unready_forever
    assert gateway.post("/predict", EXAMPLE_REQUEST).headers["Retry-After"] == "3"


def test_predict_when_upstream_refuses_the_body_then_so_does_the_gateway(
    gateway: Endpoint, upstream: FaultServer
) -> None:
    problem = {"loc": ["body", "packet_rate", 3], "msg": "too much", "type": "less_than"}

    async def refuse(exchange: Exchange) -> None:
        await exchange.answer(422, {"error": "validation_error", "detail": [problem]})

    upstream.behaviour = refuse
    answer = gateway.post("/predict", EXAMPLE_REQUEST)
    assert error_of(answer) is ErrorCode.VALIDATION_ERROR
    assert answer.json()["detail"] == [problem]


def test_predict_when_a_kept_connection_was_ended_then_is_tried_again_once(
    gateway: Endpoint, upstream: FaultServer
) -> None:
    async def end_kept_connections(exchange: Exchange) -> None:
        await (upstreams.reset if exchange.number > 1 else upstreams.forecast)(exchange)

    upstream.behaviour = end_kept_connections
    assert gateway.post("/predict", EXAMPLE_REQUEST).status == 200
    assert [exchange.number > 1 for exchange in upstream.seen] == [True, False]


def test_predict_when_a_new_connection_breaks_then_is_not_sent_again(gateway: Endpoint, upstream: FaultServer) -> None:
    upstream.behaviour = upstreams.reset
    error_of(gateway.post("/predict", EXAMPLE_REQUEST))  # the kept connection, and one more
    upstream.seen.clear()
    error_of(gateway.post("/predict", EXAMPLE_REQUEST))
    assert len(upstream.seen) == 1


def test_predict_when_forwarded_then_body_and_request_id_are_the_clients(
    gateway: Endpoint, upstream: FaultServer
) -> None:
    body = json.dumps(EXAMPLE_REQUEST, indent=3).encode()
    answer = gateway.ask("POST", "/predict", body, {"X-Request-ID": "client-1", "Cookie": "a=b"})
    assert answer.headers["X-Request-ID"] == "client-1"
    (exchange,) = upstream.seen
    assert exchange.body == body
    assert b"x-request-id: client-1" in exchange.head.lower()
    assert b"cookie" not in exchange.head.lower()


def test_predict_when_body_is_bad_then_upstream_is_not_asked(gateway: Endpoint, upstream: FaultServer) -> None:
    assert error_of(gateway.post("/predict", {})) is ErrorCode.VALIDATION_ERROR
    assert upstream.seen == []


def test_answer_when_upstream_adds_fields_then_they_stay_inside(gateway: Endpoint, upstream: FaultServer) -> None:
    async def add(exchange: Exchange) -> None:
        await exchange.answer(200, upstreams.FORECAST | {"address": "10.0.0.7"}, "Set-Cookie: a=b", "Server: 10.0.0.7")

    upstream.behaviour = add
    answer = gateway.post("/predict", EXAMPLE_REQUEST)
    assert answer.json() == upstreams.FORECAST
    assert PredictResponse.model_validate_json(answer.body)
    assert answer.headers["Set-Cookie"] is None
    assert "Server" not in answer.headers
