"""What the three commands do, and what a person reads of it."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from ml_inference.bundle import load_bundle
from ml_inference.forecasting.lstm import LstmForecaster
from ml_inference.forecasting.scores import as_json, rows
from ml_inference.forecasting.tables import table
from ml_inference.training import backtesting, evaluation
from ml_inference.training.description import describe
from ml_inference.training.evaluation import MODELS
from ml_inference.training.pipeline import Outcome
from ml_inference.training.pipeline import train as train_one
from ml_inference.training.registry import Registry, RegistryError
from ml_inference.training.served import ServedForecaster
from ml_inference.training.sources import generated, measured
from ml_inference.training.store import ZERO_SHOT, record

REFUSED: Final = 3
"""Exit code for a model that the gate did not pass."""


def train(options: argparse.Namespace) -> int:
    """Train the zero-shot model or, with data, adapt it; write the bundle and record it; promote it if it passed."""
    begin = time.monotonic()
    own = measured(options.data) if options.data else None  # bad data are refused before anything takes time
    progress = 1 if sys.stdout.isatty() else 2
    source = generated(options.seed, options.links)
    _say(f"data: {source.description['source']}; windows: {len(source.train)} train, {len(source.validation)} val")
    forecaster = LstmForecaster.zero_shot(options.seed, options.batches, progress)
    registry = Registry(options.registry)
    if own is not None:
        forecaster.fit(source.train, source.validation)
        source = own
        _say(f"data: {own.description['source']}; windows: {len(own.train)} train, {len(own.validation)} val")
        forecaster = LstmForecaster.adapted(forecaster, options.seed, options.batches, progress)
    outcome = train_one(source, forecaster, _champion(registry, source.name if own else ZERO_SHOT))
    description = describe(outcome)
    version = record(registry, outcome, description)
    registry.export(version, options.out)
    if outcome.verdict.passed:
        registry.promote(version, "make train", "passed the gate")
    _say(_summary(outcome))
    _say(
        f"model {version.model_version}, {time.monotonic() - begin:.0f} s, is in {options.out} "
        f"and recorded as {version.model} {version.number}"
    )
    if not outcome.verdict.passed:
        _say("the gate refuses it; whatever serves this bundle answers with the baseline " + outcome.best + ":")
        for reason in outcome.verdict.reasons:
            _say(f"  - {reason}")
        _say("next: bring more traces, or compare its figures with others' (make mlflow)")
        return REFUSED
    _say(f"next: serve it with make up ANSIBLE_OPTIONS='-e platform_bundle_dir={options.out.resolve()}'")
    return 0


def evaluate(options: argparse.Namespace) -> int:
    """Train and test everything; write evaluation.json and evaluation-details.json, and print the tables."""
    begin = time.monotonic()
    found = evaluation.evaluate(
        options.data, Registry(options.registry), options.seed, options.links, _say, options.batches
    )
    seconds = time.monotonic() - begin
    scored = found.backtests.rows()
    _write(options.out / "evaluation.json", as_json(scored))
    _write(options.out / "evaluation-details.json", found.report(options.seed, seconds))
    _say(table(scored, MODELS))
    for entry in found.details["optimum"]:
        if entry["horizon"] in (1, 5):
            _say(
                f"{entry['generator']} link, {entry['horizon']} steps ahead: RMSE {entry['rmse']:.3f} Mbps, "
                f"{entry['ratio']:.4f} × the {entry['optimum']}'s {entry['rmse_optimum']:.3f}"
            )
    _say(f"{seconds:.0f} s; written: {options.out}/evaluation.json; next: make report")
    return 0


def backtest(options: argparse.Namespace) -> int:
    """Run what is recorded; write backtest.json and print the tables."""
    found = backtesting.run(options.data, Registry(options.registry), options.split, _say)
    scored = found.rows()
    _write(options.out / "backtest.json", as_json(scored))
    _say(table(scored, MODELS))
    _say(f"written: {options.out}/backtest.json")
    return 0


def _champion(registry: Registry, name: str) -> ServedForecaster | None:
    """The model that is live now, to be judged against; None if there is none that this version can run."""
    try:
        version = registry.champion(name)
    except RegistryError:
        return None
    return None if version is None else ServedForecaster(load_bundle(registry.bundle_of(version)), "champion")


def _summary(outcome: Outcome) -> str:
    export = outcome.export
    scored = table(rows(outcome.verdict.backtests), (outcome.forecaster.name, *outcome.baselines, "champion"))
    graph = (
        f"graph: {len(export.graph) / 1e3:.0f} kB, {export.microseconds:.0f} µs a window, "
        f"differs from Keras by at most {export.difference:.1e} of capacity"
    )
    return f"{scored}\n{graph}"


def _write(path: Path, content: Any) -> None:
    """JSON, complete before it gets its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, suffix=".json") as file:
        json.dump(content, file, indent=1, allow_nan=False)
        file.write("\n")
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
