"""When a link's alarms go by the baseline in the model's place, and what the model has to do to be trusted again.

The model loses its trust with the first forecast after which `verdict.judge` has a reason. From then on it goes on
forecasting as a shadow (check_qos_forecast asks for both and stores both), and is judged by its newest 60 forecasts
only: what it did long ago is known, and must not keep it out. When 60 in a row have come due after none of which there
was a reason, or a burn rate of 1 and more, it is trusted again, and starts with the budget of those 60.

So a model that has stopped lying is back after at most 120 forecasts if it does nothing wrong: 60 until nothing of the
lie is looked at, 60 to earn it. Measured on the recorded links of verdict.py, with lies of 40 to 400 forecasts
(shifted, too narrow, constant): after 109 at most on the test split, 134 on train and val, some 100 in the median. It
always came back; sooner where the lie could not be told from the truth.

Every forecast is judged once, in the order in which they came due, however often the check runs. A model release
begins with nothing against it (only a version's own forecasts are looked at), but does not get the trust that its
predecessor lost: that it has to earn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from nagios_plugins.links.accuracy import Due, Key, Record
from nagios_plugins.links.inventory import Link
from nagios_plugins.links.records import Forecaster
from nagios_plugins.links.verdict import BUDGET_WINDOW, Verdict, judge

TRIAL: Final = 60
"""forecasts in a row that have to be good, and that a distrusted model is judged by"""
EARNING_BURN: Final = 1.0
"""burn rate over these that is too much: one that spends its budget again would soon lose its trust again"""
NEVER: Final[Key] = (-1, -1)


@dataclass(frozen=True)
class Trust:
    """Whether the model of a link is trusted, and what that stands on."""

    trusted: bool = True
    since: float | None = None
    """s since 1970 of the last change"""
    why: str = ""
    """it is not"""
    good: int = 0
    """forecasts in a row since then after which there was nothing to say against it"""
    begin: Key = NEVER
    """forecasts before this one are not held against it any more"""
    seen: Key = NEVER
    """the newest forecast that was judged"""

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Trust:
        """What `as_state` gave; anything else is the trust that there is in the beginning."""
        try:
            trust = cls(
                trusted=state["trusted"] is not False,
                since=None if state["since"] is None else float(state["since"]),
                why=str(state["why"]),
                good=int(state["good"]),
                begin=_key(state["begin"]),
                seen=_key(state["seen"]),
            )
        except (KeyError, TypeError, ValueError, OverflowError):
            return cls()
        return trust

    def as_state(self) -> dict[str, Any]:
        """For the store, as JSON has it."""
        return asdict(self) | {"begin": list(self.begin), "seen": list(self.seen)}

    def forecaster(self, link: Link) -> Forecaster:
        """Whom the link's alarms go by: the operator's word counts more than trust."""
        if link.forecaster != "auto":
            return link.forecaster
        return "model" if self.trusted else "baseline"

    def verdict(self, record: Record, end: int | None = None) -> Verdict:
        """What is to be said of the model, as of when only the first `end` of its forecasts had come due."""
        end = len(record.dues) if end is None else end
        if not self.trusted:
            return judge(record, TRIAL, end)
        counted = sum(each.key >= self.begin for each in record.dues[max(end - BUDGET_WINDOW, 0) : end])
        return judge(record, counted, end)


def step(trust: Trust, dues: Sequence[Due]) -> Trust:
    """The trust after the model's forecasts that have come due (oldest first, of one version) were judged."""
    if not dues:
        return trust
    if trust.seen > dues[-1].key:  # the store was made anew, and counts from the beginning
        trust = replace(trust, begin=NEVER, seen=NEVER)
    record = Record(dues)
    for end, newest in enumerate(dues, start=1):
        if newest.key > trust.seen:
            trust = _after(replace(trust, seen=newest.key), record, end)
    return trust


def _after(trust: Trust, record: Record, end: int) -> Trust:
    """After one more forecast."""
    verdict, now = trust.verdict(record, end), record.dues[end - 1]
    if trust.trusted:
        if not verdict.reasons:
            return trust
        return replace(trust, trusted=False, since=now.wall, why=" and ".join(verdict.reasons), good=0)
    is_bad = verdict.reasons or verdict.slow_burn >= EARNING_BURN
    good = 0 if is_bad else trust.good + verdict.is_enough
    if good < TRIAL:
        return replace(trust, good=good)
    begin = record.dues[max(end - TRIAL, 0)].key
    return Trust(since=now.wall, begin=begin, seen=trust.seen)


def _key(value: Any) -> Key:
    epoch, cell = value
    return int(epoch), int(cell)
