"""Processes come and go; requests do not notice."""

import http.client
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from benchmarks.processes import pss_mb
from prometheus_client.parser import text_string_to_metric_families

from qos_runtime.testing import STARTED, Endpoint, Process, free_port, open_listener, running

SHARED = {"ECHO_SOCKET_FD": "0", "ECHO_DRAIN_SECONDS": "1"}


class Hammer:
    """Keep-alive clients that send one request after the other, and a new connection when one was ended."""

    def __init__(self, port: int, clients: int = 4) -> None:
        self.seen: Counter[str] = Counter()
        self._port = port
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]

    @contextmanager
    def swinging(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()

    def _run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        while not self._stop.is_set():
            try:
                connection.request("GET", "/items/1")
                response = connection.getresponse()
                response.read()
                self.seen[str(response.status)] += 1
            except (OSError, http.client.HTTPException) as error:
                self.seen[repr(error)] += 1
                connection.close()
        connection.close()


def test_restarts_when_two_processes_share_a_socket_then_no_request_fails(
    echo_arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with open_listener() as listener:
        processes = [Process(echo_arguments, SHARED, listener) for _ in range(2)]
        hammer = Hammer(listener.getsockname()[1])
        try:
            with hammer.swinging():
                for turn in range(6):
                    time.sleep(0.3)
                    for process in processes:
                        process.wait_for_log(STARTED)
                    processes[turn % 2].signal()
                    assert processes[turn % 2].wait() == 0
                    processes[turn % 2].stop()
                    processes[turn % 2] = Process(echo_arguments, SHARED, listener)
        finally:
            for process in processes:
                process.stop()
    with capsys.disabled():
        print(f"\n6 restarts of one of two processes: {dict(hammer.seen)}")  # noqa: T201 - the count is the result
    assert set(hammer.seen) == {"200"}
    assert hammer.seen["200"] > 500


def test_restarts_when_one_process_is_alone_on_an_inherited_socket_then_requests_wait(
    echo_arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with open_listener() as listener:
        process = Process(echo_arguments, SHARED, listener)
        hammer = Hammer(listener.getsockname()[1])
        try:
            with hammer.swinging():
                for _ in range(3):
                    process.wait_for_log(STARTED)
                    time.sleep(0.2)
                    process.signal()
                    assert process.wait() == 0
                    process.stop()
                    process = Process(echo_arguments, SHARED, listener)
        finally:
            process.stop()
    with capsys.disabled():
        print(f"\n3 restarts of the only process: {dict(hammer.seen)}")  # noqa: T201 - the count is the result
    assert set(hammer.seen) == {"200"}


def test_drain_when_on_an_own_port_then_accepts_but_is_not_ready_and_ends_connections(
    echo_arguments: list[str],
) -> None:
    endpoint = Endpoint(free_port())
    process = Process(echo_arguments, {"ECHO_LISTEN_PORT": str(endpoint.port), "ECHO_DRAIN_SECONDS": "1"})
    try:
        endpoint.wait_for("/health/ready", 200)
        process.signal(signal.SIGINT)
        told = time.monotonic()
        answer = endpoint.wait_for("/health/ready", 503)
        assert answer.json()["reason"] == "the process is stopping"
        assert answer.headers["Connection"] == "close"
        assert endpoint.get("/items/0").status == 200  # from a new connection
        assert process.wait() == 0
        assert time.monotonic() - told >= 1
    finally:
        process.stop()


def test_request_when_in_flight_at_the_end_of_the_drain_then_is_answered(echo_arguments: list[str]) -> None:
    with running(echo_arguments, "ECHO_", drain_seconds=0.2) as (echo, process):
        connection = http.client.HTTPConnection("127.0.0.1", echo.port, timeout=10)
        connection.request("GET", "/health")
        connection.getresponse().read()
        connection.request("GET", "/items/1500")
        time.sleep(0.2)
        process.signal()
        assert connection.getresponse().status == 200
        connection.close()
        assert process.wait() == 0


def test_drain_when_nobody_is_connected_then_leaves_early(echo_arguments: list[str]) -> None:
    with running(echo_arguments, "ECHO_", drain_seconds=60) as (echo, process):
        echo.get("/health")
        process.signal()
        told = time.monotonic()
        assert process.wait() == 0
        assert time.monotonic() - told < 5


def test_metrics_when_processes_share_a_folder_then_they_add_up(echo_arguments: list[str], tmp_path: Path) -> None:
    environment = {**SHARED, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    with open_listener() as listener:
        processes = [Process(echo_arguments, environment, listener) for _ in range(2)]
        endpoint = Endpoint(listener.getsockname()[1])
        try:
            for _ in range(40):
                assert endpoint.get("/items/0").status == 200
            text = endpoint.get("/metrics").body.decode()
        finally:
            for process in processes:
                process.stop()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    counted = [s.value for s in samples if s.name == "http_requests_total" and s.labels["route"] == "/items/{number}"]
    assert counted == [40]


def test_connections_when_idle_after_a_body_that_nobody_read_then_keep_none_of_it(echo_arguments: list[str]) -> None:
    request = b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 250000\r\n\r\n" + b"x" * 250_000
    with running(echo_arguments, "ECHO_") as (echo, process), ExitStack() as idle:
        echo.wait_for("/health", 200)
        before = pss_mb([process.pid])
        for _ in range(200):
            connection = idle.enter_context(socket.create_connection(("127.0.0.1", echo.port), timeout=5))
            connection.sendall(request)
            assert connection.recv(4096).startswith(b"HTTP/1.1 404")
        assert pss_mb([process.pid]) - before < 20  # and not 50
