"""The protocol's endpoints."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.responses import JSONResponse, Response

from ml_inference.serving.keeper import BundleKeeper
from ml_inference.serving.settings import InferenceSettings
from ml_inference.serving.v2.model import EXAMPLE, MODEL, describe, forecast, served
from ml_inference.serving.v2.wire import HEADER_LENGTH, InferRequest, ProtocolError, read_request, write_answer
from qos_runtime.app import describe_body
from qos_runtime.body import read_body

_PATH: Final = f"/v2/models/{MODEL}"
_VERSION: Final = "/versions/{version}"

_NOT_LOADED: Final[dict[int | str, dict[str, Any]]] = {503: {"description": "No model is loaded yet."}}
_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    503: {"description": "No model is loaded yet, or the service has as much to do as it can."},
    400: {"description": "The request is wrong; `error` says where."},
    408: {"description": "The body did not come in time."},
    413: {"description": "The body is too large."},
    415: {"description": "The body is compressed."},
}


class _Route(APIRoute):
    """Answers errors in the protocol's own form."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except ProtocolError as error:
                return JSONResponse({"error": str(error)}, error.status, error.headers)

        return answer


def create_v2_router(keeper: BundleKeeper, settings: InferenceSettings, version: str) -> APIRouter:
    """Build the endpoints; `version` is the service's."""
    router = APIRouter(tags=["open inference protocol"], route_class=_Route, default_response_class=JSONResponse)

    @router.get("/v2")
    async def describe_server() -> dict[str, Any]:
        """What serves."""
        return {"name": "ml-inference", "version": version, "extensions": ["binary_tensor_data"]}

    @router.get("/v2/health/live")
    async def live() -> dict[str, bool]:
        """The process is alive."""
        return {"live": True}

    # "false" is a 4xx in this protocol.
    @router.get("/v2/health/ready", responses={400: {"description": "It cannot."}})
    async def ready() -> Response:
        """The service can do its work."""
        return JSONResponse({"ready": keeper.is_ready}, 200 if keeper.is_ready else 400)

    _add_model(router, keeper, settings)
    return router


def _add_model(router: APIRouter, keeper: BundleKeeper, settings: InferenceSettings) -> None:
    """Add the model's own endpoints, each also under the version that answers."""

    @router.get(f"{_PATH}/ready", responses={400: {"description": "It cannot."}})
    @router.get(f"{_PATH}{_VERSION}/ready", include_in_schema=False)
    async def model_ready(request: Request) -> Response:
        """The model can answer."""
        if keeper.is_ready:
            served(keeper, request.path_params.get("version"))
        return JSONResponse({"name": MODEL, "ready": keeper.is_ready}, 200 if keeper.is_ready else 400)

    @router.get(_PATH, responses=_NOT_LOADED)
    @router.get(f"{_PATH}{_VERSION}", include_in_schema=False)
    async def describe_model(request: Request) -> dict[str, Any]:
        """The model's inputs, outputs and units."""
        return describe(served(keeper, request.path_params.get("version")))

    @router.post(f"{_PATH}/infer", openapi_extra=describe_body(InferRequest, EXAMPLE), responses=_ERRORS)
    @router.post(f"{_PATH}{_VERSION}/infer", include_in_schema=False)
    async def infer(request: Request) -> Response:
        """Forecast many links of equally long histories."""
        if request.headers.get("content-encoding", "identity") != "identity":
            raise ProtocolError(415, "compressed bodies are not read")
        body = await read_body(request, settings.max_batch_body_bytes, settings.body_timeout_seconds)
        bundle = served(keeper, request.path_params.get("version"))
        asked, tensors = read_request(body, request.headers.get(HEADER_LENGTH))
        version, outputs = forecast(bundle, tensors, settings.default_link_capacity_mbps)
        content, headers = write_answer(asked, MODEL, version, outputs)
        return Response(content, headers=headers)
