"""Does Kubernetes run all of a Deployment, in its newest form? Without a Deployment: does its API answer at all?"""

from __future__ import annotations

import argparse
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nagiosplugin

from nagios_plugins import check
from nagios_plugins.cluster import Cluster
from nagios_plugins.http import ServiceError

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
    """A Deployment and its replicas."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster, self.deployment = cluster, name
        self.sentence = ""

    def ask(self) -> Iterable[Any]:
        """Replicas that are ready and that are desired, and what is wrong with them.

        Raises:
            ServiceError: there is no such Deployment, or nobody to ask.
        """
        found = self.cluster.deployment(self.deployment)
        status = found.get("status")
        desired, ready = number(found, "spec", "replicas", missing=1), number(found, "status", "readyReplicas")
        updated, available = number(found, "status", "updatedReplicas"), number(found, "status", "availableReplicas")
        self.sentence = f"{available} of {desired} replicas of {self.deployment} are available"
        is_seen = number(found, "status", "observedGeneration") >= number(found, "metadata", "generation")
        wrong = None
        if available < max(desired, 1):
            wrong = self.sentence
        elif not is_seen:
            wrong = f"the cluster has not yet taken in the newest change of {self.deployment}"
        elif updated < desired:
            wrong = f"{updated} of {desired} replicas of {self.deployment} are of its newest form"
        if wrong and (reason := why(status)):
            wrong = f"{wrong}: {reason}"
        yield nagiosplugin.Metric("fault" if available == 0 else "degraded", wrong)
        yield nagiosplugin.Metric("ready", ready, min=0, context="replicas")
        yield nagiosplugin.Metric("desired", desired, min=0, context="replicas")


def number(found: dict[str, Any], part: str, key: str, *, missing: int = 0) -> int:
    """A count in a part of an API object; what is zero is left out there.

    Raises:
        ServiceError: it is something else than a count.
    """
    fields = found.get(part) or {}
    value = fields.get(key, missing) if isinstance(fields, dict) else None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise ServiceError(f"what kubectl printed has no number in {part}.{key}")
    return value


def why(status: Any) -> str:
    """The cluster's own words on what does not go on, or ''."""
    conditions = status.get("conditions") if isinstance(status, dict) else None
    for condition in conditions if isinstance(conditions, list) else []:
        if isinstance(condition, dict) and condition.get("status") == "False":
            return str(condition.get("message") or condition.get("reason") or "")
    return ""


def object_name(text: str) -> str:
    """An argument's type: the name of a Kubernetes object.

    Raises:
        argparse.ArgumentTypeError: it cannot be one.
    """
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9.]{0,250}[a-z0-9])?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name in Kubernetes")
    return text


def kubeconfig(file: str) -> str:
    """An argument's type: a kubeconfig.

    Raises:
        argparse.ArgumentTypeError: it cannot be read.
    """
    try:
        Path(file).read_bytes()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"no kubeconfig in {file}: {error.strerror}") from None
    return file


def program(name: str) -> str:
    """An argument's type: a program that can be run.

    Raises:
        argparse.ArgumentTypeError: there is none.
    """
    if found := shutil.which(name):
        return found
    raise argparse.ArgumentTypeError(f"there is no program {name}")


def main() -> None:
    """Entry point of `check_qos_deployment`."""
    parser = check.ArgumentParser(NAME, __doc__)
    parser.add_argument("-d", "--deployment", type=object_name, metavar="NAME", help="the Deployment")
    parser.add_argument("-n", "--namespace", required=True, type=object_name, help="where it is")
    parser.add_argument("--kubeconfig", required=True, type=kubeconfig, metavar="FILE", help="how to log in")
    parser.add_argument(
        "--kubectl", type=program, default="kubectl", metavar="PROGRAM", help="what asks the cluster (%(default)s)"
    )
    wanted = parser.parse_args()
    cluster = Cluster(wanted.kubectl, wanted.kubeconfig, wanted.namespace, wanted.timeout)
    check.run(
        NAME,
        Deployment(cluster, wanted.deployment) if wanted.deployment else ApiServer(cluster),
        check.FaultContext("degraded", nagiosplugin.Warn),
        nagiosplugin.ScalarContext("replicas"),
        timeout=wanted.timeout,
    )
