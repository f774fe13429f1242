"""Where processes run, and what they have used, as the kernel tells it."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ALL_CORES: Final = frozenset(os.sched_getaffinity(0))
SERVERS_CORE: Final = min(ALL_CORES)
"""all servers share it; whoever loads them has another one, where there is one"""
LOADERS_CORE: Final = max(ALL_CORES)
TICK: Final = 1 / os.sysconf("SC_CLK_TCK")
"""s; resolution of CPU times"""


class ProcessEndedError(Exception):
    """A process is not there any more."""


@contextmanager
def pinned() -> Iterator[None]:
    """Have processes that are started meanwhile, and their children, run on the servers' core."""
    os.sched_setaffinity(0, {SERVERS_CORE})
    try:
        yield
    finally:
        os.sched_setaffinity(0, ALL_CORES)


def family(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int(_stat(int(entry.name))[1])
            except ProcessEndedError:
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for member in found:
        found += parents.get(member, [])
    return found


def cpu_seconds(pids: list[int]) -> float:
    """Return the user and system time that these processes have used so far, in s; raises ProcessEndedError."""
    return sum(int(ticks) for pid in pids for ticks in _stat(pid)[11:13]) * TICK


def pss_mb(pids: list[int]) -> float:
    """Return the memory of these processes in MB, each page that is shared counted by its share."""
    pattern = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)
    texts = (Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids)
    return sum(int(match.group(1)) for text in texts if (match := pattern.search(text))) / 1024


def _stat(pid: int) -> list[str]:
    # The name, in brackets, may hold anything; what counts comes after it: state, parent, …
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        raise ProcessEndedError(f"process {pid} has ended") from None
