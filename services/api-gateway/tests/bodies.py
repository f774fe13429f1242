"""Whatever clients may send: bodies from valid over slightly wrong to senseless."""

import json
from typing import Any

from hypothesis import strategies as st

from qos_contract import EXAMPLE_REQUEST, MAX_BATCH, BatchRequest, PredictRequest

numbers: st.SearchStrategy[Any] = st.one_of(
    st.floats(),
    st.integers(),
    st.sampled_from([0, -0.0, 5e-324, 1e10, 1e308, -1e308, 10**400, True, None, "65", "NaN", [], {}]),
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
sane = st.lists(st.floats(0, 1000), min_size=10, max_size=30)
fields = st.sampled_from([*PredictRequest.model_fields, "other"])
full_request: dict[str, Any] = {
    **EXAMPLE_REQUEST,
    "horizon": 1,
    "link_capacity_mbps": 100,
    "threshold_mbps": 70,
    "forecaster": "model",
    "path": False,
}


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """A valid request, or one with a field or sample replaced, a field left out, or lists that do not fit."""
    request = dict(full_request)
    mutation = draw(st.sampled_from(["none", "field", "left out", "sample", "lists", "history", "limits"]))
    if mutation == "field":
        request[draw(fields)] = draw(anything | numbers | st.lists(numbers, max_size=12))
    if mutation == "left out":
        request.pop(draw(fields), None)
    if mutation == "sample":
        name = draw(st.sampled_from(list(EXAMPLE_REQUEST)))
        index = draw(st.integers(0, 9))
        request[name] = [*request[name][:index], draw(numbers), *request[name][index + 1 :]]
    if mutation == "lists":
        request |= {name: draw(sane) for name in EXAMPLE_REQUEST}
    if mutation == "history":
        samples = draw(st.lists(st.tuples(*[st.floats(0, 1000)] * len(EXAMPLE_REQUEST)), min_size=10, max_size=30))
        request |= dict(zip(EXAMPLE_REQUEST, map(list, zip(*samples, strict=True)), strict=True))
    if mutation == "limits":
        request["link_capacity_mbps"] = draw(st.floats(0, 1e7, exclude_min=True))
        request["threshold_mbps"] = draw(st.floats(0, 1e9))
        request["horizon"] = draw(st.integers(1, 5))
        request["forecaster"] = draw(st.sampled_from(["model", "baseline"]))
        request["path"] = draw(st.booleans())
        request["packet_rate"] = draw(st.lists(st.floats(0, 1e10), min_size=10, max_size=10))
        request["bandwidth_util"] = draw(st.lists(st.floats(0, 1000), min_size=10, max_size=10))
        request["rtt_variance"] = draw(st.lists(st.none() | st.floats(0, 600_000), min_size=10, max_size=10))
    return request


@st.composite
def batches(draw: st.DrawFn) -> Any:
    """A batch whose links may be wrong, or one that is itself no batch."""
    links = draw(st.lists(requests() | requests() | st.just(full_request) | anything, min_size=1, max_size=5))
    batch: dict[str, Any] = {"requests": links}
    damage = draw(st.sampled_from(["none"] * 4 + ["large", "too large", "empty", "left out", "other", "replaced"]))
    if damage == "large":
        batch["requests"] = [links[0]] * draw(st.integers(6, 64))
    if damage == "too large":  # of what is short: what is judged is the number
        batch["requests"] = [None] * draw(st.integers(MAX_BATCH, MAX_BATCH + 2))
    if damage == "empty":
        batch["requests"] = []
    if damage == "left out":
        del batch["requests"]
    if damage == "other":
        batch[draw(st.text())] = draw(anything)
    if damage == "replaced":
        batch[draw(st.sampled_from([*BatchRequest.model_fields]))] = draw(anything | requests())
    return draw(st.sampled_from([batch, batch, batch, batch, links]))


@st.composite
def damaged(draw: st.DrawFn, sent: st.SearchStrategy[Any]) -> bytes:
    """What was sent, with some of its bytes replaced, left out or added."""
    raw = json.dumps(draw(sent)).encode()
    at = draw(st.integers(0, len(raw)))
    return raw[:at] + draw(st.binary(max_size=8)) + raw[at + draw(st.integers(0, 8)) :]


def as_json(sent: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """Write it as JSON: ASCII with escapes, or UTF-8; NaN and infinities by their names."""
    return st.builds(_write, sent, st.booleans())


def _write(sent: Any, ascii_only: bool) -> bytes:
    return json.dumps(sent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")


senseless = as_json(anything) | st.binary()
predict_bodies = as_json(requests()) | as_json(requests()) | as_json(requests()) | damaged(requests()) | senseless
batch_bodies = as_json(batches()) | as_json(batches()) | as_json(batches()) | damaged(batches()) | senseless
