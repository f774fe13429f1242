"""The wire contract that services, plugins and benchmark share: request, answer, error table."""

from qos_contract.batch import EXAMPLE_BATCH, MAX_BATCH, BatchRequest, BatchResponse
from qos_contract.errors import ERRORS, ErrorBody, ErrorCode, ErrorKind, FieldProblem, list_problems
from qos_contract.predict import (
    EXAMPLE_REQUEST,
    INTERVAL_LEVEL,
    MAX_HORIZON,
    MAX_MODEL_VERSION,
    MAX_SAMPLES,
    UNIT,
    WINDOW,
    PathStep,
    PredictRequest,
    PredictResponse,
)

__all__ = [
    "ERRORS",
    "EXAMPLE_BATCH",
    "EXAMPLE_REQUEST",
    "INTERVAL_LEVEL",
    "MAX_BATCH",
    "MAX_HORIZON",
    "MAX_MODEL_VERSION",
    "MAX_SAMPLES",
    "UNIT",
    "WINDOW",
    "BatchRequest",
    "BatchResponse",
    "ErrorBody",
    "ErrorCode",
    "ErrorKind",
    "FieldProblem",
    "PathStep",
    "PredictRequest",
    "PredictResponse",
    "list_problems",
]
