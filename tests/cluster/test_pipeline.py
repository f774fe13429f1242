"""jenkins/Jenkinsfile, executed without Jenkins: its commands on a real engine, registry and Minikube, in their order.

`make jenkins-test` says what the commands are; Jenkins itself, its plugins and its lock are not part of this.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import readme
from builds import ABORTED, FAILURE, SUCCESS, Abort, Build
from clusters import Cluster
from engine import docker
from recording import record_pipelines
from running import ROOT, run

pytestmark = pytest.mark.cluster

PIPELINE = ROOT / "jenkins/Jenkinsfile"
GATEWAY = "services/api-gateway/src/api_gateway/forwarding.py"
SMOKE_LABEL = "ai-qos-platform.smoke"


@dataclass
class Agent:
    """A clone where builds run, and what they find there."""

    folder: Path
    environment: dict[str, str]
    credentials: dict[str, Path]
    recorded: dict[str, Any]
    cluster: Cluster

    def build(self, *, start_at: str = "", abort: Abort | None = None) -> tuple[str, Build]:
        """Run the pipeline; prints each stage's time."""
        build = Build(self.folder, self.environment, self.credentials, abort)
        result = build.run(self.recorded, start_at)
        times = ", ".join(f"{name} {seconds:.0f} s ({ended})" for name, ended, seconds in build.ended)
        print(f"\n=== pipeline{f' from {start_at}' if start_at else ''}: {times or 'no stage'}: {result}")
        return result, build

    def git(self, *words: str) -> str:
        return run("git", "-C", str(self.folder), *words).stdout.strip()

    def commit(self, file: str, old: str, new: str) -> str:
        """Commit a change; returns the commit, as tags and records name it."""
        path = self.folder / file
        assert path.read_text().count(old) == 1
        path.write_text(path.read_text().replace(old, new))
        self.git("commit", "-qam", f"change {file}")
        return self.git("rev-parse", "HEAD")[:12]

    @property
    def manifest(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            (self.folder / "services/ml-inference/bundles/default/manifest.json").read_text()
        )
        return found


