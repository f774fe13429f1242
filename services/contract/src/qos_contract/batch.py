"""The wire form of `POST /predict/batch`: many links at once, each answered or refused for itself."""

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from qos_contract.errors import ErrorBody
from qos_contract.predict import EXAMPLE_REQUEST, PredictRequest, PredictResponse

MAX_BATCH: Final = 512
"""Links of one batch."""

EXAMPLE_BATCH: Final[dict[str, Any]] = {"requests": [EXAMPLE_REQUEST, EXAMPLE_REQUEST | {"horizon": 5}]}
"""The documented batch."""


def _keep_problems(value: Any, validate: ValidatorFunctionWrapHandler) -> PredictRequest | ValidationError:
    # One link's faults are its own answer; they must not take the others' away.
    try:
        request: PredictRequest = validate(value)
    except ValidationError as error:
        # A traceback holds what was sent; and, by way of the caller's frame, the batch that is to hold the error.
        return error.with_traceback(None)
    return request


class BatchRequest(BaseModel):
    """The recent history of many links."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [EXAMPLE_BATCH]},
    )

    requests: list[Annotated[PredictRequest, WrapValidator(_keep_problems)]] = Field(min_length=1, max_length=MAX_BATCH)
    """one for each link; what is not valid is found here as its ValidationError"""


class BatchResponse(BaseModel):
    """The answers, in the order of the requests."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, use_attribute_docstrings=True)

    answers: list[PredictResponse | ErrorBody] = Field(min_length=1, max_length=MAX_BATCH)
    """For each request its forecast, or the error that it alone would have been answered with.

    The `loc` of its problems begins at the batch: `["body", "requests", 0, …]`.
    """

    def wire(self) -> bytes:
        """Return the JSON that goes over the wire."""
        return self.model_dump_json(exclude_none=True).encode()
