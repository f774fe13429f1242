"""Whatever ml-inference does, the gateway answers from the error table, in time, and tells no address."""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from qos_contract import ERRORS, EXAMPLE_BATCH, EXAMPLE_REQUEST, ErrorBody, ErrorCode, PredictResponse
from qos_runtime.testing import Answer, Endpoint, Exchange, FaultServer, free_port, run_fault_server, running

GATEWAY = ["-m", "api_gateway"]
DEADLINE = 0.5
FORECAST: dict[str, Any] = {
    "predicted_bandwidth": 63.94,
    "unit": "Mbps",
    "lower": 57.9,
    "upper": 69.3,
    "level": 0.8,
    "horizon": 1,
    "model_version": "20250101-abcdef12",
    "link_capacity_mbps": 100.0,
}


def raw_answer(body: Any, *headers: str) -> bytes:
    content = json.dumps(body).encode()
    return "\r\n".join(["HTTP/1.1 200 OK", f"Content-Length: {len(content)}", *headers, "", ""]).encode() + content


async def forecast(exchange: Exchange) -> None:
    await exchange.answer(200, FORECAST)


async def reset(exchange: Exchange) -> None:
    exchange.reset()


async def close(exchange: Exchange) -> None:
    exchange.close()


async def hang(_: Exchange) -> None:
    await asyncio.sleep(3600)


