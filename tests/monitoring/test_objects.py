"""A real Nagios over the tree that the role makes of an inventory: links that come and go, runbooks, errors.

Everything is read from its CGIs; seconds are printed (pytest -s).
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from gateways import Gateway
from running import ROOT, wait_for
from watching import Nagios, hosts, links

pytestmark = pytest.mark.monitoring

LATENCY = 1.0
"""s that a check may come late, at most"""


def test_objects_when_a_link_comes_and_goes_then_so_do_its_services_and_what_was_kept(nagios: Nagios) -> None:
    nagios.render(
        platform_links=[*links(1), {"name": "b.mirror", "source": {"kind": "interface"}, "sampling_seconds": 30}]
    )
    nagios.start()
    wait_for(nagios.is_checked, "all checked", 60)
    defined = nagios.ask("objectjson.cgi", "servicelist", details="true")
    intervals = {
        (host, name): each["check_interval"]
        for host, services in defined.items() if host in ("edge0", "b.mirror")
        for name, each in services.items()
    }  # fmt: skip
    assert intervals == {
        ("edge0", "Traffic"): 5, ("edge0", "Forecast"): 5, ("edge0", "Accuracy"): 15,
        ("b.mirror", "Traffic"): 30, ("b.mirror", "Forecast"): 30, ("b.mirror", "Accuracy"): 90,
    }  # fmt: skip
    assert {each["action_url"] for each in defined["edge0"].values()} == {"/qos/links/edge0"}
    groups = nagios.ask("objectjson.cgi", "servicegrouplist", details="true")
    assert {name: len(each["members"]) for name, each in groups.items()} == {
        "traffic": 2,
        "forecasts": 2,
        "accuracy": 2,
    }
    store = nagios.folder / "links"
    assert {path.name.partition(".")[0] for path in store.iterdir()} == {"edge0", "b%2Emirror"}
    for name in ("b.mirror.sqlite", "edge00.sqlite", "edge0.lock.sqlite", "edge0.mirror.sqlite.damaged"):
        (store / name).touch()
    pid = nagios.program()["nagios_pid"]
    nagios.render(platform_links=links(1))
    wait_for(lambda: "b.mirror" not in nagios.hosts(), "the link gone", 20)
    kept = {path.name for path in store.iterdir()}
    assert kept >= {"edge0.sqlite", "edge0.mirror.sqlite", "edge0.lock", "edge0.mirror.sqlite.damaged"}
    assert not [name for name in kept if not name.startswith("edge0.") or name == "edge0.lock.sqlite"]
    assert nagios.program()["nagios_pid"] == pid


def test_services_when_listed_then_each_has_a_runbook(nagios: Nagios, gateway: Gateway) -> None:
    groups = ["clusters", "tls-services", "unchanged", "jenkins", "archived"]
    known = {"kubeconfig": "/x", "namespace": "n", "port": gateway.port}
    rest = {"name": "k", "alias": "K", "address": "127.0.0.1", "groups": groups, "check": "qos-machine-alive"}
    every = [*hosts(gateway, nagios.folder), {**rest, "variables": known}]
    nagios.render(platform_nagios_hosts=every, platform_links=links(1), platform_nagios_stamps=["backup", "drift"])
    nagios.start()
    defined = nagios.ask("objectjson.cgi", "servicelist", details="true")
    pages = {each["notes_url"] for services in defined.values() for each in services.values()}
    pages |= {each["notes_url"] for each in nagios.ask("objectjson.cgi", "hostlist", details="true").values()}
    written = {f"/qos/runbooks/{path.stem}" for path in (nagios.etc / "runbooks").glob("*.md")}
    assert len({name for services in defined.values() for name in services}) == 13
    assert pages == written
    # They count from the installation.
    stamps = [("k", "Backup"), ("k", "Drift")]
    wait_for(lambda: all(nagios.services()[each]["status"] == "ok" for each in stamps), "the stamps", 40)
    assert all(nagios.services()[each]["plugin_output"].startswith("FILE_AGE OK") for each in stamps)


def test_tree_when_it_has_an_error_then_the_old_one_goes_on(nagios: Nagios, tmp_path: Path) -> None:
    nagios.render(platform_links=links(2))
    nagios.start()
    wait_for(nagios.is_checked, "all checked", 60)
    pid, services, tree = nagios.program()["nagios_pid"], nagios.services().keys(), nagios.etc.resolve()
    (tmp_path / "broken.cfg").write_text("define service {\n  use no-such-template\n  host_name nobody\n}\n")
    said = nagios.refused(platform_links=links(3), nagios_extra_objects_dirs=[str(tmp_path)])
    assert "The new Nagios objects have an error" in said
    assert "no-such-template" in said
    assert nagios.etc.resolve() == tree
    checked = time.time() * 1000
    wait_for(lambda: nagios.services()["edge1", "Traffic"]["last_check"] > checked, "the old tree goes on", 20)
    assert nagios.services().keys() == services
    assert nagios.program()["nagios_pid"] == pid
    nagios.render(platform_links=links(3))
    wait_for(lambda: "edge2" in nagios.hosts(), "the next good tree", 20)


SNMP = {"kind": "snmp", "address": "a", "interface": "1", "secret_file": "/nowhere"}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"platform_links": [{"name": "edge1", "source": {"kind": "smnp"}}]}, "Link edge1: source.kind is 'smnp'"),
        ({"platform_links": links(1) * 2}, "Link edge0: name is there twice"),
        (
            {"platform_links": [{"name": "e", "source": SNMP}]},
            "Link e: source.secret_file is /nowhere, which is missing on localhost.",
        ),
        ({"nagios_gateway_host": "nobody"}, "Link uplink: nagios_gateway_host is nobody"),
    ],
)
def test_link_when_it_is_wrong_then_nothing_is_rendered(nagios: Nagios, values: dict[str, Any], sentence: str) -> None:
    assert sentence in nagios.refused(**values)
    assert not (nagios.folder / "nagios").exists()


def test_links_when_there_are_200_then_checks_come_in_time(nagios: Nagios) -> None:
    """60 s from one sample to the next; a minute to settle, and two in which each service is checked twice."""
    nagios.render(platform_links=links(200, 60))
    nagios.start()
    wait_for(nagios.is_checked, "all checked", 500)
    latest, slowest, counted = [], [], 0
    last: dict[tuple[str, str], int] = {}
    until = time.monotonic() + 130
    while time.monotonic() < until:
        for key, each in nagios.services().items():
            if each["last_check"] != last.get(key):
                last[key] = each["last_check"]
                latest.append(each["latency"])
                slowest.append(each["execution_time"])
                counted += 1
        time.sleep(3)
    latest.sort()
    print(
        f"\n200 links at 60 s: {counted} checks, {len(last)} services; latency {latest[-1]:.3f} s at most, "
        f"{latest[len(latest) * 99 // 100]:.3f} of 99 %; a check takes {sorted(slowest)[len(slowest) // 2]:.2f} s, "
        f"{max(slowest):.2f} at most"
    )
    assert nagios.problems() == set()
    assert latest[-1] < LATENCY


def test_settings_when_rendered_then_are_what_the_checks_and_notify_qos_read(nagios: Nagios) -> None:
    nagios.values |= {"platform_links": links(1, 10), "platform_smtp_host": "mail.example.org:587"}
    nagios.render(platform_ca_file="/etc/ca.pem")
    link = {"name": "edge0", "sampling_seconds": 10.0, "source": {"kind": "interface"}}
    assert json.loads((nagios.etc / "links.json").read_text()) == {"links": [link]}
    assert json.loads((nagios.etc / "notify.json").read_text()) == {
        "ca_file": "/etc/ca.pem",
        "contacts": {},
        "site": "http://127.0.0.1:8002",
        "smtp": {"host": "mail.example.org:587", "starttls": False},
    }
    assert (nagios.etc / "runbooks/traffic.md").read_text() == (ROOT / "nagios/runbooks/traffic.md").read_text()
    assert "changed=0 " in nagios.render(platform_ca_file="/etc/ca.pem")
