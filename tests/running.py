"""The platform as `make up` left it, seen from outside: its addresses, its processes, and what Nagios says of it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"
FACTS = (
    "platform_state_dir",
    "platform_api_gateway_url",
    "platform_ml_inference_url",
    "platform_nagios_web_url",
    "platform_nagios_user",
    "platform_nagios_password_file",
    "platform_model_link",
    "platform_packages",
)


def run(*command: str, timeout: float = 300, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command in the clone; its output is part of the failure."""
    done = subprocess.run(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, **options
    )
    if check and done.returncode:
        pytest.fail(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-4000:]}")
    return done


def recap(said: str) -> tuple[int, int]:
    """Tasks that changed something, and that failed, in all plays that ansible-playbook tells of."""
    rows = re.findall(r"\bchanged=(\d+) .*?\bfailed=(\d+)", said)
    assert rows, said[-2000:]
    return sum(int(changed) for changed, _ in rows), sum(int(failed) for _, failed in rows)


def wait_for(condition: Callable[[], object], what: str, seconds: float) -> float:
    """Wait until the condition holds; returns the seconds it took."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > seconds:
            pytest.fail(f"{what}: not within {seconds} s")
        time.sleep(0.2)
    return time.monotonic() - started


@dataclass(frozen=True)
class Platform:
    """What runs, seen from outside: its addresses, its processes, and what Nagios says of it."""

    facts: dict[str, Any]

    @property
    def state_dir(self) -> Path:
        return Path(self.facts["platform_state_dir"])

    @property
    def gateway(self) -> str:
        return str(self.facts["platform_api_gateway_url"])

    @property
    def inference(self) -> str:
        return str(self.facts["platform_ml_inference_url"])

    @property
    def nagios(self) -> str:
        return str(self.facts["platform_nagios_web_url"])

    @property
    def login(self) -> tuple[str, str]:
        return self.facts["platform_nagios_user"], Path(self.facts["platform_nagios_password_file"]).read_text().strip()

    def pids(self, module: str) -> list[int]:
        """Processes of a service, by the module that they run."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue
            if command[0].startswith(str(self.state_dir)) and module in command:
                found.append(int(folder.name))
        return sorted(found)

    def kill(self, module: str) -> list[int]:
        """End every process of a service at once, as a crash would."""
        pids = self.pids(module)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return pids

    def nagios_status(self, query: str) -> dict[str, Any]:
        """What statusjson.cgi answers to a query, behind the password."""
        answer = httpx.get(
            self.nagios.replace("/nagios4/", "/cgi-bin/nagios4/statusjson.cgi"),
            params={"query": query, "details": "true", "formatoptions": "enumerate"},
            auth=self.login,
        )
        answer.raise_for_status()
        status = answer.json()["data"][query]
        assert isinstance(status, dict)
        return status

    def services(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Nagios' services by host and description."""
        hosts = self.nagios_status("servicelist")
        return {(host, name): service for host, services in hosts.items() for name, service in services.items()}

    def is_hard(self, host: str, service: str, status: str) -> bool:
        """Whether Nagios is sure of a service's status."""
        seen = self.services()[host, service]
        return bool(seen["status"] == status and seen["state_type"] == "hard")

    def all_ok(self) -> bool:
        """Whether every service is OK, and Nagios sure of it."""
        try:
            services = self.services().values()
        except (httpx.HTTPError, KeyError):  # the web server restarts, or Nagios is just reading its objects
            return False
        return bool(services) and all(seen["status"] == "ok" and seen["state_type"] == "hard" for seen in services)


def find_platform(folder: Path, *options: str) -> Platform:
    """The platform that runs; its addresses come from the inventory and the options for Ansible that started it."""
    facts = folder / "facts.json"
    wanted = ", ".join(f"'{name}': {name}" for name in FACTS)
    arguments = json.dumps({"dest": str(facts), "content": f"{{{{ {{ {wanted} }} | to_json }}}}"})
    run(
        ".venv/ansible/bin/ansible", "localhost", "-i", "inventories/local", "--playbook-dir", "playbooks",
        "-m", "ansible.builtin.copy", "-a", arguments, *options,
    )  # fmt: skip
    return Platform(json.loads(facts.read_text()))
