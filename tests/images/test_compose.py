"""`docker compose up` as the guide says it: README's curl, what containers may do, what they need, and nothing left."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import pytest
import yaml

import readme
from callers import ask
from composition import README_PORT, Composed, choose_port
from engine import MIB, Usage, ca_file, docker, inspect, usage
from qos_contract.batch import MAX_BATCH
from running import ROOT
from scratch import NAME, SERVICES, Built

pytestmark = pytest.mark.cluster

MANIFEST: Final = json.loads((ROOT / "services/ml-inference/bundles/default/manifest.json").read_text())


@pytest.fixture(scope="module")
def composed(built: Built, engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """`docker compose up --build --wait`; what differs from a newcomer's are names, and the port if 8000 is taken."""
    names = tmp_path_factory.mktemp("compose") / "names.yml"
    names.write_text(json.dumps({"services": {service: {"image": f"{NAME}/{service}:local"} for service in SERVICES}}))
    port = choose_port()
    settings = {"BASE": engine, "CA_FILE": ca_file(), "PORT": "" if port == README_PORT else str(port)}
    command = ("compose", "--project-name", NAME, "--file", "docker-compose.yml", "--file", str(names))
    composed = Composed(command, settings, built.clone.folder, port)
    started = time.monotonic()
    try:
        composed.compose("up", "--build", "--wait", "--quiet-pull", timeout=300)
        print(f"\n=== docker compose up --build --wait, from the cache: {time.monotonic() - started:.0f} s")
        yield composed
    finally:
        composed.compose("down", "--volumes")


def test_compose_when_up_then_curl_of_readme_gets_its_forecast(composed: Composed) -> None:
    assert shutil.which("curl"), "README asks with curl"
    command = readme.curl()
    if composed.port != README_PORT:
        command = command.replace(f"127.0.0.1:{README_PORT}", f"127.0.0.1:{composed.port}")
    answer = json.loads(subprocess.run(["bash", "-c", command], capture_output=True, check=True, timeout=10).stdout)
    known = MANIFEST["known_answer"]
    assert answer["predicted_bandwidth"] == pytest.approx(known["predicted_bandwidth"], abs=known["tolerance"])


@pytest.mark.parametrize("service", SERVICES)
def test_compose_when_up_then_containers_have_limits_and_no_privilege(composed: Composed, service: str) -> None:
    host = inspect(composed.container(service))["HostConfig"]
    assert (host["ReadonlyRootfs"], host["Privileged"], host["CapDrop"]) == (True, False, ["ALL"])
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert min(host["Memory"], host["NanoCpus"]) > 0
    assert not host["CapAdd"]
    assert host["Binds"] in (None, [])


def test_compose_when_up_then_only_the_gateway_can_be_reached(composed: Composed) -> None:
    published = {service: docker("port", composed.container(service)) for service in SERVICES}
    assert published == {"ml-inference": "", "api-gateway": f"8000/tcp -> 127.0.0.1:{composed.port}"}
    # And it reaches nobody: its only network has no way out.
    routes = docker("exec", composed.container("ml-inference"), "cat", "/proc/net/route").splitlines()[1:]
    assert routes
    assert [line for line in routes if line.split()[1] == "00000000"] == []


def kubernetes_memory(service: str) -> dict[str, float]:
    """The memory, in MiB, that the Deployment requests and is limited to."""
    deployment = yaml.safe_load((ROOT / f"k8s/base/{service}/deployment.yaml").read_text())
    resources: dict[str, dict[str, str]] = deployment["spec"]["template"]["spec"]["containers"][0]["resources"]
    return {kind: float(amounts["memory"].removesuffix("Mi")) for kind, amounts in resources.items()}


def batch_body(samples: int) -> bytes:
    """The largest batch, with so many samples of each link."""
    request = {name: (values * samples)[:samples] for name, values in MANIFEST["known_answer"]["request"].items()}
    return json.dumps({"requests": [request] * MAX_BATCH}).encode()


def idle(seconds: float) -> Counter[int]:
    """The least load that there is."""
    time.sleep(seconds)
    return Counter()


def measure(what: str, containers: dict[str, str], load: Callable[[], Counter[int]]) -> dict[str, Usage]:
    """Say what containers use under a load, all of it answered with 200; returns what they use after it."""
    before, started = {service: usage(name) for service, name in containers.items()}, time.monotonic()
    answers = load()
    seconds = time.monotonic() - started
    after = {service: usage(name) for service, name in containers.items()}
    assert set(answers) <= {200}
    print(f"=== {what}" + (f": {answers[200] / seconds:.0f} answers per s" if answers else ""))
    for service, found in after.items():
        used = found.cpu_seconds - before[service].cpu_seconds
        each = f" ({1000 * used / answers[200]:.2f} ms each)" if answers else ""
        memory = f"{found.working_mib:.0f} MiB, {found.peak_mib:.0f} MiB at most so far"
        print(f"===   {service}: {memory}, {used / seconds:.3f} CPUs{each}")
    return after


def test_memory_when_loaded_then_stays_below_every_limit(composed: Composed) -> None:
    containers = {service: composed.container(service) for service in SERVICES}
    single, batch = readme.request_body().encode(), batch_body(samples=200)
    ask_for = partial(ask, composed.port)
    print()
    measure("idle for 10 s", containers, partial(idle, 10))
    found = measure("64 clients", containers, partial(ask_for, "/predict", single, connections=64, seconds=15))
    for service in SERVICES:
        assert found[service].working_mib < kubernetes_memory(service)["requests"]
    what = f"4 clients with batches of {MAX_BATCH} links, {len(batch) / 1e6:.1f} MB each"
    found = measure(what, containers, partial(ask_for, "/predict/batch", batch, connections=4, seconds=8))
    for service, name in containers.items():
        limits = (kubernetes_memory(service)["limits"], inspect(name)["HostConfig"]["Memory"] / MIB)
        assert found[service].peak_mib < min(limits)
        assert inspect(name)["RestartCount"] == 0


def test_compose_when_down_then_nothing_is_left(composed: Composed) -> None:
    started = time.monotonic()
    composed.compose("down", "--volumes")
    print(f"\n=== docker compose down: {time.monotonic() - started:.0f} s")
    mine = ("--quiet", "--filter", f"label=com.docker.compose.project={NAME}")
    assert docker("ps", "--all", *mine) == ""
    assert [docker(kind, "ls", *mine) for kind in ("network", "volume")] == ["", ""]
