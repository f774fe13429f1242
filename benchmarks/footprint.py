"""What the two services take besides CPU time: start, memory, and whether the memory grows."""

import json
import time
from collections.abc import Mapping
from math import ceil
from statistics import median
from typing import Final

from benchmarks.load import BenchmarkError, burst
from benchmarks.processes import family, pss_mb
from benchmarks.subjects import INFERENCE, PAIR, QUESTION, Running, Server, Subject, started
from qos_runtime.testing import Endpoint, Process, open_listener

STARTS: Final = 5
WARM_UP: Final = 5_000
"""requests before memory is looked at for the first time"""
GROWTH: Final = 50_000
"""requests between the first look and the second"""


def measure() -> dict[str, float]:
    """Measure both services; s, MB and %."""
    found = {"inference_cold_start_s": cold_start(INFERENCE, {})}
    with started(Subject("inference", (INFERENCE,))) as inference:
        url = inference.endpoint.url
        found["gateway_cold_start_s"] = cold_start(PAIR.servers[1], {"inference": url})
    with started(PAIR) as pair:
        ask(pair, WARM_UP)
        before = memory(pair)
        count = ask(pair, GROWTH)
        for name, mb in memory(pair).items():
            found[f"{name}_pss_mb"] = mb
            found[f"{name}_growth_percent"] = 100 * (mb / before[name] - 1)
        found["growth_requests"] = count
    return found


def cold_start(server: Server, urls: Mapping[str, str]) -> float:
    """Return the s from the start of a process to its first forecast; the median of some starts."""
    return median(_start_once(server, urls) for _ in range(STARTS))


def _start_once(server: Server, urls: Mapping[str, str]) -> float:
    environment = {name: text.format(**urls) for name, text in server.environment.items()}
    with open_listener() as listener:
        begun = time.monotonic()
        process = Process(server.arguments, environment, listener)
        try:
            # The request waits in the socket until the process takes it.
            answer = Endpoint(listener.getsockname()[1]).post("/predict", json.loads(QUESTION))
            seconds = time.monotonic() - begun
        finally:
            process.stop()
    if answer.status != 200:
        raise BenchmarkError(f"the first answer of {server.name} was {answer.status}: {answer.body.decode()[:200]}")
    return seconds


def ask(running: Running, requests: int) -> int:
    """Send at least so many requests; return how many it were."""
    sent = 0
    rate = 1000.0
    while sent < requests:
        sample = burst(running, 16, max(1, min(30, ceil((requests - sent) / rate))))
        sent += sample.requests
        rate = sample.requests / sample.seconds
    return sent


def memory(running: Running) -> dict[str, float]:
    """Return each server's PSS in MB."""
    servers = zip(running.subject.servers, running.processes, strict=True)
    return {server.name: pss_mb(family(process.pid)) for server, process in servers}
