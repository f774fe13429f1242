"""The links' pages of the running platform, as Debian's Chromium shows them."""

from __future__ import annotations

from urllib.parse import urljoin

import httpx
import pytest
from playwright.sync_api import ViewportSize

from browser import CHROMIUM, DESK, PHONE, logged_in
from running import Platform

pytestmark = pytest.mark.system


def test_links_pages_without_the_password_are_401_and_with_it_are_shown(healthy: Platform) -> None:
    for path in ("/qos/links/", "/qos/runbooks/"):
        url = urljoin(healthy.nagios, path)
        assert httpx.get(url).status_code == 401
        assert httpx.get(url, auth=(healthy.login[0], "wrong")).status_code == 401
        answer = httpx.get(url, auth=healthy.login)
        assert answer.status_code == 200
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.skipif(CHROMIUM is None, reason="no browser: Debian's chromium is not installed")
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_links_pages_when_looked_at_then_fit_and_break_no_rule(healthy: Platform, size: ViewportSize) -> None:
    with logged_in(healthy.login, size) as context:
        page, said = context.new_page(), []
        page.on("console", lambda message: said.append(message.text))
        page.goto(urljoin(healthy.nagios, "/qos/links/"))
        addresses = [link.get_attribute("href") or "" for link in page.locator("a.name").all()]
        for address in ["/qos/links/", *addresses, "/qos/runbooks/"]:
            answer = page.goto(urljoin(healthy.nagios, address))
            assert answer is not None
            assert answer.status == 200
            assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
        assert said == []
