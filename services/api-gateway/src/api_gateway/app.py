"""The service api-gateway: forecasts, validated here and answered by ml-inference."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api_gateway.access import load_keys
from api_gateway.breaker import Breaker
from api_gateway.forwarding import Forwarder
from api_gateway.readiness import InferenceProbe
from api_gateway.settings import GatewaySettings
from api_gateway.upstream import InferenceClient
from qos_contract import ErrorCode
from qos_runtime.app import Service, create_service
from qos_runtime.forecasts import hot_routes
from qos_runtime.lifecycle import Reload
from qos_runtime.metrics import Metrics

NAME = "api-gateway"


def create_gateway(settings: GatewaySettings) -> Service:
    """Build the service; it starts, and is alive, with or without ml-inference."""
    metrics, reload = Metrics(NAME), Reload()
    state = metrics.gauge("circuit_breaker_state", "Towards ml-inference: 0 closed, 1 half open, 2 open.")
    breaker = Breaker(
        settings.breaker_failures, settings.breaker_failing_seconds, settings.breaker_open_seconds, state.set
    )
    client = InferenceClient(settings, breaker)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await client.close()

    return create_service(
        metrics,
        "Forecasts the bandwidth of network links.",
        hot_routes(
            Forwarder(client, settings.retry_after_seconds),
            settings,
            ErrorCode.UNAUTHORIZED,
            ErrorCode.FORBIDDEN,
            ErrorCode.RATE_LIMITED,
            ErrorCode.UPSTREAM_UNAVAILABLE,
            ErrorCode.UPSTREAM_INVALID,
            ErrorCode.UPSTREAM_TIMEOUT,
        ),
        settings=settings,
        lifespan=lifespan,
        # Ready means: requests can be answered, so ml-inference has to be ready.
        readiness=InferenceProbe(client).check,
        reload=reload,
        keys=load_keys(settings, reload),
    )
