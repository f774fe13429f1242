"""The two forecasting routes, which the gateway and ml-inference document alike and answer each in its own way."""

from typing import Protocol

from qos_contract import (
    EXAMPLE_BATCH,
    EXAMPLE_REQUEST,
    BatchRequest,
    BatchResponse,
    ErrorCode,
    PredictRequest,
    PredictResponse,
)
from qos_runtime.app import describe_body
from qos_runtime.errors import describe_errors
from qos_runtime.front import HotRoute
from qos_runtime.settings import ServiceSettings


class Forecaster(Protocol):
    """What answers; each takes a raw body, returns the JSON of a 200 or raises ServiceError."""

    async def predict(self, body: bytes) -> bytes:
        """Answer `POST /predict`."""

    async def predict_batch(self, body: bytes) -> bytes:
        """Answer `POST /predict/batch`."""


def hot_routes(forecaster: Forecaster, settings: ServiceSettings, *errors: ErrorCode) -> tuple[HotRoute, HotRoute]:
    """Return the routes of a service that answers, besides the errors of every body, with these `errors`."""
    of_every_body = ErrorCode.VALIDATION_ERROR, ErrorCode.BODY_TOO_LARGE, ErrorCode.BODY_TOO_SLOW, ErrorCode.OVERLOADED
    responses = describe_errors(*of_every_body, *errors)
    return (
        HotRoute(
            "/predict",
            forecaster.predict,
            settings.max_body_bytes,
            {
                "tags": ["forecast"],
                "description": "Forecast the bandwidth of one link from its last ten samples.",
                "response_model": PredictResponse,
                "responses": responses,
                "openapi_extra": describe_body(PredictRequest, EXAMPLE_REQUEST),
            },
        ),
        HotRoute(
            "/predict/batch",
            forecaster.predict_batch,
            settings.max_batch_body_bytes,
            {
                "tags": ["forecast"],
                "description": "Forecast many links at once; what is wrong with one takes no answer from the others.",
                "response_model": BatchResponse,
                "responses": responses,
                "openapi_extra": describe_body(BatchRequest, EXAMPLE_BATCH),
            },
        ),
    )
