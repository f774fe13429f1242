"""The app that a service adds its endpoints to: errors, health, metrics and documentation are the same everywhere."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from typing import Any

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from qos_runtime.docs import render_docs
from qos_runtime.errors import GuardMiddleware, install_error_handlers
from qos_runtime.lifecycle import Drain, DrainMiddleware
from qos_runtime.metrics import CONTENT_TYPE, Metrics, MetricsMiddleware
from qos_runtime.request_id import RequestIdMiddleware
from qos_runtime.settings import ServiceSettings

DRAINING = "the process is stopping"


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a service can do its work."""

    reason: str | None = None
    """why it cannot; None: it can"""
    facts: Mapping[str, str] = field(default_factory=dict)
    """what /health/ready adds to a good answer"""


ReadinessCheck = Callable[[Request], Awaitable[Readiness]]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Service:
    """An app and what runs it."""

    app: FastAPI
    settings: ServiceSettings
    drain: Drain
    metrics: Metrics


def create_service(
    name: str,
    description: str,
    router: APIRouter,
    *,
    settings: ServiceSettings,
    lifespan: Callable[[Metrics], Lifespan],
    readiness: ReadinessCheck,
) -> Service:
    """Build a service: its own `router`, and what all services answer alike.

    `name` is the distribution's; `lifespan` gets the metrics and yields what requests find in `request.state`.
    """
    drain, version = Drain(), _version(name)
    metrics = Metrics(name, version)
    app = FastAPI(
        title=name,
        version=version,
        description=description,
        lifespan=lifespan(metrics),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,  # a redirect would repeat the address the client was led to
        middleware=[
            Middleware(RequestIdMiddleware),
            Middleware(DrainMiddleware, drain=drain),
            Middleware(MetricsMiddleware, metrics=metrics),
            Middleware(GuardMiddleware),
        ],
    )
    install_error_handlers(app)
    app.include_router(router)
    app.include_router(_operations(drain, metrics, readiness))
    app.include_router(_documentation(app))
    return Service(app, settings, drain, metrics)


def describe_body(model: type[BaseModel], example: Mapping[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI part of a route that reads and validates its raw body itself."""
    content = {"schema": model.model_json_schema(), "example": example}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def _version(name: str) -> str:
    try:
        return installed_version(name)
    except PackageNotFoundError:  # run from its source
        return "0+source"


def _operations(drain: Drain, metrics: Metrics, readiness: ReadinessCheck) -> APIRouter:
    router = APIRouter(tags=["operation"], default_response_class=JSONResponse)

    @router.get("/health")
    async def health() -> dict[str, str]:
        """The process is alive."""
        return {"status": "alive"}

    @router.get("/health/ready", responses={503: {"description": "Not ready; `reason` says why."}})
    async def ready(request: Request) -> Response:
        """The service can do its work."""
        state = Readiness(DRAINING) if drain.begun else await readiness(request)
        if state.reason is None:
            return JSONResponse({"status": "ready", **state.facts})
        return JSONResponse({"status": "not ready", "reason": state.reason}, 503)

    @router.get("/metrics")
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
