"""Everything trained and tested in one go: LSTM and baselines on every set, and the learner on links with a law."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from ml_inference.forecasting.boosting import Boosting
from ml_inference.forecasting.comparison import compare
from ml_inference.forecasting.data import DataError
from ml_inference.forecasting.generators import KNOWN_LINKS, KnownLink
from ml_inference.forecasting.layout import HORIZONS, Single
from ml_inference.forecasting.lstm import LstmForecaster, Recipe
from ml_inference.forecasting.metrics import rmse
from ml_inference.forecasting.scores import as_json, reliability, rows
from ml_inference.forecasting.segments import SEGMENTS
from ml_inference.forecasting.windows import cut
from ml_inference.training.description import describe, summary_of
from ml_inference.training.pipeline import Outcome, train
from ml_inference.training.provenance import code_version
from ml_inference.training.registry import Registry
from ml_inference.training.sets import Backtests
from ml_inference.training.showcase import fan, worst
from ml_inference.training.sources import Source, files_in, generated, measured
from ml_inference.training.store import record

MODELS: Final[tuple[str, ...]] = (
    "persistence",
    "moving-average",
    "exponential-smoothing",
    "ridge",
    "lightgbm",
    "lstm-zero-shot",
    "lstm",
)
"""As tables list them."""

LAW_TRACES, LAW_ROWS = {"train": 300, "val": 40, "test": 60}, 1000
"""Records of a link with a law, and samples of each."""

LAW_RECIPE: Final = Recipe(unit="link", units=48, batches=9000, epochs=(1, 60), learning_rate=3e-3)

Say = Callable[[str], None]


@dataclass(eq=False)
class Evaluation:
    """What was found, for the two files that a report is made from."""

    backtests: Backtests = field(default_factory=Backtests)
    details: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {name: [] for name in ("data", "models", "optimum", "fans", "worst")}
    )

    def report(self, seed: int, seconds: float) -> dict[str, Any]:
        """All else."""
        together = self.backtests.together
        lstm = [model for model in MODELS if model.startswith("lstm")]
        others = [model for model in MODELS if not model.startswith("lstm")]
        pairs = [
            pair
            for model in lstm
            for other in (*others, *(["lstm-zero-shot"] if model == "lstm" else []))
            for pair in compare(together, model, other)
        ]
        return {
            "created": datetime.now(UTC).replace(microsecond=0).isoformat(),
            "code_version": code_version(),
            "seed": seed,
            "split": "test",
            "seconds": round(seconds, 1),
            "together": [each.set for each in together],
            **self.details,
            "segments": as_json([row for segment in SEGMENTS for row in rows(together, segment)]),
            "reliability": as_json(reliability(together)),
            "paired": as_json(pairs),
        }


def evaluate(data: Path, registry: Registry, seed: int, links: int, say: Say, batches: int | None = None) -> Evaluation:
    """Train and test everything on every usable file of `data`; record each model, and promote those that passed.

    Raises DataError if no file can be used, ParityError, BundleError, RegistryError.
    """
    found = Evaluation()
    sources = _sources(data, say)
    begin = time.monotonic()
    base = train(generated(seed, links), LstmForecaster.zero_shot(seed, batches))
    _keep(registry, base, [], found)
    say(f"zero-shot model: {_gate(base)}; {time.monotonic() - begin:.0f} s")
    for source in sources:
        begin = time.monotonic()
        outcome = train(source, LstmForecaster.adapted(base.forecaster, seed, batches))
        boosting = Boosting(seed)
        boosting.fit(source.train, source.validation)
        _keep(registry, outcome, [boosting], found)
        exam = source.parts["test"]
        forecasts = dict(outcome.forecasts)
        forecasts["lightgbm"] = boosting.forecast(exam)
        forecasts["lstm-zero-shot"] = base.forecaster.forecast(exam)
        _score(found, source, {model: forecasts[model] for model in MODELS})
        say(f"{source.name}: {_gate(outcome)}; {time.monotonic() - begin:.0f} s")
    for law in KNOWN_LINKS:
        begin = time.monotonic()
        found.details["optimum"] += distance(law, seed, batches)
        say(f"{law.name} link, learnt beside its {law.optimum}: {time.monotonic() - begin:.0f} s")
    return found


def distance(law: KnownLink, seed: int, batches: int | None = None) -> list[dict[str, Any]]:
    """RMSE of an LSTM that learnt one link with a law, beside the least that any forecast can have, in Mbps."""
    random = np.random.default_rng([seed, len(law.name)])
    parts = {name: law.traces(random, count, LAW_ROWS) for name, count in LAW_TRACES.items()}
    recipe = replace(LAW_RECIPE, seed=seed, batches=batches or LAW_RECIPE.batches)
    learner = LstmForecaster("lstm", (recipe,), one_link=True)
    learner.fit(cut(parts["train"]), cut(parts["val"]))
    test = cut(parts["test"])
    forecast = learner.predict(test)[:, :, 0]  # [rows, HORIZONS]
    best = np.concatenate([law.best(trace) for trace in parts["test"]])  # [rows, HORIZONS]
    known = np.isfinite(test.targets)
    found = []
    for step in range(HORIZONS):
        rows_known = known[:, step]
        truth, capacity = test.targets[rows_known, step], float(test.capacity_mbps[0])
        ours, least = (rmse(truth, each[rows_known, step]) * capacity for each in (forecast, best))
        found.append(
            {
                "generator": law.name,
                "horizon": step + 1,
                "model": learner.name,
                "rmse": ours,
                "rmse_optimum": least,
                "ratio": ours / least,
                "optimum": law.optimum,
            }
        )
    return found


def _sources(data: Path, say: Say) -> list[Source]:
    sources = []
    for path in files_in(data):
        try:
            sources.append(measured(path))
        except DataError as error:
            say(f"left out: {error}")
    if not sources:
        raise DataError(f"{data}: none of the files can be used")
    return sources


def _keep(registry: Registry, outcome: Outcome, extra: Sequence[Boosting], found: Evaluation) -> None:
    """Record the model, promote it if it passed, and note what the report says of it."""
    description = describe(outcome)
    version = record(registry, outcome, description, extra)
    if outcome.verdict.passed:
        registry.promote(version, "make evaluate", "passed the gate")
    found.details["models"].append(summary_of(outcome, description))


def _score(found: Evaluation, source: Source, forecasts: Mapping[str, Single]) -> None:
    exam = source.parts["test"]
    found.backtests.add(source.name, "test", exam, forecasts)
    found.details["data"].append(
        {
            "set": source.name,
            "file": source.description["source"],
            "sha256": source.description["sha256"],
            "traces": len({trace.trace_id for part in source.parts.values() for trace in part}),
            "rows": source.description["rows"],
            "rows_per_split": source.description["rows_per_split"],
        }
    )
    fans = [fan(source.name, model, exam, forecasts[model]) for model in ("lstm", "lstm-zero-shot")]
    found.details["fans"] += [each for each in fans if each is not None]
    found.details["worst"] += worst(source.name, "lstm", cut(exam), forecasts["lstm"])


def _gate(outcome: Outcome) -> str:
    verdict = outcome.verdict
    return "the gate passes it" if verdict.passed else "the gate refuses it: " + "; ".join(verdict.reasons)
