"""What every request passes on its way in and out, and the short way for the few routes that most requests take.

Behind the front are two kinds of answers. A hot route is a function from the raw body to the raw answer, called here
and now. Everything else (health, documentation, metrics, errors of path and method) is FastAPI's, the shell. Both are
identified, counted, guarded and drained alike, in one place and one step: a chain of middlewares, one wrapped `send`
around the other, would cost more than the forecast itself.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final, Protocol

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qos_contract import ErrorCode
from qos_runtime.body import ByteBudget, announced_length, receive_body
from qos_runtime.context import REQUEST_ID, current, identify
from qos_runtime.errors import CLIENT_CLOSED_REQUEST, ServiceError, error_response
from qos_runtime.lifecycle import Drain
from qos_runtime.logs import log_access
from qos_runtime.metrics import Metrics
from qos_runtime.settings import ServiceSettings

METRICS_PATH: Final = "/metrics"
_UNMATCHED: Final = "unmatched"
_JSON: Final = (b"content-type", b"application/json")
_CLOSE: Final = (b"connection", b"close")

Answer = Callable[[bytes], Awaitable[bytes]]

logger = logging.getLogger(__name__)


class Keys(Protocol):
    """Who may ask."""

    def check(self, authorization: bytes | None, scope: str) -> object:
        """Raise ServiceError unless the header names somebody who may, now, do what belongs to `scope`."""


@dataclass(frozen=True, slots=True)
class HotRoute:
    """A POST that the front answers by itself."""

    path: str
    answer: Answer
    """from a body to the JSON of a 200; raises ServiceError for everything else"""
    max_body_bytes: int
    documentation: Mapping[str, Any] = field(default_factory=dict)
    """what FastAPI's add_api_route takes to show the route in the OpenAPI document"""


class Exchange:
    """One request, and the way that its answer takes."""

    __slots__ = (
        "_budget",
        "_come",
        "_drain",
        "_receive",
        "_send",
        "announced",
        "context",
        "headers",
        "held",
        "is_complete",
        "scope",
        "status",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, drain: Drain, budget: ByteBudget) -> None:
        self.scope = scope
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.announced = announced_length(self.headers)
        """bytes of the body"""
        self.held = 0
        """bytes of the budget, until the exchange is over"""
        self.context = identify(self.headers)
        self.status = 0
        """of the answer; 0 until there is one"""
        self.is_complete = False
        self._receive = receive
        self._send = send
        self._drain = drain
        self._budget = budget
        self._come = 0

    async def receive(self) -> Message:
        """Receive a part of the body; raises ServiceError (overloaded) where there is no room for it.

        A long one needs room for all that it announces, before any of it is read; what was not announced, as it comes.
        A short one that comes at once needs none: `max_in_flight` bounds these, and they are let in when long bodies
        and slow ones have taken all there is.
        """
        if self.status:  # what still comes after the answer is dropped
            return await self._receive()
        if self.announced > self._budget.short:
            self.held = self._budget.grow(self.held, self.announced)
        message = await self._receive()
        self._come += len(message.get("body", b""))
        if self._come > self._budget.short or message.get("more_body", False):
            self.held = self._budget.grow(self.held, self._come)
        return message

    async def send(self, message: Message) -> None:
        """Send a part of an answer, with what every answer carries."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (REQUEST_ID, self.context.request_id)]
            # Looked up at the answer, not at the request: the order to stop may come in between. Busy keep-alive
            # connections are ended by protocol: closing them from here would race with the next request.
            if self._drain.begun:
                message["headers"].append(_CLOSE)
        else:
            self.is_complete = not message.get("more_body", False)
        await self._send(message)

    async def send_json(self, content: bytes) -> None:
        """Answer 200."""
        headers = [_JSON, (b"content-length", b"%d" % len(content))]
        await self.send({"type": "http.response.start", "status": 200, "headers": headers})
        await self.send({"type": "http.response.body", "body": content})

    async def refuse(self, error: ServiceError) -> None:
        """Answer with a row of the error table."""
        await error_response(error)(self.scope, self.receive, self.send)


class Front:
    """The outermost ASGI app of a service."""

    def __init__(
        self,
        shell: ASGIApp,
        hot_routes: Iterable[HotRoute],
        *,
        settings: ServiceSettings,
        metrics: Metrics,
        drain: Drain,
        keys: Keys | None,
    ) -> None:
        self._shell = shell
        self._hot = {route.path: route for route in hot_routes}
        self._metrics = metrics
        self._drain = drain
        self._keys = keys
        self._budget = ByteBudget(settings.max_bytes_in_flight, short=settings.max_body_bytes)
        self._max_in_flight = settings.max_in_flight
        self._body_timeout = settings.body_timeout_seconds
        self._access_log = settings.access_log
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, come what may."""
        if scope["type"] != "http":
            await self._shell(scope, receive, send)
            return
        begun = perf_counter()
        exchange = Exchange(scope, receive, send, self._drain, self._budget)
        current.set(exchange.context)
        hot = self._hot.get(scope["path"]) if scope["method"] == "POST" else None
        self._metrics.begin()
        try:
            if hot is None:
                await self._ask_shell(exchange)
            else:
                await self._answer(hot, exchange)
        finally:
            self._budget.release(exchange.held)
            route = hot.path if hot else getattr(scope.get("route"), "path", _UNMATCHED)
            seconds = perf_counter() - begun
            self._metrics.end(scope["method"], route, exchange.status, seconds)
            if self._access_log:
                log_access(scope["method"], route, exchange.status, seconds)

    async def _answer(self, route: HotRoute, exchange: Exchange) -> None:
        try:
            self._check_load()
            if self._keys is not None:
                self._keys.check(exchange.headers.get(b"authorization"), "forecast")
            body = await receive_body(exchange.receive, exchange.announced, route.max_body_bytes, self._body_timeout)
            self._check_load()
            await exchange.send_json(await self._work(route, body))
        except ServiceError as error:
            await exchange.refuse(error)
        except ClientDisconnect:
            exchange.status = CLIENT_CLOSED_REQUEST
        except Exception:
            if exchange.status:  # too late for another answer: the connection has to break
                raise
            logger.exception("unexpected failure on POST %s", route.path)
            await exchange.refuse(ServiceError(ErrorCode.INTERNAL_ERROR))

    def _check_load(self) -> None:
        # At once, instead of a queue in which everybody waits until nobody wants the answer any more.
        if self._in_flight >= self._max_in_flight:
            raise ServiceError(ErrorCode.OVERLOADED)

    async def _work(self, route: HotRoute, body: bytes) -> bytes:
        # Only what has come in whole counts: who sends slowly takes nobody's place.
        self._in_flight += 1
        try:
            return await route.answer(body)
        finally:
            self._in_flight -= 1

    async def _ask_shell(self, exchange: Exchange) -> None:
        try:
            if self._keys is not None and exchange.scope["path"] == METRICS_PATH:
                self._keys.check(exchange.headers.get(b"authorization"), "metrics")
            await self._shell(exchange.scope, exchange.receive, exchange.send)
        except ServiceError as error:
            await exchange.refuse(error)
        except Exception:  # FastAPI raises again what its handler has logged and answered
            if not exchange.is_complete:
                raise
