"""A small service that answers as it is told, and a check that is run as Nagios runs it."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nagiosplugin
import pytest

STATES = {0: "OK", 1: "WARNING", 2: "CRITICAL", 3: "UNKNOWN"}
# https://nagios-plugins.org/doc/guidelines.html#AEN200: 'label'=value[UOM];[warn];[crit];[min];[max]
NUMBER = r"-?\d+(\.\d+)?"
RANGE = rf"@?((~|{NUMBER})?:)?({NUMBER})?"
PERFDATA = re.compile(
    rf"'?[^'=|; ]+'?={NUMBER}(s|us|ms|%|B|KB|MB|c)?(;{RANGE}(;{RANGE}(;({NUMBER})?(;({NUMBER})?)?)?)?)?"
)
KNOWN = {"request": {"packet_rate": [1.0] * 10}, "predicted_bandwidth": 64.4772, "tolerance": 0.01}
GOOD = {"predicted_bandwidth": 64.4772, "unit": "Mbps", "model_version": "20261123-abcdef12"}


@dataclass
class Said:
    """What a check said."""

    code: int
    output: str
    name: str = ""
    text: str = ""
    perfdata: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Hold every output to the guidelines, whatever a test is about."""
        assert "Traceback" not in self.output
        head, _, perfdata = self.output.splitlines()[0].partition("|")
        match = re.fullmatch(r"([A-Z]+) ([A-Z]+) - (\S.*\S) ?", head)
        assert match, self.output
        assert match[2] == STATES[self.code], self.output
        self.name, self.text = match[1], match[3]
        for word in perfdata.split():
            assert PERFDATA.fullmatch(word), self.output
            label, _, rest = word.partition("=")
            number = re.match(NUMBER, rest)
            assert number
            self.perfdata[label] = float(number[0])
        assert self.code == 3 or len(self.output.splitlines()) == 1


@dataclass
class Service:
    """Answers every request with the same status and bytes, after a while."""

    url: str = ""
    status: int = 200
    body: bytes = b"{}"
    wait: float = 0.0
    """s before the answer"""
    raw: bytes | None = None
    """in place of an HTTP answer"""
    pause: float = 0.0
    """s between two bytes of the raw answer"""
    asked: list[tuple[str, bytes]] = field(default_factory=list)
    authorization: str | None = None
    """of the last request"""
    over: threading.Event = field(default_factory=threading.Event)

    def says(self, answer: object, status: int = 200) -> None:
        """Answer this as JSON."""
        self.status, self.body = status, json.dumps(answer).encode()


def handler_of(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            service.asked.append((self.path, body))
            service.authorization = self.headers.get("Authorization")
            service.over.wait(service.wait)
            if service.raw is not None:
                for byte in service.raw if service.pause else [service.raw]:
                    self.wfile.write(bytes([byte]) if isinstance(byte, int) else byte)
                    service.over.wait(service.pause)
                return
            self.send_response(service.status)
            self.send_header("Content-Length", str(len(service.body)))
            self.end_headers()
            self.wfile.write(service.body)

        do_POST = do_GET  # noqa: N815  the base class wants this name

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


class QuietServer(ThreadingHTTPServer):
    """Does not mind a client that has gone."""

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def running_service() -> Iterator[Service]:
    """One server for all tests of a file."""
    service = Service()
    with QuietServer(("127.0.0.1", 0), handler_of(service)) as server:
        service.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield service
        service.over.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def service(running_service: Service) -> Service:
    """The service, as good as new."""
    running_service.status, running_service.body, running_service.wait = 200, b"{}", 0.0
    running_service.raw, running_service.pause = None, 0.0
    running_service.asked.clear()
    return running_service


@pytest.fixture
def manifest(tmp_path: Path) -> Callable[[object], str]:
    """Write a manifest; returns its path."""

    def write(content: object) -> str:
        path = tmp_path / "manifest.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return str(path)

    return write


RunCheck = Callable[..., Said]


@pytest.fixture
def run_check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunCheck:
    """Run a check's main() in this process."""

    def run(main: Callable[[], None], *arguments: str) -> Said:
        nagiosplugin.Runtime().output = None  # what an earlier run in the same process left
        monkeypatch.setattr(sys, "argv", ["check", *arguments])
        capsys.readouterr()
        started = time.perf_counter()
        with pytest.raises(SystemExit) as end:
            main()
        assert time.perf_counter() - started < 10
        out, err = capsys.readouterr()
        assert err == ""
        assert isinstance(end.value.code, int)
        return Said(end.value.code, out)

    return run


@pytest.fixture
def known() -> dict[str, Any]:
    """A known answer, as a manifest has it."""
    return dict(KNOWN)


@pytest.fixture
def good() -> dict[str, Any]:
    """The answer that is wanted."""
    return dict(GOOD)
