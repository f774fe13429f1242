"""`python -m ml_inference.report`: a page with charts, and a model card, from what `make evaluate` wrote."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ml_inference.report.evaluation import ReportError, read


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0 is success, 2 bad arguments, files to read that are no good, or a place that cannot be written."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        evaluation = read(options.evaluation, options.details)
    except ReportError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    from ml_inference.report import page  # loads matplotlib: not before there is something to draw

    try:
        _write(options.out, page.page(evaluation))
        if options.card:
            _write(options.card, page.card(evaluation))
    except OSError as error:
        parser.exit(2, f"{parser.prog}: cannot write {error.filename}: {error.strerror}\n")
    sys.stdout.write(f"the report is in     {options.out}\n")
    if options.card:
        sys.stdout.write(f"the model card is in {options.card}\n")
    return 0


def _write(path: Path, text: str) -> None:
    """The whole file or none of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml_inference.report", description=(__doc__ or "").splitlines()[0])
    reports = Path("reports")
    for name, path, what in (
        ("--evaluation", reports / "evaluation.json", "scores"),
        ("--details", reports / "evaluation-details.json", "everything else of the evaluation"),
        ("--out", reports / "report.html", "page to write"),
    ):
        parser.add_argument(name, type=Path, default=path, metavar="FILE", help=f"{what} (default %(default)s)")
    parser.add_argument("--card", type=Path, metavar="FILE", help="model card to write as well, in Markdown")
    return parser


if __name__ == "__main__":
    sys.exit(main())
