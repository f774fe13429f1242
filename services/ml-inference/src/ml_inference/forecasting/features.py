"""What boosted trees are shown of a window.

Numbers without a scale, and the link's level in units of its own step: how far a link moves per step of time is what
a window of ten samples says least about. Nothing here that only bends another feature (a root, a logarithm): a tree
splits at the same rows either way.
"""

from __future__ import annotations

import warnings
from typing import Final

import numpy as np

from ml_inference.forecasting.baselines import smoothing_of
from ml_inference.forecasting.layout import FEATURES, WINDOW, Double, Single
from ml_inference.forecasting.windows import Windows, scale_of
from ml_inference.history import CONTEXT

SMOOTHING: Final = (0.15, 0.3, 0.5, 0.75)
"""Weights of the newest sample in the moving averages."""

TINY: Final = 1e-12


def features_of(windows: Windows, step: float) -> Single:
    """Features [rows, features] of windows, by the usual `step` of the training data, a fraction of capacity.

    NaN where round-trip times were not measured; trees learn which way such a row goes.
    """
    share = windows.inputs[:, :, 1].astype(np.float64) / 100  # [rows, WINDOW]
    scale = scale_of(windows.inputs)[:, None]  # [rows, 1]
    last, mean = share[:, -1:], share.mean(axis=1, keepdims=True)
    changes = np.diff(share, axis=1)  # [rows, WINDOW - 1]
    parts = [
        share / step,
        (share[:, :-1] - last) / step,
        (share[:, :-1] - last) / scale,
        (share - mean) / scale,
        changes / scale,
        scale / step,
        _statistics(share, changes, scale),
        _relative(windows.inputs),
        _character(windows, step, scale[:, 0]),
    ]
    return np.concatenate(parts, axis=1).astype(np.float32)


def _statistics(share: Double, changes: Double, scale: Double) -> Double:
    """Figures of the whole window: [rows, statistics]."""
    last, mean, top = share[:, -1], share.mean(axis=1), share.max(axis=1)  # [rows]
    averages = share @ np.stack([smoothing_of(alpha) for alpha in SMOOTHING], axis=1)  # [rows, averages]
    time = np.arange(WINDOW) - (WINDOW - 1) / 2  # [WINDOW]
    centred = changes - changes.mean(axis=1, keepdims=True)
    figures = [
        mean,
        top,
        share.std(axis=1) / np.maximum(mean, TINY),
        (np.median(share, axis=1) - last) / scale[:, 0],
        share @ time / (time @ time) / scale[:, 0],
        (centred[:, 1:] * centred[:, :-1]).sum(axis=1) / np.maximum((centred**2).sum(axis=1), TINY),
        (share == 0).mean(axis=1),
        (share == top[:, None]).mean(axis=1),
    ]
    return np.concatenate([(averages - last[:, None]) / scale, np.stack(figures, axis=1)], axis=1)


def _relative(inputs: Single) -> Double:
    """Last over mean of round-trip times' spread and of packets [rows, 2]: both counted otherwise on every link."""
    measured = inputs[:, :, [FEATURES.index("rtt_variance"), FEATURES.index("packet_rate")]].astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a window without any measurement has no mean: NaN
        mean = np.nanmean(measured, axis=1)  # [rows, 2]
    return np.asarray(measured[:, -1] / np.maximum(mean, TINY))


def _character(windows: Windows, step: float, scale: Double) -> Double:
    """What the history tells, as the LSTM is told it: [rows, context]."""
    known = dict(zip(CONTEXT, windows.context.astype(np.float64).T, strict=True))  # [rows] each
    last = windows.inputs[:, -1, 1].astype(np.float64) / 100
    levels = [(known[name] - last) / scale for name in ("level", "level_30", "level_100")]
    rtt = np.nan_to_num(windows.inputs[:, -1, FEATURES.index("rtt_variance")].astype(np.float64), nan=-1)
    figures = [*levels, known["level"] / step, known["step"] / step, known["step"] / scale, known["swing"] / scale]
    figures += [known["swing"] / np.maximum(known["step"], TINY), known["echo_1"], known["echo_2"], known["samples"]]
    return np.stack([*figures, rtt], axis=1)
