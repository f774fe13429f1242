"""The links' pages as Apache serves them beside Nagios' own: nobody sees them without the password."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import apache
import browser
from nagios_plugins.links.records import MBPS, Reading
from nagios_plugins.links.store import Store

pytestmark = pytest.mark.skipif(
    apache.BINARY is None or not Path("/usr/lib/cgi-bin/nagios4").exists(), reason="no Apache or no Nagios is installed"
)
READER = {"private": "nagios", "server": "www-data"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: str


@dataclass(frozen=True)
class Site:
    """An Apache that runs."""

    port: int
    folder: Path

    def get(self, path: str, login: tuple[str, str] | None = apache.LOGIN, method: str = "GET") -> Answer:
        """Ask for an address just as it is written."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {"Authorization": f"Basic {b64encode(':'.join(login).encode()).decode()}"} if login else {}
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.headers), answer.read().decode("utf-8", "replace"))
        finally:
            connection.close()

    @property
    def log(self) -> str:
        return (self.folder / "error.log").read_text()


@pytest.fixture(scope="module", params=["private", "server"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    folder = Path(tempfile.mkdtemp(prefix="qos-apache-"))
    folder.chmod(0o755)
    with apache.running(request.param, folder) as port:
        (folder / "nagios/etc/links.json").write_text(
            json.dumps({"links": [{"name": "uplink", "source": {"kind": "interface"}}]})
        )
        (folder / "nagios/etc/runbooks/alarm.md").write_text("# What to do\n")
        store = folder / "links"
        now = time.time()
        with Store(store, "uplink") as written:
            for n in range(12):
                octets = int(40 * MBPS * 5 * n)
                written.add_reading(Reading(1, 100.0 + 5 * n, now - 55 + 5 * n, octets, 1000 * n, 100.0, None), {})
        if os.geteuid() == 0:
            shutil.chown(store, "nagios", READER[request.param])
            for path in store.iterdir():
                shutil.chown(path, "nagios", READER[request.param])
            store.chmod(0o2750)
        yield Site(port, folder)
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    "path",
    [
        "/qos",
        "/qos/",
        "/qos/links/",
        "/qos/links/uplink",
        "/qos/links/nobody",
        "/qos/runbooks/alarm",
        "/qos/..%2f",
        "/qos/../qos/",
    ],
)
def test_page_when_there_is_no_password_then_is_401(site: Site, path: str) -> None:
    for login in (None, (apache.LOGIN[0], "wrong"), ("", "")):
        answer = site.get(path, login)
        assert answer.status == (404 if "%2f" in path else 401)
        assert "uplink" not in answer.body.replace(path, "")


def test_page_when_there_is_the_password_then_is_shown(site: Site) -> None:
    for path in ("/qos", "/qos/", "/qos/links"):
        answer = site.get(path)
        assert (answer.status, answer.headers["Location"]) == (302, "/qos/links/")
    assert "40.0 Mbps" in site.get("/qos/links/").body
    answer = site.get("/qos/links/uplink?hours=48")
    assert answer.status == 200
    assert "40.0 Mbps" in answer.body
    assert "What to do" in site.get("/qos/runbooks/alarm").body
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer.headers["Refresh"] == "5"
    assert "/cgi-bin/nagios4/status.cgi?host=uplink" in answer.body
    head = site.get("/qos/links/", method="HEAD")
    assert (head.status, head.body) == (200, "")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/qos/links/nobody", 404), ("/qos/nowhere", 404), ("/qos/links/uplink?hours=5", 400),
        ("/qos/runbooks/..%2f..%2flinks.json", 404), ("/qos/runbooks/%2e%2e%2flinks.json", 404),
        ("/qos/runbooks/....//links.json", 404), ("/qos/runbooks/..\\links.json", 404), ("/qos/runbooks/alarm.md", 404),
        ("/qos/links/a%0ab", 400), ("/qos/links/%ff", 400), ("/qos/links/%c0%ae%c0%ae", 400),
        ("/qos/links/%", 400), ("/qos/links/" + "a" * 9000, 414),
        # Apache does not bring these to the pages; which of its refusals it is, depends on its version and instance.
        ("/qosmos", None), ("/qos/runbooks/../../links.json", None), ("/qos/runbooks/%2e%2e/%2e%2e/links.json", None),
        ("/qos/../../../../etc/passwd", None), ("/qos/links/%00", None), ("/qos/links/uplink%00.html", None),
    ],
)  # fmt: skip
def test_address_when_it_is_a_trick_then_is_refused(site: Site, path: str, status: int | None) -> None:
    answer = site.get(path)
    assert answer.status in ({status} if status else {400, 403, 404})
    assert "Traceback" not in answer.body
    assert "root:" not in answer.body
    assert "kind" not in answer.body


def test_page_when_something_is_sent_to_it_then_is_405(site: Site) -> None:
    assert site.get("/qos/links/", method="POST").status == 405
    assert site.get("/qos/links/", method="DELETE").status == 405


def test_nagios_when_the_pages_are_beside_it_then_works_as_before(site: Site) -> None:
    for path in ("/nagios4/main.php", "/nagios4/stylesheets/common.css", "/cgi-bin/nagios4/statusjson.cgi?query=help"):
        assert site.get(path, None).status == 401
        assert site.get(path).status == 200
    assert "Nagios Core" in site.get("/nagios4/main.php").body
    assert json.loads(site.get("/cgi-bin/nagios4/statusjson.cgi?query=help").body)


def test_page_when_the_store_is_gone_then_is_503_and_nothing_is_in_the_log(site: Site) -> None:
    store = site.folder / "links"
    store.rename(store.with_name("elsewhere"))
    try:
        answer = site.get("/qos/links/uplink")
        assert (answer.status, answer.headers["Refresh"]) == (503, "10")
        assert "The store of uplink cannot be read" in answer.body
    finally:
        store.with_name("elsewhere").rename(store)
    assert "Traceback" not in site.log


@pytest.mark.skipif(browser.CHROMIUM is None, reason="no browser: Debian's chromium is not installed")
def test_page_when_a_browser_shows_it_then_fits_and_breaks_no_rule(site: Site) -> None:
    said: list[str] = []
    width = 320
    with browser.logged_in(apache.LOGIN, {"width": width, "height": 800}) as context:
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        for path in ("links/", "links/uplink", "runbooks/", "runbooks/alarm"):
            page.goto(f"http://127.0.0.1:{site.port}/qos/{path}")
            assert page.evaluate("document.documentElement.scrollWidth") == width
            assert page.evaluate("getComputedStyle(document.body).marginTop") == "0px"  # the style sheet counts
    assert said == []
