"""Settings from the environment, refused with one clear line where they are wrong."""

import os
import re
import sys
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

EXIT_WRONG_SETTING: Final = 2

# Kubernetes gives every pod variables for every Service of its namespace: the Service api-gateway makes
# API_GATEWAY_PORT=tcp://10.0.0.7:8000. Hence LISTEN_PORT, not PORT, and hence these are no typing errors.
_SERVICE_LINK: Final = re.compile(r"(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)|PORT")


class ServiceSettings(BaseSettings):
    """What every service can be told; a service adds its own fields and its `env_prefix`."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    listen_host: str = "127.0.0.1"
    """address to listen on; 0.0.0.0 in a container"""
    listen_port: int = Field(8000, ge=0, le=65535)
    """TCP port; 0 lets the system choose"""
    socket_fd: int | None = Field(None, ge=0)
    """descriptor of a listening socket that was inherited, in place of host and port; several processes may share it"""
    drain_seconds: float = Field(2.0, ge=0, le=300)
    """s between the order to stop and the end of accepting (own port), or of waiting for clients (shared socket)"""
    stop_seconds: int = Field(20, ge=1, le=300)
    """s that requests in flight get to finish after the drain"""
    keep_alive_seconds: int = Field(75, ge=1, le=3600)
    """s that an idle connection stays open; longer than any client keeps it, so that the client closes first"""
    max_body_bytes: int = Field(65_536, ge=1024, le=16_777_216)
    """bytes of a request body that are read; more is answered with 413"""
    max_batch_body_bytes: int = Field(2_097_152, ge=1024, le=16_777_216)
    """bytes of a batch's body that are read; 512 links of 130 samples each"""
    body_timeout_seconds: float = Field(10.0, gt=0, le=300)
    """s that a request's body may take to come in; then 408"""
    max_in_flight: int = Field(128, ge=1, le=65_536)
    """forecasts that a process works on at the same time; more are refused with 503 instead of being queued"""
    max_bytes_in_flight: int = Field(8_388_608, ge=1024, le=1_073_741_824, validate_default=True)
    """bytes of bodies that a process holds at the same time, coming in or worked on, those aside that are no longer
    than `max_body_bytes` and come at once; more is refused with 503. A body in work takes twice its bytes in memory"""
    access_log: bool = False
    """whether every request is logged; costs a quarter of the throughput"""
    tls_certificate_file: Path | None = None
    """certificate with its chain (PEM), for https in place of http; read again at SIGHUP"""
    tls_key_file: Path | None = Field(None, validate_default=True)
    """its private key (PEM, without a password); both or none"""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """least severe level that is logged"""

    @field_validator("max_bytes_in_flight")
    @classmethod
    def _holds_the_longest_body(cls, size: int, others: ValidationInfo) -> int:
        for name in ("max_body_bytes", "max_batch_body_bytes"):
            if size < others.data.get(name, 0):
                raise ValueError(f"it must not be less than {cls.variable(name)}, or no body of that length is let in")
        return size

    @field_validator("tls_key_file")
    @classmethod
    def _goes_with_a_certificate(cls, key_file: Path | None, others: ValidationInfo) -> Path | None:
        if (key_file is None) != (others.data.get("tls_certificate_file") is None):
            raise ValueError(f"set it together with {cls.variable('tls_certificate_file')}, or neither")
        return key_file

    @classmethod
    def load(cls) -> Self:
        """Read the environment; on a wrong or unknown variable say so on stderr and exit with status 2."""
        try:
            settings = cls()
            problems = [f"{name}: there is no such setting" for name in cls._unknown()]
        except ValidationError as error:
            # The value is not repeated: it may be a secret in the wrong variable.
            problems = [f"{cls.variable(*problem['loc'][:1])}: {problem['msg']}" for problem in error.errors()]
        if problems:
            program = Path(sys.argv[0]).parent.name if sys.argv[0].endswith("__main__.py") else Path(sys.argv[0]).name
            sys.stderr.write("".join(f"{program}: {problem}\n" for problem in problems))
            raise SystemExit(EXIT_WRONG_SETTING)
        return settings

    @classmethod
    def variable(cls, *field: int | str) -> str:
        """Return the environment variable of a field."""
        return f"{cls.model_config['env_prefix']}{'_'.join(map(str, field))}".upper()

    @classmethod
    def _unknown(cls) -> list[str]:
        prefix = cls.model_config["env_prefix"].upper()
        known = {name.upper() for name in cls.model_fields}
        given = (name[len(prefix) :] for name in sorted(os.environ) if name.startswith(prefix))
        return [prefix + name for name in given if name not in known and not _SERVICE_LINK.fullmatch(name)]
