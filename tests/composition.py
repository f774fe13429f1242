"""What `docker compose` brings up, in a project of the test's own."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from engine import docker

README_PORT: Final = 8000


@dataclass(frozen=True)
class Composed:
    """What `docker compose up` brought up."""

    command: tuple[str, ...]
    settings: dict[str, str]
    """what docker-compose.yml takes from the environment; '' is as good as nothing"""
    folder: Path
    port: int

    def compose(self, *arguments: str, timeout: float = 120) -> str:
        """What a docker compose command says on stdout."""
        return docker(*self.command, *arguments, cwd=self.folder, env={**os.environ, **self.settings}, timeout=timeout)

    def container(self, service: str) -> str:
        """Id of a service's container."""
        return self.compose("ps", "--quiet", service)


def choose_port() -> int:
    """The port of README, or any where somebody else has that."""
    for port in (README_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    pytest.fail("no TCP port is free")
