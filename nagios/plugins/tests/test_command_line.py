"""The checks of services as commands: wrong arguments, any answer at all, and the process as Nagios starts it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from any_json import ANY_JSON
from nagios_plugins import check_qos_model, check_qos_predict, check_qos_ready

PLUGINS = Path(__file__).parents[1]
CHECKS = {
    "check_qos_ready": check_qos_ready.main,
    "check_qos_predict": check_qos_predict.main,
    "check_qos_model": check_qos_model.main,
}
LINKS = {"check_qos_link", "check_qos_forecast", "check_qos_accuracy"}
OTHERS = {"check_qos_release", "notify_qos", *LINKS}
MODEL = "20261123-abcdef12"
FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

LIKE_AN_ANSWER = st.fixed_dictionaries(
    {},
    optional={
        "status": st.just("ready") | ANY_JSON,
        "reason": ANY_JSON,
        "detail": ANY_JSON,
        "unit": st.just("Mbps") | ANY_JSON,
        "predicted_bandwidth": st.floats() | st.integers() | ANY_JSON,
        "model_version": st.just(MODEL) | st.just(f"ridge-{MODEL}") | ANY_JSON,
    },
)
STATUS = st.sampled_from([200, 200, 200, 404, 422, 500, 503, 504])


def options(name: str, url: str, manifest: Any, known: Any) -> list[str]:
    released = {"model_version": MODEL, "created": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "known_answer": known}
    path = [] if name == "check_qos_ready" else ["-m", manifest(released)]
    return ["-u", url, *path]


@pytest.fixture(params=CHECKS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_scripts_when_listed_then_are_the_checks() -> None:
    scripts = tomllib.loads((PLUGINS / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"qos_page": "nagios_plugins.page.cgi:main"} | {
        name: f"nagios_plugins.{name}:main" for name in OTHERS | set(CHECKS)
    }


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        ["--nonsense"],
        ["-u"],
        ["-u", "127.0.0.1:80"],
        ["-u", "ftp://127.0.0.1"],
        ["-u", "http://"],
        ["-u", "http://[::1"],
        ["-u", "http://127.0.0.1:port"],
        ["-u", "http://127.0.0.1:99999"],
        ["-u", "http://127.0.0.1/path"],
        ["-u", "http://me:secret@127.0.0.1"],
        ["--api-key-file", "/nowhere/key"],
        ["--ca-file", "/nowhere/ca.pem"],
        ["-t", "soon"],
        ["-t", "0"],
        ["-t", "-1"],
        ["-t", "nan"],
        ["-t", "inf"],
        ["-t", "1e9"],
        ["-w", "fast"],
        ["-w", "2:1"],
        ["-c", "1:2:3"],
        ["-c", "nan"],
    ],
)
def test_arguments_when_wrong_then_unknown_with_usage_on_stdout(
    name: str, wrong: list[str], service: Any, run_check: Any, manifest: Any, known: Any
) -> None:
    right = options(name, service.url, manifest, known)
    said = run_check(CHECKS[name], *(right + wrong if wrong else []))
    assert said.code == 3
    assert "usage:" in said.output
    assert service.asked == []


@FUZZ
@given(status=STATUS, answer=LIKE_AN_ANSWER | ANY_JSON)
@pytest.mark.parametrize("check", CHECKS)
def test_answer_when_it_is_any_json_then_the_output_keeps_the_guidelines(
    check: str, status: int, answer: object, service: Any, run_check: Any, manifest: Any, known: Any
) -> None:
    service.says(answer, status)
    said = run_check(CHECKS[check], *options(check, service.url, manifest, known))
    assert said.code in (0, 1, 2), "a service that was reached is never UNKNOWN"
    if said.code < 2:
        assert status == 200
        assert isinstance(answer, dict)
        is_good = {"check_qos_ready": ("status", "ready"), "check_qos_predict": ("unit", "Mbps")}
        name, value = is_good.get(check, ("model_version", answer.get("model_version")))
        assert answer[name] == value


@FUZZ
@given(raw=st.binary(max_size=200) | st.binary(max_size=80).map(lambda tail: b"HTTP/1.1 200 OK\r\n" + tail))
@pytest.mark.parametrize("check", CHECKS)
def test_answer_when_it_is_any_bytes_then_is_critical(
    check: str, raw: bytes, service: Any, run_check: Any, manifest: Any, known: Any
) -> None:
    service.raw = raw
    assert run_check(CHECKS[check], *options(check, service.url, manifest, known), "-t", "2").code == 2


def spawn(name: str, *arguments: str, **environment: str) -> tuple[subprocess.CompletedProcess[str], float]:
    command = [sys.executable, "-c", f"from nagios_plugins.{name} import main; main()", *arguments]
    variables = {"PYTHONPATH": str(PLUGINS / "src"), "PATH": os.environ["PATH"], **environment}
    started = time.perf_counter()
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=20, errors="replace")
    return done, time.perf_counter() - started


def test_process_when_all_is_well_then_ends_with_0_soon(
    name: str, service: Any, manifest: Any, known: Any, good: Any
) -> None:
    service.says({"status": "ready"} | good)
    arguments = options(name, service.url, manifest, known)
    runs = [spawn(name, *arguments) for _ in range(3)]
    print(f"\n{name}: {min(seconds for _, seconds in runs):.3f} s")  # noqa: T201  measured, not asserted tightly
    for done, seconds in runs:
        assert (done.returncode, done.stderr) == (0, "")
        assert " OK - " in done.stdout
        assert " | " in done.stdout
        assert seconds < 2


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "POSIX"])
def test_process_when_the_locale_knows_no_letters_then_still_says_its_line(
    name: str, locale: str, service: Any, manifest: Any, known: Any
) -> None:
    service.says({"reason": "é\ud800|\n→", "detail": "é\ud800|\n→"}, 503)
    done, _ = spawn(
        name, *options(name, service.url, manifest, known), LC_ALL=locale, PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"
    )
    assert (done.returncode, done.stderr) == (2, "")
    assert " CRITICAL - " in done.stdout.splitlines()[0]
    assert "|" not in done.stdout


def test_process_when_arguments_are_wrong_then_ends_with_3(name: str) -> None:
    done, _ = spawn(name)
    assert (done.returncode, done.stderr) == (3, "")
    assert "usage:" in done.stdout


def test_help_when_asked_for_then_names_every_option(name: str) -> None:
    done, _ = spawn(name, "--help")
    assert done.returncode == 0
    for option in ("--url", "--api-key-file", "--ca-file", "--timeout", "--warning", "--critical"):
        assert option in done.stdout


def test_nagios_objects_when_they_name_a_check_then_there_is_one() -> None:
    commands = (PLUGINS.parent / "objects" / "commands.cfg").read_text()
    named = {word.removeprefix("$USER2$/") for word in commands.split() if word.startswith("$USER2$/")}
    assert named <= OTHERS | set(CHECKS)
