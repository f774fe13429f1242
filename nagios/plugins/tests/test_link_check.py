"""`check_qos_link`, one test per state: interfaces, an agent and traces that do as they are told."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nagios_plugins.check_qos_link import main
from nagios_plugins.links import sources
from nagios_plugins.links.sources import interface, snmp, trace
from nagios_plugins.links.store import Store
from snmp_agent import Agent, running_agent

PLUGINS = Path(__file__).parents[1]
MEGABIT = 125_000
"""octets"""


class Machine:
    """A machine with an interface, a clock, and links in an inventory."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.uptime = folder, 1000.0
        self.store, self.links = folder / "store", folder / "links.json"
        self.store.mkdir()
        monkeypatch.setattr(interface, "INTERFACES", folder / "net")
        for module in (interface, snmp, sources):
            monkeypatch.setattr(module, "uptime", lambda: self.uptime)
        self.set_device()
        self.has({})

    def set_device(self, **files: Any) -> None:
        usual = {"ifindex": 2, "operstate": "up", "speed": 100, "statistics/rx_bytes": 0, "statistics/rx_packets": 0}
        usual |= {"statistics/tx_bytes": 0, "statistics/tx_packets": 0}
        for file, content in (usual | files).items():
            path = self.folder / "net" / "eth0" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{content}\n")

    def has(self, link: dict[str, Any], **source: Any) -> None:
        of = source if "kind" in source else {"kind": "interface", "device": "eth0"} | source
        self.links.write_text(json.dumps({"links": [{"name": "uplink", "source": of} | link]}))

    def options(self) -> list[str]:
        return ["-l", "uplink", "--links", str(self.links), "--store", str(self.store)]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


@pytest.fixture
def ask(run_check: Any, machine: Machine) -> Any:
    """Run the check, some seconds after the last time."""

    def run(*more: str, after: float = 5.0, **device: Any) -> Any:
        machine.uptime += after
        machine.set_device(**device)
        return run_check(main, *machine.options(), *more)

    return run


def carried(megabits: float, packets: int) -> dict[str, int]:
    return {"statistics/rx_bytes": int(megabits * MEGABIT), "statistics/rx_packets": packets}


def test_link_when_it_is_read_for_the_first_time_then_is_ok_without_a_rate(ask: Any) -> None:
    said = ask()
    assert (said.code, said.name, said.text) == (0, "LINK", "uplink: the first reading; a rate in 5 s")
    assert said.perfdata == {}


def test_link_when_it_is_read_again_then_is_ok_with_what_it_carried(ask: Any) -> None:
    ask()
    said = ask(**carried(61.7, 8250))
    assert said.code == 0
    assert said.text == "uplink: 12.3 Mbps in (12.3 % of 100 Mbit/s), 1650 packets/s"
    assert said.perfdata == {"mbps": 12.34, "utilisation": 12.34, "packet_rate": 1650.0}


def test_link_when_it_is_full_then_is_ok_as_that_is_for_the_forecast_to_say(ask: Any) -> None:
    ask()
    said = ask(**carried(500, 41_000))
    assert (said.code, said.perfdata["utilisation"]) == (0, 100.0)


def test_link_when_the_inventory_says_more_of_it_then_that_counts(ask: Any, machine: Machine) -> None:
    machine.has({"capacity_mbps": 1000, "direction": "out", "sampling_seconds": 10})
    assert ask().text == "uplink: the first reading; a rate in 10 s"
    said = ask(after=10, **{"statistics/tx_bytes": 1000 * MEGABIT, "statistics/tx_packets": 5})
    assert said.text == "uplink: 100 Mbps out (10.0 % of 1 Gbit/s), 0 packets/s"


@pytest.mark.parametrize("speed", [-1, ""])
def test_link_when_nobody_knows_its_capacity_then_is_taken_for_a_gigabit(ask: Any, speed: Any) -> None:
    ask(speed=speed)
    assert "% of 1 Gbit/s" in ask(speed=speed).text


def test_link_when_there_was_a_gap_then_begins_again_and_says_so(ask: Any) -> None:
    ask()
    ask()
    said = ask(after=42)
    assert (said.code, said.text) == (0, "uplink: first reading again, as 42 s without a reading; a rate in 5 s")


def test_link_when_its_counters_were_reset_then_begins_again_and_says_so(ask: Any) -> None:
    ask(**carried(100, 1000))
    assert ask(**carried(1, 10)).text == "uplink: first reading again, as the counters were reset; a rate in 5 s"
    assert ask(**carried(6, 60)).text == "uplink: 1 Mbps in (1.0 % of 100 Mbit/s), 10 packets/s"


