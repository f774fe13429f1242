"""Tiny graphs, so that a test can say what is wrong with one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from ml_inference.bundle import BundleDescription, write_bundle
from ml_inference.history import CONTEXT
from qos_contract import EXAMPLE_REQUEST

OPSET = 17
LEVELS = (0.1, 0.5, 0.9)
OFFSETS = (0.0, -0.05, 0.01, 0.05)
"""of mean and quantiles, as fractions of capacity"""

SHIFT = 0.1
"""The baseline forecasts so much more than the model, a fraction of capacity: an answer tells whose it is."""

GraphMaker = Callable[..., bytes]
BundleMaker = Callable[..., Path]


def last_utilisation(
    *,
    window: str = "window",
    context: str | None = "context",
    batch: int | str = "batch",
    features: int = 3,
    columns: int = 8,
    horizons: int = 5,
    scale: float = 0.01,
    shift: float = 0.0,
    share_of_level: float = 0.0,
) -> bytes:
    """A graph that forecasts the last utilisation for every horizon, between fixed offsets.

    `share_of_level` of the context's mean is added. Without `context`, there is one input only.
    """
    offsets = [offset + shift for offset in OFFSETS] * horizons
    constants = {
        "last": helper.make_tensor("last", TensorProto.INT64, [], [9]),
        "column": helper.make_tensor("column", TensorProto.INT64, [1], [1]),
        "scale": helper.make_tensor("scale", TensorProto.FLOAT, [], [scale]),
        "offsets": helper.make_tensor("offsets", TensorProto.FLOAT, [horizons, 4], offsets),
        "level": helper.make_tensor("level", TensorProto.INT64, [1], [CONTEXT.index("level")]),
        "part": helper.make_tensor("part", TensorProto.FLOAT, [], [share_of_level]),
    }
    nodes = [
        helper.make_node("Gather", [window, "last"], ["sample"], axis=1),  # [batch, features]
        helper.make_node("Gather", ["sample", "column"], ["percent"], axis=1),  # [batch, 1]
        helper.make_node("Unsqueeze", ["percent", "column"], ["wide"]),  # [batch, 1, 1]
        helper.make_node("Mul", ["wide", "scale"], ["fraction"]),
        helper.make_node("Add", ["fraction", "offsets"], ["forecast" if context is None else "moved"]),
    ]
    inputs = [helper.make_tensor_value_info(window, TensorProto.FLOAT, [batch, 10, features])]
    if context is None:
        del constants["level"], constants["part"]
    else:
        nodes += [
            helper.make_node("Gather", [context, "level"], ["mean"], axis=1),  # [batch, 1]
            helper.make_node("Unsqueeze", ["mean", "column"], ["wide_mean"]),  # [batch, 1, 1]
            helper.make_node("Mul", ["wide_mean", "part"], ["more"]),
            helper.make_node("Add", ["moved", "more"], ["forecast"]),  # [batch, horizons, 4]
        ]
        inputs.append(helper.make_tensor_value_info(context, TensorProto.FLOAT, [batch, columns]))
    graph = helper.make_graph(
        nodes,
        "last-utilisation",
        inputs,
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
        "gate": {"passed": True},
        "baseline": "moving-average",
        "known_answer": {"request": EXAMPLE_REQUEST, "predicted_bandwidth": 65.0, "tolerance": 0.01},
    }
    return BundleDescription.model_validate(facts | changes)


@pytest.fixture
def make_graph() -> GraphMaker:
    return last_utilisation


@pytest.fixture
def make_bundle(tmp_path: Path) -> BundleMaker:
    def make(graph: bytes | None = None, fallback: bytes | None = None, **changes: Any) -> Path:
        folder = tmp_path / "bundle"
        write_bundle(
            folder,
            last_utilisation() if graph is None else graph,
            last_utilisation(shift=SHIFT) if fallback is None else fallback,
            describe(**changes),
        )
        return folder

    return make
