"""The real things, in network and mount namespaces: Debian's snmpd and fping, a full disk, another account."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from nagios_plugins.links.pings import COUNT, PERIOD_MS
from nagios_plugins.links.store import Reader, Store, StoreError

pytestmark = [
    pytest.mark.monitoring,
    pytest.mark.skipif(os.geteuid() != 0, reason="namespaces are made by root"),
]
SOURCES = Path(__file__).parents[2] / "src"
POLLER, DEVICE = f"qos-{os.getpid()}-poller", f"qos-{os.getpid()}-device"
AGENT, BEHIND_LINK, DELAYED = "10.213.0.2", "10.213.1.2", "10.213.2.2"
COMMUNITY, AUTH_KEY, PRIVACY_KEY = "horse-battery", "auth-staple-key", "privacy-staple-key"
SNMPD = f"""\
agentaddress udp:{AGENT}:161
rocommunity {COMMUNITY}
createUser nagios SHA {AUTH_KEY} AES {PRIVACY_KEY}
createUser newer SHA-256 {AUTH_KEY} AES {PRIVACY_KEY}
rouser nagios priv
rouser newer priv
"""
EVERY = 4.0
"""s from one sample to the next; the agent looks at its counters every 3 s"""
SETTLED = 10.5
"""s after its start that an agent is believed"""


def run(*command: str, **options: Any) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30, **options).stdout


def inside(namespace: str, *command: str) -> str:
    return run("ip", "netns", "exec", namespace, *command)


@pytest.fixture(scope="module")
def network() -> Iterator[None]:
    """A poller and a device: one wire for SNMP, another one that is the link."""
    try:
        for namespace in (POLLER, DEVICE):
            run("ip", "netns", "add", namespace)
            inside(namespace, "ip", "link", "set", "lo", "up")
        for here, there, net in (("agent0", "agent1", "10.213.0"), ("link0", "link1", "10.213.1")):
            run("ip", "link", "add", here, "netns", POLLER, "type", "veth", "peer", "name", there, "netns", DEVICE)
            for namespace, device, host in ((POLLER, here, 1), (DEVICE, there, 2)):
                inside(namespace, "ip", "address", "add", f"{net}.{host}/24", "dev", device)
                inside(namespace, "ip", "link", "set", device, "up")
        yield
    finally:
        for namespace in (POLLER, DEVICE):
            subprocess.run(["ip", "netns", "delete", namespace], check=False)


class Snmpd:
    """Debian's agent, in the device's namespace."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.started = folder, 0.0
        (folder / "snmpd.conf").write_text(SNMPD)

    def start(self) -> None:
        command = ["ip", "netns", "exec", DEVICE, "/usr/sbin/snmpd", "-C", "-c", str(self.folder / "snmpd.conf")]
        command += ["-f", "-Lf", str(self.folder / "log")]
        environment = {"SNMP_PERSISTENT_DIR": str(self.folder / "state"), "PATH": os.environ["PATH"]}
        self.process = subprocess.Popen(command, env=environment)
        self.started = time.monotonic()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)

    def settle(self) -> None:
        time.sleep(max(0.0, self.started + SETTLED - time.monotonic()))


