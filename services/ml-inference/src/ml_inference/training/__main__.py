"""`python -m ml_inference.training`: train a model and write its bundle."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ml_inference.arguments import positive
from ml_inference.forecasting.data import DataError
from ml_inference.training import tensorflow_runtime

LINKS = 18_000
"""Generated links of the default recipe: more links have taught more than more epochs."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0 is success, 1 a model that must not be written, 2 bad arguments or data."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.data and options.links:
        parser.error("--links is for generated data; leave it out with --data")
    out: Path = options.out
    if problem := _problem_with(out):
        parser.error(f"--out {out} {problem}")
    try:
        return _train(options)
    except DataError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    except OSError as error:
        parser.exit(2, f"{parser.prog}: cannot write {out}: {error.strerror}\n")


def _problem_with(out: Path) -> str | None:
    """Why a bundle cannot be written there: better said now than after training."""
    if out.exists() and not (out.is_dir() and ((out / "manifest.json").is_file() or not any(out.iterdir()))):
        return "exists and is no bundle; name another folder, this one would be replaced"
    parent = next(folder for folder in out.resolve().parents if folder.exists())
    if not (parent.is_dir() and os.access(parent, os.W_OK)):
        return f"cannot be made: {parent} is not a folder you may write to"
    return None


def _train(options: argparse.Namespace) -> int:
    begin = time.monotonic()
    from ml_inference.training.sources import generated, measured

    source = measured(options.data) if options.data else generated(options.seed, options.links or LINKS)
    _say(
        f"data: {source.description['source']}; windows: {len(source.train)} train, "
        f"{len(source.validation)} val, {sum(map(len, source.test.values()))} test"
    )
    tensorflow_runtime.prepare()
    # Only now: these import Keras, which takes seconds and prints. Bad data has been refused by then.
    from ml_inference.bundle import BundleError
    from ml_inference.forecasting.lstm import Recipe
    from ml_inference.training import pipeline, summary
    from ml_inference.training.export import ParityError

    try:
        recipe = Recipe(seed=options.seed, progress=1 if sys.stdout.isatty() else 2)
        outcome = pipeline.train(source, recipe, options.epochs)
        _say(summary.table(outcome))
        manifest = pipeline.save(outcome, options.out)
    except (ParityError, BundleError) as error:
        _say(f"refused, nothing is written: {error}")
        return 1
    _say(summary.closing(outcome, manifest, options.out, time.monotonic() - begin))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml_inference.training", description=__doc__)
    parser.add_argument("--data", type=Path, metavar="FILE", help=".parquet or .csv; without it, generated links")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the bundle")
    parser.add_argument("--seed", type=_natural, default=1, help="the same seed makes the same model (default 1)")
    parser.add_argument("--epochs", type=positive, help="passes over the data (default: by its size)")
    parser.add_argument("--links", type=positive, help=f"generated links (default {LINKS})")
    return parser


def _natural(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**31:
        raise argparse.ArgumentTypeError("must be between 0 and 2147483647")
    return number


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
