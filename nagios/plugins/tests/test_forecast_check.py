"""`check_qos_predict`, one test per state."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from ml_inference.bundle.graph import KNOWN_ANSWER_CAPACITY
from nagios_plugins.check_qos_predict import KNOWN_CAPACITY, UNIT, main
from qos_contract import UNIT as CONTRACT_UNIT

SHIPPED = Path(__file__).parents[3] / "services/ml-inference/bundles/default/manifest.json"


@pytest.fixture
def forecast(service: Any, run_check: Any, manifest: Any, known: Any) -> Any:
    """Run the check against the service."""
    path = manifest({"known_answer": known})
    return lambda *arguments: run_check(main, "-u", service.url, "-m", path, *arguments)


def test_forecast_when_it_is_the_known_one_then_is_ok_with_value_and_time(
    service: Any, forecast: Any, good: Any, known: Any
) -> None:
    service.says(good)
    said = forecast()
    assert (said.code, said.name) == (0, "FORECAST")
    assert said.text.startswith("64.4772 Mbps in ")
    assert said.text.endswith(" ms by model 20261123-abcdef12")
    assert said.perfdata["predicted"] == 64.4772
    assert 0 < said.perfdata["time"] < 0.25
    (path, body) = service.asked[0]
    assert (path, json.loads(body)) == ("/predict", known["request"] | {"link_capacity_mbps": 100})


def test_constants_when_compared_with_the_services_then_are_theirs() -> None:
    assert (KNOWN_CAPACITY, UNIT) == (KNOWN_ANSWER_CAPACITY, CONTRACT_UNIT)


def test_forecast_when_the_manifest_is_the_shipped_one_then_reads_it(service: Any, run_check: Any, good: Any) -> None:
    shipped = json.loads(SHIPPED.read_text())["known_answer"]
    service.says(good | {"predicted_bandwidth": shipped["predicted_bandwidth"]})
    assert run_check(main, "-u", service.url, "-m", str(SHIPPED)).code == 0
    assert json.loads(service.asked[0][1])["packet_rate"] == shipped["request"]["packet_rate"]


def test_forecast_when_it_is_slow_then_is_a_warning(service: Any, forecast: Any, good: Any) -> None:
    service.says(good)
    service.wait = 0.3
    said = forecast("-w", "0.2", "-c", "5")
    assert said.code == 1
    assert said.perfdata["time"] >= 0.3


@pytest.mark.parametrize("value", [64.5, 64.4, 0, -64.4772, 6447.72, 1e11])
def test_forecast_when_it_is_beyond_the_tolerance_then_is_critical(
    service: Any, forecast: Any, good: Any, value: float
) -> None:
    service.says(good | {"predicted_bandwidth": value})
    said = forecast()
    assert said.code == 2
    assert said.text == (f"the forecast is {value:g} Mbps, not 64.4772 ± 0.01 (outside range 64.4672:64.4872)")
    assert said.perfdata["predicted"] == value


@pytest.mark.parametrize(("answered", "reason"), [("20261123-abcdef12", ""), (None, "model None answered")])
def test_forecast_when_another_model_answers_then_that_is_the_reason(
    service: Any, run_check: Any, manifest: Any, known: Any, good: Any, answered: object, reason: str
) -> None:
    path = manifest({"known_answer": known, "model_version": "20261123-abcdef12"})
    service.says(good | {"predicted_bandwidth": 60, "model_version": answered})
    said = run_check(main, "-u", service.url, "-m", path)
    assert said.code == 2
    assert reason in said.text
    assert ("the release has 20261123-abcdef12" in said.text) is (reason != "")


def test_forecast_when_another_model_answers_the_same_then_is_ok(
    service: Any, run_check: Any, manifest: Any, known: Any, good: Any
) -> None:
    service.says(good | {"model_version": "20261124-00000000"})
    path = manifest({"known_answer": known, "model_version": "20261123-abcdef12"})
    assert run_check(main, "-u", service.url, "-m", path).code == 0


@pytest.mark.parametrize("value", [64.468, 64.486])
def test_forecast_when_it_is_within_the_tolerance_then_is_ok(
    service: Any, forecast: Any, good: Any, value: float
) -> None:
    service.says(good | {"predicted_bandwidth": value})
    assert forecast().code == 0


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (True, "true"),
        ("64", '"64"'),
        (None, "null"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        ([64.4772], "[64.4772]"),
        (10**400, "1000"),
        (1e300, "1e+300"),
    ],
)
def test_forecast_when_it_is_no_number_then_is_critical(
    service: Any, forecast: Any, good: Any, value: object, written: str
) -> None:
    service.says(good | {"predicted_bandwidth": value})
    said = forecast()
    assert said.code == 2
    assert said.text.startswith(f"the forecast is {written}")
    assert said.perfdata == {}


@pytest.mark.parametrize("unit", ["kbps", "mbps", "", None, 1])
def test_forecast_when_its_unit_is_another_then_is_critical(
    service: Any, forecast: Any, good: Any, unit: object
) -> None:
    service.says(good | {"unit": unit})
    said = forecast()
    assert (said.code, said.text) == (2, f"the forecast's unit is {unit!r} instead of 'Mbps'")


@pytest.mark.parametrize("status", [400, 404, 413, 422, 500, 503, 504])
def test_forecast_when_an_error_is_answered_then_repeats_its_detail(service: Any, forecast: Any, status: int) -> None:
    service.says({"error": "some_error", "detail": "No model is loaded yet."}, status)
    said = forecast()
    assert (said.code, said.text) == (2, f"HTTP {status}: No model is loaded yet.")


def test_forecast_when_the_body_is_no_json_then_is_critical(service: Any, forecast: Any) -> None:
    service.status, service.body = 502, b"<html>Bad Gateway</html>"
    assert forecast().text == "HTTP 502 with a body that is not a JSON object"
    service.status, service.body = 200, b"[64.4772]"
    assert forecast().code == 2


def test_forecast_when_nested_too_deeply_then_is_critical(service: Any, forecast: Any, good: Any) -> None:
    for depth in range(100, 1100, 25):  # some of them are read, but cannot be repeated
        text = json.dumps(good | {"predicted_bandwidth": "DEEP"}).replace('"DEEP"', "[" * depth + "]" * depth)
        service.body = text.encode()
        assert forecast().code == 2


def test_forecast_when_nothing_listens_then_is_critical(run_check: Any, manifest: Any, known: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    said = run_check(main, "-u", url, "-m", manifest({"known_answer": known}))
    assert (said.code, said.text) == (2, "no connection: Connection refused")


def test_forecast_when_no_answer_comes_then_is_critical_within_the_timeout(service: Any, forecast: Any) -> None:
    service.wait = 30
    said = forecast("-t", "0.3")
    assert (said.code, said.text) == (2, "no answer within 0.3 s")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        {},
        {"known_answer": None},
        {"known_answer": {"request": {}}},
        {"known_answer": {"request": [], "predicted_bandwidth": 1, "tolerance": 1}},
        {"known_answer": {"request": {}, "predicted_bandwidth": "64", "tolerance": 1}},
        {"known_answer": {"request": {}, "predicted_bandwidth": float("nan"), "tolerance": 1}},
        {"known_answer": {"request": {}, "predicted_bandwidth": True, "tolerance": 1}},
        {"known_answer": {"request": {}, "predicted_bandwidth": 64, "tolerance": -1}},
        {"known_answer": {"request": {}, "predicted_bandwidth": 64, "tolerance": None}},
    ],
)
def test_forecast_when_the_manifest_is_broken_then_is_unknown(
    service: Any, run_check: Any, manifest: Any, content: object
) -> None:
    said = run_check(main, "-u", service.url, "-m", manifest(content))
    assert said.code == 3
    assert ("no known answer in " if isinstance(content, dict) else "no manifest in ") in said.text
    assert "usage:" in said.output
    assert service.asked == []


def test_forecast_when_the_manifest_is_missing_then_names_it(service: Any, run_check: Any, tmp_path: Path) -> None:
    said = run_check(main, "-u", service.url, "-m", str(tmp_path / "none.json"))
    assert said.code == 3
    assert "none.json" in said.text
    said = run_check(main, "-u", service.url, "-m", str(tmp_path))
    assert said.code == 3
