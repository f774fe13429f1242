"""What values of links, contacts and a mail server have to be; a test compares it with the checks' own inventory."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

STATES = ("warning", "critical", "unknown", "recovery", "down", "unreachable")
Rule = Callable[[Any], Any]
"""What a value becomes. Raises ValueError with what it has to be."""


def one_of(*words: str) -> Rule:
    """A word."""

    def rule(value: Any) -> str:
        if str(value) not in words:
            raise ValueError(f"one of {', '.join(words)}")
        return str(value)

    return rule


def number(low: float, high: float, unit: str, *, above: bool = False) -> Rule:
    """A number between two; `above`: more than the lower one."""

    def rule(value: Any) -> float:
        try:
            found = float("nan") if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            found = float("nan")
        if not (low < found if above else low <= found) or not found <= high:
            span = f"more than {low:g} and at most {high:g}" if above else f"between {low:g} and {high:g}"
            raise ValueError(f"a number of {unit} {span}" if unit else f"a number {span}")
        return found

    return rule


def text(pattern: str, what: str) -> Rule:
    """A text of some form."""

    def rule(value: Any) -> str:
        if isinstance(value, bool | list | dict) or not re.fullmatch(pattern, str(value)):
            raise ValueError(what)
        return str(value)

    return rule


def whole(rule: Rule) -> Rule:
    """A number without a fraction."""

    def cut(value: Any) -> int:
        found = rule(value)
        if found != int(found):
            raise ValueError("a whole number")
        return int(found)

    return cut


def many(words: tuple[str, ...]) -> Rule:
    """A list of words."""

    def rule(value: Any) -> list[str]:
        if not isinstance(value, list) or not value or set(map(str, value)) - set(words):
            raise ValueError(f"a list of some of {', '.join(words)}")
        return [str(word) for word in value]

    return rule


def switch(value: Any) -> bool:
    """Yes or no, also as the command line has it."""
    if str(value).lower() not in ("true", "false", "yes", "no"):
        raise ValueError("true or false")
    return str(value).lower() in ("true", "yes")


PATH = text(r"/[^\n]*", "a path that begins with /")
HOST = text(r"[0-9A-Za-z_:\[][0-9A-Za-z_.:%\[\]-]{0,252}", "a host's name or address")
SERVER = text(r"[0-9A-Za-z_\[][0-9A-Za-z_.:%\[\]-]{0,258}", "a host or host:port")
WORD = text(r"[^\n]{0,255}", "a line of text")
MAIL = text(r"[^\s@<>,;'\"]+@[^\s@<>,;'\"]+", "one mail address")
LINK_NAME = text(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?", "lower-case letters, digits, dots and dashes, 63 at most")
CONTACT_NAME = text(r"[0-9A-Za-z][0-9A-Za-z._-]{0,62}", "letters, digits, dots and dashes, 63 at most")

SOURCES: dict[str, dict[str, Rule]] = {
    "interface": {"device": text(r"[^\s/]{0,15}", "an interface's name, or empty")},
    "snmp": {
        "address": HOST,
        "interface": WORD,
        "secret_file": PATH,
        "port": whole(number(1, 65535, "")),
        "version": one_of("2c", "3"),
    },
    "trace": {"file": PATH, "trace_id": WORD},
}
NEEDED: dict[str, tuple[str, ...]] = {
    "interface": (),
    "snmp": ("address", "interface", "secret_file"),
    "trace": ("file",),
}
LINK: dict[str, Rule] = {
    "direction": one_of("in", "out"),
    "capacity_mbps": number(0, 1e9, "Mbps", above=True),
    "rtt_target": HOST,
    "threshold_percent": number(0, 100, "%", above=True),
    "sampling_seconds": number(1, 3600, "s"),
    "forecaster": one_of("auto", "model", "baseline"),
}
CONTACT: dict[str, Rule] = {"mail": MAIL, "webhook_url_file": PATH, "states": many(STATES)}
SMTP: dict[str, Rule] = {"host": SERVER, "starttls": switch, "username": WORD, "password_file": PATH, "sender": MAIL}
