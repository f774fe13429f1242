"""Bodies that come in and that are worked on: what there is room for, what is refused, and that nothing leaks."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPResponse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Message, Receive

from qos_contract import ErrorCode
from qos_runtime import linger
from qos_runtime.errors import CLIENT_CLOSED_REQUEST, ServiceError
from qos_runtime.front import Front, HotRoute
from qos_runtime.lifecycle import Drain
from qos_runtime.metrics import Metrics
from qos_runtime.settings import ServiceSettings
from qos_runtime.testing import Endpoint, running

SHORT, LONG, BUDGET = 1024, 4096, 8192
TIMEOUT_SECONDS = 0.5


@dataclass(frozen=True)
class Sent:
    """A body, in parts of so many bytes, and what becomes of it."""

    parts: tuple[int, ...]
    is_announced: bool = True
    end: str = "whole"
    """gone: the client leaves before the last part; silent: the last part never comes"""
    answer: str = "right"
    """refused, failed: by the route that it was sent to"""

    def receiver(self) -> Receive:
        left = list(self.parts)

        async def receive() -> Message:
            await asyncio.sleep(0)
            if len(left) == 1 and self.end == "silent":
                await asyncio.sleep(60)
            if not left or (len(left) == 1 and self.end == "gone"):
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": b"x" * left.pop(0), "more_body": len(left) > 0}

        return receive


class Bench:
    """A front that is asked without a socket; it sees to it that no more is worked on than may be."""

    def __init__(self) -> None:
        limits = ServiceSettings(
            max_body_bytes=SHORT,
            max_batch_body_bytes=LONG,
            max_bytes_in_flight=BUDGET,
            body_timeout_seconds=0.01,
        )
        routes = [HotRoute(f"/{answer.__name__}", answer, LONG) for answer in (self.right, self.refused, self.failed)]
        self._front = Front(self.shell, routes, settings=limits, metrics=Metrics("bench"), drain=Drain(), keys=None)
        self._long_bytes = 0

    async def right(self, body: bytes) -> bytes:
        counted = len(body) if len(body) > SHORT else 0
        self._long_bytes += counted
        assert self._long_bytes <= BUDGET
        await asyncio.sleep(0.001)
        self._long_bytes -= counted
        return b"{}"

    async def refused(self, body: bytes) -> bytes:
        await self.right(body)
        raise ServiceError(ErrorCode.VALIDATION_ERROR)

    async def failed(self, body: bytes) -> bytes:
        await self.right(body)
        raise RuntimeError

    async def shell(self, *_: object) -> None:
        raise NotImplementedError

    async def ask(self, sent: Sent) -> int:
        """Return the status of the answer, or CLIENT_CLOSED_REQUEST where there was none."""
        status = CLIENT_CLOSED_REQUEST

        async def send(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)

        headers = [(b"content-length", b"%d" % sum(sent.parts))] if sent.is_announced else []
        scope = {"type": "http", "method": "POST", "path": f"/{sent.answer}", "headers": headers}
        await self._front(scope, sent.receiver(), send)
        return status

    async def ask_all(self, several: list[Sent]) -> list[int]:
        return await asyncio.gather(*map(self.ask, several))


STATUSES = {200, 408, 413, 422, CLIENT_CLOSED_REQUEST, 503}
bodies = st.builds(
    Sent,
    st.lists(st.integers(0, LONG // 2), min_size=1, max_size=4).map(tuple),
    st.booleans(),
    st.sampled_from(["whole", "whole", "gone", "silent"]),
    st.sampled_from(["right", "right", "refused", "failed"]),
)


@given(several=st.lists(bodies, min_size=1, max_size=12))
@settings(max_examples=200, deadline=None)
def test_budget_when_bodies_end_in_any_way_then_all_of_it_is_left(several: list[Sent]) -> None:
    bench = Bench()

    async def ask_and_fill() -> None:
        assert set(await bench.ask_all(several)) <= STATUSES
        # All of it, and not a byte more.
        filling = [Sent((LONG,))] * (BUDGET // LONG)
        assert await bench.ask_all(filling) == [200] * len(filling)
        assert sorted(await bench.ask_all([*filling, Sent((SHORT + 1,))])) == [200] * len(filling) + [503]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linger, "LINGER_SECONDS", 0.01)
        asyncio.run(ask_and_fill())


@pytest.mark.parametrize(
    ("one", "status"),
    [
        (Sent((SHORT,)), 200),  # short and at once: there is always room
        (Sent((SHORT,), is_announced=False), 200),
        (Sent((SHORT + 1,)), 503),
        (Sent((SHORT + 1,), is_announced=False), 503),
        (Sent((1, SHORT - 1)), 503),  # short, but slow
        (Sent((1, LONG)), 413),
    ],
)
def test_body_when_no_room_is_left_then_only_a_short_one_that_comes_at_once_is_let_in(one: Sent, status: int) -> None:
    filling = [Sent((LONG - 1, 1))] * (BUDGET // LONG)
    assert asyncio.run(Bench().ask_all([*filling, one]))[-1] == status


# Over a socket


@pytest.fixture(scope="module")
def echo_of_long_bodies(echo_arguments: list[str]) -> Iterator[Endpoint]:
    limits = {"max_body_bytes": SHORT, "max_batch_body_bytes": LONG, "max_bytes_in_flight": BUDGET}
    with running(echo_arguments, "ECHO_", body_timeout_seconds=TIMEOUT_SECONDS, **limits) as (endpoint, _):
        endpoint.wait_for("/health", 200)
        yield endpoint


def question(milliseconds: int, length: int) -> bytes:
    return (b'{"value": %d}' % milliseconds).ljust(length)


HEAD = b"POST /wait/batch HTTP/1.1\r\nHost: x\r\n"
ANNOUNCED = HEAD + b"Content-Length: %d\r\n\r\n" % LONG
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (LONG, question(0, LONG))


def read_status(connection: socket.socket) -> int:
    response = HTTPResponse(connection)
    response.begin()
    response.read()
    return response.status


def finish(connection: socket.socket, rest: bytes) -> None:
    connection.sendall(rest)
    assert read_status(connection) == 200


def wait_for_the_deadline(connection: socket.socket, _: bytes) -> None:
    assert read_status(connection) == 408
    connection.close()  # or what has come would be kept for as long as the service lingers


def go_away(connection: socket.socket, _: bytes) -> None:
    connection.close()


@pytest.mark.parametrize("end", [finish, wait_for_the_deadline, go_away])
@pytest.mark.parametrize(
    ("begin", "rest"), [(ANNOUNCED, question(0, LONG)), (CHUNKED, b"0\r\n\r\n")], ids=["announced", "chunked"]
)
def test_long_bodies_when_they_take_all_room_then_the_next_is_refused_at_once_until_they_end(
    echo_of_long_bodies: Endpoint, begin: bytes, rest: bytes, end: Callable[[socket.socket, bytes], None]
) -> None:
    echo = echo_of_long_bodies
    with ExitStack() as stack:
        slow = [socket.create_connection(("127.0.0.1", echo.port), timeout=5) for _ in range(BUDGET // LONG)]
        for connection in slow:
            stack.enter_context(connection)
            connection.sendall(begin)
        time.sleep(0.1)
        begun = time.monotonic()
        refused = echo.post("/wait/batch", question(0, LONG))
        assert time.monotonic() - begun < TIMEOUT_SECONDS / 2
        assert (refused.status, refused.json()["error"], refused.headers["Retry-After"]) == (503, "overloaded", "1")
        assert echo.post("/wait", question(0, SHORT)).status == 200
        assert echo.get("/health").status == 200
        for connection in slow:
            end(connection, rest)
        time.sleep(0.1)
        assert [echo.post("/wait/batch", question(0, LONG)).status for _ in slow] == [200] * len(slow)


def test_connection_when_its_body_was_refused_then_serves_the_next_request(echo_of_long_bodies: Endpoint) -> None:
    echo = echo_of_long_bodies
    with ExitStack() as stack:
        slow, more, refused = (
            stack.enter_context(socket.create_connection(("127.0.0.1", echo.port), timeout=5)) for _ in range(3)
        )
        slow.sendall(ANNOUNCED)
        more.sendall(ANNOUNCED)
        time.sleep(0.1)
        refused.sendall(ANNOUNCED)
        assert read_status(refused) == 503  # before a byte of the body
        slow.close()
        time.sleep(0.1)
        refused.sendall(question(0, LONG))  # dropped
        finish(refused, ANNOUNCED + question(0, LONG))
