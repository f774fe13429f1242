"""Pictures of the running platform, for its documents: `make screenshots`. They show what there is, and wait for it."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urljoin

from playwright.sync_api import Page

from browser import CHROMIUM, DESK, PHONE, logged_in
from running import Platform, find_platform

PATIENCE: Final = 240.0
"""s for a link to have forecasts that can be judged; ten samples and twenty forecasts, every 5 s, are 150"""
TALL: Final = 1500
"""CSS pixels of a link's page that are in the picture: what comes next, and the last hours"""
LONG: Final = 1150
"""of the same on a phone"""


def take(platform: Platform, out: Path, link: str | None) -> list[Path]:
    """Write the pictures; returns their files."""
    out.mkdir(parents=True, exist_ok=True)
    overview = urljoin(platform.nagios, "/qos/links/")
    taken = []
    with logged_in(platform.login, DESK) as context:
        page = context.new_page()
        address = urljoin(overview, link) if link else first_link(page, overview)
        wait_for_forecasts(page, address)
        page.set_viewport_size({"width": DESK["width"], "height": TALL})
        taken.append(picture(page, out / "link.png"))
        section = page.get_by_role("region", name="How forecasts did")
        section.screenshot(path=out / "link-forecasts.png")
        taken.append(out / "link-forecasts.png")
        page.close()  # it goes on refreshing itself, and would be in the way
        page = context.new_page()
        page.goto(overview)
        page.locator("body").screenshot(path=out / "links.png")
        taken.append(out / "links.png")
        taken.append(services(page, platform, out / "nagios-services.png"))
    with logged_in(
        platform.login, {"width": PHONE["width"], "height": LONG}, color_scheme="dark", device_scale_factor=2
    ) as context:
        page = context.new_page()
        page.goto(address)
        taken.append(picture(page, out / "link-phone.png"))
    return taken


def first_link(page: Page, overview: str) -> str:
    """The address of the link that the overview has first: the one that has to be looked at."""
    answer = page.goto(overview)
    if answer is None or answer.status != 200:
        sys.exit(f"screenshots: {overview} says: {page.locator('main').inner_text()}")
    links = page.locator("a.name")
    if links.count() == 0:
        sys.exit("screenshots: no link is watched; name some in platform_links, make up, and wait a minute")
    return urljoin(overview, links.first.get_attribute("href") or "")


def wait_for_forecasts(page: Page, address: str) -> None:
    """Until forecasts of the link can be judged."""
    end = time.monotonic() + PATIENCE
    while True:
        answer = page.goto(address)
        if answer is not None and answer.status == 404:
            sys.exit(f"screenshots: there is no link {unquote(address.rsplit('/', 1)[1])}")
        if page.get_by_text("Error budget:").count():
            return
        if time.monotonic() > end:
            sys.exit(f"screenshots: too few forecasts have come due within {PATIENCE:g} s; {address} says why")
        time.sleep(2)


def services(page: Page, platform: Platform, path: Path) -> Path:
    """Nagios' page of services, in its frames."""
    page.goto(platform.nagios)
    page.frame_locator("frame[name=side]").get_by_role("link", name="Services", exact=True).first.click()
    page.frame_locator("frame[name=main]").get_by_text("Service Status Details For All Hosts").wait_for()
    return picture(page, path)


def picture(page: Page, path: Path) -> Path:
    """What is seen of the page."""
    page.screenshot(path=path)
    return path


def main() -> None:
    """Take the pictures and say where they are."""
    parser = argparse.ArgumentParser(prog="make screenshots", description=__doc__)
    parser.add_argument("out", type=Path, help="folder of the pictures")
    parser.add_argument("--link", help="the link that is shown; without it the overview's first")
    own, options = [*sys.argv[1:], "--"], []
    if "--" in sys.argv:  # what follows was given to `make up`, for Ansible
        options = sys.argv[sys.argv.index("--") + 1 :]
    wanted = parser.parse_args(own[: own.index("--")])
    if CHROMIUM is None:
        sys.exit("screenshots: install Debian's chromium")
    with tempfile.TemporaryDirectory() as folder:
        platform = find_platform(Path(folder), *options)
    for path in take(platform, wanted.out, wanted.link):
        print(f"{path}  {path.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
