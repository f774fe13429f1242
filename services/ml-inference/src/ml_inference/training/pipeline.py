"""From data to a bundle on disk."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ml_inference.bundle import BundleDescription, Manifest, load_bundle, window_of, write_bundle
from ml_inference.forecasting.evaluation import Score, evaluate
from ml_inference.forecasting.lstm import LstmForecaster, Recipe
from ml_inference.training.description import describe, example_request
from ml_inference.training.export import Export, export
from ml_inference.training.sources import Source

STEPS = 2000
"""Batches that make a model where the number of epochs is not given."""

MIN_EPOCHS, MAX_EPOCHS = 4, 40


@dataclass(frozen=True)
class Outcome:
    """A trained, exported and scored model; nothing of it is on disk yet."""

    forecaster: LstmForecaster
    export: Export
    scores: dict[str, list[Score]]
    description: BundleDescription


def epochs_for(source: Source, batch: int) -> int:
    """So many passes over the data that small files are learnt, too, and large ones take no hours."""
    per_epoch = max(len(source.train) // batch, 1)
    return min(max(round(STEPS / per_epoch), MIN_EPOCHS), MAX_EPOCHS)


def train(source: Source, recipe: Recipe, epochs: int | None = None) -> Outcome:
    """Train on the source's train split, choose the epoch on val, and score once on test.

    Raises ParityError if the exported graph does not answer as the trained model does.
    """
    recipe = replace(recipe, epochs=epochs or epochs_for(source, recipe.batch))
    forecaster = LstmForecaster(recipe)
    forecaster.fit(source.train, source.validation)
    probe = np.concatenate([windows.inputs for windows in source.test.values()])  # [rows, WINDOW, features]
    exported = export(forecaster, probe, window_of(example_request()))
    scores = {name: evaluate(forecaster.predict(test.inputs), test) for name, test in source.test.items()}
    description = describe(source.description, recipe.settings(), scores, source.test, exported)
    return Outcome(forecaster, exported, scores, description)


def save(outcome: Outcome, folder: Path) -> Manifest:
    """Write the bundle; serving's own checks have to pass before anything takes its place in `folder`.

    Raises BundleError if they do not, OSError if `folder` cannot be written.
    """
    graph, opset = outcome.export.graph, outcome.export.opset
    with tempfile.TemporaryDirectory() as scratch:
        rehearsal = Path(scratch, "bundle")
        write_bundle(rehearsal, graph, opset, outcome.description)
        load_bundle(rehearsal)
    return write_bundle(folder, graph, opset, outcome.description)
