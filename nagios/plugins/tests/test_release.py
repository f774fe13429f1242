"""`check_qos_release` and the Deployment itself, one test per state, over a kubectl that prints what it is told."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from any_json import ANY_JSON
from kubectls import TOKEN, Kubectl
from nagios_plugins.check_qos_release import main

LOOP = " (CrashLoopBackOff, 7 restarts): it ended with status 1 (Error)"
NOT_FOUND = 'Error from server (NotFound): deployments.apps "api-gateway" not found'


def deployment(**status: object) -> dict[str, Any]:
    whole = {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
    return {
        "kind": "Deployment",
        "metadata": {"name": "api-gateway", "generation": 3},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app.kubernetes.io/name": "api-gateway"}}},
        "status": {name: value for name, value in (whole | status).items() if value != 0},  # as the API writes it
    }


def pod(name: str = "api-gateway-7-x", **state: object) -> dict[str, Any]:
    """A pod whose container is in this state."""
    container = {"name": "server", "restartCount": 0, "state": {"running": {}}} | state
    return {"metadata": {"name": name}, "status": {"phase": "Running", "containerStatuses": [container]}}


def looping(count: int = 7) -> dict[str, Any]:
    return pod(
        restartCount=count,
        state={"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}},
        lastState={"terminated": {"reason": "Error", "exitCode": 1, "finishedAt": "2026-11-26T12:00:00Z"}},
    )


@pytest.fixture
def kubectl(tmp_path: Path) -> Kubectl:
    made = Kubectl(tmp_path)
    made.says(deployment())
    made.has(pod("api-gateway-7-x"), pod("api-gateway-7-y"))
    return made


@pytest.fixture
def ask(run_check: Any, kubectl: Kubectl) -> Any:
    """Run the check of the Deployment."""
    return lambda *more: run_check(main, *kubectl.options(), "-d", "api-gateway", *more)


def test_deployment_when_all_of_it_runs_then_is_ok_with_its_replicas(ask: Any, kubectl: Kubectl) -> None:
    said = ask()
    assert (said.code, said.name) == (0, "DEPLOYMENT")
    assert said.text == "2 of 2 replicas of api-gateway are available"
    assert said.perfdata == {"ready": 2, "desired": 2, "restarts": 0}
    asked = [line.split("--namespace apps get ")[1] for line in kubectl.asked_file.read_text().splitlines()]
    assert asked == [
        "deployment api-gateway --output=json --request-timeout=5s",
        "pods --selector=app.kubernetes.io/name=api-gateway --output=json --request-timeout=5s",
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
    assert said.perfdata == {"ready": status.get("readyReplicas", 2), "desired": 2, "restarts": 0}


@pytest.mark.parametrize("more", [{}, {"observedGeneration": 2}])
def test_deployment_when_none_of_it_runs_then_is_critical(ask: Any, kubectl: Kubectl, more: dict[str, int]) -> None:
    kubectl.says(deployment(availableReplicas=0, readyReplicas=0, **more))
    said = ask()
    assert (said.code, said.text) == (2, "0 of 2 replicas of api-gateway are available")
    assert said.perfdata == {"ready": 0, "desired": 2, "restarts": 0}


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
        ["--kubeconfig", ""],
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


@pytest.mark.parametrize(
    ("trouble", "text"),
    [
        (
            looping(),
            "container server of api-gateway-7-x ends again and again" + LOOP,
        ),
        (
            pod(state={"terminated": {"reason": "OOMKilled", "exitCode": 137}}),
            "container server of api-gateway-7-x does not run: it ran out of memory (OOMKilled)",
        ),
    ],
)
def test_pods_when_one_is_in_trouble_then_is_a_warning_while_others_answer(
    ask: Any, kubectl: Kubectl, trouble: dict[str, Any], text: str
) -> None:
    kubectl.has(pod(), trouble)
    said = ask()
    assert (said.code, said.text) == (1, text)
    kubectl.says(deployment(availableReplicas=1, readyReplicas=1))
    said = ask()
    assert (said.code, said.text) == (1, f"1 of 2 replicas of api-gateway are available: {text}")


def test_pods_when_none_answers_then_is_critical_with_their_reason_and_the_clusters(ask: Any, kubectl: Kubectl) -> None:
    late = [{"type": "Progressing", "status": "False", "message": "It has timed out progressing."}]
    kubectl.says(deployment(availableReplicas=0, readyReplicas=0, conditions=late))
    kubectl.has(looping(3), looping(4))
    said = ask()
    assert said.code == 2
    assert said.text == (
        "0 of 2 replicas of api-gateway are available: container server of api-gateway-7-x ends again and again"
        " (CrashLoopBackOff, 3 restarts): it ended with status 1 (Error); It has timed out progressing."
    )
    assert said.perfdata == {"ready": 0, "desired": 2, "restarts": 7}


def test_pods_when_one_is_not_ready_then_is_named(ask: Any, kubectl: Kubectl) -> None:
    late = pod("api-gateway-7-y")
    late["status"]["conditions"] = [{"type": "Ready", "status": "False", "message": "containers with unready status"}]
    kubectl.has(pod(), late)
    assert ask().code == 0, "a Deployment that is whole has what it needs"
    kubectl.says(deployment(availableReplicas=1, readyReplicas=1))
    assert ask().text.endswith(" are available: api-gateway-7-y is not ready: containers with unready status")


@pytest.mark.parametrize(("minutes", "code"), [(1, 1), (55, 1), (65, 0)])
def test_pods_when_one_was_started_again_within_the_hour_then_is_a_warning(
    ask: Any, kubectl: Kubectl, minutes: int, code: int
) -> None:
    at = datetime.now(UTC) - timedelta(minutes=minutes)
    ended = {"reason": "OOMKilled", "exitCode": 137, "finishedAt": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    kubectl.has(pod(), pod(restartCount=2, lastState={"terminated": ended}))
    said = ask()
    assert said.code == code
    assert said.perfdata["restarts"] == 2
    if code:
        assert said.text.startswith(f"container server of api-gateway-7-x was started again {minutes} min ago")
        assert said.text.endswith("(2 restarts in all): it ran out of memory (OOMKilled)")


GOES_ON = [{"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}]


@pytest.mark.parametrize("updated", [0, 1])
def test_rollout_when_it_goes_on_and_all_that_is_desired_is_available_then_is_ok(
    ask: Any, kubectl: Kubectl, updated: int
) -> None:
    kubectl.says(deployment(updatedReplicas=updated, replicas=3, conditions=GOES_ON))
    said = ask()
    told = f"2 of 2 replicas of api-gateway are available; a rollout goes on, {updated} of 2 of its newest form"
    assert (said.code, said.text) == (0, told)
    kubectl.has(pod("api-gateway-7-x"), looping())
    assert ask().code == 1, "a new pod that ends again and again is a fault before the deadline is over"
    kubectl.has(pod("api-gateway-7-x"))
    kubectl.says(deployment(updatedReplicas=updated, availableReplicas=1, conditions=GOES_ON))
    assert ask().code == 1, "one is missing"


def test_rollout_when_it_does_not_go_on_then_is_a_warning_though_the_old_pod_answers(
    ask: Any, kubectl: Kubectl
) -> None:
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "It timed out."}
    kubectl.says(deployment(replicas=3, conditions=[late]))
    said = ask()
    assert (said.code, said.text) == (1, "the rollout of api-gateway does not go on: It timed out.")
    kubectl.has(pod(), looping())
    said = ask()
    assert said.code == 1
    assert said.text.startswith("the rollout of api-gateway does not go on: container server of api-gateway-7-x ends")


def test_pods_when_they_cannot_be_asked_then_is_critical_but_the_deployment_comes_first(
    ask: Any, kubectl: Kubectl
) -> None:
    forbidden = 'Error from server (Forbidden): pods is forbidden: User "nagios" cannot list resource "pods"'
    kubectl.says("", error=forbidden, code=1, of="pods")
    said = ask()
    assert (said.code, said.text, said.perfdata) == (2, forbidden, {"ready": 2, "desired": 2})
    kubectl.says(deployment(availableReplicas=0, readyReplicas=0))
    said = ask()
    assert (said.code, said.text) == (2, "0 of 2 replicas of api-gateway are available")


def test_api_when_both_answers_are_slow_then_the_timeout_is_for_both(ask: Any, kubectl: Kubectl) -> None:
    kubectl.says(deployment(), wait=0.4)
    kubectl.says({"items": []}, wait=0.4, of="pods")
    started = time.monotonic()
    said = ask("-t", "0.6")
    assert (said.code, said.text) == (2, "no answer within 0.6 s")
    assert time.monotonic() - started < 0.8


def test_selector_when_it_is_any_then_kubectl_is_asked_for_it(ask: Any, kubectl: Kubectl) -> None:
    expressions = [
        {"key": "tier", "operator": "In", "values": ["a", "b"]},
        {"key": "old", "operator": "DoesNotExist"},
        {"key": "qos", "operator": "Exists"},
        {"key": "zone", "operator": "NotIn", "values": ["c"]},
    ]
    kubectl.says(deployment() | {"spec": {"replicas": 2, "selector": {"matchExpressions": expressions}}})
    assert ask().code == 0
    assert " --selector=tier in (a,b),!old,qos,zone notin (c) " in kubectl.asked_file.read_text()


@pytest.mark.parametrize(
    "selector",
    [
        None,
        {},
        {"matchLabels": {"": ""}},
        {"matchLabels": {"a": "b,c"}},
        {"matchLabels": {"a": "\0"}},
        {"matchLabels": {"a": "\ud800"}},
        {"matchLabels": {"a": 1}},
        {"matchExpressions": [{"operator": "In"}]},
        {"matchExpressions": [{"key": "a", "operator": "Near"}]},
        {"matchExpressions": [{"key": "a", "operator": "In", "values": [["b"]]}]},
    ],
)
def test_selector_when_it_is_none_then_is_critical_and_nobody_is_asked(
    ask: Any, kubectl: Kubectl, selector: object
) -> None:
    kubectl.says(deployment() | {"spec": {"replicas": 2, "selector": selector}})
    said = ask()
    assert said.code == 2
    assert said.text.startswith("what kubectl printed ")
    assert " pods " not in kubectl.asked_file.read_text()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    labels=ANY_JSON | st.dictionaries(st.text(max_size=5), st.text(max_size=5), min_size=1, max_size=2),
    status=ANY_JSON | st.dictionaries(st.sampled_from(sorted(deployment()["status"])), ANY_JSON, max_size=3),
    pods=ANY_JSON | st.binary(max_size=30).map(lambda raw: raw.decode("latin-1")),
)
def test_answers_when_they_are_any_json_then_are_never_unknown(
    ask: Any, kubectl: Kubectl, labels: object, status: object, pods: object
) -> None:
    found = deployment() | {"spec": {"replicas": 2, "selector": {"matchLabels": labels}}}
    found["status"] = found["status"] | status if isinstance(status, dict) else status
    kubectl.says(found)
    kubectl.says({"items": pods} if not isinstance(pods, str) else pods, of="pods")
    assert ask().code in (0, 1, 2)


def test_process_when_all_is_well_then_ends_with_0_soon(kubectl: Kubectl) -> None:
    command = [sys.executable, "-c", "from nagios_plugins.check_qos_release import main; main()"]
    environment = {"PYTHONPATH": str(Path(__file__).parents[1] / "src"), "PATH": os.environ["PATH"]}
    times = []
    for _ in range(3):
        started = time.perf_counter()
        done = subprocess.run(
            [*command, *kubectl.options(), "-d", "api-gateway"],
            env=environment, capture_output=True, text=True, timeout=20,
        )  # fmt: skip
        times.append(time.perf_counter() - started)
        assert (done.returncode, done.stderr) == (0, "")
        assert " OK - " in done.stdout
    print(f"\ncheck_qos_release: {min(times):.3f} s, 0.3 at most")  # noqa: T201  measured, not asserted tightly
    assert min(times) < 2
