"""From a request to what the graphs read."""

from dataclasses import dataclass
from itertools import repeat

import numpy as np
import numpy.typing as npt

from ml_inference.history import context_of
from qos_contract import WINDOW, PredictRequest

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Inputs:
    """A batch of questions."""

    window: FloatArray
    """`[batch, 10, 3]`: packets/s, %, ms (NaN where not measured)"""
    context: FloatArray
    """`[batch, context]`: see ml_inference.history"""


def inputs_of(request: PredictRequest) -> Inputs:
    """Return the last samples of a request as a batch of one, and what all of them tell of the link."""
    spread = repeat(None, WINDOW) if request.rtt_variance is None else request.rtt_variance[-WINDOW:]
    rows = zip(request.packet_rate[-WINDOW:], request.bandwidth_util[-WINDOW:], spread, strict=True)
    window = np.array([list(rows)], dtype=np.float32)  # [1, window, features]; None becomes NaN
    share = np.array(request.bandwidth_util) / 100  # [samples]
    return Inputs(window, context_of(share, len(share) - 1))
