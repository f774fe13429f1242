"""Requests and answers of the protocol, with tensors as JSON or, by its binary extension, as bytes after the JSON.

Protocol: https://github.com/kserve/open-inference-protocol, and Triton's "binary tensor data extension" of it.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qos_contract import list_problems

HEADER_LENGTH: Final = "Inference-Header-Content-Length"
DATATYPE: Final = "FP32"
_WIRE_DTYPE: Final = np.dtype("<f4")
MAX_ELEMENTS: Final = 2**24
"""of a tensor; more do not fit into any body that is read"""

Array = npt.NDArray[np.float64]
# Each list stops at its first fault: to describe all of 700,000 takes more memory than there is.
Numbers = Annotated[list[Annotated[float, Field(allow_inf_nan=False)] | None], Field(fail_fast=True)]
Rows = Annotated[list[Numbers], Field(fail_fast=True)]


class ProtocolError(Exception):
    """A request that is answered with `{"error": sentence}`."""

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = headers


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, use_attribute_docstrings=True)


class InputTensor(_Part):
    """A tensor that is sent."""

    name: str = Field(max_length=64)
    shape: list[Annotated[int, Field(ge=0, le=MAX_ELEMENTS)]] = Field(min_length=1, max_length=3)
    datatype: Literal["FP32"]
    parameters: dict[str, Any] = Field(default_factory=dict)
    """`binary_data_size`: the tensor follows the JSON as so many bytes"""
    data: Numbers | Rows | Annotated[list[Rows], Field(fail_fast=True)] | None = None
    """row by row, flat or nested; null is not a number"""


class WantedOutput(_Part):
    """A tensor that is asked for."""

    name: str = Field(max_length=64)
    parameters: dict[str, Any] = Field(default_factory=dict)
    """`binary_data`: the tensor is to follow the JSON as bytes"""


class InferRequest(_Part):
    """Body of `infer`."""

    id: str | None = Field(None, max_length=128)
    """comes back in the answer"""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """`binary_data_output`: all tensors of the answer are to follow the JSON as bytes"""
    inputs: list[InputTensor] = Field(min_length=1, max_length=8)
    outputs: list[WantedOutput] | None = Field(None, max_length=8)
    """all of them where left out"""


def read_request(body: bytes, header_length: str | None) -> tuple[InferRequest, dict[str, Array]]:
    """Return a request and its input tensors by name. Raises ProtocolError."""
    length = len(body)
    if header_length is not None:
        if not (header_length.isascii() and header_length.isdigit() and len(header_length) < 10):
            raise ProtocolError(400, f"{HEADER_LENGTH} is not a number of bytes")
        if (length := int(header_length)) > len(body):
            raise ProtocolError(400, f"{HEADER_LENGTH} is larger than the body")
    try:
        request = InferRequest.model_validate_json(body[:length])
    except ValidationError as error:
        problem = list_problems(error, ())[0]
        place = ".".join(map(str, problem.loc))
        raise ProtocolError(400, f"{place or 'body'}: {problem.msg}") from None
    tensors: dict[str, Array] = {}
    rest = memoryview(body)[length:]
    for tensor in request.inputs:
        if tensor.name in tensors:
            raise ProtocolError(400, "an input is given twice")
        tensors[tensor.name], rest = _read_tensor(tensor, rest)
    if len(rest):
        raise ProtocolError(400, "there are more bytes after the JSON than the inputs' binary_data_size tell of")
    return request, tensors


def _read_tensor(tensor: InputTensor, rest: memoryview) -> tuple[Array, memoryview]:
    """Return one tensor, and the bytes that belong to those that follow."""
    size = tensor.parameters.get("binary_data_size")
    if (size is None) == (tensor.data is None):
        raise ProtocolError(400, f"input {tensor.name!r:.70} needs either data or the parameter binary_data_size")
    elements = 1
    for length in tensor.shape:
        elements *= length
    try:
        if size is None:
            flat = np.array(tensor.data, dtype=np.float64).reshape(-1)
        else:
            flat, rest = _read_bytes(size, rest)
    except ValueError:
        raise ProtocolError(400, f"input {tensor.name!r:.70}: the data are not a tensor of {DATATYPE}") from None
    if flat.size != elements:
        raise ProtocolError(400, f"input {tensor.name!r:.70}: the data do not have as many elements as the shape says")
    return flat.reshape(tensor.shape), rest


def _read_bytes(size: Any, rest: memoryview) -> tuple[Array, memoryview]:
    """Return the first `size` bytes as numbers, and the others; raises ValueError if that is not possible."""
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= len(rest):
        raise ValueError
    return np.frombuffer(rest[:size], dtype=_WIRE_DTYPE).astype(np.float64), rest[size:]


def write_answer(
    request: InferRequest, name: str, version: str, outputs: Mapping[str, Array]
) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of an answer with the outputs that were asked for. Raises ProtocolError."""
    by_default = request.parameters.get("binary_data_output") is True
    binary = {wanted.name: wanted.parameters.get("binary_data", by_default) for wanted in request.outputs or ()}
    if unknown := sorted(set(binary) - set(outputs)):
        raise ProtocolError(400, f"there is no output {unknown[0]!r:.70}; there are {', '.join(outputs)}")
    described, raw = [], []
    for output, tensor in outputs.items():
        if request.outputs and output not in binary:
            continue
        entry: dict[str, Any] = {"name": output, "datatype": DATATYPE, "shape": list(tensor.shape)}
        if binary.get(output, by_default) is True:
            raw.append(tensor.astype(_WIRE_DTYPE).tobytes())
            entry["parameters"] = {"binary_data_size": len(raw[-1])}
        else:
            entry["data"] = tensor.reshape(-1).tolist()
        described.append(entry)
    answer: dict[str, Any] = {"model_name": name, "model_version": version, "outputs": described}
    if request.id is not None:
        answer["id"] = request.id
    head = json.dumps(answer).encode()
    if not raw:
        return head, {"Content-Type": "application/json"}
    return b"".join([head, *raw]), {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(len(head))}
