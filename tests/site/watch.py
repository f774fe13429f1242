"""Tell every process whose command line or environment has one of some words, until standard input ends.

The first line of input is a list of the words in JSON.
"""

import json
import select
import sys
from pathlib import Path

EVERY_SECONDS = 0.05


def main() -> None:
    """Entry point."""
    words = [word.encode() for word in json.loads(sys.stdin.readline())]
    while not select.select([sys.stdin], [], [], EVERY_SECONDS)[0]:
        for folder in Path("/proc").glob("[0-9]*"):
            for name in ("cmdline", "environ"):
                try:
                    content = (folder / name).read_bytes()
                except OSError:  # it has ended
                    continue
                if any(word in content for word in words):
                    print(name, (folder / "cmdline").read_bytes()[:200], flush=True)


main()
