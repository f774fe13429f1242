"""The SNMP source, over an agent that answers as it is told; the real one is in test_real_links.py."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nagios_plugins.links.inventory import SnmpSource
from nagios_plugins.links.sources import Counter, Counters, SourceError
from nagios_plugins.links.sources.snmp import read
from snmp_agent import Agent, encode, encode_oid, encode_value, running_agent

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LONG_SECRET = "correct-horse-battery"


@pytest.fixture(scope="module")
def running() -> Iterator[Agent]:
    """One for all tests of the file."""
    with running_agent() as agent:
        yield agent


@pytest.fixture
def agent(running: Agent) -> Agent:
    """An agent with an interface that has all there is."""
    running.objects.clear()
    running.asked.clear()
    running.wait, running.lost, running.garbage = 0.0, 0, None
    running.set(
        sysUpTime=123_456,
        ifName="Gi0/1",
        ifDescr="GigabitEthernet0/1",
        ifSpeed=100_000_000,
        ifHighSpeed=100,
        ifOperStatus=1,
        ifHCInOctets=2**63 + 5,
        ifHCInUcastPkts=700,
        ifHCInMulticastPkts=20,
        ifHCInBroadcastPkts=3,
        ifHCOutOctets=11,
        ifHCOutUcastPkts=12,
        ifInOctets=2**32 - 1,
        ifInUcastPkts=701,
        ifInMulticastPkts=21,
        ifInBroadcastPkts=4,
        ifInNUcastPkts=25,
        ifOutOctets=13,
        ifOutUcastPkts=14,
        ifOutNUcastPkts=15,
        ifCounterDiscontinuityTime=9,
    )
    return running


@pytest.fixture
def source(agent: Agent, tmp_path: Path) -> SnmpSource:
    """Where it answers."""
    (tmp_path / "secret").write_text(f"{agent.community}\n")
    return SnmpSource("127.0.0.1", "Gi0/1", str(tmp_path / "secret"), port=agent.port)


def ask(source: SnmpSource, direction: Any = "in", *, timeout: float = 2.0, index: int | None = None) -> Counters:
    return read(source, direction, timeout=timeout, index=index)


def values(counters: Counters) -> tuple[Counter, tuple[Counter, ...]]:
    return counters.octets, counters.packets


def test_counters_when_there_are_those_of_64_bits_then_are_these(source: SnmpSource) -> None:
    found = ask(source)
    assert values(found) == (Counter(2**63 + 5), (Counter(700), Counter(20), Counter(3)))
    assert (found.capacity_mbps, found.agent_uptime, found.discontinuity) == (100.0, 1234.56, 9)
    assert (found.index, found.trouble) == (1, "")
    assert found.uptime == pytest.approx(time.clock_gettime(time.CLOCK_BOOTTIME), abs=1)


def test_counters_when_the_direction_is_out_then_are_those_sent(source: SnmpSource) -> None:
    assert values(ask(source, "out")) == (Counter(11), (Counter(12),))


def test_counters_when_there_are_none_of_64_bits_then_are_those_of_32(agent: Agent, source: SnmpSource) -> None:
    agent.set(ifHCInOctets=None, ifHCInUcastPkts=None, ifHCInMulticastPkts=None, ifHCInBroadcastPkts=None)
    many = (Counter(701, 32), Counter(21, 32), Counter(4, 32))
    assert values(ask(source)) == (Counter(2**32 - 1, 32), many)
    agent.set(ifInMulticastPkts=None, ifInBroadcastPkts=None)
    assert values(ask(source))[1] == (Counter(701, 32), Counter(25, 32)), "what is not to one, in one counter"


def test_counters_when_only_octets_have_64_bits_then_packets_have_32(agent: Agent, source: SnmpSource) -> None:
    agent.set(ifHCInUcastPkts=None)
    octets, packets = values(ask(source))
    assert (octets.bits, [packet.bits for packet in packets]) == (64, [32, 32, 32])
    assert ask(source).identity != replace(ask(source, "out")).identity


@pytest.mark.parametrize(
    ("speed", "high", "capacity"),
    [
        (100_000_000, 100, 100.0),
        (1_544_000, 2, 1.544),
        (4_294_967_295, 10_000, 10_000.0),
        (1_410_065_408, 10_000, 10_000.0),
        (0, 40_000, 40_000.0),
        (None, 25, 25.0),
        (64_000, 0, 0.064),
        (0, 0, None),
        (None, None, None),
    ],
)
def test_capacity_when_the_agent_says_it_then_is_the_best_of_both(
    agent: Agent, source: SnmpSource, speed: int | None, high: int | None, capacity: float | None
) -> None:
    agent.set(ifSpeed=speed, ifHighSpeed=high)
    assert ask(source).capacity_mbps == capacity


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        (1, ""),
        (2, "interface Gi0/1 is down"),
        (3, "interface Gi0/1 is testing"),
        (4, ""),
        (5, "interface Gi0/1 is dormant"),
        (6, "interface Gi0/1 is not present"),
        (7, "interface Gi0/1 is down, as what it stands on is"),
        (None, ""),
    ],
)
def test_status_when_the_agent_says_it_then_is_told(
    agent: Agent, source: SnmpSource, status: int | None, trouble: str
) -> None:
    agent.set(ifOperStatus=status)
    assert ask(source).trouble == trouble


@pytest.mark.parametrize("name", ["Gi0/1", "GigabitEthernet0/1", "1"])
def test_interface_when_called_by_any_of_its_names_then_is_found(source: SnmpSource, name: str) -> None:
    assert ask(replace(source, interface=name)).index == 1


def test_interface_when_its_index_is_known_then_one_question_is_enough(agent: Agent, source: SnmpSource) -> None:
    agent.set(i=7, ifName="Gi0/7", ifDescr="seven", ifInOctets=1)
    ask(source, index=1)
    assert len(agent.asked) == 1
    assert ask(source, index=7).index == 1
    assert ask(source, index=99).index == 1


def test_interface_when_the_device_numbers_it_anew_then_the_counters_are_others(
    agent: Agent, source: SnmpSource
) -> None:
    before = ask(source)
    agent.set(i=3, ifName="Gi0/1", ifInOctets=5)
    agent.set(ifName="Gi0/9", ifDescr=None)
    after = ask(source, index=before.index)
    assert after.index == 3
    assert after.identity != before.identity


def test_interface_when_there_are_many_then_all_are_looked_through(agent: Agent, source: SnmpSource) -> None:
    for index in range(100, 400):
        agent.set(i=index, ifName=f"port{index}", ifDescr="port", ifHCInOctets=index)
    assert ask(replace(source, interface="port399")).octets == Counter(399)
    with pytest.raises(SourceError, match=r"127.0.0.1 has 300 interfaces port: name it by its index"):
        ask(replace(source, interface="port"))


def test_interface_when_there_is_none_then_those_that_are_there_are_named(agent: Agent, source: SnmpSource) -> None:
    with pytest.raises(SourceError, match="has no interface Gi0/2; it has Gi0/1, GigabitEthernet0/1"):
        ask(replace(source, interface="Gi0/2"))
    agent.objects.clear()
    with pytest.raises(SourceError, match=r"127.0.0.1 shows no interface to who asks with .*secret: see its views"):
        ask(replace(source, interface="Gi0/2"))


@pytest.mark.parametrize("missing", [{"ifHCInOctets": None, "ifInOctets": None}, {"sysUpTime": None}])
def test_counters_when_there_are_none_then_that_is_said(agent: Agent, source: SnmpSource, missing: Any) -> None:
    agent.set(**missing)
    with pytest.raises(SourceError, match=r"127.0.0.1 has no counters of Gi0/1"):
        ask(source)


def test_datagram_when_it_is_lost_then_another_one_is_sent(agent: Agent, source: SnmpSource) -> None:
    agent.lost = 2
    started = time.perf_counter()
    assert ask(source, timeout=0.6, index=1).index == 1
    assert 0.35 < time.perf_counter() - started < 0.6


def test_agent_when_it_does_not_answer_then_is_given_up_in_time(agent: Agent, source: SnmpSource) -> None:
    agent.lost = 99
    started = time.perf_counter()
    with pytest.raises(SourceError, match=r"no answer from 127\.0\.0\.1:\d+ within 0\.3 s; a wrong community"):
        ask(source, timeout=0.3)
    assert 0.25 < time.perf_counter() - started < 0.5


def test_agent_when_there_is_none_then_that_is_said_at_once(source: SnmpSource) -> None:
    started = time.perf_counter()
    with pytest.raises(SourceError, match=r"nothing answers SNMP at 127.0.0.1:9"):
        ask(replace(source, port=9))
    assert time.perf_counter() - started < 0.5


@pytest.mark.parametrize("address", ["no.such.host.invalid", "", "a b", "300.1.1.1", "x" * 300, "é..é"])
def test_address_when_there_is_none_then_that_is_said(source: SnmpSource, address: str) -> None:
    with pytest.raises(SourceError, match=r"there is no address of|nothing answers|cannot be asked"):
        ask(replace(source, address=address, port=9), timeout=0.3)


def test_address_when_it_is_a_name_then_is_looked_up(source: SnmpSource) -> None:
    assert ask(replace(source, address="localhost")).index == 1


SECRETS = [
    ("2c", "", "has no community: it should hold one word"),
    ("2c", f"{LONG_SECRET} {LONG_SECRET}", "has no community"),
    ("2c", None, "cannot be read: No such file"),
    ("2c", b"\xff\xfe" + LONG_SECRET.encode(), "is no text"),
    ("2c", LONG_SECRET, "no answer from"),
    ("3", LONG_SECRET, "has no user of version 3"),
    ("3", json.dumps([LONG_SECRET]), "has no user of version 3"),
    ("3", "[" * 100_000, "has no user of version 3"),
    ("3", json.dumps({"user": "nagios", "auth_key": 5}), "has no user of version 3"),
    ("3", json.dumps({"auth_key": LONG_SECRET}), "should have user, auth_key and privacy_key"),
    ("3", json.dumps({"user": "nagios", LONG_SECRET: "x"}), "should have user, auth_key and privacy_key"),
    ("3", json.dumps({"user": "nagios", "privacy_key": LONG_SECRET}), "there is no privacy without"),
    ("3", json.dumps({"user": "nagios", "auth": LONG_SECRET}), "auth is one of md5, sha,"),
    ("3", json.dumps({"user": "nagios", "auth_key": LONG_SECRET, "privacy": "rot13"}), "privacy one of des, aes"),
    ("3", json.dumps({"user": "nagios", "auth_key": LONG_SECRET, "privacy_key": LONG_SECRET}), "no answer from"),
    ("3", json.dumps({"user": LONG_SECRET * 50, "auth_key": "", "privacy_key": ""}), "no answer from"),
]


@pytest.mark.parametrize(("version", "content", "said"), SECRETS)
def test_secret_when_it_is_wrong_then_the_file_is_named_and_nothing_of_it_repeated(
    source: SnmpSource, version: Any, content: str | bytes | None, said: str
) -> None:
    file = Path(source.secret_file)
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(SourceError, match=said) as error:
        ask(replace(source, version=version), timeout=0.15)
    assert LONG_SECRET not in str(error.value)
    assert error.value.__cause__ is None, "nor what is behind it"
    assert str(file) in str(error.value) or "no answer" in said


def test_answer_when_it_makes_the_library_panic_then_is_no_answer_and_nothing_is_printed(
    agent: Agent, source: SnmpSource, capfd: pytest.CaptureFixture[str]
) -> None:
    agent.garbage = b"\x06\xff{\x93\xa7\rCm"
    with pytest.raises(SourceError, match="does not answer as SNMP wants it"):
        ask(source, index=1)
    assert capfd.readouterr() == ("", "")


@FUZZ
@given(garbage=st.binary(max_size=300))
def test_answer_when_it_is_any_bytes_then_is_no_answer(agent: Agent, source: SnmpSource, garbage: bytes) -> None:
    agent.garbage = garbage or b"x"
    with pytest.raises(SourceError):
        ask(source, timeout=0.015, index=1)


@FUZZ
@given(
    column=st.integers(0, 7),
    tag=st.integers(0, 255),
    content=st.binary(max_size=20),
)
def test_answer_when_a_value_is_of_any_kind_then_there_are_counters_or_a_sentence(
    agent: Agent, source: SnmpSource, column: int, tag: int, content: bytes
) -> None:
    key = list(agent.objects)[column]
    agent.objects[key] = (tag, content)
    try:
        found = ask(source, timeout=0.015, index=1)
    except SourceError:
        return
    assert 0 <= found.octets.value < 2**64
    assert found.capacity_mbps is None or found.capacity_mbps > 0


@FUZZ
@given(data=st.data())
def test_answer_when_it_is_cut_or_changed_then_there_are_counters_or_a_sentence(
    agent: Agent, source: SnmpSource, data: Any
) -> None:
    good = agent.answer(
        encode(0x30, encode_value(2, 1) + encode(4, agent.community.encode()) + encode(0xA0, question(agent)))
    )
    assert good is not None
    cut = data.draw(st.integers(1, len(good)))
    at = data.draw(st.integers(0, cut - 1))
    agent.garbage = (good[:at] + data.draw(st.binary(max_size=3)) + good[at + 1 : cut]) or b"x"
    try:
        ask(source, timeout=0.015, index=1)
    except SourceError:
        return


def question(agent: Agent) -> bytes:
    """A GET of all that the agent has."""
    rows = b"".join(encode(0x30, encode_oid(key) + encode(5, b"")) for key in agent.objects)
    return encode_value(2, 1) + encode_value(2, 0) + encode_value(2, 0) + encode(0x30, rows)
