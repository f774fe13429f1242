"""How often somebody may ask."""

import time
from collections.abc import Callable


class TokenBucket:
    """Lets `rate` requests through per second, and up to `burst` at once after a pause.

    Not thread-safe: an event loop's own.
    """

    __slots__ = ("_at", "_clock", "_tokens", "burst", "rate")

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`rate` in tokens per second, `burst` in tokens, `clock` in seconds.

        Raises ValueError unless rate > 0 and burst >= 1.
        """
        if not (rate > 0 and burst >= 1):
            raise ValueError("a bucket needs a rate above 0 and a burst of at least 1")
        self.rate = rate
        self.burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._at = clock()

    def take(self) -> float:
        """Take a token and return 0.0, or take none and return the seconds until there is one."""
        now = self._clock()
        # A clock that stands still or runs back gives nothing and takes nothing.
        self._tokens = min(self.burst, self._tokens + max(0.0, now - self._at) * self.rate)
        self._at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self.rate
