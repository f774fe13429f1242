"""Nagios' web interface as a person meets it: a password first, then the hosts and services."""

import urllib.parse
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from browser import CHROMIUM, DESK, logged_in
from running import ROOT, Platform

pytestmark = pytest.mark.system

PICTURE = ROOT / "reports" / "nagios-services.png"


@pytest.mark.parametrize("path", ["", "main.php", "stylesheets/common.css", "../cgi-bin/nagios4/statusjson.cgi"])
def test_page_without_the_password_is_401(healthy: Platform, path: str) -> None:
    url = urllib.parse.urljoin(healthy.nagios, path)
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, auth=(healthy.login[0], "wrong")).status_code == 401
    assert httpx.get(url, auth=healthy.login).status_code == 200


def content(path: Path) -> bytes:
    """What a file holds; nothing where it has just gone, as processes do, and what SQLite keeps beside its own."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return path.read_bytes()
    return b""


def test_password_is_nowhere_but_in_its_file(healthy: Platform) -> None:
    name, password = healthy.login
    secrets = Path(healthy.facts["platform_nagios_password_file"])
    commands = [content(path) for path in Path("/proc").glob("[0-9]*/cmdline")]
    state = [path for path in healthy.state_dir.rglob("*") if path.is_file() and "venv" not in path.parts]
    assert any(commands)
    assert secrets in state
    assert not [command for command in commands if password.encode() in command]
    assert not [path for path in state if path != secrets and password.encode() in content(path)]
    assert (secrets.stat().st_mode & 0o777, secrets.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert name == "nagiosadmin"


@pytest.mark.skipif(CHROMIUM is None, reason="no picture: Debian's chromium is not installed")
def test_service_page_shows_every_host_and_service(healthy: Platform) -> None:
    PICTURE.parent.mkdir(exist_ok=True)
    with logged_in(healthy.login, DESK) as context:
        page = context.new_page()
        page.goto(healthy.nagios)
        page.frame_locator("frame[name=side]").get_by_role("link", name="Services", exact=True).first.click()
        main = page.frame_locator("frame[name=main]")
        main.get_by_text("Service Status Details For All Hosts").wait_for()
        page.screenshot(path=PICTURE)
        text = main.locator("body").inner_text()
    for host, service in healthy.services():
        assert host in text
        assert service in text
    assert text.count("OK") >= len(healthy.services())
