"""One kept connection to ml-inference, and one exchange after the other on it."""

import asyncio
from typing import Final, NamedTuple, cast

import httptools

MAX_ANSWER_BYTES: Final = 1_048_576
"""bytes of an answer; what is longer is none of ml-inference"""

RETRY_AFTER: Final = b"retry-after"


class UpstreamError(Exception):
    """ml-inference could not be reached, or broke off."""


class ConnectionEndedError(UpstreamError):
    """The connection ended before a byte of the answer: a server that still lives has not seen the request."""


class UpstreamInvalidError(UpstreamError):
    """Something answered, but not in the way ml-inference does."""


class Answer(NamedTuple):
    """An answer of ml-inference, whatever its status."""

    status: int
    body: bytes
    retry_after: str | None


class Connection(asyncio.Protocol):
    """Speaks as much HTTP/1.1 as ml-inference needs: a request, and its whole answer, parsed by httptools.

    A client library does more for every request (cookies, redirects, tracing, timers) and takes five times as long.
    """

    def __init__(self) -> None:
        self.idle_since = 0.0
        """time of the loop at which the last exchange ended"""
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._waiting: asyncio.Future[Answer] | None = None
        self._begun = False
        self._body = b""
        self._retry_after: str | None = None

    @property
    def is_usable(self) -> bool:
        """Whether another exchange may begin."""
        return self._transport is not None and not self._transport.is_closing()

    async def exchange(self, request: bytes, loop: asyncio.AbstractEventLoop, deadline: float) -> Answer:
        """Send a whole request and return its answer.

        Raises TimeoutError at `deadline` (time of the loop) and UpstreamError. After either, and if the caller goes
        away, the connection is closed: what might still come on it would be taken for the next answer.
        """
        if self._transport is None:
            raise ConnectionEndedError
        waiting: asyncio.Future[Answer] = loop.create_future()
        self._waiting = waiting
        self._begun, self._body, self._retry_after = False, b"", None
        timer = loop.call_at(deadline, self._fail, TimeoutError())
        self._transport.write(request)
        try:
            answer = await waiting
        except BaseException:
            self.close()
            raise
        finally:
            timer.cancel()
            self._waiting = None
        self.idle_since = loop.time()
        return answer

    def close(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def _fail(self, error: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, _: Exception | None) -> None:
        """Fail the exchange that is under way."""
        self._transport = None
        self._fail(UpstreamError() if self._begun else ConnectionEndedError())

    def data_received(self, data: bytes) -> None:
        """Take in a part of the answer."""
        self._begun = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(UpstreamInvalidError())
            self.close()

    # What the parser calls

    def on_message_begin(self) -> None:
        """Refuse an answer that nobody asked for: the next one who asks would get it."""
        if self._waiting is None or self._waiting.done():
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note the only header that matters here."""
        if len(name) == len(RETRY_AFTER) and name.lower() == RETRY_AFTER:
            self._retry_after = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """Collect the body."""
        self._body = self._body + body if self._body else body
        if len(self._body) > MAX_ANSWER_BYTES:
            self._fail(UpstreamInvalidError())

    def on_message_complete(self) -> None:
        """Hand the answer over."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(Answer(self._parser.get_status_code(), self._body, self._retry_after))
        if not self._parser.should_keep_alive():
            self.close()
