"""A network interface of this machine, as Linux shows it in /sys/class/net."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final, Literal

from nagios_plugins.links.inventory import InterfaceSource
from nagios_plugins.links.sources import Counter, Counters, SourceError, boot_id, uptime

INTERFACES: Final = Path("/sys/class/net")
ROUTES: Final = Path("/proc/net/route")
ROUTES_6: Final = Path("/proc/net/ipv6_route")
UP: Final = {"up", "unknown"}
"""what operstate says of one that carries traffic; drivers of tunnels and the like say nothing"""


def read(source: InterfaceSource, direction: Literal["in", "out"]) -> Counters:
    """The interface's counters.

    Raises:
        SourceError: there is no such interface.
    """
    device = source.device or default_device()
    folder = INTERFACES / device
    if "/" in device or device in ("", ".", "..") or not folder.exists():
        raise SourceError(f"there is no interface {device}; there are {', '.join(_devices()) or 'none'}")
    kind = "rx" if direction == "in" else "tx"
    try:
        before = uptime()
        octets, packets = (int(_text(folder / "statistics" / f"{kind}_{what}")) for what in ("bytes", "packets"))
        at = (before + uptime()) / 2
        index, state = _text(folder / "ifindex"), _text(folder / "operstate")
    except (OSError, ValueError) as error:  # it has gone just now, or this is no Linux
        raise SourceError(f"interface {device} cannot be read: {error}") from None
    return Counters(
        identity=f"interface {device} {index} {direction}",
        boot=boot_id(),
        uptime=at,
        wall=time.time(),
        octets=Counter(octets),
        packets=(Counter(packets),),
        capacity_mbps=_speed(folder),
        trouble="" if state in UP else f"interface {device} is {state}",
    )


def default_device() -> str:
    """The interface that the default route goes through, the one with the least metric.

    Raises:
        SourceError: there is no default route.
    """
    found = []
    for line in _lines(ROUTES)[1:]:
        device, target, _, flags, _, _, metric, mask = line.split()[:8]
        if target == mask == "00000000" and int(flags, 16) & 1:
            found.append((int(metric), device))
    for line in [] if found else _lines(ROUTES_6):
        target, length, *_, metric, _, _, flags, device = line.split()
        if int(target, 16) == int(length, 16) == 0 and int(flags, 16) & 1 and device != "lo":
            found.append((int(metric, 16), device))
    if not found:
        raise SourceError(f"there is no default route: name the link's device; there are {', '.join(_devices())}")
    return min(found)[1]


def _speed(folder: Path) -> float | None:
    """Mbps; virtual ones and those that are down say -1, 0 or nothing."""
    try:
        speed = int(_text(folder / "speed"))
    except (OSError, ValueError):
        return None
    return float(speed) if speed > 0 else None


def _devices() -> list[str]:
    return sorted(entry.name for entry in INTERFACES.iterdir()) if INTERFACES.is_dir() else []


def _text(file: Path) -> str:
    return file.read_text(encoding="ascii").strip()


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="ascii").splitlines() if file.exists() else []
