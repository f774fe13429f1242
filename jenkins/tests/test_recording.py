"""Pipelines and jobs, executed by the Groovy that Jenkins has in it, against the names that this Jenkins would know."""

from __future__ import annotations

import difflib
import json
import os
import re
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest

import recording
from builds import Binding, Command, commands_of
from content import GOLDEN, cases
from recording import JOB_VALUES, job_files, record_jobs, record_pipelines
from running import ROOT

pytestmark = pytest.mark.jenkins
UPDATE = "UPDATE_GOLDEN"
BAD_PIPELINES = cases("bad_pipelines.yml")
BAD_JOBS = cases("bad_jobs.yml")
# What the recorder said of scripts, by their names.
Said = dict[str, str]


@pytest.fixture(scope="module")
def pipelines() -> dict[str, dict[str, Any]]:
    return {each["pipeline"]: each for each in record_pipelines()}


@pytest.fixture(scope="module")
def jobs() -> list[dict[str, Any]]:
    return sorted(record_jobs(), key=lambda job: str(job["name"]))


def compare(name: str, recorded: Any) -> None:
    """Fail with a diff if a recording is not the committed one; write it anew if asked to."""
    path = GOLDEN / name
    text = json.dumps(recorded, indent=2, ensure_ascii=False) + "\n"
    if os.environ.get(UPDATE):
        path.write_text(text, encoding="utf-8")
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    diff = "".join(difflib.unified_diff(before.splitlines(True), text.splitlines(True), "committed", "recorded"))
    if diff:
        pytest.fail(
            f"{path.relative_to(ROOT)} is another; if that is meant: {UPDATE}=1 make jenkins-test\n{diff}",
            pytrace=False,
        )


def golden_name(pipeline: str) -> str:
    return Path(pipeline).name.removesuffix(".Jenkinsfile") + ".json"


@pytest.mark.parametrize("pipeline", [str(path.relative_to(ROOT)) for path in recording.pipeline_files()])
def test_pipeline_when_recorded_then_is_the_committed_one(pipeline: str, pipelines: dict[str, dict[str, Any]]) -> None:
    compare(golden_name(pipeline), pipelines[pipeline])


def test_jobs_when_recorded_then_are_the_committed_ones(jobs: list[dict[str, Any]]) -> None:
    compare("jobs.json", jobs)


def test_recordings_when_a_pipeline_is_gone_then_are_gone_too(pipelines: dict[str, dict[str, Any]]) -> None:
    stale = {path.name for path in GOLDEN.glob("*.json")} - {golden_name(name) for name in pipelines} - {"jobs.json"}
    assert stale == set(), f"delete them from {GOLDEN.relative_to(ROOT)}"


def test_recorder_when_started_then_runs_on_jenkins_own_groovy() -> None:
    done = subprocess.run(["groovy", "--version"], capture_output=True, text=True, check=False, env=_with_java())
    assert re.search(r"Groovy Version: 2\.4\.\d+ ", done.stdout), done.stdout + done.stderr


def _with_java() -> dict[str, str]:
    java = subprocess.run(
        ["bash", "-c", 'readlink -f "$(command -v java)"'], capture_output=True, text=True, check=True
    )
    return {**os.environ, "JAVA_HOME": str(Path(java.stdout.strip()).parents[1])}


def test_commands_when_all_goes_well_then_come_in_order_and_with_their_credentials(
    pipelines: dict[str, dict[str, Any]],
) -> None:
    found = commands_of(pipelines["jenkins/Jenkinsfile"])
    stages = [command.stage for command in found]
    assert stages == ["Lint", "Test", "Images", "Smoke", "Push", "Deploy", "Verify", "Release"]
    password = Binding("registry-password", ("REGISTRY_PASSWORD_FILE",))
    assert found[5] == Command("Deploy", "make deploy", (password,))
    assert [command for command in found if command.credentials] == [found[5]]


def test_commands_when_a_parameter_says_so_then_leave_out_the_stage_and_all_in_it() -> None:
    (pipeline,) = record_pipelines(ROOT / "jenkins/Jenkinsfile", RELEASE="false")
    assert [command.stage for command in commands_of(pipeline)] == [
        "Lint",
        "Test",
        "Images",
        "Smoke",
    ]


