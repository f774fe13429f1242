"""What a bundle says about itself, and how one is written.

A bundle is a folder with `manifest.json` and the two graphs it names: everything that serving needs. One graph is the
model, the other the best of the baselines, which answers where the model may not: the gate refused it, or too little is
known of the link.
"""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_serializer, model_validator

from ml_inference.history import CONTEXT
from qos_contract import INTERVAL_LEVEL, MAX_HORIZON, MAX_MODEL_VERSION, WINDOW, PredictRequest
from qos_contract.predict import MAX_SAMPLES

SCHEMA_VERSION: Final = 2
MANIFEST_FILE: Final = "manifest.json"
GRAPH_FILE: Final = "model.onnx"
BASELINE_FILE: Final = "baseline.onnx"
FILES: Final = (MANIFEST_FILE, GRAPH_FILE, BASELINE_FILE)
FEATURES: Final = ("packet_rate", "bandwidth_util", "rtt_variance")
"""Order of the graph's last input axis."""
UNITS: Final = {"packet_rate": "packets/s", "bandwidth_util": "%", "rtt_variance": "ms"}

LOWER_LEVEL: Final = round((1 - INTERVAL_LEVEL) / 2, 6)
UPPER_LEVEL: Final = round((1 + INTERVAL_LEVEL) / 2, 6)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class GraphFile(_Part):
    """An ONNX file of a bundle."""

    file: Literal["model.onnx", "baseline.onnx"]
    """name inside the bundle's folder"""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class DataSource(BaseModel):
    """What the model was trained on; may say more than these two."""

    model_config = ConfigDict(extra="allow", frozen=True)

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    source: str


class Gate(_Part):
    """Whether the model may answer."""

    passed: bool
    reasons: tuple[str, ...] = ()
    """why it may not, a sentence each"""

    @model_validator(mode="after")
    def _say_why(self) -> Self:
        if self.passed == bool(self.reasons):
            raise ValueError("reasons must be given if the gate refused the model, and only then")
        return self


class KnownAnswer(_Part):
    """A request and what this bundle answers to it, at the default capacity of 100 Mbps."""

    request: PredictRequest
    predicted_bandwidth: float = Field(ge=0)
    """Mbps"""
    tolerance: float = Field(gt=0)
    """Mbps"""

    @field_serializer("request")
    def _write_what_was_asked(self, request: PredictRequest) -> dict[str, Any]:
        return request.model_dump(exclude_unset=True)


class BundleDescription(_Part):
    """What is known of a model when it is exported; `write_bundle` adds the graph's facts."""

    schema_version: Literal[2] = SCHEMA_VERSION
    model_version: str = Field(pattern=r"^\d{8}-[0-9a-z]{6,40}$")
    """when and from what: YYYYMMDD-<hash of data and configuration>"""
    name: str
    created: datetime
    window: Literal[10] = WINDOW
    """samples"""
    features: tuple[str, ...] = FEATURES
    units: dict[str, str] = Field(default_factory=lambda: dict(UNITS))
    context: tuple[str, ...] = CONTEXT
    """columns of the graphs' second input, see ml_inference.history"""
    history_samples: int = Field(WINDOW, ge=WINDOW, le=MAX_SAMPLES)
    """samples a request must bring for the model to answer; with fewer the baseline does"""
    horizons: tuple[int, ...] = tuple(range(1, MAX_HORIZON + 1))
    """steps ahead, in the order of the graph's second output axis"""
    quantile_levels: tuple[Annotated[float, Field(gt=0, lt=1)], ...]
    """ascending, in the order of the graph's last output axis (after the mean)"""
    libraries: dict[str, str]
    """name → version of what trained and exported the model"""
    data: DataSource
    training: dict[str, Any]
    """seed, epochs and all else that training was set to"""
    metrics: dict[str, Any]
    """how well it forecasts, and against which baselines"""
    parity_max_abs_difference: float = Field(ge=0)
    """largest difference between Keras and ONNX Runtime, as a fraction of capacity"""
    gate: Gate
    baseline: str = Field(pattern=r"^[a-z][a-z-]{0,39}$")
    """name of the baseline in `baseline.onnx`"""
    known_answer: KnownAnswer

    @model_validator(mode="after")
    def _fit_the_contract(self) -> Self:
        if self.features != FEATURES:
            raise ValueError(f"features must be {FEATURES}")
        if self.context != CONTEXT:
            raise ValueError(f"context must be {CONTEXT}")
        if any(not self.units.get(name, "").startswith(unit) for name, unit in UNITS.items()):
            raise ValueError(f"units must begin as {UNITS}")
        if self.horizons != tuple(range(1, MAX_HORIZON + 1)):
            raise ValueError(f"horizons must be 1 to {MAX_HORIZON}")
        levels = self.quantile_levels
        if any(low >= high for low, high in pairwise(levels)):
            raise ValueError("quantile_levels must ascend")
        if not {LOWER_LEVEL, UPPER_LEVEL} <= set(levels):
            raise ValueError(f"quantile_levels must contain {LOWER_LEVEL} and {UPPER_LEVEL}")
        return self


class Manifest(BundleDescription):
    """`manifest.json`."""

    graph: GraphFile
    baseline_graph: GraphFile

    @property
    def baseline_version(self) -> str:
        """What answers say of themselves when the baseline gave them."""
        return f"{self.baseline}-{self.model_version}"[:MAX_MODEL_VERSION]


def write_bundle(folder: Path, graph: bytes, baseline: bytes, description: BundleDescription) -> Manifest:
    """Write a bundle, replacing the one at `folder` if there is one; return its manifest.

    A reader finds the old bundle, the new one or, between two renames, none; never a part.
    """
    manifest = Manifest(
        **dict(description),
        graph=GraphFile(file=GRAPH_FILE, sha256=hashlib.sha256(graph).hexdigest()),
        baseline_graph=GraphFile(file=BASELINE_FILE, sha256=hashlib.sha256(baseline).hexdigest()),
    )
    text = manifest.model_dump_json(indent=2).encode() + b"\n"
    put_in_place(folder, {GRAPH_FILE: graph, BASELINE_FILE: baseline, MANIFEST_FILE: text})
    return Manifest.model_validate_json(text)  # as a reader will find it


def put_in_place(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make `folder` hold these files and no others: complete and on disk before it gets its name."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        fresh, stale = Path(scratch, "fresh"), Path(scratch, "stale")
        fresh.mkdir(mode=0o755)
        for name, content in files.items():
            _write_durably(fresh / name, content)
        if folder.exists():
            folder.rename(stale)
        try:
            fresh.rename(folder)
        except BaseException:
            if stale.exists():
                stale.rename(folder)
            raise


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
