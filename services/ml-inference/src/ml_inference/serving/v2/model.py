"""The one model that is there: histories of links in, bandwidth in Mbps out."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from ml_inference.bundle import FEATURES, Bundle, Inputs
from ml_inference.history import newest_context
from ml_inference.serving.keeper import BundleKeeper
from ml_inference.serving.v2.wire import DATATYPE, Array, ProtocolError
from qos_contract import ERRORS, EXAMPLE_REQUEST, MAX_BATCH, MAX_HORIZON, MAX_SAMPLES, WINDOW, ErrorCode
from qos_contract.predict import MAX_CAPACITY, MAX_PACKET_RATE, MAX_RTT_SPREAD, MAX_UTILISATION

MODEL: Final = "bandwidth"
_LIMITS: Final = dict(zip(FEATURES, (MAX_PACKET_RATE, MAX_UTILISATION, MAX_RTT_SPREAD), strict=True))
EXAMPLE: Final[dict[str, Any]] = {
    "inputs": [
        {
            "name": "history",
            "datatype": DATATYPE,
            "shape": [1, WINDOW, len(FEATURES)],
            "data": [list(row) for row in zip(*EXAMPLE_REQUEST.values(), strict=True)],
        }
    ]
}
"""README's question as this protocol has it."""


def served(keeper: BundleKeeper, version: str | None) -> Bundle:
    """Return the bundle that answers. Raises ProtocolError if there is none, or none of that version."""
    bundle = keeper.bundle
    if bundle is None:
        kind = ERRORS[ErrorCode.MODEL_NOT_READY]
        raise ProtocolError(kind.status, kind.sentence, {"Retry-After": str(kind.retry_after)})
    if version is not None and version != bundle.version:
        raise ProtocolError(404, f"of model {MODEL} there is version {bundle.version} and no other")
    return bundle


def describe(bundle: Bundle) -> dict[str, Any]:
    """Return the inputs, outputs and units, as the protocol's model metadata."""
    levels = bundle.manifest.quantile_levels

    def tensor(name: str, *shape: int) -> dict[str, Any]:
        return {"name": name, "datatype": DATATYPE, "shape": list(shape)}

    return {
        "name": MODEL,
        "versions": [bundle.version],
        "platform": "onnx_onnxruntime",
        "inputs": [tensor("history", -1, -1, len(FEATURES)), tensor("link_capacity_mbps", -1)],
        "outputs": [tensor("mean_mbps", -1, MAX_HORIZON), tensor("quantiles_mbps", -1, MAX_HORIZON, len(levels))],
        "parameters": {
            "features": list(FEATURES),
            "units": dict(bundle.manifest.units),
            "samples": [WINDOW, MAX_SAMPLES],
            "optional_inputs": ["link_capacity_mbps"],
            "quantile_levels": list(levels),
        },
    }


def forecast(bundle: Bundle, tensors: Mapping[str, Array], default_capacity: float) -> tuple[str, dict[str, Array]]:
    """Return who answers, and `mean_mbps` [links, horizons] and `quantiles_mbps` [links, horizons, levels].

    Raises ProtocolError for inputs that the model does not take.
    """
    if unknown := sorted(set(tensors) - {"history", "link_capacity_mbps"}):
        raise ProtocolError(400, f"there is no input {unknown[0]!r:.70}; there are history and link_capacity_mbps")
    if "history" not in tensors:
        raise ProtocolError(400, "the input history is missing")
    history = tensors["history"]  # [links, samples, features]
    _check_history(history)
    capacity = np.full(len(history), default_capacity)  # [links]
    if "link_capacity_mbps" in tensors:
        capacity = _check_capacity(tensors["link_capacity_mbps"], len(history))
    graph = bundle.graph_for(history.shape[1])
    context = [newest_context(share) for share in (history[:, :, 1] / 100).tolist()]
    window = history[:, -WINDOW:].astype(np.float32)
    answer = graph.forecast(Inputs(window, np.array(context, dtype=np.float32)))
    return graph.version, {
        "mean_mbps": answer.mean * capacity[:, None],
        "quantiles_mbps": answer.quantiles * capacity[:, None, None],
    }


def _check_history(history: Array) -> None:
    if history.ndim != 3 or history.shape[2] != len(FEATURES):
        raise ProtocolError(400, f"history must have the shape [links, samples, {len(FEATURES)}]")
    links, samples, _ = history.shape
    if not 1 <= links <= MAX_BATCH:
        raise ProtocolError(400, f"history must be of 1 to {MAX_BATCH} links")
    if not WINDOW <= samples <= MAX_SAMPLES:
        raise ProtocolError(400, f"history must have {WINDOW} to {MAX_SAMPLES} samples")
    for column, (name, limit) in enumerate(_LIMITS.items()):
        values = history[:, :, column]  # [links, samples]
        good = (values >= 0) & (values <= limit)
        if name == "rtt_variance":
            good |= np.isnan(values)  # not measured
        if not good.all():
            link, sample = np.argwhere(~good)[0]
            raise ProtocolError(400, f"history[{link}, {sample}, {column}]: {name} must be between 0 and {limit:g}")


def _check_capacity(capacity: Array, links: int) -> Array:
    if capacity.shape not in ((links,), (links, 1)):
        raise ProtocolError(400, "link_capacity_mbps must have the shape [links]")
    if not ((capacity > 0) & (capacity <= MAX_CAPACITY)).all():
        raise ProtocolError(400, f"link_capacity_mbps must be above 0, and {MAX_CAPACITY:g} at most")
    return capacity.reshape(links)
