"""What the checks are told, on their command lines."""

from __future__ import annotations

import argparse
import re
import shutil
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

import nagiosplugin

from nagios_plugins.check import UNKNOWN, one_line
from nagios_plugins.cluster import Cluster
from nagios_plugins.http import Identity
from nagios_plugins.links import inventory
from nagios_plugins.released import MAX_SECONDS, Release, manifest, newest

T = TypeVar("T")
U = TypeVar("U")
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


def object_name(text: str) -> str:
    """An argument's type: the name of a Kubernetes object.

    Raises:
        argparse.ArgumentTypeError: it cannot be one.
    """
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9.]{0,250}[a-z0-9])?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name in Kubernetes")
    return text


def kubeconfig(file: str) -> str:
    """An argument's type: a kubeconfig.

    Raises:
        argparse.ArgumentTypeError: it cannot be read.
    """
    try:
        Path(file).read_bytes()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"no kubeconfig in {file}: {error.strerror}") from None
    return file


def program(name: str) -> str:
    """An argument's type: a program that can be run.

    Raises:
        argparse.ArgumentTypeError: there is none.
    """
    if found := shutil.which(name):
        return found
    raise argparse.ArgumentTypeError(f"there is no program {name}")


class ArgumentParser(argparse.ArgumentParser):
    """Wrong arguments are UNKNOWN to Nagios, where argparse's own 2 would say CRITICAL."""

    def __init__(self, name: str, description: str | None) -> None:
        super().__init__(description=description)
        self.name = name
        self.add_argument(
            "-t", "--timeout", type=seconds, default=5.0, metavar="SECONDS", help="wait for an answer (%(default)s)"
        )

    def checked(self, of: Callable[[T], U], value: T) -> U:
        """What an argument's type makes of a value; ends as argparse does where that is none."""
        try:
            return of(value)
        except argparse.ArgumentTypeError as error:
            self.error(str(error))

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

    def add_cluster(self, *, required: bool) -> None:
        """Take a namespace of a cluster, and how to log in there."""
        self.add_argument("-n", "--namespace", required=required, metavar="NAME", help="the cluster's namespace")
        self.add_argument("--kubeconfig", required=required, metavar="FILE", help="log in to the cluster with it")
        self.add_argument("--kubectl", default="kubectl", metavar="PROGRAM", help="ask the cluster by it (%(default)s)")

    def cluster(self, wanted: argparse.Namespace, timeout: float) -> Cluster:
        """The cluster that was named, to be asked within some seconds; ends where it cannot be one."""
        return Cluster(
            self.checked(program, wanted.kubectl),
            self.checked(kubeconfig, wanted.kubeconfig),
            self.checked(object_name, wanted.namespace or ""),
            timeout,
        )

    def add_release(self) -> None:
        """Take what was released."""
        self.add_argument(
            "-m", "--manifest", required=True, type=manifest, metavar="FILE", help="manifest.json of what was released"
        )
        self.add_cluster(required=False)

    def release(self, wanted: argparse.Namespace) -> Release:
        """What was released, from a cluster's records where one was named; an empty kubeconfig names none."""
        if not wanted.kubeconfig:
            return wanted.manifest  # type: ignore[no-any-return]
        return newest(wanted.manifest, self.cluster(wanted, min(wanted.timeout, MAX_SECONDS)))

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
