"""Who may ask: API keys, each with what it may do and how often. `python -m api_gateway.access` makes keys."""

import logging
import sys
import time
from collections.abc import Callable
from hashlib import sha256
from math import ceil
from pathlib import Path
from typing import Final

from api_gateway.access.key_file import ApiKey, KeyFile, KeyFileError, Version, read_key_file, version_of
from api_gateway.access.rate_limit import TokenBucket
from api_gateway.settings import GatewaySettings
from qos_contract import ErrorCode
from qos_runtime.errors import ServiceError
from qos_runtime.lifecycle import Reload
from qos_runtime.settings import EXIT_WRONG_SETTING

__all__ = ["ApiKey", "ApiKeys", "KeyFileError", "load_keys"]

LOOK_SECONDS: Final = 2.0
"""s between two looks whether the key file has changed"""
MAX_HEADER_BYTES: Final = 256
"""bytes of an Authorization header that are looked at; a key's has 50"""

logger = logging.getLogger(__name__)


class ApiKeys:
    """The keys of a file, which may change while the service runs.

    A key is looked up by its SHA-256. How long a look-up takes can tell something of the hash of what was sent, but who
    does not know the key cannot steer that hash, and a hash leads back to no key.
    """

    def __init__(
        self, path: Path, clock: Callable[[], float] = time.monotonic, now: Callable[[], float] = time.time
    ) -> None:
        """Read the file; `clock` and `now` (of the calendar) are in seconds. Raises KeyFileError."""
        self._path = path
        self._clock = clock
        self._now = now
        self._keys: dict[bytes, tuple[ApiKey, float, TokenBucket | None]] = {}
        self._version: Version | None = None
        self._complaint = ""
        content, self._version = read_key_file(path)
        self._take(content)
        self._looked_at = clock()

    def check(self, authorization: bytes | None, scope: str) -> ApiKey:
        """Return the key in an Authorization header if it may do what `scope` says, and count the request.

        Raises ServiceError: unauthorized (no key, one that is unknown or has expired, another scheme), forbidden (the
        key lacks the scope) or rate_limited, with the seconds after which trying again helps.
        """
        if self._clock() - self._looked_at >= LOOK_SECONDS:
            self.refresh()
        if authorization is None or len(authorization) > MAX_HEADER_BYTES:
            raise ServiceError(ErrorCode.UNAUTHORIZED)
        scheme, _, sent = authorization.partition(b" ")
        found = self._keys.get(sha256(sent.strip()).digest()) if scheme.lower() == b"bearer" else None
        if found is None or found[1] <= self._now():
            raise ServiceError(ErrorCode.UNAUTHORIZED)
        key, _, bucket = found
        if scope not in key.scopes:
            raise ServiceError(ErrorCode.FORBIDDEN)
        if bucket is not None and (wait := bucket.take()):
            raise ServiceError(ErrorCode.RATE_LIMITED, retry_after=ceil(wait))
        return key

    def refresh(self) -> None:
        """Read the file again if it has changed; what cannot be used is logged once, and the keys stay as they were."""
        self._looked_at = self._clock()
        try:
            if version_of(self._path.stat()) == self._version:
                return
            content, version = read_key_file(self._path)
        except OSError as error:
            self._complain(f"{self._path}: cannot be read: {error.strerror}")
        except KeyFileError as error:
            self._complain(str(error))
        else:
            self._version, self._complaint = version, ""
            self._take(content)
            logger.info("%d API keys read from %s", len(content.keys), self._path)

    async def reload(self) -> None:
        """Do the same when the process is told to."""
        self.refresh()

    def _complain(self, reason: str) -> None:
        if reason != self._complaint:
            self._complaint = reason
            logger.error("API keys stay as they were: %s", reason)

    def _take(self, content: KeyFile) -> None:
        former = self._keys
        self._keys = {}
        for key in content.keys:
            digest = bytes.fromhex(key.sha256)
            ends = key.expires.timestamp() if key.expires else float("inf")
            bucket = former[digest][2] if digest in former else None
            self._keys[digest] = key, ends, self._bucket(key, bucket)

    def _bucket(self, key: ApiKey, former: TokenBucket | None) -> TokenBucket | None:
        if key.limit is None:
            return None
        # Kept where it is the same: another key's change must not give anybody a full bucket.
        if former is not None and (former.rate, former.burst) == key.limit:
            return former
        return TokenBucket(*key.limit, clock=self._clock)


def load_keys(settings: GatewaySettings, reload: Reload) -> ApiKeys | None:
    """Return the keys that the settings name, read again at every reload; None: everybody may ask.

    A file that cannot be used is said in one line on stderr, and the process exits with status 2.
    """
    if settings.api_keys_file is None:
        return None
    try:
        keys = ApiKeys(settings.api_keys_file)
    except KeyFileError as error:
        sys.stderr.write(f"{settings.variable('api_keys_file')}: {error}\n")
        raise SystemExit(EXIT_WRONG_SETTING) from None
    reload.add(keys.reload)
    return keys
