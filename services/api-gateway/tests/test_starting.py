"""A service that is told to go while it starts."""

import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from qos_runtime.testing import STARTED, Process

from .conftest import BUNDLE

SERVICES = ["api_gateway", "ml_inference"]
ENVIRONMENT = {
    "API_GATEWAY_LISTEN_PORT": "0",
    "API_GATEWAY_DRAIN_SECONDS": "0",
    "ML_INFERENCE_LISTEN_PORT": "0",
    "ML_INFERENCE_DRAIN_SECONDS": "0",
    "ML_INFERENCE_BUNDLE_DIR": str(BUNDLE),
}
SOON_SECONDS = 2


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def listens(pid: int) -> bool:
    """Whether a process has a handler for SIGTERM."""
    caught = re.findall(r"^SigCgt:\s+(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return bool(int(caught[0], 16) >> (signal.SIGTERM - 1) & 1)


def has_imported(pid: int, library: str) -> bool:
    return library in Path(f"/proc/{pid}/maps").read_text()


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("delay", [0, 0.1, 0.2, 0.4, 0.8])
def test_process_when_told_to_go_at_any_moment_of_its_start_then_ends_soon_with_status_0(
    service: str, delay: float
) -> None:
    process = Process(["-m", service], ENVIRONMENT)
    try:
        wait_for(lambda: listens(process.pid))
        if not delay:
            assert not has_imported(process.pid, "pydantic_core")  # it listens before the slow imports
        time.sleep(delay)
        process.signal()
        told = time.monotonic()
        assert process.wait() == 0, process.log()
        assert time.monotonic() - told < SOON_SECONDS
        assert "Traceback" not in process.log()
    finally:
        process.stop()


@pytest.mark.parametrize("service", SERVICES)
def test_process_when_up_then_uvicorn_is_who_listens(service: str) -> None:
    process = Process(["-m", service], ENVIRONMENT)
    try:
        process.wait_for_log(STARTED)
        process.signal()
        assert process.wait() == 0
        assert "Application shutdown complete" in process.log()
    finally:
        process.stop()


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root and unshare")
@pytest.mark.parametrize("service", SERVICES)
def test_first_process_of_a_container_when_told_to_go_as_it_starts_then_ends_soon(service: str) -> None:
    command = ["--pid", "--fork", "--kill-child", sys.executable, "-m", service]
    unshare = Process(command, ENVIRONMENT, python="unshare")
    try:
        children = Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children")
        wait_for(lambda: children.read_text() != "")
        first = int(children.read_text())
        wait_for(lambda: listens(first))
        os.kill(first, signal.SIGTERM)
        told = time.monotonic()
        assert unshare.wait() == 0
        assert time.monotonic() - told < SOON_SECONDS
    finally:
        unshare.stop()
