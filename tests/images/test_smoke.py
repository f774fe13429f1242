"""`make smoke`: images that are good pass, others are refused, and whatever ends it, nothing of it is left."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from engine import SMOKE_LABEL, docker, inspect
from project import Project
from running import wait_for
from scratch import NAME, SERVICES, Built, image

pytestmark = pytest.mark.cluster

COOKIE: Final = "SMOKE_TEST_COOKIE"
"""environment variable by which the processes of a step are found, as Jenkins finds them"""
GRACE_SECONDS: Final = 20

# What is ready at once, and then does this with everything that it is asked.
SERVER: Final = """
import http.server, json, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def do_POST(self):
        print("asked", flush=True)
        {}
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""
ANSWER: Final = """self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({}).encode())"""


def python(code: str) -> str:
    """The line of a Dockerfile that has an image run this."""
    return f"ENTRYPOINT {json.dumps(['python', '-c', code])}"


FORWARDING: Final = "/app/lib/*/site-packages/api_gateway/forwarding.py"
ASKED: Final = r'(await self._forward("\/predict", body, PredictResponse))'
TWICE: Final = '(lambda found: found.model_copy(update={"predicted_bandwidth": 2 * found.predicted_bandwidth}))'
DOUBLE: Final = (
    "USER 0",
    f"RUN sed -i 's/{ASKED}/{TWICE}&/' {FORWARDING} && grep -q lambda {FORWARDING}",
    "USER 10001:10001",
)
KNOWN: Final = {"predicted_bandwidth": 64.1, "unit": "Mbps", "model_version": "none"}


@contextmanager
def spoilt(built: Built, service: str, *lines: str) -> Iterator[str]:
    """Both images under another tag, one of them with something more in its Dockerfile; returns the tag."""
    tag = f"{built.clone.revision}-{time.monotonic_ns()}"
    names = {each: f"{NAME}/{each}:{tag}" for each in SERVICES}
    try:
        for each, name in names.items():
            if each == service:
                recipe = "\n".join((f"FROM {image(built.clone, each)}", *lines))
                docker("build", "--tag", name, "-", input=recipe)
            else:
                docker("tag", image(built.clone, each), name)
        yield tag
    finally:
        docker("image", "rm", "--force", *names.values(), check=False)


def labels(*listing: str) -> list[str]:
    """Of what a listing of the engine shows: runs of this test's images that it belongs to."""
    shown = docker(*listing, "--filter", f"label={SMOKE_LABEL}", "--format", f'{{{{.Label "{SMOKE_LABEL}"}}}}')
    return shown.split()


def containers(revision: str, *options: str) -> list[str]:
    return [label for label in labels("ps", *options) if label.startswith(revision)]


def networks(revision: str) -> list[str]:
    return [label for label in labels("network", "ls") if label.startswith(revision)]


def assert_nothing_is_left(clone: Project) -> None:
    assert containers(clone.revision, "--all") == []
    assert networks(clone.revision) == []
    assert [label for label in labels("volume", "ls") if label.startswith(clone.revision)] == []
    files = [path.name for path in clone.folder.glob(".cache/smoke*") if path.is_file()]
    assert files + [path.name for path in clone.folder.glob(".cache/smoke/*") if path.name != "lock"] == []


def reason(said: str) -> str:
    """The sentence with which the verb ends, and not make's own word about it."""
    return [line for line in said.splitlines() if line.startswith("make: ") and "***" not in line][-1]


def test_images_when_they_are_good_then_pass_and_nothing_is_left(built: Built) -> None:
    outcome = built.clone.done("smoke")
    print(f"\n=== make smoke: {outcome.seconds:.1f} s")
    known = built.clone.manifest["known_answer"]["predicted_bandwidth"]
    assert f"{known:.1f} Mbps, as the model is known for" in outcome.said
    assert_nothing_is_left(built.clone)


def test_images_when_two_ask_for_them_at_once_then_both_pass_and_do_not_meet(built: Built) -> None:
    seen = set()
    most = 0
    pair = [built.clone.start("smoke") for _ in range(2)]
    while any(process.poll() is None for process in pair):
        now = set(containers(built.clone.revision))
        seen |= now
        most = max(most, len(now))
        time.sleep(0.1)
    for process in pair:
        said, _ = process.communicate(timeout=10)
        assert process.returncode == 0, said
    assert (len(seen), most) == (2, 2)
    assert_nothing_is_left(built.clone)


