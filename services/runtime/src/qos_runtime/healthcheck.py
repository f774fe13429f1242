"""`python -m qos_runtime.healthcheck URL`: for images, which have no curl. Exits 0 if the URL answers 200, else 1."""

import sys
from http import HTTPStatus
from urllib.error import HTTPError
from urllib.request import urlopen

TIMEOUT_SECONDS = 2.0


def main(url: str) -> int:
    """Ask once, and say on stdout what was answered."""
    try:
        with urlopen(url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - the image's own
            status, body = answer.status, answer.read()
    except HTTPError as error:
        status, body = error.code, error.read()
    except OSError as error:
        sys.stdout.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{body.decode(errors='replace')}\n")
    return 0 if status == HTTPStatus.OK else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
