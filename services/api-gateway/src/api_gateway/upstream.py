"""The one client of ml-inference: pooled, bounded in time and size, retried where nothing can have been done."""

import asyncio
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

import aiohttp

from api_gateway.settings import GatewaySettings
from qos_runtime.request_id import HEADER as REQUEST_ID_HEADER
from qos_runtime.request_id import current_request_id

MAX_ANSWER_BYTES: Final = 1_048_576
"""bytes of an answer; what is longer is none of ml-inference"""


class UpstreamError(Exception):
    """ml-inference could not be reached, or broke off."""


class UpstreamInvalidError(UpstreamError):
    """Something answered, but not in the way ml-inference does."""


class Answer(NamedTuple):
    """An answer of ml-inference, whatever its status."""

    status: int
    body: bytes
    retry_after: str | None


class InferenceClient:
    """Sends requests to ml-inference over kept connections."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._base = settings.inference_base
        self._deadline = settings.request_timeout_seconds
        self._readiness_deadline = settings.readiness_timeout_seconds
        reuse = aiohttp.TraceConfig()
        reuse.on_connection_reuseconn.append(_note_reuse)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=settings.pool_size, keepalive_timeout=settings.pool_keep_alive_seconds
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            # The whole exchange has one deadline, set around it; only connecting has one of its own.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_timeout_seconds),
            trace_configs=[reuse],
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def predict(self, body: bytes) -> Answer:
        """Ask for a forecast with a raw body.

        Raises TimeoutError at the deadline, UpstreamError where no usable HTTP answer came.
        """
        async with asyncio.timeout(self._deadline):
            return await self._ask("POST", "/predict", body)

    async def ready(self) -> Answer:
        """Ask whether ml-inference is ready; raises as `predict` does."""
        async with asyncio.timeout(self._readiness_deadline):
            return await self._ask("GET", "/health/ready", None)

    async def _ask(self, method: str, path: str, body: bytes | None) -> Answer:
        """Try, and try once more where the first try cannot have reached a living server.

        That is where no connection came about, and where a kept connection turned out to be closed before a byte
        of the answer (the server ended it just as it was used again).
        """
        connection = SimpleNamespace(reused=False)
        try:
            return await self._exchange(method, path, body, connection)
        except aiohttp.ClientConnectorError:
            pass
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if not connection.reused:
                raise UpstreamError from error
        except aiohttp.ClientError as error:
            raise _classify(error) from error
        try:
            return await self._exchange(method, path, body, SimpleNamespace(reused=False))
        except aiohttp.ClientError as error:
            raise _classify(error) from error

    async def _exchange(self, method: str, path: str, body: bytes | None, connection: SimpleNamespace) -> Answer:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if request_id := current_request_id():
            headers[REQUEST_ID_HEADER] = request_id
        async with self._session.request(
            method,
            self._base + path,
            data=body,
            headers=headers,
            allow_redirects=False,
            trace_request_ctx=connection,
        ) as response:
            content = bytearray()
            async for chunk in response.content.iter_any():
                content += chunk
                if len(content) > MAX_ANSWER_BYTES:
                    raise UpstreamInvalidError
            return Answer(response.status, bytes(content), response.headers.get("Retry-After"))


def _classify(error: aiohttp.ClientError) -> UpstreamError:
    return UpstreamInvalidError() if isinstance(error, aiohttp.ClientResponseError) else UpstreamError()


async def _note_reuse(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: Any) -> None:
    context.trace_request_ctx.reused = True
