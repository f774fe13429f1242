"""The images: what is in them and what is not, what a build refuses, and how they run without any privilege."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import httpx
import pytest

import readme
from engine import docker, inspect
from project import Project
from running import ROOT, run, wait_for
from scratch import CANARY, NAME, SERVICES, SOURCE, Built, image

pytestmark = pytest.mark.cluster

MAX_ADDED_MB: Final = {"ml-inference": 170, "api-gateway": 70}
USER: Final = "10001:10001"
HARDENED: Final = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
# What Debian lets everybody write into; in a read-only container only /tmp can be.
FOR_EVERYBODY: Final = {"/tmp", "/var/tmp", "/run/lock", "/var/lock"}
BUILD_TOOLS: Final = {"gcc", "cc", "g++", "c++", "clang", "cpp", "as", "ld", "make", "cmake", "rustc", "cargo", "git"}
MANIFEST: Final = json.loads((ROOT / "services/ml-inference/bundles/default/manifest.json").read_text())


@dataclass(frozen=True)
class Pair:
    """A container of each service, by what tests made them for."""

    names: dict[str, str]
    port: int


@contextmanager
def running_pair(built: Built, user: str) -> Iterator[Pair]:
    """Both services in a network of their own, healthy, with no privilege at all."""
    names = {service: f"{NAME}-{service}" for service in SERVICES}
    docker("network", "create", NAME)
    try:
        common = ("run", "--detach", "--network", NAME, "--user", user, *HARDENED)
        for service, more in (
            ("ml-inference", ("--network-alias", "ml-inference")),
            ("api-gateway", ("-p", "127.0.0.1::8000", "-e", "API_GATEWAY_INFERENCE_URL=http://ml-inference:8001")),
        ):
            docker(*common, "--name", names[service], *more, image(built.clone, service))
        for service in SERVICES:
            wait_for(partial(is_healthy, names[service]), f"{service} healthy", 30)
        yield Pair(names, int(docker("port", names["api-gateway"], "8000").rpartition(":")[2]))
    finally:
        docker("rm", "--force", "--volumes", *names.values(), check=False)
        docker("network", "rm", NAME)


def is_healthy(name: str) -> bool:
    return bool(inspect(name)["State"]["Health"]["Status"] == "healthy")


# What is built


def test_images_when_built_then_add_little_to_their_base(built: Built, engine: str) -> None:
    base = inspect(engine)["Size"]
    added = {service: (inspect(built_id)["Size"] - base) / 1e6 for service, built_id in built.ids.items()}
    for service, size in added.items():
        print(f"\n=== {service}: {size:.1f} MB more than its base ({base / 1e6:.0f} MB)")
    assert {service: size for service, size in added.items() if size > MAX_ADDED_MB[service]} == {}


def test_images_when_built_again_then_are_the_same_and_nothing_changes(built: Built) -> None:
    started = time.monotonic()
    told = built.clone.done("images").said
    print(f"\n=== make images again: {time.monotonic() - started:.0f} s")
    assert re.search(r"changed=0 .*failed=0", told)
    assert {service: inspect(image(built.clone, service))["Id"] for service in SERVICES} == built.ids


def test_tag_when_something_is_not_committed_then_says_so(built: Built) -> None:
    note = built.clone.folder / "not-committed.txt"
    note.touch()
    try:
        built.clone.done("images")
    finally:
        note.unlink()
    for service in SERVICES:
        tagged = docker("image", "ls", "--format", "{{.Tag}}", f"{NAME}/{service}").split()
        # Those of docker compose are named otherwise.
        of_commits = sorted(tag for tag in tagged if tag != "local")
        assert of_commits == [built.clone.revision, f"{built.clone.revision}-dirty"]
        # What is not in the build makes no other image: the tag is all that tells.
        assert inspect(image(built.clone, service, "-dirty"))["Id"] == built.ids[service]


@pytest.mark.parametrize("service", SERVICES)
def test_labels_when_read_then_say_what_the_image_is_made_of(built: Built, service: str) -> None:
    committed = run("git", "-C", str(built.clone.folder), "log", "-1", "--format=%cI").stdout.strip()
    labels = {
        "org.opencontainers.image.source": SOURCE,
        "org.opencontainers.image.revision": built.clone.head,
        "org.opencontainers.image.created": committed,
        "org.opencontainers.image.title": service,
    }
    if service == "ml-inference":
        labels["ai-qos-platform.model.version"] = MANIFEST["model_version"]
    found = inspect(built.ids[service])["Config"]["Labels"]
    assert {name: value for name, value in found.items() if name in labels or "." in name} == labels


@pytest.mark.parametrize("service", SERVICES)
def test_user_when_nobody_chooses_one_then_is_a_number_and_not_root(built: Built, service: str) -> None:
    found = re.fullmatch(r"(\d+):(\d+)", inspect(built.ids[service])["Config"]["User"])
    assert found
    assert all(int(number) >= 1000 for number in found.groups())


@pytest.mark.parametrize("service", SERVICES)
def test_files_when_its_user_looks_then_none_can_be_written(built: Built, service: str) -> None:
    def writable(*options: str) -> set[str]:
        look = ("--entrypoint", "sh", *options, built.ids[service], "-c", "find / -xdev -writable 2>/dev/null || true")
        return set(docker("run", "--rm", *look).splitlines())

    assert writable() <= FOR_EVERYBODY
    assert {"/app/bin/python3", "/"} <= writable("--user", "0:0")  # it finds what there is to find


@pytest.fixture(scope="module")
def file_names(built: Built, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Every file and folder of each image."""
    archive = tmp_path_factory.mktemp("export") / "files.tar"
    found = {}
    for service, built_id in built.ids.items():
        container = docker("create", built_id)
        try:
            docker("export", "--output", str(archive), container)
        finally:
            docker("rm", container)
        with tarfile.open(archive) as tar:
            found[service] = [Path("/") / name for name in tar.getnames()]
        archive.unlink()
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_image_when_listed_then_holds_what_runs_and_nothing_that_built_it(
    file_names: dict[str, list[Path]], service: str
) -> None:
    names = file_names[service]
    app = [path for path in names if path.is_relative_to("/app")]
    packages = {path.name for path in app if path.parent.name == "site-packages"}
    assert {"qos_contract", "qos_runtime", service.replace("-", "_")} <= packages
    assert [path for path in names if path.parent.name in {"bin", "sbin"} and path.name in BUILD_TOOLS] == []
    assert packages & {"pip", "setuptools", "wheel", "flit_core", "pytest", "tensorflow", "keras"} == set()
    assert [path for path in app if re.match(r"pip(\d|-|$)", path.name)] == []
    assert [path for path in names if path.match("*/.cache/pip") or ".git" in path.parts] == []
    own_tests = {Path(name).name for name in run("git", "ls-files", "*/test_*.py").stdout.split()}
    assert len(own_tests) > 50
    assert [path for path in app if "tests" in path.parts or path.name in own_tests] == []
    assert (Path("/bundle/model.onnx") in names) is (service == "ml-inference")
    assert [
        path for path in names if path.parts[:2] in {("/", "src"), ("/", "wheels"), ("/", "locks"), ("/", "build")}
    ] == []


