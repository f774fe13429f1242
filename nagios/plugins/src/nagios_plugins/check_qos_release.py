"""Does Kubernetes run all of a Deployment, in its newest form, and keep running it? Without a Deployment: does its API
answer at all?

What users notice is CRITICAL: none of it is available. A container that ends again and again, or ran out of memory, is
a WARNING while others answer: it costs the room for one more fault, or a rollout, and no answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import nagiosplugin

from nagios_plugins import arguments, check
from nagios_plugins.cluster import Cluster
from nagios_plugins.deployment import lacking, number, rollout, selector, why
from nagios_plugins.http import ServiceError
from nagios_plugins.pods import faults, not_ready, restarted, restarts

NAME = "DEPLOYMENT"


class ApiServer(check.ServiceResource):
    """The API of a cluster."""

    sentence = "the cluster's API answers"

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def ask(self) -> Iterable[Any]:
        """Nothing but whether it answers whoever the kubeconfig is for.

        Raises:
            ServiceError: it does not.
        """
        self.cluster.ask("deployments", "--output=name")
        return []


class Deployment(check.ServiceResource):
    """A Deployment, its replicas and their containers."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster, self.deployment = cluster, name
        self.sentence = ""

    def ask(self) -> Iterable[Any]:
        """What is wrong, replicas that are ready and that are desired, and restarts of their containers.

        Raises:
            ServiceError: there is no such Deployment, or nobody to ask.
        """
        found = self.cluster.deployment(self.deployment)
        desired, ready = number(found, "spec", "replicas", missing=1), number(found, "status", "readyReplicas")
        available = number(found, "status", "availableReplicas")
        self.sentence = f"{available} of {desired} replicas of {self.deployment} are available"
        if progress := rollout(found):
            self.sentence += f"; a rollout goes on, {progress}"
        lacks = lacking(found, self.deployment)
        try:
            pods, unknown = self.cluster.pods(selector(found)), None
        except ServiceError as fault:  # what the Deployment says counts all the same
            pods, unknown = [], str(fault)
        wrong = because(lacks, why(found), pods) if lacks else trouble(pods)
        yield nagiosplugin.Metric("fault" if available == 0 else "degraded", wrong)
        yield nagiosplugin.Metric("pods", unknown, context="fault")
        yield nagiosplugin.Metric("ready", ready, min=0, context="number")
        yield nagiosplugin.Metric("desired", desired, min=0, context="number")
        if unknown is None:
            yield nagiosplugin.Metric("restarts", restarts(pods), min=0, context="number")


def because(lacks: str, reason: str, pods: list[Any]) -> str:
    """What a Deployment lacks, with the first of its pods' reasons and the cluster's."""
    reasons = (next(chain(faults(pods), not_ready(pods)), ""), reason)
    return ": ".join(filter(None, (lacks, "; ".join(filter(None, reasons)))))


def trouble(pods: list[Any]) -> str | None:
    """What is wrong with the pods of a Deployment that is whole."""
    return next(chain(faults(pods), restarted(pods, datetime.now(UTC))), None)


def main() -> None:
    """Entry point of `check_qos_release`."""
    parser = arguments.ArgumentParser(NAME, __doc__)
    parser.add_argument("-d", "--deployment", type=arguments.object_name, metavar="NAME", help="the Deployment")
    parser.add_cluster(required=True)
    wanted = parser.parse_args()
    cluster = parser.cluster(wanted, wanted.timeout)
    check.run(
        NAME,
        Deployment(cluster, wanted.deployment) if wanted.deployment else ApiServer(cluster),
        check.FaultContext("degraded", nagiosplugin.Warn),
        nagiosplugin.ScalarContext("number"),
        timeout=wanted.timeout,
    )
