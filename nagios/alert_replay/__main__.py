"""`python -m alert_replay`: recorded traces through the alerts at full speed, beside what other tools warn by."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from alert_replay.files import write
from alert_replay.linkset import read
from alert_replay.replay import Replay, details, rows
from alert_replay.text import markdown, terminal
from alert_replay.verdict import judge_set
from ml_inference.bundle import Bundle, BundleError, load_bundle
from ml_inference.forecasting.data import DataError
from ml_inference.training.sources import files_in

SHIPPED: Final = Path(__file__).resolve().parents[2] / "services/ml-inference/bundles/default"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0 is success, 2 bad arguments, data of which nothing can be scored, or a place that cannot be written."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        bundle = load_bundle(options.bundle)
        replay = replay_files(options, bundle)
        written = _write(options.out, replay)
    except DataError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    except BundleError as error:
        parser.exit(2, f"{parser.prog}: {options.bundle} cannot be served: {error}\n")
    except OSError as error:
        parser.exit(2, f"{parser.prog}: cannot write {error.filename}: {error.strerror}\n")
    sys.stdout.write(f"\n{terminal(replay)}\n\n")
    for path, what in written.items():
        sys.stdout.write(f"{path}: {what}\n")
    sys.stdout.write(f"next: open {options.out / 'alerts.html'} in a browser\n")
    return 0


def replay_files(options: argparse.Namespace, bundle: Bundle) -> Replay:
    """Every file that can be scored. Raises DataError if there is none."""
    files = files_in(options.data)
    stems = Counter(path.stem for path in files)
    verdicts, left_out = [], []
    for number, path in enumerate(files, start=1):
        _say(f"{number} of {len(files)}: {path.name}")
        try:
            links = read(path, path.stem if stems[path.stem] == 1 else path.name, options.split, options.threshold)
        except DataError as error:
            left_out.append(str(error))
            continue
        verdicts.append(judge_set(links, bundle, options.recall))
    if not verdicts:
        raise DataError(
            left_out[0] if len(files) == 1 else f"{options.data}: nothing can be scored; {'; '.join(left_out)}"
        )
    for reason in left_out:
        _say(f"left out: {reason}")
    return Replay(verdicts, left_out, bundle.version, options.recall)


def _write(folder: Path, replay: Replay) -> dict[Path, str]:
    """The figures first: they are there even if a picture cannot be drawn."""
    write(folder / "alerts.json", json.dumps(rows(replay), indent=1) + "\n")
    write(folder / "alerts-details.json", json.dumps(details(replay), indent=1) + "\n")
    write(folder / "alerts.md", markdown(replay))
    _say("drawing")
    from alert_replay.page import page  # loads matplotlib: not before there is something to draw

    write(folder / "alerts.html", page(replay))
    return {
        folder / "alerts.json": "a row per set and method",
        folder / "alerts-details.json": "everything else that was counted",
        folder / "alerts.md": "the tables for the documentation",
        folder / "alerts.html": "the report with pictures",
    }


def _say(text: str) -> None:
    """Tell who waits what goes on."""
    sys.stderr.write(f"{text}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m alert_replay", description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="PATH", help="a .parquet or .csv file, or a folder of them")
    add(
        "--split",
        default="test",
        metavar="NAME",
        help="rows that are replayed, of a file with splits (default %(default)s)",
    )
    add("--out", type=Path, default=Path("reports"), metavar="DIR", help="folder of the results (default %(default)s)")
    add("--bundle", type=Path, default=SHIPPED, metavar="DIR", help="model that forecasts (default: the shipped one)")
    add(
        "--recall",
        type=_share,
        default=0.5,
        metavar="SHARE",
        help="that every method is brought to (default %(default)s)",
    )
    add(
        "--threshold", type=_percent, metavar="PERCENT",
        help="of capacity, that is warned of (default: the 85th percentile of the split train, for each file)",
    )  # fmt: skip
    return parser


def _share(text: str) -> float:
    """An argument's type."""
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError("must be above 0 and at most 1")
    return value


def _percent(text: str) -> float:
    """An argument's type."""
    value = float(text)
    if not 0 <= value < 1000:
        raise argparse.ArgumentTypeError("must be 0 or more, in % of capacity")
    return value


if __name__ == "__main__":
    sys.exit(main())
