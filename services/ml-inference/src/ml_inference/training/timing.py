"""What one forecast costs, measured where nothing else runs: in a process without TensorFlow's threads and memory."""

from __future__ import annotations

import multiprocessing
import timeit
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from ml_inference.bundle import open_session
from ml_inference.bundle.manifest import GRAPH_FILE
from ml_inference.forecasting.layout import FEATURES, WINDOW
from ml_inference.history import CONTEXT

RUNS, REPEATS = 500, 20


def microseconds_per_window(graph: bytes) -> float:
    """Time of one window alone, on one thread, in µs: the least of several, as others were disturbed."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_measure, graph).result()


def _measure(graph: bytes) -> float:
    session = open_session(graph, GRAPH_FILE)
    random = np.random.default_rng(0)
    window = 50 * random.random((1, WINDOW, len(FEATURES)), np.float32)
    inputs = {"window": window, "context": random.random((1, len(CONTEXT)), np.float32)}
    return min(timeit.repeat(lambda: session.run(None, inputs), number=RUNS, repeat=REPEATS)) / RUNS * 1e6
