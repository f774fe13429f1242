"""The model as a folder: what it says about itself, the graph, and forecasting with it."""

from ml_inference.bundle.forecast import Distribution, Forecast
from ml_inference.bundle.graph import Bundle, BundleError, Graph, fingerprint, load_bundle, open_session
from ml_inference.bundle.manifest import (
    FEATURES,
    UNITS,
    BundleDescription,
    DataSource,
    Gate,
    KnownAnswer,
    Manifest,
    put_in_place,
    write_bundle,
)
from ml_inference.bundle.passage import exceed_within
from ml_inference.bundle.window import Inputs, inputs_of

__all__ = [
    "FEATURES",
    "UNITS",
    "Bundle",
    "BundleDescription",
    "BundleError",
    "DataSource",
    "Distribution",
    "Forecast",
    "Gate",
    "Graph",
    "Inputs",
    "KnownAnswer",
    "Manifest",
    "exceed_within",
    "fingerprint",
    "inputs_of",
    "load_bundle",
    "open_session",
    "put_in_place",
    "write_bundle",
]
