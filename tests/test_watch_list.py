"""What the role nagios refuses of links and contacts, and that what it lets pass is what the checks take."""

from __future__ import annotations

import argparse
import json
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import watch_list
import yaml
from ansible.module_utils import watch_rules
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nagios_plugins.links import inventory
from running import ROOT

LINK: dict[str, Any] = {"name": "edge1", "source": {"kind": "interface"}}
SNMP = {"kind": "snmp", "address": "192.0.2.1", "interface": "ge-0/0/1", "secret_file": "/etc/qos/edge1"}


def survey(*links: Any, contacts: Any = (), smtp: Any = None, hosts: Any = ()) -> dict[str, Any]:
    options = {"links": list(links), "contacts": list(contacts), "smtp": smtp or {}, "hosts": list(hosts)}
    return watch_list.survey(options)


def faults(*links: Any, **more: Any) -> list[str]:
    found: list[str] = survey(*links, **more)["faults"]
    return found


def names(kind: Any, *without: str) -> set[str]:
    return {field.name for field in fields(kind)} - set(without)


def test_rules_when_compared_with_the_checks_inventory_then_have_the_same_fields_and_words() -> None:
    assert set(watch_rules.LINK) == names(inventory.Link, "name", "source")
    assert set(watch_rules.SOURCES) == set(inventory.SOURCES)
    for kind, source in inventory.SOURCES.items():
        assert set(watch_rules.SOURCES[kind]) == names(source)
    for word in ("direction", "forecaster"):
        for choice in get_args(get_type_hints(inventory.Link)[word]):
            assert faults({**LINK, word: choice}) == []
    for version in get_args(get_type_hints(inventory.SnmpSource)["version"]):
        assert faults({**LINK, "source": {**SNMP, "version": version}}) == []
    assert inventory.Link("x", inventory.InterfaceSource()).sampling_seconds == watch_list.DEFAULT_SAMPLING_SECONDS
    role = yaml.safe_load((ROOT / "roles/nagios/vars/main.yml").read_text())
    assert role["__nagios_sampling_seconds"] == watch_list.DEFAULT_SAMPLING_SECONDS


def test_argument_specs_when_compared_with_the_rules_then_have_the_same_fields() -> None:
    specs = yaml.safe_load((ROOT / "roles/nagios/meta/argument_specs.yml").read_text())["argument_specs"]["main"]
    options = specs["options"]
    link = options["nagios_links"]["options"]
    assert set(link) == {"name", "source", *watch_rules.LINK}
    sources = {field for rules in watch_rules.SOURCES.values() for field in rules}
    assert set(link["source"]["options"]) == {"kind", *sources}
    assert set(options["nagios_contacts"]["options"]) == {"name", *watch_rules.CONTACT}
    assert set(options["nagios_smtp"]["options"]) == set(watch_rules.SMTP)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"name": "Edge 1"},
            "Link Edge 1: name is 'Edge 1', and has to be lower-case letters, digits, dots and dashes",
        ),
        ({"name": "-x"}, "Link -x: name is '-x'"),
        ({"name": None}, "Link (without a name): name is ''"),
        ({"name": "taken"}, "Link taken: name is there twice"),
        (
            {"source": {"kind": "smnp"}},
            "Link edge1: source.kind is 'smnp', and has to be one of interface, snmp, trace",
        ),
        ({"source": {}}, "Link edge1: source.kind is missing"),
        ({"source": None}, "Link edge1: source.kind is missing"),
        ({"source": {"kind": "snmp"}}, "Link edge1: source.secret_file is missing"),
        ({"source": {**SNMP, "port": 70000}}, "Link edge1: source.port is 70000, and has to be a number between 1"),
        ({"source": {**SNMP, "version": 1}}, "Link edge1: source.version is 1, and has to be one of 2c, 3"),
        ({"source": {**SNMP, "secret_file": "key"}}, "Link edge1: source.secret_file is 'key', and has to be a path"),
        ({"source": {**SNMP, "address": "-o x"}}, "Link edge1: source.address is '-o x', and has to be a host's name"),
        ({"source": {"kind": "interface", "address": "x"}}, "Link edge1: source.address is unknown; there are device"),
        ({"source": {"kind": "trace"}}, "Link edge1: source.file is missing"),
        ({"threshold_percent": 101}, "Link edge1: threshold_percent is 101, and has to be a number of % more than 0"),
        ({"threshold_percent": 0}, "Link edge1: threshold_percent is 0"),
        ({"threshold_percent": "high"}, "Link edge1: threshold_percent is 'high'"),
        ({"threshold_percent": float("nan")}, "Link edge1: threshold_percent is nan"),
        ({"threshold_percent": True}, "Link edge1: threshold_percent is True"),
        ({"thresold_percent": 90}, "Link edge1: thresold_percent is unknown; there are direction, "),
        ({"sampling_seconds": 0.5}, "Link edge1: sampling_seconds is 0.5, and has to be a number of s between 1 and"),
        ({"capacity_mbps": -1}, "Link edge1: capacity_mbps is -1"),
        ({"direction": "up"}, "Link edge1: direction is 'up', and has to be one of in, out"),
        ({"forecaster": "lstm"}, "Link edge1: forecaster is 'lstm', and has to be one of auto, model, baseline"),
        ({"rtt_target": "--help"}, "Link edge1: rtt_target is '--help'"),
    ],
)
def test_link_when_a_value_is_wrong_then_one_sentence_names_link_and_field(changed: Any, sentence: str) -> None:
    said = [each for each in faults({**LINK, **changed}, hosts=["taken"]) if each.startswith(sentence)]
    assert len(said) == 1
    assert said[0].endswith(".")
    assert "\n" not in said[0]


