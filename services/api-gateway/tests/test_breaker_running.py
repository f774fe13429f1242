"""The circuit breaker through a running gateway: who fails for a while is not asked, and then by one request alone."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from qos_contract import EXAMPLE_REQUEST
from qos_runtime.testing import Answer, Endpoint, Exchange, FaultServer, run_fault_server, running

from . import upstreams

FAILURES = 3
FAILING_SECONDS = 0.2
OPEN_SECONDS = 0.8
DEADLINE = 0.1
CLOSED, OPEN = 0, 2


async def refuse(exchange: Exchange) -> None:
    await exchange.answer(503, {"error": "overloaded", "detail": "Too much to do."}, "Retry-After: 1")


@pytest.fixture
def upstream() -> Iterator[FaultServer]:
    with run_fault_server(upstreams.forecast) as server:
        yield server


@contextmanager
def started_gateway(upstream: FaultServer, **settings: object) -> Iterator[Endpoint]:
    settings = {
        "breaker_failures": FAILURES,
        "breaker_failing_seconds": FAILING_SECONDS,
        "breaker_open_seconds": OPEN_SECONDS,
        "request_timeout_seconds": DEADLINE,
        **settings,
    }
    url = f"http://127.0.0.1:{upstream.port}"
    with running(["-m", "api_gateway"], "API_GATEWAY_", inference_url=url, **settings) as (endpoint, _):
        endpoint.wait_for("/health", 200)
        assert endpoint.post("/predict", EXAMPLE_REQUEST).status == 200
        yield endpoint


@pytest.fixture
def gateway(upstream: FaultServer) -> Iterator[Endpoint]:
    with started_gateway(upstream) as endpoint:
        yield endpoint


def state(gateway: Endpoint) -> int:
    found = re.search(r"^circuit_breaker_state (\S+)$", gateway.get("/metrics").body.decode(), re.MULTILINE)
    assert found
    return int(float(found[1]))


def ask(gateway: Endpoint) -> Answer:
    return gateway.post("/predict", EXAMPLE_REQUEST)


def open_it(gateway: Endpoint, upstream: FaultServer, fault: Callable[[Exchange], Any] = upstreams.fail) -> None:
    """Have requests fail, one after the other, until the breaker opens."""
    upstream.behaviour = fault
    begun = time.monotonic()
    asked = 0
    while state(gateway) != OPEN:
        assert ask(gateway).status in {503, 504}
        asked += 1
        assert time.monotonic() - begun < 10 * FAILING_SECONDS
        time.sleep(FAILING_SECONDS / 10)
    assert asked >= FAILURES
    assert time.monotonic() - begun >= FAILING_SECONDS
    upstream.seen.clear()


@pytest.mark.parametrize("fault", [upstreams.fail, upstreams.hang, upstreams.reset], ids=lambda fault: fault.__name__)
def test_predict_when_failures_last_then_refused_without_asking(
    gateway: Endpoint, upstream: FaultServer, fault: Any
) -> None:
    assert state(gateway) == CLOSED
    open_it(gateway, upstream, fault)
    begun = time.monotonic()
    for _ in range(5):
        answer = ask(gateway)
        assert (answer.status, answer.json()["error"]) == (503, "upstream_unavailable")
        assert answer.headers["Retry-After"] == "1"  # what is left of the time, rounded up
    assert time.monotonic() - begun < OPEN_SECONDS / 2
    assert upstream.seen == []
    assert gateway.get("/health").status == 200


def test_predict_when_many_fail_at_the_same_moment_then_the_upstream_is_still_asked(
    gateway: Endpoint, upstream: FaultServer
) -> None:
    async def fail_late(exchange: Exchange) -> None:
        await asyncio.sleep(DEADLINE / 2)
        await upstreams.fail(exchange)

    upstream.behaviour = fail_late
    with ThreadPoolExecutor(2 * FAILURES) as clients:
        assert {answer.status for answer in clients.map(ask, [gateway] * 2 * FAILURES)} == {503}
    upstream.behaviour = upstreams.forecast
    assert ask(gateway).status == 200
    assert state(gateway) == CLOSED


def test_predict_when_upstream_is_only_overloaded_then_it_is_still_asked(
    gateway: Endpoint, upstream: FaultServer
) -> None:
    upstream.behaviour = refuse
    upstream.seen.clear()
    deadline = time.monotonic() + 2 * FAILING_SECONDS
    asked = 0
    while time.monotonic() < deadline:
        assert ask(gateway).status == 503
        asked += 1
    assert asked > FAILURES
    assert len(upstream.seen) == asked
    assert state(gateway) == CLOSED


@pytest.mark.parametrize("recovered", [True, False], ids=["recovered", "still failing"])
def test_predict_when_the_time_is_over_then_one_request_tries_for_all(upstream: FaultServer, recovered: bool) -> None:
    async def answer_late(exchange: Exchange) -> None:
        # So that the others ask while the one that tries has no answer yet.
        await asyncio.sleep(OPEN_SECONDS / 2)
        await (upstreams.forecast if recovered else upstreams.fail)(exchange)

    with started_gateway(upstream, request_timeout_seconds=5) as gateway:
        open_it(gateway, upstream)
        upstream.behaviour = answer_late
        time.sleep(OPEN_SECONDS + 0.05)
        with ThreadPoolExecutor(8) as clients:
            statuses = sorted(answer.status for answer in clients.map(ask, [gateway] * 8))
        assert len(upstream.seen) == 1
        if recovered:
            assert statuses == [200] + [503] * 7
            assert state(gateway) == CLOSED
            upstream.behaviour = upstreams.forecast
            assert [ask(gateway).status for _ in range(5)] == [200] * 5
            return
        assert statuses == [503] * 8
        assert state(gateway) == OPEN
        assert ask(gateway).status == 503
        assert len(upstream.seen) == 1
        upstream.behaviour = upstreams.forecast
        time.sleep(OPEN_SECONDS + 0.05)
        assert ask(gateway).status == 200
        assert state(gateway) == CLOSED