@pytest.fixture(scope="module")
def agent(with_registry: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Agent:
    """What the role jenkins gives a server's agent: values in a file, a login, the password where it is bound."""
    folder = tmp_path_factory.mktemp("agent") / "clone"
    run("git", "clone", "-q", str(ROOT), str(folder))
    for setting in ("user.name=Test", "user.email=test@localhost"):
        run("git", "-C", str(folder), "config", *setting.split("="))
    # Packages that were downloaded already; environments are made anew, as they fit one place.
    (folder / ".cache").mkdir()
    if (ROOT / ".cache/pip").exists():
        run("cp", "-al", str(ROOT / ".cache/pip"), str(folder / ".cache/pip"))
    values = dict(with_registry.values)
    password = Path(values.pop("platform_registry_password_file"))
    values["platform_registry_password_file"] = "{{ lookup('ansible.builtin.env', 'REGISTRY_PASSWORD_FILE') }}"
    values_file = folder.parent / "builds.yml"
    values_file.write_text(json.dumps(values))
    environment = {
        **with_registry.environment,
        "PROFILE": "cluster",
        "ANSIBLE_OPTIONS": f"--extra-vars=@{values_file}",
        "ANSIBLE_NOCOLOR": "1",
    }
    (recorded,) = record_pipelines(PIPELINE)
    return Agent(folder, environment, {"registry-password": password}, recorded, with_registry)


def assert_nothing_is_left(agent: Agent) -> None:
    """No container or network of a smoke test, no login but the agent's own, nothing that git does not ignore."""
    assert docker("ps", "--all", "--quiet", "--filter", f"label={SMOKE_LABEL}") == ""
    assert docker("network", "ls", "--quiet", "--filter", f"label={SMOKE_LABEL}") == ""
    config = json.loads((Path(agent.environment["DOCKER_CONFIG"]) / "config.json").read_text())
    assert list(config["auths"]) == [agent.cluster.values["platform_registry"]]
    assert agent.git("status", "--porcelain") == ""


def assert_live(agent: Agent, revision: str) -> None:
    """A release of this commit is live, and README's curl is answered."""
    answer = subprocess.run(
        ["bash", "-c", readme.curl()], text=True, capture_output=True, check=True, timeout=30
    ).stdout
    assert readme.is_known(answer, agent.manifest)
    record = [each for each in agent.cluster.records() if each["outcome"] == "good"][-1]
    assert record["revision"] == revision
    running = {container["image"] for pod in agent.cluster.get("pods") for container in pod["spec"]["containers"]}
    assert running == set(record["images"].values())


def test_pipeline_when_there_is_a_commit_then_it_becomes_a_verified_release(agent: Agent) -> None:
    agent.git("commit", "-q", "--allow-empty", "-m", "a commit")
    result, build = agent.build()
    assert result == SUCCESS, build.said[-6000:]
    assert [name for name, _, _ in build.ended] == [
        "Lint", "Test", "Images", "Smoke", "Push", "Deploy", "Verify", "Release",
    ]  # fmt: skip
    assert [report.name for report in build.reports] == ["junit.xml"]
    assert_live(agent, agent.git("rev-parse", "HEAD")[:12])
    assert_nothing_is_left(agent)
    assert agent.credentials["registry-password"].read_text() not in build.said


def test_pipeline_when_a_service_answers_nonsense_then_is_red_before_anything_is_pushed(agent: Agent) -> None:
    before = agent.git("rev-parse", "HEAD")[:12]
    agent.commit(
        GATEWAY,
        'return (await self._forward("/predict", body, PredictResponse)).wire()',
        'answer = await self._forward("/predict", body, PredictResponse)\n'
        '        return answer.model_copy(update={"predicted_bandwidth": 2 * answer.predicted_bandwidth}).wire()',
    )
    # Lint and Test, which find this too, would take minutes: as whoever presses "Restart from Stage".
    result, build = agent.build(start_at="Images")
    assert result == FAILURE
    assert [(name, ended) for name, ended, _ in build.ended] == [("Images", SUCCESS), ("Smoke", FAILURE)]
    assert_live(agent, before)
    assert_nothing_is_left(agent)
    agent.git("reset", "-q", "--hard", "HEAD~1")


def test_pipeline_when_only_the_cluster_shows_what_is_wrong_then_the_old_release_serves(agent: Agent) -> None:
    before = agent.git("rev-parse", "HEAD")[:12]
    agent.commit(
        "k8s/base/api-gateway/deployment.yaml", "          ports:\n", '          command: ["false"]\n          ports:\n'
    )
    result, build = agent.build(start_at="Images")
    assert result == FAILURE
    assert [(name, ended) for name, ended, _ in build.ended][-2:] == [("Deploy", FAILURE), ("Release", FAILURE)]
    assert_live(agent, before)
    assert_nothing_is_left(agent)
    agent.git("reset", "-q", "--hard", "HEAD~1")


def says(*words: str) -> Callable[[str], bool]:
    return lambda said: all(word in said for word in words)


def has_a_smoke_container(_said: str) -> bool:
    return docker("ps", "--quiet", "--filter", f"label={SMOKE_LABEL}") != ""


ABORTS = {
    "Lint": says("All checks passed"),
    "Test": says("collected "),
    "Images": says("TASK [service_image"),
    "Smoke": has_a_smoke_container,
    "Push": says("TASK [image_delivery"),
    "Deploy": says("TASK [release : preview"),
    "Verify": says("TASK [release : live"),
}


@pytest.mark.parametrize("stage", ABORTS)
def test_pipeline_when_it_is_aborted_then_leaves_nothing_behind(agent: Agent, stage: str) -> None:
    before = agent.git("rev-parse", "HEAD")[:12]
    agent.git("commit", "-q", "--allow-empty", "-m", f"abort in {stage}")
    abort = Abort(stage, ABORTS[stage])
    result, build = agent.build(
        start_at="Lint" if stage == "Lint" else "Test" if stage == "Test" else "Images", abort=abort
    )
    print(f"=== aborted in {stage}: every process gone after {abort.seconds:.1f} s")
    assert abort.happened, build.said[-4000:]
    assert result == ABORTED, build.said[-4000:]
    assert_nothing_is_left(agent)
    if stage == "Verify":  # what is aborted then is released already
        before = agent.git("rev-parse", "HEAD")[:12]
    assert_live(agent, before)
    left = agent.cluster.kubectl(
        "--namespace", f"{agent.cluster.values['platform_namespace']}-preview", "get", "deployments", "--output=name"
    )
    assert left == ""
    if stage != "Verify":
        agent.git("reset", "-q", "--hard", "HEAD~1")


def test_pipeline_when_it_is_aborted_while_clients_get_the_release_then_goes_back(agent: Agent) -> None:
    before = agent.git("rev-parse", "HEAD")[:12]
    agent.git("commit", "-q", "--allow-empty", "-m", "abort while rolling")
    abort = Abort("Deploy", says("TASK [release : bring | Wait for the rollout]", "bring | Apply the manifests"))
    result, build = agent.build(start_at="Images", abort=abort)
    assert (abort.happened, result) == (True, ABORTED), build.said[-4000:]
    assert_live(agent, before)
    assert_nothing_is_left(agent)
