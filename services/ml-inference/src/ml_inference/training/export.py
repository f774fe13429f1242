"""From Keras to ONNX, and the proof that both answer alike."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from ml_inference.forecasting.layout import WINDOW, Single
from ml_inference.forecasting.lstm import INPUT_NAME, LstmForecaster

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
    opset: int
    difference: float
    """largest difference from Keras on any window, fraction of capacity"""
    microseconds: float
    """median time of one window alone, on one thread"""
    answers: Single
    """what the graph forecasts for `questions` [rows, HORIZONS, 1 + quantiles]"""


def export(forecaster: LstmForecaster, windows: Single, questions: Single) -> Export:
    """Export, compare with Keras on thousands of `windows` and on the edges, and answer `questions`.

    Raises ParityError if the two differ by more than MAX_DIFFERENCE, or anything is not finite.
    """
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the exporter's own, about numpy
        path = Path(folder, "model.onnx")
        forecaster.export(path)
        graph = path.read_bytes()
    session = _session(graph)
    spread = np.linspace(0, len(windows) - 1, min(PARITY_WINDOWS, len(windows))).astype(np.intp)
    probe = np.concatenate([windows[spread], _edges(), questions])  # [rows, WINDOW, features]
    ours, theirs = _run(session, probe), forecaster.predict(probe)
    difference = float(np.max(np.abs(ours - theirs)))
    if not difference <= MAX_DIFFERENCE:  # so written, NaN fails
        raise ParityError(
            f"the exported graph differs from Keras by {difference:.2e} of capacity, more than {MAX_DIFFERENCE:.0e}"
        )
    return Export(graph, _opset(graph), difference, _time(session, probe), ours[-len(questions) :])


def _edges() -> Single:
    """Windows at the ends of what may be asked: idle, constant, full, missing, huge [rows, WINDOW, features]."""
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
    return np.concatenate([edges, holes, jumps])


def _session(graph: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # as it is served
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _run(session: onnxruntime.InferenceSession, windows: Single) -> Single:
    return np.asarray(session.run(None, {INPUT_NAME: windows})[0], np.float32)


def _opset(graph: bytes) -> int:
    (version,) = [each.version for each in onnx.load_from_string(graph).opset_import if each.domain in ("", "ai.onnx")]
    return int(version)


def _time(session: onnxruntime.InferenceSession, windows: Single) -> float:
    window = np.ascontiguousarray(windows[:1])  # [1, WINDOW, features]
    times = []
    for _ in range(TIMED_RUNS):
        begin = time.perf_counter()
        session.run(None, {INPUT_NAME: window})
        times.append(time.perf_counter() - begin)
    return float(np.median(times)) * 1e6
