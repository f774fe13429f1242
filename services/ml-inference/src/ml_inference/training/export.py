"""From Keras to ONNX, and the proof that both answer alike."""

from __future__ import annotations

import tempfile
import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from ml_inference.bundle import open_session
from ml_inference.bundle.manifest import GRAPH_FILE
from ml_inference.forecasting.layout import WINDOW, Single
from ml_inference.forecasting.lstm import LstmForecaster
from ml_inference.forecasting.network import INPUTS
from ml_inference.forecasting.windows import Windows
from ml_inference.history import context_of
from ml_inference.training.timing import microseconds_per_window

MAX_DIFFERENCE = 1e-5
"""Fraction of capacity by which ONNX Runtime may differ from Keras on any window."""

LAST_OUTPUT = ("LSTM", "Squeeze", "Slice", "Squeeze")
"""How the exporter writes an LSTM of which only the last output is taken."""

FIRST_AXIS = "first_axis"
PARITY_WINDOWS = 5000


class ParityError(Exception):
    """The exported graph is not the trained model."""


@dataclass(frozen=True)
class Export:
    """A graph that has been checked."""

    graph: bytes
    difference: float
    """largest difference from Keras on any window, fraction of capacity"""
    microseconds: float
    """time of one window alone, on one thread"""


def export(forecaster: LstmForecaster, windows: Windows) -> Export:
    """Export, and compare with Keras on thousands of `windows` and on the edges.

    Raises ParityError if the two differ by more than MAX_DIFFERENCE, or anything is not finite, and BundleError if the
    graph cannot be run at all.
    """
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the exporter's own, about numpy
        path = Path(folder, "model.onnx")
        forecaster.export(path)
        graph = lean(path.read_bytes())
    spread = np.linspace(0, len(windows) - 1, min(PARITY_WINDOWS, len(windows))).astype(np.intp)
    edges, edge_context = _edges()
    probe = [
        np.concatenate([windows.inputs[spread], edges]),  # [rows, WINDOW, features]
        np.concatenate([windows.context[spread], edge_context]),  # [rows, context]
    ]
    session = open_session(graph, GRAPH_FILE)
    ours, theirs = _run(session, probe), forecaster.answer(probe)
    difference = float(np.max(np.abs(ours - theirs)))
    if not difference <= MAX_DIFFERENCE:  # so written, NaN fails
        raise ParityError(
            f"the exported graph differs from Keras by {difference:.2e} of capacity, more than {MAX_DIFFERENCE:.0e}"
        )
    return Export(graph, difference, microseconds_per_window(graph))


def lean(graph: bytes) -> bytes:
    """The same graph in fewer operations: each costs a third of a microsecond, whatever it does.

    Around each LSTM the exporter writes zeros as the first state, which is what no state means, and takes the last of
    all outputs, which the operator has as an output of its own (ONNX operators: LSTM's initial_h, initial_c and Y_h).
    A clip it writes as two comparisons, a dense layer as a product and a sum.
    """
    model = onnx.load_from_string(graph)
    takers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in model.graph.node:
        for name in node.input:
            takers[name].append(node)
    rank = {constant.name: len(constant.dims) for constant in model.graph.initializer}
    for node in list(model.graph.node):
        chain = [node]
        while len(chain) < len(LAST_OUTPUT) and len(takers[chain[-1].output[0]]) == 1:
            chain += takers[chain[-1].output[0]]
        kinds = tuple(each.op_type for each in chain)
        ranks = [rank.get(each.input[1]) for each in chain[:2] if len(each.input) > 1]
        if kinds == LAST_OUTPUT:
            del node.input[5:]
            chain[1].input[:] = [node.output[1], FIRST_AXIS]  # [1, batch, units]
            _replace(model.graph, chain[1:])
        elif kinds[:2] == ("Min", "Max") and ranks == [0, 0]:
            node.op_type = "Clip"
            node.input[1:] = [chain[1].input[1], node.input[1]]
            _replace(model.graph, chain[:2])
        elif kinds[:2] == ("MatMul", "Add") and ranks == [2, 1]:
            node.op_type = "Gemm"
            node.input.append(chain[1].input[1])
            _replace(model.graph, chain[:2])
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(1, np.int64), FIRST_AXIS))
    return bytes(_without_dead_ends(model).SerializeToString())


def _replace(graph: onnx.GraphProto, chain: Sequence[onnx.NodeProto]) -> None:
    """Let the first do what all did."""
    chain[0].output[0] = chain[-1].output[0]
    for node in chain[1:]:
        graph.node.remove(node)


def _without_dead_ends(model: onnx.ModelProto) -> onnx.ModelProto:
    """Without operations and constants that nothing takes."""
    needed = {output.name for output in model.graph.output}
    for node in reversed(list(model.graph.node)):
        if needed.isdisjoint(node.output):
            model.graph.node.remove(node)
        else:
            needed.update(node.input)
    for constant in list(model.graph.initializer):
        if constant.name not in needed:
            model.graph.initializer.remove(constant)
    return model


def _edges() -> tuple[Single, Single]:
    """Windows at the ends of what may be asked: idle, constant, full, missing, huge; with their contexts."""
    rows: Sequence[tuple[float, float, float]] = [
        (0, 0, np.nan),
        (0, 0, 0),
        (1000, 50, 5),
        (1e5, 100, np.nan),
        (1e5, 1e-6, 1e-6),
    ]
    edges = np.repeat(np.array(rows, np.float32)[:, None, :], WINDOW, axis=1)
    holes = edges.copy()
    holes[:, ::3, 2] = np.nan
    jumps = edges.copy()
    jumps[:, ::2] = 0
    windows = np.concatenate([edges, holes, jumps])  # [rows, WINDOW, features]
    share = windows[:, :, 1].astype(np.float64) / 100
    return windows, np.concatenate([context_of(each, WINDOW - 1) for each in share])


def _run(session: onnxruntime.InferenceSession, inputs: Sequence[Single]) -> Single:
    raw = np.asarray(session.run(None, dict(zip(INPUTS, inputs, strict=True)))[0], np.float32)
    raw[:, :, 1:].sort(axis=2)
    return raw
