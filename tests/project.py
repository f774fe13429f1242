"""A clone of the project to make releases from: changes are committed there, and its `make` verbs are typed there.

The profile is `cluster`: whoever types them releases onto a cluster that is there already, from this machine.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from running import ROOT, recap, run

BUNDLE = "services/ml-inference/bundles/default"


@dataclass(frozen=True)
class Outcome:
    """How a verb ended."""

    status: int
    lines: list[tuple[float, str]]
    """stdout and stderr, each line with the second at which it came"""
    seconds: float

    @property
    def said(self) -> str:
        """All that was printed."""
        return "".join(line for _, line in self.lines)

    @property
    def changed(self) -> int:
        """Tasks that changed something, in all plays."""
        return recap(self.said)[0]

    @property
    def reason(self) -> str:
        """The line with which the last failed task explains itself."""
        found = re.findall(r"^\[ERROR\]: Task failed: (?:Action|Module) failed: (.*)$", self.said, flags=re.MULTILINE)
        return str(found[-1]) if found else ""

    def seconds_between(self, first: str, last: str) -> float:
        """Return the seconds from one task's beginning to another's."""
        begins = {line.split("[", 1)[1].split("]")[0]: at for at, line in self.lines if line.startswith("TASK [")}
        return begins[last] - begins[first]


class Project:
    """A clone, and values for its inventory."""

    def __init__(
        self,
        folder: Path,
        values: dict[str, Any],
        environment: dict[str, str] | None = None,
        *,
        own_environments: bool = False,
    ) -> None:
        run("git", "clone", "-q", str(ROOT), str(folder))
        for setting in ("user.name=Test", "user.email=test@localhost"):
            self._git(folder, "config", *setting.split("="))
        (folder / ".cache").mkdir()
        if own_environments:  # `make` makes them, of packages that were downloaded already
            if (ROOT / ".cache/pip").exists():
                run("cp", "-al", str(ROOT / ".cache/pip"), str(folder / ".cache/pip"))
        else:
            (folder / ".venv").symlink_to(ROOT / ".venv")
            (folder / ".git/info/exclude").write_text(".venv\n")  # .gitignore means folders
        self.folder = folder
        self._values = folder / ".cache" / "values.json"
        self._values.write_text(json.dumps(values))
        self.environment = {**(environment or {}), "PROFILE": "cluster", "ANSIBLE_NOCOLOR": "1"}
        self.options = f"-e @{self._values}"

    @property
    def manifest(self) -> dict[str, Any]:
        """The committed bundle's."""
        manifest: dict[str, Any] = json.loads((self.folder / BUNDLE / "manifest.json").read_text())
        return manifest

    @property
    def head(self) -> str:
        """The commit."""
        return self._git(self.folder, "rev-parse", "HEAD")

    @property
    def revision(self) -> str:
        """The commit, as image tags and records name it."""
        return self.head[:12]

    def commit(self, message: str, *files: str) -> None:
        """Commit what was changed."""
        self._git(self.folder, "add", "--all", *files)
        self._git(self.folder, "commit", "-qm", message)

    def commit_nothing(self, message: str) -> None:
        """Make a commit that changes no file."""
        self._git(self.folder, "commit", "-q", "--allow-empty", "-m", message)

    @property
    def uncommitted(self) -> str:
        """What git would have committed, a line each."""
        return self._git(self.folder, "status", "--porcelain")

    def replace(self, file: str, old: str, new: str) -> None:
        """Change a file; what is replaced has to be there once."""
        path = self.folder / file
        text = path.read_text()
        assert text.count(old) == 1, f"{file} has {old!r} {text.count(old)} times"
        path.write_text(text.replace(old, new))

    def drop_changes(self, commits: int) -> None:
        """Go back by so many commits."""
        self._git(self.folder, "reset", "-q", "--hard", f"HEAD~{commits}")

    def make(self, *verbs: str, options: str = "", why: str = "", **values: Any) -> Outcome:
        """Type `make` with these verbs; `values` are for this time alone."""
        started = time.monotonic()
        with self.start(*verbs, options=options, why=why, **values) as process:
            assert process.stdout
            lines = [(time.monotonic() - started, line) for line in process.stdout]
        return Outcome(process.returncode, lines, time.monotonic() - started)

    def done(self, *verbs: str, options: str = "", why: str = "", **values: Any) -> Outcome:
        """Do the same, and fail the test if it does not end well."""
        outcome = self.make(*verbs, options=options, why=why, **values)
        if outcome.status:
            pytest.fail(f"make {' '.join(verbs)} ended with {outcome.status}:\n{outcome.said[-5000:]}")
        return outcome

    def kill_at(self, task: str, *verbs: str) -> None:
        """Type `make`, and end all its processes with SIGKILL as soon as a task begins."""
        with self.start(*verbs) as process:
            assert process.stdout
            said = ""
            for line in process.stdout:
                said += line
                if f"TASK [{task}]" in line:
                    os.killpg(process.pid, signal.SIGKILL)
                    break
            else:
                pytest.fail(f"make {' '.join(verbs)} did not come to {task}:\n{said[-5000:]}")

    def start(self, *verbs: str, options: str = "", why: str = "", **values: Any) -> subprocess.Popen[str]:
        """Type `make` with these verbs, in a session of its own, and do not wait for its end."""
        more = self._values.with_name("more.json")
        more.write_text(json.dumps(values))  # not onto the command line, where make and the shell would read them
        return subprocess.Popen(
            # The environment is ROOT's, and up to date.
            ["make", "-o", ".venv/ansible", *verbs, f"ANSIBLE_OPTIONS={self.options} -e @{more} {options}"],
            cwd=self.folder, text=True, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, **self.environment, "WHY": why},
        )  # fmt: skip

    @staticmethod
    def _git(folder: Path, *words: str) -> str:
        return run("git", "-C", str(folder), *words).stdout.strip()


def answer_nonsense(project: Project) -> None:
    """Change the gateway so that it doubles every forecast."""
    project.replace(
        "services/api-gateway/src/api_gateway/forwarding.py",
        'return (await self._forward("/predict", body, PredictResponse)).wire()',
        'answer = await self._forward("/predict", body, PredictResponse)\n'
        '        return answer.model_copy(update={"predicted_bandwidth": 2 * answer.predicted_bandwidth}).wire()',
    )
