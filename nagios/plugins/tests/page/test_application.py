"""Which page is answered to what is asked."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nagios_plugins.links.alarm import Alarm, Level
from nagios_plugins.page.application import Places

HOSTILE = "</title><script>alert(1)</script>'\">&"
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def fill(make: Any, places: Places, name: str, rate: float = 50.0, level: Level = Level.CALM) -> None:
    samples = make.samples([rate] * 40)
    outlooks = make.outlooks(samples)
    make.store(
        places.store_dir, name, make.readings(samples), outlooks, alarm=Alarm(level, 1, 1, time.time() - 60).as_state()
    )


def test_link_when_asked_for_then_is_answered_and_asked_again_as_it_is_sampled(
    make: SimpleNamespace, places: Places, watched: Callable[..., None], ask: Callable[..., Any]
) -> None:
    watched("uplink", sampling_seconds=5, threshold_percent=80)
    fill(make, places, "uplink")
    page = ask("/links/uplink")
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["Refresh"] == "5"
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert "Newest sample 50.0 Mbps" in page.text
    assert "Passes 80 Mbps within 25 s" in page.text
    assert "/cgi-bin/nagios4/status.cgi?host=uplink" in page.links
    assert "/qos/runbooks/" in page.links
    assert "/qos/links/uplink?hours=48" in page.links


@pytest.mark.parametrize("hours", [1, 6, 24, 48])
def test_link_when_asked_for_hours_then_shows_them(
    make: SimpleNamespace, places: Places, watched: Callable[..., None], ask: Callable[..., Any], hours: int
) -> None:
    watched("uplink")
    fill(make, places, "uplink")
    page = ask("/links/uplink", f"hours={hours}")
    assert f"The last {hours} h" in page.text
    assert f'hours={hours}" aria-current="true"' in page.html


@pytest.mark.parametrize(
    "query",
    [
        "hours=2",
        "hours=",
        "hours=-1",
        "hours=1e9",
        "hours=%00",
        "hours=1;drop",
        "hours=٦",
        "days=1",
        "hours=1&x",
        "refresh=no",
    ],
)
def test_link_when_asked_for_something_else_then_is_400(
    watched: Callable[..., None], ask: Callable[..., Any], query: str
) -> None:
    watched("uplink")
    page = ask("/links/uplink", query)
    assert page.status == 400
    assert (
        "hours can be 1, 6, 24, 48" in page.text
        or "This page knows no" in page.text
        or "refresh can be on, off" in page.text
    )
    assert "Refresh" not in page.headers


def test_page_when_it_is_paused_then_stays_as_it_is(
    make: SimpleNamespace, places: Places, watched: Callable[..., None], ask: Callable[..., Any]
) -> None:
    watched("uplink", sampling_seconds=2.5)
    fill(make, places, "uplink")
    for path, query in (("/links/", "refresh=off"), ("/links/uplink", "hours=6&refresh=off")):
        page = ask(path, query)
        assert (page.status, "Refresh" in page.headers) == (200, False)
        assert "not refreshed" in page.text
        page = ask(path)
        assert page.headers["Refresh"] == "3"
        assert any(link.endswith("refresh=off") for link in page.links)
    assert "/qos/links/uplink?hours=48&refresh=off" in ask("/links/uplink", "hours=6&refresh=off").links


def test_link_when_it_is_not_watched_then_is_404(watched: Callable[..., None], ask: Callable[..., Any]) -> None:
    watched("uplink")
    page = ask("/links/downlink")
    assert (page.status, "Refresh" in page.headers) == (404, False)
    assert "There is no link 'downlink' in the inventory." in page.text


@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"links": [{"name": "a"}]}', "\0"])
def test_pages_when_the_inventory_cannot_be_read_then_are_503_and_asked_again(
    places: Places, ask: Callable[..., Any], content: str | None
) -> None:
    if content is not None:
        Path(places.links_file).write_text(content)
    for path in ("/links/", "/links/uplink"):
        page = ask(path)
        assert (page.status, page.headers["Refresh"]) == (503, "10")
        assert "The links cannot be told: no links in" in page.text


def test_pages_when_the_store_cannot_be_read_then_are_503(
    make: SimpleNamespace, places: Places, watched: Callable[..., None], ask: Callable[..., Any]
) -> None:
    watched("uplink")
    assert ask("/links/").status == 503
    assert "The store of uplink cannot be read" in ask("/links/uplink").text
    fill(make, places, "uplink")
    for file in places.store_dir.glob("*.sqlite"):
        file.write_bytes(b"\xff" * 5000)
    page = ask("/links/uplink")
    assert (page.status, page.headers["Refresh"]) == (503, "10")
    assert page.text.count("The store of uplink cannot be read: ") == 1


def test_link_when_it_has_an_alarm_then_leads_to_its_runbook_where_there_is_one(
    make: SimpleNamespace, places: Places, watched: Callable[..., None], ask: Callable[..., Any]
) -> None:
    watched("uplink")
    fill(make, places, "uplink", 95.0, Level.FULL)
    assert "What to do" not in ask("/links/uplink").text
    (places.runbooks_dir / "link-forecast.md").write_text("# Forecast of a link")
    assert "/qos/runbooks/link-forecast" in ask("/links/uplink").links
    watched("uplink", sampling_seconds=0.1)  # by which the newest sample is old
    assert "/qos/runbooks/link-forecast" not in ask("/links/uplink").links


def test_overview_when_one_store_cannot_be_read_then_the_others_are_shown(
    make: SimpleNamespace, places: Places, watched: Callable[..., None], ask: Callable[..., Any]
) -> None:
    watched("broken", "uplink")
    fill(make, places, "uplink")
    page = ask("/links/")
    assert page.status == 200
    assert "1 UNKNOWN, 1 OK" in page.text
    assert "The store cannot be read" in page.text


def test_overview_when_links_differ_then_has_what_is_wrong_first(
    make: SimpleNamespace, places: Places, watched: Callable[..., None], ask: Callable[..., Any]
) -> None:
    watched("a", "b", "c", "d")
    for name, rate, level in (
        ("a", 10, Level.CALM),
        ("b", 86, Level.LIKELY),
        ("c", 95, Level.FULL),
        ("d", 0, Level.CALM),
    ):
        fill(make, places, name, rate, level)
    page = ask("/links/")
    assert page.status == 200
    assert page.headers["Refresh"] == "5"
    assert [link.rsplit("/", 1)[1] for link in page.links if link.startswith("/qos/links/")] == ["c", "b", "a", "d"]
    assert "1 CRITICAL, 1 WARNING, 2 OK" in page.text
    assert "10.0 Mbps 10.0 %" in page.text
    assert page.html.count('<svg class="plot"') == 4


def test_overview_when_all_is_well_or_nothing_is_watched_then_says_so(
    make: SimpleNamespace, places: Places, watched: Callable[..., None], ask: Callable[..., Any]
) -> None:
    watched()
    assert "No link is watched." in ask("/links/").text
    watched("uplink")
    fill(make, places, "uplink")
    assert "The link is OK: it is not likely to pass its threshold soon." in ask("/links/").text


def test_link_when_its_name_is_hostile_then_is_a_link_like_others(
    make: SimpleNamespace, places: Places, watched: Callable[..., None], ask: Callable[..., Any]
) -> None:
    watched(HOSTILE, "größer ☃")
    fill(make, places, HOSTILE)
    fill(make, places, "größer ☃")
    assert ask("/links/").status == 200
    assert ask(f"/links/{HOSTILE}").status == 200
    page = ask("/links/größer ☃".encode().decode("latin-1"))
    assert page.status == 200
    assert "größer ☃" in page.text


@pytest.mark.parametrize("path", ["", "/", "/links", "/runbooks"])
def test_address_when_it_is_short_then_leads_on(ask: Callable[..., Any], path: str) -> None:
    page = ask(path)
    assert page.status == 302
    assert page.headers["Location"] == ("/qos/runbooks/" if path == "/runbooks" else "/qos/links/")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get"])
def test_page_when_it_is_not_just_looked_at_then_is_405(ask: Callable[..., Any], method: str) -> None:
    page = ask("/links/", method=method)
    assert (page.status, page.headers["Allow"]) == (405, "GET, HEAD")


def test_page_when_only_its_head_is_asked_for_then_has_no_body(
    watched: Callable[..., None], ask: Callable[..., Any]
) -> None:
    watched()
    page = ask("/links/", method="HEAD")
    assert (page.status, page.html) == (200, "")
    assert int(page.headers["Content-Length"]) > 1000


def test_page_when_the_program_fails_then_is_500_without_a_traceback(
    watched: Callable[..., None], ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    watched("uplink")
    monkeypatch.setattr("nagios_plugins.page.views.link", lambda *_: 1 / 0)
    page = ask("/links/uplink")
    assert (page.status, page.headers["Refresh"]) == (500, "10")
    assert "This page could not be made; the web server's error log says why." in page.text
    assert "division" not in page.html


@FUZZ
@given(path=st.text(max_size=30), query=st.text(max_size=20))
def test_address_when_it_is_anything_then_is_answered(
    ask: Callable[..., Any], watched: Callable[..., None], path: str, query: str
) -> None:
    watched("uplink")
    raw = path.encode("utf-8", "surrogatepass").decode("latin-1")
    assert ask(f"/links/{raw}", query).status in {200, 302, 400, 404, 503}
    assert ask(f"/{raw}", query).status in {302, 400, 404, 503}
    assert ask(f"/runbooks/{raw}", query).status in {200, 400, 404}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/runbooks/../links.json", 404), ("/runbooks/..", 404), ("/runbooks/../../etc/passwd", 404),
        ("/runbooks/.", 404), ("/runbooks//etc/passwd", 404), ("/runbooks/secret\0", 400), ("/runbooks/a\nb", 400),
        ("/runbooks/\xff", 400), ("/links/../runbooks/alarm", 404), ("/links/uplink/", 404), ("/nagios4/", 404),
        ("/linksuplink", 404),
    ],
)  # fmt: skip
def test_address_when_it_is_a_trick_then_is_refused(
    places: Places, watched: Callable[..., None], ask: Callable[..., Any], path: str, status: int
) -> None:
    watched("uplink")
    (places.runbooks_dir / "alarm.md").write_text("# What to do")
    places.runbooks_dir.with_name("secret.md").write_text("# A secret")
    page = ask(path)
    assert page.status == status
    assert "secret" not in page.text.replace("'secret'", "").lower()


def test_runbook_when_asked_for_then_is_shown(places: Places, ask: Callable[..., Any]) -> None:
    (places.runbooks_dir / "alarm.md").write_text(
        "# What to do\n\nFirst *look*, then [ask](accuracy.md#who) or [read](https://example.org/x.md).\n\n"
        "| sign | meaning |\n|---|---|\n| `▲` | a warning |\n\n```\nmake verify | grep '<ok>'\n```\n"
    )
    page = ask("/runbooks/alarm")
    assert page.status == 200
    assert "First look, then ask or read." in page.text
    assert "make verify | grep '<ok>'" in page.text
    assert "<td><code>▲</code></td>" in page.html
    assert {"accuracy#who", "https://example.org/x.md"} <= set(page.links)
    assert "<title>What to do</title>" in page.html
    assert "Refresh" not in page.headers


def test_runbook_when_it_has_html_then_shows_it_as_text(places: Places, ask: Callable[..., Any]) -> None:
    (places.runbooks_dir / "alarm.md").write_text(
        f"# {HOSTILE}\n\n{HOSTILE}\n\n<b onclick=x>bold</b>\n\n[run](javascript:alert(1)) [data](data:text/html,x)\n"
    )
    page = ask("/runbooks/alarm")
    assert page.text.count("<script>alert(1)</script>") >= 3
    assert "<b onclick=x>bold</b>" in page.text
    assert not [link for link in page.links if link.startswith(("javascript:", "data:"))]
    assert "<script>" in ask("/runbooks/").text


def test_runbooks_when_there_are_some_none_or_no_folder_then_are_listed_or_not(
    places: Places, ask: Callable[..., Any]
) -> None:
    assert "There are none." in ask("/runbooks/").text
    (places.runbooks_dir / "alarm.md").write_text("no heading")
    (places.runbooks_dir / "notes.txt").write_text("# not one")
    (places.runbooks_dir / "folder.md").mkdir()
    page = ask("/runbooks/")
    assert [link for link in page.links if "/runbooks/" in link] == ["/qos/runbooks/alarm"]
    for path in places.runbooks_dir.glob("*"):
        path.rmdir() if path.is_dir() else path.unlink()
    places.runbooks_dir.rmdir()
    assert ask("/runbooks/").status == ask("/runbooks/alarm").status == 503


def test_links_file_when_written_by_the_role_then_is_read(places: Places, ask: Callable[..., Any]) -> None:
    entry = {"name": "lte", "source": {"kind": "trace", "file": "x.csv", "trace_id": None}, "rtt_target": None}
    Path(places.links_file).write_text(json.dumps({"links": [entry]}))
    assert "lte" in ask("/links/lte").text
