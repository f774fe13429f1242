"""What ml-inference's answer means for the one who asked the gateway."""

from typing import Final

from pydantic import ValidationError

from api_gateway.upstream import Answer, InferenceClient, UpstreamError, UpstreamInvalidError
from qos_contract import ERRORS, ErrorBody, ErrorCode, PredictResponse
from qos_runtime.errors import ServiceError

# What ml-inference finds wrong with the client's own request. Its 404 or 405 is not: the path was the gateway's.
PASSED_ON: Final = frozenset({ErrorCode.VALIDATION_ERROR, ErrorCode.BODY_TOO_LARGE})
MAX_RETRY_AFTER: Final = 3600
"""s; a longer Retry-After is taken for nonsense"""


async def forward(client: InferenceClient, body: bytes, retry_after: int) -> bytes:
    """Have a valid body answered; return the wire form of the forecast.

    `retry_after` (s) is for failures where ml-inference names no time itself. Raises ServiceError.
    """
    try:
        answer = await client.predict(body)
    except TimeoutError:
        raise ServiceError(ErrorCode.UPSTREAM_TIMEOUT, retry_after=retry_after) from None
    except UpstreamInvalidError:
        raise ServiceError(ErrorCode.UPSTREAM_INVALID, retry_after=retry_after) from None
    except UpstreamError:
        raise ServiceError(ErrorCode.UPSTREAM_UNAVAILABLE, retry_after=retry_after) from None
    if answer.status == 200:
        return _check_forecast(answer.body, retry_after)
    raise _translate(answer, retry_after)


def _check_forecast(body: bytes, retry_after: int) -> bytes:
    # Written anew: what goes out is what was checked, and nothing else.
    try:
        return PredictResponse.model_validate_json(body).wire()
    except ValidationError:
        raise ServiceError(ErrorCode.UPSTREAM_INVALID, retry_after=retry_after) from None


def _translate(answer: Answer, retry_after: int) -> ServiceError:
    if answer.status >= 500:
        named = (answer.retry_after or "").strip()
        usable = named.isascii() and named.isdigit() and len(named) <= 4 and int(named) <= MAX_RETRY_AFTER
        return ServiceError(ErrorCode.UPSTREAM_UNAVAILABLE, retry_after=int(named) if usable else retry_after)
    try:
        body = ErrorBody.model_validate_json(answer.body)
    except ValidationError:
        return ServiceError(ErrorCode.UPSTREAM_INVALID, retry_after=retry_after)
    if body.error in PASSED_ON and ERRORS[body.error].status == answer.status:
        return ServiceError(body.error, body.detail)
    return ServiceError(ErrorCode.UPSTREAM_INVALID, retry_after=retry_after)
