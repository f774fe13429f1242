"""Ask Kubernetes through kubectl."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
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
    """s, for all of a question"""

    def ask(self, *question: str) -> str:
        """What `kubectl get …` prints.

        Raises:
            ServiceError: no answer in time, or a refusal; in kubectl's words, without what the kubeconfig keeps secret.
        """
        command = [self.kubectl, "--kubeconfig", self.kubeconfig, "--namespace", self.namespace, "get", *question]
        command.append(f"--request-timeout={self.timeout:g}s")
        try:
            # kubectl's own time-out begins anew with each of its requests.
            done = subprocess.run(command, capture_output=True, timeout=self.timeout, check=False)  # noqa: S603  no shell
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
        try:
            answer = json.loads(self.ask("deployment", name, "--output=json"))
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict) or answer.get("kind") != "Deployment":
            raise ServiceError("what kubectl printed is no Deployment")
        return answer

    def _without_secrets(self, text: str) -> str:
        for secret in SECRET.findall(Path(self.kubeconfig).read_text(encoding="utf-8", errors="replace")):
            text = text.replace(secret, "…")
        return text


def _last_line(said: bytes) -> str:
    """Before it gives up kubectl repeats itself; how it ends is what counts."""
    return next((line for line in reversed(said.decode(errors="replace").splitlines()) if line.strip()), "")
