"""Forecasts the bandwidth of network links: training makes bundles, serving answers from one."""

import os

# Unless this is set before it is loaded, ONNX Runtime's official builds send usage data to their maker, and keep
# an id of the machine in the user's home. What this platform forecasts, and where, is nobody else's business.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
