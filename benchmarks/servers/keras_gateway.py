"""The gateway as tutorials write it: a client for each request."""

import os
import socket
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

app = FastAPI()


@app.get("/health/ready")
def ready() -> dict[str, str]:
    """Say so."""
    return {"status": "ready"}


@app.post("/predict")
async def predict(window: dict[str, Any]) -> Any:
    """Ask the inference service."""
    async with httpx.AsyncClient(timeout=60) as client:
        answer = await client.post(os.environ["INFERENCE_URL"] + "/predict", json=window)
    return answer.json()


if __name__ == "__main__":
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run([socket.socket(fileno=0)])
