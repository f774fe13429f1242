"""Interfaces of this machine: a tree like /sys/class/net, and the real one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from nagios_plugins.links.inventory import InterfaceSource
from nagios_plugins.links.sources import Counter, SourceError, interface

ROUTES = """Iface	Destination	Gateway	Flags	RefCnt	Use	Metric	Mask	MTU	Window	IRTT
eth1	00000000	010200C0	0003	0	0	200	00000000	0	0	0
eth0	00000000	010200C0	0003	0	0	100	00000000	0	0	0
eth2	00000000	010200C0	0002	0	0	1	00000000	0	0	0
eth3	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
"""
ROUTES_6 = """\
{none} 00 {none} 00 {gateway} 00000400 00000001 00000000 00000003 eth6
{none} 00 {none} 00 {gateway} ffffffff 00000001 00000000 00200200 lo
fe800000000000000000000000000000 40 {none} 00 {gateway} 00000100 00000001 00000000 00000001 eth0
""".format(none="0" * 32, gateway="fe800000000000000000000000000001")


@pytest.fixture
def devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A tree of interfaces, to which one is added or changed."""
    monkeypatch.setattr(interface, "INTERFACES", tmp_path / "net")
    monkeypatch.setattr(interface, "ROUTES", tmp_path / "route")
    monkeypatch.setattr(interface, "ROUTES_6", tmp_path / "ipv6_route")
    (tmp_path / "net").mkdir()

    def set_device(name: str = "eth0", **files: Any) -> Path:
        usual = {"ifindex": 2, "operstate": "up", "speed": 2500}
        counts = {
            f"statistics/{kind}": n for n, kind in enumerate(("rx_bytes", "rx_packets", "tx_bytes", "tx_packets"))
        }
        for file, content in (usual | counts | files).items():
            path = tmp_path / "net" / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{content}\n")
        return tmp_path

    return set_device


def test_counters_when_read_then_are_those_of_the_direction(devices: Any) -> None:
    devices()
    found = interface.read(InterfaceSource("eth0"), "in")
    assert (found.octets, found.packets) == (Counter(0), (Counter(1),))
    assert (found.capacity_mbps, found.trouble, found.agent_uptime) == (2500.0, "", None)
    found = interface.read(InterfaceSource("eth0"), "out")
    assert (found.octets, found.packets) == (Counter(2), (Counter(3),))
    assert found.uptime == pytest.approx(time.clock_gettime(time.CLOCK_BOOTTIME), abs=1)
    assert found.wall == pytest.approx(time.time(), abs=1)


@pytest.mark.parametrize("speed", [-1, 0, "", "fast"])
def test_capacity_when_the_driver_does_not_know_it_then_is_not_known(devices: Any, speed: Any) -> None:
    devices(speed=speed)
    assert interface.read(InterfaceSource("eth0"), "in").capacity_mbps is None


@pytest.mark.parametrize(
    ("state", "trouble"),
    [("up", ""), ("unknown", ""), ("down", "interface eth0 is down"), ("dormant", "interface eth0 is dormant")],
)
def test_state_when_the_kernel_says_it_then_is_told(devices: Any, state: str, trouble: str) -> None:
    devices(operstate=state)
    assert interface.read(InterfaceSource("eth0"), "in").trouble == trouble


def test_interface_when_it_is_made_anew_then_its_counters_are_others(devices: Any) -> None:
    devices()
    before = interface.read(InterfaceSource("eth0"), "in").identity
    devices(ifindex=9)
    assert interface.read(InterfaceSource("eth0"), "in").identity != before


@pytest.mark.parametrize("name", ["eth9", "..", ".", "eth0/statistics", "/etc", "\0"])
def test_interface_when_there_is_none_then_those_that_are_there_are_named(devices: Any, name: str) -> None:
    devices("eth1")
    devices()
    with pytest.raises(SourceError, match="there are eth0, eth1"):
        interface.read(InterfaceSource(name), "in")


@pytest.mark.parametrize("broken", [{"statistics/rx_bytes": "?"}, {"statistics/rx_packets": ""}])
def test_interface_when_it_has_no_counters_then_that_is_said(devices: Any, broken: Any) -> None:
    devices(**broken)
    with pytest.raises(SourceError, match="interface eth0 cannot be read"):
        interface.read(InterfaceSource("eth0"), "in")


def test_default_device_when_there_are_routes_then_is_that_of_the_best(devices: Any) -> None:
    folder = devices()
    (folder / "route").write_text(ROUTES)
    (folder / "ipv6_route").write_text(ROUTES_6)
    assert interface.default_device() == "eth0"
    assert interface.read(InterfaceSource(), "in").identity == "interface eth0 2 in"
    (folder / "route").write_text(ROUTES.splitlines()[0])
    assert interface.default_device() == "eth6"


def test_default_device_when_there_is_no_route_then_that_is_said(devices: Any) -> None:
    folder = devices()
    for content in (None, "", ROUTES.splitlines()[0] + "\n" + ROUTES.splitlines()[4] + "\n"):
        if content is not None:
            (folder / "route").write_text(content)
        with pytest.raises(SourceError, match="no default route: name the link's device; there are eth0"):
            interface.read(InterfaceSource(), "in")


def test_loopback_when_it_is_the_real_one_then_its_counters_grow() -> None:
    before = interface.read(InterfaceSource("lo"), "in")
    time.sleep(0.01)
    after = interface.read(InterfaceSource("lo"), "in")
    assert after.uptime > before.uptime
    assert after.octets.value >= before.octets.value
    assert (after.boot, after.trouble) == (before.boot, "")
