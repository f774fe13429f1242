"""A brief training proves that the recipe still makes such a model, and the same one from the same seed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import onnx

from ml_inference.bundle import load_bundle
from ml_inference.forecasting.data import DataError
from ml_inference.forecasting.layout import HORIZONS, QUANTILE_LEVELS
from ml_inference.forecasting.lstm import LstmForecaster
from ml_inference.forecasting.scores import rows
from ml_inference.forecasting.windows import Windows, cut
from ml_inference.training.description import describe, scores_of
from ml_inference.training.export import MAX_DIFFERENCE, ParityError, export
from ml_inference.training.pipeline import Outcome, save, train
from ml_inference.training.sources import Source, generated, measured

pytestmark = pytest.mark.training

LINKS, BATCHES, SEED = 2000, 480, 7
# Half of what the shipped model gains on such links, which is shown ten times as much.
LEAST_SKILL = {1: 0.05, 5: 0.06}


@pytest.fixture(scope="module")
def source() -> Source:
    return generated(SEED, LINKS)


@pytest.fixture(scope="module")
def outcome(source: Source) -> Outcome:
    return train(source, LstmForecaster.zero_shot(SEED, BATCHES))


@pytest.fixture(scope="module")
def few() -> Source:
    """Enough to train on for a second."""
    return generated(SEED, 20)


def test_recipe_when_trained_briefly_then_beats_persistence(outcome: Outcome) -> None:
    for score in scores_of(outcome):
        if score["horizon"] in LEAST_SKILL:
            assert score["skill"] > LEAST_SKILL[score["horizon"]], score
        assert score["crps_gain"] > 0.05, score


def test_recipe_when_trained_briefly_then_intervals_are_honest(outcome: Outcome) -> None:
    scored = [row for row in rows(outcome.verdict.backtests) if row.model == outcome.forecaster.name]
    assert len(scored) == HORIZONS
    for row in scored:
        assert 0.7 < row.coverage_80 < 0.9, row


def test_recipe_when_only_the_future_changes_then_the_gate_finds_no_leak(outcome: Outcome) -> None:
    checks = {check.name: check for check in outcome.verdict.checks}
    assert checks["no leak on generated"].passed, checks
    assert checks["better than persistence"].passed, checks


def test_recipe_when_exported_then_graph_answers_as_keras_does(outcome: Outcome) -> None:
    assert outcome.export.difference <= MAX_DIFFERENCE


def test_export_when_the_graph_is_written_then_nothing_superfluous_is_in_it(outcome: Outcome) -> None:
    nodes = onnx.load_from_string(outcome.export.graph).graph.node
    kinds = {node.op_type for node in nodes}
    assert {"LSTM", "Clip", "Gemm"} <= kinds
    assert not {"Expand", "Shape", "ConstantOfShape"} & kinds
    (lstm,) = (node for node in nodes if node.op_type == "LSTM")
    assert [name for name in lstm.input[4:] if name] == []  # no length, no first state
    assert 0 < outcome.export.microseconds < 10_000


def test_export_when_the_graph_is_of_another_model_then_refuses(
    outcome: Outcome, few: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = outcome.forecaster.answer
    monkeypatch.setattr(outcome.forecaster, "answer", lambda inputs: said(inputs) + np.float32(2 * MAX_DIFFERENCE))
    with pytest.raises(ParityError, match="differs from Keras by 2"):
        export(outcome.forecaster, few.validation)


def test_recipe_when_saved_then_serving_accepts_the_bundle(outcome: Outcome, tmp_path: Path) -> None:
    manifest = save(outcome, tmp_path / "bundle", describe(outcome))
    bundle = load_bundle(tmp_path / "bundle")
    assert bundle.manifest.model_dump_json() == manifest.model_dump_json()
    assert manifest.gate.passed == outcome.verdict.passed
    assert manifest.baseline == outcome.best
    text = (tmp_path / "bundle" / "manifest.json").read_text()
    assert str(tmp_path) not in text
    assert str(Path.home()) not in text
    # What is served in the model's place is the baseline that was fitted.
    exam = cut(outcome.source.parts["test"])
    (raw,) = bundle.baseline.session.run(None, {"window": exam.inputs, "context": exam.context})
    assert np.abs(np.asarray(raw) - outcome.forecasts[outcome.best]).max() < 1e-5


def test_recipe_when_windows_are_scaled_in_packets_then_forecasts_stay(outcome: Outcome) -> None:
    windows = cut(outcome.source.parts["test"][:5])
    other = replace(windows, inputs=windows.inputs * np.array([3, 1, 1], np.float32))
    forecaster = outcome.forecaster
    assert forecaster.predict(other) == pytest.approx(forecaster.predict(windows), abs=1e-4)


def test_validation_when_it_changes_then_what_was_learnt_stays(few: Source) -> None:
    # One epoch leaves nothing to choose: whatever differed would have come from validation.
    wild = replace(few.validation, inputs=few.validation.inputs * np.float32(3))
    one, other = (LstmForecaster.zero_shot(SEED, 1) for _ in range(2))
    one.fit(few.train, few.validation)
    other.fit(few.train, wild)
    assert (one.predict(few.train) == other.predict(few.train)).all()


def test_adapted_when_fitted_to_a_link_then_begins_with_what_the_base_learnt(outcome: Outcome, few: Source) -> None:
    base = outcome.forecaster
    before = base.predict(few.validation)
    first = LstmForecaster.adapted(base, SEED, 1).recipes[:1]  # the others begin from nothing in any case
    adapted, alone = (LstmForecaster("lstm", first, start, one_link=True) for start in (base, None))
    for forecaster in (adapted, alone):
        forecaster.fit(few.train, few.validation)
        assert forecaster.link_step is not None
    assert (base.predict(few.validation) == before).all()  # the base itself is not touched
    known = few.validation.complete()

    def error(forecaster: LstmForecaster) -> float:
        away = (known.targets - forecaster.predict(known)[:, :, 0]) / known.step[:, None]
        return float(np.sqrt(np.mean(away**2)))

    assert error(adapted) < error(alone)


def test_forecast_when_windows_are_wild_then_is_finite_ordered_and_not_negative(outcome: Outcome) -> None:
    random = np.random.default_rng(1)
    windows: Windows = cut(outcome.source.parts["test"][:20])
    wild = replace(windows, inputs=windows.inputs * random.uniform(0, 10, windows.inputs.shape).astype(np.float32))
    forecast = outcome.forecaster.predict(wild)
    assert forecast.shape == (len(wild), HORIZONS, 1 + len(QUANTILE_LEVELS))
    assert np.isfinite(forecast).all()
    assert (forecast >= 0).all()
    assert (np.diff(forecast[:, :, 1:], axis=2) >= 0).all()


def test_forecaster_when_not_fitted_then_refuses(few: Source) -> None:
    with pytest.raises(RuntimeError, match="LSTM has to be fitted"):
        LstmForecaster.zero_shot(SEED).predict(few.validation)


def test_source_when_made_again_then_is_the_same_and_another_seed_is_not(few: Source) -> None:
    assert generated(SEED, 20).description == few.description
    assert generated(SEED + 1, 20).description["sha256"] != few.description["sha256"]
    names = [{trace.trace_id for trace in part} for part in few.parts.values()]
    assert not names[0] & names[1] | names[0] & names[2] | names[1] & names[2]  # no link is in two splits


def test_source_when_links_are_too_few_then_refuses() -> None:
    with pytest.raises(DataError, match="generate at least 10"):
        generated(SEED, 9)


def test_source_when_file_is_absent_then_refuses(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        measured(tmp_path / "none.parquet")
