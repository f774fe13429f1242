"""A real Nagios of its own below a temporary folder: a tree that the role renders, and what its CGIs say of it.

The account is whoever runs the tests; nothing listens on a port, and nothing of Debian's service is read or touched.
"""

from __future__ import annotations

import getpass
import grp
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateways import Gateway
from running import ROOT, wait_for

BINARY = Path("/usr/sbin/nagios4")
CGIS = Path("/usr/lib/cgi-bin/nagios4")
PLUGINS = ROOT / "nagios/plugins/src"
HERE = ROOT / "tests/monitoring"
"""what plays"""
LOCAL = ROOT / "inventories/local"
ROLES = ROOT / "roles"


@dataclass
class Nagios:
    """An instance."""

    folder: Path
    """the platform's state folder, as far as there is one"""
    values: dict[str, Any] = field(default_factory=dict)
    """of the platform's variables"""
    process: subprocess.Popen[str] | None = None

    @property
    def programs(self) -> Path:
        """The plugins."""
        return self.folder / "plugins/bin"

    @property
    def etc(self) -> Path:
        """The live tree."""
        return self.folder / "nagios/etc"

    @property
    def log(self) -> str:
        """What it has logged."""
        return (self.folder / "nagios/var/nagios.log").read_text()

    @property
    def pipe(self) -> Path:
        """Where it takes commands."""
        return self.folder / "nagios/var/nagios.cmd"

    def play(
        self, playbook: str | Path, *, inventory: Path = LOCAL, roles: Path = ROLES, **values: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a playbook of this folder, or another, for it."""
        given = {
            "platform_root": str(ROOT),
            "platform_state_dir": str(self.folder),
            "platform_user": getpass.getuser(),
            "platform_group": grp.getgrgid(os.getgid()).gr_name,
            "python_environment_path": str(self.folder / "plugins"),
            # Of hostvars, which know no vars_files.
            "platform_instance": "private",
            "platform_become": False,
            "nagios_pid": self.process.pid if self.process else "",
            **self.values,
            **values,
        }
        (self.folder / "values.json").write_text(json.dumps(given))
        command = [
            f"{ROOT}/.venv/ansible/bin/ansible-playbook",
            "-i",
            str(inventory),
            "-e",
            f"@{self.folder}/values.json",
        ]
        environment = {
            **os.environ,
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_ROLES_PATH": str(roles),
        }
        return subprocess.run(
            [*command, str(HERE / playbook)],
            cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300,
        )  # fmt: skip

    def render(self, **values: Any) -> str:
        """Bring it to what the variables say, as the role does; what Ansible says."""
        done = self.play("tree.yml", **values)
        assert done.returncode == 0, done.stdout[-6000:]
        return done.stdout

    def refused(self, **values: Any) -> str:
        """Do the same with what the role has to refuse; what it says, on one line."""
        done = self.play("tree.yml", **values)
        assert done.returncode == 2, done.stdout[-6000:]
        return " ".join(done.stdout.split())

    def start(self) -> None:
        """Run it, until it says what it sees."""
        out = (self.folder / "out").open("w")
        self.process = subprocess.Popen(
            [BINARY, self.etc / "nagios.cfg"], text=True, stdout=out, stderr=subprocess.STDOUT
        )
        out.close()
        wait_for(lambda: self.pipe.is_fifo() and self.hosts(), "Nagios", 20)

    def stop(self) -> None:
        """End it."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=60)

    @staticmethod
    def cgi(program: str) -> Path:
        """A program of Nagios' web interface."""
        return CGIS / program

    def ask(self, program: str, query: str, **parameters: str) -> dict[str, Any]:
        """What a CGI says to a query, as it would say it to a browser; empty if Nagios is not running yet."""
        asked = "&".join(f"{name}={value}" for name, value in {"query": query, **parameters}.items())
        environment = {
            "NAGIOS_CGI_CONFIG": str(self.etc / "cgi.cfg"),
            "REMOTE_USER": "nagiosadmin",
            "REQUEST_METHOD": "GET",
            "QUERY_STRING": f"{asked}&formatoptions=enumerate",
        }
        for _ in range(10):
            said = subprocess.run([CGIS / program], env=environment, capture_output=True, text=True, timeout=20).stdout
            head, _, body = said.partition("\n\n")
            assert "application/json" in head
            data: dict[str, dict[str, Any]] = json.loads(body)["data"]
            if query in data:
                return data[query]
            time.sleep(0.1)  # Nagios may be just writing what the CGI reads
        return {}

    def services(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Services by host and description, as statusjson.cgi has them."""
        found = self.ask("statusjson.cgi", "servicelist", details="true")
        return {(host, name): each for host, services in found.items() for name, each in services.items()}

    def hosts(self) -> dict[str, dict[str, Any]]:
        """Hosts by name, likewise."""
        return self.ask("statusjson.cgi", "hostlist", details="true")

    def program(self) -> dict[str, Any]:
        """The process, likewise."""
        return self.ask("statusjson.cgi", "programstatus")

    def problems(self, state_type: str = "hard") -> set[tuple[str, str]]:
        """Services that are not OK, and hosts that are not UP (without a service), in states of one type."""
        found = {
            key
            for key, each in self.services().items()
            if each["status"] not in ("ok", "pending") and each["state_type"] == state_type
        }
        return found | {
            (name, "")
            for name, each in self.hosts().items()
            if each["status"] not in ("up", "pending") and each["state_type"] == state_type
        }

    def is_checked(self) -> bool:
        """Whether every service has been."""
        return all(each["has_been_checked"] for each in self.services().values())

    def command(self, text: str) -> None:
        """Give it a command."""
        assert self.pipe.is_fifo()
        self.pipe.write_text(f"[0] {text}\n")


def links(count: int, sampling_seconds: float = 5) -> list[dict[str, Any]]:
    """Links of this machine's own interface."""
    source = {"kind": "interface"}
    return [{"name": f"edge{n}", "source": source, "sampling_seconds": sampling_seconds} for n in range(count)]


def hosts(gateway: Gateway, folder: Path) -> list[dict[str, Any]]:
    """A gateway, and the machine itself."""
    face = {"port": gateway.port, "url": gateway.url}
    groups = ["http-services", "forecasters"]
    return [
        {"name": "api-gateway", "alias": "A", "address": "127.0.0.1", "groups": groups, "variables": face},
        {"name": "machine", "alias": "M", "address": "127.0.0.1", "groups": ["machines"], "check": "qos-machine-alive",
         "variables": {"state_dir": str(folder)}},
    ]  # fmt: skip


def secret(folder: Path, text: str) -> str:
    """Write a secret; returns its file."""
    file = folder / "secret"
    file.write_text(text)
    file.chmod(0o600)
    return str(file)


def install_plugins(folder: Path, *, inside: dict[str, list[str]] | None = None) -> None:
    """Put the plugins that the objects name into a folder, as an installed package has them.

    `inside` says what has to stand before some of them, to run them elsewhere.
    """
    commands = (ROOT / "nagios/objects/commands.cfg").read_text()
    folder.mkdir(parents=True, exist_ok=True)
    for name in sorted(set(re.findall(r"\$USER2\$/(\w+)", commands))):
        source = folder / f"{name}.py"
        source.write_text(
            f"import sys\nsys.path.insert(0, {str(PLUGINS)!r})\nfrom nagios_plugins.{name} import main\nmain()\n"
        )
        before = shlex.join((inside or {}).get(name, []))
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec {before} {sys.executable} -B {source} "$@"\n')
        program.chmod(0o755)


def _is_deleted(folder: Path) -> bool:
    """Whether it is gone; a check that was just running may make a file in it once more."""
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


@contextmanager
def instance(**values: Any) -> Iterator[Nagios]:
    """An instance that is not started yet; nothing of it stays."""
    if not (BINARY.exists() and (CGIS / "statusjson.cgi").exists()):
        pytest.skip("Debian's nagios4-core and nagios4-cgi are not installed")
    folder = Path(tempfile.mkdtemp(prefix="qos-nagios-"))
    nagios = Nagios(folder, values)
    try:
        install_plugins(nagios.programs)
        yield nagios
    finally:
        nagios.stop()
        wait_for(lambda: _is_deleted(folder), "the last checks to end", 20)
