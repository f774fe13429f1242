"""The wire form of `POST /predict`: what is asked, what is answered, and their limits."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

WINDOW: Final = 10
"""Samples that the model sees: the last ones of a request."""
MAX_SAMPLES: Final = 512
"""Samples a request may carry; those before the window may tell the link's character."""
MAX_HORIZON: Final = 5
"""Farthest step ahead that can be asked for; one step is the distance of two samples."""
INTERVAL_LEVEL: Final = 0.8
"""Probability that the true bandwidth lies between `lower` and `upper`."""
UNIT: Final = "Mbps"
MAX_MODEL_VERSION: Final = 64
"""Characters of `model_version`."""

# Upper bounds refuse nonsense (1e308, a wrong unit), never a real link.
MAX_PACKET_RATE: Final = 1e10
"""packets/s; 800 Gbit/s of the smallest Ethernet frames are 1.2e9."""
MAX_UTILISATION: Final = 1000.0
"""%; where capacity is an estimate (a percentile of what was seen), a burst passes 100 % many times over."""
MAX_RTT_SPREAD: Final = 600_000.0
"""ms; ten minutes. The worst of the recorded links shows 12.6 s."""
MAX_CAPACITY: Final = 1e7
"""Mbps; 10 Tbit/s."""
MAX_THRESHOLD: Final = 1e9
"""Mbps; any finite question may be asked, its answer is then 0."""

EXAMPLE_REQUEST: Final[dict[str, Any]] = {
    "packet_rate": [950, 1020, 980, 1100, 1080, 1150, 1200, 1180, 1220, 1250],
    "bandwidth_util": [45, 50, 48, 55, 57, 60, 62, 61, 63, 65],
    "rtt_variance": [4, 5, 4.5, 6, 5.5, 6.2, 6.5, 6.1, 6.8, 7],
}
"""The documented window; README, OpenAPI, smoke test and plugins take it from here."""

PacketRate = Annotated[float, Field(ge=0, le=MAX_PACKET_RATE)]
Utilisation = Annotated[float, Field(ge=0, le=MAX_UTILISATION)]
RttSpread = Annotated[float, Field(ge=0, le=MAX_RTT_SPREAD)]
Bandwidth = Annotated[float, Field(ge=0)]
Probability = Annotated[float, Field(ge=0, le=1)]


class PredictRequest(BaseModel):
    """The recent history of one link: equally spaced samples, oldest first, lists of equal length."""

    # Strict: a number is a number. "65" and true are faults of the sender that would otherwise go unseen.
    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        frozen=True,
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [EXAMPLE_REQUEST]},
    )

    # A list stops at its first wrong sample: to describe each one of 700,000 took 200 MB.
    packet_rate: list[PacketRate] = Field(min_length=WINDOW, max_length=MAX_SAMPLES, fail_fast=True)
    """packets/s"""
    bandwidth_util: list[Utilisation] = Field(min_length=WINDOW, max_length=MAX_SAMPLES, fail_fast=True)
    """% of the link's capacity"""
    rtt_variance: list[RttSpread | None] | None = Field(None, min_length=WINDOW, max_length=MAX_SAMPLES, fail_fast=True)
    """ms; spread (standard deviation) of round-trip times, null where it was not measured"""
    link_capacity_mbps: float | None = Field(None, gt=0, le=MAX_CAPACITY)
    """Mbps; the service's default where left out"""
    horizon: int = Field(1, ge=1, le=MAX_HORIZON)
    """steps ahead"""
    threshold_mbps: float | None = Field(None, ge=0, le=MAX_THRESHOLD)
    """Mbps; asks for the probability that bandwidth will exceed it"""
    forecaster: Literal["model", "baseline"] = "model"
    """who is to answer; `baseline` is what the model has to beat, for links on which it is not trusted"""
    path: bool = False
    """asks for every step up to `horizon`, not for the last one alone"""

    @field_validator("bandwidth_util", "rtt_variance")
    @classmethod
    def _match_packet_rate(cls, series: list[float | None] | None, info: ValidationInfo) -> list[float | None] | None:
        # On the field, not on the model: so that the error's path names the list that does not fit.
        reference = info.data.get("packet_rate")
        if series is not None and reference is not None and len(series) != len(reference):
            raise PydanticCustomError(
                "unequal_length",
                "List should have as many items as packet_rate: {expected}, not {actual}",
                {"expected": len(reference), "actual": len(series)},
            )
        return series


class PathStep(BaseModel):
    """One step on the way to the horizon."""

    model_config = ConfigDict(
        strict=True, extra="ignore", allow_inf_nan=False, frozen=True, use_attribute_docstrings=True
    )

    predicted_bandwidth: Bandwidth
    """`unit`; the expected value"""
    lower: Bandwidth
    """`unit`; lower end of the interval"""
    upper: Bandwidth
    """`unit`; upper end of the interval"""
    exceed_probability: Probability | None = None
    """probability that bandwidth exceeds `threshold_mbps` at this step"""
    exceed_within_probability: Probability | None = None
    """probability that it exceeds `threshold_mbps` at this step or one before it"""


class PredictResponse(BaseModel):
    """The forecast of that link's bandwidth; its wire form leaves out what is None."""

    # Unknown fields are dropped, not refused: while a release rolls, a gateway meets a newer ml-inference.
    model_config = ConfigDict(
        strict=True, extra="ignore", allow_inf_nan=False, frozen=True, use_attribute_docstrings=True
    )

    predicted_bandwidth: Bandwidth
    """`unit`; the expected value"""
    unit: Literal["Mbps"] = UNIT
    lower: Bandwidth
    """`unit`; lower end of the interval"""
    upper: Bandwidth
    """`unit`; upper end of the interval"""
    level: Probability = INTERVAL_LEVEL
    """probability that the true value lies between `lower` and `upper`"""
    horizon: int = Field(ge=1, le=MAX_HORIZON)
    """steps ahead"""
    model_version: str = Field(min_length=1, max_length=MAX_MODEL_VERSION)
    link_capacity_mbps: float = Field(gt=0, le=MAX_CAPACITY)
    """Mbps; the capacity the answer was computed with"""
    exceed_probability: Probability | None = None
    """probability that bandwidth exceeds `threshold_mbps` at the horizon; only where a threshold was given"""
    path: list[PathStep] | None = Field(None, min_length=1, max_length=MAX_HORIZON)
    """every step up to the horizon, the nearest first; only where it was asked for"""

    def wire(self) -> bytes:
        """Return the JSON that goes over the wire."""
        return self.model_dump_json(exclude_none=True).encode()
