"""The service ml-inference: `POST /predict`, answered by the bundle's graph."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TypedDict

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response

from ml_inference.bundle import Bundle
from ml_inference.serving.keeper import BundleKeeper
from ml_inference.serving.prediction import predict
from ml_inference.serving.settings import InferenceSettings
from qos_contract import EXAMPLE_REQUEST, ErrorCode, PredictRequest, PredictResponse
from qos_runtime.app import Lifespan, Readiness, Service, create_service, describe_body
from qos_runtime.body import parse_body, read_body
from qos_runtime.errors import ServiceError, describe_errors
from qos_runtime.metrics import Metrics

NAME = "ml-inference"


class State(TypedDict):
    """What a request finds in `request.state`."""

    settings: InferenceSettings
    keeper: BundleKeeper


router = APIRouter(tags=["forecast"])


@router.post(
    "/predict",
    response_model=PredictResponse,
    responses=describe_errors(ErrorCode.VALIDATION_ERROR, ErrorCode.BODY_TOO_LARGE, ErrorCode.MODEL_NOT_READY),
    openapi_extra=describe_body(PredictRequest, EXAMPLE_REQUEST),
)
async def answer_predict(request: Request) -> Response:
    """Forecast the bandwidth of one link from its last ten samples."""
    settings: InferenceSettings = request.state.settings
    keeper: BundleKeeper = request.state.keeper
    question = parse_body(PredictRequest, await read_body(request, settings.max_body_bytes))
    if keeper.bundle is None:
        raise ServiceError(ErrorCode.MODEL_NOT_READY)
    # Inline: the graph takes microseconds, less than handing it to a thread and back.
    answer = predict(keeper.bundle, question, settings.default_link_capacity_mbps)
    return Response(answer.wire(), media_type="application/json")


async def check_readiness(request: Request) -> Readiness:
    """Ready means: the bundle on disk is verified, warm, and the one that answers (`model_version` says with what)."""
    keeper: BundleKeeper = request.state.keeper
    if keeper.bundle is None or keeper.reason is not None:
        return Readiness(keeper.reason)
    return Readiness(facts={"model_version": keeper.bundle.version})


def create_inference(settings: InferenceSettings) -> Service:
    """Build the service; it starts, and is alive, with a bundle that does not fit or is not there yet."""

    def with_metrics(metrics: Metrics) -> Lifespan:
        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[Mapping[str, object]]:
            keeper = BundleKeeper(settings.bundle_dir, lambda bundle: _publish(metrics, bundle))
            await keeper.refresh()
            watching = asyncio.create_task(keeper.watch(settings.bundle_check_seconds))
            try:
                yield State(settings=settings, keeper=keeper)
            finally:
                watching.cancel()
                with suppress(asyncio.CancelledError):
                    await watching

        return lifespan

    return create_service(
        NAME,
        "Forecasts the bandwidth of network links; asked by the api-gateway.",
        router,
        settings=settings,
        lifespan=with_metrics,
        readiness=check_readiness,
    )


def _publish(metrics: Metrics, bundle: Bundle) -> None:
    metrics.publish_info("model", "What answers.", {"model_version": bundle.version, "name": bundle.name})
