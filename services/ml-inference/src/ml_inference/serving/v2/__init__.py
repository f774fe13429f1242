"""The Open Inference Protocol (KServe, Triton: "V2") over HTTP, so that existing clients can ask ml-inference."""

from ml_inference.serving.v2.routes import create_v2_router

__all__ = ["create_v2_router"]
