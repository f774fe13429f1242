"""From requests to what the graphs read."""

from itertools import repeat
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ml_inference.history import newest_context
from qos_contract import WINDOW, PredictRequest

FloatArray = npt.NDArray[np.float32]


class Inputs(NamedTuple):
    """A batch of questions."""

    window: FloatArray
    """`[batch, 10, 3]`: packets/s, %, ms (NaN where not measured)"""
    context: FloatArray
    """`[batch, context]`: see ml_inference.history"""


def inputs_of(*requests: PredictRequest) -> Inputs:
    """Return the last samples of each request, and what all of them tell of its link."""
    window = np.array([_rows(request) for request in requests], dtype=np.float32)  # None becomes NaN
    context = [newest_context([percent / 100 for percent in request.bandwidth_util]) for request in requests]
    return Inputs(window, np.array(context, dtype=np.float32))


def _rows(request: PredictRequest) -> list[tuple[float, float, float | None]]:
    spread = repeat(None, WINDOW) if request.rtt_variance is None else request.rtt_variance[-WINDOW:]
    return list(zip(request.packet_rate[-WINDOW:], request.bandwidth_util[-WINDOW:], spread, strict=True))
