"""From Keras to ONNX, and the proof that both answer alike."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from ml_inference.forecasting.layout import WINDOW, Single
from ml_inference.forecasting.lstm import LstmForecaster
from ml_inference.forecasting.network import INPUTS
from ml_inference.forecasting.windows import Windows
from ml_inference.history import context_of

MAX_DIFFERENCE = 1e-5
"""Fraction of capacity by which ONNX Runtime may differ from Keras on any window."""

PARITY_WINDOWS = 5000
TIMED_RUNS = 3000


class ParityError(Exception):
    """The exported graph is not the trained model."""


@dataclass(frozen=True)
class Export:
    """A graph that has been checked."""

    graph: bytes
    difference: float
    """largest difference from Keras on any window, fraction of capacity"""
    microseconds: float
    """median time of one window alone, on one thread"""


def export(forecaster: LstmForecaster, windows: Windows) -> Export:
    """Export, and compare with Keras on thousands of `windows` and on the edges.

    Raises ParityError if the two differ by more than MAX_DIFFERENCE, or anything is not finite.
    """
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the exporter's own, about numpy
        path = Path(folder, "model.onnx")
        forecaster.export(path)
        graph = path.read_bytes()
    spread = np.linspace(0, len(windows) - 1, min(PARITY_WINDOWS, len(windows))).astype(np.intp)
    edges, edge_context = _edges()
    probe = [
        np.concatenate([windows.inputs[spread], edges]),  # [rows, WINDOW, features]
        np.concatenate([windows.context[spread], edge_context]),  # [rows, context]
    ]
    session = _session(graph)
    ours, theirs = _run(session, probe), forecaster.answer(probe)
    difference = float(np.max(np.abs(ours - theirs)))
    if not difference <= MAX_DIFFERENCE:  # so written, NaN fails
        raise ParityError(
            f"the exported graph differs from Keras by {difference:.2e} of capacity, more than {MAX_DIFFERENCE:.0e}"
        )
    return Export(graph, difference, _time(session, probe))


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


def _session(graph: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # as it is served
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _run(session: onnxruntime.InferenceSession, inputs: Sequence[Single]) -> Single:
    raw = np.asarray(session.run(None, dict(zip(INPUTS, inputs, strict=True)))[0], np.float32)
    raw[:, :, 1:].sort(axis=2)
    return raw


def _time(session: onnxruntime.InferenceSession, inputs: Sequence[Single]) -> float:
    one = {name: np.ascontiguousarray(part[:1]) for name, part in zip(INPUTS, inputs, strict=True)}
    times = []
    for _ in range(TIMED_RUNS):
        begin = time.perf_counter()
        session.run(None, one)
        times.append(time.perf_counter() - begin)
    return float(np.median(times)) * 1e6
