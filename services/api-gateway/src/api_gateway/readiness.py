"""Ready means: ml-inference is reachable and says it is ready."""

import asyncio
import time
from typing import Final

from pydantic import BaseModel, Field, ValidationError

from api_gateway.connection import UpstreamError
from api_gateway.upstream import InferenceClient
from qos_contract import MAX_MODEL_VERSION
from qos_runtime.app import Readiness

CACHE_SECONDS: Final = 1.0
"""s; many probes cost ml-inference one"""


class _InferenceReadiness(BaseModel):
    reason: str = Field("", max_length=500)
    model_version: str = Field("", max_length=MAX_MODEL_VERSION)


class InferenceProbe:
    """Asks ml-inference for its readiness, once for all who ask at the same time."""

    def __init__(self, client: InferenceClient) -> None:
        self._client = client
        self._asking = asyncio.Lock()
        self._known = Readiness()
        self._known_until = 0.0

    async def check(self) -> Readiness:
        """Return what is known, at most a second old; the reason never holds an address."""
        async with self._asking:
            if time.monotonic() >= self._known_until:
                self._known = await self._ask()
                self._known_until = time.monotonic() + CACHE_SECONDS
            return self._known

    async def _ask(self) -> Readiness:
        try:
            answer = await self._client.ready()
            said = _InferenceReadiness.model_validate_json(answer.body)
        except TimeoutError:
            return Readiness("ml-inference does not answer in time")
        except UpstreamError:
            return Readiness("ml-inference cannot be reached")
        except ValidationError:
            # Whoever that is: an address that was not ml-inference's yet would be kept for ever with its connection.
            await self._client.close()
            return Readiness("ml-inference answers something else than its readiness")
        if answer.status != 200:
            return Readiness(f"ml-inference is not ready: {said.reason or f'status {answer.status}'}")
        return Readiness(facts={"model_version": said.model_version})
