"""TensorFlow has to be set up before anything imports Keras."""

import importlib.util

if importlib.util.find_spec("tensorflow"):
    from ml_inference.training import tensorflow_runtime

    tensorflow_runtime.prepare()
