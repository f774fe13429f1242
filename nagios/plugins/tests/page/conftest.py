"""Links with a past, a store of them, and a browser that is pickier than others."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import re
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, field
from html.parser import HTMLParser
from itertools import accumulate
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from nagios_plugins.links import store as stores
from nagios_plugins.links.database import Change
from nagios_plugins.links.inventory import InterfaceSource, Link
from nagios_plugins.links.records import HORIZON, MBPS, Forecaster, Outlook, Reading, Sample, Step
from nagios_plugins.page.application import Places, application
from nagios_plugins.page.kept import Kept

VOID = {"meta", "link", "br", "hr", "img", "input", "col", "wbr"}
INLINE = {"a", "b", "code", "em", "span", "strong"}
ALONE = {"line", "path", "rect", "circle"}
"""SVG elements that end themselves"""


@dataclass
class Browser(HTMLParser):
    """Reads a page, and minds what others forgive."""

    text: str = ""
    links: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    meant: list[str] = field(default_factory=list)
    """ids that other elements are explained by"""
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what is in it; and nothing may run, load or style itself."""
        names = [name for name, _ in attrs]
        values = dict(attrs)
        assert len(set(names)) == len(names), (tag, attrs)
        assert tag not in {"script", "img", "iframe", "object", "form", "base"}
        assert not [name for name in names if name.startswith("on") or name in {"style", "src", "srcset"}], (tag, attrs)
        href = values.get("href") or ""
        assert tag == "link" or not href.startswith(("data:", "javascript:"))
        self.links += [href] if tag == "a" else []
        self.ids += [values["id"] or ""] if "id" in values else []
        self.meant += (values.get("aria-labelledby") or "").split()
        if tag not in VOID | ALONE:
            self.open.append(tag)
        if tag not in INLINE:
            self.text += " "

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """The same, of one that is empty."""
        assert tag in ALONE
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """What is opened last is closed first."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """What can be read."""
        if self.open[-1:] != ["style"]:
            self.text += data


@dataclass
class Page:
    """An answer."""

    status: int
    headers: dict[str, str]
    html: str
    text: str = ""
    links: list[str] = field(default_factory=list)
    charts: list[ET.Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Hold every page to the same, whatever a test is about."""
        if not self.html:
            return
        browser = Browser()
        browser.feed(self.html)
        browser.close()
        assert browser.open == []
        assert len(set(browser.ids)) == len(browser.ids)
        assert set(browser.meant) <= set(browser.ids)
        assert self.html.startswith("<!doctype html>")
        assert self.html.count('<meta name="viewport" content="width=device-width, initial-scale=1">') == 1
        assert "Traceback" not in self.html
        style = re.findall(r"<style>(.*?)</style>", self.html, flags=re.DOTALL)
        hashed = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
        assert len(style) == 1
        assert "://" not in style[0]
        assert f"'sha256-{hashed}'" in self.headers["Content-Security-Policy"]
        assert self.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
        assert "unsafe" not in self.headers["Content-Security-Policy"]
        self.charts = [ET.fromstring(text) for text in svgs(self.html)]
        for path in (path for chart in self.charts for path in chart.iter("path")):
            assert re.fullmatch(r"([MLHVhz]|-?\d+(\.\d+)?| )+", path.attrib["d"]), path.attrib
        for chart in self.charts:
            if chart.get("role") == "img" and chart.get("class") == "plot":
                assert (chart[0].tag, chart[1].tag) == ("title", "desc")
                assert chart[0].text
                assert chart[1].text
        self.text, self.links = " ".join(browser.text.split()), browser.links


def svgs(html: str) -> list[str]:
    """The outermost SVG elements of a page."""
    found, depth, begin = [], 0, 0
    for tag in re.finditer(r"<(/?)svg\b", html):
        if not tag[1]:
            begin = tag.start() if depth == 0 else begin
            depth += 1
        else:
            depth -= 1
            if depth == 0:
                found.append(html[begin : html.index(">", tag.start()) + 1])
    assert depth == 0
    return found


def make_link(name: str = "uplink", **changes: Any) -> Link:
    return Link(name, InterfaceSource(), **changes)


def make_samples(
    rates: Sequence[float | None], *, seconds: float = 5.0, capacity: float = 100.0, end: float | None = None
) -> list[Sample]:
    """Samples of these Mbps up to `end`, in cells of `seconds`; None is a sample that is not there."""
    end = time.time() if end is None else end
    epochs = accumulate(int(rate is None) for rate in rates)  # of a sample that is not there it does not matter
    return [
        Sample(epoch, cell, end - (len(rates) - 1 - cell) * seconds, 80 * rate, rate, capacity, None)
        for cell, (epoch, rate) in enumerate(zip(epochs, rates, strict=True))
        if rate is not None
    ]


