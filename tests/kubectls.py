"""A kubectl that prints what it is told, and keeps what it was asked."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

TOKEN = "eyJhbGciOi.secret-of-an-account"
KINDS = ("pods", "configmaps", "deployment")
"""of objects that it is asked for; the last one stands for all others"""


class Kubectl:
    """The program, and a kubeconfig for it."""

    def __init__(self, folder: Path) -> None:
        self.program, self.asked_file = folder / "kubectl", folder / "asked"
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(f"users:\n  - name: nagios\n    user:\n      token: {TOKEN}\n")
        self.answers = {kind: folder / f"{kind}.sh" for kind in KINDS}
        cases = [f'*" {kind} "*) . {self.answers[kind]};;' for kind in KINDS[:-1]]
        self.program.write_text(
            f'#!/bin/sh\necho "$@" >> {shlex.quote(str(self.asked_file))}\n'
            f'case "$*" in {" ".join(cases)} *) . {self.answers[KINDS[-1]]};; esac\n'
        )
        self.program.chmod(0o755)
        for kind in KINDS:
            self.says("", of=kind)

    def says(self, answer: object, *, error: str = "", code: int = 0, wait: float = 0, of: str = "deployment") -> None:
        """Print this of objects of a kind."""
        text = answer if isinstance(answer, str) else json.dumps(answer)
        printed = self.program.with_name(f"{of}.json")
        printed.write_text(text)
        # A long one goes with the kubectl that is ended.
        first = f"{'exec ' if wait > 5 else ''}sleep {wait}\n" if wait else ""
        self.answers[of].write_text(f"{first}cat {printed}\nprintf %s {shlex.quote(error)} >&2\nexit {code}\n")

    def has(self, *pods: object) -> None:
        """Print these pods."""
        self.says({"kind": "List", "items": pods}, of="pods")

    def records(self, *records: object) -> None:
        """Print these records of releases, one per line."""
        self.says("".join(f"{json.dumps(each)}\n" for each in records), of="configmaps")

    def options(self) -> list[str]:
        """Those of the checks."""
        return ["--kubectl", str(self.program), "--kubeconfig", str(self.kubeconfig), "-n", "apps"]
