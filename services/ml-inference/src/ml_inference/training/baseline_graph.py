"""A fitted baseline as an ONNX graph that answers to the same questions as the LSTM's."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ml_inference.forecasting.baselines import LinearForecaster, Unit
from ml_inference.forecasting.layout import (
    FEATURES,
    HORIZONS,
    QUANTILE_LEVELS,
    SPREAD_FLOOR,
    UTILISATION_FLOOR,
    WINDOW,
)
from ml_inference.history import CONTEXT

OPSET, IR = 17, 8
"""What ONNX Runtime has read for years."""


def graph_of(baseline: LinearForecaster) -> bytes:
    """The graph: point = share @ weights + offset, quantiles = point + errors × unit, nothing below zero.

    Raises RuntimeError before the baseline's `fit`.
    """
    state = baseline.state()
    errors = np.array(state["errors"])[None]  # [1, HORIZONS, quantiles]
    constants: dict[str, np.typing.NDArray[Any]] = {
        "utilisation": np.array(FEATURES.index("bandwidth_util")),
        "hundred": np.array(100, np.float32),
        "weights": np.array(state["weights"], np.float32),  # [WINDOW, HORIZONS]
        "offset": np.array(state["offset"], np.float32),  # [HORIZONS]
        "errors": np.concatenate([np.zeros((1, HORIZONS, 1)), errors], axis=2).astype(np.float32),  # mean first
        "spread_floor": np.array(SPREAD_FLOOR, np.float32),
        "utilisation_floor": np.array(UTILISATION_FLOOR, np.float32),
        "wide": np.array([2]),
    }
    nodes = [
        helper.make_node("Gather", ["window", "utilisation"], ["percent"], axis=2),  # [batch, WINDOW]
        helper.make_node("Div", ["percent", "hundred"], ["share"]),
        helper.make_node("Gemm", ["share", "weights", "offset"], ["point"]),  # [batch, HORIZONS]
        helper.make_node("Unsqueeze", ["point", "wide"], ["points"]),  # [batch, HORIZONS, 1]
        *(_scale() if baseline.unit is Unit.WINDOW else _no_scale(constants)),
        helper.make_node("Mul", ["errors", "unit"], ["away"]),  # [batch, HORIZONS, 1 + quantiles]
        helper.make_node("Add", ["points", "away"], ["signed"]),
        helper.make_node("Relu", ["signed"], ["forecast"]),
    ]
    graph = helper.make_graph(
        nodes,
        baseline.name,
        [
            helper.make_tensor_value_info("window", TensorProto.FLOAT, ["batch", WINDOW, len(FEATURES)]),
            helper.make_tensor_value_info("context", TensorProto.FLOAT, ["batch", len(CONTEXT)]),
        ],
        [helper.make_tensor_value_info("forecast", TensorProto.FLOAT, ["batch", HORIZONS, 1 + len(QUANTILE_LEVELS)])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    onnx.checker.check_model(model, full_check=True)
    serialised: bytes = model.SerializeToString()
    return serialised


def _scale() -> list[onnx.NodeProto]:
    """windows.scale_of: the window's standard deviation, floored, as `unit` [batch, 1, 1]."""
    return [
        helper.make_node("ReduceMean", ["share"], ["mean"], axes=[1], keepdims=1),  # [batch, 1]
        helper.make_node("Sub", ["share", "mean"], ["from_mean"]),
        helper.make_node("Mul", ["from_mean", "from_mean"], ["squares"]),
        helper.make_node("ReduceMean", ["squares"], ["variance"], axes=[1], keepdims=1),
        helper.make_node("Sqrt", ["variance"], ["spread"]),
        helper.make_node("Mul", ["mean", "spread_floor"], ["relative_floor"]),
        helper.make_node("Max", ["spread", "relative_floor", "utilisation_floor"], ["scale"]),
        helper.make_node("Unsqueeze", ["scale", "wide"], ["unit"]),
    ]


def _no_scale(constants: dict[str, np.typing.NDArray[Any]]) -> list[onnx.NodeProto]:
    """Errors are fractions of capacity already."""
    constants["unit"] = np.array(1, np.float32)
    for name in ("spread_floor", "utilisation_floor"):
        del constants[name]
    return []
