"""The shipped model on recorded links that it was not trained on: truthful it is trusted, lying it is found out.

The limits in links/verdict.py were chosen on the train and val splits; this runs the val split, with utilisation as the
checks measure it (not cut off at 100 %).
"""

from __future__ import annotations

from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from ml_inference.bundle import Bundle, Inputs, load_bundle
from ml_inference.forecasting.data import Trace, load
from ml_inference.forecasting.windows import cut
from nagios_plugins.links.accuracy import Due, Record, due
from nagios_plugins.links.records import WINDOW, Outlook, Sample, Step
from nagios_plugins.links.trust import TRIAL, Trust, step
from nagios_plugins.links.verdict import BUDGET_WINDOW, ENOUGH, judge

REPOSITORY = Path(__file__).parents[4]
DATA = REPOSITORY.parent / "shared" / "data"
SETS = ("ucc5g", "nyu_lte", "leo_cell", "sa5g", "lumos5g", "cell_sat")
EVERY = 211
"""forecasts from one lie's beginning to the next one's; the first begins with the link"""

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"there are no recorded links in {DATA}")


@dataclass(frozen=True)
class Recorded:
    """A recorded link, and what the model said of it, one step ahead."""

    name: str
    dues: list[Due]


def outlooks_of(trace: Trace, bundle: Bundle, epoch: int) -> tuple[list[Outlook], list[Sample]]:
    """As check_qos_forecast and check_qos_link keep them."""
    windows = cut([replace(trace, bandwidth_util=100 * trace.bandwidth_mbps / trace.capacity_mbps)])
    forecast = bundle.model.forecast(Inputs(windows.inputs, windows.context))
    low, high = forecast.levels.index(0.1), forecast.levels.index(0.9)
    said = np.stack([forecast.mean, forecast.quantiles[..., low], forecast.quantiles[..., high]], axis=-1)
    capacity, mbps = trace.capacity_mbps, trace.bandwidth_mbps.tolist()
    samples = [Sample(epoch, n, float(n), 0.0, each, capacity, None) for n, each in enumerate(mbps)]
    outlooks = []
    for n, path in enumerate((said * capacity).tolist(), start=WINDOW - 1):
        steps = tuple(Step(mean, lower, upper, 0.0, 0.0) for mean, lower, upper in path)
        outlooks.append(Outlook(epoch, n, float(n), "model", "shipped", True, mbps[n], 0.0, capacity, steps))
    return outlooks, samples


@pytest.fixture(scope="module")
def links() -> list[Recorded]:
    """One after the other; where a recording was interrupted, a new epoch begins."""
    bundle = load_bundle(REPOSITORY / "services" / "ml-inference" / "bundles" / "default")
    assert bundle.manifest.gate.passed
    found: dict[str, list[Due]] = defaultdict(list)
    for name in SETS:
        segments = [trace for trace in load(DATA / f"{name}.parquet") if trace.split == "val" and len(trace) > WINDOW]
        for epoch, trace in enumerate(segments):
            found[f"{name} {trace.trace_id}"] += due(*outlooks_of(trace, bundle, epoch), "model")
    return [Recorded(name, dues) for name, dues in found.items()]


def shifted(forecast: Due, by: float) -> Due:
    return replace(forecast, mean=forecast.mean + by, lower=forecast.lower + by, upper=forecast.upper + by)


def test_val_split_when_counted_then_is_what_it_should_be(links: list[Recorded]) -> None:
    assert len(links) == 106
    assert sum(len(link.dues) for link in links) > 60_000


def test_model_when_it_is_truthful_then_is_never_called_a_liar_at_any_moment(links: list[Recorded]) -> None:
    for link in links:
        record = Record(link.dues)
        for end in range(len(link.dues) + 1):
            verdict = judge(record, end=end)
            assert not verdict.reasons, (link.name, end)
            assert not verdict.is_low, (link.name, end)


def test_model_when_it_is_truthful_then_never_loses_its_trust(links: list[Recorded]) -> None:
    for link in links:
        assert step(Trust(), link.dues).trusted, link.name


def lies(links: list[Recorded], long: int) -> Iterator[tuple[list[Due], int]]:
    """A link's forecasts of which `long` are shifted, from some moment on, and how many there were before that."""
    for link in links:
        for begin in range(0, len(link.dues) - long, EVERY):
            first = max(begin - BUDGET_WINDOW, 0)
            lie = [shifted(forecast, 0.2) for forecast in link.dues[begin : begin + long]]
            yield link.dues[first:begin] + lie + link.dues[begin + long : begin + long + 3 * TRIAL], begin - first


def test_model_when_it_is_shifted_by_a_fifth_of_capacity_then_is_found_within_forty(links: list[Recorded]) -> None:
    found = []
    for dues, begin in lies(links, long=40):
        record = Record(dues)
        judged = (late for late in range(1, 41) if judge(record, end=begin + late).reasons)
        found.append(next(judged, 999))
    assert len(found) > 300
    share = sum(late <= 40 for late in found) / len(found)
    print(f"\n{len(found)} lies, {share:.2%} found within 40 forecasts, in the median after {median(found):g}")  # noqa: T201
    assert share >= 0.99
    assert ENOUGH / 2 <= median(found) <= 25


def test_model_when_it_stops_lying_then_is_trusted_again_after_a_while(links: list[Recorded]) -> None:
    waits = []
    for dues, begin in islice(lies(links, long=80), 0, None, 3):
        if len(dues) < begin + 80 + 3 * TRIAL:
            continue
        lied = step(Trust(), dues[: begin + 80])
        assert not lied.trusted
        waits.append(bisect(range(3 * TRIAL), False, key=lambda wait: step(lied, dues[: begin + 80 + wait]).trusted))
    assert len(waits) > 30
    print(f"\ntrusted again after {median(waits):g} forecasts in the median, {max(waits)} at most")  # noqa: T201
    assert min(waits) > TRIAL / 2
    assert max(waits) <= 2.5 * TRIAL
