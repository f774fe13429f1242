"""An id for every request: the client's if it is sane, otherwise a new one."""

import re
import uuid
from contextvars import ContextVar
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER: Final = "X-Request-ID"
_WIRE_NAME: Final = HEADER.lower().encode()
# Nothing that could break a log line, a header or a shell.
_SANE: Final = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_current: ContextVar[str | None] = ContextVar("request_id", default=None)


def current_request_id() -> str | None:
    """Return the id of the request being answered, None outside of one."""
    return _current.get()


class RequestIdMiddleware:
    """Takes or makes the id, offers it to logs and calls to other services, and returns it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request under its id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == _WIRE_NAME), b"")
        request_id = given if _SANE.fullmatch(given) else uuid.uuid4().hex.encode()
        token = _current.set(request_id.decode())

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (_WIRE_NAME, request_id)]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            _current.reset(token)
