"""Forecasts of a link's bandwidth: data, windows, generators, baselines, the LSTM and its scores.

Knows nothing of where files lie, of HTTP or of the bundle. Only `lstm` imports Keras.
"""
