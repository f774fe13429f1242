"""Which page an address is, and what is answered where there is none: always a page, never a traceback."""

from __future__ import annotations

import argparse
import math
import re
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from nagios_plugins.links import inventory
from nagios_plugins.links.store import StoreError
from nagios_plugins.page import rendering, runbooks, views

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

HOURS = ("1", "6", "24", "48")
"""that a link's page can show"""
REFRESH = ("on", "off")
"""whether a page is asked for again by itself: who reads a table wants it to stay"""
TRY_AGAIN = 10
"""s after which a page that could not be made is asked for again"""
METHODS = ("GET", "HEAD")


class Refused(Exception):  # noqa: N818  an answer, and no fault of the program
    """There is no such page, or not now: a status and one sentence."""

    def __init__(self, status: HTTPStatus, sentence: str, **headers: str) -> None:
        super().__init__(sentence)
        self.status, self.headers = status, headers


@dataclass(frozen=True)
class Places:
    """Where things lie, as Apache's configuration says."""

    links_file: str
    store_dir: Path
    runbooks_dir: Path
    nagios_cgi_url: str = ""
    """of Nagios' own pages; '' links to none"""


@dataclass(frozen=True)
class Asked:
    """What is asked for."""

    path: str
    root: str
    """that addresses of these pages begin with"""
    parameters: dict[str, list[str]]
    places: Places


@dataclass
class Answer:
    """A page."""

    body: str
    refresh: int | None = None
    """s until it is asked for again"""
    status: HTTPStatus = HTTPStatus.OK
    headers: dict[str, str] = field(default_factory=dict)


