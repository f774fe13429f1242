"""`python -m ml_inference.training`: train a model, evaluate everything, or backtest what is recorded."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ml_inference.arguments import positive
from ml_inference.forecasting.data import DataError
from ml_inference.training import tensorflow_runtime

LINKS = 24_000
"""Generated links of the default recipe: more links have taught more than more epochs."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0 is success, 1 a model that must not be written, 2 bad input, 3 a model that the gate refused."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command == "train" and (problem := _problem_with(options.out)):
        parser.error(f"--out {options.out} {problem}")
    if options.command != "train" and not options.data.exists():
        parser.error(f"--data {options.data}: there is no such file or folder")
    tensorflow_runtime.prepare()
    # Only now: these import Keras, which takes seconds and prints. Bad arguments have been refused by then.
    from ml_inference.bundle import BundleError
    from ml_inference.training import commands
    from ml_inference.training.export import ParityError
    from ml_inference.training.registry import RegistryError

    try:
        run: Callable[[argparse.Namespace], int] = getattr(commands, options.command)
        return run(options)
    except (DataError, RegistryError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    except OSError as error:
        parser.exit(2, f"{parser.prog}: {error.filename or options.out}: {error.strerror}\n")
    except (ParityError, BundleError) as error:
        sys.stdout.write(f"refused, nothing is written: {error}\n")
        return 1


def _problem_with(out: Path) -> str | None:
    """Why a bundle cannot be written there: better said now than after training."""
    if out.exists() and not (out.is_dir() and ((out / "manifest.json").is_file() or not any(out.iterdir()))):
        return "exists and is no bundle; name another folder, this one would be replaced"
    parent = next(folder for folder in out.resolve().parents if folder.exists())
    if not (parent.is_dir() and os.access(parent, os.W_OK)):
        return f"cannot be made: {parent} is not a folder you may write to"
    return None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml_inference.training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train a model, let the gate judge it, write its bundle and record it")
    train.add_argument("--data", type=Path, metavar="FILE", help=".parquet or .csv; without it, generated links only")
    train.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the bundle")
    evaluate = commands.add_parser("evaluate", help="train and test everything on all files of a folder")
    evaluate.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of .parquet and .csv files")
    evaluate.add_argument("--out", type=Path, default=Path("reports"), metavar="DIR", help="folder of the results")
    backtest = commands.add_parser("backtest", help="run recorded models on all files of a folder, without training")
    backtest.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of .parquet and .csv files")
    backtest.add_argument("--split", help="score the rows of this split only (default: all rows)")
    backtest.add_argument("--out", type=Path, default=Path("reports"), metavar="DIR", help="folder of the results")
    for command in (train, evaluate):
        command.add_argument("--seed", type=_natural, default=1, help="the same seed makes the same model (default 1)")
        command.add_argument("--links", type=positive, default=LINKS, help="generated links (default %(default)s)")
        command.add_argument(
            "--batches", type=positive, help="batches that each network is shown (default: the recipe's)"
        )
    for command in (train, evaluate, backtest):
        command.add_argument(
            "--registry", type=Path, default=Path(".mlflow"), metavar="DIR", help="default %(default)s"
        )
    return parser


def _natural(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**31:
        raise argparse.ArgumentTypeError("must be between 0 and 2147483647")
    return number


if __name__ == "__main__":
    sys.exit(main())
