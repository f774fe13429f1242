"""Executes a recorded pipeline as Jenkins would, in a clone: stages, conditions, credentials, what comes after, aborts.

What Jenkins' plugins do (JUnit, artifacts, locks) is not done here.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from running import wait_for

ABORTED, FAILURE, SUCCESS = "ABORTED", "FAILURE", "SUCCESS"
# In Jenkins' order, with the results that each holds for.
CONDITIONS: Final = {
    "always": (ABORTED, FAILURE, SUCCESS),
    "aborted": (ABORTED,),
    "failure": (FAILURE,),
    "success": (SUCCESS,),
    "unsuccessful": (ABORTED, FAILURE),
    "cleanup": (ABORTED, FAILURE, SUCCESS),
}
GONE_SECONDS = 60
"""s after an abort in which every process of a step has to end by itself"""


@dataclass
class Abort:
    """Ends a step by SIGTERM to all of its processes, as soon as it is in the stage and the condition holds."""

    stage: str
    condition: Callable[[str], bool]
    """told all that the step has printed"""
    seconds: float = 0
    """until every process of it was gone"""
    happened: bool = False


@dataclass
class Build:
    """A build of a pipeline."""

    folder: Path
    """the clone"""
    environment: dict[str, str]
    """what the agent has"""
    credentials: dict[str, Path]
    """files by the credentials' ids"""
    abort: Abort | None = None
    ended: list[tuple[str, str, float]] = field(default_factory=list)
    """stages that were entered and ended: name, result, seconds"""
    said: str = ""
    reports: list[Path] = field(default_factory=list)
    """what JUnit would read"""

    def run(self, pipeline: dict[str, Any], start_at: str = "") -> str:
        """Execute a recorded pipeline; `start_at` is a stage to start anew from. Returns the result."""
        self._skipping = start_at
        return self._stage(pipeline)

    def _stage(self, stage: dict[str, Any]) -> str:
        """Execute a stage, or the pipeline, with what comes after it."""
        name, started = stage.get("name", ""), time.monotonic()
        if self._skipping == name:
            self._skipping = ""
        if not all(each["holds"] for each in stage.get("when", []) if each["condition"] == "expression"):
            return SUCCESS
        result = SUCCESS
        if not self._skipping:
            result = self._steps(stage.get("steps", []), name)
        for inner in stage.get("stages", []):
            if result == SUCCESS:
                result = self._stage(inner)
        if self._skipping:
            return result
        for condition, results in CONDITIONS.items():
            if result in results:
                after = self._steps(stage.get("post", {}).get(condition, []), name)
                result = result if after == SUCCESS else FAILURE
        if name:
            self.ended.append((name, result, time.monotonic() - started))
        return result

    def _steps(self, steps: list[dict[str, Any]], stage: str, folder: Path | None = None) -> str:
        for step in steps:
            inner = self.folder / step["args"][0] if step["step"] == "dir" else folder
            result = self._sh(step, stage) if step["step"] == "sh" else self._other(step, folder or self.folder)
            if result == SUCCESS:
                result = self._steps(step.get("steps", []), stage, inner)
            if result != SUCCESS:
                return result
        return SUCCESS

    def _other(self, step: dict[str, Any], folder: Path) -> str:
        """Execute a step that is no shell command."""
        match step["step"]:
            case "junit":
                self.reports += self.folder.glob(step["testResults"])
            case "deleteDir":
                shutil.rmtree(folder, ignore_errors=True)
        return SUCCESS

    def _sh(self, step: dict[str, Any], stage: str) -> str:
        bound = {
            variable: str(self.credentials[each["id"]])
            for each in step.get("credentials", [])
            for variable in each["variables"]
        }
        log = self.folder.parent / "step.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                ["bash", "-e", "-c", step["script"]], cwd=self.folder, env={**os.environ, **self.environment, **bound},
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        aborts = self.abort if self.abort and self.abort.stage == stage and not self.abort.happened else None
        while process.poll() is None and not (aborts and aborts.condition(log.read_text())):
            time.sleep(0.05)
        aborted = process.returncode is None
        if aborted and aborts:
            aborts.happened = True
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(GONE_SECONDS)
            aborts.seconds = wait_for(
                lambda: not _session(process.pid), "the aborted step's processes gone", GONE_SECONDS
            )
        self.said += f"\n+ {step['script']}\n{log.read_text()}"
        return ABORTED if aborted else (SUCCESS if process.returncode == 0 else FAILURE)


class Binding(NamedTuple):
    """A credential that a command finds in its environment: its id, and the variables that have it."""

    id: str
    variables: tuple[str, ...]


class Command(NamedTuple):
    """A shell command of a pipeline: its stage ('' after all of them), and what is bound round it."""

    stage: str
    command: str
    credentials: tuple[Binding, ...]


class _Rehearsal(Build):
    """A build in which all goes well, as nothing is executed."""

    def __init__(self) -> None:
        super().__init__(Path(), {}, {})
        self.commands: list[Command] = []

    def _sh(self, step: dict[str, Any], stage: str) -> str:
        bound = tuple(Binding(each["id"], tuple(each["variables"])) for each in step.get("credentials", []))
        self.commands.append(Command(stage, step["script"], bound))
        return SUCCESS

    def _other(self, *_: Any) -> str:
        return SUCCESS


def commands_of(pipeline: dict[str, Any]) -> list[Command]:
    """The shell commands of a recorded pipeline, in the order of a build where all goes well."""
    rehearsal = _Rehearsal()
    rehearsal.run(pipeline)
    return rehearsal.commands


def _session(leader: int) -> list[int]:
    """The processes of a session that still run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue  # it has just ended
        if int(session) == leader and state != "Z":
            found.append(int(folder.name))
    return found
