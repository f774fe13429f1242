"""Pristine Debian machines with systemd, made by the artifact mirror beside the project; nothing of them stays."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from running import ROOT, run

MIRROR = ROOT.parent / "shared" / "mirror" / "mirror"


class Machine:
    """A running machine."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.log = ROOT / "reports" / f"machine-{name}.log"
        self.log.parent.mkdir(exist_ok=True)

    def run(self, command: str, *, user: str = "root", folder: str = "/", timeout: float = 900) -> str:
        """Run a shell command in it; what it says goes to the log."""
        started = time.monotonic()
        done = subprocess.run(
            ["docker", "exec", "-u", user, "-w", folder, self.name, "bash", "-c", command],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout,
        )  # fmt: skip
        with self.log.open("a") as log:
            log.write(f"\n$ {command}\n{done.stdout}\n({time.monotonic() - started:.0f} s, status {done.returncode})\n")
        if done.returncode:
            pytest.fail(f"{command} ended with {done.returncode} (all of it: {self.log}):\n{done.stdout[-6000:]}")
        return done.stdout

    def write(self, path: str, content: str, *, user: str = "root") -> None:
        """Write a file (0600, in a folder that is 0700 if there is none yet)."""
        command = f"umask 077 && mkdir -p {Path(path).parent} && cat > {path}"
        run("docker", "exec", "-i", "-u", user, self.name, "bash", "-c", command, input=content)

    def clone(self, target: str, user: str = "root") -> None:
        """Clone the project's commit, as a newcomer would."""
        with tempfile.NamedTemporaryFile(suffix=".bundle") as bundle:
            run("git", "bundle", "create", bundle.name, "HEAD")
            run("docker", "cp", bundle.name, f"{self.name}:/opt/project.bundle")
        self.run("chmod 644 /opt/project.bundle")
        self.run(f"git clone -q /opt/project.bundle {target}", user=user)

    def restart(self) -> None:
        """Restart it, as a reboot would; waits for nothing."""
        run("docker", "restart", self.name)


@contextmanager
def pristine(name: str, *words: str) -> Iterator[Machine]:
    """A pristine machine; `words` are more for `tests/machine`."""
    full = f"qos-{name}-{int(time.time())}"
    run("tests/machine", full, *words)
    try:
        yield Machine(full)
    finally:
        run("docker", "rm", "--force", "--volumes", full)
