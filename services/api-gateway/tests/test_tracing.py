"""One request is one trace: the gateway and ml-inference, as they run, log the same trace id."""

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from qos_contract import EXAMPLE_REQUEST
from qos_runtime.testing import Endpoint, Process, running

from .conftest import BUNDLE

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PATIENCE_SECONDS = 5.0

Line = dict[str, Any]


@pytest.fixture(scope="module")
def processes() -> Iterator[tuple[Endpoint, Process, Process]]:
    with (
        running(["-m", "ml_inference"], "ML_INFERENCE_", bundle_dir=BUNDLE, access_log=True) as (inference, model),
        running(["-m", "api_gateway"], "API_GATEWAY_", inference_url=inference.url, access_log=True) as (
            gateway,
            front,
        ),
    ):
        gateway.wait_for("/health/ready", 200)
        yield gateway, front, model


def answered(process: Process) -> list[Line]:
    """What a process has logged about forecasts."""
    # A line may be half written when it is read.
    complete = process.log().rpartition("\n")[0].splitlines()
    lines: list[Line] = [json.loads(line) for line in complete]
    return [line for line in lines if line["logger"] == "access" and line["route"] == "/predict"]


@pytest.fixture
def ask(processes: tuple[Endpoint, Process, Process]) -> Callable[..., tuple[Line, Line, str]]:
    gateway, *logging = processes

    def ask_once(**headers: str) -> tuple[Line, Line, str]:
        """Return what both have logged about one request, and the request id that was answered."""
        before = [len(answered(process)) for process in logging]
        answer = gateway.ask("POST", "/predict", json.dumps(EXAMPLE_REQUEST).encode(), headers)
        assert answer.status == 200
        # A line is written just after its answer has gone out.
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            new = [answered(process)[count:] for process, count in zip(logging, before, strict=True)]
            if all(new) or time.monotonic() > deadline:
                break
            time.sleep(0.02)
        assert [len(lines) for lines in new] == [1, 1]
        return new[0][0], new[1][0], answer.headers["X-Request-ID"]

    return ask_once


def test_logs_when_the_client_traces_then_both_have_its_trace_id(ask: Callable[..., tuple[Line, Line, str]]) -> None:
    front, model, request_id = ask(traceparent=f"00-{TRACE}-{SPAN}-01")
    assert (front["trace_id"], model["trace_id"]) == (TRACE, TRACE)
    assert front["request_id"] == model["request_id"] == request_id == TRACE
    assert len({SPAN, front["span_id"], model["span_id"]}) == 3  # each its own part of the trace
    assert (front["status"], model["status"]) == (200, 200)


def test_logs_when_the_client_names_its_request_too_then_both_have_both_ids(
    ask: Callable[..., tuple[Line, Line, str]],
) -> None:
    front, model, request_id = ask(**{"traceparent": f"00-{TRACE}-{SPAN}-00", "X-Request-ID": "client-1"})
    assert front["request_id"] == model["request_id"] == request_id == "client-1"
    assert front["trace_id"] == model["trace_id"] == TRACE


def test_logs_when_the_client_does_not_trace_then_both_have_one_new_trace_id_for_each_request(
    ask: Callable[..., tuple[Line, Line, str]],
) -> None:
    seen = set()
    for _ in range(3):
        front, model, request_id = ask()
        assert front["trace_id"] == model["trace_id"] == request_id
        assert re.fullmatch("(?!0{32})[0-9a-f]{32}", front["trace_id"])
        seen.add(front["trace_id"])
    assert len(seen) == 3


MALFORMED = {
    "no trace": "hello",
    "empty": "",
    "upper case": f"00-{TRACE.upper()}-{SPAN}-01",
    "too short": f"00-{TRACE[:-1]}-{SPAN}-01",
    "no hex": f"00-{TRACE[:-1]}g-{SPAN}-01",
    "zero trace id": f"00-{'0' * 32}-{SPAN}-01",
    "zero span id": f"00-{TRACE}-{'0' * 16}-01",
    "forbidden version": f"ff-{TRACE}-{SPAN}-01",
    "no flags": f"00-{TRACE}-{SPAN}",
    "a log line": f'00-{TRACE}-{SPAN}-01", "status": 500',
}


@pytest.mark.parametrize("malformed", MALFORMED.values(), ids=MALFORMED.keys())
def test_logs_when_the_clients_trace_is_malformed_then_both_have_a_new_one(
    ask: Callable[..., tuple[Line, Line, str]], malformed: str
) -> None:
    front, model, request_id = ask(traceparent=malformed)
    assert front["trace_id"] == model["trace_id"] == request_id
    assert re.fullmatch("(?!0{32})[0-9a-f]{32}", front["trace_id"])
    assert front["trace_id"] != TRACE
