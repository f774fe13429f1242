"""MLServer with the bundle's graph: a runtime of its own, as its documentation shows, on the V2 protocol."""

import os

import numpy as np
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class OnnxModel(MLModel):
    """Runs the graph on one thread."""

    async def load(self) -> bool:
        """Open the graph."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(os.environ["GRAPH"], options)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Forecast."""
        tensors = {each.name: NumpyCodec.decode_input(each).astype(np.float32) for each in payload.inputs}
        (output,) = self._session.run(None, tensors)
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("output", output)])
