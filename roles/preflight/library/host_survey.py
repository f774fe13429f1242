"""Ansible module: tell of a host what a platform needs to know before it changes anything there. Reads only."""

from __future__ import annotations

import contextlib
import errno
import grp
import ipaddress
import os
import platform
import pwd
import re
import shutil
import socket
import stat
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.preflight_commands import ask, proves

DOCUMENTATION = r"""
module: host_survey
short_description: Tell of a host what a platform needs to know before it changes anything there
description:
  - Reads files, asks programs for their versions, and sends nothing over the network.
  - Needs nothing but Python; where a program is missing, what it would tell is missing too.
options:
  controller_clock:
    description: Seconds since 1970 by the controller's clock.
    type: float
    default: 0
  python:
    description: Python whose version is told.
    type: path
  marker:
    description: A file that is there where the platform is.
    type: path
  disks:
    description:
      - Folders with C(path) and C(wanted_mb); of one that does not exist yet, the nearest parent is looked at. Nothing
        is wanted where a command, C(unless), with C(argv), works and says C(says).
    type: list
    elements: dict
    default: []
  address:
    description: Address that O(ports) are tried on.
    type: str
    default: localhost
  ports:
    description:
      - TCP ports with C(variable) and C(port). One that a program of C(programs) holds while C(argv) says C(says) is
        the platform's already.
    type: list
    elements: dict
    default: []
  socket:
    description: Control socket of a platform that holds O(ports) rightly.
    type: path
  files:
    description: Files with C(variable), C(path) and C(secret).
    type: list
    elements: dict
    default: []
  account:
    description: Account that must be able to read O(files), if it is there already.
    type: str
    default: ''
  commands:
    description: Commands with C(argv) that must work.
    type: list
    elements: dict
    default: []
attributes:
  check_mode:
    support: full
"""

EXAMPLES = r"""
- name: Look at the host
  host_survey:
    python: /usr/bin/python3
    ports: [{variable: web_port, port: 80}]
"""

RETURN = r"""
survey:
  description: What was found, by name.
  type: dict
  returned: always
"""

LISTEN = "0A"  # state of a socket in /proc/net/tcp


def distribution(text: str) -> dict[str, str]:
    """Name and release, from os-release(5)."""
    found = dict(re.findall(r'^(ID|VERSION_ID)="?([^"\n]*)"?$', text, re.MULTILINE))
    return {"name": found.get("ID", "").title(), "release": found.get("VERSION_ID", "")}


def cgroup(mounts: str, root: Path) -> dict[str, Any]:
    """Hierarchy (v1, hybrid, v2 or none) and whether it counts memory, from /proc/mounts and /sys/fs/cgroup."""
    rows = [row.split() for row in mounts.splitlines()]
    old = [set(row[3].split(",")) for row in rows if row[2] == "cgroup"]
    new = [row[1] for row in rows if row[2] == "cgroup2"]
    if not old:
        controllers = root / "cgroup.controllers"
        has_memory = bool(new) and controllers.exists() and "memory" in controllers.read_text().split()
        return {"hierarchy": "v2" if new else "none", "memory": has_memory}
    return {"hierarchy": "hybrid" if new else "v1", "memory": any("memory" in options for options in old)}


def disks(wanted: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What is free for each folder, and what all folders on its file system want together (MB)."""
    found = []
    for disk in wanted:
        if proves(disk.get("unless")):
            continue
        folder = Path(disk["path"])
        while not folder.is_dir():
            folder = folder.parent
        space = os.statvfs(folder)
        found.append({**disk, "free_mb": space.f_bavail * space.f_frsize // 2**20, "device": folder.stat().st_dev})
    for disk in found:
        disk["needed_mb"] = sum(int(other["wanted_mb"]) for other in found if other["device"] == disk["device"])
        disk["is_enough"] = disk["free_mb"] >= disk["needed_mb"]
    return found


def answers(path: str | None) -> bool:
    """Whether somebody listens on a unix socket."""
    if not path:
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:  # nobody is there, or the path is too long for one
            return False
    return True


def why_not(address: str, port: int) -> str:
    """Why nothing can listen there: `taken`, another reason, or nothing."""
    try:
        family = socket.getaddrinfo(address, port)[0][0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError as error:
        return "taken" if error.errno == errno.EADDRINUSE else str(error.strerror)
    return ""


def _conflicts(found: str, address: str) -> bool:
    """Whether a listener's address, as /proc/net/tcp writes it, leaves no room for another at `address`."""
    raw = bytes.fromhex(found)
    there = ipaddress.ip_address(b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4)))
    there = getattr(there, "ipv4_mapped", None) or there
    here = ipaddress.ip_address(address)
    return there == here or there.is_unspecified or here.is_unspecified


