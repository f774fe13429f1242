"""jenkins/Jenkinsfile, executed without Jenkins: its commands on a real engine, registry and Minikube, in their order.

`make jenkins-test` says what the commands are; Jenkins itself, its plugins and its lock are not part of this.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import readme
from builds import ABORTED, FAILURE, SUCCESS, Abort, Build
from clusters import Cluster
from engine import SMOKE_LABEL, docker
from project import Project, answer_nonsense
from recording import record_pipelines
from running import ROOT

pytestmark = pytest.mark.cluster

PIPELINE = ROOT / "jenkins/Jenkinsfile"


@dataclass
class Agent:
    """A clone where builds run, and what they find there."""

    project: Project
    credentials: dict[str, Path]
    recorded: dict[str, Any]
    cluster: Cluster

    def build(self, *, start_at: str = "", abort: Abort | None = None) -> tuple[str, Build]:
        """Run the pipeline; prints each stage's time."""
        environment = {**self.project.environment, "ANSIBLE_OPTIONS": self.project.options}
        build = Build(self.project.folder, environment, self.credentials, abort)
        result = build.run(self.recorded, start_at)
        times = ", ".join(f"{name} {seconds:.0f} s ({ended})" for name, ended, seconds in build.ended)
        print(f"\n=== pipeline{f' from {start_at}' if start_at else ''}: {times or 'no stage'}: {result}")
        return result, build


@pytest.fixture(scope="module")
def agent(with_registry: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Agent:
    """What the role jenkins gives a server's agent: values in a file, a login, the password where it is bound."""
    password = Path(with_registry.values["platform_registry_password_file"])
    bound = {"platform_registry_password_file": "{{ lookup('ansible.builtin.env', 'REGISTRY_PASSWORD_FILE') }}"}
    folder = tmp_path_factory.mktemp("agent") / "clone"
    project = Project(folder, with_registry.values | bound, with_registry.environment, own_environments=True)
    (recorded,) = record_pipelines(PIPELINE)
    return Agent(project, {"registry-password": password}, recorded, with_registry)


def assert_nothing_is_left(agent: Agent) -> None:
    """No container or network of a smoke test, no login but the agent's own, nothing that git does not ignore."""
    assert docker("ps", "--all", "--quiet", "--filter", f"label={SMOKE_LABEL}") == ""
    assert docker("network", "ls", "--quiet", "--filter", f"label={SMOKE_LABEL}") == ""
    config = json.loads((Path(agent.project.environment["DOCKER_CONFIG"]) / "config.json").read_text())
    assert list(config["auths"]) == [agent.cluster.values["platform_registry"]]
    assert agent.project.uncommitted == ""


def assert_live(agent: Agent, revision: str) -> None:
    """A release of this commit is live, and README's curl is answered."""
    assert readme.is_known(readme.ask(), agent.project.manifest)
    record = [each for each in agent.cluster.records() if each["outcome"] == "good"][-1]
    assert record["revision"] == revision
    running = {container["image"] for pod in agent.cluster.get("pods") for container in pod["spec"]["containers"]}
    assert running == set(record["images"].values())


STAGES = ["Lint", "Test", "Images", "Smoke", "Push", "Deploy", "Verify", "Release"]


@pytest.mark.parametrize("first", ["Lint", "Images"])
def test_pipeline_when_there_is_a_commit_then_it_becomes_a_verified_release(agent: Agent, first: str) -> None:
    """From Images on for whoever has just typed `make lint` and `make test` on the same commit."""
    agent.project.commit_nothing("a commit")
    result, build = agent.build(start_at=first)
    assert result == SUCCESS, build.said[-6000:]
    assert [name for name, _, _ in build.ended] == STAGES[STAGES.index(first) :]
    assert [report.name for report in build.reports] == (["junit.xml"] if first == "Lint" else [])
    assert_live(agent, agent.project.revision)
    assert_nothing_is_left(agent)
    assert agent.credentials["registry-password"].read_text() not in build.said


def test_pipeline_when_a_service_answers_nonsense_then_is_red_before_anything_is_pushed(agent: Agent) -> None:
    before = agent.project.revision
    answer_nonsense(agent.project)
    agent.project.commit("answer nonsense")
    # Lint and Test, which find this too, would take minutes: as whoever presses "Restart from Stage".
    result, build = agent.build(start_at="Images")
    assert result == FAILURE
    assert [(name, ended) for name, ended, _ in build.ended] == [("Images", SUCCESS), ("Smoke", FAILURE)]
    assert_live(agent, before)
    assert_nothing_is_left(agent)
    agent.project.drop_changes(1)


def test_pipeline_when_only_the_cluster_shows_what_is_wrong_then_the_old_release_serves(agent: Agent) -> None:
    before = agent.project.revision
    agent.project.replace(
        "k8s/base/api-gateway/deployment.yaml", "          ports:\n", '          command: ["false"]\n          ports:\n'
    )
    agent.project.commit("end at once")
    result, build = agent.build(start_at="Images")
    assert result == FAILURE
    assert [(name, ended) for name, ended, _ in build.ended][-2:] == [("Deploy", FAILURE), ("Release", FAILURE)]
    assert_live(agent, before)
    assert_nothing_is_left(agent)
    agent.project.drop_changes(1)


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
    before = agent.project.revision
    agent.project.commit_nothing(f"abort in {stage}")
    abort = Abort(stage, ABORTS[stage])
    result, build = agent.build(
        start_at="Lint" if stage == "Lint" else "Test" if stage == "Test" else "Images", abort=abort
    )
    print(f"=== aborted in {stage}: every process gone after {abort.seconds:.1f} s")
    assert abort.happened, build.said[-4000:]
    assert result == ABORTED, build.said[-4000:]
    assert_nothing_is_left(agent)
    if stage == "Verify":  # what is aborted then is released already
        before = agent.project.revision
    assert_live(agent, before)
    assert agent.cluster.in_preview() == ""
    if stage != "Verify":
        agent.project.drop_changes(1)


def test_pipeline_when_it_is_aborted_while_clients_get_the_release_then_goes_back(agent: Agent) -> None:
    before = agent.project.revision
    agent.project.commit_nothing("abort while rolling")
    abort = Abort("Deploy", says("TASK [release : bring | Wait for the rollout]", "bring | Apply the manifests"))
    result, build = agent.build(start_at="Images", abort=abort)
    assert (abort.happened, result) == (True, ABORTED), build.said[-4000:]
    assert_live(agent, before)
    assert_nothing_is_left(agent)
