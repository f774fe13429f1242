"""From a request to what the graph reads."""

from itertools import repeat

import numpy as np
import numpy.typing as npt

from qos_contract import WINDOW, PredictRequest

FloatArray = npt.NDArray[np.float32]


def window_of(request: PredictRequest) -> FloatArray:
    """Return the last samples of a request as `[1, 10, 3]`: packets/s, %, ms (NaN where not measured)."""
    spread = repeat(None, WINDOW) if request.rtt_variance is None else request.rtt_variance[-WINDOW:]
    rows = zip(request.packet_rate[-WINDOW:], request.bandwidth_util[-WINDOW:], spread, strict=True)
    return np.array([list(rows)], dtype=np.float32)  # [1, window, features]; None becomes NaN
