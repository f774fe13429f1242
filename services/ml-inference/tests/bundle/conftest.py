"""Tiny graphs, so that a test can say what is wrong with one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from ml_inference.bundle import BundleDescription, write_bundle
from qos_contract import EXAMPLE_REQUEST

OPSET = 17
LEVELS = (0.1, 0.5, 0.9)
OFFSETS = (0.0, -0.05, 0.01, 0.05)
"""of mean and quantiles, as fractions of capacity"""

GraphMaker = Callable[..., bytes]
BundleMaker = Callable[..., Path]


def last_utilisation(
    *, source: str = "window", batch: int | str = "batch", features: int = 3, horizons: int = 5, scale: float = 0.01
) -> bytes:
    """A graph that forecasts the last utilisation for every horizon, between fixed offsets."""
    constants = {
        "last": helper.make_tensor("last", TensorProto.INT64, [], [9]),
        "column": helper.make_tensor("column", TensorProto.INT64, [1], [1]),
        "scale": helper.make_tensor("scale", TensorProto.FLOAT, [], [scale]),
        "offsets": helper.make_tensor("offsets", TensorProto.FLOAT, [horizons, 4], OFFSETS * horizons),
    }
    nodes = [
        helper.make_node("Gather", [source, "last"], ["sample"], axis=1),  # [batch, features]
        helper.make_node("Gather", ["sample", "column"], ["percent"], axis=1),  # [batch, 1]
        helper.make_node("Unsqueeze", ["percent", "column"], ["wide"]),  # [batch, 1, 1]
        helper.make_node("Mul", ["wide", "scale"], ["fraction"]),
        helper.make_node("Add", ["fraction", "offsets"], ["forecast"]),  # [batch, horizons, 4]
    ]
    graph = helper.make_graph(
        nodes,
        "last-utilisation",
        [helper.make_tensor_value_info(source, TensorProto.FLOAT, [batch, 10, features])],
        [helper.make_tensor_value_info("forecast", TensorProto.FLOAT, [batch, horizons, 4])],
        list(constants.values()),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    serialised: bytes = model.SerializeToString()
    return serialised


def describe(**changes: Any) -> BundleDescription:
    facts: dict[str, Any] = {
        "model_version": "20250101-abcdef12",
        "name": "last-utilisation",
        "created": "2025-01-01T00:00:00Z",
        "quantile_levels": LEVELS,
        "libraries": {"onnx": onnx.__version__},
        "data": {"sha256": "0" * 64, "source": "none"},
        "training": {"seed": 0, "epochs": 0},
        "metrics": {},
        "parity_max_abs_difference": 0.0,
        "known_answer": {"request": EXAMPLE_REQUEST, "predicted_bandwidth": 65.0, "tolerance": 0.01},
    }
    return BundleDescription.model_validate(facts | changes)


@pytest.fixture
def make_graph() -> GraphMaker:
    return last_utilisation


@pytest.fixture
def make_bundle(tmp_path: Path) -> BundleMaker:
    def make(graph: bytes | None = None, **changes: Any) -> Path:
        folder = tmp_path / "bundle"
        write_bundle(folder, last_utilisation() if graph is None else graph, OPSET, describe(**changes))
        return folder

    return make
