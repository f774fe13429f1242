"""Does the service forecast what its model is known to forecast, in Mbps, in time?

The question and its answer come from the model bundle's manifest (`known_answer`), so a new model brings its own.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeGuard

import nagiosplugin

from nagios_plugins import check
from nagios_plugins.http import Identity, ServiceError, ask

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

    def __init__(self, url: str, known_answer: dict[str, Any], timeout: float, identity: Identity) -> None:
        self.url, self.known, self.timeout, self.identity = url, known_answer, timeout, identity
        self.sentence = ""

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
        self.sentence = (
            f"{value:g} {UNIT} in {answer.seconds * 1000:.1f} ms by model {answer.body.get('model_version')}"
        )
        yield nagiosplugin.Metric("predicted", round(value, 4), min=0, context="predicted")
        yield nagiosplugin.Metric("time", round(answer.seconds, 4), uom="s", min=0, context="time")


def known_answer(manifest: str) -> dict[str, Any]:
    """The known answer in a bundle's manifest, as an argument's type.

    Raises:
        argparse.ArgumentTypeError: there is none.
    """
    try:
        known = json.loads(Path(manifest).read_text(encoding="utf-8"))["known_answer"]
        wanted = {key: known[key] for key in ("request", "predicted_bandwidth", "tolerance")}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"no known answer in {manifest}: {error!r}") from None
    if not isinstance(wanted["request"], dict):
        raise argparse.ArgumentTypeError(f"no known answer in {manifest}: request is no object")
    for key in ("predicted_bandwidth", "tolerance"):
        if not (is_bandwidth(wanted[key]) and wanted[key] >= 0):
            raise argparse.ArgumentTypeError(f"no known answer in {manifest}: {key} is no number of {UNIT}")
    return wanted


def main() -> None:
    """Entry point of `check_qos_predict`."""
    parser = check.ArgumentParser(NAME, __doc__, warning="0.25", critical="1")
    parser.add_argument(
        "-m",
        "--manifest",
        dest="known",
        required=True,
        type=known_answer,
        help="manifest.json of the bundle that is served",
    )
    wanted = parser.parse_args()
    expected, tolerance = wanted.known["predicted_bandwidth"], wanted.known["tolerance"]
    check.run(
        NAME,
        Forecast(wanted.url, wanted.known, wanted.timeout, parser.identity(wanted)),
        nagiosplugin.ScalarContext(
            "predicted",
            critical=f"{expected - tolerance:.6f}:{expected + tolerance:.6f}",
            fmt_metric=lambda metric, _: f"the forecast is {metric.value:g} {UNIT}, not {expected:g} ± {tolerance:g}",
        ),
        nagiosplugin.ScalarContext("time", wanted.warning, wanted.critical),
        timeout=wanted.timeout,
    )