@pytest.fixture(scope="module")
def snmpd(network: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    del network
    agent = Snmpd(tmp_path_factory.mktemp("snmpd"))
    agent.start()
    yield agent
    agent.stop()


class Poller:
    """Runs the check in the poller's namespace, as Nagios does."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, folder / "store"
        self.store.mkdir()
        self.secret(COMMUNITY)

    def secret(self, content: str) -> None:
        (self.folder / "secret").write_text(content)

    def command(self, source: dict[str, Any], *more: str, namespace: str = POLLER, **link: Any) -> list[str]:
        entry = {"name": "uplink", "sampling_seconds": EVERY, "source": source} | link
        (self.folder / "links.json").write_text(json.dumps({"links": [entry]}))
        code = "from nagios_plugins.check_qos_link import main; main()"
        return [
            "ip", "netns", "exec", namespace, sys.executable, "-c", code, "-l", "uplink",
            "--links", str(self.folder / "links.json"), "--store", str(self.store), *more,
        ]  # fmt: skip

    def check(self, source: dict[str, Any], *more: str, **link: Any) -> tuple[int, str]:
        environment = {"PYTHONPATH": str(SOURCES), "PATH": os.environ["PATH"]}
        command = self.command(source, *more, **link)
        started = time.perf_counter()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20)
        print(f"{time.perf_counter() - started:.3f} s: {done.stdout.strip()}")  # noqa: T201  what was measured
        assert done.stderr == ""
        for secret in (COMMUNITY, AUTH_KEY, PRIVACY_KEY):
            assert secret not in done.stdout
        return done.returncode, done.stdout

    def snmp(self, interface: str = "link1", **more: Any) -> dict[str, Any]:
        secret = str(self.folder / "secret")
        return {"kind": "snmp", "address": AGENT, "interface": interface, "secret_file": secret} | more


@pytest.fixture
def poller(tmp_path: Path) -> Poller:
    return Poller(tmp_path)


def count(device: str, what: str) -> int:
    return int(inside(DEVICE, "cat", f"/sys/class/net/{device}/statistics/{what}"))


def send(datagrams: int) -> None:
    """Over the link, a thousand octets each."""
    code = (
        "import socket, sys, time\n"
        "wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        f"for n in range({datagrams}):\n"
        f"    wire.sendto(bytes(1000), ('{BEHIND_LINK}', 9))\n"
        "    n % 50 or time.sleep(0.005)\n"
    )
    inside(POLLER, sys.executable, "-c", code)


def carry(poller: Poller, source: dict[str, Any], datagrams: int, **options: Any) -> tuple[str, int, int]:
    """Two checks, and traffic between them; returns what was said, and octets and packets that were not seen."""
    octets, packets = count("link1", "rx_bytes"), count("link1", "rx_packets")
    code, _ = poller.check(source, **options)
    assert code == 0
    started = time.monotonic()
    send(datagrams)
    time.sleep(max(0.0, started + EVERY - time.monotonic()))
    octets, packets = count("link1", "rx_bytes") - octets, count("link1", "rx_packets") - packets
    code, said = poller.check(source, **options)
    assert code == 0
    with Store(poller.store, "uplink") as store:
        last = store.read_readings(1)[0]
    assert octets >= 1000 * datagrams
    return said, octets - last.octets, packets - last.packets


def test_fping_when_the_wire_is_short_then_the_spread_is_small(network: None, poller: Poller) -> None:
    del network
    code, said = poller.check({"kind": "interface", "device": "link0"}, rtt_target=BEHIND_LINK)
    assert (code, "RTT" in said) == (0, False)
    time.sleep(EVERY / 3)
    code, said = poller.check({"kind": "interface", "device": "link0"}, rtt_target=BEHIND_LINK)
    assert code == 0
    spread = re.search(r"rtt_spread=([\d.]+)ms", said)
    assert spread, said
    assert 0 <= float(spread[1]) < 3
    time.sleep(EVERY / 3)
    _, said = poller.check({"kind": "interface", "device": "link0"}, rtt_target="10.213.1.77")
    assert "RTT not measured, 0 of 10 pings to 10.213.1.77 came back" in said


def test_fping_when_it_is_not_run_by_root_then_pings_as_often(network: None) -> None:
    del network
    nobody = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
    command = ["ip", "netns", "exec", POLLER, *nobody, "fping", "-q", "-C", str(COUNT), "-p", str(PERIOD_MS), "--"]
    done = subprocess.run([*command, BEHIND_LINK], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.split(":")[1].split()) == COUNT


DELAYING = """
import fcntl, heapq, itertools, os, select, struct, subprocess, sys, time
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH", b"far0", 0x1001))
for words in ("address add 10.213.2.1/24 dev far0", "link set far0 up"):
    subprocess.run(["ip", *words.split()], check=True)
print("ready", flush=True)
delays, waiting = itertools.cycle(map(float, sys.argv[1:])), []
while True:
    rest = max(0, waiting[0][0] - time.monotonic()) if waiting else None
    if select.select([tun], [], [], rest)[0]:
        packet = bytearray(os.read(tun, 65535))
        if packet[0] >> 4 == 4 and packet[9] == 1 and packet[20] == 8:
            packet[12:16], packet[16:20], packet[20] = packet[16:20], packet[12:16], 0
            total = int.from_bytes(packet[22:24]) + 0x0800
            packet[22:24] = ((total & 0xFFFF) + (total >> 16)).to_bytes(2)
            heapq.heappush(waiting, (time.monotonic() + next(delays) / 1000, bytes(packet)))
    while waiting and waiting[0][0] <= time.monotonic():
        os.write(tun, heapq.heappop(waiting)[1])
"""


@contextmanager
def far_away(*delays_ms: float) -> Iterator[None]:
    """An address in the poller's namespace whose answers to pings take these times, one after the other."""
    command = ["ip", "netns", "exec", POLLER, sys.executable, "-c", DELAYING, *map(str, delays_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as delaying:
        assert delaying.stdout is not None
        assert delaying.stdout.readline() == "ready\n"
        yield
        delaying.kill()


@pytest.mark.parametrize("delays", [(20.0, 20.0), (10.0, 30.0), (40.0, 44.0)])
def test_fping_when_answers_are_delayed_then_the_spread_is_that_of_the_delays(
    network: None, poller: Poller, delays: tuple[float, float]
) -> None:
    del network
    with far_away(*delays):
        source = {"kind": "interface", "device": "link0"}
        poller.check(source, rtt_target=DELAYED)
        time.sleep(EVERY / 3)
        _, said = poller.check(source, rtt_target=DELAYED)
    spread = re.search(r"rtt_spread=([\d.]+)ms", said)
    assert spread, said
    expected = abs(delays[0] - delays[1]) / 2 * (COUNT / (COUNT - 1)) ** 0.5
    print(f"delays {delays} ms: spread {spread[1]} ms, expected {expected:.2f}")  # noqa: T201  what was measured
    assert float(spread[1]) == pytest.approx(expected, abs=2)


def test_interface_when_it_carries_something_then_all_of_it_is_seen(network: None, poller: Poller) -> None:
    del network
    source = {"kind": "interface", "device": "link1"}
    said, octets, packets = carry(poller, source, 3000, namespace=DEVICE)
    assert "of 10 Gbit/s" in said
    assert 0 <= octets < 1000
    assert 0 <= packets < 10


def test_interface_when_it_goes_down_then_is_critical_and_ok_again(network: None, poller: Poller) -> None:
    del network
    source = {"kind": "interface", "device": "link1"}
    inside(POLLER, "ip", "link", "set", "link0", "down")
    try:
        code, said = poller.check(source, "--state", namespace=DEVICE)
        assert code == 2
        assert re.fullmatch(r"LINK CRITICAL - uplink is down: interface link1 is (lowerlayer)?down\n", said)
    finally:
        inside(POLLER, "ip", "link", "set", "link0", "up")
    assert poller.check(source, "--state", namespace=DEVICE) == (0, "LINK OK - uplink is up\n")


def test_snmpd_when_the_link_carries_something_then_all_of_it_is_seen(snmpd: Snmpd, poller: Poller) -> None:
    snmpd.settle()
    said, octets, packets = carry(poller, poller.snmp(), 3000)
    assert "packets/s" in said
    assert abs(octets) < 1000
    assert abs(packets) < 10
    with Store(poller.store, "uplink") as store:
        raw = store.last_raw() or {}
    assert [bits for _, bits in raw["counters"]] == [64] * 4, "octets; packets to one, to many, to all"
    assert raw["capacity_mbps"] == 10_000


@pytest.mark.parametrize(
    ("user", "auth"), [("nagios", {}), ("nagios", {"auth": "SHA", "privacy": "aes"}), ("newer", {"auth": "sha256"})]
)
def test_snmpd_when_asked_with_version_3_then_answers(
    snmpd: Snmpd, poller: Poller, user: str, auth: dict[str, str]
) -> None:
    del snmpd
    poller.secret(json.dumps({"user": user, "auth_key": AUTH_KEY, "privacy_key": PRIVACY_KEY} | auth))
    code, said = poller.check(poller.snmp(version="3"))
    assert (code, "the first reading" in said) == (0, True)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"user": "nobody"}, "refuses the user or the keys in"),
        ({"auth_key": "wrong-staple-key"}, "refuses the user or the keys in"),
        ({"auth": "md5"}, "refuses the user or the keys in"),
        ({"privacy_key": "wrong-staple-key"}, "a wrong community or privacy key gets none, either"),
        ({"privacy_key": ""}, "10.213.0.2 shows no interface to who asks with"),
    ],
)
def test_snmpd_when_it_refuses_a_user_then_is_unknown_and_names_the_file(
    snmpd: Snmpd, poller: Poller, wrong: dict[str, str], reason: str
) -> None:
    del snmpd
    poller.secret(json.dumps({"user": "nagios", "auth_key": AUTH_KEY, "privacy_key": PRIVACY_KEY} | wrong))
    code, said = poller.check(poller.snmp(version="3"), "-t", "1.5")
    assert code == 3
    assert reason in said
    assert "staple" not in said


