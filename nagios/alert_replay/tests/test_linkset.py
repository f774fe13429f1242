"""What is replayed of a file, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from alert_replay.linkset import read
from ml_inference.forecasting.data import DataError

from .conftest import Write, swinging


def test_set_when_it_has_splits_then_the_threshold_is_the_percentile_of_train(write: Write) -> None:
    past = swinging(300, seed=5)
    path = write("set.parquet", {"train": [past], "val": [[100.0] * 60], "test": [swinging(200)]})
    links = read(path, "set", "test", None)
    assert links.threshold == np.percentile(past, 85)
    assert len(links.series) == 200
    assert "split train" in links.threshold_is
    assert read(path, "set", "test", 55.0).threshold == 55.0


def test_set_when_it_has_none_then_is_dealt_out_as_training_does(write: Write) -> None:
    links = read(write("one.csv", {None: [swinging(1000)]}), "one", "test", None)
    assert (len(links.series), sum(map(len, links.past))) == (150, 700)


def test_set_when_splits_have_other_names_then_is_replayed_by_name(write: Write) -> None:
    path = write("set.parquet", {"train": [swinging(300)], "may": [swinging(200, seed=4)]})
    assert len(read(path, "set", "may", None).series) == 200
    only = write("only.parquet", {"may": [swinging(200, seed=4)]})
    assert len(read(only, "only", "may", 60.0).past) == 0


@pytest.mark.parametrize(
    ("splits", "split", "threshold", "reason"),
    [
        ({"test": [swinging(100)]}, "test", None, "there is no split train.*THRESHOLD="),
        ({"val": [swinging(100)]}, "test", None, "no row has the split test; name one of val"),
        ({None: [swinging(1000)]}, "may", None, "SPLIT can be train, val, test only"),
        ({None: [[1.0] * 2]}, "test", None, "x.csv: no rows are left"),
        ({"train": [swinging(50)], "test": [[10.0] * 14]}, "test", None, "no segment of the split test has 15 rows"),
        ({"train": [[40.0] * 50], "test": [[40.0] * 50]}, "test", None, "no link .* is ever under the threshold, 40 %"),
        ({"train": [swinging(50)], "test": [[1.0] * 50]}, "test", None, "no link of .* passes the threshold"),
        ({"test": [[1.0] * 50]}, "test", 90.0, r"passes the threshold, 90 % of capacity \(given\).*THRESHOLD="),
    ],
)  # fmt: skip
def test_set_when_nothing_of_it_can_be_scored_then_says_why_in_a_sentence(
    write: Write, splits: dict[str | None, list[list[float]]], split: str, threshold: float | None, reason: str
) -> None:
    with pytest.raises(DataError, match=reason) as refused:
        read(write("x.csv", splits), "x", split, threshold)
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("x.csv: ")