def application(places: Places) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    """The pages as a WSGI application."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        made = _guarded(environ, places)
        body = made.body.encode("utf-8", "replace")
        headers = {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Length": str(len(body)),
            "Content-Security-Policy": rendering.POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cache-Control": "no-store",
            **({"Refresh": str(made.refresh)} if made.refresh else {}),
            **made.headers,
        }
        start_response(f"{made.status.value} {made.status.phrase}", list(headers.items()))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    return answer


def _guarded(environ: WSGIEnvironment, places: Places) -> Answer:
    root = environ.get("SCRIPT_NAME", "").rstrip("/")
    try:
        return _page(environ, root, places)
    except Refused as refusal:
        return _refused(refusal, root)
    except Exception:  # noqa: BLE001  a page that cannot be made is said to be so
        traceback.print_exc(file=environ["wsgi.errors"])
        sentence = "This page could not be made; the web server's error log says why."
        return _refused(Refused(HTTPStatus.INTERNAL_SERVER_ERROR, sentence), root)


def _refused(refusal: Refused, root: str) -> Answer:
    status, is_passing = refusal.status, refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    body = rendering.render(
        "refusal.html.j2",
        root=root,
        title=status.phrase,
        status=status.value,
        sentence=str(refusal),
        seconds=TRY_AGAIN,
        is_passing=is_passing,
        icon="unknown",
    )
    return Answer(body, TRY_AGAIN if is_passing else None, status, refusal.headers)


def _page(environ: WSGIEnvironment, root: str, places: Places) -> Answer:
    if environ["REQUEST_METHOD"] not in METHODS:
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "These pages are only looked at.", Allow=", ".join(METHODS))
    try:
        path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8")  # WSGI hands on bytes as latin-1
    except UnicodeError:
        raise Refused(HTTPStatus.BAD_REQUEST, "The address is no UTF-8.") from None
    if not path.isprintable():
        raise Refused(HTTPStatus.BAD_REQUEST, "The address has characters that no name has.")
    asked = Asked(path, root, parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True), places)
    for pattern, page in ROUTES:
        if found := re.fullmatch(pattern, path):
            return page(asked, *found.groups())
    raise Refused(HTTPStatus.NOT_FOUND, "There is no such page.")


def _moved(asked: Asked, *_: str) -> Answer:
    place = f"{asked.root}/runbooks/" if asked.path == "/runbooks" else f"{asked.root}/links/"
    return Answer("", None, HTTPStatus.FOUND, {"Location": place})


def _links(places: Places) -> dict[str, inventory.Link]:
    try:
        return inventory.load(places.links_file)
    except argparse.ArgumentTypeError as error:
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, f"The links cannot be told: {error}.") from None


def _overview(asked: Asked) -> Answer:
    chosen = _chosen(asked, refresh=REFRESH)
    links = _links(asked.places)
    try:
        facts = views.overview(links.values(), asked.places.store_dir)
    except StoreError as error:
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, f"No link's store can be read: {error}.") from None
    seconds = min((link.sampling_seconds for link in links.values()), default=float(TRY_AGAIN))
    return _made("overview.html.j2", asked, _refresh(seconds), is_paused=chosen["refresh"] == "off", **facts)


def _link(asked: Asked, name: str) -> Answer:
    link = _links(asked.places).get(name)
    if link is None:
        raise Refused(HTTPStatus.NOT_FOUND, f"There is no link {name!r} in the inventory.")
    chosen = _chosen(asked, hours=HOURS, refresh=REFRESH)
    try:
        facts = views.link(link, asked.places.store_dir, int(chosen["hours"]))
    except StoreError as error:
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, f"The store of {name} cannot be read: {error}.") from None
    facts["is_paused"] = chosen["refresh"] == "off"
    facts["runbook"] = facts["state"].runbook
    if facts["runbook"] not in runbooks.known(asked.places.runbooks_dir):
        facts["runbook"] = None
    return _made("link.html.j2", asked, _refresh(link.sampling_seconds), choices=HOURS, **facts)


def _refresh(sampling_seconds: float) -> int:
    """Whole seconds, as browsers take them: a part of one would be none at all."""
    return max(1, math.ceil(sampling_seconds))


def _runbooks(asked: Asked) -> Answer:
    _chosen(asked)
    found = _read(runbooks.listed, asked.places.runbooks_dir)
    return _made("runbooks.html.j2", asked, None, runbooks=found, icon="none")


def _runbook(asked: Asked, name: str) -> Answer:
    _chosen(asked)
    folder = asked.places.runbooks_dir
    if name not in _read(runbooks.names, folder):  # so no path is made of what somebody asks for
        raise Refused(HTTPStatus.NOT_FOUND, f"There is no runbook {name!r}.")
    text, title = _read(runbooks.html, folder, name), _read(runbooks.title, folder, name)
    return _made("runbook.html.j2", asked, None, text=text, title=title, icon="none")


def _read(reader: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return reader(*arguments)
    except OSError as error:
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, f"The runbooks cannot be read: {error}.") from None


def _chosen(asked: Asked, **choices: tuple[str, ...]) -> dict[str, str]:
    """What is chosen of these, the first of each if nothing is."""
    if unknown := sorted(set(asked.parameters) - set(choices)):
        raise Refused(HTTPStatus.BAD_REQUEST, f"This page knows no {unknown[0]!r}.")
    chosen = {name: asked.parameters.get(name, known)[0] for name, known in choices.items()}
    for name, value in chosen.items():
        if value not in choices[name]:
            raise Refused(HTTPStatus.BAD_REQUEST, f"{name} can be {', '.join(choices[name])}, and nothing else.")
    return chosen


def _made(template: str, asked: Asked, refresh: int | None, *, is_paused: bool = False, **facts: Any) -> Answer:
    known = {"root": asked.root, "nagios": asked.places.nagios_cgi_url, "refresh": refresh, "is_paused": is_paused}
    return Answer(rendering.render(template, **known, **facts), None if is_paused else refresh)


ROUTES: list[tuple[str, Callable[..., Answer]]] = [
    (r"/?|/links|/runbooks", _moved),
    (r"/links/", _overview),
    (r"/links/(.+)", _link),
    (r"/runbooks/", _runbooks),
    (r"/runbooks/(.+)", _runbook),
]
