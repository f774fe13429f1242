"""A bundle answers, or says in one sentence why it cannot be used."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ml_inference.bundle import (
    Bundle,
    BundleError,
    Gate,
    Graph,
    Inputs,
    Manifest,
    fingerprint,
    inputs_of,
    load_bundle,
    put_in_place,
)
from ml_inference.bundle.__main__ import main
from ml_inference.history import CONTEXT, context_of
from qos_contract import EXAMPLE_REQUEST, PredictRequest

GraphMaker = Callable[..., bytes]
BundleMaker = Callable[..., Path]
GRAPHS = ("model.onnx", "baseline.onnx")
ARGUMENT = {"model.onnx": "graph", "baseline.onnx": "fallback"}
"""of make_bundle"""


def refusal(folder: Path) -> str:
    with pytest.raises(BundleError) as caught:
        load_bundle(folder)
    message = str(caught.value)
    assert "\n" not in message
    return message


def question(samples: int = 10, **changes: object) -> PredictRequest:
    """The documented request; with more samples, its beginning comes several times."""
    longer = {name: (values * -(-samples // len(values)))[-samples:] for name, values in EXAMPLE_REQUEST.items()}
    return PredictRequest.model_validate(longer | changes)


def first(graph: Graph, request: PredictRequest) -> float:
    """Mean one step ahead, a fraction of capacity."""
    return float(graph.forecast(inputs_of(request)).mean[0, 0])


def test_bundle_when_written_then_loads_and_forecasts_a_batch(make_bundle: BundleMaker) -> None:
    bundle = load_bundle(make_bundle())
    asked = inputs_of(question())
    forecast = bundle.model.forecast(Inputs(np.repeat(asked.window, 7, axis=0), np.repeat(asked.context, 7, axis=0)))
    assert forecast.mean.shape == (7, 5)
    assert forecast.mean[0, 0] == pytest.approx(0.65)
    assert forecast.at(6, 4).interval(0.8) == (pytest.approx(0.60), pytest.approx(0.70))


def test_forecast_when_the_network_goes_below_zero_then_is_zero(make_bundle: BundleMaker) -> None:
    idle = Inputs(np.zeros((1, 10, 3), dtype=np.float32), np.zeros((1, len(CONTEXT)), dtype=np.float32))
    assert load_bundle(make_bundle()).model.forecast(idle).quantiles.min() == 0


def test_forecast_when_the_graph_reads_the_context_then_the_whole_history_counts(
    make_bundle: BundleMaker, make_graph: GraphMaker
) -> None:
    known = {"request": EXAMPLE_REQUEST, "predicted_bandwidth": 65 + 56.6 / 2, "tolerance": 0.01}
    bundle = load_bundle(make_bundle(make_graph(share_of_level=0.5), known_answer=known))
    request = question(40, bandwidth_util=[0] * 30 + EXAMPLE_REQUEST["bandwidth_util"])
    assert first(bundle.model, request) == pytest.approx(0.65 + 0.566 / 4 / 2)


def test_bundle_when_the_gate_passed_it_then_the_model_answers(make_bundle: BundleMaker) -> None:
    bundle = load_bundle(make_bundle())
    assert bundle.graph_for(10) is bundle.model
    assert bundle.model.version == bundle.version == "20250101-abcdef12"
    assert first(bundle.graph_for(10), question()) == pytest.approx(0.65)


def test_bundle_when_the_gate_refused_it_then_the_baseline_answers_and_says_so(make_bundle: BundleMaker) -> None:
    known = {"request": EXAMPLE_REQUEST, "predicted_bandwidth": 75.0, "tolerance": 0.01}
    refused = {"passed": False, "reasons": ["it is no better than ridge"]}
    bundle = load_bundle(make_bundle(gate=refused, known_answer=known))
    for samples in (10, 20, 512):
        assert bundle.graph_for(samples) is bundle.baseline
        assert first(bundle.graph_for(samples), question(samples)) == pytest.approx(0.75)
    assert bundle.baseline.version == bundle.version == "moving-average-20250101-abcdef12"
    # The model stays at hand for those who judge it.
    assert first(bundle.model, question()) == pytest.approx(0.65)


def test_bundle_when_the_history_is_short_then_the_baseline_answers(make_bundle: BundleMaker) -> None:
    known = {"request": EXAMPLE_REQUEST, "predicted_bandwidth": 75.0, "tolerance": 0.01}
    bundle = load_bundle(make_bundle(history_samples=20, known_answer=known))
    assert bundle.version == "moving-average-20250101-abcdef12"
    for samples, expected, version in (
        (10, 0.75, "moving-average-20250101-abcdef12"),
        (19, 0.75, "moving-average-20250101-abcdef12"),
        (20, 0.65, "20250101-abcdef12"),
        (512, 0.65, "20250101-abcdef12"),
    ):
        assert bundle.graph_for(samples).version == version
        assert first(bundle.graph_for(samples), question(samples)) == pytest.approx(expected)


def test_bundle_when_names_are_long_then_the_version_fits_an_answer(make_bundle: BundleMaker) -> None:
    long = {"baseline": "b" * 40, "model_version": "20250101-" + "0" * 40}
    version = load_bundle(make_bundle(**long)).baseline.version
    assert version.startswith("b" * 40 + "-20250101-")
    assert len(version) == 64


def test_bundle_when_replaced_then_is_the_new_one_and_nothing_is_left_over(make_bundle: BundleMaker) -> None:
    folder = make_bundle()
    before = fingerprint(folder)
    make_bundle(model_version="20250102-abcdef12")
    assert load_bundle(folder).manifest.model_version == "20250102-abcdef12"
    assert fingerprint(folder) != before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_inputs_when_more_samples_are_sent_then_the_window_holds_the_last_ten_and_the_context_all() -> None:
    longer = {name: [0, 0, *values] for name, values in EXAMPLE_REQUEST.items()}
    short, long = inputs_of(question()), inputs_of(PredictRequest.model_validate(longer))
    assert np.array_equal(long.window, short.window)
    assert short.window.shape == (1, 10, 3)
    assert short.window[0, 0].tolist() == [950, 45, 4]
    share = np.array(longer["bandwidth_util"]) / 100
    assert np.array_equal(long.context, context_of(share, 11))
    assert np.array_equal(short.context, context_of(share[2:], 9))
    assert (short.context[0, -1], long.context[0, -1]) == (10, 12)


def test_inputs_when_rtt_was_not_measured_then_holds_nan() -> None:
    request = PredictRequest.model_validate(EXAMPLE_REQUEST | {"rtt_variance": [None, *[1.0] * 9]})
    assert np.isnan(inputs_of(request).window[0, :, 2]).tolist() == [True, *[False] * 9]
    request = PredictRequest.model_validate(EXAMPLE_REQUEST | {"rtt_variance": None})
    assert np.isnan(inputs_of(request).window[0, :, 2]).all()


def test_bundle_when_folder_or_files_are_missing_then_says_which(make_bundle: BundleMaker, tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere") == "bundle folder nowhere does not exist"
    folder = make_bundle()
    for name in ("baseline.onnx", "model.onnx"):
        (folder / name).unlink()
        assert refusal(folder) == f"{name} is missing"
    (folder / "manifest.json").unlink()
    assert refusal(folder) == "manifest.json is missing"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"schema_version": 1}, "schema_version"),
        ({"schema_version": 3}, "schema_version"),
        ({"schema_version": "2"}, "schema_version"),
        ({"quantile_levels": [0.9, 0.5, 0.1]}, "quantile_levels must ascend"),
        ({"quantile_levels": [0.2, 0.5, 0.9]}, "quantile_levels must contain 0.1 and 0.9"),
        ({"features": ["bandwidth_util"]}, "features must be"),
        ({"context": ["level", *CONTEXT[1:]]}, "context must be"),
        ({"context": []}, "context must be"),
        ({"history_samples": 9}, "history_samples"),
        ({"history_samples": 513}, "history_samples"),
        ({"gate": {"passed": True, "reasons": ["it sees the future"]}}, "only then"),
        ({"gate": {"passed": False}}, "reasons must be given"),
        ({"gate": {}}, "gate.passed"),
        ({"baseline": "Ridge 2"}, "baseline"),
        ({"baseline_graph": {"file": "../ridge.onnx", "sha256": "0" * 64}}, "baseline_graph.file"),
        ({"horizons": [1]}, "horizons must be 1 to 5"),
        ({"model_version": "latest"}, "model_version"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_manifest_when_a_field_does_not_fit_then_names_it(
    make_bundle: BundleMaker, change: dict[str, object], expected: str
) -> None:
    path = make_bundle() / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    message = refusal(path.parent)
    assert message.startswith("manifest.json does not fit")
    assert expected in message


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"null"])
def test_manifest_when_garbled_then_is_refused(make_bundle: BundleMaker, content: bytes) -> None:
    folder = make_bundle()
    (folder / "manifest.json").write_bytes(content)
    assert refusal(folder).startswith("manifest.json does not fit")


@pytest.mark.parametrize("name", GRAPHS)
def test_graph_when_one_bit_differs_then_sha256_refuses_it(make_bundle: BundleMaker, name: str) -> None:
    path = make_bundle() / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert refusal(path.parent) == f"{name} is not the file that manifest.json describes: sha256 differs"


@pytest.mark.parametrize("name", ["manifest.json", *GRAPHS])
def test_fingerprint_when_any_file_changes_or_goes_then_differs(make_bundle: BundleMaker, name: str) -> None:
    path = make_bundle() / name
    whole = fingerprint(path.parent)
    path.write_bytes(path.read_bytes() + b" ")
    changed = fingerprint(path.parent)
    path.unlink()
    assert len({whole, changed, fingerprint(path.parent)}) == 3


@pytest.mark.parametrize("name", GRAPHS)
def test_graph_when_no_graph_then_is_refused(make_bundle: BundleMaker, name: str) -> None:
    folder = make_bundle(**{ARGUMENT[name]: b"nonsense"})
    assert refusal(folder) == f"{name} is not a graph that ONNX Runtime can run"


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"window": "x"}, "has the inputs x, context and 1 outputs, not window, context and one"),
        ({"context": "past"}, "has the inputs window, past and"),
        ({"context": None}, "has the inputs window and"),
        ({"features": 4}, "has as window"),
        ({"columns": 7}, "has as context"),
        ({"horizons": 4}, "has as output"),
        ({"batch": 1}, "has as window"),
    ],
)
def test_graph_when_of_another_shape_then_is_refused(
    make_bundle: BundleMaker, make_graph: GraphMaker, name: str, options: dict[str, object], expected: str
) -> None:
    message = refusal(make_bundle(**{ARGUMENT[name]: make_graph(**options)}))
    assert message.startswith(f"{name} {expected}")


def test_graph_when_its_known_answer_differs_then_both_numbers_are_named(
    make_bundle: BundleMaker, make_graph: GraphMaker
) -> None:
    message = refusal(make_bundle(make_graph(scale=0.011)))
    assert message.startswith("model.onnx answers 71.5000 Mbps")
    assert "65.0000" in message


def test_baseline_when_it_answers_and_the_known_answer_differs_then_is_named(make_bundle: BundleMaker) -> None:
    message = refusal(make_bundle(gate=Gate(passed=False, reasons=("no better",))))
    assert message.startswith("baseline.onnx answers 75.0000 Mbps")


@pytest.mark.parametrize("name", GRAPHS)
def test_graph_when_it_overflows_at_the_limits_then_is_refused(
    make_bundle: BundleMaker, make_graph: GraphMaker, name: str
) -> None:
    known = {"request": EXAMPLE_REQUEST | {"bandwidth_util": [0] * 10}, "predicted_bandwidth": 0.0, "tolerance": 0.01}
    message = refusal(make_bundle(**{ARGUMENT[name]: make_graph(scale=1e38)}, known_answer=known))
    assert message == f"{name} answers with NaN or infinity at the contract's limits"


def test_graph_when_it_answers_nan_then_is_refused(make_bundle: BundleMaker, make_graph: GraphMaker) -> None:
    broken = make_graph(scale=float("nan"))
    assert refusal(make_bundle(broken)).startswith("model.onnx answers nan Mbps to the known question")
    expected = "baseline.onnx answers with NaN or infinity at the contract's limits"
    assert refusal(make_bundle(fallback=broken)) == expected
    # Also where no one would ask it: a model that never answers is kept for those who judge it.
    known = {"request": EXAMPLE_REQUEST, "predicted_bandwidth": 75.0, "tolerance": 0.01}
    refused = {"passed": False, "reasons": ["it answers nothing"]}
    assert refusal(make_bundle(broken, gate=refused, known_answer=known)) == expected.replace("baseline", "model")


@given(samples=st.integers(10, 512), needed=st.integers(10, 512), passed=st.booleans())
def test_graph_for_when_anything_is_known_then_the_model_answers_only_if_it_may(
    samples: int, needed: int, passed: bool
) -> None:
    gate = Gate(passed=passed, reasons=() if passed else ("no better",))
    manifest = SimpleNamespace(gate=gate, history_samples=needed)
    model, baseline = object(), object()
    bundle = Bundle(cast(Manifest, manifest), cast(Graph, model), cast(Graph, baseline))
    assert bundle.graph_for(samples) is (model if passed and samples >= needed else baseline)


FILES = {"manifest.json": b"new", "model.onnx": b"newer", "baseline.onnx": b"newest"}


def content(folder: Path) -> dict[str, bytes] | None:
    """What a reader finds at this moment; none where there is no folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else None


