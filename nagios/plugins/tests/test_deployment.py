"""`check_qos_deployment`, one test per state, over a kubectl that prints what it is told."""

from __future__ import annotations

import json
import shlex
import time
from pathlib import Path
from typing import Any

import pytest

from nagios_plugins.check_qos_deployment import main

TOKEN = "eyJhbGciOi.secret-of-an-account"
NOT_FOUND = 'Error from server (NotFound): deployments.apps "api-gateway" not found'


def deployment(**status: object) -> dict[str, Any]:
    whole = {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
    return {
        "kind": "Deployment",
        "metadata": {"name": "api-gateway", "generation": 3},
        "spec": {"replicas": 2},
        "status": {name: value for name, value in (whole | status).items() if value != 0},  # as the API writes it
    }


class Kubectl:
    """Prints what it is told, and keeps what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.program, self.asked_file = folder / "kubectl", folder / "asked"
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(f"users:\n  - name: nagios\n    user:\n      token: {TOKEN}\n")
        self.says(deployment())

    def says(self, answer: object, *, error: str = "", code: int = 0, wait: float = 0) -> None:
        text = answer if isinstance(answer, str) else json.dumps(answer)
        self.program.write_text(
            f'#!/bin/sh\necho "$@" > {shlex.quote(str(self.asked_file))}\n[ {wait} = 0 ] || exec sleep {wait}\n'
            f"printf %s {shlex.quote(text)}\nprintf %s {shlex.quote(error)} >&2\nexit {code}\n"
        )
        self.program.chmod(0o755)

    def options(self) -> list[str]:
        return ["--kubectl", str(self.program), "--kubeconfig", str(self.kubeconfig), "-n", "apps"]


@pytest.fixture
def kubectl(tmp_path: Path) -> Kubectl:
    return Kubectl(tmp_path)


@pytest.fixture
def ask(run_check: Any, kubectl: Kubectl) -> Any:
    """Run the check of the Deployment."""
    return lambda *more: run_check(main, *kubectl.options(), "-d", "api-gateway", *more)


def test_deployment_when_all_of_it_runs_then_is_ok_with_its_replicas(ask: Any, kubectl: Kubectl) -> None:
    said = ask()
    assert (said.code, said.name) == (0, "DEPLOYMENT")
    assert said.text == "2 of 2 replicas of api-gateway are available"
    assert said.perfdata == {"ready": 2, "desired": 2}
    asked = kubectl.asked_file.read_text().split()
    assert asked[2:] == [
        "--namespace",
        "apps",
        "get",
        "deployment",
        "api-gateway",
        "--output=json",
        "--request-timeout=5s",
    ]


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ({"availableReplicas": 1, "readyReplicas": 1}, "1 of 2 replicas of api-gateway are available"),
        ({"updatedReplicas": 1}, "1 of 2 replicas of api-gateway are of its newest form"),
        ({"updatedReplicas": 0}, "0 of 2 replicas of api-gateway are of its newest form"),
        ({"observedGeneration": 2}, "the cluster has not yet taken in the newest change of api-gateway"),
    ],
)
def test_deployment_when_part_of_it_runs_then_is_a_warning(
    ask: Any, kubectl: Kubectl, status: dict[str, int], text: str
) -> None:
    kubectl.says(deployment(**status))
    said = ask()
    assert (said.code, said.text) == (1, text)
    assert said.perfdata == {"ready": status.get("readyReplicas", 2), "desired": 2}


@pytest.mark.parametrize("more", [{}, {"observedGeneration": 2}])
def test_deployment_when_none_of_it_runs_then_is_critical(ask: Any, kubectl: Kubectl, more: dict[str, int]) -> None:
    kubectl.says(deployment(availableReplicas=0, readyReplicas=0, **more))
    said = ask()
    assert (said.code, said.text) == (2, "0 of 2 replicas of api-gateway are available")
    assert said.perfdata == {"ready": 0, "desired": 2}


def test_deployment_when_it_is_scaled_to_none_then_is_critical(ask: Any, kubectl: Kubectl) -> None:
    kubectl.says(deployment(availableReplicas=0, readyReplicas=0, updatedReplicas=0) | {"spec": {"replicas": 0}})
    said = ask()
    assert (said.code, said.text) == (2, "0 of 0 replicas of api-gateway are available")


def test_deployment_when_it_is_quite_new_then_is_critical(ask: Any, kubectl: Kubectl) -> None:
    kubectl.says({"kind": "Deployment", "metadata": {"generation": 1}, "spec": {}, "status": {}})
    said = ask()
    assert (said.code, said.text) == (2, "0 of 1 replicas of api-gateway are available")


def test_deployment_when_the_cluster_says_why_then_repeats_it(ask: Any, kubectl: Kubectl) -> None:
    conditions = [
        {"type": "Available", "status": "True", "message": "Deployment has minimum availability."},
        {"type": "Progressing", "status": "False", "message": 'ReplicaSet "api-gateway-7" has timed out progressing.'},
    ]
    kubectl.says(deployment(updatedReplicas=1, conditions=conditions))
    assert ask().text.endswith(' newest form: ReplicaSet "api-gateway-7" has timed out progressing.')
    kubectl.says(deployment(conditions=conditions))
    assert ask().code == 0


def test_deployment_when_it_is_missing_then_is_critical_and_says_so(ask: Any, kubectl: Kubectl) -> None:
    kubectl.says("", error=NOT_FOUND + "\n", code=1)
    said = ask()
    assert (said.code, said.text) == (2, NOT_FOUND)
    assert said.perfdata == {}


def test_api_when_it_cannot_be_asked_then_is_critical_with_the_last_line(ask: Any, kubectl: Kubectl) -> None:
    kubectl.says("", error="E1126 memcache.go] dial tcp\n" * 5 + "The connection to the server was refused\n\n", code=1)
    said = ask()
    assert (said.code, said.text) == (2, "The connection to the server was refused")


def test_api_when_kubectl_says_nothing_then_says_how_it_ended(ask: Any, kubectl: Kubectl) -> None:
    kubectl.says("", code=137)
    assert (ask().code, ask().text) == (2, "kubectl ended with 137")


def test_api_when_no_answer_comes_then_is_critical_within_the_timeout(ask: Any, kubectl: Kubectl) -> None:
    kubectl.says("", wait=30)
    started = time.monotonic()
    said = ask("-t", "0.3")
    assert (said.code, said.text) == (2, "no answer within 0.3 s")
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("form", ["token: {}", 'token: "{}"', '{{"user": {{"token": "{}"}}}}', "password: '{}'"])
def test_token_when_kubectl_prints_it_then_the_check_does_not(ask: Any, kubectl: Kubectl, form: str) -> None:
    kubectl.kubeconfig.write_text(form.format(TOKEN))
    kubectl.says("", error=f"error: cannot use {TOKEN} here", code=1)
    said = ask()
    assert (said.code, said.text) == (2, "error: cannot use … here")


def test_api_when_no_deployment_is_named_then_is_ok_if_it_answers(run_check: Any, kubectl: Kubectl) -> None:
    kubectl.says("deployment.apps/api-gateway\n")
    said = run_check(main, *kubectl.options())
    assert (said.code, said.text) == (0, "the cluster's API answers")
    assert "deployments --output=name" in kubectl.asked_file.read_text()
    kubectl.says("", error="error: You must be logged in to the server (Unauthorized)", code=1)
    said = run_check(main, *kubectl.options())
    assert (said.code, said.text) == (2, "error: You must be logged in to the server (Unauthorized)")


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "[]",
        "null",
        "[" * 100_000,
        {"kind": "List"},
        deployment(readyReplicas="2"),
        deployment(readyReplicas=None),
        deployment(availableReplicas=-1),
        deployment(availableReplicas=True),
        deployment() | {"spec": []},
        deployment() | {"spec": [1]},
        deployment() | {"status": "none"},
        deployment(availableReplicas=0, conditions=[None, {"status": "False", "message": [1]}]),
    ],
)
def test_answer_when_it_is_no_deployment_then_is_critical_at_most(ask: Any, kubectl: Kubectl, answer: object) -> None:
    if isinstance(answer, str) and len(answer) > 1000:
        kubectl.says("")
        kubectl.program.write_text(f"#!/bin/sh\nhead -c {len(answer)} /dev/zero | tr '\\0' '['\n")
    else:
        kubectl.says(answer)
    assert ask().code in (0, 2)


@pytest.mark.parametrize(
    "wrong",
    [
        ["--nonsense"],
        ["-d", "../secrets"],
        ["-d", "--all-namespaces"],
        ["-d", ""],
        ["-n", "Upper"],
        ["--kubeconfig", "/nowhere/kubeconfig"],
        ["--kubeconfig", "/"],
        ["--kubectl", "no-such-kubectl"],
        ["-t", "0"],
        ["-t", "soon"],
    ],
)
def test_arguments_when_wrong_then_unknown_with_usage(ask: Any, kubectl: Kubectl, wrong: list[str]) -> None:
    said = ask(*wrong)
    assert said.code == 3
    assert "usage:" in said.output
    assert not kubectl.asked_file.exists()


@pytest.mark.parametrize("missing", ["--kubeconfig", "-n"])
def test_arguments_when_one_is_missing_then_unknown(run_check: Any, kubectl: Kubectl, missing: str) -> None:
    options = kubectl.options()
    place = options.index(missing)
    said = run_check(main, *options[:place], *options[place + 2 :])
    assert said.code == 3
    assert missing in said.text
