"""Ansible module: wait until Deployments have been rolled out, or say why they cannot be."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ansible.module_utils.basic import AnsibleModule

try:
    from kubernetes import client, config
    from kubernetes.client.exceptions import ApiException
    from kubernetes.config.config_exception import ConfigException
    from urllib3.exceptions import HTTPError
except ImportError:
    client = None

DOCUMENTATION = r"""
module: rollout
short_description: Wait until Deployments have been rolled out, or say why they cannot be
description:
  - A Deployment is rolled out when its controller has seen the newest generation, all pods that are desired are of
    it and available, and no other pod is left.
  - What cannot get better by waiting fails at once, by the pod's name with the reason and the container's last lines.
    That is an image that does not exist, a container that ends again and again, a configuration that is not there, a
    pod that the API server does not let in or that no node has room for.
options:
  kubeconfig:
    description: File with the cluster's address and the way to log in.
    type: path
    required: true
  namespace:
    description: Namespace of the Deployments.
    type: str
    required: true
  names:
    description: Names of the Deployments.
    type: list
    elements: str
    required: true
  deadline:
    description: Seconds that the rollout of all of them may take.
    type: int
    default: 120
requirements: [kubernetes >= 29]
attributes:
  check_mode:
    support: full
    details: nothing is waited for
"""

EXAMPLES = r"""
- name: Wait for the services
  rollout:
    kubeconfig: /etc/platform/kubeconfig
    namespace: ai-qos-platform
    names: [ml-inference, api-gateway]
    deadline: 60
"""

RETURN = r"""
seconds:
  description: How long was waited.
  type: float
  returned: always
reason:
  description: One line that says which Deployments cannot be rolled out, and why.
  type: str
  returned: failure
log:
  description: The last lines of the containers that are the reason.
  type: list
  elements: str
  returned: failure
"""

POLL_SECONDS = 0.5
UNSCHEDULABLE_SECONDS = 8.0
"""s after which a pod that no node has room for counts as one that never will: a leaving pod may make room"""
PULL_SECONDS = 45.0
"""s after which a pod whose image cannot be pulled counts as one that never will; at once if there is no such image:
a registry may be busy, and a kubelet that cannot read the login of a new namespace yet asks without one"""
LOG_LINES = 10
# The kubelet's own words for what it does not get over by itself; not ErrImagePull, which is tried again.
HOPELESS = frozenset(
    {
        "InvalidImageName",
        "ErrImageNeverPull",
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    }
)
# Unless something took too long, which is tried again: settings of a new namespace to be read, or the runtime.
TOO_SLOW = re.compile(r"failed to sync \w+ cache|context deadline exceeded|is reserved for")
TEMPLATE_HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"

Object = Mapping[str, Any]
"""of the Kubernetes API, as JSON has it"""


class Trouble(NamedTuple):
    """Why a rollout does not come to its end."""

    reason: str
    """one line"""
    pod: str | None = None
    """whose container's log may say more"""
    is_final: bool = True
    """whether waiting cannot help"""
    ended: bool = False
    """whether the container that is meant has ended, so that its log is the former one's"""


def is_rolled_out(deployment: Object) -> bool:
    """Tell whether a Deployment's controller has brought it to the state that it was last asked for."""
    status = deployment.get("status", {})
    desired = deployment["spec"].get("replicas", 1)
    counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")]
    return status.get("observedGeneration", 0) >= deployment["metadata"]["generation"] and counts == [desired] * 3


def find_trouble(
    deployment: Object, replica_sets: Sequence[Object], pods: Sequence[Object], now: datetime
) -> Trouble | None:
    """Return what keeps a Deployment, from what can be seen of it at the moment `now`; None if it is rolled out."""
    for condition in _conditions(deployment):
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return Trouble(f"its pods are refused: {condition.get('message', '')}")
    newest = newest_replica_set(deployment, replica_sets)
    if newest is None:
        return Trouble("its controller has not taken the new version up", is_final=False)
    template = newest["metadata"]["labels"][TEMPLATE_HASH]
    own = [pod for pod in pods if pod["metadata"].get("labels", {}).get(TEMPLATE_HASH) == template]
    troubles = [trouble for pod in own for trouble in _troubles_of(pod, now)]
    if troubles:
        return max(troubles, key=lambda trouble: trouble.is_final)
    if not is_rolled_out(deployment):
        return Trouble("its new pods have not all come up", is_final=False)
    # The controller does not count pods that are leaving, but they may still answer.
    if leaving := [pod["metadata"]["name"] for pod in pods if pod not in own]:
        return Trouble(f"{leaving[0]} of the version before is not gone", is_final=False)
    return None


def newest_replica_set(deployment: Object, replica_sets: Sequence[Object]) -> Object | None:
    """Return the ReplicaSet of the Deployment's newest revision, None as long as there is none."""
    status = deployment.get("status", {})
    if status.get("observedGeneration", 0) < deployment["metadata"]["generation"]:
        return None
    revision = deployment["metadata"].get("annotations", {}).get(REVISION)
    for found in replica_sets:
        if found["metadata"].get("annotations", {}).get(REVISION) == revision:
            return found
    return None


