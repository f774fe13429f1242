"""The unit of measure: an ordinary FastAPI endpoint with the same model, which sends back what it was sent."""

import socket

import uvicorn
from fastapi import FastAPI

from qos_contract import PredictRequest

app = FastAPI()


@app.get("/health/ready")
async def ready() -> dict[str, str]:
    """Say so."""
    return {"status": "ready"}


@app.post("/predict")
async def echo(request: PredictRequest) -> PredictRequest:
    """Send back what came."""
    return request


if __name__ == "__main__":
    config = uvicorn.Config(app, loop="uvloop", http="httptools", access_log=False, log_level="warning")
    uvicorn.Server(config).run([socket.socket(fileno=0)])
