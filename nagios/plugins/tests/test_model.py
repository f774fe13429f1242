"""`check_qos_model`, one test per state."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from any_json import ANY_JSON
from nagios_plugins.check_qos_model import main
from nagios_plugins.links.records import HISTORY
from qos_contract import MAX_SAMPLES, PredictRequest

SHIPPED = Path(__file__).parents[3] / "services/ml-inference/bundles/default/manifest.json"
VERSION = "20261123-abcdef12"


def ago(days: float) -> str:
    return f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture
def released(known: Any) -> dict[str, Any]:
    """A manifest, as far as the check reads it."""
    gate = {"passed": True, "reasons": []}
    return {
        "model_version": VERSION, "created": ago(2.5), "history_samples": 10, "gate": gate, "known_answer": known,
    }  # fmt: skip


@pytest.fixture
def judge(service: Any, run_check: Any, manifest: Any, good: Any) -> Callable[..., Any]:
    """Run the check against a service that says it serves a model, over a manifest."""

    def run(content: object, *arguments: str, served: object = VERSION) -> Any:
        service.says(good | {"model_version": served})
        return run_check(main, "-u", service.url, "-m", manifest(content), *arguments)

    return run


def test_model_when_it_answers_as_released_then_is_ok_with_its_age(judge: Any, released: Any) -> None:
    said = judge(released)
    assert (said.code, said.name) == (0, "MODEL")
    assert said.text == f"model {VERSION} answers as released, passed its gate, is 2.5 days old"
    assert said.perfdata["age"] == 2.5
    assert 0 < said.perfdata["time"] < 0.5
    assert " age=2.5;90;365;0 " in said.output


@pytest.mark.parametrize(("days", "code"), [(0, 0), (89.9, 0), (90.1, 1), (364.9, 1), (365.1, 2), (4000, 2)])
def test_model_when_it_is_old_then_is_as_bad_as_its_age(judge: Any, released: Any, days: float, code: int) -> None:
    said = judge(released | {"created": ago(days)})
    assert said.code == code
    assert said.perfdata["age"] == pytest.approx(days, abs=0.02)
    if code:
        day = datetime.now(UTC) - timedelta(days=days)
        limit = {1: 90, 2: 365}[code]
        assert said.text == f"model {VERSION} of {day:%Y-%m-%d} is {days:.1f} days old (outside range 0:{limit})"


def test_model_when_other_ages_are_named_then_goes_by_them(judge: Any, released: Any) -> None:
    assert judge(released, "-w", "2", "-c", "3").code == 1
    assert judge(released, "-w", "1", "-c", "2").code == 2


@pytest.mark.parametrize("created", ["2026-11-23T10:00:00", "2026-11-23T12:00:00+02:00", "2026-11-23T10:00:00.000Z"])
def test_model_when_its_time_is_written_otherwise_then_is_the_same(judge: Any, released: Any, created: str) -> None:
    age = (datetime.now(UTC) - datetime(2026, 11, 23, 10, tzinfo=UTC)).total_seconds() / 86400
    said = judge(released | {"created": created}, "-w", "36500", "-c", "36500")
    assert said.perfdata["age"] == pytest.approx(age, abs=0.02)


def test_model_when_it_is_from_the_future_then_is_a_warning_but_not_for_some_hours(judge: Any, released: Any) -> None:
    said = judge(released | {"created": ago(-0.5)})
    assert (said.code, said.perfdata["age"]) == (0, 0)
    said = judge(released | {"created": ago(-3)})
    assert (said.code, said.perfdata["age"]) == (1, 0)
    assert said.text.endswith("which is to come: some clock is wrong")


def test_model_when_another_one_answers_then_is_critical_and_names_both(judge: Any, released: Any) -> None:
    said = judge(released, served="20251101-12345678")
    assert (said.code, said.text) == (2, f"model 20251101-12345678 answers, the release has {VERSION}")
    said = judge(released, served="ridge-20251101-12345678")
    assert (said.code, said.text) == (2, f"model ridge-20251101-12345678 answers, the release has {VERSION}")
    assert judge(released, served=f"-{VERSION}").code == 2


def test_model_when_the_gate_refused_it_then_is_a_warning_with_the_gates_reasons(judge: Any, released: Any) -> None:
    refused = released | {
        "gate": {"passed": False, "reasons": ["it is worse than ridge", "its interval is too narrow"]}
    }
    said = judge(refused, served=f"moving-average-{VERSION}")
    assert said.code == 1
    assert said.text == (
        f"the baseline moving-average answers in place of model {VERSION}: its gate refused it: it is worse than ridge;"
        " its interval is too narrow"
    )
    assert said.perfdata["age"] == 2.5


def test_model_when_the_gate_refused_it_and_it_answers_then_is_critical(judge: Any, released: Any) -> None:
    said = judge(released | {"gate": {"passed": False}})
    assert (said.code, said.text) == (
        2, f"model {VERSION} answers although its gate refused it: no reason is given",
    )  # fmt: skip


def test_model_when_its_baseline_answers_without_a_reason_then_is_a_warning(judge: Any, released: Any) -> None:
    said = judge(released, served=f"ridge-{VERSION}")
    assert (said.code, said.text) == (
        1, f"the baseline ridge answers in place of model {VERSION}, although its gate let it pass",
    )  # fmt: skip


def test_model_when_a_release_was_brought_back_then_its_version_says_the_day(judge: Any, known: Any) -> None:
    """playbooks/tasks/nagios_then.yml writes no more than this."""
    made = datetime.now(UTC) - timedelta(days=3)
    version = f"{made:%Y%m%d}-abcdef12"
    then = {"model_version": version, "known_answer": known}
    said = judge(then, served=version)
    age = (datetime.now(UTC) - made.replace(hour=0, minute=0, second=0)).total_seconds() / 86400
    assert said.code == 0
    told = re.fullmatch(rf"model {version} answers as released, is ([0-9.]+) days old", said.text)
    assert told
    assert float(told[1]) == pytest.approx(age, abs=0.06)
    assert said.perfdata["age"] == pytest.approx(age, abs=0.02)
    said = judge(then, served=f"ridge-{version}")
    assert (said.code, said.text) == (
        1, f"the baseline ridge answers in place of model {version}; the manifest does not say why",
    )  # fmt: skip


@pytest.mark.parametrize(("history", "samples"), [(10, 10), (64, 64), (512, 512), (None, 512)])
def test_question_when_the_model_wants_a_history_then_is_that_long_and_valid(
    judge: Any, released: Any, service: Any, history: int | None, samples: int
) -> None:
    """A shorter one is for its baseline, and would tell nothing of the gate."""
    asked = json.loads(SHIPPED.read_text())["known_answer"]["request"]
    content = released | {"known_answer": {"request": asked | {"horizon": 3}}, "history_samples": history}
    judge({name: value for name, value in content.items() if value is not None})
    (path, body) = service.asked[0]
    assert path == "/predict"
    question = PredictRequest.model_validate_json(body)
    assert question.horizon == 3
    assert len(question.bandwidth_util) == samples
    assert question.bandwidth_util[:20] == (asked["bandwidth_util"] * 2)[: min(20, samples)]


def test_constants_when_compared_with_the_services_then_are_theirs() -> None:
    assert HISTORY == MAX_SAMPLES


def test_model_when_the_manifest_is_the_shipped_one_then_reads_it(service: Any, run_check: Any, good: Any) -> None:
    version = json.loads(SHIPPED.read_text())["model_version"]
    service.says(good | {"model_version": version})
    said = run_check(main, "-u", service.url, "-m", str(SHIPPED), "-w", "36500", "-c", "36500")
    assert said.code == 0
    assert said.text.startswith(f"model {version} answers as released, passed its gate, is ")


@pytest.mark.parametrize("served", [None, "", 1, ["x"], {}])
def test_answer_when_it_does_not_say_whose_it_is_then_is_critical(judge: Any, released: Any, served: object) -> None:
    said = judge(released, served=served)
    assert (said.code, said.text) == (2, "the answer does not say which model gave it")


@pytest.mark.parametrize("status", [400, 401, 413, 422, 429, 500, 503, 504])
def test_answer_when_it_is_an_error_then_is_critical_with_its_detail(
    service: Any, run_check: Any, manifest: Any, released: Any, status: int
) -> None:
    service.says({"error": "some_error", "detail": "No model is loaded yet."}, status)
    said = run_check(main, "-u", service.url, "-m", manifest(released))
    assert (said.code, said.text) == (2, f"HTTP {status}: No model is loaded yet.")
    assert said.perfdata == {}


def test_answer_when_there_is_none_then_is_critical_within_the_timeout(
    service: Any, run_check: Any, manifest: Any, released: Any
) -> None:
    service.wait = 30
    said = run_check(main, "-u", service.url, "-m", manifest(released), "-t", "0.3")
    assert (said.code, said.text) == (2, "no answer within 0.3 s")
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    said = run_check(main, "-u", url, "-m", manifest(released))
    assert (said.code, said.text) == (2, "no connection: Connection refused")


@pytest.mark.parametrize(
    "change",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        {"model_version": None},
        {"model_version": "latest"},
        {"model_version": "20261399-abcdef12", "created": ...},
        {"created": None},
        {"created": "yesterday"},
        {"created": 20261123},
        {"created": "0001-01-01T00:00:00+14:00"},
        {"gate": None},
        {"gate": {}},
        {"gate": {"passed": "yes"}},
        {"gate": {"passed": False, "reasons": 3}},
        {"history_samples": 0},
        {"history_samples": 513},
        {"history_samples": "10"},
        {"history_samples": 10**400},
        {"known_answer": None},
        {"known_answer": {}},
        {"known_answer": {"request": None}},
    ],
)
def test_manifest_when_it_is_broken_then_is_unknown_with_usage(
    service: Any, run_check: Any, manifest: Any, released: Any, change: Any
) -> None:
    """An ellipsis takes a field away."""
    whole = released | change if isinstance(change, dict) else change
    content = {name: value for name, value in whole.items() if value is not ...} if isinstance(whole, dict) else whole
    said = run_check(main, "-u", service.url, "-m", manifest(content))
    assert said.code == 3
    assert ("no model in " if isinstance(content, dict) else "no manifest in ") in said.text
    assert "usage:" in said.output
    assert service.asked == []


def test_manifest_when_it_is_missing_then_names_it(service: Any, run_check: Any, tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        said = run_check(main, "-u", service.url, "-m", str(path))
        assert said.code == 3
        assert path.name in said.text


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    change=st.fixed_dictionaries(
        {},
        optional={
            "created": ANY_JSON | st.datetimes().map(str),
            "gate": ANY_JSON
            | st.fixed_dictionaries({"passed": st.booleans() | ANY_JSON}, optional={"reasons": ANY_JSON}),
            "history_samples": ANY_JSON,
            "model_version": ANY_JSON,
            "known_answer": ANY_JSON | st.fixed_dictionaries({"request": ANY_JSON}),
        },
    )
)
def test_manifest_when_it_is_any_json_then_a_model_is_judged_or_it_is_unknown_with_usage(
    judge: Any, released: Any, change: dict[str, object]
) -> None:
    said = judge(released | change)
    assert said.code < 3 or "usage:" in said.output