def test_community_when_it_is_wrong_then_is_unknown_and_in_no_argument(snmpd: Snmpd, poller: Poller) -> None:
    del snmpd
    poller.secret("wrong-battery")
    command = poller.command(poller.snmp(), "-t", "1.5")
    environment = {"PYTHONPATH": str(SOURCES), "PATH": os.environ["PATH"]}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as check:
        time.sleep(0.7)
        for file in ("cmdline", "environ"):
            assert b"battery" not in Path(f"/proc/{check.pid}/{file}").read_bytes()
        out, err = check.communicate()
    assert (check.returncode, err) == (3, b"")
    assert b"no answer from 10.213.0.2:161 within 1.5 s" in out
    assert b"battery" not in out


def test_snmpd_when_it_was_restarted_then_the_epoch_ends(snmpd: Snmpd, poller: Poller) -> None:
    snmpd.settle()
    poller.check(poller.snmp())
    snmpd.stop()
    snmpd.start()
    time.sleep(EVERY * 0.75)
    code, said = poller.check(poller.snmp())
    assert (code, "first reading again, as the device has started anew" in said) == (0, True)
    snmpd.settle()


def test_snmpd_when_the_interface_is_down_then_is_critical(snmpd: Snmpd, poller: Poller) -> None:
    snmpd.settle()
    inside(POLLER, "ip", "link", "set", "link0", "down")
    inside(DEVICE, "ip", "link", "set", "link1", "down")
    try:
        time.sleep(3.5)  # what it knew before
        code, said = poller.check(poller.snmp(), "--state")
        assert (code, said) == (2, "LINK CRITICAL - uplink is down: interface link1 is down\n")
    finally:
        inside(DEVICE, "ip", "link", "set", "link1", "up")
        inside(POLLER, "ip", "link", "set", "link0", "up")


