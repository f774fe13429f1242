"""The one client of ml-inference: pooled, bounded in time and size, retried where nothing can have been done."""

import asyncio
import ssl

from api_gateway.breaker import Breaker
from api_gateway.connection import Answer, Connection, ConnectionEndedError, UpstreamError
from api_gateway.settings import GatewaySettings
from qos_runtime.context import current


class CircuitOpenError(UpstreamError):
    """ml-inference has failed for a while and is left alone."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        """until it will be asked again"""


class InferenceClient:
    """Sends requests to ml-inference over kept connections: as many as there are requests in flight."""

    def __init__(self, settings: GatewaySettings, breaker: Breaker) -> None:
        url = settings.inference_url
        host, self._port = url.host or "", url.port or 0  # a URL with http(s) has both
        self._host, self._authority = host.strip("[]"), f"{host}:{self._port}"  # an IPv6 address has its brackets
        self._ssl = ssl.create_default_context(cafile=settings.inference_ca_file) if url.scheme == "https" else None
        self._path = (url.path or "").rstrip("/")
        self._breaker = breaker
        self._deadline = settings.request_timeout_seconds
        self._readiness_deadline = settings.readiness_timeout_seconds
        self._connect_timeout = settings.connect_timeout_seconds
        self._keep_alive = settings.pool_keep_alive_seconds
        self._idle: list[Connection] = []

    async def close(self) -> None:
        """Close all connections that are not in use; what is asked afterwards goes over new ones."""
        while self._idle:
            self._idle.pop().close()

    async def post(self, path: str, body: bytes) -> Answer:
        """Send a raw body.

        Raises CircuitOpenError without asking, TimeoutError at the deadline, UpstreamError where no usable HTTP answer
        came.
        """
        if wait := self._breaker.admit():
            raise CircuitOpenError(wait)
        try:
            answer = await self._ask("POST", path, body, self._deadline)
        except (UpstreamError, TimeoutError):
            self._breaker.fail()
            raise
        # A 503 is said by a server that knows what it does: it loads its model, or has too much to do.
        if answer.status >= 500 and answer.status != 503:
            self._breaker.fail()
        else:
            self._breaker.succeed()
        return answer

    async def ready(self) -> Answer:
        """Ask whether ml-inference is ready, whatever the breaker says; raises as `post` does."""
        return await self._ask("GET", "/health/ready", b"", self._readiness_deadline)

    async def _ask(self, method: str, path: str, body: bytes, seconds: float) -> Answer:
        """Try, and try once more where the first try cannot have reached a living server.

        That is where no connection came about, and where a kept connection turned out to be closed before a byte
        of the answer (the server ended it just as it was used again).
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        request = self._write_request(method, path, body)
        if connection := self._take_idle(loop):
            try:
                return await self._exchange(connection, request, loop, deadline)
            except ConnectionEndedError:
                pass
        connection = await self._connect(loop, deadline)
        return await self._exchange(connection, request, loop, deadline)

    def _write_request(self, method: str, path: str, body: bytes) -> bytes:
        context = current.get()
        identity = (
            f"x-request-id: {context.request_id.decode()}\r\ntraceparent: {context.trace_parent.decode()}\r\n"
            if context
            else ""
        )
        head = (
            f"{method} {self._path}{path} HTTP/1.1\r\nhost: {self._authority}\r\n"
            f"content-type: application/json\r\n{identity}content-length: {len(body)}\r\n\r\n"
        )
        return head.encode("ascii") + body

    def _take_idle(self, loop: asyncio.AbstractEventLoop) -> Connection | None:
        # The one that was used last: the others may age, and be closed when they are found.
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable and loop.time() - connection.idle_since < self._keep_alive:
                return connection
            connection.close()
        return None

    async def _exchange(
        self, connection: Connection, request: bytes, loop: asyncio.AbstractEventLoop, deadline: float
    ) -> Answer:
        answer = await connection.exchange(request, loop, deadline)
        if connection.is_usable:
            self._idle.append(connection)
        return answer

    async def _connect(self, loop: asyncio.AbstractEventLoop, deadline: float) -> Connection:
        for _ in range(2):
            try:
                async with asyncio.timeout_at(min(deadline, loop.time() + self._connect_timeout)):
                    _transport, connection = await loop.create_connection(
                        Connection, self._host, self._port, ssl=self._ssl
                    )
            except TimeoutError:
                if loop.time() >= deadline:
                    raise
            except OSError:  # refused, unreachable, no such name, a certificate that is not trusted
                pass
            else:
                return connection
        raise UpstreamError
