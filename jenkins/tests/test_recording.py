"""Pipelines and jobs, executed by the Groovy that Jenkins has in it, against the names that this Jenkins would know."""

from __future__ import annotations

import difflib
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import recording
from content import GOLDEN, JENKINS
from recording import JOB_VALUES, Binding, Command, commands, commands_of, job_files, record_jobs, record_pipelines
from running import ROOT

pytestmark = pytest.mark.jenkins
UPDATE = "UPDATE_GOLDEN"
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
        pytest.fail(f"{path.relative_to(ROOT)} is another; if that is meant: {UPDATE}=1 make jenkins-test\n{diff}", pytrace=False)


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
    java = subprocess.run(["bash", "-c", 'readlink -f "$(command -v java)"'], capture_output=True, text=True, check=True)
    return {**os.environ, "JAVA_HOME": str(Path(java.stdout.strip()).parents[1])}


def test_commands_when_all_goes_well_then_come_in_order_and_with_their_credentials(
    pipelines: dict[str, dict[str, Any]],
) -> None:
    found = list(commands_of(pipelines["jenkins/Jenkinsfile"]))
    stages = [command.stage for command in found]
    assert stages == ["Lint", "Test", "Images", "Smoke", "Push", "Deploy", "Verify", "Release"]
    password = Binding("registry-password", ("REGISTRY_PASSWORD_FILE",))
    assert found[5] == Command("Deploy", "make deploy", (password,))
    assert [command for command in found if command.credentials] == [found[5]]


def test_commands_when_a_parameter_says_so_then_leave_out_the_stage_and_all_in_it() -> None:
    assert [command.stage for command in commands("jenkins/Jenkinsfile", RELEASE="false")] == ["Lint", "Test", "Images", "Smoke"]


def test_jobs_when_a_file_goes_and_there_is_no_clone_then_the_job_is_gone_and_others_rest(jobs: list[dict[str, Any]]) -> None:
    files = [path for path in job_files() if path.stem != "verify"]
    fewer = record_jobs(*files, values=JOB_VALUES | {"PLATFORM_CLONE": ""})
    assert {job["name"] for job in jobs} - {job["name"] for job in fewer} == {"verify"}
    assert {job["name"] for job in fewer if job["disabled"]} == {"backup", "infra-drift"}
    assert not any(job["disabled"] for job in jobs)


