"""Requests that go on while something happens, each looked at: none may fail, and all must be right."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Any

import httpx

WORKERS = 6
PAUSE_SECONDS = 0.06
"""between a worker's requests: six of them send 80 and more requests per second"""


class Traffic:
    """Asks a gateway for a known forecast, from several clients, until the context is left.

    Half of the clients keep their connection, half of them make one for each request: a rollout can lose either.
    """

    def __init__(self, url: str, known: dict[str, Any]) -> None:
        """`known` is a bundle's known answer."""
        self._url, self._known = f"{url}/predict", known
        self._body = json.dumps({"link_capacity_mbps": 100, **known["request"]})
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._workers = [threading.Thread(target=self._ask, args=(number % 2 == 0,)) for number in range(WORKERS)]
        self._started = 0.0
        self.seconds = 0.0
        """how long it went on"""
        self.sent = 0
        self.failed: list[str] = []
        """one line for each request that was not answered, or not rightly"""
        self.models: Counter[str] = Counter()
        """answers by the model that gave them"""

    def __enter__(self) -> Traffic:
        """Start."""
        self._started = time.monotonic()
        for worker in self._workers:
            worker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; no request is cut short."""
        self._stop.set()
        for worker in self._workers:
            worker.join()
        self.seconds = time.monotonic() - self._started

    def __str__(self) -> str:
        """Say what was sent and lost."""
        return f"{self.sent} requests in {self.seconds:.0f} s ({self.rate:.0f}/s), {len(self.failed)} failed"

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.sent / self.seconds

    def _ask(self, keeps_connection: bool) -> None:
        limits = httpx.Limits(max_keepalive_connections=1 if keeps_connection else 0)
        with httpx.Client(limits=limits, timeout=10, headers={"Content-Type": "application/json"}) as client:
            while not self._stop.wait(PAUSE_SECONDS):
                begun = time.monotonic() - self._started
                try:
                    answer = client.post(self._url, content=self._body)
                    fault = self._fault(answer)
                except httpx.HTTPError as error:
                    fault = repr(error)
                with self._lock:
                    self.sent += 1
                    if fault:
                        self.failed.append(
                            f"{begun:.1f} s, {'kept' if keeps_connection else 'new'} connection: {fault}"
                        )

    def _fault(self, answer: httpx.Response) -> str | None:
        if answer.status_code != 200:
            return f"HTTP {answer.status_code}: {answer.text[:200]}"
        body = answer.json()
        with self._lock:
            self.models[body["model_version"]] += 1
        if abs(body["predicted_bandwidth"] - self._known["predicted_bandwidth"]) > self._known["tolerance"]:
            return f"{body['predicted_bandwidth']} Mbps"
        return None
