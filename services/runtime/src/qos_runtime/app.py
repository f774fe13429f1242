"""The app that a service adds its endpoints to: errors, health, metrics and documentation are the same everywhere."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp

from qos_runtime.docs import render_docs
from qos_runtime.errors import install_error_handlers
from qos_runtime.front import METRICS_PATH, Front, HotRoute, Keys
from qos_runtime.lifecycle import Drain, Reload
from qos_runtime.metrics import CONTENT_TYPE, Metrics
from qos_runtime.settings import ServiceSettings

DRAINING = "the process is stopping"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a service can do its work."""

    reason: str | None = None
    """why it cannot; None: it can"""
    facts: Mapping[str, str] = field(default_factory=dict)
    """what /health/ready adds to a good answer"""


ReadinessCheck = Callable[[], Awaitable[Readiness]]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class Service:
    """An app and what runs it."""

    app: ASGIApp
    settings: ServiceSettings
    drain: Drain
    reload: Reload
    metrics: Metrics


def create_service(
    metrics: Metrics,
    description: str,
    hot_routes: Sequence[HotRoute],
    *routers: APIRouter,
    settings: ServiceSettings,
    lifespan: Lifespan,
    readiness: ReadinessCheck,
    keys: Keys | None = None,
    reload: Reload,
) -> Service:
    """Build a service: its own `hot_routes` and `routers`, and what all services answer alike."""
    drain = Drain()
    shell = FastAPI(
        title=metrics.service,
        version=metrics.version,
        description=description,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,  # a redirect would repeat the address the client was led to
    )
    install_error_handlers(shell)
    for route in hot_routes:
        shell.add_api_route(route.path, _document_only, methods=["POST"], **route.documentation)
    for router in (*routers, _operations(drain, metrics, readiness), _documentation(shell)):
        shell.include_router(router)
    front = Front(shell, hot_routes, settings=settings, metrics=metrics, drain=drain, keys=keys)
    return Service(front, settings, drain, reload, metrics)


async def _document_only() -> Response:
    # The router needs an endpoint to show the route and to answer 405 to other methods; the front answers the POST.
    raise NotImplementedError


def describe_body(model: type[BaseModel], example: Mapping[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI part of a route that reads and validates its raw body itself."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})
    content = {"schema": _put_in(schema, parts), "example": example}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def _put_in(schema: Any, parts: Mapping[str, Any]) -> Any:
    """Replace references, which lead nowhere in an OpenAPI document, by what they refer to."""
    if isinstance(schema, list):
        return [_put_in(item, parts) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _put_in(parts[schema["$ref"].rpartition("/")[2]], parts)
    return {key: _put_in(value, parts) for key, value in schema.items()}


def _operations(drain: Drain, metrics: Metrics, readiness: ReadinessCheck) -> APIRouter:
    router = APIRouter(tags=["operation"], default_response_class=JSONResponse)
    told: str | None = None

    def tell(reason: str | None) -> None:
        """Log what readiness changes to: whoever asks may keep no more than the status (a kubelet does)."""
        nonlocal told
        if reason == told:
            return
        told = reason
        if reason is None:
            logger.info("ready")
        elif not drain.begun:
            logger.warning("not ready: %s", reason)

    @router.get("/health")
    async def health() -> dict[str, str]:
        """The process is alive."""
        return {"status": "alive"}

    @router.get("/health/ready", responses={503: {"description": "Not ready; `reason` says why."}})
    async def ready() -> Response:
        """The service can do its work."""
        state = Readiness(DRAINING) if drain.begun else await readiness()
        tell(state.reason)
        if state.reason is None:
            return JSONResponse({"status": "ready", **state.facts})
        return JSONResponse({"status": "not ready", "reason": state.reason}, 503)

    @router.get(METRICS_PATH, response_class=PlainTextResponse)
    async def show_metrics() -> Response:
        """Metrics as Prometheus text."""
        return Response(metrics.render(), media_type=CONTENT_TYPE)

    return router


def _documentation(app: FastAPI) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/openapi.json")
    async def openapi() -> Response:
        return JSONResponse(app.openapi())

    @router.get("/docs")
    async def docs() -> Response:
        return HTMLResponse(render_docs(app.openapi()))

    return router
