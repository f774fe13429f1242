"""The quick start on a pristine Debian 12 machine: a container with systemd, to which only make and git are added.

The machine is made by the artifact mirror beside the project; without it these tests skip.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from running import ROOT, run

MIRROR = ROOT.parent / "shared" / "mirror" / "mirror"
CLONE = "/root/ai-qos-platform"

pytestmark = [
    pytest.mark.machine,
    pytest.mark.skipif(not MIRROR.exists(), reason=f"no artifact mirror at {MIRROR}, which makes the machine"),
]


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

    def clone(self, target: str, bundle: Path, user: str = "root") -> None:
        """Clone the project's commit, as a newcomer would."""
        run("docker", "cp", str(bundle), f"{self.name}:/opt/project.bundle")
        self.run(f"git clone -q /opt/project.bundle {target}", user=user)


@pytest.fixture
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A pristine machine, with make and git."""
    name = f"qos-{request.node.name.split('_')[1]}-{int(time.time())}"
    run(str(MIRROR), "machine", name, "-v", f"{ROOT.parent / 'shared'}:/root/shared:ro")
    try:
        pristine = Machine(name)
        pristine.run("apt-get update -q && apt-get install -q -y --no-install-recommends make git")
        yield pristine
    finally:
        run("docker", "rm", "-f", "-v", name)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """The commit under test, to clone from."""
    file = tmp_path / "project.bundle"
    run("git", "bundle", "create", str(file), "HEAD")
    return file


def test_root_lives_through_the_quick_start(machine: Machine, bundle: Path) -> None:
    machine.clone(CLONE, bundle)
    told = machine.run("tests/lifecycle", folder=CLONE, timeout=1500)
    print("\n".join(line for line in told.splitlines() if line.startswith("===") or re.search(r"\d s\b", line)))
    assert "enabled" not in machine.run("systemctl is-enabled nagios4 apache2 exim4 2>&1 || true").split()
    machine.run("! systemctl is-active --quiet nagios4 && ! systemctl is-active --quiet exim4")


def test_user_with_sudo_leaves_nothing_outside_the_clone(machine: Machine, bundle: Path) -> None:
    machine.run("useradd -m -s /bin/bash newcomer && echo 'newcomer ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/newcomer")
    clone = "/home/newcomer/platform"
    machine.clone(clone, bundle, user="newcomer")

    def in_clone(command: str) -> str:
        return machine.run(command, user="newcomer", folder=clone)

    # The packages first, so that what is compared is the platform's own.
    in_clone("make .venv/ansible && PATH=$PWD/.venv/ansible/bin:$PATH ansible-playbook -i inventories/local playbooks/packages.yml")
    machine.run(f"python3 {clone}/roles/baseline/files/footprint.py --except {clone} /tmp/before")
    in_clone("make up")
    assert in_clone("ps -o user= -C supervisord,nagios4,apache2 | sort -u").split() == ["newcomer"]
    in_clone("make down && [ ! -e .state ]")
    machine.run(f"python3 {clone}/roles/baseline/files/footprint.py --except {clone} --since /tmp/before")
