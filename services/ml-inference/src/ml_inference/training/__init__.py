"""Makes bundles: data → LSTM → ONNX, checked against Keras and scored beside persistence. Needs TensorFlow."""