def _troubles_of(pod: Object, now: datetime) -> Iterator[Trouble]:
    name, status = pod["metadata"]["name"], pod.get("status", {})
    age = (now - datetime.fromisoformat(pod["metadata"]["creationTimestamp"])).total_seconds()
    for condition in _conditions(pod):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            reason = f"no node has room for {name}: {condition.get('message', '')}"
            yield Trouble(reason, is_final=age > UNSCHEDULABLE_SECONDS)
    for container in status.get("containerStatuses", []):
        waiting = container.get("state", {}).get("waiting", {})
        if waiting.get("reason") in HOPELESS:
            ended = container.get("restartCount", 0) > 0
            is_final = not TOO_SLOW.search(waiting.get("message", ""))
            yield Trouble(f"{name}: {waiting['reason']}: {_explain(container, waiting)}", name, is_final, ended)
        elif waiting.get("reason") == "ImagePullBackOff":
            message = waiting.get("message", "")
            is_final = message.rstrip().endswith("not found") or age > PULL_SECONDS
            yield Trouble(f"{name}: ImagePullBackOff: {message}", is_final=is_final)
        elif not container.get("ready"):
            yield Trouble(f"{name} is not ready", name, is_final=False)


def _explain(container: Object, waiting: Object) -> str:
    """Return a sentence; of a container that ended, how it ended."""
    last = container.get("lastState", {}).get("terminated")
    if last:
        return f"it ended with status {last.get('exitCode')} ({last.get('reason', 'no reason')})"
    return str(waiting.get("message", "no more is known"))


def _conditions(found: Object) -> Sequence[Object]:
    return found.get("status", {}).get("conditions") or ()


def last_words(log: Sequence[str]) -> str:
    """Return what a log ends with: its last warning or error where lines are JSON objects, or else its last line."""
    for line in reversed(log):
        with suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict) and found.get("level") in {"WARNING", "ERROR", "CRITICAL"}:
                return str(found.get("message", line))
    return log[-1] if log else ""


class Cluster:
    """What the module asks a cluster."""

    def __init__(self, kubeconfig: str, namespace: str) -> None:
        """Raises ConfigException for a kubeconfig that cannot be used."""
        self._client = config.new_client_from_config(kubeconfig)
        self._apps, self._core = client.AppsV1Api(self._client), client.CoreV1Api(self._client)
        self._namespace = namespace

    def find_trouble(self, name: str) -> Trouble | None:
        """Return what keeps a Deployment; None if it is rolled out, and no other pod is left."""
        deployment = self._json(self._apps.read_namespaced_deployment(name, self._namespace))
        labels = deployment["spec"]["selector"]["matchLabels"]
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        replica_sets = self._apps.list_namespaced_replica_set(self._namespace, label_selector=selector)
        pods = self._core.list_namespaced_pod(self._namespace, label_selector=selector)
        trouble = find_trouble(deployment, self._json(replica_sets)["items"], self._json(pods)["items"], _now())
        if trouble is not None and trouble.pod is not None and not trouble.is_final:
            return trouble._replace(reason=f"{trouble.reason}{self._last_warning(trouble.pod)}")
        return trouble

    def log(self, trouble: Trouble) -> list[str]:
        """Return the last lines of the container that is meant; none where there is no log."""
        if trouble.pod is None:
            return []
        try:
            text = self._core.read_namespaced_pod_log(
                trouble.pod, self._namespace, tail_lines=LOG_LINES, previous=trouble.ended
            )
        except ApiException:
            return []
        return str(text).splitlines()

    def _last_warning(self, pod: str) -> str:
        events = self._core.list_namespaced_event(
            self._namespace, field_selector=f"involvedObject.name={pod},type=Warning"
        )
        messages = [event["message"] for event in self._json(events)["items"]]
        return f": {messages[-1]}" if messages else ""

    def _json(self, found: Any) -> Any:
        return self._client.sanitize_for_serialization(found)


def _now() -> datetime:
    return datetime.now(UTC)


def wait(cluster: Cluster, names: Sequence[str], deadline: float) -> list[tuple[str, Trouble]]:
    """Wait until all Deployments are rolled out; return what cannot be, or all that was not in so many seconds.

    All, because one may only be waiting for the other.
    """
    ends = time.monotonic() + deadline
    while True:
        troubles = [(name, trouble) for name in names if (trouble := cluster.find_trouble(name))]
        final = [(name, trouble) for name, trouble in troubles if trouble.is_final]
        if final or not troubles or time.monotonic() >= ends:
            return final or troubles
        time.sleep(POLL_SECONDS)


def explain(name: str, trouble: Trouble, log: Sequence[str]) -> str:
    """Return one line that says which Deployment cannot be rolled out, and why."""
    return " ".join([f"{name}:", *trouble.reason.split(), *(["- its log ends:", last_words(log)] if log else [])])


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True},
            "namespace": {"type": "str", "required": True},
            "names": {"type": "list", "elements": "str", "required": True},
            "deadline": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    if client is None:
        module.fail_json(msg="rollout needs the Python package kubernetes, which make's environment has")
    begun = time.monotonic()
    if not module.check_mode:
        try:
            cluster = Cluster(module.params["kubeconfig"], module.params["namespace"])
            troubles = wait(cluster, module.params["names"], module.params["deadline"])
            logs = [cluster.log(trouble) for _, trouble in troubles]
        except (ConfigException, ApiException, HTTPError) as error:
            module.fail_json(msg=f"the cluster of {module.params['kubeconfig']} cannot be asked: {error}")
        if troubles:
            seconds = round(time.monotonic() - begun, 1)
            late = "" if any(trouble.is_final for _, trouble in troubles) else f"not rolled out after {seconds:.0f} s: "
            reason = late + "; ".join(explain(*found, log) for found, log in zip(troubles, logs, strict=True))
            module.fail_json(msg=reason, reason=reason, log=[line for log in logs for line in log], seconds=seconds)
    module.exit_json(changed=False, seconds=round(time.monotonic() - begun, 1))


if __name__ == "__main__":
    main()
