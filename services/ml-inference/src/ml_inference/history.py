"""What a link's history tells of its character: the graph's second input, the same when trained and when served.

A window of ten samples cannot tell noise from a walk, nor a pause from a new level. A few numbers of a longer history
can, and cost the graph nothing: most of what the zero-shot model gained over its predecessor comes from the two
autocorrelations (one step ahead) and from the level and the swing (five steps ahead).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from operator import mul, sub
from typing import Final

import numpy as np
import numpy.typing as npt

Single = npt.NDArray[np.float32]
Double = npt.NDArray[np.float64]

MAX_HISTORY: Final = 512
"""Samples that are looked at, the window's own among them: as many as a request may bring."""

RECENT: Final = (100, 30)
"""Samples of the two nearer levels."""

SWING_STEPS: Final = 5
"""Steps between two samples whose difference makes the swing: the farthest horizon."""

CONTEXT: Final = ("echo_1", "echo_2", "level_100", "level_30", "level", "step", "swing", "samples")
"""The columns, in this order: autocorrelation of the one-step changes at lags 1 and 2; means of the last 100, the last
30 and all samples; root mean square change over one and over five steps (means and changes are fractions of capacity);
and how many samples all this comes from."""

TINY: Final = 1e-10


def context_of(share: Double, first: int) -> Single:
    """What is known at each sample from number `first` (≥ SWING_STEPS, from 0) on: [samples - first, context].

    `share` [samples] is utilisation as a fraction of capacity, oldest first; nothing after a sample counts for its row.
    """
    end = np.arange(first + 1, len(share) + 1)  # [rows] one past the newest sample that a row may see
    begin = np.maximum(end - MAX_HISTORY, 0)
    count = end - begin
    change = np.diff(share)  # [samples - 1] change i leads to sample i + 1
    level = _running(share)
    square, one, two = _running(change**2), _running(change[1:] * change[:-1]), _running(change[2:] * change[:-2])
    swing = _running((share[SWING_STEPS:] - share[:-SWING_STEPS]) ** 2)

    def between(sums: Double, behind: int) -> Double:
        """Sums over each row's history of terms that reach `behind` samples back."""
        return np.asarray(sums[end - behind] - sums[begin])

    squares = between(square, 1)
    columns = [
        between(one, 2) / (squares + TINY),
        between(two, 3) / (squares + TINY),
        *((level[end] - level[np.maximum(begin, end - near)]) / np.minimum(count, near) for near in RECENT),
        between(level, 0) / count,
        np.sqrt(np.maximum(squares, 0) / (count - 1)),
        np.sqrt(np.maximum(between(swing, SWING_STEPS), 0) / (count - SWING_STEPS)),
        count,
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _running(terms: Double) -> Double:
    """Sums of the first 0, 1, 2 … terms."""
    return np.concatenate([[0.0], np.cumsum(terms)])


def newest_context(share: Sequence[float]) -> tuple[float, ...]:
    """The last row of `context_of`, for one link of at most MAX_HISTORY samples (and more than SWING_STEPS).

    Written for a window of a few numbers, where it takes 2 µs; array operations would take 20.
    """
    count = len(share)
    change = list(map(sub, share[1:], share))
    swing = list(map(sub, share[SWING_STEPS:], share))
    squares = sum(map(mul, change, change))
    whole = sum(share)
    return (
        sum(map(mul, change[1:], change)) / (squares + TINY),
        sum(map(mul, change[2:], change)) / (squares + TINY),
        *(whole / count if count <= near else sum(share[-near:]) / near for near in RECENT),
        whole / count,
        sqrt(squares / (count - 1)),
        sqrt(sum(map(mul, swing, swing)) / (count - SWING_STEPS)),
        count,
    )
