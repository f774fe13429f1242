"""The gate a model passes before it is released: it is honest, it beats what costs nothing, it loses nowhere."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ml_inference.forecasting.backtest import Backtest, Measure, backtest
from ml_inference.forecasting.baselines import MovingAverage, Persistence, Ridge
from ml_inference.forecasting.bootstrap import LEAST_TRACES
from ml_inference.forecasting.comparison import Pair, compare, overall
from ml_inference.forecasting.data import Trace
from ml_inference.forecasting.forecaster import Forecaster
from ml_inference.forecasting.layout import HORIZONS, QUANTILE_LEVELS, Single
from ml_inference.forecasting.leaks import sees_the_future
from ml_inference.forecasting.segments import ALL, SEGMENTS
from ml_inference.forecasting.windows import cut

BEATEN: Final = (Persistence.name, MovingAverage.name, Ridge.name)
"""Baselines whose RMSE the candidate's must lie below, and the whole 95 % interval of their ratio with it."""

PROMISED: Final = 0.8
COVERAGE_TOLERANCE: Final = 0.1
"""The 80 % interval has to hold 70 … 90 % of the values, of every set at every horizon. Honest models here stay within
3 points; a link unlike all of training may cost more, and at 10 the interval is another one than users are promised."""

SEGMENT_TRACES: Final = 4
"""Fewest traces with rows of a segment for it to be judged in a set: of three, one draw in nine is a single trace's."""

CROSSING: Final = 1e-6
"""Quantiles may cross by this fraction of capacity through rounding."""


@dataclass(frozen=True, eq=False)
class Exam:
    """One set: segments of one split, and what the rivals forecast at every origin of `cut(traces)`."""

    set: str
    split: str
    traces: Sequence[Trace]
    rivals: Mapping[str, Single]
    """by name: the baselines in BEATEN, fitted on the set's train split, and the champion if there is one"""


@dataclass(frozen=True)
class Check:
    """One question put to the candidate, and a sentence with the figures."""

    name: str
    passed: bool
    sentence: str


