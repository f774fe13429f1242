"""Tell every process whose command line has one of some words, until standard input ends.

Not the environment: only root and the process' own account see it, and pip in a build gets its index there.

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
            try:
                content = (folder / "cmdline").read_bytes()
            except OSError:  # it has ended
                continue
            if any(word in content for word in words):
                print(content[:200], flush=True)


main()
