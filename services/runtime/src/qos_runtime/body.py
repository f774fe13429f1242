"""Request bodies: read up to a limit, validated from the raw bytes."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from qos_contract import ErrorCode, list_problems
from qos_runtime.errors import ServiceError

Model = TypeVar("Model", bound=BaseModel)


async def read_body(request: Request, limit: int) -> bytes:
    """Return the raw body, of any content type.

    Raises ServiceError (body_too_large) as soon as more than `limit` bytes are announced or have come, and
    ClientDisconnect where the client goes away first.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise ServiceError(ErrorCode.BODY_TOO_LARGE)
    body = bytearray()
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > limit:
            raise ServiceError(ErrorCode.BODY_TOO_LARGE)
        if not message.get("more_body", False):
            return bytes(body)


def parse_body(model: type[Model], body: bytes) -> Model:
    """Validate a raw JSON body. Raises ServiceError (validation_error) with the problems by field."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise ServiceError(ErrorCode.VALIDATION_ERROR, list_problems(error)) from None
