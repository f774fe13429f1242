"""The container engine of this machine, and what the tests build images on."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from running import ROOT

PYTHON_IMAGE: Final = "TEST_PYTHON_IMAGE"
"""environment variable: the base image, where it is neither the contract's nor the artifact mirror's"""
MIRRORS_IMAGE: Final = "local/debian-python:12"
CA_FILES: Final = (os.environ.get("PIP_CERT", ""), "/etc/ssl/certs/ca-certificates.crt")
"""CA of the package index: the one of pip on this machine, or those of the system, which do no harm elsewhere"""
SMOKE_LABEL: Final = "ai-qos-platform.smoke"
"""of all that `make smoke` makes in the engine"""
MIB: Final = 2**20


def docker(*arguments: str, check: bool = True, timeout: float = 120, **options: Any) -> str:
    """What a docker command says on stdout; what it says on stderr is part of the failure."""
    options = {"cwd": ROOT, **options}
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=timeout, **options)
    if check and done.returncode:
        pytest.fail(
            f"docker {' '.join(arguments)} ended with {done.returncode}:\n{(done.stderr + done.stdout)[-4000:]}"
        )
    return str(done.stdout).strip()


def inspect(name: str) -> Any:
    """All that the engine knows of a container or an image."""
    return json.loads(docker("inspect", name))[0]


def has_engine() -> bool:
    """Whether an engine answers."""
    try:
        return bool(docker("version", "--format", "{{.Server.Version}}", check=False, timeout=20))
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False


def base_image() -> str | None:
    """The image to build on: the one that was asked for, or else one that the engine has; None if there is none."""
    if asked := os.environ.get(PYTHON_IMAGE):
        return asked
    contract = yaml.safe_load((ROOT / "playbooks/group_vars/all/versions.yml").read_text(encoding="utf-8"))
    known = (str(contract["platform_python_image"]), MIRRORS_IMAGE)
    return next((name for name in known if docker("image", "ls", "--quiet", name)), None)


def ca_file() -> str:
    """CA of the package index during a build; '' is none."""
    return next((name for name in CA_FILES if name and Path(name).is_file()), "")


def image_settings(base: str) -> dict[str, str]:
    """The platform's settings with which images can be built on this machine."""
    return {"platform_python_image": base, "platform_build_ca_file": ca_file()}


@dataclass(frozen=True)
class Usage:
    """What a container uses, as its control group tells it."""

    peak_mib: float
    """most since it began, caches of files included"""
    working_mib: float
    """now, without what the kernel could take back: what Kubernetes compares with a limit"""
    cpu_seconds: float
    """since it began"""


def usage(container: str) -> Usage:
    """What a running container uses; seen from inside, where it is found on every kind of host."""
    told = docker("exec", container, "sh", "-c", """cd /sys/fs/cgroup
        if [ -e memory.peak ]; then cat memory.peak memory.current memory.stat cpu.stat; else
        cat memory/memory.max_usage_in_bytes memory/memory.usage_in_bytes memory/memory.stat
        echo usage_usec $(($(cat cpuacct/cpuacct.usage) / 1000)); fi""")  # fmt: skip
    peak, now = told.split()[:2]
    stat: dict[str, str] = dict(re.findall(r"^(\w+) (\d+)$", told, re.MULTILINE))
    idle = int(stat.get("total_inactive_file") or stat["inactive_file"])
    return Usage(int(peak) / MIB, (int(now) - idle) / MIB, int(stat["usage_usec"]) / 1e6)
