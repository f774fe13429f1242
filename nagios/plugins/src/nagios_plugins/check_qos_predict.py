"""Does the service forecast what its model is known to forecast, in Mbps, in time?

The question and its answer come from the model bundle's manifest (`known_answer`), so a new model brings its own.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nagiosplugin

from nagios_plugins import check
from nagios_plugins.http import ServiceError, ask

UNIT = "Mbps"


class Forecast(check.ServiceResource):
    """`/predict` of a service, asked for the known window."""

    def __init__(self, url: str, known_answer: dict[str, Any], timeout: float) -> None:
        self.url, self.known, self.timeout = url, known_answer, timeout
        self.sentence = ""

    def ask(self) -> Iterable[Any]:
        """The forecast in Mbps and the time of the answer in seconds.

        Raises:
            ServiceError: no forecast, or one in another unit.
        """
        answer = ask(f"{self.url}/predict", body=self.known["request"], timeout=self.timeout)
        if answer.status != 200:
            raise ServiceError(f"HTTP {answer.status}: {answer.body.get('detail', 'no reason given')}")
        value, unit = answer.body.get("predicted_bandwidth"), answer.body.get("unit")
        if unit != UNIT:
            raise ServiceError(f"the forecast's unit is {unit!r} instead of {UNIT!r}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ServiceError(f"the forecast is {value!r} instead of a number")
        self.sentence = (
            f"{value:g} {UNIT} in {answer.seconds * 1000:.1f} ms by model {answer.body.get('model_version')}"
        )
        yield nagiosplugin.Metric("predicted", value, min=0, context="predicted")
        yield nagiosplugin.Metric("time", round(answer.seconds, 4), uom="s", min=0, context="time")


def known_answer(manifest: str) -> dict[str, Any]:
    """The known answer in a bundle's manifest, as an argument's type.

    Raises:
        argparse.ArgumentTypeError: there is none.
    """
    try:
        known = json.loads(Path(manifest).read_text(encoding="utf-8"))["known_answer"]
        return {key: known[key] for key in ("request", "predicted_bandwidth", "tolerance")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise argparse.ArgumentTypeError(f"no known answer in {manifest}: {error!r}") from None


def main() -> None:
    """Entry point of `check_qos_predict`."""
    parser = check.ArgumentParser(__doc__)
    parser.add_argument(
        "-m",
        "--manifest",
        dest="known",
        required=True,
        type=known_answer,
        help="manifest.json of the bundle that is served",
    )
    parser.add_argument("-w", "--warning", default="0.25", metavar="RANGE", help="seconds (%(default)s)")
    parser.add_argument("-c", "--critical", default="1", metavar="RANGE", help="seconds (%(default)s)")
    wanted = parser.parse_args()
    expected, tolerance = wanted.known["predicted_bandwidth"], wanted.known["tolerance"]
    check.run(
        "FORECAST",
        Forecast(wanted.url, wanted.known, wanted.timeout),
        nagiosplugin.ScalarContext("predicted", critical=f"{expected - tolerance}:{expected + tolerance}"),
        nagiosplugin.ScalarContext("time", wanted.warning, wanted.critical),
        timeout=wanted.timeout,
    )
