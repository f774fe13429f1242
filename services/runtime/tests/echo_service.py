"""A small service on the runtime, run as a process by the tests beside it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, Field
from pydantic_settings import SettingsConfigDict
from starlette.responses import JSONResponse, Response

from qos_runtime.app import Readiness, Service, create_service
from qos_runtime.body import parse_body
from qos_runtime.context import current
from qos_runtime.front import HotRoute
from qos_runtime.lifecycle import Reload
from qos_runtime.metrics import Metrics
from qos_runtime.server import run
from qos_runtime.settings import ServiceSettings


class EchoSettings(ServiceSettings):
    """Settings of the echo service."""

    model_config = SettingsConfigDict(env_prefix="ECHO_")

    ready: bool = True
    """whether it says it is ready"""
    limit: float = Field(1.0, gt=0)
    """a setting with a bound"""


class Echo(BaseModel):
    """What is echoed."""

    value: float


async def echo(body: bytes) -> bytes:
    """Send back what came."""
    return parse_body(Echo, body).model_dump_json().encode()


async def wait(body: bytes) -> bytes:
    """Wait for `value` milliseconds, and say who asked."""
    await asyncio.sleep(parse_body(Echo, body).value / 1000)
    context = current.get()
    assert context
    return json.dumps(
        {"request_id": context.request_id.decode(), "traceparent": context.trace_parent.decode()}
    ).encode()


async def fail(_: bytes) -> bytes:
    """Fail on the short way."""
    raise RuntimeError("postgres://secret@10.0.0.7 is down")


router = APIRouter()


@router.get("/items/{number}")
async def items(number: int) -> Response:
    """Wait for some milliseconds, and say who asked."""
    await asyncio.sleep(number / 1000)
    context = current.get()
    return JSONResponse({"request_id": context and context.request_id.decode()})


@router.get("/boom")
async def boom() -> Response:
    """Fail."""
    raise RuntimeError("postgres://secret@10.0.0.7 is down")


def create_echo(settings: EchoSettings) -> Service:
    """Build the service."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield

    async def check_readiness() -> Readiness:
        return Readiness(None if settings.ready else "told so")

    routes = [HotRoute(f"/{answer.__name__}", answer, settings.max_body_bytes) for answer in (echo, wait, fail)]
    routes.append(HotRoute("/wait/batch", wait, settings.max_batch_body_bytes))
    return create_service(
        Metrics("echo"),
        "Echoes.",
        routes,
        router,
        settings=settings,
        lifespan=lifespan,
        readiness=check_readiness,
        reload=Reload(),
    )


if __name__ == "__main__":
    run(create_echo(EchoSettings.load()))
