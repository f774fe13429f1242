"""Every failure becomes a row of the contract's error table."""

import logging
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from qos_contract import ERRORS, ErrorBody, ErrorCode, FieldProblem
from qos_runtime.linger import LastResponse

CLIENT_CLOSED_REQUEST: Final = 499
"""Status for the metrics only: nobody is left to read an answer. nginx uses the same number."""
_BEFORE_THE_BODY: Final = frozenset({ErrorCode.BODY_TOO_LARGE, ErrorCode.BODY_TOO_SLOW})
"""errors that are answered although the body has not come in whole"""
_CODE_OF_STATUS: Final = {404: ErrorCode.NOT_FOUND, 405: ErrorCode.METHOD_NOT_ALLOWED}

logger = logging.getLogger(__name__)


class ServiceError(Exception):
    """A request that is answered with a row of the error table."""

    def __init__(
        self, code: ErrorCode, detail: str | list[FieldProblem] | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(code.value)
        self.code = code
        self.detail = detail
        """in place of the table's sentence"""
        self.retry_after = retry_after
        """s, in place of the table's"""


def error_response(error: ServiceError, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer to an error, with Retry-After where trying again may help."""
    kind = ERRORS[error.code]
    if error.detail is None:
        content = _plain_body(error.code)
    else:
        content = ErrorBody(error=error.code, detail=error.detail).wire()
    retry_after = kind.retry_after if error.retry_after is None else error.retry_after
    extra = dict(kind.headers) | ({} if retry_after is None else {"Retry-After": str(retry_after)})
    response_class = LastResponse if error.code in _BEFORE_THE_BODY else Response
    return response_class(content, kind.status, {**extra, **(headers or {})}, media_type="application/json")


@cache
def _plain_body(code: ErrorCode) -> bytes:
    # Overload is answered with this a thousand times a second.
    return ErrorBody(error=code, detail=ERRORS[code].sentence).wire()


def describe_errors(*codes: ErrorCode) -> dict[int | str, dict[str, Any]]:
    """Return these errors as OpenAPI has them: one entry per status, whatever the codes that share it."""
    entries: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        kind = ERRORS[code]
        entry = entries.setdefault(kind.status, {"model": ErrorBody, "description": ""})
        entry["description"] = f"{entry['description']} `{code}`: {kind.sentence}".strip()
    return entries


def install_error_handlers(app: FastAPI) -> None:
    """Let the app answer what its routes raise."""
    app.add_exception_handler(ServiceError, _answer_service_error)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(RequestValidationError, _answer_invalid_parameters)
    app.add_exception_handler(ClientDisconnect, _answer_nobody)
    app.add_exception_handler(Exception, _answer_unexpected)


async def _answer_service_error(_: Request, error: Exception) -> Response:
    return error_response(cast(ServiceError, error))


async def _answer_http_exception(_: Request, error: Exception) -> Response:
    exception = cast(HTTPException, error)
    code = _CODE_OF_STATUS.get(exception.status_code, ErrorCode.BAD_REQUEST)
    return error_response(ServiceError(code), exception.headers)  # a 405 carries Allow


async def _answer_invalid_parameters(_: Request, error: Exception) -> Response:
    found = cast(RequestValidationError, error).errors()
    problems = [FieldProblem(loc=problem["loc"], msg=problem["msg"], type=problem["type"]) for problem in found]
    return error_response(ServiceError(ErrorCode.VALIDATION_ERROR, problems))


async def _answer_nobody(_request: Request, _error: Exception) -> Response:
    return Response(status_code=CLIENT_CLOSED_REQUEST)


async def _answer_unexpected(request: Request, error: Exception) -> Response:
    logger.error("unexpected failure on %s %s", request.method, request.url.path, exc_info=error)
    return error_response(ServiceError(ErrorCode.INTERNAL_ERROR))
