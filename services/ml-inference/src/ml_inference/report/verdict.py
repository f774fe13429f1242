"""Whether an LSTM earned its place, said in sentences that follow from the figures alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from ml_inference.report.evaluation import MACRO, PERSISTENCE, ZERO_SHOT, Evaluation
from ml_inference.report.formats import listed, name_of, ratio, span, steps
from ml_inference.report.records import Pair

Outcome = Literal["better", "level", "worse", "unknown"]
Grade = Literal["earned", "partly", "not earned", "unknown"]

_OUTCOMES: Final[tuple[Outcome, ...]] = ("better", "level", "worse", "unknown")
_SUBJECTS: Final = {"lstm": "The fine-tuned LSTM", ZERO_SHOT: "The zero-shot LSTM"}
ANSWERS: Final[dict[Grade, str]] = {"earned": "Yes", "partly": "In part", "not earned": "No", "unknown": "Not known"}


@dataclass(frozen=True)
class Verdict:
    """On one LSTM."""

    model: str
    grade: Grade
    headline: str
    sentences: tuple[str, ...]


def is_lstm(model: str) -> bool:
    """Whether this is one of those on trial rather than a baseline."""
    return model == "lstm" or model.startswith("lstm-")


def verdicts(evaluation: Evaluation) -> list[Verdict]:
    """One per LSTM in the scores."""
    return [verdict_on(model, evaluation) for model in evaluation.models if is_lstm(model)]


def answer(found: list[Verdict]) -> str:
    """The question "did the LSTM earn its place?", answered by the LSTM that did best."""
    grades: list[Grade] = ["earned", "partly", "not earned", "unknown"]
    if not found:
        return "Not known: the evaluation holds no LSTM."
    best = min(found, key=lambda verdict: grades.index(verdict.grade))
    return " ".join([f"{ANSWERS[best.grade]}.", best.headline, *best.sentences[:1]])


def verdict_on(model: str, evaluation: Evaluation) -> Verdict:
    """Beside persistence by the interval of the skill, beside every other baseline by the paired ratio."""
    rivals = [name for name in evaluation.models if not is_lstm(name) and name != PERSISTENCE]
    outcomes = {rival: outcome_of(pairs(evaluation, model, rival)) for rival in rivals}
    first = _against_persistence(model, evaluation)
    grade = _grade(first, list(outcomes.values()))
    sentences = [
        _skill_sentence(model, evaluation),
        *[text for rival in rivals if (text := _pair_sentence(evaluation, model, rival, outcomes[rival]))],
        _unpaired_sentence([rival for rival in rivals if outcomes[rival] == "unknown"]),
        _sets_sentence(model, evaluation),
        "It has seen no sample of these links; ridge and LightGBM learnt from them." if model == ZERO_SHOT else "",
    ]
    return Verdict(model, grade, _headline(model, grade, first, outcomes), tuple(filter(None, sentences)))


def pairs(evaluation: Evaluation, model: str, other: str) -> list[Pair]:
    """The paired ratios where the verdict is taken: the mean over the horizons, else every horizon there is."""
    found = [
        pair if pair.model == model else _turned(pair)
        for pair in evaluation.details.paired
        if pair.set == evaluation.overall and {pair.model, pair.other} == {model, other} and pair.rmse_ratio
    ]
    return [pair for pair in found if pair.horizon is None][:1] or found


def outcome_of(found: list[Pair]) -> Outcome:
    """Better or worse only where the whole 95 % interval says so."""
    lows = [pair.rmse_ratio_low for pair in found if pair.rmse_ratio_low is not None]
    highs = [pair.rmse_ratio_high for pair in found if pair.rmse_ratio_high is not None]
    if not found or len(lows) < len(found) or len(highs) < len(found):
        return "unknown"
    if any(low > 1 for low in lows):
        return "worse"
    return "better" if all(high < 1 for high in highs) else "level"


def _turned(pair: Pair) -> Pair:
    low, high = pair.rmse_ratio_low, pair.rmse_ratio_high
    return Pair(
        set=pair.set,
        horizon=pair.horizon,
        model=pair.other,
        other=pair.model,
        rmse_ratio=1 / pair.rmse_ratio if pair.rmse_ratio else None,
        rmse_ratio_low=1 / high if high else None,
        rmse_ratio_high=1 / low if low else None,
    )


def _against_persistence(model: str, evaluation: Evaluation) -> Outcome:
    scores = [evaluation.score(evaluation.overall, model, horizon) for horizon in evaluation.ends]
    lows = [score.skill_low for score in scores if score and score.skill_low is not None]
    highs = [score.skill_high for score in scores if score and score.skill_high is not None]
    if any(high < 0 for high in highs):
        return "worse"
    if any(low <= 0 for low in lows):
        return "level"
    return "better" if scores and len(lows) == len(scores) else "unknown"


def _grade(persistence: Outcome, others: list[Outcome]) -> Grade:
    if persistence == "unknown":
        return "unknown"
    if persistence != "better":
        return "not earned"
    if "worse" in others or "level" in others:
        return "partly"
    return "unknown" if "unknown" in others else "earned"


def _headline(model: str, grade: Grade, persistence: Outcome, outcomes: dict[str, Outcome]) -> str:
    subject = _SUBJECTS.get(model, f"The model “{model}”")
    names = {outcome: [name_of(rival) for rival, is_ in outcomes.items() if is_ == outcome] for outcome in _OUTCOMES}
    if grade == "earned":
        return f"{subject} beats {'every baseline' if outcomes else 'persistence, the only baseline'} here."
    if grade == "partly":
        clauses = [f"loses to {listed(names['worse'])}"] if names["worse"] else []
        clauses += [f"does not beat {listed(names['level'])}: they are level"] if names["level"] else []
        won = listed([*names["better"], "persistence"])
        return f"{subject} beats {won}, but {' and '.join(clauses)}."
    if grade == "not earned":
        return f"{subject} {'is worse than' if persistence == 'worse' else 'does not beat'} persistence."
    if persistence == "better":
        return f"{subject} beats persistence; how it stands beside {listed(names['unknown'])} was not measured."
    return f"{subject} has too few traces behind it to tell whether it beats persistence."


def _skill_sentence(model: str, evaluation: Evaluation) -> str:
    scores = [evaluation.score(evaluation.overall, model, horizon) for horizon in evaluation.ends]
    parts = [
        f"{span(score.skill, score.skill_low, score.skill_high)} at {steps(score.horizon)}"
        for score in scores
        if score and score.skill is not None
    ]
    where = f"mean of {len(evaluation.together)} sets" if evaluation.overall == MACRO else evaluation.overall
    return f"Its error is smaller than persistence's by {listed(parts)} ahead ({where})." if parts else ""


def _pair_sentence(evaluation: Evaluation, model: str, rival: str, outcome: Outcome) -> str:
    if outcome == "unknown":
        return ""
    meaning = {
        "better": "it is better",
        "worse": "it is worse",
        "level": "the interval holds 1, so neither is surely better",
    }[outcome]
    parts = [
        ratio(pair.rmse_ratio, pair.rmse_ratio_low, pair.rmse_ratio_high)
        + ("" if pair.horizon is None else f" at {steps(pair.horizon)}")
        for pair in pairs(evaluation, model, rival)
    ]
    return f"Its error is {listed(parts)} times that of {name_of(rival)}: {meaning}."


def _unpaired_sentence(rivals: list[str]) -> str:
    return f"No paired interval beside {listed([name_of(rival) for rival in rivals])}." if rivals else ""


def _sets_sentence(model: str, evaluation: Evaluation) -> str:
    lost = [
        f"{place} ({steps(horizon)})"
        for place in evaluation.sets
        for horizon in evaluation.ends
        if (score := evaluation.score(place, model, horizon)) and score.skill is not None and score.skill <= 0
    ]
    if lost:
        return f"It is no better than persistence on {listed(lost)}."
    return f"It is better than persistence on each of the {len(evaluation.sets)} sets." if evaluation.sets[1:] else ""