def test_tables_when_printed_then_have_every_job_and_stage(jobs: list[dict[str, Any]]) -> None:
    done = subprocess.run(
        [".venv/dev/bin/python", "tests/recording.py"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
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


def steps(text: str) -> str:
    return f"pipeline {{\n    agent any\n    stages {{\n        stage('Test') {{\n            steps {{ {text} }}\n        }}\n    }}\n}}\n"


def directives(text: str) -> str:
    return f"pipeline {{\n    agent any\n{text}\n    stages {{\n        stage('Test') {{ steps {{ sh 'make test' }} }}\n    }}\n}}\n"


BAD_PIPELINES = {
    "unknown_step": (steps("shh 'make test'"), "5: unknown step 'shh' in steps of stage 'Test'; known here: archiveArtifacts, "),
    "groovys_own_method": (steps("sleep 5"), "5: unknown step 'sleep' in steps of stage 'Test'"),
    "typing_error_in_directive": (directives("    optoins { timestamps() }"), "3: unknown directive 'optoins' in pipeline"),
    "option_of_the_whole_in_a_stage": (
        directives("").replace("steps {", "options { disableConcurrentBuilds() }\nsteps {"),
        "5: misplaced 'disableConcurrentBuilds' in options of stage 'Test': it belongs into options; known here: lock",
    ),
    "trigger_among_steps": (steps("triggers { cron('@daily') }"), "5: misplaced 'triggers' in steps of stage 'Test'"),
    "step_without_a_stage": (directives("    sh 'make test'"), "3: misplaced 'sh' in pipeline: it belongs into steps"),
    "wrong_argument": (steps("timeout(tme: 5) { sh 'make' }"), "5: unknown argument 'tme' of timeout; known: activity, time"),
    "wrong_word": (steps("timeout(time: 5, unit: 'MINUTE') { sh 'make' }"), "5: timeout: unit is MINUTE, not one of SECONDS"),
    "wrong_type": (steps("timeout(time: '5') { sh 'make' }"), "5: timeout: time is no whole number: 5"),
    "missing_argument": (steps("withCredentials([file(variable: 'A')]) { sh 'make' }"), "5: file needs the argument 'creden"),
    "credential_round_nothing": (steps("file(credentialsId: 'a', variable: 'A')"), "5: 'file' does nothing here: it belongs"),
    "unknown_name": (steps("sh COMMAND"), "5: unknown name 'COMMAND' in steps of stage 'Test'; given: env, params"),
    "unknown_parameter": (steps('sh "make ${params.NOPE}"'), "5: unknown parameter 'NOPE'; declared or given: none"),
    "assignment": (steps("a = 'b'"), "5: 'a = …' is not possible in steps of stage 'Test'"),
    "stage_without_steps": (directives("").replace("steps {", "when {").replace("sh ", "branch "), "5: stage 'Test' needs one of"),
    "steps_without_content": (steps(""), "5: steps of stage 'Test' is empty"),
    "two_of_a_kind": (directives("    options { timestamps() }\n    options { timestamps() }"), "4: 'options' stands twice"),
    "no_agent": (directives("").replace("    agent any\n", ""), "1: 'agent' is missing in pipeline"),
    "no_stages": ("pipeline {\n    agent any\n}\n", "1: 'stages' is missing in pipeline"),
    "no_pipeline": ("\n", "1: there is no pipeline { … }"),
    "wrong_cron": (directives("    triggers { cron('H 25 * * *') }"), "3: cron: argument 1 is wrong: cron specification: 25 is"),
    "unclosed_brace": ("pipeline {\n    agent any\n    stages {\n", "4: the file ends too early: a brace or a quote is not"),
    "two_stages_of_a_name": (
        directives("").replace("    }\n}", "        stage('Test') { steps { sh 'make' } }\n    }\n}"),
        "6: there are two stages 'Test'",
    ),
}


@pytest.fixture(scope="module")
def said_of_pipelines(tmp_path_factory: pytest.TempPathFactory) -> Said:
    return said_of("pipeline", {name: text for name, (text, _) in BAD_PIPELINES.items()}, tmp_path_factory.mktemp("pipelines"))


@pytest.mark.parametrize("name", BAD_PIPELINES)
def test_pipeline_when_jenkins_would_refuse_it_then_a_line_says_where_and_why(name: str, said_of_pipelines: Said) -> None:
    assert said_of_pipelines[name].startswith(BAD_PIPELINES[name][1]), said_of_pipelines[name]


def job(name: str, change: Callable[[str], str] = str) -> str:
    """A job that nothing is wrong with, but for its change."""
    text = (JENKINS / "jobs/backup.groovy").read_text(encoding="utf-8").replace("'backup'", f"'{name}'")
    text = re.sub(r"REPOSITORY_\w+", "'x'", text).replace("!PLATFORM_CLONE", "false")
    changed = change(text)
    assert change is str or changed != text
    return changed


def cron(spec: str) -> Callable[[str], str]:
    return lambda text: text.replace("H H(0-1) * * *", spec)


BAD_JOBS = {
    "good.groovy": (job("good"), None),
    "twice.groovy": (job("good"), "1: job 'good' is made in "),
    "no_script.groovy": (
        job("a", lambda text: text.replace("backup.Jenkinsfile", "nope.Jenkinsfile")),
        "25: scriptPath: argument 1 names no file of the repository: jenkins/pipelines/nope.Jenkinsfile",
    ),
    "method.groovy": (job("b", lambda text: text.replace("logRotator", "logRotater")), "3: unknown name 'logRotater' in pipelineJob 'b'"),
    "element.groovy": (job("c", lambda text: text.replace("'properties'", "'propertys'")), "8: unknown element 'propertys' in"),
    "trigger.groovy": (job("d", lambda text: text.replace("hudson.triggers.T", "hudson.trigger.T")), "10: unknown element 'hudson"),
    "field.groovy": (job("e", lambda text: text.replace("spec(", "specs(")), "11: unknown element 'specs' in element hudson"),
    "unbound.groovy": (job("f", lambda text: text.replace("url('x')", "url(NOPE)")), "19: unknown name 'NOPE' in remote of"),
    "no-name.groovy": (job("g"), "1: 'no-name' is no name for a script"),
    "kind.groovy": ("folder('h') {\n}\n", "1: unknown kind of job 'folder'"),
    "queue.groovy": ("queue('nope')\n", "1: there is no job 'nope' to queue"),
    "brace.groovy": ("job('i') {\n", "2: the file ends too early"),
    "branches.groovy": (
        "multibranchPipelineJob('j') {\n    branchSources { git {\n id('a')\n remote('b')\n } }\n"
        "    configure { (it / 'factory' / 'scriptPath').value = 'nope' }\n}\n",
        "6: scriptPath: text names no file of the repository: nope",
    ),
    "cron_fields.groovy": (job("k", cron("H H * *")), "11: spec: text is wrong: cron specification 'H H * *' has 4 fields"),
    "cron_hour.groovy": (job("l", cron("H 24 * * *")), "11: spec: text is wrong: cron specification: 24 is no hour"),
    "cron_range.groovy": (job("m", cron("H H(3-1) * * *")), "11: spec: text is wrong: cron specification: 'H(3-1)' is no range"),
    "cron_name.groovy": (job("n", cron("H H * * MON")), "11: spec: text is wrong: cron specification: 'MON' is no day of the week"),
    "cron_alias.groovy": (job("o", cron("@nightly")), "11: spec: text is wrong: cron specification '@nightly' has 1 fields"),
    "cron_step.groovy": (job("p", cron("H/0 * * * *")), "11: spec: text is wrong: cron specification: 'H/0' is no range"),
    "cron_good.groovy": (job("q", cron("# nights\\nTZ=Europe/Berlin\\nH(0-29)/10,45 1-5/2 1,15 */3 0-7\\n@midnight")), None),
}


@pytest.fixture(scope="module")
def said_of_jobs(tmp_path_factory: pytest.TempPathFactory) -> Said:
    return said_of("jobs", {name: text for name, (text, _) in BAD_JOBS.items()}, tmp_path_factory.mktemp("jobs"))


@pytest.mark.parametrize("name", BAD_JOBS)
def test_job_when_jenkins_would_refuse_it_then_a_line_says_where_and_why(name: str, said_of_jobs: Said) -> None:
    said = BAD_JOBS[name][1]
    assert (said_of_jobs.get(name) or "").startswith(said or ""), said_of_jobs.get(name)
    assert (name in said_of_jobs) is (said is not None)


def test_linter_when_run_then_finds_nothing() -> None:
    done = subprocess.run(["bin/groovy-lint"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    linted = re.search(r"results in \D*(\d+)\D* linted files", re.sub(r"\x1b\[\d+m", "", done.stdout))
    assert linted, done.stdout


def test_linter_when_a_brace_is_missing_then_fails(tmp_path: Path) -> None:
    (tmp_path / "Jenkinsfile").write_text("pipeline {\n    agent any\n", encoding="utf-8")
    done = subprocess.run(["bin/groovy-lint", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Jenkinsfile" in done.stdout


def test_linters_lock_when_read_then_pins_everything_by_hash_and_names_no_address() -> None:
    lock = json.loads((ROOT / "requirements/groovy-lint/package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert len(packages) > 50
    assert [name for name, entry in packages.items() if not entry.get("integrity", "").startswith("sha512-")] == []
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
