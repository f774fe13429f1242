"""`python -m api_gateway.access`: make API keys, and take them away.

A new key goes to stdout, once: the file keeps its hash alone. So `… new nagios --file keys.json > key` never shows it.
"""

import argparse
import secrets
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import get_args

from pydantic import ValidationError

from api_gateway.access.key_file import ApiKey, KeyFile, KeyFileError, Scope, hash_key, read_key_file, write_key_file
from qos_contract import list_problems


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0 is success, 2 a wrong argument or a file that cannot be used."""
    parser = _parser()
    wanted = parser.parse_args(arguments)
    try:
        if wanted.verb == "new":
            _new(wanted)
        else:
            _remove(wanted.name, wanted.file)
    except KeyFileError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    except ValidationError as error:
        problem = list_problems(error, ())[0]
        parser.exit(2, f"{parser.prog}: {' '.join([*map(str, problem.loc[:1]), problem.msg])}\n")
    return 0


def _new(wanted: argparse.Namespace) -> None:
    key = secrets.token_urlsafe(32)
    entry = ApiKey(
        name=wanted.name,
        sha256=hash_key(key.encode()),
        scopes=frozenset(wanted.scopes),
        requests_per_second=wanted.rate,
        burst=wanted.burst,
        expires=wanted.expires,
    )
    if wanted.file is None:
        sys.stderr.write(f"{entry.model_dump_json(exclude_none=True)}\n")
    else:
        _add(entry, wanted.file)
    sys.stdout.write(f"{key}\n")  # at last: a key that no file knows is none


def _add(entry: ApiKey, file: Path) -> None:
    keys = read_key_file(file)[0].keys if file.exists() else ()
    if entry.name in {key.name for key in keys}:
        raise KeyFileError(f"{file}: there is a key {entry.name} already; remove it first, or take another name")
    write_key_file(file, KeyFile(keys=(*keys, entry)))


def _remove(name: str, file: Path) -> None:
    keys = read_key_file(file)[0].keys
    kept = tuple(key for key in keys if key.name != name)
    if len(kept) == len(keys):
        raise KeyFileError(f"{file}: there is no key of this name")
    write_key_file(file, KeyFile(keys=kept))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m api_gateway.access", description=(__doc__ or "").splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    new = verbs.add_parser("new", help="make a key, and print it to stdout; its entry goes to --file or to stderr")
    new.add_argument("name", help="who gets it: a to z, 0 to 9 and -, 40 characters at most")
    new.add_argument("--scopes", nargs="+", choices=get_args(Scope), default=["forecast"], help="(%(default)s)")
    new.add_argument("--rate", type=float, metavar="N", help="forecasts per second, in each process (any number)")
    new.add_argument("--burst", type=int, metavar="N", help="requests at once after a pause (what comes in a second)")
    new.add_argument("--expires", type=datetime.fromisoformat, metavar="TIME", help="such as 2027-01-01T00:00:00Z")
    new.add_argument("--file", type=Path, help="key file that the entry is added to; made if it is not there")
    remove = verbs.add_parser("remove", help="take a key away")
    remove.add_argument("name")
    remove.add_argument("--file", type=Path, required=True)
    return parser


if __name__ == "__main__":
    sys.exit(main())
