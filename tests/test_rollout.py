"""What the rollout module makes of what the API server says; the objects are cut down to what it looks at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from rollout import PULL_SECONDS, UNSCHEDULABLE_SECONDS, Cluster, Trouble, find_trouble, is_rolled_out, last_words, wait

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def deployment(desired: int = 2, *, seen: int = 3, **counts: int) -> dict[str, Any]:
    """Return a Deployment of generation 3; all its pods are there, but for `counts`."""
    full = {"replicas": desired, "updatedReplicas": desired, "availableReplicas": desired}
    return {
        "metadata": {"generation": 3, "annotations": {"deployment.kubernetes.io/revision": "7"}},
        "spec": {"replicas": desired},
        "status": {"observedGeneration": seen, **full, **counts},
    }


def replica_set(revision: str, template: str) -> dict[str, Any]:
    return {
        "metadata": {
            "annotations": {"deployment.kubernetes.io/revision": revision},
            "labels": {"pod-template-hash": template},
        }
    }


def pod(template: str = "new", *, name: str = "pod-1", age: float = 1, **status: Any) -> dict[str, Any]:
    created = (NOW - timedelta(seconds=age)).isoformat()
    labels = {"pod-template-hash": template}
    return {"metadata": {"name": name, "labels": labels, "creationTimestamp": created}, "status": status}


def container(*, ready: bool = False, restarts: int = 0, waiting: Any = None, ended: Any = None) -> dict[str, Any]:
    state = {"waiting": waiting} if waiting else {"running": {}}
    last = {"terminated": ended} if ended else {}
    return {"ready": ready, "restartCount": restarts, "state": state, "lastState": last}


REPLICA_SETS = [replica_set("6", "old"), replica_set("7", "new")]
UP = pod(containerStatuses=[container(ready=True)])


def trouble(found: dict[str, Any], *pods: dict[str, Any]) -> Trouble | None:
    return find_trouble(found, REPLICA_SETS, pods, NOW)


def test_rollout_when_all_is_there_then_there_is_no_trouble() -> None:
    assert is_rolled_out(deployment())
    assert trouble(deployment(), UP) is None


@pytest.mark.parametrize(
    "found",
    [
        deployment(seen=2),
        deployment(replicas=3),
        deployment(updatedReplicas=1),
        deployment(availableReplicas=1),
        {"metadata": {"generation": 1}, "spec": {}, "status": {}},
    ],
    ids=["not seen yet", "one too many", "one of the old", "one not available", "new"],
)
def test_rollout_when_something_is_missing_then_goes_on(found: dict[str, Any]) -> None:
    assert not is_rolled_out(found)
    found_trouble = trouble(found, UP)
    assert found_trouble
    assert not found_trouble.is_final


def test_rollout_when_no_pod_is_wanted_then_is_done() -> None:
    assert trouble(deployment(0)) is None


def test_rollout_when_an_old_pod_is_leaving_then_waits_for_it() -> None:
    found = trouble(deployment(), UP, pod("old", name="pod-0"))
    assert found
    assert (found.is_final, found.reason) == (False, "pod-0 of the version before is not gone")


@pytest.mark.parametrize("reason", ["InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError"])
def test_rollout_when_a_container_cannot_start_then_fails_at_once_and_says_why(reason: str) -> None:
    stuck = pod(containerStatuses=[container(waiting={"reason": reason, "message": "no such thing"})])
    found = trouble(deployment(updatedReplicas=1), stuck)
    assert found
    assert found.is_final
    assert found.reason == f"pod-1: {reason}: no such thing"


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("CreateContainerConfigError", "failed to sync configmap cache: timed out waiting for the condition"),
        ("CreateContainerConfigError", "failed to sync secret cache: timed out waiting for the condition"),
        ("CreateContainerError", "context deadline exceeded"),
        ("CreateContainerError", 'failed to reserve container name "a_b_0": name "a_b_0" is reserved for "f1"'),
    ],
)
def test_rollout_when_a_kubelet_was_only_too_slow_then_waits_as_it_tries_again(reason: str, message: str) -> None:
    stuck = pod(containerStatuses=[container(waiting={"reason": reason, "message": message})])
    found = trouble(deployment(updatedReplicas=1), stuck)
    assert found
    assert (found.is_final, found.reason) == (False, f"pod-1: {reason}: {message}")


@pytest.mark.parametrize(
    ("message", "age", "is_final"),
    [
        ("failed to resolve registry.example/it:1: not found", 1, True),
        ("failed to resolve registry.example/it:1: 401 Unauthorized", 1, False),
        ("failed to resolve registry.example/it:1: 401 Unauthorized", PULL_SECONDS + 1, True),
        ("connection refused", 1, False),
    ],
)
def test_rollout_when_an_image_cannot_be_pulled_then_fails_at_once_only_if_there_is_none(
    message: str, age: float, is_final: bool
) -> None:
    """A kubelet that cannot read the login of a new namespace yet asks without one, and is refused once."""
    back_off = {"reason": "ImagePullBackOff", "message": message}
    found = trouble(deployment(updatedReplicas=1), pod(age=age, containerStatuses=[container(waiting=back_off)]))
    assert found
    assert (found.reason, found.is_final) == (f"pod-1: ImagePullBackOff: {message}", is_final)


@pytest.mark.parametrize("reason", ["ContainerCreating", "ErrImagePull", "PodInitializing"])
def test_rollout_when_a_container_may_still_start_then_waits(reason: str) -> None:
    found = trouble(deployment(updatedReplicas=1), pod(containerStatuses=[container(waiting={"reason": reason})]))
    assert found
    assert not found.is_final


def test_rollout_when_a_container_ends_again_and_again_then_fails_with_its_status_and_former_log() -> None:
    back_off = container(restarts=1, waiting={"reason": "CrashLoopBackOff"}, ended={"exitCode": 2, "reason": "Error"})
    found = trouble(deployment(updatedReplicas=1), pod(containerStatuses=[back_off]))
    assert found == Trouble("pod-1: CrashLoopBackOff: it ended with status 2 (Error)", "pod-1", ended=True)


@pytest.mark.parametrize(("age", "is_final"), [(1, False), (UNSCHEDULABLE_SECONDS + 1, True)])
def test_rollout_when_no_node_has_room_then_fails_after_a_while(age: float, is_final: bool) -> None:
    condition = {"type": "PodScheduled", "status": "False", "message": "Insufficient memory"}
    found = trouble(deployment(updatedReplicas=1), pod(age=age, conditions=[condition]))
    assert found
    assert (found.is_final, "Insufficient memory" in found.reason) == (is_final, True)


def test_rollout_when_pods_are_refused_then_fails_at_once() -> None:
    found = deployment(updatedReplicas=0)
    found["status"]["conditions"] = [{"type": "ReplicaFailure", "status": "True", "message": "violates PodSecurity"}]
    assert trouble(found) == Trouble("its pods are refused: violates PodSecurity")


def test_rollout_when_an_older_pod_is_broken_then_that_is_no_reason() -> None:
    broken = pod("old", name="pod-0", containerStatuses=[container(waiting={"reason": "CrashLoopBackOff"})])
    found = trouble(deployment(updatedReplicas=1), broken, UP)
    assert found
    assert not found.is_final


class Seen:
    """A cluster that is looked at again and again."""

    def __init__(self, **troubles: Sequence[Trouble | None]) -> None:
        """`troubles` of each Deployment, one for each look; the last one stays."""
        self._troubles = {name: list(found) for name, found in troubles.items()}

    def find_trouble(self, name: str) -> Trouble | None:
        found = self._troubles[name]
        return found.pop(0) if len(found) > 1 else found[0]


COMING = Trouble("its new pods have not all come up", is_final=False)
HOPELESS = Trouble("pod-1: ImagePullBackOff: no such thing")


def test_wait_when_all_are_rolled_out_at_last_then_there_is_no_trouble() -> None:
    seen = Seen(gateway=[COMING, None], inference=[COMING, COMING, None])
    assert wait(cast(Cluster, seen), ["gateway", "inference"], 60) == []


def test_wait_when_one_is_hopeless_then_names_that_one_alone_and_at_once() -> None:
    seen = Seen(gateway=[COMING], inference=[COMING, HOPELESS])
    assert wait(cast(Cluster, seen), ["gateway", "inference"], 60) == [("inference", HOPELESS)]


def test_wait_when_time_is_up_then_names_all_as_one_may_wait_for_the_other() -> None:
    seen = Seen(gateway=[COMING], inference=[COMING])
    assert wait(cast(Cluster, seen), ["gateway", "inference"], 0) == [("gateway", COMING), ("inference", COMING)]


@pytest.mark.parametrize(
    ("log", "last"),
    [
        ([], ""),
        (["Traceback", "ValueError: no"], "ValueError: no"),
        (['{"level": "INFO", "message": "up"}'], '{"level": "INFO", "message": "up"}'),
        (['{"level": "WARNING", "message": "not ready: no model"}', '{"level": "INFO"}', "[1]"], "not ready: no model"),
    ],
)
def test_log_when_it_has_a_warning_then_ends_with_that(log: list[str], last: str) -> None:
    assert last_words(log) == last