def test_link_when_it_is_read_twice_at_once_then_the_last_rate_stays(ask: Any, machine: Machine) -> None:
    ask()
    ask(**carried(5, 50))
    said = ask(after=0.3, **carried(50, 500))
    assert said.text == "uplink: 1 Mbps in (1.0 % of 100 Mbit/s), 10 packets/s"
    with Store(machine.store, "uplink") as store:
        assert len(store.read_readings(9)) == 2


@pytest.mark.parametrize("state", ["down", "lowerlayerdown", "notpresent", "dormant"])
def test_link_when_its_interface_is_down_then_is_critical_and_still_read(ask: Any, state: str) -> None:
    ask()
    said = ask(operstate=state)
    assert (said.code, said.text) == (2, f"uplink is down: interface eth0 is {state}")
    assert said.perfdata["mbps"] == 0


def test_link_when_there_is_no_such_interface_then_is_unknown(ask: Any, machine: Machine) -> None:
    machine.has({}, device="eth7")
    said = ask()
    assert (said.code, said.text) == (3, "uplink: there is no interface eth7; there are eth0")


def test_link_when_the_store_cannot_be_written_then_is_unknown(ask: Any, machine: Machine) -> None:
    (machine.store / "uplink.sqlite").mkdir()
    said = ask()
    assert said.code == 3
    assert said.text.startswith(f"uplink: not kept, {machine.store}/uplink.sqlite cannot be opened")


def test_link_when_it_is_down_and_the_store_cannot_be_written_then_is_critical(ask: Any, machine: Machine) -> None:
    (machine.store / "uplink.sqlite").mkdir()
    assert ask(operstate="down").code == 2


def test_link_when_the_disk_is_full_then_is_unknown_and_goes_on_later(ask: Any) -> None:
    ask()
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, old[1]))
    try:
        said = ask(**carried(5, 50))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert said.code == 3
    assert "see whether the disk is full" in said.text
    assert ask(**carried(10, 100)).text == "uplink: 1 Mbps in (1.0 % of 100 Mbit/s), 10 packets/s"


def test_link_when_its_store_was_damaged_then_is_ok_and_says_so(ask: Any, machine: Machine) -> None:
    ask()
    (machine.store / "uplink.sqlite").write_bytes(b"?" * 20_000)
    said = ask(**carried(5, 50))
    assert said.code == 0
    assert said.text.startswith("uplink: 1 Mbps in (1.0 % of 100 Mbit/s), 10 packets/s; uplink.sqlite was damaged and")


