"""What stands in the two files that `make evaluate` writes, entry by entry."""

from __future__ import annotations

import math
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict

ALL: Final = "all"
"""The segment that is every row."""


def _null(value: Any) -> Any:
    """JSON has no NaN, Python writes it all the same: what is not a number is not known."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


Maybe = Annotated[float | None, BeforeValidator(_null)]
"""A figure, or None where there were too few traces (or no quantiles) to tell."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False, protected_namespaces=())


class Score(_Part):
    """How one model did on one set, one number of steps ahead. Fractions, and Mbps."""

    set: str
    split: str
    segment: str = ALL
    horizon: int
    model: str
    n: int
    rmse: float
    mae: Maybe = None
    mase: Maybe = None
    skill: Maybe = None
    skill_low: Maybe = None
    skill_high: Maybe = None
    crps: Maybe = None
    crps_gain: Maybe = None
    crps_gain_low: Maybe = None
    crps_gain_high: Maybe = None
    coverage_80: Maybe = None
    coverage_90: Maybe = None
    width_80: Maybe = None
    width_90: Maybe = None


class DataFile(_Part):
    """One set of links."""

    set: str
    file: str
    sha256: str
    traces: int
    rows: int
    rows_per_split: dict[str, int]


class Gate(_Part):
    """Whether the release gate let a model through."""

    passed: bool
    reasons: list[str] = []


class TrainedModel(_Part):
    """An LSTM that took part; `set` is None for the one that is made without any real link."""

    model: str
    set: str | None = None
    model_version: str
    training: dict[str, Any] = {}
    microseconds_per_window: Maybe = None
    gate: Gate


class Segment(_Part):
    """A model's error on a part of a set's rows."""

    set: str
    segment: str
    horizon: int
    model: str
    n: int
    rmse: Maybe
    skill: Maybe
    skill_low: Maybe = None
    skill_high: Maybe = None


class Reliability(_Part):
    """How often the truth lay at or below the quantile `level`."""

    set: str
    horizon: int
    model: str
    level: float
    observed: float


class Pair(_Part):
    """RMSE of `model` / RMSE of `other` on the same rows; horizon None = mean over the horizons."""

    set: str
    segment: str = ALL
    horizon: int | None = None
    model: str
    other: str
    rmse_ratio: Maybe
    rmse_ratio_low: Maybe = None
    rmse_ratio_high: Maybe = None


class Optimum(_Part):
    """RMSE / the least RMSE that any forecaster can have on this generator."""

    generator: str
    horizon: int
    model: str
    rmse: float
    rmse_optimum: float
    ratio: float
    optimum: str


class Fan(_Part):
    """A forecast made at `origin`, the place of the last known sample in past + actual: for origin + 1 and on."""

    origin: int
    mean: list[float]
    quantiles: list[list[float]]


class FanTrace(_Part):
    """A stretch of a real trace with the forecasts made along it."""

    set: str
    model: str
    trace_id: str
    step_seconds: Maybe = None
    past_mbps: list[float]
    actual_mbps: list[float]
    levels: list[float]
    fans: list[Fan]


class Miss(_Part):
    """One of the worst forecasts: the window it was made from, the forecast and what came."""

    set: str
    model: str
    trace_id: str
    row: int
    horizon: int
    actual_mbps: float
    predicted_mbps: float
    lower_mbps: Maybe = None
    upper_mbps: Maybe = None
    last_mbps: float
    window_mbps: list[float]


class Details(_Part):
    """Everything of an evaluation but the scores."""

    created: str
    code_version: str
    seed: int
    split: str
    seconds: Maybe = None
    together: list[str] = []
    """sets that make up the mean; none named: all"""
    data: list[DataFile] = []
    models: list[TrainedModel] = []
    segments: list[Segment] = []
    reliability: list[Reliability] = []
    paired: list[Pair] = []
    optimum: list[Optimum] = []
    fans: list[FanTrace] = []
    worst: list[Miss] = []
