"""A bundle answers, or says in one sentence why it cannot be used."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from ml_inference.bundle import BundleError, fingerprint, load_bundle, window_of
from qos_contract import EXAMPLE_REQUEST, PredictRequest

GraphMaker = Callable[..., bytes]
BundleMaker = Callable[..., Path]


def refusal(folder: Path) -> str:
    with pytest.raises(BundleError) as caught:
        load_bundle(folder)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_bundle_when_written_then_loads_and_forecasts_a_batch(make_bundle: BundleMaker) -> None:
    bundle = load_bundle(make_bundle())
    windows = np.repeat(window_of(PredictRequest.model_validate(EXAMPLE_REQUEST)), 7, axis=0)
    forecast = bundle.forecast(windows)
    assert forecast.mean.shape == (7, 5)
    assert forecast.mean[0, 0] == pytest.approx(0.65)
    lower, upper = forecast.interval(0.8)
    assert (lower[6, 4], upper[6, 4]) == (pytest.approx(0.60), pytest.approx(0.70))


def test_forecast_when_the_network_goes_below_zero_then_is_zero(make_bundle: BundleMaker) -> None:
    forecast = load_bundle(make_bundle()).forecast(np.zeros((1, 10, 3), dtype=np.float32))
    assert forecast.quantiles.min() == 0


def test_bundle_when_replaced_then_is_the_new_one_and_nothing_is_left_over(make_bundle: BundleMaker) -> None:
    folder = make_bundle()
    before = fingerprint(folder)
    make_bundle(model_version="20250102-abcdef12")
    assert load_bundle(folder).manifest.model_version == "20250102-abcdef12"
    assert fingerprint(folder) != before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_window_when_more_samples_are_sent_then_holds_the_last_ten() -> None:
    longer = {name: [0, 0, *values] for name, values in EXAMPLE_REQUEST.items()}
    expected = window_of(PredictRequest.model_validate(EXAMPLE_REQUEST))
    assert np.array_equal(window_of(PredictRequest.model_validate(longer)), expected)
    assert expected.shape == (1, 10, 3)
    assert expected[0, 0].tolist() == [950, 45, 4]


def test_window_when_rtt_was_not_measured_then_holds_nan() -> None:
    request = PredictRequest.model_validate(EXAMPLE_REQUEST | {"rtt_variance": [None, *[1.0] * 9]})
    assert np.isnan(window_of(request)[0, :, 2]).tolist() == [True, *[False] * 9]
    request = PredictRequest.model_validate(EXAMPLE_REQUEST | {"rtt_variance": None})
    assert np.isnan(window_of(request)[0, :, 2]).all()


def test_bundle_when_folder_or_files_are_missing_then_says_which(make_bundle: BundleMaker, tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere") == "bundle folder nowhere does not exist"
    folder = make_bundle()
    (folder / "model.onnx").unlink()
    assert refusal(folder) == "model.onnx is missing"
    (folder / "manifest.json").unlink()
    assert refusal(folder) == "manifest.json is missing"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"schema_version": 2}, "schema_version"),
        ({"quantile_levels": [0.9, 0.5, 0.1]}, "quantile_levels must ascend"),
        ({"quantile_levels": [0.2, 0.5, 0.9]}, "quantile_levels must contain 0.1 and 0.9"),
        ({"features": ["bandwidth_util"]}, "features must be"),
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


def test_graph_when_one_bit_differs_then_sha256_refuses_it(make_bundle: BundleMaker) -> None:
    path = make_bundle() / "model.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert refusal(path.parent) == "model.onnx is not the file that manifest.json describes: sha256 differs"


def test_graph_when_no_graph_then_is_refused(make_bundle: BundleMaker) -> None:
    assert refusal(make_bundle(b"nonsense")) == "model.onnx is not a graph that ONNX Runtime can run"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"source": "x"}, 'has the input "x", not "window"'),
        ({"features": 4}, "has an input"),
        ({"horizons": 4}, "has an output"),
        ({"batch": 1}, "has an input"),
    ],
)
def test_graph_when_of_another_shape_then_is_refused(
    make_bundle: BundleMaker, make_graph: GraphMaker, options: dict[str, object], expected: str
) -> None:
    assert expected in refusal(make_bundle(make_graph(**options)))


def test_graph_when_its_known_answer_differs_then_both_numbers_are_named(
    make_bundle: BundleMaker, make_graph: GraphMaker
) -> None:
    message = refusal(make_bundle(make_graph(scale=0.011)))
    assert "71.5000 Mbps" in message
    assert "65.0000" in message


def test_graph_when_it_overflows_at_the_limits_then_is_refused(
    make_bundle: BundleMaker, make_graph: GraphMaker
) -> None:
    known = {"request": EXAMPLE_REQUEST | {"bandwidth_util": [0] * 10}, "predicted_bandwidth": 0.0, "tolerance": 0.01}
    message = refusal(make_bundle(make_graph(scale=1e38), known_answer=known))
    assert "NaN or infinity" in message


def test_description_when_of_a_wrong_version_then_cannot_be_written(make_bundle: BundleMaker) -> None:
    with pytest.raises(ValidationError):
        make_bundle(model_version="v1")
