"""What a Deployment's pods say of their containers, in words: which do not run, and which were started again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from nagios_plugins.api_objects import conditions, listed, moment, part, word

RECENT = timedelta(hours=1)
"""For so long a restart is worth a look."""
STARTING = frozenset({"", "ContainerCreating", "PodInitializing"})
"""Why every container waits for some seconds."""
WORDS = {
    "CrashLoopBackOff": "ends again and again",
    "ImagePullBackOff": "its image cannot be pulled",
    "ErrImagePull": "its image cannot be pulled",
    "ErrImageNeverPull": "its image is not on the node",
    "InvalidImageName": "its image's name is none",
    "CreateContainerConfigError": "its configuration is not there",
    "CreateContainerError": "it cannot be made",
    "RunContainerError": "it cannot be started",
    "OOMKilled": "it ran out of memory",
}


@dataclass(frozen=True)
class Container:
    """What is known of a container."""

    name: str
    """with its pod's"""
    status: dict[str, Any]
    pod_began: datetime | None
    """when the pod was last set up on its node, None where that is not known"""

    @property
    def restarts(self) -> int:
        """How often it was started again in its pod's life."""
        count = self.status.get("restartCount")
        return count if isinstance(count, int) and not isinstance(count, bool) and 0 < count < 1 << 31 else 0

    @property
    def stuck(self) -> str | None:
        """Why it does not run now, None where it does or is about to."""
        state = part(self.status, "state")
        waiting, ended = part(state, "waiting"), part(state, "terminated")
        reason = word(waiting, "reason")
        if reason == "CrashLoopBackOff":
            last = _end(part(part(self.status, "lastState"), "terminated"))
            return f"{self.name} {WORDS[reason]} ({reason}, {_times(self.restarts)}): {last}"
        if reason not in STARTING:
            why, said = f"{WORDS[reason]} ({reason})" if reason in WORDS else reason, word(waiting, "message")
            return f"{self.name} does not start: {why}{said and f': {said}'}"
        if ended and ended.get("exitCode") != 0:
            return f"{self.name} does not run: {_end(ended)}"
        return None

    def restarted(self, now: datetime) -> str | None:
        """How it ended within the last hour before it was started again; None where it did not.

        What ended before its pod was last set up ended with all of the pod, when its node was started again: that is
        no fault of the container, and the node's own return is watched elsewhere.
        """
        last = part(part(self.status, "lastState"), "terminated")
        ended = moment(last, "finishedAt")
        if not self.restarts or ended is None or now - ended >= RECENT:
            return None
        if self.pod_began is not None and ended <= self.pod_began:
            return None
        minutes = max(now - ended, timedelta()).total_seconds() / 60
        return f"{self.name} was started again {minutes:.0f} min ago ({_times(self.restarts)} in all): {_end(last)}"


def faults(pods: list[Any]) -> Iterator[str]:
    """Why containers do not run, and pods have no node to run on."""
    yield from filter(None, (each.stuck for each in _containers(pods)))
    for pod in _living(pods):
        for condition in conditions(pod, "PodScheduled", "False"):
            yield f"no node takes {_name(pod)}: {word(condition, 'message')}"


def not_ready(pods: list[Any]) -> Iterator[str]:
    """Which pods take no requests; a new one for some seconds, too."""
    for pod in _living(pods):
        for condition in conditions(pod, "Ready", "False"):
            yield f"{_name(pod)} is not ready: {word(condition, 'message')}"


def restarted(pods: list[Any], now: datetime) -> Iterator[str]:
    """Which containers were started again within the last hour, and why."""
    return filter(None, (each.restarted(now) for each in _containers(pods)))


def restarts(pods: list[Any]) -> int:
    """How often containers were started again, in the lives of their pods."""
    return sum(each.restarts for each in _containers(pods))


def _containers(pods: list[Any]) -> Iterator[Container]:
    for pod in _living(pods):
        # In Kubernetes 1.29 and later; it changes when the node, and not when a container is started again.
        began = [moment(each, "lastTransitionTime") for each in conditions(pod, "PodReadyToStartContainers", "True")]
        for kind in ("initContainerStatuses", "containerStatuses"):
            for each in listed(part(pod, "status"), kind):
                yield Container(f"container {word(each, 'name')} of {_name(pod)}", each, began[0] if began else None)


def _living(pods: list[Any]) -> Iterator[dict[str, Any]]:
    """Those that are to run: not those that leave, nor those that others have taken the place of."""
    for pod in pods:
        if not isinstance(pod, dict) or part(pod, "metadata").get("deletionTimestamp"):
            continue
        if word(part(pod, "status"), "phase") not in ("Failed", "Succeeded"):
            yield pod


def _name(pod: dict[str, Any]) -> str:
    return word(part(pod, "metadata"), "name")


def _end(ended: dict[str, Any]) -> str:
    """How a container ended."""
    reason = word(ended, "reason")
    words = WORDS.get(reason, f"it ended with status {ended.get('exitCode', 'unknown')}")
    return f"{words} ({reason or 'no reason given'})"


def _times(count: int) -> str:
    return f"{count} restart{'' if count == 1 else 's'}"
