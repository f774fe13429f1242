"""A circuit breaker: who does not answer is left alone for a while, and then asked by one request alone."""

import time
from collections.abc import Callable
from enum import IntEnum


class State(IntEnum):
    """Of the breaker; the number is what the metric shows."""

    CLOSED = 0
    """requests pass"""
    HALF_OPEN = 1
    """one request tries whether the others may pass again"""
    OPEN = 2
    """requests are refused at once"""


class Breaker:
    """Opens when for a time nothing but failures was seen, and closes again when a single request succeeds.

    Not after a number of failures alone: one process that dies takes many requests with it at the same moment, while
    the one beside it goes on answering.
    """

    def __init__(
        self,
        failures: int,
        failing_seconds: float,
        open_seconds: float,
        on_change: Callable[[State], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.state = State.CLOSED
        self._limit = failures
        self._failing_seconds = failing_seconds
        self._open_seconds = open_seconds
        self._on_change = on_change
        self._clock = clock
        self._failures = 0
        self._failing_since = 0.0
        self._probe_at = 0.0

    def admit(self) -> float:
        """Return 0 if a request may pass, otherwise the s after which to try again.

        A request that was let through is followed by `succeed` or `fail`; if it never is, another one may try later.
        """
        if self.state is State.CLOSED:
            return 0
        wait = self._probe_at - self._clock()
        if wait > 0:
            return wait
        self._probe_at = self._clock() + self._open_seconds
        self._change(State.HALF_OPEN)
        return 0

    def succeed(self) -> None:
        """Note an answer, whatever it said."""
        self._failures = 0
        if self.state is not State.CLOSED:
            self._change(State.CLOSED)

    def fail(self) -> None:
        """Note that no usable answer came."""
        now = self._clock()
        if self._failures == 0:
            self._failing_since = now
        self._failures += 1
        failing = self._failures >= self._limit and now - self._failing_since >= self._failing_seconds
        if self.state is State.HALF_OPEN or (self.state is State.CLOSED and failing):
            self._probe_at = now + self._open_seconds
            self._change(State.OPEN)

    def _change(self, state: State) -> None:
        self.state = state
        self._on_change(state)
