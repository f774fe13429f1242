"""Prometheus metrics: what came in, what was answered, how long it took."""

import os
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
# Several processes behind one socket: prometheus_client adds them up through files in the folder this names.
_SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each one, read by nobody


class Metrics:
    """The metrics of one service; every label has a bounded set of values."""

    def __init__(self, service: str) -> None:
        """`service` is the name of its distribution."""
        self.service = service
        self.version = _version(service)
        self.registry = CollectorRegistry()
        self._shared = _SHARED_FOLDER in os.environ
        if self._shared:
            _forget_the_dead(Path(os.environ[_SHARED_FOLDER]))
        if not self._shared:
            ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "http_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self._duration = Histogram(
            "http_request_duration_seconds",
            "Time from a request's head to the end of its answer, in seconds.",
            ["route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._in_flight = 0
        self._in_flight_shown = Gauge(
            "http_requests_in_flight",
            "Requests being answered.",
            multiprocess_mode="livesum",
            registry=self.registry,
        )
        self._series: dict[tuple[str, str, int], tuple[Callable[[], None], Callable[[float], None]]] = {}
        self._infos: dict[str, tuple[Gauge, Mapping[str, str]]] = {}
        self.publish_info("service", "What is running.", {"service": service, "version": self.version})

    def counter(self, name: str, help_text: str) -> Counter:
        """Return a counter of the service's own, without labels."""
        return Counter(name, help_text, registry=self.registry)

    def gauge(self, name: str, help_text: str) -> Gauge:
        """Return a gauge of the service's own, without labels; of several processes the highest value is shown."""
        return Gauge(name, help_text, multiprocess_mode="livemax", registry=self.registry)

    def publish_info(self, name: str, help_text: str, facts: Mapping[str, str]) -> None:
        """Publish facts as `<name>_info{…} 1`, in place of those that were published under this name before."""
        if name in self._infos:
            gauge, former = self._infos[name]
            gauge.labels(**former).set(0)  # not removed: that would not reach a shared folder
        else:
            gauge = Gauge(f"{name}_info", help_text, tuple(facts), multiprocess_mode="livemax", registry=self.registry)
        gauge.labels(**facts).set(1)
        self._infos[name] = gauge, facts

    def begin(self) -> None:
        """Count a request that has begun."""
        self._in_flight += 1

    def end(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that has been answered; `route` is its template, whatever the path was."""
        self._in_flight -= 1
        method = method if method in _METHODS else "other"
        count, observe = self._series.get((method, route, status)) or self._find_series(method, route, status)
        count()
        observe(seconds)

    def _find_series(self, method: str, route: str, status: int) -> tuple[Callable[[], None], Callable[[float], None]]:
        # Kept, because to look labels up takes longer than to count.
        found = self._requests.labels(method, route, str(status)).inc, self._duration.labels(route).observe
        self._series[method, route, status] = found
        return found

    def sample(self) -> None:
        """Show how many requests are in flight; to do so at each of them would cost as much as to count them."""
        self._in_flight_shown.set(self._in_flight)

    def render(self) -> bytes:
        """Return all metrics as Prometheus text, of all processes of the service where they share a folder."""
        self.sample()
        if not self._shared:
            return generate_latest(self.registry)
        everyone = CollectorRegistry()
        MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]
        return generate_latest(everyone)

    def retire(self) -> None:
        """Take this process out of the sums over living processes."""
        if self._shared:
            mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]


def _version(distribution: str) -> str:
    try:
        return installed_version(distribution)
    except PackageNotFoundError:  # run from its source
        return "0+source"


def _forget_the_dead(folder: Path) -> None:
    """Take processes that were killed, and so could not retire, out of the sums over living processes."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = file.stem.rpartition("_")[2]
        if not Path("/proc", pid).exists():
            mark_process_dead(int(pid))  # type: ignore[no-untyped-call]
