"""Gateway and ml-inference as they run: real processes, the real bundle."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from qos_runtime.testing import Endpoint, running

BUNDLE = Path(__file__).parents[2] / "ml-inference" / "bundles" / "default"


@pytest.fixture(scope="module")
def inference() -> Iterator[Endpoint]:
    """An ml-inference with the bundle that is delivered."""
    with running(["-m", "ml_inference"], "ML_INFERENCE_", bundle_dir=BUNDLE) as (endpoint, _):
        yield endpoint


@pytest.fixture(scope="module")
def gateway(inference: Endpoint) -> Iterator[Endpoint]:
    """A gateway before it."""
    with running(["-m", "api_gateway"], "API_GATEWAY_", inference_url=inference.url) as (endpoint, _):
        yield endpoint
