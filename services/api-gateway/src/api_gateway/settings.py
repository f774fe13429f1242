"""What the api-gateway can be told."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, HttpUrl
from pydantic_settings import SettingsConfigDict

from qos_runtime.settings import ServiceSettings


def _refuse_extras(url: HttpUrl) -> HttpUrl:
    if url.query or url.fragment or url.username or url.password:
        raise ValueError("only scheme, host, port and path are expected")
    return url


class GatewaySettings(ServiceSettings):
    """Settings of the api-gateway, from variables that begin with `API_GATEWAY_`."""

    model_config = SettingsConfigDict(env_prefix="API_GATEWAY_")

    inference_url: Annotated[HttpUrl, AfterValidator(_refuse_extras)] = HttpUrl("http://127.0.0.1:8001")
    """where ml-inference listens"""
    connect_timeout_seconds: float = Field(1.0, gt=0, le=60)
    """s to get a connection to ml-inference"""
    request_timeout_seconds: float = Field(5.0, gt=0, le=300)
    """s for the whole answer of ml-inference, a second try included; then 504"""
    readiness_timeout_seconds: float = Field(1.0, gt=0, le=60)
    """s that ml-inference's readiness may take"""
    pool_keep_alive_seconds: float = Field(15.0, gt=0, le=3600)
    """s that an idle connection is kept; must be less than ml-inference's own"""
    retry_after_seconds: int = Field(2, ge=1, le=3600)
    """s in Retry-After where ml-inference cannot be reached and names no time itself"""
    inference_ca_file: Path | None = None
    """certificates that ml-inference's is checked with, where its address begins with https; the system's where None"""
    api_keys_file: Path | None = None
    """file of the API keys (their hashes) that may ask, looked at every 2 s; None: everybody may. A key's rate holds
    for each process by itself: with two processes up to twice as many requests get through"""
    breaker_failures: int = Field(5, ge=1, le=1000)
    """failures in a row, at least, after which ml-inference is left alone"""
    breaker_failing_seconds: float = Field(0.5, ge=0, le=60)
    """s that they have to last; a single process that dies does not open the breaker"""
    breaker_open_seconds: float = Field(1.0, gt=0, le=300)
    """s that ml-inference is left alone; then one request tries"""
