"""Ansible module: bring one program of supervisord to what its files say, process by process."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import time
import xmlrpc.client
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: supervised_program
short_description: Bring a program of supervisord to what its files say, without interrupting it
description:
  - Adds the program if it is new, adds it anew if its section changed, and starts what is not running.
  - A process that started before its run script was written is out of date. Such processes are restarted one after
    the other, the next only when the one before it runs, so that a program of several processes that share a
    listening socket loses no request. The comparison is with what runs, not with what this run of Ansible changed,
    so a play that was interrupted is made good by the next.
options:
  name:
    description: Name of the program; its group in supervisord has the same name.
    type: str
    required: true
  script:
    description: The run script that the program's processes execute.
    type: path
    required: true
  socket:
    description: supervisord's control socket.
    type: path
    required: true
  timeout:
    description: Seconds to wait for the processes to run.
    type: int
    default: 60
attributes:
  check_mode:
    support: full
"""

EXAMPLES = r"""
- name: Run the gateway
  supervised_program:
    name: api-gateway
    script: /var/lib/platform/supervisor/programs/api-gateway.sh
    socket: /var/lib/platform/supervisor/control.sock
"""

RETURN = r"""
actions:
  description: What was done, or would be in check mode.
  type: list
  elements: str
  returned: always
pids:
  description: Process ids of the program's processes.
  type: list
  elements: int
  returned: always
"""

# supervisord's process states, http://supervisord.org/subprocess.html#process-states
RUNNING = "RUNNING"
ON_THE_WAY = ("STARTING", "BACKOFF", "STOPPING")


class _UnixConnection(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self.host)


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        del host  # the URL's; a unix socket has none
        return _UnixConnection(self._path)


def seconds_since_start(pid: int) -> float:
    """Age of a process in seconds, from field 22 of proc(5)'s stat."""
    ticks = int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


class Program:
    """One program (a group of like processes) as supervisord knows it."""

    def __init__(self, rpc: Any, name: str, script: Path, *, check_mode: bool, timeout: int) -> None:
        self.rpc, self.name, self.script, self.check_mode, self.timeout = (
            rpc,
            name,
            script,
            check_mode,
            timeout,
        )
        self.actions: list[str] = []

    def processes(self) -> list[dict[str, Any]]:
        """supervisord's record of every process of the program."""
        return [info for info in self.rpc.getAllProcessInfo() if info["group"] == self.name]

    def converge(self) -> None:
        """Bring the program to what its files say.

        Raises:
            RuntimeError: a process does not come up, or supervisord cannot read its configuration.
        """
        added, changed, _removed = self.rpc.reloadConfig()[0]
        if self.name in changed:
            self._do(f"replace {self.name}", self._replace)
        elif self.name in added:
            self._do(f"add {self.name}", lambda: self.rpc.addProcessGroup(self.name))
        elif not self.processes():
            raise RuntimeError(f"no section of supervisord's configuration names {self.name}")
        for info in self._settled():
            full_name = f"{self.name}:{info['name']}"
            if info["statename"] != RUNNING:
                self._do(f"start {full_name}", lambda name=full_name: self.rpc.startProcess(name))
            elif self._is_outdated(info["pid"]):
                self._do(f"restart {full_name}", lambda name=full_name: self._restart(name))

    def failure(self, reason: str) -> str:
        """The reason, and the end of the log of what did not run."""
        last = []
        with contextlib.suppress(OSError, xmlrpc.client.Fault):  # supervisord itself may be ending
            last = [
                self.rpc.readProcessStdoutLog(f"{self.name}:{info['name']}", -1500, 0)
                for info in self.processes()
                if info["statename"] != RUNNING
            ]
        return "\n".join([f"{self.name}: {reason}", *last[:1]])

    def _do(self, action: str, step: Any) -> None:
        self.actions.append(action)
        if not self.check_mode:
            step()

    def _replace(self) -> None:
        self.rpc.stopProcessGroup(self.name)
        self.rpc.removeProcessGroup(self.name)
        self.rpc.addProcessGroup(self.name)

    def _restart(self, full_name: str) -> None:
        self.rpc.stopProcess(full_name)
        self.rpc.startProcess(full_name)  # returns when it runs

    def _is_outdated(self, pid: int) -> bool:
        return seconds_since_start(pid) > time.time() - self.script.stat().st_mtime

    def _settled(self) -> list[dict[str, Any]]:
        """The processes, once none of them is about to change its state."""
        deadline = time.monotonic() + self.timeout
        while any(info["statename"] in ON_THE_WAY for info in self.processes()):
            if time.monotonic() > deadline:
                raise RuntimeError(f"not running after {self.timeout} s")
            time.sleep(0.2)
        return self.processes()


def answers(path: str) -> bool:
    """Whether something listens on a unix socket; its file may have outlived it."""
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(path)
    except OSError:
        return False
    return True


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "script": {"type": "path", "required": True},
            "socket": {"type": "path", "required": True},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    wanted = module.params
    if module.check_mode and not answers(wanted["socket"]):
        module.exit_json(changed=True, actions=[f"add {wanted['name']}"], pids=[])
    server = xmlrpc.client.ServerProxy("http://supervisord", transport=_UnixTransport(wanted["socket"]))
    program = Program(
        server.supervisor,
        wanted["name"],
        Path(wanted["script"]),
        check_mode=module.check_mode,
        timeout=wanted["timeout"],
    )
    try:
        program.converge()
        pids = [info["pid"] for info in program.processes()]
    except OSError as error:
        module.fail_json(msg=f"supervisord does not answer on {wanted['socket']}: {error}")
    except (RuntimeError, xmlrpc.client.Fault) as error:
        module.fail_json(msg=program.failure(getattr(error, "faultString", str(error))), actions=program.actions)
    module.exit_json(changed=bool(program.actions), actions=program.actions, pids=pids)


if __name__ == "__main__":
    main()