@dataclass(frozen=True, eq=False)
class Verdict:
    """Whether the candidate may be released, and why not."""

    checks: tuple[Check, ...]
    backtests: tuple[Backtest, ...]
    """what was scored, the candidate under its own name; empty if its forecasts were not fit to be scored"""

    @property
    def passed(self) -> bool:
        """Every check passed."""
        return all(check.passed for check in self.checks)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the candidate is refused; empty if it is not."""
        return tuple(check.sentence for check in self.checks if not check.passed)


def judge(candidate: Forecaster, exams: Sequence[Exam], champion: str | None = None, seed: int = 0) -> Verdict:
    """Let the candidate forecast every exam's traces, by the road `forecast`, and put all questions to it.

    `champion` is the name by which the rivals hold the model that is served now; without it segments are not judged.
    Raises ValueError if a rival that is needed is missing, or one has the candidate's name.
    """
    needed = {*BEATEN, *([champion] if champion else [])}
    for exam in exams:
        if not needed <= set(exam.rivals) or candidate.name in exam.rivals:
            raise ValueError(f"{exam.set}: the rivals must be {', '.join(sorted(needed))}, none named {candidate.name}")
    forecasts = [candidate.forecast(exam.traces) for exam in exams]
    sound = [_sound(exam, forecast) for exam, forecast in zip(exams, forecasts, strict=True)]
    if not all(check.passed for check in sound):
        return Verdict(tuple(sound), ())
    checks = [*sound, *(_blind(candidate, exam, seed) for exam in exams)]
    backtests = tuple(
        backtest(exam.set, exam.split, cut(exam.traces), {candidate.name: forecast, **exam.rivals})
        for exam, forecast in zip(exams, forecasts, strict=True)
    )
    checks += [_better(backtests, candidate.name, baseline, seed) for baseline in BEATEN]
    if champion:
        checks += _nowhere_worse(backtests, candidate.name, champion, seed)
    checks += [_covering(each, candidate.name) for each in backtests]
    return Verdict(tuple(checks), backtests)


def _sound(exam: Exam, forecast: Single) -> Check:
    """Of the right shape, finite, and with quantiles in order."""
    expected = (len(cut(exam.traces)), HORIZONS, 1 + len(QUANTILE_LEVELS))
    name = f"sound on {exam.set}"
    if forecast.shape != expected:
        return Check(name, False, f"{exam.set}: the forecasts are {forecast.shape}, the traces need {expected}")
    if not np.isfinite(forecast).all():
        wrong = int((~np.isfinite(forecast).all(axis=(1, 2))).sum())
        return Check(name, False, f"{exam.set}: {wrong} of {len(forecast)} forecasts are not finite")
    crossing = -np.diff(forecast[:, :, 1:], axis=2)  # [rows, HORIZONS, quantiles - 1]
    wrong = int((crossing > CROSSING).any(axis=(1, 2)).sum())
    if wrong:
        deepest = float(crossing.max())
        return Check(
            name, False, f"{exam.set}: quantiles of {wrong} forecasts cross, by up to {deepest:.2g} of capacity"
        )
    return Check(name, True, f"{exam.set}: {len(forecast)} forecasts are finite and their quantiles in order")


def _blind(candidate: Forecaster, exam: Exam, seed: int) -> Check:
    """Blind to the future."""
    leak = sees_the_future(candidate, exam.traces, seed)
    sentence = f"{exam.set}: forecasts stay when only the future changes"
    return Check(
        f"no leak on {exam.set}", leak is None, f"{exam.set}: it sees the future: {leak}" if leak else sentence
    )


def _better(backtests: Sequence[Backtest], candidate: str, baseline: str, seed: int) -> Check:
    """Better than a baseline beyond doubt."""
    name = f"better than {baseline}"
    single = [each.set for each in backtests if each.traces(ALL) < LEAST_TRACES]
    if single:
        advice = f"bring at least {LEAST_TRACES} traces of each, more is better"
        return Check(name, False, f"{', '.join(single)}: one trace gives no interval against {baseline}; {advice}")
    pair = overall(compare(backtests, candidate, baseline, seed=seed))
    if pair is None or not math.isfinite(pair.rmse_ratio_high):
        return Check(name, False, f"nothing can be told against {baseline}: there are no rows to score at some horizon")
    passed = pair.rmse_ratio_high < 1
    demand = "" if passed else "; the whole interval has to lie below 1"
    return Check(name, passed, f"{_ratio(pair)} {baseline}'s{demand}")


def _nowhere_worse(backtests: Sequence[Backtest], candidate: str, champion: str, seed: int) -> Iterator[Check]:
    """Not worse than the champion, beyond doubt, on any segment that can be judged."""
    for segment in SEGMENTS:
        judged = [each for each in backtests if each.traces(segment) >= SEGMENT_TRACES]
        pair = overall(compare(judged, candidate, champion, segment, seed))
        if pair is None:
            continue  # too few rows or traces everywhere
        passed = not pair.rmse_ratio_low > 1
        demand = "" if passed else "; it is worse there beyond doubt"
        yield Check(f"no worse when {segment}", passed, f"{segment} windows: {_ratio(pair)} {champion}'s{demand}")


def _covering(each: Backtest, candidate: str) -> Check:
    """The 80 % interval holds about what it promises, at every horizon that has rows."""
    total = each.sums[ALL][candidate].sum(axis=0)  # [HORIZONS, measures + quantiles]
    scored = np.flatnonzero(total[:, Measure.ROWS])
    covered = total[scored, Measure.INSIDE_80] / total[scored, Measure.ROWS]  # [horizons with rows]
    worst = int(np.abs(covered - PROMISED).argmax())
    off = abs(float(covered[worst]) - PROMISED)
    passed = off <= COVERAGE_TOLERANCE
    demand = "" if passed else f"; more than {100 * COVERAGE_TOLERANCE:.0f} points off"
    sentence = f"{each.set}: the 80 % interval holds {covered[worst]:.1%} at horizon {scored[worst] + 1}{demand}"
    return Check(f"coverage on {each.set}", passed, sentence)


def _ratio(pair: Pair) -> str:
    value, low, high = pair.rmse_ratio, pair.rmse_ratio_low, pair.rmse_ratio_high
    return f"RMSE ({pair.set}, mean of the horizons) is {value:.3f} [{low:.3f}, {high:.3f}] of"
