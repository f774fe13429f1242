"""The gateway is ready when ml-inference is, and says why it is not."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from qos_runtime.testing import Endpoint, Exchange, FaultServer, run_fault_server, running


async def say_ready(exchange: Exchange) -> None:
    await exchange.answer(200, {"status": "ready", "model_version": "20250101-abcdef12"})


async def say_why_not(exchange: Exchange) -> None:
    await exchange.answer(503, {"status": "not ready", "reason": "model.onnx is missing"})


async def hang(_: Exchange) -> None:
    await asyncio.sleep(3600)


async def garbage(exchange: Exchange) -> None:
    await exchange.send(b"\x00\x01\x02 is no HTTP of 10.0.0.7\r\n\r\n")
    exchange.close()


async def nonsense(exchange: Exchange) -> None:
    await exchange.answer(200, b"<html>welcome to 10.0.0.7</html>")


async def fail(exchange: Exchange) -> None:
    await exchange.answer(500, b"Traceback: 10.0.0.7 is down")


@pytest.fixture(scope="module")
def upstream() -> Iterator[FaultServer]:
    with run_fault_server(say_ready) as server:
        yield server


@pytest.fixture(scope="module")
def gateway(upstream: FaultServer) -> Iterator[Endpoint]:
    url = f"http://127.0.0.1:{upstream.port}"
    with running(["-m", "api_gateway"], "API_GATEWAY_", inference_url=url, readiness_timeout_seconds=0.5) as (
        endpoint,
        _,
    ):
        endpoint.wait_for("/health/ready", 200)
        yield endpoint


def test_ready_when_upstream_is_not_then_its_reason_is_passed_on(gateway: Endpoint, upstream: FaultServer) -> None:
    upstream.behaviour = say_why_not
    answer = gateway.wait_for("/health/ready", 503)
    assert answer.json()["reason"] == "ml-inference is not ready: model.onnx is missing"


def test_ready_when_asked_often_then_upstream_is_asked_once_a_second(gateway: Endpoint, upstream: FaultServer) -> None:
    upstream.behaviour = say_ready
    upstream.seen.clear()
    begun = time.monotonic()
    for _ in range(50):
        gateway.get("/health/ready")
    assert len(upstream.seen) <= 1 + (time.monotonic() - begun)


@pytest.mark.parametrize("fault", [hang, garbage, nonsense, fail], ids=lambda fault: fault.__name__)
def test_ready_when_upstream_misbehaves_then_503_without_an_address(
    gateway: Endpoint, upstream: FaultServer, fault: Any
) -> None:
    time.sleep(1.05)  # what was known is forgotten by then
    upstream.behaviour = fault
    answer = gateway.get("/health/ready")
    assert answer.status == 503
    assert answer.json()["reason"].startswith("ml-inference")
    assert b"10.0.0.7" not in answer.body


def test_ready_when_upstream_recovers_then_is_ready_again(gateway: Endpoint, upstream: FaultServer) -> None:
    upstream.behaviour = say_ready
    assert gateway.wait_for("/health/ready", 200).json()["model_version"] == "20250101-abcdef12"


def test_ready_when_a_connection_leads_to_somebody_else_then_goes_on_over_a_new_one(
    gateway: Endpoint, upstream: FaultServer
) -> None:
    """A Service's address leads elsewhere until the node knows the Service; what was connected by then stays there."""
    time.sleep(1.05)
    first = None

    async def be_another_on_the_first_connection(exchange: Exchange) -> None:
        nonlocal first
        first = first or exchange.writer
        await (nonsense if exchange.writer is first else say_ready)(exchange)

    upstream.behaviour = be_another_on_the_first_connection
    assert gateway.get("/health/ready").status == 503
    assert gateway.wait_for("/health/ready", 200).json()["status"] == "ready"
