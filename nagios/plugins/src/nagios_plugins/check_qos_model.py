"""Does the model of the release answer, did its gate let it, and how old is it?

The manifest says what was released; where a cluster is named, its record of the release. Who answers is what an answer
to its known question says: that holds for both services alike, and is as cheap as one forecast.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import nagiosplugin

from nagios_plugins import arguments, check
from nagios_plugins.http import Identity, ServiceError, ask
from nagios_plugins.links.records import HISTORY
from nagios_plugins.released import Release

NAME = "MODEL"
DAY = 86_400.0
"""s"""
VERSION = re.compile(r"(\d{8})-[0-9a-z]{6,40}")
"""The day a model was made on, and a hash."""


@dataclass(frozen=True)
class Released:
    """The model of the release, as its manifest has it."""

    version: str
    made: datetime
    refusal: str | None
    """why the gate does not let it answer; '' where it does, None where the manifest does not say"""
    question: dict[str, Any]
    """with a history long enough for the model itself to answer"""


class Model(check.ServiceResource):
    """`/predict` of a service, asked for who answers."""

    def __init__(self, url: str, released: Released, release: Release, timeout: float, identity: Identity) -> None:
        self.coming, self.notes = release.coming, release.notes
        self.url, self.released, self.timeout, self.identity = url, released, timeout, identity
        self.age = (datetime.now(UTC) - released.made).total_seconds() / DAY

    @property
    def sentence(self) -> str:
        """What is said of the model that was released."""
        gate = ", passed its gate" if self.released.refusal == "" else ""
        coming = f"; model {self.coming} is being released" if self.coming else ""
        return f"model {self.released.version} answers as released{gate}, is {self.age:.1f} days old{coming}"

    def ask(self) -> Iterable[Any]:
        """What is wrong with who answers, the age of the released model in days, and the time of the answer in s.

        Raises:
            ServiceError: no answer, or one that does not say whose it is.
        """
        answer = ask(f"{self.url}/predict", body=self.released.question, timeout=self.timeout, identity=self.identity)
        if answer.status != 200:
            raise ServiceError(f"HTTP {answer.status}: {answer.body.get('detail') or 'no reason given'}")
        served = answer.body.get("model_version")
        if not isinstance(served, str) or not served:
            raise ServiceError("the answer does not say which model gave it")
        baseline = served.removesuffix(f"-{self.released.version}")
        is_baseline = baseline not in ("", served)
        yield nagiosplugin.Metric("served", None if is_baseline else self._wrong(served), context="fault")
        yield nagiosplugin.Metric("baseline", self._instead(baseline) if is_baseline else None)
        yield nagiosplugin.Metric("made", self._early())
        yield nagiosplugin.Metric("age", round(max(self.age, 0), 2), min=0)
        yield nagiosplugin.Metric("time", round(answer.seconds, 4), uom="s", min=0)

    def _wrong(self, served: str) -> str | None:
        if served not in (self.released.version, self.coming):
            return f"model {served} answers, the release has {self.released.version}"
        if self.released.refusal:
            return f"model {served} answers although its gate refused it: {self.released.refusal}"
        return None

    def _instead(self, baseline: str) -> str:
        known = {None: "; the manifest does not say why", "": ", although its gate let it pass"}
        why = known.get(self.released.refusal, f": its gate refused it: {self.released.refusal}")
        return f"the baseline {baseline} answers in place of model {self.released.version}{why}"

    def _early(self) -> str | None:
        """A model from the future has no age; clocks may differ by some hours."""
        if self.age > -1:
            return None
        day = f"{self.released.made:%Y-%m-%d}"
        return f"model {self.released.version} was made on {day}, which is to come: some clock is wrong"

    def old(self, metric: Any, _: Any) -> str:
        """What is said of the age when it is too high."""
        return f"model {self.released.version} of {self.released.made:%Y-%m-%d} is {metric.value:.1f} days old"


def released(release: Release) -> Released:
    """The model in a bundle's manifest, or in a record.

    What a rollback brings back, and a record, has `model_version` and `known_answer` alone: the version has the day in
    it, and a refused model is never released.

    Raises:
        argparse.ArgumentTypeError: there is none.
    """
    content: Any = release.manifest
    try:
        if not (day := VERSION.fullmatch(content["model_version"])):
            raise ValueError("model_version is no version")  # noqa: TRY301  one sentence for all that is wrong with it
        return Released(
            day[0],
            _moment(content.get("created", day[1])),
            _refusal(content["gate"]) if "gate" in content else None,
            _long_enough(content["known_answer"]["request"], content.get("history_samples", HISTORY)),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"no model in {release.place}: {error!r}") from None


def _moment(text: str) -> datetime:
    """UTC, where nothing else is said."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _refusal(gate: dict[str, Any]) -> str:
    if not isinstance(gate["passed"], bool):
        raise TypeError("gate.passed is neither true nor false")
    reasons = [str(reason) for reason in gate.get("reasons") or ["no reason is given"]]
    return "" if gate["passed"] else "; ".join(reasons)


def _long_enough(request: dict[str, Any], samples: int) -> dict[str, Any]:
    """The question with its samples over and over: to a shorter one than a model wants its baseline answers."""
    if not isinstance(samples, int) or not 0 < samples <= HISTORY:
        raise ValueError(f"history_samples is no number of samples, {HISTORY} at most")
    return {
        name: (value * samples)[: max(len(value), samples)] if isinstance(value, list) else value
        for name, value in request.items()
    }


def main() -> None:
    """Entry point of `check_qos_model`."""
    parser = arguments.ServiceArgumentParser(
        NAME, __doc__, warning="90", critical="365", measure="days of the model's age"
    )
    parser.add_release()
    wanted = parser.parse_args()
    release = parser.release(wanted)
    model = Model(wanted.url, parser.checked(released, release), release, wanted.timeout, parser.identity(wanted))
    check.run(
        NAME,
        model,
        check.FaultContext("baseline", nagiosplugin.Warn),
        check.FaultContext("made", nagiosplugin.Warn),
        nagiosplugin.ScalarContext("age", wanted.warning, wanted.critical, fmt_metric=model.old),
        nagiosplugin.ScalarContext("time"),
        timeout=wanted.timeout,
    )