def make_outlooks(
    samples: Sequence[Sample],
    *,
    threshold: float = 90.0,
    decides: Forecaster = "model",
    version: str = "20261124-6edf122e",
) -> list[Outlook]:
    """Of both forecasters from each sample: it stays as it is, more or less; the baseline is less sure."""
    found = []
    for sample in samples:
        for forecaster, width in (("model", 0.03), ("baseline", 0.05)):
            path = []
            for ahead in range(1, HORIZON + 1):
                spread = width * math.sqrt(ahead) * sample.capacity_mbps
                exceed = 0.5 * math.erfc((threshold - sample.mbps) / spread)
                within = min(1.0, 1.5 * exceed)
                lower, upper = max(sample.mbps - spread, 0.0), sample.mbps + spread
                path.append(Step(sample.mbps, lower, upper, exceed, within))
            found.append(
                Outlook(
                    sample.epoch, sample.cell, sample.wall, forecaster, version, forecaster == decides,  # type: ignore[arg-type]
                    sample.mbps, threshold, sample.capacity_mbps, tuple(path),
                )
            )  # fmt: skip
    return found


def make_kept(samples: Sequence[Sample], *, hours: float = 1, now: float | None = None, **changes: Any) -> Kept:
    """What is kept of a link with these samples."""
    now = time.time() if now is None else now
    return Kept(changes.pop("link", None) or make_link(), now, now - hours * 3600, samples, **changes)


def make_readings(samples: Sequence[Sample], *, seconds: float = 5.0, jitter: float = 0.0) -> list[Reading]:
    """Readings that these samples come of; each up to `jitter` seconds late."""
    found: list[Reading] = []
    octets = packets = 0.0
    for number, sample in enumerate(samples):
        late = jitter * (number * 0.618 % 1)
        if not found or found[-1].epoch != sample.epoch:
            start = sample.wall - seconds
            found.append(
                Reading(
                    sample.epoch,
                    sample.cell * seconds,
                    start,
                    round(octets),
                    round(packets),
                    sample.capacity_mbps,
                    None,
                )
            )
        octets += sample.mbps * MBPS * seconds
        packets += sample.packet_rate * seconds
        found.append(
            Reading(
                sample.epoch, (sample.cell + 1) * seconds + late, sample.wall + late, round(octets), round(packets),
                sample.capacity_mbps, sample.rtt_spread_ms,
            )
        )  # fmt: skip
    return found


def write_store(
    folder: Path, name: str, readings: Sequence[Reading], outlooks: Sequence[Outlook] = (), **states: dict[str, Any]
) -> None:
    """Write a link's store at once: the checks would take two days."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [("readings", astuple(reading)) for reading in readings]
    rows += [("outlooks", stores._row(outlook)) for outlook in outlooks]
    with stores.Store(folder, name, keep_seconds=1e9) as store:
        store._write(lambda _: Change(rows))
        for key, state in states.items():
            store.set_state(key, state)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Where a page finds things; there are none yet."""
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "links").mkdir()
    return Places(str(tmp_path / "links.json"), tmp_path / "links", tmp_path / "runbooks", "/cgi-bin/nagios4")


@pytest.fixture
def watched(places: Places) -> Callable[..., None]:
    """Write links.json with links of these names."""

    def write(*names: str, **fields: Any) -> None:
        links = [{"name": name, "source": {"kind": "interface"}, **fields} for name in names]
        Path(places.links_file).write_text(json.dumps({"links": links}), encoding="utf-8")

    return write


@pytest.fixture
def ask(places: Places) -> Callable[..., Page]:
    """Ask for a page."""

    def get(path: str, query: str = "", method: str = "GET", **environ: Any) -> Page:
        environ |= {"SCRIPT_NAME": "/qos", "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": method}
        setup_testing_defaults(environ)
        environ["wsgi.errors"] = io.StringIO()
        started: list[Any] = []
        body = b"".join(application(places)(environ, lambda *given: started.append(given)))  # type: ignore[arg-type, func-returns-value]
        ((status, headers),) = started
        return Page(int(status.split()[0]), dict(headers), body.decode())

    return get


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """What makes links, samples, outlooks and stores of them."""
    return SimpleNamespace(
        link=make_link, samples=make_samples, outlooks=make_outlooks, kept=make_kept, readings=make_readings,
        store=write_store, page=Page,
    )  # fmt: skip
