"""The quick start on a pristine Debian 12 machine: a container with systemd, to which only make and git are added.

The machine is made by the artifact mirror beside the project; without it these tests skip.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator

import pytest

from machines import MIRROR, Machine, pristine
from running import ROOT

CLONE = "/root/ai-qos-platform"

pytestmark = [
    pytest.mark.machine,
    pytest.mark.skipif(not MIRROR.exists(), reason=f"no artifact mirror at {MIRROR}, which makes the machine"),
]


@pytest.fixture
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A pristine machine, with make and git."""
    with pristine(request.node.name.split("_")[1], "-v", f"{ROOT.parent / 'shared'}:/root/shared:ro") as made:
        made.run("apt-get update -q && apt-get install -q -y --no-install-recommends make git")
        yield made


def test_root_lives_through_the_quick_start(machine: Machine) -> None:
    machine.clone(CLONE)
    faults = shlex.quote(os.environ.get("FAULTS", ""))
    told = machine.run(f"FAULTS={faults} tests/lifecycle", folder=CLONE, timeout=1500)
    print("\n".join(line for line in told.splitlines() if line.startswith("===") or re.search(r"\d s\b", line)))
    assert "enabled" not in machine.run("systemctl is-enabled nagios4 apache2 exim4 2>&1 || true").split()
    machine.run("! systemctl is-active --quiet nagios4 && ! systemctl is-active --quiet exim4")


def test_user_with_sudo_leaves_nothing_outside_the_clone(machine: Machine) -> None:
    machine.run("useradd -m -s /bin/bash newcomer && echo 'newcomer ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/newcomer")
    clone = "/home/newcomer/platform"
    machine.clone(clone, user="newcomer")

    def in_clone(command: str) -> str:
        return machine.run(command, user="newcomer", folder=clone)

    # The packages first, so that what is compared is the platform's own.
    in_clone("make .venv/ansible")
    in_clone("PATH=$PWD/.venv/ansible/bin:$PATH ansible-playbook -i inventories/local playbooks/packages.yml")
    machine.run(f"python3 {clone}/roles/baseline/files/footprint.py --except {clone} /tmp/before")
    in_clone("make up")
    assert in_clone("ps -o user= -C supervisord,nagios4,apache2 | sort -u").split() == ["newcomer"]
    in_clone("make down && [ ! -e .state ]")
    machine.run(f"python3 {clone}/roles/baseline/files/footprint.py --except {clone} --since /tmp/before")