def test_images_when_they_are_not_built_then_says_what_builds_them(built: Built) -> None:
    outcome = built.clone.make("smoke", platform_image_tag="0123456789ab-never-built")
    assert outcome.status != 0
    missing = rf"There is no image {NAME}/\S+:0123456789ab-never-built on this machine: make images builds it\."
    assert re.search(missing, reason(outcome.said))


BAD: Final = [
    ("answers nonsense", "api-gateway", DOUBLE, r"it forecasts 128\.\d+ Mbps where its model is known for 64\.\d+"),
    (
        "ends at once",
        "api-gateway",
        (python("raise SystemExit('this image ends at once')"),),
        "api-gateway has ended by itself, with status 1",
    ),
    (
        "lacks its model",
        "ml-inference",
        ("ENV ML_INFERENCE_BUNDLE_DIR=/none",),
        "the gateway is not ready within 10 s: .*ml-inference",
    ),
    (
        "takes everything",
        "api-gateway",
        (python(SERVER.format(ANSWER.format(KNOWN))),),
        r"answered with HTTP 200 and not with 422 and the path \['body', 'packet_rate', 0\]",
    ),
]


@pytest.mark.parametrize(("service", "lines", "why"), [each[1:] for each in BAD], ids=[each[0] for each in BAD])
def test_images_when_one_is_bad_then_are_refused_with_the_reason(
    built: Built, service: str, lines: tuple[str, ...], why: str
) -> None:
    with spoilt(built, service, *lines) as tag:
        outcome = built.clone.make("smoke", platform_image_tag=tag, platform_release_deadline_seconds=10)
    print(f"\n=== {outcome.seconds:.1f} s: {reason(outcome.said)}")
    assert outcome.status != 0
    assert re.search(why, reason(outcome.said)), outcome.said
    if "this image ends at once" in str(lines):
        assert "api-gateway: this image ends at once\n" in outcome.said
    assert_nothing_is_left(built.clone)


def test_images_when_they_are_of_another_model_then_are_refused(built: Built, tmp_path: Path) -> None:
    manifest = built.clone.manifest
    manifest["known_answer"]["predicted_bandwidth"] += 1
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    outcome = built.clone.make("smoke", platform_bundle_dir=str(tmp_path))
    assert outcome.status != 0
    assert "where its model is known for 65." in reason(outcome.said)
    assert_nothing_is_left(built.clone)


def test_images_when_one_is_never_ready_then_are_refused_at_the_deadline(built: Built) -> None:
    with spoilt(built, "ml-inference", 'ENTRYPOINT ["sleep", "600"]') as tag:
        outcome = built.clone.make("smoke", platform_image_tag=tag, platform_release_deadline_seconds=5)
    print(f"\n=== {outcome.seconds:.1f} s: {reason(outcome.said)}")
    assert outcome.status != 0
    assert "the gateway is not ready within 5 s: " in reason(outcome.said)
    assert "ml-inference" in reason(outcome.said)
    assert outcome.seconds < 5 + GRACE_SECONDS
    assert_nothing_is_left(built.clone)


# What ends it


def end_group(process: subprocess.Popen[str], number: int) -> None:
    """As a terminal does it: all processes of the group."""
    os.killpg(process.pid, number)


def processes() -> list[int]:
    """The processes that have the cookie in their environment, but for this one."""
    cookie = f"{COOKIE}={os.environ[COOKIE]}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if cookie in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return [pid for pid in found if pid != os.getpid()]


def end_step(_: subprocess.Popen[str], number: int) -> None:
    """As Jenkins does it: every process that has the step's cookie in its environment, whatever its session."""
    for pid in processes():
        with suppress(OSError):
            os.kill(pid, number)


def end_make(process: subprocess.Popen[str], number: int) -> None:
    """As a supervisor does it: the first process alone."""
    process.send_signal(number)


def begun(_: str) -> bool:
    """At once."""
    return True


def has_network(revision: str) -> bool:
    """While networks are made."""
    return bool(networks(revision))


def has_container(revision: str) -> bool:
    """While containers are made, and start."""
    return bool(containers(revision, "--all"))


def waits(revision: str) -> bool:
    """While it waits until they are ready."""
    return len(containers(revision)) == len(SERVICES)


def asks(revision: str) -> bool:
    """While it asks for a forecast."""
    running = docker(
        "ps", "--filter", f"label={SMOKE_LABEL}", "--filter", "name=api-gateway", "--format", "{{.Names}}"
    ).split()
    return any("asked" in docker("logs", name) for name in running if revision in name)