def contents(archive: Path) -> Iterator[bytes]:
    """All that a saved image is made of: its configuration, and its layers as tar archives."""
    with tarfile.open(archive) as tar:
        for member in tar:
            if part := tar.extractfile(member):
                content = part.read()
                yield gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content


def test_secrets_of_the_build_when_searched_for_then_are_in_no_layer(built: Built, tmp_path: Path) -> None:
    archive = tmp_path / "images.tar"
    docker("save", "--output", str(archive), *(image(built.clone, service) for service in SERVICES))
    parts = list(contents(archive))
    assert any(b"def create_service(" in part for part in parts)  # so layers are searched, and not packed
    assert [part[:200] for part in parts if CANARY.encode() in part] == []
    for built_id in built.ids.values():
        history = docker("history", "--no-trunc", "--format", "{{.CreatedAt}}\t{{.CreatedBy}}", built_id)
        assert CANARY not in history
        installed = next(line.split("\t")[0] for line in history.splitlines() if "COPY /app" in line)
        assert datetime.fromisoformat(installed) >= built.begun.replace(
            microsecond=0
        )  # by the build that was told them


# What a build refuses


def test_base_image_when_there_is_none_then_is_named(clone: Project) -> None:
    missing = f"registry.invalid/{NAME}:1"
    told = clone.make("images", platform_python_image=missing).said
    assert "failed=1" in told
    said = " ".join(told.split())
    assert f"There is no base image {missing} on this machine, and it cannot be pulled" in said
    assert "Name another with platform_python_image" in said


