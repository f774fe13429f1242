"""What every check shares: its arguments, and how a fault of the service is judged and said."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

import nagiosplugin

from nagios_plugins.http import ServiceError

UNKNOWN = 3


class ArgumentParser(argparse.ArgumentParser):
    """Wrong arguments are UNKNOWN to Nagios, where argparse's own 2 would say CRITICAL."""

    def __init__(self, description: str | None) -> None:
        super().__init__(description=description)
        self.add_argument("-u", "--url", required=True, help="the service's address, http://HOST:PORT")
        self.add_argument(
            "-t",
            "--timeout",
            type=float,
            default=5.0,
            metavar="SECONDS",
            help="wait for an answer (%(default)s)",
        )

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, with the usage."""
        print(f"UNKNOWN - {message}")  # noqa: T201  a plugin's output
        self.print_usage(sys.stdout)
        sys.exit(UNKNOWN)


class FaultContext(nagiosplugin.Context):  # type: ignore[misc]
    """Judges the metric `fault`: a sentence is CRITICAL, `None` is OK."""

    def evaluate(self, metric: Any, resource: Any) -> Any:
        """CRITICAL with the sentence, or OK."""
        del resource
        if metric.value is None:
            return self.result_cls(nagiosplugin.Ok, None, metric)
        return self.result_cls(nagiosplugin.Critical, metric.value, metric)

    def performance(self, metric: Any, resource: Any) -> None:
        """A sentence is no performance data."""


class ServiceResource(nagiosplugin.Resource):  # type: ignore[misc]
    """A service that is asked once; a fault becomes a metric of its own."""

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


class Summary(nagiosplugin.Summary):  # type: ignore[misc]
    """One line a person understands."""

    def __init__(self, resource: Any) -> None:
        self.resource = resource

    def ok(self, results: Any) -> str:
        """What the resource has to say when all is well."""
        del results
        return str(self.resource.sentence)

    def problem(self, results: Any) -> str:
        """The worst result, in its own words."""
        return str(results.first_significant)


def run(name: str, resource: ServiceResource, *contexts: Any, timeout: float) -> NoReturn:
    """Run the check as Nagios wants it; a crash or a check that hangs is UNKNOWN."""
    check = nagiosplugin.Check(resource, FaultContext("fault"), *contexts, Summary(resource))
    check.name = name
    # The service's own time-out comes first, so this one means that the check itself hangs.
    check.main(timeout=int(timeout) + 2)
    raise AssertionError("main() ends the process")
