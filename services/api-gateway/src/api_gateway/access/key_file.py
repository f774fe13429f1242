"""The file of API keys: what it may hold, and how it is read and written. It has the keys' hashes, never a key.

    {"keys": [{"name": "nagios", "sha256": "<64 hex digits>", "scopes": ["forecast"],
               "requests_per_second": 50, "burst": 100, "expires": "2027-01-01T00:00:00Z"}]}

A key is 256 random bits, so one round of SHA-256 is the right hash. Slow hashes (scrypt, argon2) are for passwords,
which can be guessed from their hash because people choose them. Nobody guesses 256 bits, and a slow hash at every
request would only let strangers keep the service busy.
"""

import hashlib
import os
import tempfile
from math import ceil
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from qos_contract import list_problems

MAX_FILE_BYTES: Final = 1_048_576
"""bytes of a key file; some 4000 keys"""

Scope = Literal["forecast", "metrics"]
Version = tuple[int, int, int]
"""what changes when a file does: mtime in ns, size in bytes, inode"""


class KeyFileError(Exception):
    """A file that cannot be used; its sentence names the file and what is wrong, never what stands in it."""


class ApiKey(BaseModel):
    """One key: who has it, and what may be done with it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
    """who has it"""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of the key, in hex"""
    scopes: frozenset[Scope] = Field(min_length=1)
    """what it may do"""
    requests_per_second: float | None = Field(None, gt=0, le=1e6)
    """forecasts per second, in each process; None: any number"""
    burst: int | None = Field(None, ge=1, le=1_000_000)
    """requests at once after a pause; what comes in a second where None"""
    expires: AwareDatetime | None = None
    """when it ends, with its time zone; None: never"""

    @model_validator(mode="after")
    def _needs_a_rate_for_a_burst(self) -> Self:
        if self.burst is not None and self.requests_per_second is None:
            raise ValueError("burst is set without requests_per_second")
        return self

    @property
    def limit(self) -> tuple[float, int] | None:
        """Rate in requests per second and burst in requests, or None without a limit."""
        if self.requests_per_second is None:
            return None
        return self.requests_per_second, self.burst or ceil(self.requests_per_second)


class KeyFile(BaseModel):
    """All keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: tuple[ApiKey, ...]

    @model_validator(mode="after")
    def _has_each_once(self) -> Self:
        for what in ("name", "sha256"):
            if len({getattr(key, what) for key in self.keys}) != len(self.keys):
                raise ValueError(f"two keys have the same {what}")
        return self


def hash_key(key: bytes) -> str:
    """Return what the file has of a key."""
    return hashlib.sha256(key).hexdigest()


def version_of(status: os.stat_result) -> Version:
    """Return what tells this content of a file from a later one."""
    return status.st_mtime_ns, status.st_size, status.st_ino


def read_key_file(path: Path) -> tuple[KeyFile, Version]:
    """Read the file and the version that was read. Raises KeyFileError."""
    try:
        with path.open("rb") as file:
            version = version_of(os.fstat(file.fileno()))  # before reading: what is written meanwhile is seen next time
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > MAX_FILE_BYTES:
        raise KeyFileError(f"{path}: more than {MAX_FILE_BYTES} bytes")
    try:
        return KeyFile.model_validate_json(content), version
    except ValidationError as error:
        raise KeyFileError(f"{path}: {_explain(error)}") from None


def write_key_file(path: Path, content: KeyFile) -> None:
    """Replace the file in one step; mode and owner stay, a new file has 0600. Raises KeyFileError."""
    target = path.resolve()  # of a link, what it leads to
    text = content.model_dump_json(indent=2, exclude_none=True) + "\n"
    temporary = None
    try:
        number, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(number, "w", encoding="utf-8") as file:
            if target.exists():
                former = target.stat()
                os.fchown(number, former.st_uid, former.st_gid)
                os.fchmod(number, former.st_mode & 0o777)
            file.write(text)
            file.flush()
            os.fsync(number)
        Path(temporary).replace(target)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise KeyFileError(f"{path}: cannot be written: {error.strerror}") from None


def _explain(error: ValidationError) -> str:
    problem = list_problems(error, ())[0]
    # An unknown field's name may be a key that was pasted into the wrong place.
    loc = problem.loc[:-1] if problem.type == "extra_forbidden" else problem.loc
    return " ".join(filter(None, (".".join(map(str, loc)), problem.msg)))
