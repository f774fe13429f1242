"""ml-inference without request id, trace and metrics: only to see what they cost."""

from collections.abc import Mapping

from ml_inference.serving.app import create_inference
from ml_inference.serving.settings import InferenceSettings
from qos_runtime import front
from qos_runtime.context import RequestContext
from qos_runtime.metrics import Metrics
from qos_runtime.server import run

NOBODY = RequestContext(b"0", b"0" * 32, b"0" * 16, b"00")


def identify_nobody(_: Mapping[bytes, bytes]) -> RequestContext:
    """Say of every request the same."""
    return NOBODY


def count_nothing(*_: object) -> None:
    """Leave the metrics alone."""


if __name__ == "__main__":
    front.identify = identify_nobody  # type: ignore[attr-defined, assignment]
    Metrics.begin = Metrics.end = count_nothing  # type: ignore[method-assign, assignment]
    run(create_inference(InferenceSettings.load()))
