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

from nagios_plugins import arguments, check
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
        yield nagiosplugin.Metric("predicted", round(value, 4), min=0, context="predicted")
        yield nagiosplugin.Metric("time", round(answer.seconds, 4), uom="s", min=0, context="time")

    def wrong(self, metric: Any, _: Any) -> str:
        """What is said of a forecast beyond the tolerance: another model is the reason, if one answered."""
        known, expected = self.known, self.known["predicted_bandwidth"]
        text = f"the forecast is {metric.value:g} {UNIT}, not {expected:g} ± {known['tolerance']:g}"
        if known["model_version"] in (None, self.model):
            return text
        return f"{text}; model {self.model} answered, the manifest is of {known['model_version']}"


def known_answer(manifest: str) -> dict[str, Any]:
    """The known answer in a bundle's manifest, with the manifest's `model_version`, as an argument's type.

    Raises:
        argparse.ArgumentTypeError: there is none.
    """
    try:
        content = json.loads(Path(manifest).read_text(encoding="utf-8"))
        known = content["known_answer"]
        wanted = {key: known[key] for key in ("request", "predicted_bandwidth", "tolerance")}
        wanted["model_version"] = content.get("model_version")
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
    parser = arguments.ServiceArgumentParser(NAME, __doc__, warning="0.25", critical="1")
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
    forecast = Forecast(wanted.url, wanted.known, wanted.timeout, parser.identity(wanted))
    check.run(
        NAME,
        forecast,
        nagiosplugin.ScalarContext(
            "predicted",
            critical=f"{expected - tolerance:.6f}:{expected + tolerance:.6f}",
            fmt_metric=forecast.wrong,
        ),
        nagiosplugin.ScalarContext("time", wanted.warning, wanted.critical),
        timeout=wanted.timeout,
    )
