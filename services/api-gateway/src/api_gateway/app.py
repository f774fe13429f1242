"""The service api-gateway: `POST /predict`, validated here and answered by ml-inference."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TypedDict

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response

from api_gateway.forwarding import forward
from api_gateway.readiness import InferenceProbe
from api_gateway.settings import GatewaySettings
from api_gateway.upstream import InferenceClient
from qos_contract import EXAMPLE_REQUEST, ErrorCode, PredictRequest, PredictResponse
from qos_runtime.app import Lifespan, Readiness, Service, create_service, describe_body
from qos_runtime.body import parse_body, read_body
from qos_runtime.errors import describe_errors
from qos_runtime.metrics import Metrics

NAME = "api-gateway"


class State(TypedDict):
    """What a request finds in `request.state`."""

    settings: GatewaySettings
    client: InferenceClient
    probe: InferenceProbe


router = APIRouter(tags=["forecast"])


@router.post(
    "/predict",
    response_model=PredictResponse,
    responses=describe_errors(
        ErrorCode.VALIDATION_ERROR,
        ErrorCode.BODY_TOO_LARGE,
        ErrorCode.UPSTREAM_UNAVAILABLE,
        ErrorCode.UPSTREAM_INVALID,
        ErrorCode.UPSTREAM_TIMEOUT,
    ),
    openapi_extra=describe_body(PredictRequest, EXAMPLE_REQUEST),
)
async def answer_predict(request: Request) -> Response:
    """Forecast the bandwidth of one link from its last ten samples."""
    settings: GatewaySettings = request.state.settings
    client: InferenceClient = request.state.client
    body = await read_body(request, settings.max_body_bytes)
    parse_body(PredictRequest, body)
    answer = await forward(client, body, settings.retry_after_seconds)
    return Response(answer, media_type="application/json")


async def check_readiness(request: Request) -> Readiness:
    """Ready means: requests can be answered, so ml-inference has to be ready."""
    probe: InferenceProbe = request.state.probe
    return await probe.check()


def create_gateway(settings: GatewaySettings) -> Service:
    """Build the service; it starts, and is alive, with or without ml-inference."""

    def with_metrics(_: Metrics) -> Lifespan:
        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[Mapping[str, object]]:
            client = InferenceClient(settings)
            try:
                yield State(settings=settings, client=client, probe=InferenceProbe(client))
            finally:
                await client.close()

        return lifespan

    return create_service(
        NAME,
        "Forecasts the bandwidth of network links.",
        router,
        settings=settings,
        lifespan=with_metrics,
        readiness=check_readiness,
    )