def test_put_in_place_when_watched_then_no_reader_meets_files_of_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, seen = tmp_path / "deep" / "bundle", []
    put_in_place(folder, {"manifest.json": b"old", "plot.svg": b"older"})
    old = content(folder)

    def spy(what: Callable[..., Any]) -> Callable[..., Any]:
        """Look before and after."""

        def looking(*arguments: Any) -> Any:
            seen.append(content(folder))
            answer = what(*arguments)
            seen.append(content(folder))
            return answer

        return looking

    monkeypatch.setattr(os, "fsync", spy(os.fsync))
    monkeypatch.setattr(Path, "rename", spy(Path.rename))
    put_in_place(folder, FILES)
    assert content(folder) == FILES
    assert len(seen) == 2 * (len(FILES) + 2)  # every file is on disk before a name moves
    assert all(found in (old, None, FILES) for found in seen)
    assert seen[: 2 * len(FILES) + 1] == [old] * (2 * len(FILES) + 1)
    assert seen[-1] == FILES
    assert folder.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in folder.parent.iterdir()] == ["bundle"]


@pytest.mark.parametrize("written", range(len(FILES)))
def test_put_in_place_when_the_disk_is_full_then_the_old_bundle_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    folder, calls = tmp_path / "bundle", iter(range(10))
    put_in_place(folder, {"manifest.json": b"old"})

    def full(_: int) -> None:
        if next(calls) == written:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        put_in_place(folder, FILES)
    assert content(folder) == {"manifest.json": b"old"}
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_put_in_place_when_the_new_bundle_cannot_take_its_name_then_the_old_one_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, rename = tmp_path / "bundle", Path.rename
    put_in_place(folder, {"manifest.json": b"old"})

    def refused(path: Path, target: Path) -> Path:
        if path.name == "fresh":
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(OSError, match="Input/output error"):
        put_in_place(folder, FILES)
    assert content(folder) == {"manifest.json": b"old"}
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_command_when_asked_then_says_whether_a_bundle_can_be_served(
    make_bundle: BundleMaker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_bundle()
    monkeypatch.setattr(sys, "argv", ["bundle", str(folder)])
    assert main() == 0
    assert capsys.readouterr().out == f"{folder} can be served: 20250101-abcdef12 answers\n"
    (folder / "baseline.onnx").unlink()
    assert main() == 1
    assert capsys.readouterr().err == f"{folder} cannot be served: baseline.onnx is missing\n"


def test_description_when_of_a_wrong_version_then_cannot_be_written(make_bundle: BundleMaker) -> None:
    with pytest.raises(ValidationError):
        make_bundle(model_version="v1")


@pytest.mark.parametrize(("given", "writes"), [({}, False), ({"ORT_DISABLE_TELEMETRY": "0"}, True)])
def test_bundle_when_loaded_then_onnx_runtime_reports_nothing_unless_told_to(
    make_bundle: BundleMaker, tmp_path: Path, given: dict[str, str], writes: bool
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    path = os.pathsep.join(sys.path)
    environment = {"HOME": str(home), "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **given}
    subprocess.run([sys.executable, "-m", "ml_inference.bundle", make_bundle()], env=environment, check=True)
    # Its reports begin with an id that it keeps in the home; the second case shows that this test would see it.
    assert any(home.rglob("deviceid")) == writes
