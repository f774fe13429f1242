"""What jenkins/ says when Jenkins' own Groovy executes it: pipelines and jobs; tests/builds.py executes them.

As a program it prints everything in tables.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from running import ROOT

JOB_VALUES: Final = {
    "REPOSITORY_URL": "https://git.example/platform.git",
    "REPOSITORY_BRANCH": "main",
    "REPOSITORY_CREDENTIALS": "repository",
    "PLATFORM_CLONE": "/srv/platform",
}
"""what the jobs' definitions are told, on a server that is its own controller"""


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


def all_commands(recorded: Any) -> Iterator[str]:
    """Every shell command in a recording, whether it would be executed or not."""
    if isinstance(recorded, dict) and recorded.get("step") == "sh":
        yield recorded["script"]
    elif isinstance(recorded, dict | list):
        for each in recorded.values() if isinstance(recorded, dict) else recorded:
            yield from all_commands(each)


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
