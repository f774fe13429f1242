"""What ml-inference's answer means for the one who asked the gateway."""

from math import ceil
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from api_gateway.connection import Answer, UpstreamError, UpstreamInvalidError
from api_gateway.upstream import CircuitOpenError, InferenceClient
from qos_contract import ERRORS, BatchRequest, BatchResponse, ErrorBody, ErrorCode, PredictRequest, PredictResponse
from qos_runtime.body import parse_body
from qos_runtime.errors import ServiceError

# What ml-inference finds wrong with the client's own request. Its 404 or 405 is not: the path was the gateway's.
PASSED_ON: Final = frozenset({ErrorCode.VALIDATION_ERROR, ErrorCode.BODY_TOO_LARGE})
MAX_RETRY_AFTER: Final = 3600
"""s; a longer Retry-After is taken for nonsense"""

Response = TypeVar("Response", bound=BaseModel)


class Forwarder:
    """Has valid questions answered by ml-inference."""

    def __init__(self, client: InferenceClient, retry_after: int) -> None:
        """`retry_after` (s) is for failures where ml-inference names no time itself."""
        self._client = client
        self._retry_after = retry_after

    async def predict(self, body: bytes) -> bytes:
        """Answer one link's question."""
        parse_body(PredictRequest, body)
        # Written anew: what goes out is what was checked, and nothing else.
        return (await self._forward("/predict", body, PredictResponse)).wire()

    async def predict_batch(self, body: bytes) -> bytes:
        """Answer many links' questions; ml-inference tells what is wrong with single ones."""
        asked = len(parse_body(BatchRequest, body).requests)
        response = await self._forward("/predict/batch", body, BatchResponse)
        if len(response.answers) != asked:
            raise self._failure(ErrorCode.UPSTREAM_INVALID)
        return response.wire()

    async def _forward(self, path: str, body: bytes, form: type[Response]) -> Response:
        try:
            answer = await self._client.post(path, body)
        except TimeoutError:
            raise self._failure(ErrorCode.UPSTREAM_TIMEOUT) from None
        except CircuitOpenError as error:
            raise ServiceError(ErrorCode.UPSTREAM_UNAVAILABLE, retry_after=ceil(error.seconds)) from None
        except UpstreamInvalidError:
            raise self._failure(ErrorCode.UPSTREAM_INVALID) from None
        except UpstreamError:
            raise self._failure(ErrorCode.UPSTREAM_UNAVAILABLE) from None
        if answer.status != 200:
            raise self._translate(answer)
        try:
            return form.model_validate_json(answer.body)
        except ValidationError:
            raise self._failure(ErrorCode.UPSTREAM_INVALID) from None

    def _translate(self, answer: Answer) -> ServiceError:
        if answer.status >= 500:
            named = (answer.retry_after or "").strip()
            usable = named.isascii() and named.isdigit() and len(named) <= 4 and int(named) <= MAX_RETRY_AFTER
            return self._failure(ErrorCode.UPSTREAM_UNAVAILABLE, int(named) if usable else None)
        try:
            body = ErrorBody.model_validate_json(answer.body)
        except ValidationError:
            return self._failure(ErrorCode.UPSTREAM_INVALID)
        if body.error in PASSED_ON and ERRORS[body.error].status == answer.status:
            return ServiceError(body.error, body.detail)
        return self._failure(ErrorCode.UPSTREAM_INVALID)

    def _failure(self, code: ErrorCode, retry_after: int | None = None) -> ServiceError:
        return ServiceError(code, retry_after=self._retry_after if retry_after is None else retry_after)
