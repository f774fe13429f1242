"""Every failure becomes a row of the contract's error table."""

import logging
from collections.abc import Mapping
from typing import Any, Final, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qos_contract import ERRORS, ErrorBody, ErrorCode, FieldProblem
from qos_runtime.linger import LastResponse

CLIENT_CLOSED_REQUEST: Final = 499
"""Status for the metrics only: nobody is left to read an answer. nginx uses the same number."""
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


class GuardMiddleware:
    """Answers the unexpected: never a 500, never a stack trace; what happened goes to the log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, come what may."""
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception:
            if started or scope["type"] != "http":  # too late for an answer: the connection has to break
                raise
            logger.exception("unexpected failure on %s %s", scope["method"], scope["path"])
            await error_response(ServiceError(ErrorCode.INTERNAL_ERROR))(scope, receive, send)


def error_response(error: ServiceError, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer to an error, with Retry-After where trying again may help."""
    kind = ERRORS[error.code]
    body = ErrorBody(error=error.code, detail=kind.sentence if error.detail is None else error.detail)
    retry_after = kind.retry_after if error.retry_after is None else error.retry_after
    extra = {} if retry_after is None else {"Retry-After": str(retry_after)}
    response_class = LastResponse if error.code is ErrorCode.BODY_TOO_LARGE else Response
    return response_class(body.wire(), kind.status, {**extra, **(headers or {})}, media_type="application/json")


def describe_errors(*codes: ErrorCode) -> dict[int | str, dict[str, Any]]:
    """Return these errors as OpenAPI has them: one entry per status, whatever the codes that share it."""
    entries: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        kind = ERRORS[code]
        entry = entries.setdefault(kind.status, {"model": ErrorBody, "description": ""})
        entry["description"] = f"{entry['description']} `{code}`: {kind.sentence}".strip()
    return entries


def install_error_handlers(app: FastAPI) -> None:
    """Let the app answer what its routes raise; GuardMiddleware answers what nobody expected."""
    app.add_exception_handler(ServiceError, _answer_service_error)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(RequestValidationError, _answer_invalid_parameters)
    app.add_exception_handler(ClientDisconnect, _answer_nobody)


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