def test_lock_file_when_a_hash_is_wrong_then_the_package_is_named_and_no_secret(clone: Project) -> None:
    lock = clone.folder / "services/ml-inference/requirements.lock"
    right = lock.read_text()
    lock.write_text(re.sub(r"sha256:\w{8}", "sha256:00000000", right))
    try:
        told = clone.make("images", platform_image_tag=f"{clone.revision}-wrong").said
    finally:
        lock.write_text(right)
    assert "failed=1" in told
    assert "DO NOT MATCH THE HASHES" in told
    assert right.split()[0] in told  # the first of them
    assert CANARY not in told
    assert docker("image", "ls", "--quiet", image(clone, "ml-inference", "-wrong")) == ""


# Without any privilege


@pytest.mark.parametrize("user", [USER, "54321:54321"], ids=["its own user", "another user"])
def test_containers_when_nothing_is_allowed_then_forecast_and_go_when_told(built: Built, user: str) -> None:
    started = time.monotonic()
    with running_pair(built, user) as pair:
        print(f"\n=== both healthy after {time.monotonic() - started:.1f} s")
        known = MANIFEST["known_answer"]
        answer = httpx.post(f"http://127.0.0.1:{pair.port}/predict", content=readme.request_body()).json()
        assert json.loads(readme.request_body()) == known["request"]
        assert answer["predicted_bandwidth"] == pytest.approx(known["predicted_bandwidth"], abs=known["tolerance"])
        assert (answer["unit"], answer["model_version"]) == ("Mbps", MANIFEST["model_version"])
        for name in pair.names.values():
            status = dict(re.findall(r"^(\w+):\t(\S+)", docker("exec", name, "cat", "/proc/1/status"), re.MULTILINE))
            assert f"{status['Uid']}:{status['Gid']}" == user
            assert (int(status["CapEff"], 16), int(status["CapBnd"], 16), status["NoNewPrivs"]) == (0, 0, "1")
            assert re.search(r"^\S+ / \S+ ro[, ]", docker("exec", name, "cat", "/proc/1/mounts"), re.MULTILINE)
        end_with_status_0(pair.names["ml-inference"])
        # Without the other one it lives, and says that it is not ready.
        gateway = pair.names["api-gateway"]
        asked = subprocess.run(
            ["docker", "exec", gateway, *inspect(gateway)["Config"]["Healthcheck"]["Test"][1:]],
            capture_output=True, text=True, timeout=20,
        )  # fmt: skip
        assert (asked.returncode, '"not ready"' in asked.stdout) == (1, True)
        end_with_status_0(gateway)


def end_with_status_0(name: str) -> None:
    """Tell a container to go, as the engine and Kubernetes do, and judge how it went."""
    started = time.monotonic()
    docker("stop", "--time", "40", name)
    seconds = time.monotonic() - started
    print(f"=== {name} ended {seconds:.1f} s after SIGTERM")
    state = inspect(name)["State"]
    assert (state["ExitCode"], state["OOMKilled"]) == (0, False)
    assert seconds < 10
    assert "Traceback" not in run("docker", "logs", name).stdout
