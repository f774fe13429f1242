"""The service ml-inference: forecasts, answered by the bundle's graphs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI

from ml_inference.bundle import Bundle
from ml_inference.serving.keeper import BundleKeeper
from ml_inference.serving.prediction import predict, predict_batch
from ml_inference.serving.settings import InferenceSettings
from ml_inference.serving.v2 import create_v2_router
from qos_contract import BatchRequest, ErrorCode, PredictRequest
from qos_runtime.app import Readiness, Service, create_service
from qos_runtime.body import parse_body
from qos_runtime.errors import ServiceError
from qos_runtime.forecasts import hot_routes
from qos_runtime.lifecycle import Reload
from qos_runtime.metrics import Metrics

NAME = "ml-inference"


class Forecaster:
    """Answers from whatever bundle is served at the moment."""

    def __init__(self, keeper: BundleKeeper, default_capacity: float) -> None:
        self._keeper = keeper
        self._default_capacity = default_capacity

    # Inline: the graph takes microseconds, less than handing it to a thread and back.

    async def predict(self, body: bytes) -> bytes:
        """Answer one link's question."""
        question = parse_body(PredictRequest, body)
        return predict(self._bundle(), question, self._default_capacity).wire()

    async def predict_batch(self, body: bytes) -> bytes:
        """Answer many links' questions."""
        batch = parse_body(BatchRequest, body)
        return predict_batch(self._bundle(), batch, self._default_capacity).wire()

    def _bundle(self) -> Bundle:
        if self._keeper.bundle is None:
            raise ServiceError(ErrorCode.MODEL_NOT_READY)
        return self._keeper.bundle


def create_inference(settings: InferenceSettings) -> Service:
    """Build the service; it starts, and is alive, with a bundle that does not fit or is not there yet."""
    metrics, reload = Metrics(NAME), Reload()
    refused = metrics.counter("model_bundles_refused", "Bundles that were found and cannot be served.")

    def publish(bundle: Bundle) -> None:
        metrics.publish_info("model", "What answers.", {"model_version": bundle.version, "name": bundle.name})

    keeper = BundleKeeper(settings.bundle_dir, publish, refused.inc)
    reload.add(keeper.refresh)
    forecaster = Forecaster(keeper, settings.default_link_capacity_mbps)

    async def check_readiness() -> Readiness:
        """Ready means: the bundle on disk is verified, warm, and the one that answers (`model_version` says which)."""
        if keeper.bundle is None or not keeper.is_ready:
            return Readiness(keeper.reason)
        return Readiness(facts={"model_version": keeper.bundle.version})

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await keeper.refresh()
        watching = asyncio.create_task(keeper.watch(settings.bundle_check_seconds))
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    return create_service(
        metrics,
        "Forecasts the bandwidth of network links; asked by the api-gateway.",
        hot_routes(forecaster, settings, ErrorCode.MODEL_NOT_READY),
        create_v2_router(keeper, settings, metrics.version),
        settings=settings,
        lifespan=lifespan,
        readiness=check_readiness,
        reload=reload,
    )
