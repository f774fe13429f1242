"""Refusing a request before it is read, without cutting the client off."""

import asyncio
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

LINGER_SECONDS: Final = 2.0
"""s that a client gets to notice that its body was refused"""
LINGER_BYTES: Final = 8 * 1024 * 1024
"""bytes of a refused body that are read and dropped meanwhile"""


class LastResponse(Response):
    """An answer given before the body was read, after which the connection ends.

    To close with unread bytes makes the kernel send a reset, and a reset can overtake the answer. So the answer
    goes out whole, what the client still sends is dropped for a while, and only then the connection is closed.
    """

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, then linger."""
        headers = [*self.raw_headers, (b"connection", b"close")]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(self.body), "more_body": True})
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                await _drop(receive)
        except TimeoutError:
            pass
        await send({"type": "http.response.body", "body": b""})


async def _drop(receive: Receive) -> None:
    dropped = 0
    while dropped < LINGER_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return
        dropped += len(message.get("body", b""))
