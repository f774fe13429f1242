"""What jenkins/ says when Jenkins' own Groovy executes it: pipelines, jobs, a pipeline's commands in their order.

`commands("jenkins/Jenkinsfile", RELEASE="false")` are those of a build where all goes well, to be compared or executed.
As a program it prints everything in tables.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from running import ROOT

JOB_VALUES: Final = {
    "REPOSITORY_URL": "https://git.example/platform.git",
    "REPOSITORY_BRANCH": "main",
    "REPOSITORY_CREDENTIALS": "repository",
    "PLATFORM_CLONE": "/srv/platform",
}
"""what the jobs' definitions are told, on a server that is its own controller"""
GOOD_BUILD: Final = ("always", "success", "cleanup")
"""the conditions after a stage or a pipeline that hold when all went well, as in the build before, in Jenkins' order"""


class Binding(NamedTuple):
    """A credential that a command finds in its environment: its id, and the variables that have it."""

    id: str
    variables: tuple[str, ...]


class Command(NamedTuple):
    """A shell command of a pipeline: its stage ('' after all of them), and what is bound round it."""

    stage: str
    command: str
    credentials: tuple[Binding, ...]


def pipeline_files() -> list[Path]:
    return [ROOT / "jenkins/Jenkinsfile", *sorted((ROOT / "jenkins/pipelines").glob("*.Jenkinsfile"))]


def job_files() -> list[Path]:
    return [ROOT / "jenkins/seed.groovy", *sorted((ROOT / "jenkins/jobs").glob("*.groovy"))]


def recorder(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run bin/jenkins-recorder in the clone; it takes some seconds, however many files it is given."""
    command = ["bin/jenkins-recorder", *(str(each) for each in arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def record_pipelines(*files: Path, **parameters: str) -> list[dict[str, Any]]:
    """What declarative pipelines say to builds with these parameters; the others have their defaults.

    Raises ValueError with the recorder's words about a pipeline that Jenkins would refuse.
    """
    options = parameter_options(job_parameters() | parameters)
    return _recorded(recorder("pipeline", *options, *_relative(files or pipeline_files())))


@cache
def job_parameters() -> dict[str, str]:
    """What builds are given where nobody says otherwise: the defaults of all jobs' parameters."""
    found = [parameter for job in record_jobs() for parameter in job.get("parameters", [])]
    return {each["name"]: json.dumps(each["default"]).strip('"') for each in found}


def parameter_options(parameters: dict[str, str]) -> list[str]:
    """The recorder's options that give a build its parameters."""
    return [word for name, value in parameters.items() for word in ("--param", f"{name}={value}")]


def record_jobs(*files: Path, values: dict[str, str] = JOB_VALUES) -> list[dict[str, Any]]:
    """The jobs that Job DSL scripts make when they are told these values.

    Raises ValueError with the recorder's words about a script that Jenkins would refuse.
    """
    return _recorded(recorder("jobs", *job_options(values), *_relative(files or job_files())))


def job_options(values: dict[str, str]) -> list[str]:
    """The recorder's options that tell jobs' scripts their values."""
    return [word for name, value in values.items() for word in ("--set", f"{name}={value}")]


def commands(pipeline: str | Path, **parameters: str) -> list[Command]:
    """A pipeline's shell commands in the order of a build where all goes well.

    A stage whose condition does not hold with the parameters is left out with what is in it.
    """
    (recorded,) = record_pipelines(ROOT / pipeline, **parameters)
    return list(commands_of(recorded))


def commands_of(recorded: dict[str, Any], stage: str = "") -> Iterator[Command]:
    """The commands of a recorded pipeline, or of a stage of it, in their order."""
    if not all(condition["holds"] for condition in recorded.get("when", []) if condition["condition"] == "expression"):
        return
    yield from _of_steps(recorded.get("steps", []), stage)
    for inner in recorded.get("stages", []):
        yield from commands_of(inner, inner["name"])
    for condition in GOOD_BUILD:
        yield from _of_steps(recorded.get("post", {}).get(condition, []), stage)


def all_commands(recorded: Any) -> Iterator[str]:
    """Every shell command in a recording, whether it would be executed or not."""
    if isinstance(recorded, dict) and recorded.get("step") == "sh":
        yield recorded["script"]
    elif isinstance(recorded, dict | list):
        for each in recorded.values() if isinstance(recorded, dict) else recorded:
            yield from all_commands(each)


def _of_steps(steps: Iterable[dict[str, Any]], stage: str) -> Iterator[Command]:
    for step in steps:
        if step["step"] == "sh":
            bound = tuple(Binding(each["id"], tuple(each["variables"])) for each in step.get("credentials", []))
            yield Command(stage, step["script"], bound)
        yield from _of_steps(step.get("steps", []), stage)


def _relative(files: Iterable[Path]) -> list[Path]:
    return [file.relative_to(ROOT) if file.is_relative_to(ROOT) else file for file in files]


def _recorded(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    if done.returncode:
        raise ValueError(done.stderr.strip() or f"bin/jenkins-recorder ended with {done.returncode}")
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found


def main() -> int:
    """Print pipelines and jobs as tables."""
    shown = [
        recorder("jobs", "--tree", *job_options(JOB_VALUES), *_relative(job_files())),
        recorder("pipeline", "--tree", *parameter_options(job_parameters()), *_relative(pipeline_files())),
    ]
    for done in shown:
        print(done.stdout + done.stderr)
    return max(done.returncode for done in shown)


if __name__ == "__main__":
    sys.exit(main())
