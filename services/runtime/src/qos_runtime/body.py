"""Request bodies: let in while there is room, read up to a limit, validated from the raw bytes."""

import asyncio
from collections.abc import Mapping
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from qos_contract import ErrorCode, FieldProblem, list_problems
from qos_runtime.errors import ServiceError

MAX_PARTS: Final = 16_384
"""lists, objects and fields of a body that is parsed; the largest batch has 5,123. Each may take a kilobyte"""
_PARTS: Final = (b"[", b"{", b":")

Model = TypeVar("Model", bound=BaseModel)


class ByteBudget:
    """Bytes of the bodies that a process holds at once: of those that come in, and of those that are worked on."""

    def __init__(self, limit: int, short: int) -> None:
        """`limit` of all of them; one of no more than `short` bytes that comes at once is not counted."""
        self.left = limit
        self.short = short

    def grow(self, held: int, wanted: int) -> int:
        """Return what a request holds from now on that held `held` bytes and needs `wanted`.

        Raises ServiceError (overloaded) where so many are not left; then it goes on holding what it held.
        """
        if wanted <= held:
            return held
        if wanted - held > self.left:
            raise ServiceError(ErrorCode.OVERLOADED)
        self.left -= wanted - held
        return wanted

    def release(self, held: int) -> None:
        """Take back what a request held."""
        self.left += held


def announced_length(headers: Mapping[bytes, bytes]) -> int:
    """Return the bytes of the body as the headers announce it; 0 where they do not."""
    text = headers.get(b"content-length", b"")
    return int(text) if text.isdigit() else 0


async def read_body(request: Request, limit: int, seconds: float) -> bytes:
    """Return a request's raw body, of any content type; see `receive_body`."""
    return await receive_body(request.receive, announced_length(dict(request.headers.raw)), limit, seconds)


async def receive_body(receive: Receive, announced: int, limit: int, seconds: float) -> bytes:
    """Return the raw body, of which `announced` bytes were announced.

    Raises ServiceError: body_too_large as soon as more than `limit` bytes are announced or have come, body_too_slow
    where it is not there after so many seconds; and ClientDisconnect where the client goes away first.
    """
    if announced > limit:
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
            return b"".join((body, chunk)) if body else chunk
        body = bytearray(body) if isinstance(body, bytes) else body
        body += chunk


def parse_body(model: type[Model], body: bytes) -> Model:
    """Validate a raw JSON body. Raises ServiceError (validation_error) with the problems by field."""
    # Or 2 MB of them would take up to 170 MB: they are parsed, and the problems described, before any can be refused.
    if len(body) > MAX_PARTS and sum(map(body.count, _PARTS)) > MAX_PARTS:
        sentence = f"Invalid JSON: more than {MAX_PARTS} lists, objects and fields"
        problem = FieldProblem(loc=("body",), msg=sentence, type="json_invalid")
        raise ServiceError(ErrorCode.VALIDATION_ERROR, [problem])
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise ServiceError(ErrorCode.VALIDATION_ERROR, list_problems(error)) from None
