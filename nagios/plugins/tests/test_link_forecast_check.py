"""`check_qos_forecast`, one test per state, over a store as check_qos_link fills it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nagios_plugins.check_qos_forecast import main
from nagios_plugins.links.records import MBPS, Reading
from nagios_plugins.links.store import Store

INTERVAL = 5.0
STARTED = 1_790_000_000.0
"""s since 1970, when the poller did"""
FUZZ = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def answer(*within: float, mean: float = 868.0, upper: float = 941.0) -> dict[str, Any]:
    """What both forecasters say: these probabilities, the last of them up to the horizon."""
    chances = [*within, *[within[-1]] * (5 - len(within))]
    path = [
        {
            "predicted_bandwidth": mean,
            "lower": 800.0,
            "upper": upper,
            "exceed_probability": chance,
            "exceed_within_probability": chance,
        }
        for chance in chances
    ]
    said = {"unit": "Mbps", "model_version": "20261123-abcdef12", "path": path}
    return {"answers": [said, said | {"model_version": "ridge-20261123-abcdef12"}]}


@dataclass
class Edge:
    """A link of 1 Gbit/s whose counters go on as told, and the clock with them."""

    folder: Path
    links: Path
    now: int
    """cell that ends with the next reading"""
    octets: int = 0

    def uptime(self) -> float:
        """s; the check comes two seconds after the newest reading."""
        return self.now * INTERVAL + 2

    def carries(self, *mbps: float, epoch: int = 1) -> None:
        """Readings at the ends of the cells that lead up to now, with so much between them."""
        with Store(self.folder, "edge1") as store:
            first = self.now - len(mbps)
            for cell, rate in zip(range(first, self.now + 1), (0.0, *mbps), strict=True):
                self.octets += round(rate * MBPS * INTERVAL)
                uptime = (cell + 1) * INTERVAL
                wall = STARTED + uptime
                store.add_reading(Reading(epoch, uptime, wall, self.octets, self.octets // 800, 1000.0, None), {})
        self.now += 1

    def state(self, name: str) -> dict[str, Any]:
        with Store(self.folder, "edge1") as store:
            return store.state(name)


@pytest.fixture
def edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Edge:
    links = tmp_path / "links.json"
    links.write_text(json.dumps({"links": [{"name": "edge1", "source": {"kind": "interface"}}]}))
    (tmp_path / "store").mkdir()
    edge = Edge(tmp_path / "store", links, 1000)
    monkeypatch.setattr("nagios_plugins.check_qos_forecast.uptime", edge.uptime)
    return edge


@pytest.fixture
def forecast(service: Any, run_check: Any, edge: Edge) -> Any:
    """Run the check of the link."""
    told = ["-u", service.url, "-l", "edge1", "--links", str(edge.links), "--store", str(edge.folder)]
    return lambda *more: run_check(main, *told, *more)


@pytest.mark.parametrize(
    ("said", "code", "text"),
    [
        (answer(0.12), 0, "12 % likely above 90 % of 1 Gbit/s within 25 s (expected 868 Mbps, p90 941 Mbps)"),
        (answer(0.1, 0.2, 0.3, 0.6, 0.82), 1, "82 % likely above 90 % of 1 Gbit/s within 25 s"),
        (answer(0.2, 0.82), 2, "82 % likely above 90 % of 1 Gbit/s within 10 s (expected 868 Mbps, p90 941 Mbps)"),
    ],
)
def test_forecast_when_the_gateway_answers_then_warns_by_probability_and_time(
    service: Any, forecast: Any, edge: Edge, said: dict[str, Any], code: int, text: str
) -> None:
    edge.carries(*[500.0] * 12)
    service.says(said)
    result = forecast()
    assert (result.code, result.name) == (code, "FORECAST")
    assert result.text.startswith(text)
    within = said["answers"][0]["path"][-1]["exceed_within_probability"]
    assert result.perfdata["probability"] == pytest.approx(100 * within)
    assert {name: result.perfdata[name] for name in ("now", "threshold", "expected", "p90")} == {
        "now": pytest.approx(500, rel=1e-3),
        "threshold": 900,
        "expected": 868,
        "p90": 941,
    }


def test_forecast_when_the_link_is_full_then_is_critical_and_says_since_when(
    service: Any, forecast: Any, edge: Edge
) -> None:
    edge.carries(*[950.0] * 12)
    service.says(answer(0.97))
    result = forecast()
    assert result.code == 2
    assert result.text.startswith("full: 950 Mbps, above 90 % of 1 Gbit/s for 5 s")
    edge.carries(890.0)
    result = forecast()
    assert result.code == 2
    assert result.text.startswith("full for 10 s, now 890 Mbps, not yet calm again")


def test_forecast_when_it_gets_calmer_then_the_alarm_stays_for_some_steps(
    service: Any, forecast: Any, edge: Edge
) -> None:
    edge.carries(*[500.0] * 12)
    codes = []
    for within in (0.9, 0.1, 0.1, 0.1):
        service.says(answer(within))
        codes.append(forecast().code)
        edge.carries(500.0)
    assert codes == [2, 2, 2, 0]


def test_forecast_when_asked_twice_in_a_cell_then_the_gateway_is_asked_once(
    service: Any, forecast: Any, edge: Edge
) -> None:
    edge.carries(*[500.0] * 12)
    service.says(answer(0.9))
    first = forecast()
    service.says({}, 503)
    assert forecast().output == first.output
    assert len(service.asked) == 1


def test_forecast_when_the_gateway_fails_then_the_last_one_holds_for_a_while(
    service: Any, forecast: Any, edge: Edge
) -> None:
    edge.carries(*[500.0] * 12)
    service.says(answer(0.6))
    assert forecast().code == 1
    service.says({"detail": "Shutting down."}, 503)
    edge.carries(500.0)
    result = forecast()
    assert result.code == 1
    assert result.text.endswith("of 5 s ago, as the gateway gave no newer one: HTTP 503: Shutting down.")
    for _ in range(3):
        edge.carries(500.0)
    result = forecast()
    assert (result.code, result.text) == (3, "no forecast from the gateway: HTTP 503: Shutting down.")


def test_forecast_when_the_gateway_fails_and_there_is_none_then_is_unknown(
    service: Any, forecast: Any, edge: Edge
) -> None:
    edge.carries(*[500.0] * 12)
    service.says({"detail": "Shutting down."}, 503)
    result = forecast()
    assert (result.code, result.text) == (3, "no forecast from the gateway: HTTP 503: Shutting down.")


def test_forecast_when_no_answer_comes_then_is_unknown_within_the_timeout(
    service: Any, forecast: Any, edge: Edge
) -> None:
    edge.carries(*[500.0] * 12)
    service.wait = 30
    result = forecast("-t", "0.3")
    assert (result.code, result.text) == (3, "no forecast from the gateway: no answer within 0.3 s")


def test_forecast_when_nothing_was_measured_yet_then_waits_for_a_while(forecast: Any, edge: Edge) -> None:
    result = forecast()
    assert result.code == 0
    assert result.text == "too little history: 0 of 10 samples; the first forecast comes in 50 s"
    with Store(edge.folder, "edge1") as store:
        store.set_state("collecting", {"since": time.time() - 200})
    result = forecast()
    assert result.code == 3
    assert result.text.startswith("no 10 samples in a row for 3 min")


def test_forecast_when_measuring_has_begun_again_then_waits_for_ten_samples(forecast: Any, edge: Edge) -> None:
    edge.carries(*[500.0] * 12)
    edge.now += 100
    edge.carries(500.0, epoch=2)
    assert forecast().text.startswith("too little history: 1 of 10 samples")


def test_forecast_when_the_machine_started_anew_then_is_unknown_until_there_is_a_reading(
    forecast: Any, edge: Edge
) -> None:
    edge.carries(*[500.0] * 12)
    edge.now = 3
    result = forecast()
    assert (result.code, result.text) == (3, "nothing has been measured since this machine started: see Traffic")


def test_forecast_when_the_newest_sample_is_old_then_is_unknown(service: Any, forecast: Any, edge: Edge) -> None:
    edge.carries(*[500.0] * 12)
    edge.now += 100
    result = forecast()
    assert result.code == 3
    assert "nothing was measured for 8 min: see Traffic" in result.text
    assert service.asked == []


def test_forecast_when_there_is_too_little_history_then_says_so(service: Any, forecast: Any, edge: Edge) -> None:
    edge.carries(*[500.0] * 4)
    result = forecast()
    assert result.code == 0
    assert result.text == "too little history: 4 of 10 samples; the first forecast comes in 30 s"
    assert service.asked == []


def test_forecast_when_history_stays_too_little_then_is_unknown(forecast: Any, edge: Edge) -> None:
    edge.carries(*[500.0] * 4)
    assert forecast().code == 0
    for epoch in range(2, 10):
        edge.now += 4  # a gap
        edge.carries(*[500.0] * 4, epoch=epoch)
        result = forecast()
    assert result.code == 3
    assert result.text.startswith("no 10 samples in a row for 3 min")


@pytest.mark.parametrize(
    ("forecaster", "trusted", "remark"),
    [
        ("auto", False, "; by the baseline, as the model is not trusted: see Accuracy"),
        ("baseline", True, "; by the baseline, as the inventory says"),
        ("model", False, ""),
        ("auto", True, ""),
    ],
)
def test_forecast_when_the_model_is_not_trusted_then_goes_by_the_baseline(
    service: Any, forecast: Any, edge: Edge, forecaster: str, trusted: bool, remark: str
) -> None:
    edge.carries(*[500.0] * 12)
    entry = {"name": "edge1", "source": {"kind": "interface"}, "forecaster": forecaster}
    edge.links.write_text(json.dumps({"links": [entry]}))
    with Store(edge.folder, "edge1") as store:
        store.set_state("trust", {"trusted": trusted})
    said = answer(0.1)
    said["answers"][1] = answer(0.95)["answers"][1]
    service.says(said)
    result = forecast()
    assert result.code == (2 if remark else 0)
    assert result.text.endswith(f"Mbps){remark}")
    with Store(edge.folder, "edge1") as store:
        assert [(each.forecaster, each.decided) for each in store.read_outlooks(1)] == [
            ("model", remark == ""),
            ("baseline", remark != ""),
        ]


def test_forecast_when_the_store_cannot_be_used_then_says_which_and_why(forecast: Any, edge: Edge) -> None:
    edge.folder.rmdir()
    result = forecast()
    assert result.code == 3
    assert str(edge.folder) in result.text


def test_forecast_when_the_store_was_repaired_then_says_so(service: Any, forecast: Any, edge: Edge) -> None:
    edge.carries(*[500.0] * 12)
    (edge.folder / "edge1.sqlite").write_bytes(b"no database" * 1000)
    service.says(answer(0.1))
    result = forecast()
    assert result.code == 0
    assert "has been made anew" in result.text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["-l", "edge2"], "there is no link 'edge2'; there are edge1"),
        (["--links", "/nowhere/links.json"], "no links in /nowhere/links.json"),
        (["-u", "here"], "'here' is not http"),
    ],
)
def test_arguments_when_wrong_then_unknown_with_usage(forecast: Any, change: list[str], said: str) -> None:
    result = forecast(*change)
    assert result.code == 3
    assert said in result.text
    assert "usage:" in result.output


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@FUZZ
@given(status=st.sampled_from([200, 200, 404, 422, 503]), said=ANY_JSON)
def test_answer_when_it_is_any_json_then_the_output_keeps_the_guidelines(
    service: Any, forecast: Any, edge: Edge, status: int, said: object
) -> None:
    if edge.octets == 0:
        edge.carries(*[500.0] * 12)
    service.says(said, status)
    assert forecast().code == 3
