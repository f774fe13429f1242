"""Going away without losing a request: what the process and its answers have to know."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_CLOSE: Final = (b"connection", b"close")


class Drain:
    """Whether this process has been told to stop."""

    def __init__(self) -> None:
        self.begun = False

    def begin(self) -> None:
        """Go: from now on readiness is 503 and every answer ends its connection."""
        self.begun = True


class DrainMiddleware:
    """Ends busy keep-alive connections by protocol: closing them from here would race with the next request."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app = app
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, the last one of its connection if the process is to stop."""

        async def send_and_close(message: Message) -> None:
            # Looked up at the answer, not at the request: the order may come in between.
            if self._drain.begun and message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), _CLOSE]
            await send(message)

        await self._app(scope, receive, send_and_close)
