"""BentoML with the bundle's graph."""

import os

import bentoml
import numpy as np
import onnxruntime


@bentoml.service(workers=1, logging={"access": {"enabled": False}})
class Bandwidth:
    """Runs the graph on one thread."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(os.environ["GRAPH"], options)

    @bentoml.api
    def predict(self, window: np.ndarray, context: np.ndarray) -> np.ndarray:
        """Forecast: [batch, 10, 3] and [batch, context] → [batch, horizons, 1 + quantiles]."""
        tensors = {"window": window.astype(np.float32), "context": context.astype(np.float32)}
        output: np.ndarray = self._session.run(None, tensors)[0]
        return output
