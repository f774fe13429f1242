"""A link between two network namespaces, shaped to a rate, and traffic on it; nothing of either stays."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

DEVICE = "uplink"
HERE, THERE = "10.213.7.1", "10.213.7.2"
SENDER = Path(__file__).with_name("send.py")


@dataclass(frozen=True)
class ShapedLink:
    """The near end, `uplink` in a namespace of its own, and the far end in another."""

    near: str
    far: str
    mbit: float
    """what it lets through"""

    @property
    def inside(self) -> list[str]:
        """What has to stand before a command that is to see the near end."""
        return ["ip", "netns", "exec", self.near]

    @contextmanager
    def traffic(self, begin: float, end: float, level: float, rise: float) -> Iterator[None]:
        """Send as long as this lasts, over and over: `level` s at `begin` Mbit/s, `rise` s up to `end` Mbit/s."""
        command = [*self.inside, sys.executable, str(SENDER), THERE, *map(str, (begin, end, level, rise))]
        sender = subprocess.Popen(command)
        try:
            yield
        finally:
            sender.terminate()
            sender.wait(timeout=10)


@contextmanager
def shaped_link(mbit: float) -> Iterator[ShapedLink]:
    """Make one; needs root."""
    name = uuid.uuid4().hex[:8]
    link = ShapedLink(f"qos-near-{name}", f"qos-far-{name}", mbit)
    made: list[str] = []
    try:
        for namespace in (link.near, link.far):
            _ip("netns", "add", namespace)
            made.append(namespace)
        _ip("-n", link.near, "link", "add", DEVICE, "type", "veth", "peer", "name", "far", "netns", link.far)
        for namespace, device, address in ((link.near, DEVICE, HERE), (link.far, "far", THERE)):
            _ip("-n", namespace, "address", "add", f"{address}/24", "dev", device)
            _ip("-n", namespace, "link", "set", device, "up")
        shape = ["root", "tbf", "rate", f"{mbit}mbit", "burst", "64kb", "latency", "50ms"]
        subprocess.run(["tc", "-n", link.near, "qdisc", "add", "dev", DEVICE, *shape], check=True)
        yield link
    finally:
        for namespace in made:  # the devices go with them
            _ip("netns", "delete", namespace)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