def holder(address: str, port: int) -> dict[str, Any]:
    """Program and process that listen there, as far as this account may see."""
    address = str(socket.getaddrinfo(address, port)[0][4][0])
    rows = [row.split() for name in ("tcp", "tcp6") for row in Path("/proc/net", name).read_text().splitlines()[1:]]
    inodes = {
        f"socket:[{row[9]}]"
        for row in rows
        if row[3] == LISTEN and int(row[1][-4:], 16) == port and _conflicts(row[1][:-5], address)
    }
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # ended meanwhile, or another account's
            if any(os.readlink(handle) in inodes for handle in (process / "fd").iterdir()):  # noqa: PTH115
                return {"program": (process / "comm").read_text().strip(), "pid": int(process.name)}
    return {"program": "", "pid": 0}


def ports(wanted: Iterable[Mapping[str, Any]], address: str) -> list[dict[str, Any]]:
    """Those that cannot be had: who holds them, or what else is the reason."""
    found = []
    for entry in wanted:
        reason = why_not(address, int(entry["port"]))
        if not reason:
            continue
        who = holder(address, int(entry["port"])) if reason == "taken" else {"program": "", "pid": 0}
        if who["program"] not in entry.get("programs", []) or not proves(entry):
            found.append({"variable": entry["variable"], "port": entry["port"], "reason": reason, **who})
    return found


def may_read(path: Path, account: str) -> bool:
    """Whether an account may read a file, by the modes of it and of the folders that it lies in."""
    user = pwd.getpwnam(account)
    groups = {user.pw_gid, *(group.gr_gid for group in grp.getgrall() if account in group.gr_mem)}

    def may(place: Path, bit: int) -> bool:
        status = place.stat()
        shift = 6 if status.st_uid == user.pw_uid else 3 if status.st_gid in groups else 0
        return bool(status.st_mode >> shift & bit)

    return user.pw_uid == 0 or (may(path, 4) and all(may(folder, 1) for folder in path.parents))


def file_fault(path: str, secret: bool, account: str) -> str:
    """What is wrong with a file; nothing, if it can be used."""
    try:
        mode = Path(path).stat().st_mode
    except OSError as error:
        return "is missing" if error.errno == errno.ENOENT else f"cannot be looked at: {error.strerror}"
    if not stat.S_ISREG(mode):
        return "is not a file"
    if not os.access(path, os.R_OK):
        return "cannot be read"
    if secret and mode & stat.S_IRWXO:
        return f"is open to every account (mode {stat.S_IMODE(mode):04o}, 0600 would do)"
    with contextlib.suppress(KeyError):  # the account is not there yet
        if account and not may_read(Path(path).resolve(), account):
            return f"cannot be read by {account}"
    return ""


def fault_of(argv: list[str]) -> str:
    """What a command says that does not work; nothing, if it does."""
    status, told = ask(argv)
    return (told.strip() or f"ends with {status}") if status else ""


def survey(options: Mapping[str, Any]) -> dict[str, Any]:
    """All of it."""
    running = answers(options["socket"])
    version = "import sys; print('%d.%d' % sys.version_info[:2])"
    status, told = ask([options["python"], "-c", version]) if options["python"] else (127, "")
    return {
        "ahead_seconds": round(time.time() - options["controller_clock"]),
        "login": pwd.getpwuid(os.getuid()).pw_name,
        "uid": os.getuid(),
        "sudo": shutil.which("sudo") is not None,
        "name": socket.gethostname(),
        "distribution": distribution(Path("/etc/os-release").read_text(encoding="utf-8")),
        "architecture": platform.machine(),
        "systemd": Path("/run/systemd/system").is_dir(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20,
        "cgroup": cgroup(Path("/proc/mounts").read_text(encoding="utf-8"), Path("/sys/fs/cgroup")),
        "python": told.strip() if status == 0 else "",
        "is_there": bool(options["marker"]) and Path(options["marker"]).exists(),
        "disks": disks(options["disks"]),
        "ports": [] if running else ports(options["ports"], options["address"]),
        "files": [
            {"variable": file["variable"], "path": file["path"], "fault": fault}
            for file in options["files"]
            if file["path"] and (fault := file_fault(file["path"], bool(file.get("secret")), options["account"]))
        ],
        "commands": [
            {**command, "told": told} for command in options["commands"] if (told := fault_of(command["argv"]))
        ],
    }


def main() -> None:
    """Entry point."""
    lists = {
        name: {"type": "list", "elements": "dict", "default": []} for name in ("disks", "ports", "files", "commands")
    }
    paths = {name: {"type": "path"} for name in ("python", "marker", "socket")}
    texts = {name: {"type": "str", "default": default} for name, default in (("account", ""), ("address", "localhost"))}
    clock = {"controller_clock": {"type": "float", "default": 0}}
    module = AnsibleModule(argument_spec={**lists, **paths, **texts, **clock}, supports_check_mode=True)
    module.exit_json(changed=False, survey=survey(module.params))


if __name__ == "__main__":
    main()
