"""`python -m ml_inference` starts the service; its settings are environment variables `ML_INFERENCE_…`."""

from ml_inference.serving.app import create_inference
from ml_inference.serving.settings import InferenceSettings
from qos_runtime.server import run

if __name__ == "__main__":
    run(create_inference(InferenceSettings.load()))
