"""The one table of errors: what every service answers when it cannot answer what was asked."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

MAX_PROBLEMS: Final = 20
"""Problems that one 422 lists: an answer never grows with the nonsense that was sent."""
MAX_KEY_LENGTH: Final = 64
"""Characters of an unknown field's name that a 422 repeats."""


class ErrorCode(StrEnum):
    """Names of the errors, as they stand in an answer's `error`."""

    VALIDATION_ERROR = "validation_error"
    BODY_TOO_LARGE = "body_too_large"
    BODY_TOO_SLOW = "body_too_slow"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    BAD_REQUEST = "bad_request"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    MODEL_NOT_READY = "model_not_ready"
    UPSTREAM_UNAVAILABLE = "upstream_unavailable"
    UPSTREAM_INVALID = "upstream_invalid"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    INTERNAL_ERROR = "internal_error"


class ErrorKind(NamedTuple):
    """How an error is answered."""

    status: int
    """HTTP status"""
    sentence: str
    """for a person; the default `detail`"""
    retry_after: int | None = None
    """seconds; header Retry-After where trying again may help"""
    headers: Mapping[str, str] = MappingProxyType({})
    """further headers of the answer"""


ERRORS: Final[Mapping[ErrorCode, ErrorKind]] = MappingProxyType(
    {
        ErrorCode.VALIDATION_ERROR: ErrorKind(422, "The body is not what this endpoint documents."),
        ErrorCode.BODY_TOO_LARGE: ErrorKind(413, "The body is larger than this service reads."),
        ErrorCode.BODY_TOO_SLOW: ErrorKind(408, "The body did not come in the time that this service waits for it."),
        ErrorCode.NOT_FOUND: ErrorKind(404, "There is nothing at this path; /docs lists what there is."),
        ErrorCode.METHOD_NOT_ALLOWED: ErrorKind(405, "This path does not answer this method."),
        ErrorCode.BAD_REQUEST: ErrorKind(400, "The request could not be read."),
        ErrorCode.UNAUTHORIZED: ErrorKind(
            401,
            "A valid API key is needed, in a header `Authorization: Bearer <key>`.",
            headers=MappingProxyType({"WWW-Authenticate": "Bearer"}),
        ),
        ErrorCode.FORBIDDEN: ErrorKind(403, "This API key may not do this."),
        ErrorCode.RATE_LIMITED: ErrorKind(429, "This API key has asked more often than it may.", retry_after=1),
        ErrorCode.OVERLOADED: ErrorKind(503, "The service has as much to do as it can.", retry_after=1),
        ErrorCode.MODEL_NOT_READY: ErrorKind(503, "No model is loaded yet.", retry_after=2),
        ErrorCode.UPSTREAM_UNAVAILABLE: ErrorKind(503, "The forecaster cannot be reached now.", retry_after=2),
        ErrorCode.UPSTREAM_INVALID: ErrorKind(503, "The forecaster gave no usable answer.", retry_after=5),
        ErrorCode.UPSTREAM_TIMEOUT: ErrorKind(504, "The forecaster did not answer in time.", retry_after=2),
        # Never a 500: what failed is in the log, under the answer's request id; the sender may try again.
        ErrorCode.INTERNAL_ERROR: ErrorKind(503, "The service failed on this request.", retry_after=5),
    }
)


class FieldProblem(BaseModel):
    """One thing wrong with a body."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    loc: tuple[int | str, ...]
    """path of the field, from "body" down"""
    msg: str
    type: str
    """pydantic's name of the problem"""


class ErrorBody(BaseModel):
    """Body of every answer that is not a success."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    error: ErrorCode
    detail: str | list[FieldProblem] = Field(description="a sentence; for a 422, the problems by field")

    def wire(self) -> bytes:
        """Return the JSON that goes over the wire."""
        return self.model_dump_json().encode()


def list_problems(error: ValidationError, path: tuple[int | str, ...] = ("body",)) -> list[FieldProblem]:
    """Return the first problems of what lies at `path`; never what was sent: it may be huge, NaN or secret."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return [
        FieldProblem(loc=(*path, *map(_shorten, problem["loc"])), msg=problem["msg"], type=problem["type"])
        for problem in found[:MAX_PROBLEMS]
    ]


def _shorten(part: int | str) -> int | str:
    return part[:MAX_KEY_LENGTH] if isinstance(part, str) else part