@pytest.fixture
def ping(monkeypatch: pytest.MonkeyPatch, machine: Machine) -> Any:
    """Set what fping says."""

    def say(words: str) -> None:
        program = machine.folder / "fping"
        program.write_text(f"#!/bin/sh\necho '{words}' >&2\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(machine.folder), prepend=":")
        machine.has({"rtt_target": "192.0.2.1"})

    return say


def test_spread_when_the_target_answers_then_is_reported_and_kept(ask: Any, ping: Any, machine: Machine) -> None:
    ping("192.0.2.1 : 1 2 1 2 1 2 1 2 1 2")
    ask()
    said = ask()
    assert said.code == 0
    assert said.text.endswith("packets/s, RTT spread 0.53 ms")
    assert said.perfdata["rtt_spread"] == pytest.approx(0.527, abs=1e-3)
    with Store(machine.store, "uplink") as store:
        assert store.read_readings(1)[0].rtt_spread_ms == pytest.approx(0.527, abs=1e-3)


def test_spread_when_the_target_does_not_answer_then_is_none_and_that_is_said(
    ask: Any, ping: Any, machine: Machine
) -> None:
    ping("192.0.2.1 : - - - - - - - - - -")
    ask()
    said = ask()
    assert said.code == 0
    assert said.text.endswith("0 packets/s; RTT not measured, 0 of 10 pings to 192.0.2.1 came back")
    assert "rtt_spread" not in said.perfdata
    with Store(machine.store, "uplink") as store:
        assert store.read_readings(1)[0].rtt_spread_ms is None


def test_spread_when_there_is_no_fping_then_that_is_said(
    ask: Any, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.has({"rtt_target": "192.0.2.1"})
    monkeypatch.setenv("PATH", str(machine.folder))
    said = ask()
    assert said.code == 0
    assert said.text.endswith("RTT not measured, there is no fping (No such file or directory)")


def test_state_when_only_that_is_asked_then_nothing_is_kept(run_check: Any, machine: Machine) -> None:
    asked = [*machine.options(), "--state"]
    said = run_check(main, *asked)
    assert (said.code, said.text, said.perfdata) == (0, "uplink is up", {})
    machine.set_device(operstate="down")
    said = run_check(main, *asked)
    assert (said.code, said.text) == (2, "uplink is down: interface eth0 is down")
    machine.has({}, device="eth7")
    said = run_check(main, *asked)
    assert (said.code, said.text) == (3, "uplink: there is no interface eth7; there are eth0")
    assert list(machine.store.iterdir()) == []


@pytest.fixture(scope="module")
def running() -> Iterator[Agent]:
    with running_agent() as agent:
        yield agent


@pytest.fixture
def agent(running: Agent, machine: Machine) -> Agent:
    """A device that answers SNMP, and a link that it counts."""
    running.objects.clear()
    running.wait, running.lost, running.garbage = 0.0, 0, None
    running.set(ifName="Gi0/1", ifHighSpeed=100, ifOperStatus=1, ifInOctets=2**32 - 1, ifInUcastPkts=9, sysUpTime=9_000)
    secret = machine.folder / "secret"
    secret.write_text(running.community)
    machine.has({}, kind="snmp", address="127.0.0.1", interface="Gi0/1", port=running.port, secret_file=str(secret))
    return running


def test_device_when_its_counters_wrap_then_the_rate_goes_on(ask: Any, agent: Agent) -> None:
    ask()
    agent.set(ifInOctets=10 * MEGABIT - 1, ifInUcastPkts=59, sysUpTime=9_500)
    assert ask().text == "uplink: 2 Mbps in (2.0 % of 100 Mbit/s), 10 packets/s"


def test_device_when_it_was_started_anew_then_the_link_begins_again(ask: Any, agent: Agent) -> None:
    ask()
    agent.set(ifInOctets=5, ifInUcastPkts=1, sysUpTime=200)
    assert ask().text == "uplink: first reading again, as the device has started anew; a rate in 5 s"


def test_device_when_its_interface_is_down_then_is_critical(ask: Any, agent: Agent) -> None:
    agent.set(ifOperStatus=2)
    said = ask()
    assert (said.code, said.text) == (2, "uplink is down: interface Gi0/1 is down")


def test_device_when_it_does_not_answer_then_is_unknown_in_time(ask: Any, agent: Agent) -> None:
    agent.lost = 9
    started = time.perf_counter()
    said = ask("-t", "0.3")
    assert time.perf_counter() - started < 1
    assert said.code == 3
    assert said.text.startswith(f"uplink: no answer from 127.0.0.1:{agent.port} within 0.3 s")


def test_device_when_its_counters_are_too_small_for_the_link_then_is_unknown(ask: Any, agent: Agent) -> None:
    agent.set(ifHighSpeed=10_000)
    said = ask()
    assert said.code == 3
    assert said.text == (
        "uplink: its counters of 32 bits begin again every 3.4 s at 10 Gbit/s: sample more often, "
        "or have it count in 64 bits"
    )


def test_device_when_anything_is_wrong_with_it_then_its_community_is_not_said(
    ask: Any, agent: Agent, machine: Machine
) -> None:
    outputs = [ask().output]
    agent.garbage = b"\x06\xff{\x93\xa7\rCm" + agent.community.encode()
    outputs.append(ask("-t", "0.2").output)
    agent.lost = 9
    outputs.append(ask("-t", "0.2").output)
    (machine.folder / "secret").write_text(f"{agent.community} {agent.community}")
    outputs.append(ask("-t", "0.2").output)
    (machine.folder / "secret").chmod(0o644)
    assert not [output for output in outputs if agent.community in output or agent.community[:8] in output]
    kept = b"".join(file.read_bytes() for file in machine.store.iterdir())
    assert agent.community.encode() not in kept


def test_trace_when_replayed_then_is_ok_with_its_spread(
    ask: Any, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace, "uptime", lambda: machine.uptime)
    file = machine.folder / "trace.csv"
    file.write_text(
        "timestamp,packet_rate,bandwidth_mbps,capacity_mbps,rtt_variance\n"
        + "".join(f"{5 * n},{100},{20},100,0.25\n" for n in range(90))
    )
    machine.has({}, kind="trace", file=str(file))
    machine.uptime = 900.0
    ask()
    said = ask()
    assert said.text == "uplink: 20 Mbps in (20.0 % of 100 Mbit/s), 100 packets/s, RTT spread 0.25 ms"
    assert said.perfdata == {"mbps": 20.0, "utilisation": 20.0, "packet_rate": 100.0, "rtt_spread": 0.25}
    machine.has({}, kind="trace", file=str(machine.folder / "none.csv"))
    assert ask().text == f"uplink: there is no trace {machine.folder}/none.csv: it should be a .csv or .parquet file"


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        ["--nonsense"],
        ["-l"],
        ["-l", "downlink"],
        ["--links", "/nowhere/links.json"],
        ["--store"],
        ["-t", "soon"],
        ["-t", "0"],
        ["-w", "5"],
    ],
)
def test_arguments_when_wrong_then_unknown_with_usage_on_stdout(
    run_check: Any, machine: Machine, wrong: list[str]
) -> None:
    said = run_check(main, *(machine.options() + wrong if wrong else []))
    assert said.code == 3
    assert "usage:" in said.output
    assert list(machine.store.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"links": 5}', '{"links": [{"name": "uplink"}]}', '{"links": [{"name": "uplink", "source": {}}]}',
     '{"links": [{"name": "uplink", "source": {"kind": "smoke"}}]}', "[" * 100_000,
     '{"links": [{"name": "uplink", "source": {"kind": "interface", "colour": 1}}]}', b"\xff\xfe"],
)  # fmt: skip
def test_inventory_when_it_is_none_then_unknown_with_usage(
    run_check: Any, machine: Machine, content: str | bytes
) -> None:
    machine.links.write_bytes(content if isinstance(content, bytes) else content.encode())
    said = run_check(main, *machine.options())
    assert said.code == 3
    assert "no links in" in said.text
    assert "usage:" in said.output


