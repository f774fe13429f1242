"""Inference as tutorials write it. The weights are untrained: they cost the same."""

import socket

import keras
import numpy as np
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sklearn.preprocessing import StandardScaler

app = FastAPI()
model = keras.Sequential([keras.Input((10, 3)), keras.layers.LSTM(50), keras.layers.Dense(1)])
scaler = StandardScaler().fit(np.random.default_rng(0).normal(size=(1000, 3)))


class Window(BaseModel):
    """The last ten samples."""

    packet_rate: list[float]
    bandwidth_util: list[float]
    rtt_variance: list[float]


@app.get("/health/ready")
def ready() -> dict[str, str]:
    """Say so."""
    return {"status": "ready"}


@app.post("/predict")
def predict(window: Window) -> dict[str, float]:
    """Forecast."""
    samples = np.column_stack([window.packet_rate, window.bandwidth_util, window.rtt_variance])  # [window, features]
    forecast = model.predict(scaler.transform(samples)[np.newaxis], verbose=0)  # [1, 1]
    return {"predicted_bandwidth": float(forecast[0, 0])}


if __name__ == "__main__":
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run([socket.socket(fileno=0)])
