"""An upstream that misbehaves on demand, on the level of the socket."""

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from qos_runtime.testing.process import open_listener

Behaviour = Callable[["Exchange"], Awaitable[None]]


class Exchange:
    """One request, and the connection to answer it on."""

    def __init__(self, head: bytes, body: bytes, number: int, writer: asyncio.StreamWriter) -> None:
        self.head = head
        self.body = body
        self.number = number
        """of the request on its connection, from 1"""
        self.writer = writer

    async def send(self, raw: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(raw)
        await self.writer.drain()

    async def answer(self, status: int, body: Any, *headers: str) -> None:
        """Send a whole answer; what is not bytes is sent as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}", *headers, "", ""]
        await self.send("\r\n".join(lines).encode() + content)

    def reset(self) -> None:
        """End the connection by a reset."""
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def close(self) -> None:
        """End the connection in order."""
        self.writer.close()


class FaultServer:
    """Answers every request as `behaviour` says, and remembers what it was sent."""

    def __init__(self, listener: socket.socket, behaviour: Behaviour) -> None:
        self.port: int = listener.getsockname()[1]
        self.behaviour = behaviour
        self.seen: list[Exchange] = []
        self._listener = listener
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, sock=self._listener))
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = 0
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                number += 1
                length = next((line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), b"")
                body = await reader.readexactly(int(length.rpartition(b":")[2] or 0))
                self.seen.append(exchange := Exchange(head, body, number, writer))
                await self.behaviour(exchange)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    @contextmanager
    def running(self) -> Iterator["FaultServer"]:
        """Serve in a thread."""
        self._thread.start()
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()


@contextmanager
def run_fault_server(behaviour: Behaviour) -> Iterator[FaultServer]:
    """Serve on a free port."""
    with FaultServer(open_listener(), behaviour).running() as server:
        yield server
