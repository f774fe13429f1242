"""Many clients at once, each of which asks again as soon as it has its answer."""

from __future__ import annotations

import asyncio
import time
from collections import Counter


def ask(port: int, path: str, body: bytes, *, connections: int, seconds: float) -> Counter[int]:
    """POST to 127.0.0.1 for so long; returns how often each status came, 0 for no answer."""
    return asyncio.run(_ask(port, path, body, connections, seconds))


async def _ask(port: int, path: str, body: bytes, connections: int, seconds: float) -> Counter[int]:
    request = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
    found: Counter[int] = Counter()
    end = time.monotonic() + seconds

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while time.monotonic() < end:
                writer.write(request)
                found[await _status(reader)] += 1
        except (OSError, EOFError):
            found[0] += 1
        finally:
            writer.close()

    await asyncio.gather(*(client() for _ in range(connections)))
    return found


async def _status(reader: asyncio.StreamReader) -> int:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
    headers = dict(line.split(b": ", 1) for line in lines if line)
    await reader.readexactly(int(headers[b"content-length"]))
    return int(first.split()[1])
