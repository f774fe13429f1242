"""What pods say, in words: one test per state that the API knows, and any JSON at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nagios_plugins.pods import faults, not_ready, restarted, restarts

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def ago(minutes: float) -> str:
    return f"{NOW - timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


def pod(
    *, conditions: object = (), init: object = (), name: str = "a-1", phase: str = "Running", **container: Any
) -> Any:
    whole = {"name": "server", "restartCount": 0, "state": {"running": {"startedAt": ago(300)}}} | container
    status = {"phase": phase, "conditions": conditions, "initContainerStatuses": init, "containerStatuses": [whole]}
    return {"metadata": {"name": name}, "status": status}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"state": {"waiting": {"reason": reason} | ({"message": message} if message else {})}}


def ended(reason: str, code: int, minutes: float) -> dict[str, Any]:
    return {"terminated": {"reason": reason, "exitCode": code, "finishedAt": ago(minutes)}}


def condition(kind: str, state: str, message: str = "", *, since: float = 300) -> dict[str, str]:
    return {"type": kind, "status": state, "message": message, "lastTransitionTime": ago(since)}


def test_faults_when_all_runs_then_are_none() -> None:
    whole = pod(conditions=[condition("PodScheduled", "True"), condition("Ready", "True")])
    assert list(faults([whole])) == list(not_ready([whole])) == list(restarted([whole], NOW)) == []
    assert restarts([whole]) == 0


@pytest.mark.parametrize("reason", ["ContainerCreating", "PodInitializing"])
def test_faults_when_a_container_is_about_to_start_then_are_none(reason: str) -> None:
    assert list(faults([pod(**waiting(reason)), pod(state={}), pod(state={"waiting": {}})])) == []


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (
            waiting("CrashLoopBackOff", "back-off 5m0s") | {"restartCount": 7, "lastState": ended("Error", 1, 2)},
            "ends again and again (CrashLoopBackOff, 7 restarts): it ended with status 1 (Error)",
        ),
        (
            waiting("CrashLoopBackOff") | {"restartCount": 1, "lastState": ended("OOMKilled", 137, 2)},
            "ends again and again (CrashLoopBackOff, 1 restart): it ran out of memory (OOMKilled)",
        ),
        (
            waiting("CrashLoopBackOff"),
            "ends again and again (CrashLoopBackOff, 0 restarts): it ended with status unknown (no reason given)",
        ),
        ({"state": ended("OOMKilled", 137, 0)}, "does not run: it ran out of memory (OOMKilled)"),
        ({"state": ended("Error", 3, 0)}, "does not run: it ended with status 3 (Error)"),
        (
            waiting("ErrImagePull", "manifest unknown"),
            "does not start: its image cannot be pulled (ErrImagePull): manifest unknown",
        ),
        (
            waiting("CreateContainerConfigError", 'configmap "a" not found'),
            'does not start: its configuration is not there (CreateContainerConfigError): configmap "a" not found',
        ),
        (waiting("SomethingNew"), "does not start: SomethingNew"),
    ],
)
def test_faults_when_a_container_does_not_run_then_say_why(state: dict[str, Any], text: str) -> None:
    assert list(faults([pod(name="a-1"), pod(name="a-2", **state)])) == [f"container server of a-2 {text}"]


def test_faults_when_a_container_is_done_then_are_none() -> None:
    """As those are that come before the others."""
    done = {"name": "first", "restartCount": 0, "state": ended("Completed", 0, 5)}
    assert list(faults([pod(init=[done])])) == []
    broken = done | {"state": ended("Error", 2, 5)}
    assert list(faults([pod(init=[broken])])) == ["container first of a-1 does not run: it ended with status 2 (Error)"]


def test_faults_when_a_pod_has_no_node_then_say_why() -> None:
    nowhere = pod(conditions=[condition("PodScheduled", "False", "0/1 nodes are available: 1 Insufficient cpu.")])
    assert list(faults([nowhere])) == ["no node takes a-1: 0/1 nodes are available: 1 Insufficient cpu."]


def test_pods_when_they_leave_or_have_failed_then_are_not_looked_at() -> None:
    leaving = pod(**waiting("CrashLoopBackOff"), restartCount=3)
    leaving["metadata"]["deletionTimestamp"] = ago(0)
    evicted = pod(phase="Failed", restartCount=3, state=ended("Error", 137, 5))
    assert list(faults([leaving, evicted])) == list(restarted([leaving, evicted], NOW)) == []
    assert restarts([leaving, evicted]) == 0


def test_not_ready_when_a_pod_is_not_then_names_it() -> None:
    late = pod(name="a-2", conditions=[condition("Ready", "False", "containers with unready status: [server]")])
    assert list(not_ready([pod(), late])) == ["a-2 is not ready: containers with unready status: [server]"]


@pytest.mark.parametrize("minutes", [0, 12, 59])
def test_restart_when_within_the_hour_then_is_told_with_its_reason(minutes: float) -> None:
    again = pod(restartCount=3, lastState=ended("OOMKilled", 137, minutes))
    (said,) = restarted([again], NOW)
    assert said.startswith(f"container server of a-1 was started again {minutes} min ago (3 restarts in all): ")
    assert said.endswith("in all): it ran out of memory (OOMKilled)")
    assert list(faults([again])) == []
    assert restarts([again, again]) == 6


@pytest.mark.parametrize("minutes", [60, 61, 10_000])
def test_restart_when_longer_ago_then_is_only_counted(minutes: float) -> None:
    again = pod(restartCount=3, lastState=ended("Error", 1, minutes))
    assert list(restarted([again], NOW)) == []
    assert restarts([again]) == 3


def test_restart_when_the_clocks_differ_then_was_just_now() -> None:
    said = list(restarted([pod(restartCount=1, lastState=ended("Error", 1, -5))], NOW))
    assert said == [
        "container server of a-1 was started again 0 min ago (1 restart in all): it ended with status 1 (Error)"
    ]


def test_restart_when_the_node_was_started_again_then_is_none_of_the_containers() -> None:
    """The pod's network is made anew then, after its containers had ended."""
    began = [condition("PodReadyToStartContainers", "True", since=10)]
    with_node = pod(conditions=began, restartCount=1, lastState=ended("Unknown", 255, 11))
    assert list(restarted([with_node], NOW)) == []
    later = pod(conditions=began, restartCount=2, lastState=ended("Error", 1, 9))
    assert len(list(restarted([later], NOW))) == 1


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
MOMENT = st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat()) | st.text(max_size=25) | ANY_JSON
END = st.fixed_dictionaries(
    {},
    optional={
        "terminated": st.fixed_dictionaries({"finishedAt": MOMENT}, optional={"exitCode": ANY_JSON, "reason": ANY_JSON})
    },
)
STATE = st.fixed_dictionaries({}, optional={"waiting": st.fixed_dictionaries({"reason": ANY_JSON}) | ANY_JSON}) | END
CONTAINER = st.fixed_dictionaries(
    {},
    optional={
        "name": ANY_JSON,
        "restartCount": st.integers() | ANY_JSON,
        "state": STATE | ANY_JSON,
        "lastState": END | ANY_JSON,
    },
)
CONDITION = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["PodScheduled", "Ready", "PodReadyToStartContainers"]),
        "status": ANY_JSON | st.just("True"),
    },
    optional={"lastTransitionTime": MOMENT, "message": ANY_JSON},
)
POD = st.fixed_dictionaries(
    {"status": st.fixed_dictionaries({}, optional={
        "phase": ANY_JSON, "conditions": st.lists(CONDITION, max_size=3) | ANY_JSON,
        "containerStatuses": st.lists(CONTAINER | ANY_JSON, max_size=3) | ANY_JSON,
    })},
    optional={"metadata": ANY_JSON},
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(pods=st.lists(POD | ANY_JSON, max_size=3))
def test_pods_when_they_are_any_json_then_words_come_out(pods: list[Any]) -> None:
    said = [*faults(pods), *not_ready(pods), *restarted(pods, NOW)]
    assert all(isinstance(text, str) and text for text in said)
    assert restarts(pods) >= 0
