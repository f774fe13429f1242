"""A link's page: whatever is kept of a link, it is a page, and says what is known and what is not."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nagios_plugins.links.alarm import Alarm, Level
from nagios_plugins.links.trust import Trust
from nagios_plugins.page import rendering, views
from nagios_plugins.page.kept import Kept

HEADERS = {"Content-Security-Policy": rendering.POLICY}
HOSTILE = "</title></svg><script>alert(1)</script>'\"><img src=x onerror=alert(1)>&amp;"


def page_of(make: Any, kept: Kept, hours: int = 1) -> Any:
    html = rendering.render(
        "link.html.j2", root="/qos", nagios="/cgi-bin/nagios4", refresh=5, choices=("1", "6", "24", "48"),
        runbook=None, is_paused=False,
        **views.facts(kept, hours),
    )  # fmt: skip
    return make.page(200, HEADERS, html)


def alarm(level: Level, since: float) -> dict[str, Any]:
    return Alarm(level, 1, 1, since).as_state()


@settings(max_examples=60, deadline=None)
@given(
    rates=st.lists(st.none() | st.floats(0, 1.2), max_size=90),
    capacity=st.sampled_from([1e-3, 0.1, 100.0, 41.6, 1e4, 1e7]),
    seconds=st.sampled_from([1.0, 5.0, 300.0]),
    hours=st.sampled_from([1, 48]),
    late=st.sampled_from([-3600.0, 0.0, 2.0, 30.0, 1e5]),
    level=st.sampled_from(Level),
    decides=st.sampled_from(["model", "baseline"]),
    every=st.integers(1, 20),
)
def test_page_when_anything_is_kept_then_is_a_page(
    make: Any, rates: list[float | None], capacity: float, seconds: float, hours: int, late: float, level: Level,
    decides: str, every: int,
) -> None:  # fmt: skip
    now = time.time()
    mbps = [None if rate is None else rate * capacity for rate in rates]
    samples = make.samples(mbps, seconds=seconds, capacity=capacity, end=now - late)
    outlooks = make.outlooks(samples[::every], threshold=0.9 * capacity, decides=decides)
    kept = make.kept(
        [sample for sample in samples if sample.wall >= now - hours * 3600], hours=hours, now=now, outlooks=outlooks,
        link=make.link(sampling_seconds=seconds), alarm=alarm(level, now - 60),
    )  # fmt: skip
    page = page_of(make, kept, hours)
    assert "nan" not in page.text.lower().replace("nagios", "")
    assert "inf" not in page.text.lower()
    assert len(page.charts) >= 1


def test_page_when_there_is_no_sample_then_says_so(make: SimpleNamespace) -> None:
    page = page_of(make, make.kept([]))
    assert "No sample in the last 1 h: see Traffic in Nagios." in page.text
    assert "? UNKNOWN" in page.text
    assert "What comes next" not in page.text
    assert "no samples: 1 h in all" in page.text
    assert "No forecast has come due yet." in page.text


def test_page_when_there_is_one_sample_then_shows_it_and_what_is_missing(make: SimpleNamespace) -> None:
    page = page_of(make, make.kept(make.samples([12.34])))
    assert "Newest sample 12.3 Mbps 12.3 % of 100 Mbps" in page.text
    assert "Too little history: 1 of 10 samples in a row; a forecast can be made in 45 s." in page.text
    assert "… WAITING" in page.text


def test_page_when_all_is_well_then_says_what_comes(make: SimpleNamespace) -> None:
    samples, now = make.samples([50.0] * 300), time.time()
    page = page_of(make, make.kept(samples, outlooks=make.outlooks(samples), alarm=alarm(Level.CALM, now - 90)))
    assert "● OK" in page.text
    assert "< 1 % likely to pass 90 Mbps within 25 s." in page.text
    assert "OK since" in page.text
    assert ", for 1 min 30 s" in page.text
    assert " 50.0 Mbps 43.3 … 56.7 Mbps, in 4 of 5 cases" in page.text
    assert "forecast of the model, 80 % interval" in page.text
    assert "of the baseline, which alarms do not go by" in page.text
    assert "The model answers; it is trusted, and never was not." in page.text
    assert "Error budget: 100 % left" in page.text
    assert page.text.count("outside: 0 of 240") == 2


@pytest.mark.parametrize(
    ("level", "rate", "word", "sentence"),
    [
        (Level.LIKELY, 89.9, "▲ WARNING", "74 % likely to pass 90 Mbps within 25 s."),
        (Level.LIKELY, 80.0, "▲ WARNING", "3 % likely to pass 90 Mbps within 25 s; not yet calm again."),
        (Level.SOON, 90.0, "■ CRITICAL", "75 % likely to pass 90 Mbps within 25 s; not yet calm again."),
        (Level.FULL, 95.0, "■ CRITICAL", "Full: 95.0 Mbps, above the threshold of 90 Mbps."),
        (Level.FULL, 70.0, "■ CRITICAL", "< 1 % likely to pass 90 Mbps within 25 s; not yet calm again."),
    ],
)
def test_page_when_there_is_an_alarm_then_says_it_first(
    make: SimpleNamespace, level: Level, rate: float, word: str, sentence: str
) -> None:
    samples = make.samples([rate] * 30)
    page = page_of(make, make.kept(samples, outlooks=make.outlooks(samples), alarm=alarm(level, time.time() - 10)))
    first = page.text.split("What comes next")[0]
    assert word in first
    assert sentence in first
    assert f"{word.split()[1]} since" in first


def test_page_when_samples_stopped_then_is_unknown_whatever_the_alarm_was(make: SimpleNamespace) -> None:
    samples = make.samples([95.0] * 100, end=time.time() - 120)
    page = page_of(make, make.kept(samples, outlooks=make.outlooks(samples), alarm=alarm(Level.FULL, 1.0)))
    assert "? UNKNOWN" in page.text
    assert "No sample for 2 min, so nobody knows what comes: see Traffic in Nagios." in page.text
    assert "no samples: 57 min" not in page.text
    assert "In 25 s" not in page.text


def test_page_when_forecasts_stopped_then_is_unknown(make: SimpleNamespace) -> None:
    samples = make.samples([50.0] * 100)
    page = page_of(make, make.kept(samples, outlooks=make.outlooks(samples[:90]), alarm=alarm(Level.CALM, 1.0)))
    assert "? UNKNOWN" in page.text
    assert "The newest forecast is of" in page.text
    assert "Forecast none" in page.text


def test_page_when_a_forecast_is_one_cell_old_then_is_shown(make: SimpleNamespace) -> None:
    samples = make.samples([50.0] * 100)
    page = page_of(make, make.kept(samples, outlooks=make.outlooks(samples[:-1]), alarm=alarm(Level.CALM, 1.0)))
    assert "● OK" in page.text
    assert "+20 s" in page.text  # of the newest sample on, five steps from the one before


def test_page_when_the_newest_sample_is_newer_than_the_forecast_then_goes_by_the_sample(make: SimpleNamespace) -> None:
    samples = make.samples([95.0] * 29 + [80.0])
    kept = make.kept(samples, outlooks=make.outlooks(samples[:-1]), alarm=alarm(Level.FULL, time.time() - 10))
    first = page_of(make, kept).text.split("What comes next")[0]
    assert "Full" not in first
    assert "100 % likely to pass 90 Mbps within 25 s." in first


def test_page_when_forecasts_are_missing_then_what_was_measured_is_a_whole_line(make: SimpleNamespace) -> None:
    samples = make.samples([50.0] * 100)
    page = page_of(make, make.kept(samples, outlooks=make.outlooks([*samples[:40], *samples[60:]])))
    paths = [(path.get("class"), path.attrib["d"].count("M")) for chart in page.charts for path in chart.iter("path")]
    assert paths.count(("came", 1)) == 4 + 4  # pictures and their legends
    assert ("mean", 2) in paths


def test_page_when_samples_are_missing_then_shows_the_gap_and_its_times(make: SimpleNamespace) -> None:
    rates = [50.0] * 200 + [None] * 60 + [50.0] * 300
    page = page_of(make, make.kept(make.samples(rates)))
    assert "no samples" in "".join(text.text or "" for chart in page.charts for text in chart.iter("text"))
    assert "Times without samples, the newest first" in page.text
    assert "5 min" in page.text.split("Times without samples")[1]


def test_page_when_forecasts_were_bad_then_says_how_bad(make: SimpleNamespace) -> None:
    samples = make.samples([50.0 + 40 * (cell % 2) for cell in range(300)])
    page = page_of(make, make.kept(samples, outlooks=make.outlooks(samples)))
    assert "outside: 240 of 240" in page.text
    assert "Error budget: 0 % left" in page.text
    assert "outside its 80 % interval its error budget is spent" in page.text


def test_page_when_the_baseline_answers_then_says_since_when_and_why(make: SimpleNamespace) -> None:
    samples, now = make.samples([50.0] * 100), time.time()
    trust = Trust(False, now - 600, f"it forecasts 20% of capacity too much {HOSTILE}", 17)
    outlooks = make.outlooks(samples, decides="baseline")
    page = page_of(make, make.kept(samples, outlooks=outlooks, trust=trust.as_state()))
    assert "Forecast by the baseline" in page.text
    assert "as the model is not trusted: it forecasts 20% of capacity too much" in page.text
    assert "60 times in a row to be trusted again; it was 17 times." in page.text
    link = make.link(forecaster="baseline")
    assert "as the inventory says" in page_of(make, make.kept(samples, outlooks=outlooks, link=link)).text


def test_page_when_the_threshold_is_far_above_then_says_so(make: SimpleNamespace) -> None:
    page = page_of(make, make.kept(make.samples([1.0] * 30)))
    assert "↑ threshold 90 Mbps, far above" in page.html
    assert 'class="limit" d=' not in page.html


def test_page_when_the_link_is_idle_then_shows_the_threshold_over_a_line_at_0(make: SimpleNamespace) -> None:
    page = page_of(make, make.kept(make.samples([0.0] * 30)))
    assert "threshold 90 Mbps" in page.html
    assert "Newest sample 0 Mbps 0 % of 100 Mbps" in page.text


def test_page_when_two_days_are_shown_then_every_peak_is_in_it_and_no_more_than_a_screen_can_show(
    make: SimpleNamespace,
) -> None:
    rates: list[float | None] = [10.0] * 34_560
    rates[20_000] = 99.0
    page = page_of(make, make.kept(make.samples(rates), hours=48), 48)
    (spread,) = (
        path
        for chart in page.charts
        for path in chart.iter("path")
        if path.get("class") == "spread" and "L" in path.attrib["d"]
    )
    heights = [float(pair.split()[1]) for pair in spread.attrib["d"].strip("Mz").split("L")]
    assert min(heights) == pytest.approx(1000 * (1 - 99 / 110.88), abs=1)
    assert len(heights) <= 2 * 801
    assert "from lowest to highest sample of each 3 min 36 s" in page.text


def test_page_when_words_are_hostile_then_are_only_shown(make: SimpleNamespace) -> None:
    samples = make.samples([50.0] * 100)
    kept = make.kept(
        samples, outlooks=make.outlooks(samples, version=HOSTILE), link=make.link(HOSTILE), notes=[HOSTILE],
        alarm={"level": HOSTILE, "since": HOSTILE}, trust={"trusted": False, "since": "nan", "why": HOSTILE},
    )  # fmt: skip
    page = page_of(make, kept)
    assert page.text.count("<script>alert(1)</script>") >= 4
    assert "%3Cscript%3E" in "".join(page.links)
