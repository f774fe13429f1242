"""What the checks are told, on their command lines."""

from __future__ import annotations

import argparse
import re
import ssl
import sys
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import nagiosplugin

from nagios_plugins.check import UNKNOWN, one_line
from nagios_plugins.http import Identity
from nagios_plugins.links import inventory

MAX_TIMEOUT = 600.0
"""s; Nagios itself gives up long before."""


def service_url(text: str) -> str:
    """An argument's type: the address of a service.

    Raises:
        argparse.ArgumentTypeError: it is something else.
    """
    try:
        parts = urlsplit(text)
        is_one = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and parts.path in ("", "/")
    except ValueError:
        is_one = False
    if not is_one or "@" in text or "?" in text or "#" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is not http://HOST:PORT or https://HOST:PORT")
    return text.rstrip("/")


def seconds(text: str) -> float:
    """An argument's type: a time to wait.

    Raises:
        argparse.ArgumentTypeError: it is something else.
    """
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value <= MAX_TIMEOUT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0, {MAX_TIMEOUT:g} at most")
    return value


def api_key(file: str) -> str | None:
    """An argument's type: the key in a file; an empty name is none.

    Raises:
        argparse.ArgumentTypeError: there is no key in it.
    """
    if not file:
        return None
    try:
        key = Path(file).read_text(encoding="ascii").strip()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"no key in {file}: {error.strerror}") from None
    except ValueError:
        key = ""
    if not re.fullmatch(r"[!-~]{1,200}", key):  # what is there is not repeated
        raise argparse.ArgumentTypeError(f"no key in {file}: it should hold one line, the key")
    return key


def ca_file(file: str) -> str | None:
    """An argument's type: a file of certificates; an empty name is none.

    Raises:
        argparse.ArgumentTypeError: there are none in it.
    """
    try:
        if file:
            ssl.create_default_context(cafile=file)
    except OSError as error:  # an SSLError is one
        reason = "it is not PEM" if isinstance(error, ssl.SSLError) else error.strerror
        raise argparse.ArgumentTypeError(f"no certificates in {file}: {reason}") from None
    return file or None


def threshold(text: str) -> Any:
    """An argument's type: a range as the plugin guidelines write it.

    Raises:
        argparse.ArgumentTypeError: it is something else.
    """
    try:
        return nagiosplugin.Range(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a range such as 0.5, 0.1:2 or @10:20") from None


class ArgumentParser(argparse.ArgumentParser):
    """Wrong arguments are UNKNOWN to Nagios, where argparse's own 2 would say CRITICAL."""

    def __init__(self, name: str, description: str | None) -> None:
        super().__init__(description=description)
        self.name = name
        self.add_argument(
            "-t", "--timeout", type=seconds, default=5.0, metavar="SECONDS", help="wait for an answer (%(default)s)"
        )

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, with the usage."""
        print(f"{self.name} UNKNOWN - {one_line(message)}")  # noqa: T201  a plugin's output
        self.print_usage(sys.stdout)
        sys.exit(UNKNOWN)

    def add_service(self) -> None:
        """Take the address of a service, and what is needed to speak to it."""
        self.add_argument(
            "-u", "--url", required=True, type=service_url, help="the service's address, http(s)://HOST:PORT"
        )
        self.add_argument(
            "--api-key-file", dest="api_key", type=api_key, metavar="FILE", help="send the API key in this file"
        )
        self.add_argument(
            "--ca-file", type=ca_file, metavar="FILE", help="trust these certificates, not the system's (https)"
        )

    @staticmethod
    def identity(wanted: argparse.Namespace) -> Identity:
        """The key and the certificates that were named."""
        return Identity(wanted.api_key, wanted.ca_file)


class ServiceArgumentParser(ArgumentParser):
    """What a check of one of the platform's services is told."""

    def __init__(
        self, name: str, description: str | None, *, warning: str, critical: str, measure: str = "seconds"
    ) -> None:
        super().__init__(name, description)
        self.add_service()
        for option, level, default in (("-w", "warning", warning), ("-c", "critical", critical)):
            self.add_argument(
                option,
                f"--{level}",
                type=threshold,
                default=default,
                metavar="RANGE",
                help=f"{measure} without being {level} (%(default)s)",
            )


class LinkArgumentParser(ArgumentParser):
    """What a check of a link is told; where it asks a service, that service, too."""

    def __init__(self, name: str, description: str | None, *, service: bool = False) -> None:
        super().__init__(name, description)
        if service:
            self.add_service()
        self.add_argument("-l", "--link", required=True, metavar="NAME", help="the link, as links.json names it")
        self.add_argument("--links", required=True, type=inventory.load, metavar="FILE", help="links.json")
        self.add_argument("--store", required=True, type=Path, metavar="FOLDER", help="where is kept what was measured")

    def parse_link(self) -> argparse.Namespace:
        """The arguments, with the Link in the place of its name."""
        wanted = self.parse_args()
        if wanted.link not in wanted.links:
            self.error(f"there is no link {wanted.link!r}; there are {', '.join(sorted(wanted.links)) or 'none'}")
        wanted.link = wanted.links[wanted.link]
        return wanted