def test_links_when_two_have_one_name_then_it_is_said() -> None:
    assert faults(LINK, LINK) == ["Link edge1: name is there twice."]


def test_links_when_several_are_wrong_then_all_is_said_at_once() -> None:
    assert len(faults({**LINK, "direction": "up", "forecaster": "x"}, {"name": "b", "source": {"kind": "x"}})) == 3


@pytest.mark.parametrize(
    ("contact", "smtp", "sentence"),
    [
        ({"name": "alice"}, {}, "Contact alice: mail is missing, and webhook_url_file is too"),
        ({"name": "alice", "mail": "alice"}, {"host": "m"}, "Contact alice: mail is 'alice', and has to be one mail"),
        ({"name": "alice", "mail": "a@b"}, {}, "Contact alice: mail is set, and there is no mail server"),
        ({"name": "operator", "mail": "a@b"}, {"host": "m"}, "Contact operator: name is there twice"),
        ({"name": "a b", "mail": "a@b"}, {"host": "m"}, "Contact a b: name is 'a b'"),
        ({"name": "a", "webhook_url_file": "x"}, {}, "Contact a: webhook_url_file is 'x', and has to be a path"),
        ({"name": "a", "mail": "a@b", "states": ["bad"]}, {"host": "m"}, "Contact a: states is ['bad']"),
        ({"name": "a", "mail": "a@b", "states": []}, {"host": "m"}, "Contact a: states is []"),
        ({"name": "a", "mail": "a@b"}, {"host": "m", "username": "me"}, "Mail server: password_file is missing"),
        (
            {"name": "a", "mail": "a@b"},
            {"host": "m", "username": "me", "password_file": "/p", "starttls": "false"},
            "Mail server: starttls is off, and there is a password",
        ),
        ({"name": "a", "mail": "a@b"}, {"host": "m", "starttls": "maybe"}, "Mail server: starttls is 'maybe'"),
        ({"name": "a", "mail": "a@b"}, {"host": "m:587", "ssl": True}, "Mail server: ssl is unknown"),
    ],
)
def test_contact_when_a_value_is_wrong_then_one_sentence_names_it_and_the_field(
    contact: Any, smtp: Any, sentence: str
) -> None:
    assert [said for said in faults(contacts=[contact], smtp=smtp) if said.startswith(sentence)]


def test_files_when_the_checks_will_read_them_then_are_told_with_link_and_field() -> None:
    trace = {"name": "b", "source": {"kind": "trace", "file": "/traces/b.csv"}}
    smtp = {"host": "m", "starttls": "yes", "username": "me", "password_file": "/etc/qos/smtp"}
    contact = {"name": "alice", "mail": "a@b", "webhook_url_file": "/etc/qos/hook"}
    found = survey({**LINK, "source": SNMP}, trace, contacts=[contact], smtp=smtp)
    assert [(file["variable"], file["path"], file["secret"]) for file in found["files"]] == [
        ("Link edge1: source.secret_file", "/etc/qos/edge1", True),
        ("Link b: source.file", "/traces/b.csv", False),
        ("Contact alice: webhook_url_file", "/etc/qos/hook", True),
        ("Mail server: password_file", "/etc/qos/smtp", True),
    ]
    assert found["smtp"]["starttls"] is True


def test_numbers_when_they_come_as_text_then_are_numbers_for_the_checks(tmp_path: Path) -> None:
    """As from the command line, or from a template."""
    given_ = {**LINK, "source": {**SNMP, "port": "1161"}, "capacity_mbps": "1000", "sampling_seconds": "10"}
    link = loaded(tmp_path, survey(given_)["links"])["edge1"]
    assert (link.capacity_mbps, link.sampling_seconds, link.source.port) == (1000.0, 10.0, 1161)


@pytest.mark.parametrize(
    ("intervals", "seconds"),
    [([], 5), ([60] * 199 + [5], 60), ([5] * 100 + [60] * 100, 5), ([7], 7), ([60] * 10 + [5] * 2, 5)],
)
def test_first_checks_when_spread_then_over_the_time_in_which_most_come_again(
    intervals: list[float], seconds: float
) -> None:
    links = [{**LINK, "name": f"e{n}", "sampling_seconds": each} for n, each in enumerate(intervals)]
    assert survey(*links)["spread_seconds"] == seconds


ANYTHING: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just([]) | st.just({})
)
SOME_SOURCE = st.fixed_dictionaries(
    {"kind": st.sampled_from(["interface", "snmp", "trace"]) | ANYTHING},
    optional={
        name: st.sampled_from(["x", "/x", 161, "2c"]) | ANYTHING
        for name in ("device", "address", "interface", "secret_file", "port", "version", "file", "trace_id")
    },
)
SOME_LINK = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b.c"]) | ANYTHING, "source": SOME_SOURCE | ANYTHING},
    optional={name: st.sampled_from(["in", "model", 1, "50"]) | ANYTHING for name in watch_rules.LINK},
)


def loaded(folder: Path, links: list[dict[str, Any]]) -> dict[str, Any]:
    """As the checks read them."""
    (folder / "links.json").write_text(json.dumps({"links": links}))
    return inventory.load(str(folder / "links.json"))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(links=st.lists(SOME_LINK, max_size=3))
def test_links_when_they_are_anything_then_are_refused_or_taken_by_the_checks(links: Any, tmp_path: Path) -> None:
    found = survey(*links)
    assert bool(found["faults"]) or len(found["links"]) == len(links)
    try:
        taken = loaded(tmp_path, found["links"])
    except argparse.ArgumentTypeError as error:
        pytest.fail(str(error))
    for link in taken.values():
        assert 1 <= link.sampling_seconds <= 3600
        assert 0 < link.threshold_percent <= 100
        assert link.capacity_mbps is None or link.capacity_mbps > 0
