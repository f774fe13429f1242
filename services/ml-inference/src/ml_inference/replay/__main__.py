"""`python -m ml_inference.replay`: a measured trace through the running gateway.

The forecast is compared with the column bandwidth_mbps. The loader has made sure that this is utilisation ×
capacity, the thing that is forecast; a file whose capacity is not known, or in which bandwidth_mbps means
something else (the capacity itself, say), is refused.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from tqdm import tqdm

from ml_inference.arguments import positive
from ml_inference.forecasting.data import DataError, load
from ml_inference.replay import questions
from ml_inference.replay.gateway import ReplayError, ask
from ml_inference.replay.report import report_of, text_of


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0 is success, 1 a gateway that does not answer as promised, 2 bad arguments or data."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        traces = questions.choose(load(options.data), options.split, options.data.name)
        rows = min(questions.count(traces), options.limit or sys.maxsize)
        asked = itertools.islice(questions.questions(traces), rows)
        pace = 0.2 if sys.stderr.isatty() else 5.0  # s between two updates: in a log each is a line
        shown = tqdm(asked, total=rows, unit=" forecasts", mininterval=pace, delay=pace)
        answers = ask(options.url, shown, options.api_key)
        report = report_of(answers, options.data, _split_of(traces[0].split))
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(report, indent=2) + "\n")
    except DataError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    except ReplayError as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    except OSError as error:
        parser.exit(2, f"{parser.prog}: cannot write {options.out}: {error.strerror}\n")
    sys.stdout.write(f"{text_of(report)}\n  written to    {options.out}\n")
    return 0


def _split_of(split: str | None) -> str:
    return "all" if split is None else split


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml_inference.replay", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, metavar="FILE", help=".parquet or .csv")
    parser.add_argument("--url", type=_url, default="http://127.0.0.1:8000", help="the gateway (default %(default)s)")
    parser.add_argument("--api-key-file", dest="api_key", type=_key, metavar="FILE", help="has the API key to send")
    parser.add_argument("--out", type=Path, default=Path("reports/replay.json"), help="report (default %(default)s)")
    parser.add_argument("--split", default="test", choices=["train", "val", "test"], help="if the file has splits")
    parser.add_argument("--limit", type=positive, metavar="N", help="stop after N forecasts")
    return parser


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise argparse.ArgumentTypeError(f"{text} is no http:// address")
    return text


def _key(file: str) -> str:
    try:
        key = Path(file).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        key = ""
    if not key.isprintable() or not key:  # what is there is not repeated
        raise argparse.ArgumentTypeError(f"no key in {file}")
    return key


if __name__ == "__main__":
    sys.exit(main())
