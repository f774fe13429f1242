"""What a process is told while it runs: to go away without losing a request, to take in what has changed in files."""

import logging
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)


class Drain:
    """Whether this process has been told to stop."""

    def __init__(self) -> None:
        self.begun = False

    def begin(self) -> None:
        """Go: from now on readiness is 503 and every answer ends its connection."""
        self.begun = True


class Reload:
    """What is read from files again when the process is told to (SIGHUP), without a restart."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[], Awaitable[None]]] = []

    def add(self, callback: Callable[[], Awaitable[None]]) -> None:
        """Have `callback` called at every reload."""
        self._callbacks.append(callback)

    async def run(self) -> None:
        """Reload everything; what fails is logged, and stays as it was."""
        for callback in self._callbacks:
            try:
                await callback()
            except Exception:
                logger.exception("a reload failed")
