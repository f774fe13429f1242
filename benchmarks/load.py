"""Load from wrk, and what it and the kernel say of it."""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.processes import LOADERS_CORE, cpu_seconds
from benchmarks.subjects import Running

PATIENCE: Final = 60
"""s that wrk waits for an answer"""
SCRIPT: Final = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = %(body)s
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\\nRESULT {"requests": %%d, "errors": %%d, "p50_ms": %%f, "p99_ms": %%f}\\n',
    summary.requests, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
"""


class BenchmarkError(Exception):
    """The benchmark cannot go on; the message is a sentence that says why."""


@dataclass(frozen=True)
class Sample:
    """What one burst of load showed."""

    requests: int
    seconds: float
    cpu_seconds: float
    """of all processes of the subject"""
    p50_ms: float
    p99_ms: float

    @property
    def requests_per_cpu_second(self) -> float:
        """The unit of cost."""
        return self.requests / self.cpu_seconds


def require_wrk() -> None:
    """Raise BenchmarkError unless the load generator is installed."""
    if shutil.which("wrk") is None:
        raise BenchmarkError("wrk is not installed; as root: apt-get install wrk")


def burst(running: Running, connections: int, seconds: int) -> Sample:
    """Load a subject for so long over so many connections; raises BenchmarkError if an answer was not a 200."""
    pids = running.pids()
    before, begun = cpu_seconds(pids), time.monotonic()
    found = _wrk(running, connections, seconds)
    sample = Sample(
        found["requests"],
        time.monotonic() - begun,
        cpu_seconds(pids) - before,
        found["p50_ms"],
        found["p99_ms"],
    )
    if found["errors"]:
        raise BenchmarkError(
            f"{running.subject.name} at {connections} connections: {found['errors']} of {sample.requests} requests "
            f"were not answered with 200; its log ends: {running.processes[-1].log()[-500:]}"
        )
    settle(pids)
    return sample


def settle(pids: list[int]) -> None:
    """Wait until the processes have nothing to do any more: answers that nobody waits for are worked off, too."""
    used = cpu_seconds(pids)
    while True:
        time.sleep(0.2)
        if (now := cpu_seconds(pids)) - used < 0.04:
            return
        used = now


def _wrk(running: Running, connections: int, seconds: int) -> Mapping[str, Any]:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT % {"body": json.dumps(running.subject.body)})
        script.flush()
        command = ["taskset", "-c", str(LOADERS_CORE), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
        command += [f"--timeout={PATIENCE}s", "-s", script.name, running.endpoint.url + running.subject.path]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - own words
    return parse(done.stdout, done.stderr)


def parse(output: str, errors: str = "") -> Mapping[str, Any]:
    """Return what the script's last line says; raises BenchmarkError if wrk did not get so far."""
    line = next((line for line in output.splitlines() if line.startswith("RESULT ")), None)
    if line is None:
        raise BenchmarkError(f"wrk ended without a result: {(errors or output)[-500:].strip()}")
    result: Mapping[str, Any] = json.loads(line.removeprefix("RESULT "))
    return result
