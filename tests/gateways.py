"""The part of the platform that a Nagios under test looks at."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from running import ROOT

MANIFEST = ROOT / "services/ml-inference/bundles/default/manifest.json"
STEP = {"lower": 1.0, "upper": 3.0, "exceed_probability": 0.01, "exceed_within_probability": 0.01}


@dataclass
class Gateway:
    """A gateway that forecasts what its model is known for."""

    port: int = 0
    is_ready: bool = True
    asked: list[str] = field(default_factory=list)
    server: ThreadingHTTPServer | None = None
    thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen, at the same port as before."""
        self.server = _Server(("127.0.0.1", self.port), _handler(self))
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def kill(self) -> float:
        """Be gone, as a process that was killed; when that was."""
        if self.server and self.thread:
            self.server.shutdown()
            self.server.server_close()
            self.thread.join()
            self.server = None
        return time.time()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that have gone."""


def _handler(gateway: Gateway) -> type[BaseHTTPRequestHandler]:
    manifest = json.loads(MANIFEST.read_text())
    known = manifest["known_answer"]["predicted_bandwidth"]
    answer = {"predicted_bandwidth": known, "unit": "Mbps", "model_version": manifest["model_version"], **STEP}
    answer["path"] = [{"predicted_bandwidth": known, **STEP}] * 5

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            gateway.asked.append(self.path)
            ready = (
                {"status": "ready"}
                if gateway.is_ready
                else {"status": "not ready", "reason": "ml-inference cannot be reached"}
            )
            said: dict[str, Any] = {"/health": {"status": "alive"}, "/health/ready": ready}.get(self.path, answer)
            if self.path == "/predict/batch":
                said = {"answers": [answer] * len(json.loads(body)["requests"])}
            text = json.dumps(said, separators=(",", ":")).encode()
            self.send_response(503 if said is ready and not gateway.is_ready else 200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_GET  # noqa: N815  the base class wants this name

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def running_gateway() -> Iterator[Gateway]:
    """A gateway that runs."""
    gateway = Gateway()
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.kill()