Moment = Callable[[str], bool]
Way = Callable[[subprocess.Popen[str], int], None]
MOMENTS: Final[list[Moment]] = [begun, has_network, has_container, waits, asks]
WAYS: Final[list[tuple[Way, int]]] = [
    (end_group, signal.SIGTERM),
    (end_group, signal.SIGINT),
    (end_step, signal.SIGTERM),
    (end_make, signal.SIGTERM),
]


@pytest.fixture(scope="module")
def slow(built: Built) -> Iterator[str]:
    """Tag of images that are never ready."""
    with spoilt(built, "ml-inference", 'ENTRYPOINT ["sleep", "600"]') as tag:
        yield tag


@pytest.fixture(scope="module")
def silent(built: Built) -> Iterator[str]:
    """Tag of images that are ready, and answer nothing."""
    with spoilt(built, "api-gateway", python(SERVER.format("time.sleep(600)"))) as tag:
        yield tag


@pytest.mark.parametrize("moment", MOMENTS, ids=[each.__name__ for each in MOMENTS])
@pytest.mark.parametrize(("end", "number"), WAYS, ids=[f"{end.__name__}-{signal.Signals(n).name}" for end, n in WAYS])
def test_smoke_when_it_is_told_to_end_then_does_and_leaves_nothing(
    built: Built, slow: str, silent: str, moment: Moment, end: Way, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(COOKIE, f"{NAME}-{time.monotonic_ns()}")
    process = built.clone.start("smoke", platform_image_tag=silent if moment is asks else slow)
    wait_for(partial(moment, built.clone.revision), str(moment.__doc__), 60)
    started = time.monotonic()
    end(process, number)
    if moment is not begun:  # who does not see it end says it again; that is no reason to leave anything
        time.sleep(0.2)
        end(process, number)
    said, _ = process.communicate(timeout=60)
    seconds = time.monotonic() - started
    print(f"\n=== {end.__name__} with {signal.Signals(number).name} {moment.__name__}: ended after {seconds:.1f} s")
    assert process.returncode != 0, said
    assert seconds < GRACE_SECONDS
    wait_for(lambda: not processes(), "every process of it has ended", GRACE_SECONDS)
    if moment is not begun:  # then there was nothing yet to end
        assert f"was ended by {signal.Signals(number).name}" in said
    assert_nothing_is_left(built.clone)


def test_smoke_when_it_was_killed_then_the_next_takes_away_what_it_left(built: Built, slow: str) -> None:
    process = built.clone.start("smoke", platform_image_tag=slow)
    wait_for(partial(waits, built.clone.revision), str(waits.__doc__), 60)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=10)
    left = set(containers(built.clone.revision))
    assert len(left) == 1
    outcome = built.clone.done("smoke")
    assert f"taking away what a run left that was killed: {left.pop()}" in outcome.said
    assert_nothing_is_left(built.clone)


def test_smoke_when_another_runs_then_leaves_it_alone(built: Built, slow: str) -> None:
    """What lives is not taken for what was left."""
    process = built.clone.start("smoke", platform_image_tag=slow)
    try:
        wait_for(partial(waits, built.clone.revision), str(waits.__doc__), 60)
        before = docker("ps", "--quiet", "--filter", f"label={SMOKE_LABEL}").split()
        built.clone.done("smoke")
        assert process.poll() is None
        assert all(inspect(name)["State"]["Running"] for name in before)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=60)
    assert_nothing_is_left(built.clone)


def test_smoke_when_it_runs_then_containers_are_hardened_and_only_loopback_reaches_them(
    built: Built, slow: str
) -> None:
    process = built.clone.start("smoke", platform_image_tag=slow)
    try:
        wait_for(partial(waits, built.clone.revision), str(waits.__doc__), 60)
        names = docker("ps", "--filter", f"label={SMOKE_LABEL}", "--format", "{{.Names}}").split()
        found: dict[str, Any] = {
            service: inspect(name) for service in SERVICES for name in names if name.endswith(service) and slow in name
        }
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=60)
    assert set(found) == set(SERVICES)
    for service, each in found.items():
        host = each["HostConfig"]
        assert (host["ReadonlyRootfs"], host["Privileged"], host["CapDrop"]) == (True, False, ["ALL"])
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert min(host["Memory"], host["NanoCpus"]) > 0
        bound = [where for port in each["NetworkSettings"]["Ports"].values() for where in port or []]
        assert each["Mounts"] == []
        assert [where["HostIp"] for where in bound] == (["127.0.0.1"] if service == "api-gateway" else [])
