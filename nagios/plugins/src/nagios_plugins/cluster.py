"""Ask Kubernetes through kubectl."""

from __future__ import annotations

import json
import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nagios_plugins.http import ServiceError

SECRET = re.compile(r"""\b(?:token|password|client-key-data)["']?\s*:\s*["']?([^"'\s,}]{8,})""")
"""What a kubeconfig logs in with."""


@dataclass(frozen=True)
class Cluster:
    """A cluster, and how to ask it."""

    kubectl: str
    kubeconfig: str
    namespace: str
    timeout: float
    """s, for all questions together"""
    began: float = field(default_factory=time.monotonic)
    """s"""

    def ask(self, *question: str) -> str:
        """What `kubectl get …` prints.

        Raises:
            ServiceError: no answer in time, or a refusal; in kubectl's words, without what the kubeconfig keeps secret.
        """
        command = [self.kubectl, "--kubeconfig", self.kubeconfig, "--namespace", self.namespace, "get", *question]
        command.append(f"--request-timeout={self.timeout:g}s")
        left = max(self.began + self.timeout - time.monotonic(), 0)
        try:
            # kubectl's own time-out begins anew with each of its requests.
            done = subprocess.run(command, capture_output=True, timeout=left, check=False)  # noqa: S603  no shell
        except subprocess.TimeoutExpired:
            raise ServiceError(f"no answer within {self.timeout:g} s") from None
        if done.returncode != 0:
            raise ServiceError(
                self._without_secrets(_last_line(done.stderr) or f"kubectl ended with {done.returncode}")
            )
        return done.stdout.decode(errors="replace")

    def deployment(self, name: str) -> dict[str, Any]:
        """A Deployment as the API has it.

        Raises:
            ServiceError: there is none, or the API cannot be asked.
        """
        answer = self._object("deployment", name)
        if answer.get("kind") != "Deployment":
            raise ServiceError("what kubectl printed is no Deployment")
        return answer

    def pods(self, selector: str) -> list[Any]:
        """The pods with certain labels, each as the API has it.

        Raises:
            ServiceError: the API cannot be asked.
        """
        pods = self._object("pods", f"--selector={selector}").get("items")
        if not isinstance(pods, list):
            raise ServiceError("what kubectl printed is no list of pods")
        return pods

    def _object(self, *question: str) -> dict[str, Any]:
        try:
            answer = json.loads(self.ask(*question, "--output=json"))
        except (ValueError, RecursionError):
            answer = None
        return answer if isinstance(answer, dict) else {}

    def _without_secrets(self, text: str) -> str:
        for secret in SECRET.findall(Path(self.kubeconfig).read_text(encoding="utf-8", errors="replace")):
            text = text.replace(secret, "…")
        return text


def _last_line(said: bytes) -> str:
    """Before it gives up kubectl repeats itself; how it ends is what counts."""
    return next((line for line in reversed(said.decode(errors="replace").splitlines()) if line.strip()), "")