def test_snmpd_when_the_interface_is_not_there_then_is_unknown_and_names_those_that_are(
    snmpd: Snmpd, poller: Poller
) -> None:
    del snmpd
    code, said = poller.check(poller.snmp("eth7"))
    assert code == 3
    assert "10.213.0.2 has no interface eth7; it has lo" in said


def test_snmpd_when_it_is_stopped_then_is_unknown(snmpd: Snmpd, poller: Poller) -> None:
    snmpd.stop()
    try:
        code, said = poller.check(poller.snmp())
    finally:
        snmpd.start()
    assert (code, said) == (3, "LINK UNKNOWN - uplink: nothing answers SNMP at 10.213.0.2:161\n")


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that another account can reach, as a member of the group `nogroup`."""
    folder = Path(tempfile.mkdtemp(prefix="qos-links-"))
    folder.chmod(0o2750)
    shutil.chown(folder, group="nogroup")
    yield folder
    shutil.rmtree(folder)


def as_another(job: Callable[[], str]) -> str:
    """What another account finds."""
    read, write = os.pipe()
    if os.fork() == 0:
        other = pwd.getpwnam("nobody")
        os.setgroups([])
        os.setgid(other.pw_gid)
        os.setuid(other.pw_uid)
        try:
            said = job()
        except BaseException as error:  # noqa: BLE001  whatever it is, it is said
            said = repr(error)
        os.write(write, said.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read().decode()
    os.wait()
    return said


def test_page_when_it_is_another_account_then_reads_and_cannot_write(shared: Path, filled: Any, reading: Any) -> None:
    filled(shared, 5)

    def look() -> str:
        with Reader(shared, "uplink") as reader:
            return str(len(reader.read_readings(99)))

    def write() -> str:
        try:
            with Store(shared, "uplink", timeout=0.2) as store:
                store.set_state("alarm", {})
        except StoreError as error:
            return str(error)
        return "written"

    assert as_another(look) == "5"
    assert "no store in" in as_another(write)
    assert "Permission denied" in as_another(write)
    with Store(shared, "uplink") as store:
        store.add_reading(reading(5), {})
        assert as_another(look) == "6", "while a check has it open"
        killed = {file.name: file.read_bytes() for file in shared.iterdir()}
    for name, content in killed.items():  # as if that check had been killed
        (shared / name).write_bytes(content)
        (shared / name).chmod(0o640)
    assert (shared / "uplink.sqlite-wal").stat().st_size > 0
    assert as_another(look) == "6"
    (shared / "uplink.sqlite").write_bytes(b"?" * 5000)
    assert as_another(look) == "6", "from its mirror"


FULL_DISK = """
import json, os, sys
from pathlib import Path
from nagios_plugins.links.records import Reading
from nagios_plugins.links.store import Store, StoreError
folder, n, full, said = Path(sys.argv[1]), 0, 0, set()

