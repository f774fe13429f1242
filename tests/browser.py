"""Debian's Chromium, which looks at pages as a person does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from playwright.sync_api import BrowserContext, HttpCredentials, ViewportSize, sync_playwright

CHROMIUM: Final = shutil.which("chromium")
# No look-ups of its maker's servers; no sandbox, as the tests may run as root.
CHROMIUM_OPTIONS: Final = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
DESK: Final[ViewportSize] = {"width": 1280, "height": 800}
PHONE: Final[ViewportSize] = {"width": 390, "height": 844}


@contextmanager
def logged_in(login: tuple[str, str], size: ViewportSize, **options: Any) -> Iterator[BrowserContext]:
    """A window of that size (CSS pixels), with Nagios' login."""
    name, password = login
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        credentials: HttpCredentials = {"username": name, "password": password}
        yield browser.new_context(http_credentials=credentials, viewport=size, **options)
        browser.close()
