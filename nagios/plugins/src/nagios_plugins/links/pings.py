"""The spread of round-trip times to an address, by Debian's fping."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import Final

COUNT: Final = 10
"""pings; the spread of fewer answers than half of it says nothing"""
PERIOD_MS: Final = 10
"""from one ping to the next; the least that fping allows who is not root"""
LONGEST_MS: Final = 1000
"""that an answer is waited for"""


@dataclass(frozen=True)
class Pings:
    """What came back."""

    spread_ms: float | None
    """standard deviation; None where too few came back"""
    trouble: str = ""
    """why it is None"""


class Pinging:
    """Pings that are under way, while something else is done."""

    def __init__(self, target: str, program: str = "fping") -> None:
        """Begin."""
        self.target = target
        command = [program, "-q", "-C", str(COUNT), "-p", str(PERIOD_MS), "-t", str(LONGEST_MS), "--", target]
        self._process: subprocess.Popen[str] | None = None
        try:
            self._process = subprocess.Popen(  # noqa: S603  no shell
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
        except OSError as error:
            self._trouble = f"RTT not measured, there is no {program} ({error.strerror})"

    def result(self, timeout: float) -> Pings:
        """Wait for them, `timeout` in seconds."""
        if self._process is None:
            return Pings(None, self._trouble)
        try:
            _, said = self._process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            return Pings(None, f"RTT not measured, no end of pings to {self.target} within {timeout:g} s")
        finally:
            self.stop()
        return result_of(self.target, said)

    def stop(self) -> None:
        """End them, where they have not ended."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


def result_of(target: str, said: str) -> Pings:
    """What fping said: `TARGET : 0.52 0.49 - 0.51`, in ms; others' lines before it."""
    lines = [line for line in said.splitlines() if re.search(r" :( +(-|\d+(\.\d+)?))+ *$", line)]
    times = [float(word) for word in lines[-1].rpartition(" :")[2].split() if word != "-"] if lines else []
    if not lines:
        reason = said.strip().splitlines()[-1] if said.strip() else "fping said nothing"
        return Pings(None, f"RTT not measured, {reason}")
    if len(times) < COUNT / 2:
        return Pings(None, f"RTT not measured, {len(times)} of {COUNT} pings to {target} came back")
    mean = sum(times) / len(times)
    return Pings((sum((each - mean) ** 2 for each in times) / (len(times) - 1)) ** 0.5)
