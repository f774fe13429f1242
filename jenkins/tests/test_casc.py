"""What casc.py finds in jenkins/: nothing as it stands, and what would keep Jenkins or a build from starting."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import casc
import plugin_list
from content import JENKINS, JOBS, cases, recorded, recordings, value_names, verb
from recording import all_commands
from running import ROOT

MAX_PIPELINE_LINES = 60
SPOILT = cases("spoilt.yml")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of jenkins/, to spoil."""
    return Path(shutil.copytree(JENKINS, tmp_path / "jenkins", ignore=shutil.ignore_patterns("__pycache__")))


def spoil(folder: Path, name: str, old: str, new: str) -> None:
    """Replace a text in a file of the copy; nothing to replace means that a test is about what is no more."""
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{name} has no {old!r}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def problems(folder: Path, *golden: Path, values: set[str] | None = None) -> list[str]:
    return casc.problems(folder, value_names() if values is None else values, golden)


def test_content_when_checked_with_what_was_recorded_then_nothing_is_wrong() -> None:
    assert problems(JENKINS, *recordings()) == []


def test_program_when_a_value_is_missing_then_says_so_in_one_line_and_fails() -> None:
    given = ",".join(sorted(value_names() - {"REGISTRY_PASSWORD"}))
    command = [sys.executable, str(JENKINS / "checks/casc.py"), "--values", given]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "casc/credentials.yaml: credentials.system.domainCredentials.credentials.file.secretBytes: "
        "nobody writes REGISTRY_PASSWORD: have the role write it, or correct the name\n"
    )
    command[-1] += ",REGISTRY_PASSWORD"
    assert subprocess.run(command, capture_output=True, text=True, check=False).returncode == 0


@pytest.mark.parametrize("name", SPOILT)
def test_content_when_it_has_a_fault_then_a_line_says_where_and_what(name: str, folder: Path) -> None:
    case = SPOILT[name]
    spoil(folder, case["file"], case["old"], case["new"])
    found = problems(folder, *recordings())
    assert [line for line in found if case["says"] in line], found
    assert all(re.match(r"[\w./-]+(:\d+)?: .+", line) and "\n" not in line for line in found)


def test_secret_when_the_role_does_not_write_it_then_every_place_is_named(folder: Path) -> None:
    found = problems(folder, values=value_names() - {"ADMIN_USER"})
    assert [line.split(": ")[0] for line in found] == ["casc/security.yaml"] * 2
    assert any("securityRealm.local.users.id" in line for line in found)


def test_names_in_a_text_when_nested_then_come_from_the_innermost_out() -> None:
    assert list(casc.names_in("a ${B} ${base64:${C}} ${D:-${E}}")) == [
        ("", "B"),
        ("", "C"),
        ("base64", "\0"),
        ("", "E"),
        ("", "D"),
    ]


def test_plugins_when_a_root_goes_then_what_only_it_needed_goes_with_it() -> None:
    graph = {"roots": ["a", "d"], "plugins": {"a": ["b"], "b": ["c"], "c": [], "d": ["c"]}}
    assert plugin_list.reachable(graph) == {"a", "b", "c", "d"}
    assert plugin_list.reachable(graph | {"roots": ["d"]}) == {"c", "d"}


def test_pipelines_when_measured_then_are_short() -> None:
    files = [JENKINS / "Jenkinsfile", *(JENKINS / "pipelines").iterdir()]
    assert len(files) >= 7
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_PIPELINE_LINES} == {}


def test_commands_when_compared_with_the_makefile_then_are_its_verbs() -> None:
    """Order, credentials and reports are Jenkins'; what is done, a person can do by the same verb."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    rules = {name for line in re.findall(r"^([a-z][a-z -]*):(?!=)", makefile, re.MULTILINE) for name in line.split()}
    wanted = {verb(command) for command in all_commands([each for each in recorded() if "pipeline" in each])}
    assert len(wanted) >= 8
    assert wanted - rules == set()


def test_command_when_it_is_no_verb_then_is_refused() -> None:
    assert verb('make adopt BUNDLE=reports/bundle PUSH="$BRANCH"') == "adopt"
    assert verb('sudo -n -u "$OWNER" make -C "$CLONE" PROFILE="$PROFILE" drift') == "drift"
    for command in ("rm -rf reports", "make lint test", "make lint && rm -rf /", "make"):
        with pytest.raises(ValueError, match="make verb"):
            verb(command)


def test_jobs_when_compared_with_pipelines_then_each_pipeline_has_one_job() -> None:
    """A job file that is deleted goes from Jenkins with the next run of the seed; its pipeline would stay behind."""
    assert JOBS.is_file()
    used = [each["scriptPath"] for each in recorded() if each.get("scriptPath")]
    files = ["jenkins/Jenkinsfile", *(f"jenkins/pipelines/{path.name}" for path in (JENKINS / "pipelines").iterdir())]
    assert sorted(used) == sorted(files)
