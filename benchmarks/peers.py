"""Other servers of models with the same graph behind them, each in an environment of its own.

They are sent the graph's tensors as they stand, and so are spared what ml-inference does before and after: history,
interval, units.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.subjects import BUNDLE, ROOT, SERVERS, Server, Subject
from ml_inference.bundle import inputs_of
from qos_contract import EXAMPLE_REQUEST, PredictRequest

_TENSORS: Final = {
    name: tensor.tolist()
    for name, tensor in inputs_of(PredictRequest.model_validate(EXAMPLE_REQUEST))._asdict().items()
}


def _v2(tensors: Mapping[str, Any]) -> dict[str, Any]:
    shapes = {"window": [1, 10, 3], "context": [1, len(tensors["context"][0])]}
    return {
        "inputs": [
            {"name": name, "datatype": "FP32", "shape": shapes[name], "data": data} for name, data in tensors.items()
        ]
    }


def _server(name: str, entry: str, arguments: tuple[str, ...], ready: str, **environment: str) -> Server:
    own = {"PYTHONPATH": str(SERVERS / name), "GRAPH": str(BUNDLE / "model.onnx")}
    python = ROOT / ".venv" / name / "bin/python"
    return Server(name, ("-c", entry, *arguments), own | environment, ready, inherits_socket=False, python=Path(python))


PEERS: Final = (
    Subject(
        "mlserver",
        (
            _server(
                "mlserver",
                "from mlserver.cli import main; main()",
                ("start", str(SERVERS / "mlserver")),
                "/v2/health/ready",
                MLSERVER_HOST="127.0.0.1",
                MLSERVER_HTTP_PORT="{port}",
                MLSERVER_GRPC_PORT="{spare}",
                MLSERVER_METRICS_PORT="{other_spare}",
                MLSERVER_PARALLEL_WORKERS="0",  # the model in the server's own process: the fastest there is
                MLSERVER_DEBUG="false",
            ),
        ),
        path="/v2/models/bandwidth/infer",
        body=json.dumps(_v2(_TENSORS)),
    ),
    Subject(
        "bentoml",
        (
            _server(
                "bentoml",
                "from bentoml_cli.cli import cli; cli()",
                ("serve", "onnx_service:Bandwidth", "--working-dir", str(SERVERS / "bentoml")),
                "/readyz",
                BENTOML_HOST="127.0.0.1",
                BENTOML_PORT="{port}",
                BENTOML_HOME=str(ROOT / ".cache/bentoml"),
                BENTOML_DO_NOT_TRACK="True",
            ),
        ),
        body=json.dumps(_TENSORS),
    ),
)
