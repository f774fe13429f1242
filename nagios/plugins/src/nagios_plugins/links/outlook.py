"""From what a link carried to what it is going to: one question to the gateway, answered by model and baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from nagios_plugins.http import Identity, ServiceError, ask
from nagios_plugins.links.records import HISTORY, HORIZON, Forecaster, Outlook, Sample, Step

MOST_PERCENT: Final = 1000.0
"""The most utilisation that the gateway takes."""
MOST_MBPS: Final = 1e12
FORECASTERS: Final[tuple[Forecaster, ...]] = get_args(Forecaster)
STEP_FIELDS: Final = {
    "mean": "predicted_bandwidth",
    "lower": "lower",
    "upper": "upper",
    "exceed": "exceed_probability",
    "exceed_within": "exceed_within_probability",
}


def look_ahead(
    run: Sequence[Sample], threshold_mbps: float, decides: Forecaster, *, url: str, timeout: float, identity: Identity
) -> list[Outlook]:
    """What both forecasters say of the steps after a run of samples (10 at least); `decides` is whom alarms go by.

    Raises:
        ServiceError: no forecast, or something that is none.
    """
    body = {"requests": [_question(run[-HISTORY:], threshold_mbps, forecaster) for forecaster in FORECASTERS]}
    answer = ask(f"{url}/predict/batch", body=body, timeout=timeout, identity=identity)
    if answer.status != 200:
        raise ServiceError(f"HTTP {answer.status}: {answer.body.get('detail') or 'no reason given'}")
    answers = answer.body.get("answers")
    if not isinstance(answers, list) or len(answers) != len(FORECASTERS):
        raise ServiceError("the answer has not one forecast of each forecaster")
    newest = run[-1]
    return [
        Outlook(
            epoch=newest.epoch,
            cell=newest.cell,
            wall=newest.wall,
            forecaster=forecaster,
            model_version=_version(found),
            decided=forecaster == decides,
            last_mbps=newest.mbps,
            threshold_mbps=threshold_mbps,
            capacity_mbps=newest.capacity_mbps,
            path=_path(found),
        )
        for forecaster, found in zip(FORECASTERS, answers, strict=True)
    ]


def _question(run: Sequence[Sample], threshold_mbps: float, forecaster: Forecaster) -> dict[str, Any]:
    question = {
        "packet_rate": [round(sample.packet_rate, 3) for sample in run],
        "bandwidth_util": [round(min(sample.utilisation, MOST_PERCENT), 6) for sample in run],
        "link_capacity_mbps": run[-1].capacity_mbps,
        "horizon": HORIZON,
        "threshold_mbps": threshold_mbps,
        "path": True,
        "forecaster": forecaster,
    }
    spread = [sample.rtt_spread_ms for sample in run]
    return question if all(value is None for value in spread) else question | {"rtt_variance": spread}


def _version(found: object) -> str:
    """Who answered.

    Raises:
        ServiceError: it is an error, or nothing that the contract knows.
    """
    if not isinstance(found, Mapping):
        raise ServiceError("what was answered is no forecast")
    if "error" in found:
        raise ServiceError(f"refused: {found.get('detail') or found['error']}")
    version = found.get("model_version")
    if not isinstance(version, str) or not version:
        raise ServiceError("the forecast does not say who made it")
    return version


def _path(found: Mapping[str, Any]) -> tuple[Step, ...]:
    if found.get("unit") != "Mbps":
        raise ServiceError(f"the forecast's unit is {found.get('unit')!r} instead of 'Mbps'")
    path = found.get("path")
    if not isinstance(path, list) or len(path) != HORIZON or not all(isinstance(step, Mapping) for step in path):
        raise ServiceError(f"the forecast has not {HORIZON} steps")
    return tuple(
        Step(**{name: _number(step.get(field), field) for name, field in STEP_FIELDS.items()}) for step in path
    )


def _number(value: object, field: str) -> float:
    most = 1.0 if field.endswith("probability") else MOST_MBPS
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise ServiceError(f"the forecast's {field} is no number from 0 to {most:g}")
    return float(value)
