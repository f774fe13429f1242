"""Keeps the served bundle true to its files: loads, notices corruption, heals, takes a new one in."""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ml_inference.bundle import Bundle, BundleError, fingerprint, load_bundle

SECOND_LOOK_SECONDS: Final = 0.1
"""s after which a bundle that does not fit is looked at once more"""

logger = logging.getLogger(__name__)


class BundleKeeper:
    """The bundle in memory, and what is wrong with the one on disk.

    A bundle that was loaded once goes on answering when its files go bad: it is still the verified model. Only
    readiness falls, so that traffic goes where a restart would still work, and somebody looks.
    """

    def __init__(self, folder: Path, on_load: Callable[[Bundle], None], on_refuse: Callable[[], None]) -> None:
        self.bundle: Bundle | None = None
        """the last bundle that passed all checks"""
        self.reason: str | None = "the bundle has not been loaded yet"
        """what is wrong with the files on disk; None: they are what is served"""
        self._folder = folder
        self._on_load = on_load
        self._on_refuse = on_refuse
        self._looking = asyncio.Lock()
        self._seen = ""

    @property
    def is_ready(self) -> bool:
        """Whether the bundle on disk is verified, warm, and the one that answers."""
        return self.bundle is not None and self.reason is None

    async def watch(self, interval: float) -> None:
        """Refresh every `interval` s, for ever."""
        while True:
            await asyncio.sleep(interval)
            try:
                await self.refresh()
            except Exception:  # to end here would be to never notice anything again
                logger.exception("looking at the bundle failed")

    async def refresh(self) -> None:
        """Load the bundle if its files changed or did not fit the last time; off the event loop.

        The new bundle takes the old one's place in one assignment: a request has the one or the other, never both.
        """
        async with self._looking:  # the signal and the watch may come together
            seen = await asyncio.to_thread(fingerprint, self._folder)
            if seen == self._seen and self.reason is None:
                return
            try:
                bundle = await asyncio.to_thread(self._load)
            except BundleError as error:
                self._refuse(str(error))
                return
            self._seen, self.bundle, self.reason = seen, bundle, None
        self._on_load(bundle)
        logger.info("serving model %s from %s", bundle.version, self._folder)

    def _load(self) -> Bundle:
        try:
            return load_bundle(self._folder)
        except BundleError:
            # Perhaps it is being put in place just now, file by file.
            time.sleep(SECOND_LOOK_SECONDS)
            return load_bundle(self._folder)

    def _refuse(self, reason: str) -> None:
        if reason != self.reason:  # once, not at every look
            logger.error("the bundle in %s cannot be served: %s", self._folder, reason)
            self._on_refuse()
        self.reason = reason