def test_jobs_when_a_file_goes_and_there_is_no_clone_then_the_job_is_gone_and_others_rest(
    jobs: list[dict[str, Any]],
) -> None:
    files = [path for path in job_files() if path.stem != "verify"]
    fewer = record_jobs(*files, values=JOB_VALUES | {"PLATFORM_CLONE": ""})
    assert {job["name"] for job in jobs} - {job["name"] for job in fewer} == {"verify"}
    assert {job["name"] for job in fewer if job["disabled"]} == {"backup", "infra-drift"}
    assert not any(job["disabled"] for job in jobs)


def test_tables_when_printed_then_have_every_job_and_stage(jobs: list[dict[str, Any]]) -> None:
    done = subprocess.run(
        [".venv/dev/bin/python", "tests/recording.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert [job["name"] for job in jobs if f"\njob {job['name']}: " not in f"\n{done.stdout}"] == []
    assert re.search(r"^ +make deploy +with registry-password$", done.stdout, re.MULTILINE)


def said_of(mode: str, scripts: dict[str, str], folder: Path) -> Said:
    """What the recorder says of scripts, in one run: a line each."""
    for name, text in scripts.items():
        (folder / name).write_text(text, encoding="utf-8")
    done = recording.recorder(mode, *(folder / name for name in scripts))
    assert done.returncode == 1, done.stdout
    said = {}
    for line in done.stderr.splitlines():
        match = re.fullmatch(rf"{folder}/([\w.-]+):(\d+: .+)", line)
        assert match, line
        said[match[1]] = match[2]
    return said


def pipeline_of(case: dict[str, str]) -> str:
    """A pipeline that nothing is wrong with, but for a case's directives or steps; or the case's own script."""
    if "script" in case:
        return case["script"]
    directives = textwrap.indent(case["directives"].rstrip("\n"), "    ") + "\n" if "directives" in case else ""
    head = f"pipeline {{\n    agent any\n{directives}    stages {{\n        stage('Test') {{\n            steps {{ "
    return head + case.get("steps", "sh 'make test'") + " }\n        }\n    }\n}\n"


def job_of(case: dict[str, str]) -> str:
    """The good job under another name, with a case's text replaced; or the case's own script."""
    if "script" in case:
        return case["script"]
    text = BAD_JOBS["good.groovy"]["script"].replace("'good'", f"'{case['job']}'")
    assert case.get("old", "") in text
    return text.replace(case["old"], case["new"]) if "old" in case else text


@pytest.fixture(scope="module")
def said_of_pipelines(tmp_path_factory: pytest.TempPathFactory) -> Said:
    return said_of(
        "pipeline", {name: pipeline_of(case) for name, case in BAD_PIPELINES.items()}, tmp_path_factory.mktemp("p")
    )


@pytest.mark.parametrize("name", BAD_PIPELINES)
def test_pipeline_when_jenkins_would_refuse_it_then_a_line_says_where_and_why(
    name: str, said_of_pipelines: Said
) -> None:
    assert said_of_pipelines[name].startswith(BAD_PIPELINES[name]["says"]), said_of_pipelines[name]


@pytest.fixture(scope="module")
def said_of_jobs(tmp_path_factory: pytest.TempPathFactory) -> Said:
    return said_of("jobs", {name: job_of(case) for name, case in BAD_JOBS.items()}, tmp_path_factory.mktemp("jobs"))


@pytest.mark.parametrize("name", BAD_JOBS)
def test_job_when_jenkins_would_refuse_it_then_a_line_says_where_and_why(name: str, said_of_jobs: Said) -> None:
    said, wanted = said_of_jobs.get(name), BAD_JOBS[name].get("says")
    assert (said is None) if wanted is None else (said or "").startswith(wanted), said


def test_linter_when_run_then_finds_nothing() -> None:
    done = subprocess.run(["bin/groovy-lint"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    linted = re.search(r"results in \D*(\d+)\D* linted files", re.sub(r"\x1b\[\d+m", "", done.stdout))
    assert linted, done.stdout


def test_linter_when_a_brace_is_missing_then_fails(tmp_path: Path) -> None:
    (tmp_path / "Jenkinsfile").write_text("pipeline {\n    agent any\n", encoding="utf-8")
    done = subprocess.run(
        ["bin/groovy-lint", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Jenkinsfile" in done.stdout


def test_linters_lock_when_read_then_pins_everything_by_hash_and_names_no_address() -> None:
    lock = json.loads((ROOT / "requirements/groovy-lint/package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert len(packages) > 50
    assert [name for name, entry in packages.items() if not entry.get("integrity", "").startswith("sha512-")] == []
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
