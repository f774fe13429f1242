"""Request bodies: read up to a limit, validated from the raw bytes."""

import asyncio
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from qos_contract import ErrorCode, list_problems
from qos_runtime.errors import ServiceError

Model = TypeVar("Model", bound=BaseModel)


async def read_body(request: Request, limit: int, seconds: float) -> bytes:
    """Return a request's raw body, of any content type; see `receive_body`."""
    return await receive_body(request.receive, request.headers.get("content-length", "").encode(), limit, seconds)


async def receive_body(receive: Receive, announced: bytes, limit: int, seconds: float) -> bytes:
    """Return the raw body, of which a header `announced` the length.

    Raises ServiceError: body_too_large as soon as more than `limit` bytes are announced or have come, body_too_slow
    where it is not there after so many seconds; and ClientDisconnect where the client goes away first.
    """
    if announced.isdigit() and int(announced) > limit:
        raise ServiceError(ErrorCode.BODY_TOO_LARGE)
    try:
        async with asyncio.timeout(seconds):
            return await _collect(receive, limit)
    except TimeoutError:
        raise ServiceError(ErrorCode.BODY_TOO_SLOW) from None


async def _collect(receive: Receive, limit: int) -> bytes:
    body: bytes | bytearray = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        if len(body) + len(chunk) > limit:
            raise ServiceError(ErrorCode.BODY_TOO_LARGE)
        if not message.get("more_body", False):
            return bytes(body + chunk) if body else chunk
        body = bytearray(body) if isinstance(body, bytes) else body
        body += chunk


def parse_body(model: type[Model], body: bytes) -> Model:
    """Validate a raw JSON body. Raises ServiceError (validation_error) with the problems by field."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise ServiceError(ErrorCode.VALIDATION_ERROR, list_problems(error)) from None
