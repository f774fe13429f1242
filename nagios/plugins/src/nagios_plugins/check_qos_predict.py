"""Does the service forecast what its model is known to forecast, in Mbps, in time?

The question and its answer come from the model bundle's manifest (`known_answer`), so a new model brings its own; where
a cluster is named, from its record of the release.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from typing import Any, TypeGuard

import nagiosplugin

from nagios_plugins import arguments, check
from nagios_plugins.http import Identity, ServiceError, ask
from nagios_plugins.released import Release

NAME = "FORECAST"
UNIT = "Mbps"
KNOWN_CAPACITY = 100.0
"""Mbps; the capacity that every bundle's known answer holds for, whatever the service's own default."""
MAX_MBPS = 1e12
"""No link; and what is less needs no exponent, which performance data does not know."""


def is_bandwidth(value: object) -> TypeGuard[float]:
    """Whether a value from JSON is a number of Mbps; NaN is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MAX_MBPS


class Forecast(check.ServiceResource):
    """`/predict` of a service, asked for the known window."""

    def __init__(self, url: str, known: dict[str, Any], release: Release, timeout: float, identity: Identity) -> None:
        self.url, self.known, self.timeout, self.identity = url, known, timeout, identity
        self.coming, self.notes = release.coming, release.notes
        self.sentence = ""
        self.model: object = None
        """that answered"""

    def ask(self) -> Iterable[Any]:
        """The forecast in Mbps and the time of the answer in seconds.

        Raises:
            ServiceError: no forecast, or one in another unit.
        """
        question = {"link_capacity_mbps": KNOWN_CAPACITY} | self.known["request"]
        answer = ask(f"{self.url}/predict", body=question, timeout=self.timeout, identity=self.identity)
        if answer.status != 200:
            raise ServiceError(f"HTTP {answer.status}: {answer.body.get('detail') or 'no reason given'}")
        value, unit = answer.body.get("predicted_bandwidth"), answer.body.get("unit")
        if unit != UNIT:
            raise ServiceError(f"the forecast's unit is {unit!r} instead of {UNIT!r}")
        if not is_bandwidth(value):
            raise ServiceError(f"the forecast is {json.dumps(value)} instead of a number of {UNIT}")
        self.model = answer.body.get("model_version")
        self.sentence = f"{value:g} {UNIT} in {answer.seconds * 1000:.1f} ms by model {self.model}"
        is_coming = self.model is not None and self.model == self.coming
        if is_coming:  # to this question it is known to nobody what it says
            self.sentence += ", which is being released"
        yield nagiosplugin.Metric("predicted", round(value, 4), min=0, context="number" if is_coming else "predicted")
        yield nagiosplugin.Metric("time", round(answer.seconds, 4), uom="s", min=0, context="time")

    def wrong(self, metric: Any, _: Any) -> str:
        """What is said of a forecast beyond the tolerance: another model is the reason, if one answered."""
        known, expected = self.known, self.known["predicted_bandwidth"]
        text = f"the forecast is {metric.value:g} {UNIT}, not {expected:g} ± {known['tolerance']:g}"
        if known["model_version"] in (None, self.model):
            return text
        return f"{text}; model {self.model} answered, the release has {known['model_version']}"


def known_answer(release: Release) -> dict[str, Any]:
    """The known answer of a release, with its `model_version`.

    Raises:
        argparse.ArgumentTypeError: there is none.
    """
    where = f"no known answer in {release.place}"
    try:
        known = release.manifest["known_answer"]
        wanted = {key: known[key] for key in ("request", "predicted_bandwidth", "tolerance")}
    except (KeyError, TypeError) as error:
        raise argparse.ArgumentTypeError(f"{where}: {error!r}") from None
    if not isinstance(wanted["request"], dict):
        raise argparse.ArgumentTypeError(f"{where}: request is no object")
    for key in ("predicted_bandwidth", "tolerance"):
        if not (is_bandwidth(wanted[key]) and wanted[key] >= 0):
            raise argparse.ArgumentTypeError(f"{where}: {key} is no number of {UNIT}")
    return wanted | {"model_version": release.manifest.get("model_version")}


def main() -> None:
    """Entry point of `check_qos_predict`."""
    parser = arguments.ServiceArgumentParser(NAME, __doc__, warning="0.25", critical="1")
    parser.add_release()
    wanted = parser.parse_args()
    release = parser.release(wanted)
    known = parser.checked(known_answer, release)
    expected, tolerance = known["predicted_bandwidth"], known["tolerance"]
    forecast = Forecast(wanted.url, known, release, wanted.timeout, parser.identity(wanted))
    check.run(
        NAME,
        forecast,
        nagiosplugin.ScalarContext(
            "predicted",
            critical=f"{expected - tolerance:.6f}:{expected + tolerance:.6f}",
            fmt_metric=forecast.wrong,
        ),
        nagiosplugin.ScalarContext("number"),
        nagiosplugin.ScalarContext("time", wanted.warning, wanted.critical),
        timeout=wanted.timeout,
    )