def test_store_when_it_is_not_said_then_unknown_with_usage(run_check: Any, machine: Machine) -> None:
    said = run_check(main, *machine.options()[:-2])
    assert (said.code, said.text) == (3, "the following arguments are required: --store")


def test_store_when_there_is_no_such_folder_then_is_unknown(run_check: Any, machine: Machine) -> None:
    said = run_check(main, *machine.options(), "--store", "/nowhere")
    assert said.code == 3
    assert said.text.startswith("uplink: not kept, no store in /nowhere: No such file or directory")


def test_links_when_the_named_one_is_none_of_them_then_these_are_named(run_check: Any, machine: Machine) -> None:
    said = run_check(main, *machine.options(), "-l", "downlink")
    assert said.text == "there is no link 'downlink'; there are uplink"


def test_check_when_it_fails_in_any_other_way_then_is_unknown_without_a_traceback(
    ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("|\n")

    monkeypatch.setattr(sources, "read", fail)
    said = ask()
    assert said.code == 3
    assert "ZeroDivisionError" in said.text


def spawn(*arguments: str, **environment: str) -> tuple[subprocess.CompletedProcess[str], float, float]:
    """The process as Nagios starts it, how long it took, and the CPU's seconds in it."""
    command = [sys.executable, "-c", "from nagios_plugins.check_qos_link import main; main()", *arguments]
    variables = {"PYTHONPATH": str(PLUGINS / "src"), "PATH": os.environ["PATH"], **environment}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=20, errors="replace")
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return done, seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize("kind", ["interface", "snmp", "interface with pings"])
def test_process_when_all_is_well_then_ends_soon(machine: Machine, kind: str) -> None:
    if kind.startswith("interface"):
        machine.has({"rtt_target": "127.0.0.1"} if "pings" in kind else {}, device="lo")
    runs = [spawn(*machine.options()) for _ in range(5)]
    for done, _, _ in runs:
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("LINK OK - uplink: ")
    best, cpu = min(seconds for _, seconds, _ in runs), min(cpu for _, _, cpu in runs)
    print(f"\ncheck_qos_link, {kind}: {best:.3f} s, of which {cpu:.3f} s on the CPU")  # noqa: T201  what was measured
    assert best < 0.3


def test_process_when_arguments_are_wrong_then_ends_with_3() -> None:
    done, *_ = spawn()
    assert (done.returncode, done.stderr) == (3, "")
    assert "usage:" in done.stdout


def test_help_when_asked_for_then_names_every_option() -> None:
    done, *_ = spawn("--help")
    assert done.returncode == 0
    for option in ("--link", "--links", "--store", "--state", "--timeout"):
        assert option in done.stdout
