"""`send.py ADDRESS BEGIN END LEVEL RISE`: UDP to a port where nobody listens, paced; rates in Mbit/s, times in s.

LEVEL s at about BEGIN, then RISE s up to END, and again from the start; the rate wanders a little, as traffic does.
"""

from __future__ import annotations

import random
import socket
import sys
import time
from contextlib import suppress

PAYLOAD = bytes(1200)
FRAME = len(PAYLOAD) + 42
"""octets on the wire: Ethernet, IP and UDP headers, too"""
TICK = 0.01


def main() -> None:
    """Send until told to end."""
    address = sys.argv[1]
    begin, end, level, rise = map(float, sys.argv[2:])
    noise, wander = random.Random(7), 0.0
    started = time.monotonic()
    due = 0.0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.connect((address, 9))
        while True:
            now = time.monotonic() - started
            share = max((now % (level + rise) - level) / rise, 0)
            wander = 0.999 * wander + noise.gauss(0, 0.0005)
            rate = (begin + share * (end - begin)) * (1 + wander)
            due += rate * 1e6 / 8 / FRAME * TICK
            for _ in range(int(due)):
                with suppress(OSError):  # nobody listens, and a full queue drops: as it should
                    out.send(PAYLOAD)
            due %= 1
            time.sleep(max(TICK - (time.monotonic() - started - now), 0))


if __name__ == "__main__":
    main()
