"""What every check shares: its arguments, and how a fault of the service is judged and said."""

from __future__ import annotations

import argparse
import re
import ssl
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import nagiosplugin

from nagios_plugins.http import Identity, ServiceError
from nagios_plugins.links import inventory
from nagios_plugins.links.store import Store, StoreError

UNKNOWN = 3
MAX_TIMEOUT = 600.0
"""s; Nagios itself gives up long before."""
MAX_LINE = 400
"""characters of the first line that are a service's own words"""


def one_line(text: object) -> str:
    """A text as Nagios takes it: one line that can be printed here, without the `|` that begins performance data."""
    flat = " ".join("".join(char if char.isprintable() else " " for char in str(text)).split()).replace("|", "/")
    encoding = sys.stdout.encoding or "ascii"
    return flat[:MAX_LINE].encode(encoding, "replace").decode(encoding)


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


class FaultContext(nagiosplugin.Context):  # type: ignore[misc]
    """Judges a metric that is a sentence about what is wrong, or `None`, which is OK."""

    def __init__(self, name: str, state: Any = nagiosplugin.Critical) -> None:
        super().__init__(name)
        self.state = state

    def evaluate(self, metric: Any, resource: Any) -> Any:
        """The state with the sentence, or OK."""
        del resource
        if metric.value is None:
            return self.result_cls(nagiosplugin.Ok, None, metric)
        return self.result_cls(self.state, metric.value, metric)

    def performance(self, metric: Any, resource: Any) -> None:
        """A sentence is no performance data."""


class NumberContext(nagiosplugin.ScalarContext):  # type: ignore[misc]
    """Numbers that are judged elsewhere; their performance data name the limits."""

    def evaluate(self, metric: Any, resource: Any) -> Any:
        """Nothing is wrong with a number here."""
        del resource
        return self.result_cls(nagiosplugin.Ok, None, metric)


class ServiceResource(nagiosplugin.Resource):  # type: ignore[misc]
    """A service that is asked once; a fault becomes a metric of its own."""

    notes: Sequence[str] = ()
    """what is to be said besides, whatever the state"""

    def ask(self) -> Iterable[Any]:
        """Metrics of the service.

        Raises:
            ServiceError: the service is not well.
        """
        raise NotImplementedError

    def probe(self) -> list[Any]:
        """The metrics, or the fault that stood in their way."""
        try:
            return [*self.ask(), nagiosplugin.Metric("fault", None, context="fault")]
        except ServiceError as fault:
            return [nagiosplugin.Metric("fault", str(fault), context="fault")]
        except RecursionError:
            return [nagiosplugin.Metric("fault", "the answer is nested too deeply", context="fault")]


class LinkResource(ServiceResource):
    """A link, with what is kept of it."""

    def __init__(self, link: inventory.Link, folder: Path) -> None:
        self.link, self.folder = link, folder
        self.sentence = ""

    def ask(self) -> Iterable[Any]:
        """Metrics of the link; what was wrong with its store is told besides.

        Raises:
            ServiceError: nothing can be said of it.
        """
        try:
            with Store(self.folder, self.link.name) as store:
                self.notes = store.notes
                return [*self.look(store)]
        except StoreError as error:
            raise ServiceError(str(error)) from None

    def look(self, store: Store) -> Iterable[Any]:
        """Metrics of the link.

        Raises:
            ServiceError: nothing can be said of it.
            StoreError: likewise.
        """
        raise NotImplementedError


class Summary(nagiosplugin.Summary):  # type: ignore[misc]
    """One line a person understands."""

    def __init__(self, resource: Any) -> None:
        self.resource = resource

    def ok(self, results: Any) -> str:
        """What the resource has to say when all is well."""
        del results
        return self._line(self.resource.sentence)

    def problem(self, results: Any) -> str:
        """The worst result, in its own words."""
        return self._line(results.first_significant)

    def _line(self, said: object) -> str:
        return one_line("; ".join([str(said), *self.resource.notes]))


def run(
    name: str, resource: ServiceResource, *contexts: Any, timeout: float, fault: Any = nagiosplugin.Critical
) -> NoReturn:
    """Run the check as Nagios wants it; a crash or a check that hangs is UNKNOWN. `fault` is the state of a fault."""
    check = nagiosplugin.Check(resource, FaultContext("fault", fault), *contexts, Summary(resource))
    check.name = name
    try:
        # The service's own time-out comes first, so this one means that the check itself hangs.
        check.main(timeout=int(timeout) + 2)
    except nagiosplugin.Timeout as after:
        ended = f"the check itself hangs; ended after {after}"
    except Exception as error:  # noqa: BLE001  Python's own end, a traceback and 1, would be a WARNING
        ended = f"the check itself failed: {error!r}"
    print(f"{name} UNKNOWN - {one_line(ended)}")  # noqa: T201  a plugin's output
    sys.exit(UNKNOWN)
