"""The model as a folder: what it says about itself, the graph, and forecasting with it."""

from ml_inference.bundle.forecast import Forecast
from ml_inference.bundle.graph import Bundle, BundleError, fingerprint, load_bundle
from ml_inference.bundle.manifest import (
    FEATURES,
    UNITS,
    BundleDescription,
    DataSource,
    KnownAnswer,
    Manifest,
    write_bundle,
)
from ml_inference.bundle.window import window_of

__all__ = [
    "FEATURES",
    "UNITS",
    "Bundle",
    "BundleDescription",
    "BundleError",
    "DataSource",
    "Forecast",
    "KnownAnswer",
    "Manifest",
    "fingerprint",
    "load_bundle",
    "window_of",
    "write_bundle",
]
