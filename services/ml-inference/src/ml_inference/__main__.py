"""`python -m ml_inference` starts the service; its settings are environment variables `ML_INFERENCE_…`."""

from qos_runtime.starting import leave_when_told

if __name__ == "__main__":
    leave_when_told()  # before the imports, which take half a second

    from ml_inference.serving.app import create_inference
    from ml_inference.serving.settings import InferenceSettings
    from qos_runtime.server import run

    run(create_inference(InferenceSettings.load()))
