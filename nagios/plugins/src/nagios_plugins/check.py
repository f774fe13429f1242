"""What every check shares: how a fault of the service is judged and said, and how the check ends."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import nagiosplugin

from nagios_plugins.http import ServiceError
from nagios_plugins.links import inventory
from nagios_plugins.links.store import Store, StoreError

UNKNOWN = 3
MAX_LINE = 400
"""characters of the first line that are a service's own words"""


def one_line(text: object) -> str:
    """A text as Nagios takes it: one line that can be printed here, without the `|` that begins performance data."""
    flat = " ".join("".join(char if char.isprintable() else " " for char in str(text)).split()).replace("|", "/")
    encoding = sys.stdout.encoding or "ascii"
    return flat[:MAX_LINE].encode(encoding, "replace").decode(encoding)


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