def add():
    global n
    with Store(folder, "uplink") as store:
        store.append(lambda raw: (Reading(1, 5.0 * n, 5.0 * n, n, n, 1.0, None), {"n": n}))
        kept = [reading.octets for reading in store.read_readings(100_000)]
    n += 1
    return kept

def free():
    return os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize

for leave in range(0, 200_000, 4096):
    add()
    (folder / "filler").write_bytes(bytes(max(free() - leave, 0)))
    try:
        add()
    except StoreError as error:
        full, said = full + 1, said | {str(error)}
        n += 1
    (folder / "filler").unlink()
    kept = add()
    assert kept == sorted(set(kept)), kept
    lost = set(range(n)) - set(kept)
(folder / "uplink.mirror.sqlite").write_bytes(b"?")
(folder / "filler").write_bytes(bytes(free() - 8192))
try:
    add()
except StoreError as error:
    said.add(str(error))
else:
    said.add("repaired without room")
(folder / "filler").unlink()
kept = add()
print(json.dumps({"full": full, "kept": len(kept), "made": n, "lost": len(lost), "said": sorted(said)}))
"""


def test_disk_when_it_is_full_then_samples_at_hand_are_lost_and_nothing_else() -> None:
    script = (
        "mount -t tmpfs -o size=1m tmpfs /mnt && "
        f"exec {sys.executable} -c \"$CODE\" /mnt"
    )  # fmt: skip
    environment = {"PYTHONPATH": str(SOURCES), "PATH": os.environ["PATH"], "CODE": FULL_DISK}
    found = json.loads(run("unshare", "--mount", "--propagation", "private", "sh", "-c", script, env=environment))
    print(found)  # noqa: T201  what was measured
    assert found["full"] > 3
    assert found["lost"] <= found["full"]
    assert all("see whether the disk is full" in said or "see to its" in said for said in found["said"]), found["said"]