async def drip(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        await exchange.send(b" ")
        await asyncio.sleep(0.1)


async def drip_the_head(exchange: Exchange) -> None:
    for byte in raw_answer(FORECAST):
        await exchange.send(bytes([byte]))
        await asyncio.sleep(0.1)


async def break_off(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
    exchange.reset()


async def garbage(exchange: Exchange) -> None:
    await exchange.send(b"\x00\x01\x02 is no HTTP\r\n\r\n")
    exchange.close()


async def nonsense(exchange: Exchange) -> None:
    await exchange.answer(200, b"<html>welcome to 10.0.0.7</html>")


async def other_json(exchange: Exchange) -> None:
    await exchange.answer(200, {"prediction": 1})


async def nan(exchange: Exchange) -> None:
    await exchange.answer(200, FORECAST | {"predicted_bandwidth": float("nan")})


async def flood(exchange: Exchange) -> None:
    await exchange.answer(200, b" " * 3_000_000)


async def fail(exchange: Exchange) -> None:
    await exchange.answer(500, b"Traceback: 10.0.0.7 is down")


async def unready(exchange: Exchange) -> None:
    body = {"error": "model_not_ready", "detail": "No model is loaded yet."}
    await exchange.answer(503, body, "Retry-After: 17")


async def unready_forever(exchange: Exchange) -> None:
    await exchange.answer(503, {}, "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT")


async def redirect(exchange: Exchange) -> None:
    await exchange.answer(302, b"", "Location: http://10.0.0.7/predict")


async def lose_the_path(exchange: Exchange) -> None:
    await exchange.answer(404, {"error": "not_found", "detail": "There is nothing at 10.0.0.7/predict."})


async def refuse_strangely(exchange: Exchange) -> None:
    await exchange.answer(422, {"detail": "10.0.0.7"})


async def contradict_itself(exchange: Exchange) -> None:
    await exchange.answer(400, {"error": "validation_error", "detail": []})


async def crawl_in_time(exchange: Exchange) -> None:
    for number, byte in enumerate(raw_answer(FORECAST)):
        await exchange.send(bytes([byte]))
        await asyncio.sleep(0 if number % 4 else 0.001)


def chunked(*chunks: bytes) -> bytes:
    parts = [b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b"")]
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(parts)


async def send_chunks(exchange: Exchange) -> None:
    content = json.dumps(FORECAST).encode()
    await exchange.send(chunked(content[:10], content[10:11], content[11:]))


async def send_chunks_in_pieces(exchange: Exchange) -> None:
    raw = chunked(json.dumps(FORECAST).encode())
    for at in range(0, len(raw), 16):
        await exchange.send(raw[at : at + 16])
        await asyncio.sleep(0.001)


async def break_off_in_a_chunk(exchange: Exchange) -> None:
    await exchange.send(chunked(json.dumps(FORECAST).encode())[:-20])
    exchange.reset()


async def lie_about_a_chunk(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n")


async def end_after_the_answer(exchange: Exchange) -> None:
    await exchange.answer(200, FORECAST, "Connection: close")
    exchange.close()


async def end_after_the_answer_only_in_words(exchange: Exchange) -> None:
    await exchange.answer(200, FORECAST, "Connection: close")


OTHER_FORECAST = FORECAST | {"predicted_bandwidth": 1.0, "lower": 0.5, "upper": 1.5}


async def answer_twice_at_once(exchange: Exchange) -> None:
    await exchange.send(raw_answer(FORECAST) + raw_answer(OTHER_FORECAST))


async def answer_and_a_half(exchange: Exchange) -> None:
    await exchange.send(raw_answer(FORECAST) + raw_answer(OTHER_FORECAST)[:20])


async def answer_again_a_little_later(exchange: Exchange) -> None:
    await exchange.send(raw_answer(FORECAST))
    await asyncio.sleep(0.05)
    await exchange.send(raw_answer(OTHER_FORECAST))


async def answer_and_babble(exchange: Exchange) -> None:
    await exchange.send(raw_answer(FORECAST) + b"\x00\x01 and so on")


BATCH: dict[str, Any] = {"answers": [FORECAST, FORECAST | {"horizon": 5}]}


async def batch(exchange: Exchange) -> None:
    await exchange.answer(200, BATCH)


async def answer_too_few(exchange: Exchange) -> None:
    await exchange.answer(200, {"answers": [FORECAST]})


async def answer_too_many(exchange: Exchange) -> None:
    await exchange.answer(200, {"answers": [FORECAST] * 3})


async def answer_none(exchange: Exchange) -> None:
    await exchange.answer(200, {"answers": []})


async def spoil_an_item(exchange: Exchange) -> None:
    await exchange.answer(200, {"answers": [FORECAST, {"welcome": "10.0.0.7"}]})


async def make_up_an_error(exchange: Exchange) -> None:
    await exchange.answer(200, {"answers": [FORECAST, {"error": "at 10.0.0.7", "detail": "10.0.0.7"}]})


async def nan_in_an_item(exchange: Exchange) -> None:
    await exchange.answer(200, {"answers": [FORECAST, FORECAST | {"predicted_bandwidth": float("nan")}]})


@pytest.fixture(scope="module")
def upstream() -> Iterator[FaultServer]:
    with run_fault_server(forecast) as server:
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
    upstream.behaviour = forecast
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


FAULTS = {
    reset: ErrorCode.UPSTREAM_UNAVAILABLE,
    close: ErrorCode.UPSTREAM_UNAVAILABLE,
    break_off: ErrorCode.UPSTREAM_UNAVAILABLE,
    fail: ErrorCode.UPSTREAM_UNAVAILABLE,
    unready: ErrorCode.UPSTREAM_UNAVAILABLE,
    unready_forever: ErrorCode.UPSTREAM_UNAVAILABLE,
    hang: ErrorCode.UPSTREAM_TIMEOUT,
    drip: ErrorCode.UPSTREAM_TIMEOUT,
    drip_the_head: ErrorCode.UPSTREAM_TIMEOUT,
    break_off_in_a_chunk: ErrorCode.UPSTREAM_UNAVAILABLE,
    lie_about_a_chunk: ErrorCode.UPSTREAM_INVALID,
    garbage: ErrorCode.UPSTREAM_INVALID,
    nonsense: ErrorCode.UPSTREAM_INVALID,
    other_json: ErrorCode.UPSTREAM_INVALID,
    nan: ErrorCode.UPSTREAM_INVALID,
    flood: ErrorCode.UPSTREAM_INVALID,
    redirect: ErrorCode.UPSTREAM_INVALID,
    lose_the_path: ErrorCode.UPSTREAM_INVALID,
    refuse_strangely: ErrorCode.UPSTREAM_INVALID,
    contradict_itself: ErrorCode.UPSTREAM_INVALID,
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_predict_when_upstream_misbehaves_then_the_table_answers_in_time(
    gateway: Endpoint, upstream: FaultServer, fault: Any
) -> None:
    upstream.behaviour = fault
    begun = time.monotonic()
    assert error_of(gateway.post("/predict", EXAMPLE_REQUEST)) is FAULTS[fault]
    assert time.monotonic() - begun < 2 * DEADLINE
    upstream.behaviour = forecast
    assert gateway.post("/predict", EXAMPLE_REQUEST).status == 200


ODDITIES = [
    crawl_in_time,
    send_chunks,
    send_chunks_in_pieces,
    end_after_the_answer,
    end_after_the_answer_only_in_words,
    answer_twice_at_once,
    answer_and_a_half,
    answer_again_a_little_later,
    answer_and_babble,
]


@pytest.mark.parametrize("oddity", ODDITIES, ids=lambda oddity: oddity.__name__)
def test_predict_when_upstream_answers_oddly_but_rightly_then_200_and_the_next_gets_its_own(
    gateway: Endpoint, upstream: FaultServer, oddity: Any
) -> None:
    upstream.behaviour = oddity
    begun = time.monotonic()
    answer = gateway.post("/predict", EXAMPLE_REQUEST)
    assert (answer.status, answer.json()) == (200, FORECAST)
    assert time.monotonic() - begun < DEADLINE
    # What was sent unasked is there before the next request is; nobody could tell it from an answer afterwards.
    time.sleep(0.1)
    third = FORECAST | {"predicted_bandwidth": 60.0}

    async def answer_anew(exchange: Exchange) -> None:
        await exchange.answer(200, third)

    upstream.behaviour = answer_anew
    for _ in range(3):
        assert gateway.post("/predict", EXAMPLE_REQUEST).json() == third
    assert len(upstream.seen) == 4


@pytest.mark.parametrize(
    "oddity",
    [end_after_the_answer, end_after_the_answer_only_in_words, answer_twice_at_once, answer_and_a_half],
    ids=lambda oddity: oddity.__name__,
)
def test_predict_when_a_connection_cannot_be_trusted_any_more_then_the_next_request_opens_another(
    gateway: Endpoint, upstream: FaultServer, oddity: Any
) -> None:
    upstream.behaviour = oddity
    for _ in range(3):
        assert gateway.post("/predict", EXAMPLE_REQUEST).json() == FORECAST
    assert [exchange.number > 1 for exchange in upstream.seen] == [True, False, False]


BATCH_FAULTS = {
    answer_too_few: ErrorCode.UPSTREAM_INVALID,
    answer_too_many: ErrorCode.UPSTREAM_INVALID,
    answer_none: ErrorCode.UPSTREAM_INVALID,
    spoil_an_item: ErrorCode.UPSTREAM_INVALID,
    make_up_an_error: ErrorCode.UPSTREAM_INVALID,
    nan_in_an_item: ErrorCode.UPSTREAM_INVALID,
    forecast: ErrorCode.UPSTREAM_INVALID,
    fail: ErrorCode.UPSTREAM_UNAVAILABLE,
    reset: ErrorCode.UPSTREAM_UNAVAILABLE,
    hang: ErrorCode.UPSTREAM_TIMEOUT,
}


@pytest.mark.parametrize("fault", BATCH_FAULTS, ids=lambda fault: fault.__name__)
def test_batch_when_upstream_misbehaves_then_the_table_answers_in_time(
    gateway: Endpoint, upstream: FaultServer, fault: Any
) -> None:
    upstream.behaviour = fault
    begun = time.monotonic()
    assert error_of(gateway.post("/predict/batch", EXAMPLE_BATCH)) is BATCH_FAULTS[fault]
    assert time.monotonic() - begun < 2 * DEADLINE
    upstream.behaviour = batch
    answer = gateway.post("/predict/batch", EXAMPLE_BATCH)
    assert (answer.status, answer.json()) == (200, BATCH)


def test_batch_when_upstream_refuses_one_item_then_it_is_passed_on(gateway: Endpoint, upstream: FaultServer) -> None:
    problem = {"loc": ["body", "requests", 0, "packet_rate"], "msg": "too short", "type": "too_short"}
    answers = [{"error": "validation_error", "detail": [problem]}, FORECAST]

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
    upstream.behaviour = unready
    assert gateway.post("/predict", EXAMPLE_REQUEST).headers["Retry-After"] == "17"
    upstream.behaviour = unready_forever
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
        await (reset if exchange.number > 1 else forecast)(exchange)

    upstream.behaviour = end_kept_connections
    assert gateway.post("/predict", EXAMPLE_REQUEST).status == 200
    assert [exchange.number > 1 for exchange in upstream.seen] == [True, False]


def test_predict_when_a_new_connection_breaks_then_is_not_sent_again(gateway: Endpoint, upstream: FaultServer) -> None:
    upstream.behaviour = reset
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
        await exchange.answer(200, FORECAST | {"address": "10.0.0.7"}, "Set-Cookie: a=b", "Server: 10.0.0.7")

    upstream.behaviour = add
    answer = gateway.post("/predict", EXAMPLE_REQUEST)
    assert answer.json() == FORECAST
    assert PredictResponse.model_validate_json(answer.body)
    assert answer.headers["Set-Cookie"] is None
    assert "Server" not in answer.headers
