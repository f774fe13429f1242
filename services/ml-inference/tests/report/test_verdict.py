from typing import Any

import pytest

from ml_inference.report.evaluation import Evaluation, read
from ml_inference.report.verdict import Verdict, answer, verdict_on, verdicts


def evaluation_of(files: Any) -> Evaluation:
    files.write()
    return read(files.evaluation_file, files.details_file)


def verdict_of(files: Any, model: str = "lstm") -> Verdict:
    return verdict_on(model, evaluation_of(files))


def skills(files: Any, low: float | None, high: float | None) -> None:
    for score in files.scores:
        if score["set"] == "macro" and score["model"] == "lstm":
            score.update(skill_low=low, skill_high=high)


def test_verdict_when_every_baseline_is_beaten_then_says_so(files: Any) -> None:
    verdict = verdict_of(files)
    assert (verdict.grade, verdict.headline) == ("earned", "The fine-tuned LSTM beats every baseline here.")
    assert verdict.sentences[0] == (
        "Its error is smaller than persistence's by 8.8 % [7.8, 9.8] at 1 step and 11.8 % [10.8, 12.8] at 5 steps "
        "ahead (mean of 2 sets)."
    )
    assert "Its error is 0.970 [0.960, 0.980] times that of LightGBM: it is better." in verdict.sentences
    assert answer(verdicts(evaluation_of(files))).startswith("Yes. ")


def test_verdict_when_lightgbm_is_level_then_does_not_claim_to_beat_it(files: Any) -> None:
    files.pair("lstm", "lightgbm", 0.989, 1.001)
    verdict = verdict_of(files)
    assert verdict.grade == "partly"
    assert verdict.headline.endswith("beats ridge and persistence, but does not beat LightGBM: they are level.")


def test_verdict_when_lightgbm_is_better_then_says_that_it_loses(files: Any) -> None:
    files.pair("lstm", "lightgbm", 1.01, 1.03)
    verdict = verdict_of(files)
    assert verdict.grade == "partly"
    assert "loses to LightGBM" in verdict.headline
    assert any("times that of LightGBM: it is worse" in sentence for sentence in verdict.sentences)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(-0.01, 0.02, "does not beat persistence"), (-0.03, -0.01, "is worse than persistence")],
)
def test_verdict_when_persistence_is_not_beaten_then_it_did_not_earn_its_place(
    files: Any, low: float, high: float, words: str
) -> None:
    skills(files, low, high)
    verdict = verdict_of(files)
    assert verdict.grade == "not earned"
    assert words in verdict.headline
    assert answer([verdict]).startswith("No. ")


def test_verdict_when_there_is_no_interval_then_nothing_is_claimed(files: Any) -> None:
    skills(files, None, None)
    verdict = verdict_of(files)
    assert verdict.grade == "unknown"
    assert "too few traces" in verdict.headline
    assert "8.8 % at 1 step" in verdict.sentences[0]


def test_verdict_when_a_rival_was_not_paired_then_says_what_is_missing(files: Any) -> None:
    files.details["paired"] = []
    verdict = verdict_of(files)
    assert verdict.grade == "unknown"
    assert "how it stands beside LightGBM and ridge was not measured" in verdict.headline
    assert "No paired interval beside LightGBM and ridge." in verdict.sentences


def test_verdict_when_the_pair_is_written_the_other_way_round_then_is_the_same(files: Any) -> None:
    files.details["paired"] = [one for one in files.details["paired"] if one["other"] != "lightgbm"]
    files.pair("lightgbm", "lstm", 1.01, 1.03)
    verdict = verdict_of(files)
    assert verdict.grade == "earned"
    assert any("0.980 [0.971, 0.990] times that of LightGBM" in sentence for sentence in verdict.sentences)


def test_verdict_when_one_horizon_loses_then_does_not_win(files: Any) -> None:
    files.details["paired"] = [
        {"set": "macro", "horizon": horizon, "model": "lstm", "other": "lightgbm", "rmse_ratio": ratio,
         "rmse_ratio_low": ratio - 0.01, "rmse_ratio_high": ratio + 0.01}
        for horizon, ratio in ((1, 0.95), (5, 1.05))
    ]  # fmt: skip
    assert "loses to LightGBM" in verdict_of(files).headline


def test_verdict_when_a_set_is_lost_then_names_it(files: Any) -> None:
    for score in files.scores:
        if (score["set"], score["model"], score["horizon"]) == ("tower", "lstm", 1):
            score["skill"] = -0.02
    assert "It is no better than persistence on tower (1 step)." in verdict_of(files).sentences


def test_verdict_when_zero_shot_then_says_what_the_others_had(files: Any) -> None:
    assert "It has seen no sample of these links" in verdict_of(files, "lstm-zero-shot").sentences[-1]


def test_answer_when_there_is_no_lstm_then_says_so(files: Any) -> None:
    files.scores = []
    assert answer(verdicts(evaluation_of(files))) == "Not known: the evaluation holds no LSTM."
