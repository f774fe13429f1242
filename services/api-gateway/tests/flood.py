"""Clients that ask at a rate of their own, whether or not the answers keep up."""

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import count

_PATIENCE_SECONDS = 10.0


@dataclass
class Flood:
    """What came back."""

    seconds: float = 0.0
    latencies: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    """by status, in s; from the moment a request was due, not from when a connection had time for it"""
    retry_after: set[bytes | None] = field(default_factory=set)
    """of all answers that are no 200"""
    broken: int = 0
    """requests without an answer"""

    def rate(self, *statuses: int) -> float:
        """Answers per second with one of these statuses; of any status where none is named."""
        return sum(len(self.latencies[status]) for status in statuses or list(self.latencies)) / self.seconds

    def percentile(self, status: int, share: float) -> float:
        """A percentile of the latencies of a status, in s."""
        ordered = sorted(self.latencies[status])
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def flood(port: int, body: bytes, *, seconds: float, connections: int, rate: float | None = None) -> Flood:
    """Ask for so long: `rate` requests per second, or (None) the next as soon as a connection has its answer."""
    return asyncio.run(_flood(port, body, seconds, connections, rate))


async def _flood(port: int, body: bytes, seconds: float, connections: int, rate: float | None) -> Flood:
    found = Flood()
    head = f"POST /predict HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    numbers = count()
    # All are there before the first asks: what is measured is requests, not a crowd at the door.
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(connections)]
    begun = time.perf_counter()

    async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                due = time.perf_counter() if rate is None else begun + next(numbers) / rate
                if due > begun + seconds:
                    return
                if (wait := due - time.perf_counter()) > 0:
                    await asyncio.sleep(wait)
                writer.write(head + body)
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    status, headers = await read_answer(reader)
                found.latencies[status].append(time.perf_counter() - due)
                if status != 200:
                    found.retry_after.add(headers.get(b"retry-after"))
        except (OSError, EOFError, TimeoutError):
            found.broken += 1
        finally:
            writer.close()

    await asyncio.gather(*(ask(*stream) for stream in streams))
    found.seconds = time.perf_counter() - begun
    return found


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[bytes, bytes]]:
    """Read a whole answer; return its status and its headers, all in lower case."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
    headers = dict(line.split(b": ", 1) for line in lines if line)
    await reader.readexactly(int(headers[b"content-length"]))
    return int(first.split()[1]), headers
