"""Runs a service as tests, smoke tests and benchmarks need it: a real process behind a real socket."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, Final, NamedTuple

STARTED: Final = "Application startup complete"
"""what a service logs when it can be told to stop in order"""
PATIENCE_SECONDS: Final = 15.0
"""s that a process gets to start or to stop"""


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        """Return the body, parsed."""
        return json.loads(self.body)


class Process:
    """One process of a service."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        listener: socket.socket | None = None,
        python: str = sys.executable,
    ) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `stop`
        # The tests' own import path, so that the process runs the same source.
        inherited = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(  # noqa: S603 - what the test names
            [python, *arguments],
            env={**inherited, **environment},
            stdin=subprocess.DEVNULL if listener is None else listener.fileno(),
            stdout=self._log,
            stderr=self._log,
        )

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def signal(self, number: int = signal.SIGTERM) -> None:
        """Send a signal, and return at once."""
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait for the process to end; return its exit status."""
        return self._process.wait(PATIENCE_SECONDS)

    def log(self) -> str:
        """Return what it has written so far."""
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode()

    def wait_for_log(self, text: str, times: int = 1) -> None:
        """Wait until the process has logged `text` so often; raises AssertionError where it never does."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.log().count(text) < times:
            if time.monotonic() > deadline or not self.is_running:
                raise AssertionError(f"never logged {text!r}: {self.log()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End the process, by force if it takes too long."""
        self.signal()
        try:
            self.wait()
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


class Endpoint:
    """Where a service answers on this machine."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request on a connection of its own."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)) as connection:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())

    def get(self, path: str, **headers: str) -> Answer:
        """Send a GET."""
        return self.ask("GET", path, None, headers)

    def post(self, path: str, body: Any) -> Answer:
        """Send a POST; what is not bytes is sent as JSON."""
        return self.ask("POST", path, body if isinstance(body, bytes) else json.dumps(body).encode())

    def wait_for(self, path: str, status: int, patience: float = PATIENCE_SECONDS) -> Answer:
        """Ask until the answer has this status; raises AssertionError where it does not within `patience` s."""
        deadline = time.monotonic() + patience
        while True:
            try:
                answer = self.get(path)
            except OSError as error:
                seen: object = error
            else:
                if answer.status == status:
                    return answer
                seen = answer
            if time.monotonic() > deadline:
                raise AssertionError(f"{path} never answered {status}, at last: {seen}")
            time.sleep(0.05)


def open_listener() -> socket.socket:
    """Return a listening socket on a free port, to be inherited by processes."""
    return socket.create_server(("127.0.0.1", 0), backlog=512)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with open_listener() as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def running(arguments: Sequence[str], prefix: str, **settings: object) -> Iterator[tuple[Endpoint, Process]]:
    """Run `python <arguments>` on an inherited socket, with `settings` as variables of this prefix.

    Requests may be sent at once: they wait in the socket until the process is up.
    """
    environment = {f"{prefix}{name}".upper(): str(value) for name, value in settings.items()}
    environment = {f"{prefix}SOCKET_FD": "0", f"{prefix}DRAIN_SECONDS": "0.3", **environment}
    with open_listener() as listener:
        process = Process(arguments, environment, listener)
        try:
            yield Endpoint(listener.getsockname()[1]), process
        finally:
            process.stop()
