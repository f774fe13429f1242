"""A small service on the runtime, run as a process by the tests beside it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Request
from pydantic import BaseModel, Field
from pydantic_settings import SettingsConfigDict
from starlette.responses import JSONResponse, Response

from qos_runtime.app import Readiness, Service, create_service
from qos_runtime.body import parse_body, read_body
from qos_runtime.request_id import current_request_id
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


router = APIRouter()


@router.post("/echo")
async def echo(request: Request) -> Response:
    """Send back what came."""
    body = await read_body(request, request.state.settings.max_body_bytes)
    return Response(parse_body(Echo, body).model_dump_json(), media_type="application/json")


@router.get("/items/{number}")
async def items(number: int) -> Response:
    """Wait for some milliseconds, and say who asked."""
    await asyncio.sleep(number / 1000)
    return JSONResponse({"request_id": current_request_id()})


@router.get("/boom")
async def boom() -> Response:
    """Fail."""
    raise RuntimeError("postgres://secret@10.0.0.7 is down")


async def check_readiness(request: Request) -> Readiness:
    """Ready if the setting says so."""
    return Readiness(None if request.state.settings.ready else "told so")


def create_echo(settings: EchoSettings) -> Service:
    """Build the service."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[Mapping[str, object]]:
        yield {"settings": settings}

    return create_service(
        "echo", "Echoes.", router, settings=settings, lifespan=lambda _: lifespan, readiness=check_readiness
    )


if __name__ == "__main__":
    run(create_echo(EchoSettings.load()))
