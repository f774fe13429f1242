"""What the platform could leave on a machine: run it before and after, and compare.

`footprint.py FILE` writes the machine's footprint; `footprint.py --since FILE` says what has changed since, and
ends with 1 if anything has. Standard library only: it runs on machines that have nothing else.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

# Places that change by themselves, or belong to apt and dpkg.
IGNORED = (
    "/dev", "/proc", "/run", "/sys", "/tmp",
    "/var/cache", "/var/lib/apt", "/var/lib/containerd", "/var/lib/docker", "/var/lib/dpkg", "/var/lib/systemd",
    "/var/log/alternatives.log", "/var/log/apt", "/var/log/btmp", "/var/log/dockerd.log", "/var/log/dpkg.log",
    "/var/log/fontconfig.log", "/var/log/journal", "/var/log/lastlog", "/var/log/wtmp",
)  # fmt: skip
# What apt and dpkg copy when the clock tells them to (dpkg-db-backup.timer, apt-daily.timer). Not the whole folder: the
# archives of Jenkins lie in it.
IGNORED_COPIES = re.compile(r"/var/backups/(alternatives\.tar|apt\.extended_states|dpkg\.[a-z-]+)\.\d+(\.gz)?")
UNIT_FOLDERS = ("/etc/systemd/system", "/etc/rc2.d")
PROGRAMS = (
    "supervisord",
    "nagios4",
    "apache2",
    "exim4",
    "api_gateway",
    "ml_inference",
    "dockerd",
    "containerd",
    "minikube",
    "jenkins",
)
LISTEN = "0A"


def listening_ports() -> list[str]:
    """TCP ports that something listens on."""
    rows = [row.split() for name in ("tcp", "tcp6") for row in Path("/proc/net", name).read_text().splitlines()[1:]]
    return sorted({str(int(row[1].rpartition(":")[2], 16)) for row in rows if row[3] == LISTEN})


def processes() -> list[str]:
    """Processes of the platform, or of the Debian packages that it installs."""
    found = set()
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if any(program in command for program in PROGRAMS) and "footprint" not in command:
            found.add(command)
    return sorted(found)


def enabled_units() -> list[str]:
    """Units and init scripts that would start with the machine."""
    links = [path for folder in UNIT_FOLDERS for path in Path(folder).rglob("*") if path.is_symlink()]
    return sorted(str(path) for path in links if path.parent.name != "rc2.d" or path.name.startswith("S"))


def packages() -> list[str]:
    """Installed packages of the distribution."""
    asked = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\\n"]
    rows = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
    return sorted(row.split()[0] for row in rows if row.endswith(" installed"))


def accounts() -> list[str]:
    """Users of the machine."""
    return sorted(line.split(":")[0] for line in Path("/etc/passwd").read_text().splitlines())


def files(folders: list[str], left_out: list[str]) -> dict[str, str]:
    """Every file below some folders, with its size and time of change, or where it leads."""
    found: dict[str, str] = {}
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except OSError:
            continue
        for entry in entries:
            if entry.path in left_out or entry.name.endswith(".pyc") or IGNORED_COPIES.fullmatch(entry.path):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
                found[entry.path] = "folder"
            elif entry.is_symlink():
                found[entry.path] = str(Path(entry.path).readlink())
            else:
                status = entry.stat(follow_symlinks=False)
                found[entry.path] = f"{status.st_size} {status.st_mtime}"
    return found


def take(folders: list[str], left_out: list[str]) -> dict[str, object]:
    """The footprint."""
    return {
        "packages": packages(),
        "listening ports": listening_ports(),
        "processes": processes(),
        "enabled units": enabled_units(),
        "accounts": accounts(),
        "files": files(folders, left_out),
    }


def differences(before: dict[str, object], after: dict[str, object], kinds: list[str]) -> list[str]:
    """A line for everything that came, went or changed."""
    lines = []
    for kind in kinds:
        old, new = before[kind], after[kind]
        was = old if isinstance(old, dict) else dict.fromkeys(old, "")  # type: ignore[call-overload]
        now = new if isinstance(new, dict) else dict.fromkeys(new, "")  # type: ignore[call-overload]
        lines += [f"{kind}: + {name}" for name in sorted(now.keys() - was.keys())]
        lines += [f"{kind}: - {name}" for name in sorted(was.keys() - now.keys())]
        lines += [f"{kind}: changed {name}" for name in sorted(now.keys() & was.keys()) if now[name] != was[name]]
    return lines


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--since", action="store_true", help="compare with FILE instead of writing it")
    parser.add_argument("--kinds", help="what to compare, comma-separated; all if left out")
    parser.add_argument(
        "--folders", default="/", help="where files are looked at, comma-separated; everywhere if left out"
    )
    parser.add_argument("--except", dest="left_out", default="", help="paths that do not count, comma-separated")
    wanted = parser.parse_args()
    footprint = take(wanted.folders.split(","), [*IGNORED, *wanted.left_out.split(",")])
    if not wanted.since:
        wanted.file.write_text(json.dumps(footprint))
        return 0
    kinds = wanted.kinds.split(",") if wanted.kinds else list(footprint)
    lines = differences(json.loads(wanted.file.read_text()), footprint, kinds)
    print("\n".join(lines) or f"nothing has changed: {', '.join(kinds)}")
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main())
