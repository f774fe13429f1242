"""`check_qos_accuracy`, one test per state, over a store as check_qos_link and check_qos_forecast fill it."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nagios_plugins.check_qos_accuracy import main
from nagios_plugins.links.records import HORIZON, MBPS, Outlook, Reading, Step
from nagios_plugins.links.store import Store

INTERVAL = 5.0
CAPACITY = 1000.0
WALL = 1_795_000_000.0
VERSIONS = (("model", "m1"), ("baseline", "ridge-m1"))
FUZZ = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SRC = Path(__file__).parents[1] / "src"
NUMBERS = {"budget_left", "burn_fast", "burn_slow"} | {
    name + ahead for name in ("skill", "coverage", "bias", "bias_mbps") for ahead in ("", "_5")
}


@dataclass
class Edge:
    """A restless link of 1 Gbit/s, half of whose next step the model sees coming; the baseline sees nothing."""

    folder: Path
    links: Path
    cell: int = 0
    """the newest that is over"""
    epoch: int = 0
    value: float = 500.0
    """Mbps in that cell"""
    octets: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def is_configured(self, **more: Any) -> None:
        self.links.write_text(json.dumps({"links": [{"name": "edge1", "source": {"kind": "interface"}} | more]}))

    def goes_on(self, cells: int, *, shift: float = 0.0, widths: Sequence[float] = (1.0,), **changes: Any) -> None:
        """So many more cells pass, and each is forecast: the model's words are shifted (Mbps) and as wide as told."""
        outlooks = []
        with Store(self.folder, "edge1") as store:
            for n in range(cells):
                self.passes(store)
                seen, unseen = self.chance.gauss(0, 20), self.chance.gauss(0, 20)
                model = self._outlook("model", "m1", self.value + seen + shift, 25.6 * widths[n % len(widths)])
                outlooks += [replace(model, **changes), self._outlook("baseline", "ridge-m1", self.value, 40)]
                self.value = min(max(self.value + seen + unseen, 100), 900)
            store.add_outlooks(*outlooks)

    def begins(self, epoch: int, cell: int) -> None:
        """The counters count anew from the end of this cell on."""
        self.epoch, self.cell = epoch, cell
        with Store(self.folder, "edge1") as store:
            self._is_read(store)

    def passes(self, store: Store) -> None:
        """One more cell, that nothing is forecast from."""
        self.cell += 1
        self.octets += round(self.value * MBPS * INTERVAL)
        self._is_read(store)

    def _is_read(self, store: Store) -> None:
        uptime, wall = (self.cell + 1) * INTERVAL, WALL + self.cell * INTERVAL
        store.add_reading(Reading(self.epoch, uptime, wall, self.octets, self.octets // 800, CAPACITY, None), {})

    def _outlook(self, who: Any, version: str, mean: float, half: float) -> Outlook:
        path = tuple(Step(mean, mean - half, mean + half, 0.1, 0.1) for _ in range(HORIZON))
        wall = WALL + self.cell * INTERVAL
        return Outlook(self.epoch, self.cell, wall, who, version, True, self.value, 900.0, CAPACITY, path)

    @property
    def trust(self) -> dict[str, Any]:
        with Store(self.folder, "edge1") as store:
            return store.state("trust")


@pytest.fixture
def edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Edge:
    """The link; it is always half a cell after its newest."""
    (tmp_path / "store").mkdir()
    edge = Edge(tmp_path / "store", tmp_path / "links.json")
    edge.is_configured()
    edge.begins(epoch=1, cell=1000)
    monkeypatch.setattr(time, "clock_gettime", lambda _: (edge.cell + 1.5) * INTERVAL)
    return edge


@pytest.fixture
def accuracy(run_check: Any, edge: Edge) -> Any:
    """Run the check of the link."""
    return lambda: run_check(main, "-l", "edge1", "--links", str(edge.links), "--store", str(edge.folder))


def test_accuracy_when_forecasts_come_true_then_is_ok_with_all_figures(edge: Edge, accuracy: Any) -> None:
    edge.goes_on(245)
    said = accuracy()
    assert (said.code, said.name) == (0, "ACCURACY")
    assert re.fullmatch(
        r"model m1 is \d\d(\.\d)? % better than the last value, 5 steps ahead \d+(\.\d+)? % (better|worse); \d\d % of "
        r"the last 240 values within its 80 % interval, bias [+-]\d+(\.\d+)? Mbps, \d\d % of the error budget left",
        said.text,
    )
    assert set(said.perfdata) == NUMBERS
    assert 15 < said.perfdata["skill"] < 45
    assert 70 < said.perfdata["coverage"] < 90
    assert abs(said.perfdata["bias"]) < 1
    assert said.perfdata["bias_mbps"] == pytest.approx(10 * said.perfdata["bias"], abs=0.01)
    assert said.perfdata["budget_left"] == pytest.approx(100 - 2 * (100 - said.perfdata["coverage"]), abs=0.02)
    assert f"budget_left={said.perfdata['budget_left']}%;10: " in said.output
    assert edge.trust["trusted"] is True


@pytest.mark.parametrize("cells", [1, 2, 8, 20])
def test_accuracy_when_too_little_has_come_due_then_makes_no_claim(edge: Edge, accuracy: Any, cells: int) -> None:
    edge.goes_on(cells, shift=500)
    said = accuracy()
    assert said.code == 0
    assert said.text == f"nothing to judge yet: {cells - 1} of 20 forecasts of the model m1 have come due"


@pytest.mark.parametrize(("shift", "word"), [(200.0, "much"), (-200.0, "little")])
def test_accuracy_when_the_model_lies_then_is_critical_within_forty_and_falls_back(
    edge: Edge, accuracy: Any, shift: float, word: str
) -> None:
    edge.goes_on(40)
    said, cells = accuracy(), 0
    while said.code == 0 and cells < 40:
        edge.goes_on(2, shift=shift)
        said, cells = accuracy(), cells + 2
    assert said.code == 2
    assert 10 < cells < 30
    assert said.text.startswith("model m1: it ")
    assert edge.trust["trusted"] is False
    edge.goes_on(20, shift=shift)
    said = accuracy()
    assert re.search(rf"it forecasts \d\d % of capacity \(\d+ Mbps\) too {word}", said.text)
    assert re.search(r"; alarms go by the baseline since 20\d\d-\d\d-\d\d \d\d:\d\d$", said.text)


def test_accuracy_when_the_lie_ends_then_warns_until_trust_is_earned(edge: Edge, accuracy: Any) -> None:
    edge.goes_on(100)
    edge.goes_on(40, shift=200.0)
    assert accuracy().code == 2
    codes, texts = [], []
    for _ in range(22):
        edge.goes_on(5)
        said = accuracy()
        codes.append(said.code)
        texts.append(said.text)
    assert codes == sorted(codes, reverse=True)
    assert set(codes) == {0, 1, 2}
    assert 4 <= codes.index(1) <= 12
    assert codes.index(0) - codes.index(1) >= 11
    warned = texts[codes.index(1) + 2]
    assert re.match(
        r"alarms go by the baseline since 20\S+ \S+, as it is worse than .*; the model has been good for \d+ of the 60 "
        r"forecasts that it takes; model m1 is ",
        warned,
    )
    assert texts[-1].startswith("model m1 is ")
    assert edge.trust["trusted"] is True


def test_accuracy_when_intervals_are_too_narrow_then_is_critical(edge: Edge, accuracy: Any) -> None:
    edge.goes_on(100, widths=[0.05])
    said = accuracy()
    assert said.code == 2
    assert re.match(r"model m1: \d\d of the last [36]0 values fell outside its 80 % interval", said.text)
    assert said.perfdata["burn_slow"] >= 1.3


def test_accuracy_when_the_budget_is_nearly_gone_then_is_a_warning(edge: Edge, accuracy: Any) -> None:
    edge.goes_on(241, widths=[0.0, 0.0, 0.0, 10.0, 10.0])
    said = accuracy()
    assert said.code == 1
    assert said.text.startswith("model m1 has nearly spent its error budget: it is ")
    assert 0 < said.perfdata["budget_left"] < 10
    assert edge.trust["trusted"] is True


def test_accuracy_when_the_operator_says_model_then_alarms_stay_with_it(edge: Edge, accuracy: Any) -> None:
    edge.is_configured(forecaster="model")
    edge.goes_on(60, shift=200.0)
    said = accuracy()
    assert said.code == 2
    assert re.search(r"; alarms go by it, as the inventory says; not trusted since 20\S+ \S+, as it ", said.text)
    edge.goes_on(70)
    said = accuracy()
    assert said.code == 0
    assert "alarms go by it" in said.text


def test_accuracy_when_the_operator_says_baseline_then_that_is_judged(edge: Edge, accuracy: Any) -> None:
    edge.is_configured(forecaster="baseline")
    edge.goes_on(60)
    said = accuracy()
    assert said.code == 0
    assert said.text.startswith("baseline ridge-m1 is ")
    assert said.text.endswith("; alarms go by the baseline, as the inventory says")
    edge.goes_on(40, shift=200.0)
    said = accuracy()
    assert said.code == 0
    assert re.search(r"as the inventory says; the model is not trusted since 20\S+ \S+, as it ", said.text)
    assert abs(said.perfdata["bias"]) < 3


def test_accuracy_when_the_gate_refused_the_model_then_there_is_nothing_to_fall_back_to(
    edge: Edge, accuracy: Any
) -> None:
    edge.goes_on(60, model_version="ridge-m1")
    said = accuracy()
    assert said.code == 0
    assert said.text.endswith("; the gate refused the model, and this baseline answers in its place")
    edge.goes_on(60, model_version="ridge-m1", shift=200.0)
    said = accuracy()
    assert said.code == 2
    assert edge.trust == {}
    edge.goes_on(19)  # a model that the gate passed begins with nothing against it
    assert accuracy().text == "nothing to judge yet: 18 of 20 forecasts of the model m1 have come due"


def test_accuracy_when_the_baseline_is_no_better_then_says_so(edge: Edge, accuracy: Any) -> None:
    edge.goes_on(60, shift=200.0)
    with Store(edge.folder, "edge1") as store:
        for n in range(60):
            edge.value = 100.0 if n % 2 else 900.0
            edge.passes(store)
            store.add_outlooks(*(edge._outlook(who, name, edge.value, 40) for who, name in VERSIONS))
    said = accuracy()
    assert said.code == 2
    assert "which is no better: baseline ridge-m1: 30 of the last 30 values fell outside" in said.text


def test_accuracy_when_the_link_is_idle_then_is_ok(edge: Edge, accuracy: Any) -> None:
    with Store(edge.folder, "edge1") as store:
        for _ in range(60):
            edge.value = 0.0
            edge.passes(store)
            store.add_outlooks(*(edge._outlook(who, name, 0.2, 0.1) for who, name in VERSIONS))
    said = accuracy()
    assert said.code == 0
    assert said.text.startswith("model m1 is off by 0.02 % of capacity on average; 100 % of the last 59 values")
    assert "skill" not in said.perfdata
    assert said.perfdata["budget_left"] == 100


def test_accuracy_when_counters_begin_anew_then_goes_on_without_the_cells_between(edge: Edge, accuracy: Any) -> None:
    edge.goes_on(40)
    edge.begins(epoch=2, cell=edge.cell + 500)
    edge.goes_on(40)
    said = accuracy()
    assert said.code == 0
    assert "of the last 78 values" in said.text  # the last of an epoch never come due


@pytest.mark.parametrize(("seconds", "word"), [(6, "of before the machine or its sampling began anew"), (1, "ago")])
def test_accuracy_when_the_sampling_interval_changed_then_old_forecasts_say_nothing(
    edge: Edge, accuracy: Any, seconds: float, word: str
) -> None:
    edge.goes_on(30)
    edge.is_configured(sampling_seconds=seconds)
    said = accuracy()
    assert said.code == 3
    assert said.text.endswith(f"{word}: see Forecast")


def test_accuracy_when_nothing_was_measured_then_leaves_it_to_traffic(edge: Edge, accuracy: Any) -> None:
    edge.folder = edge.folder / "new"
    edge.folder.mkdir()
    said = accuracy()
    assert (said.code, said.text) == (0, "nothing to judge yet: nothing has been measured")


def measured(edge: Edge, cells: int) -> None:
    with Store(edge.folder, "edge1") as store:
        for _ in range(cells):
            edge.passes(store)


@pytest.mark.parametrize(
    ("cells", "code", "text"),
    [
        (0, 0, "nothing to judge yet: no forecast has been made"),
        (5, 0, "nothing to judge yet: no forecast has been made"),
        (30, 0, "nothing to judge yet: no forecast has been made"),
        (31, 3, "there are 31 samples, but nothing was forecast: see Forecast"),
    ],
)
def test_accuracy_when_nothing_is_forecast_then_is_unknown_after_a_while(
    edge: Edge, accuracy: Any, cells: int, code: int, text: str
) -> None:
    measured(edge, cells)
    said = accuracy()
    assert (said.code, said.text) == (code, text)


@pytest.mark.parametrize("cells", [0, 5])
def test_accuracy_when_readings_are_old_and_nothing_is_forecast_then_is_unknown(
    edge: Edge, accuracy: Any, cells: int
) -> None:
    measured(edge, cells)
    edge.cell += 30
    said = accuracy()
    assert (said.code, said.text) == (3, "the newest reading is of 2 min ago: see Traffic")


@pytest.mark.parametrize(("cells", "is_stale"), [(18, False), (19, False), (20, True), (1000, True)])
def test_accuracy_when_the_newest_forecast_is_old_then_is_unknown(
    edge: Edge, accuracy: Any, cells: int, is_stale: bool
) -> None:
    edge.goes_on(60)
    edge.cell += cells
    said = accuracy()
    assert (said.code == 3) == is_stale
    if is_stale:
        assert re.fullmatch(r"the newest forecast is of (105 s|83 min) ago: see Forecast", said.text)


def test_accuracy_when_the_machine_was_started_anew_then_old_forecasts_are_stale(edge: Edge, accuracy: Any) -> None:
    edge.goes_on(60)
    edge.cell = 3
    said = accuracy()
    assert (said.code, said.text) == (
        3,
        "the newest forecast is of before the machine or its sampling began anew: see Forecast",
    )


def test_accuracy_when_no_forecast_comes_due_any_more_then_is_unknown(edge: Edge, accuracy: Any) -> None:
    edge.goes_on(60)
    with Store(edge.folder, "edge1") as store:
        for _ in range(30):  # forecast from samples that the store does not have
            edge.cell += 1
            store.add_outlooks(edge._outlook("model", "m1", 500.0, 40))
    said = accuracy()
    assert (said.code, said.text) == (3, "no forecast has come due since the one of 2 min ago: see Traffic")


def test_accuracy_when_the_store_cannot_be_read_then_is_unknown(edge: Edge, run_check: Any) -> None:
    said = run_check(main, "-l", "edge1", "--links", str(edge.links), "--store", str(edge.folder / "none"))
    assert said.code == 3
    assert "none" in said.text


def test_accuracy_when_the_store_was_repaired_then_says_so(edge: Edge, accuracy: Any) -> None:
    edge.goes_on(60)
    (edge.folder / "edge1.sqlite").write_bytes(b"no database at all" * 100)
    said = accuracy()
    assert said.code == 0
    assert re.search(r"error budget left; .*edge1", said.text)


def test_accuracy_when_the_trust_that_is_kept_is_nonsense_then_begins_anew(edge: Edge, accuracy: Any) -> None:
    edge.goes_on(60)
    with Store(edge.folder, "edge1") as store:
        store.set_state("trust", {"trusted": False, "since": "x", "why": [], "good": None})
    assert accuracy().code == 0
    assert edge.trust["trusted"] is True


@pytest.mark.parametrize("since", [None, float("nan"), 1e300, -1e300])
def test_accuracy_when_nobody_knows_since_when_then_says_that(edge: Edge, accuracy: Any, since: float | None) -> None:
    edge.goes_on(60)
    with Store(edge.folder, "edge1") as store:
        seen = [1, edge.cell - 1]
        lost = {"trusted": False, "since": since, "why": "", "good": 1, "begin": [-1, -1], "seen": seen}
        store.set_state("trust", lost)
    said = accuracy()
    assert said.code == 1
    assert said.text.startswith("alarms go by the baseline since an unknown time; the model has been good for 1 of ")


NUMBER = st.floats() | st.sampled_from([0.0, 1e12, -1e12, 1e-9, 500.0])
CELLS = st.integers(1, 40)
ANY_OUTLOOK = st.builds(
    lambda who, version, cell, mean, width, last, capacity, steps: Outlook(
        1, 1000 + cell, WALL, who, version, True, last, 900.0, capacity,
        tuple(Step(mean, mean - width, mean + width, 0.5, 0.5) for _ in range(steps)),
    ),
    st.sampled_from(["model", "baseline"]), st.text(max_size=300), CELLS, NUMBER, NUMBER, NUMBER, NUMBER,
    st.integers(0, 6),
)  # fmt: skip


@FUZZ
@given(
    odd=st.lists(ANY_OUTLOOK, min_size=1, max_size=4), state=st.dictionaries(st.text(max_size=5), NUMBER, max_size=2)
)
def test_accuracy_when_what_is_kept_is_anything_then_the_output_keeps_the_guidelines(
    edge: Edge, accuracy: Any, monkeypatch: pytest.MonkeyPatch, odd: list[Outlook], state: dict[str, Any]
) -> None:
    if edge.cell == 1000:
        edge.goes_on(40)
    odd = sorted(odd, key=lambda outlook: outlook.cell)
    read = [replace(odd[0], cell=cell, last_mbps=500.0) for cell in range(1001, 1041)]
    monkeypatch.setattr(Store, "read_outlooks", lambda *_: [*read, *odd])
    monkeypatch.setattr(Store, "state", lambda *_: state)
    accuracy()


@pytest.mark.parametrize(
    "wrong",
    [[], ["-l"], ["-l", "none"], ["--links", "/nowhere"], ["--store"], ["-t", "0"], ["-t", "soon"], ["--nonsense"]],
)
def test_arguments_when_wrong_then_unknown_with_usage(edge: Edge, run_check: Any, wrong: list[str]) -> None:
    right = ["-l", "edge1", "--links", str(edge.links), "--store", str(edge.folder)]
    said = run_check(main, *(right + wrong if wrong else []))
    assert said.code == 3
    assert "usage:" in said.output


def spawn(edge: Edge) -> tuple[subprocess.CompletedProcess[str], float]:
    told = ["-l", "edge1", "--links", str(edge.links), "--store", str(edge.folder)]
    command = [sys.executable, "-c", "from nagios_plugins.check_qos_accuracy import main; main()", *told]
    started = time.perf_counter()
    done = subprocess.run(
        command, env={"PYTHONPATH": str(SRC), "PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=20
    )
    return done, time.perf_counter() - started


def test_process_when_all_is_well_then_ends_with_0_soon(tmp_path: Path) -> None:
    edge = Edge(tmp_path, tmp_path / "links.json")
    edge.is_configured()
    edge.begins(epoch=1, cell=int(time.clock_gettime(time.CLOCK_BOOTTIME) // INTERVAL) - 310)
    edge.goes_on(308)
    runs = [spawn(edge) for _ in range(3)]
    print(f"\ncheck_qos_accuracy: {min(seconds for _, seconds in runs):.3f} s")  # noqa: T201  measured
    for done, seconds in runs:
        assert (done.returncode, done.stderr) == (0, "")
        assert "ACCURACY OK - model m1 is " in done.stdout
        assert seconds < 2
