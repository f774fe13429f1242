"""One echo service for all tests that only ask it something."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from qos_runtime.testing import Endpoint, Process, running

ECHO = str(Path(__file__).with_name("echo_service.py"))


@pytest.fixture(scope="session")
def echo_arguments() -> list[str]:
    return [ECHO]


@pytest.fixture(scope="session")
def echo_process() -> Iterator[tuple[Endpoint, Process]]:
    with running([ECHO], "ECHO_", max_body_bytes=2048, body_timeout_seconds=0.5, max_in_flight=8) as service:
        yield service


@pytest.fixture
def echo(echo_process: tuple[Endpoint, Process]) -> Endpoint:
    return echo_process[0]
