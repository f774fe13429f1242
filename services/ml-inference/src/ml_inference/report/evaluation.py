"""The two files that `make evaluate` writes, read and checked: what it scored, and what else it saw."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from ml_inference.report.records import ALL, Details, Score

MACRO: Final = "macro"
ZERO_SHOT: Final = "lstm-zero-shot"
FINE_TUNED: Final = "lstm"
PERSISTENCE: Final = "persistence"

ORDER: Final = (
    FINE_TUNED,
    ZERO_SHOT,
    "lightgbm",
    "ridge",
    "exponential-smoothing",
    "moving-average",
    PERSISTENCE,
)
"""Models as tables list them; any other name comes after these."""

REMEDY: Final = "make it with `make evaluate DATA=…`"


_Content = TypeVar("_Content")


class ReportError(Exception):
    """There is nothing to report from; the message says why in a sentence."""


@dataclass(frozen=True)
class Evaluation:
    """Scores and details of one run."""

    scores: tuple[Score, ...]
    details: Details

    @cached_property
    def _by_place(self) -> dict[tuple[str, str, int], Score]:
        return {(score.set, score.model, score.horizon): score for score in self.scores}

    @cached_property
    def sets(self) -> list[str]:
        """The real sets in the file's order."""
        return [name for name in dict.fromkeys(score.set for score in self.scores) if name != MACRO]

    @cached_property
    def together(self) -> list[str]:
        """The sets that make up the mean."""
        return self.details.together or self.sets

    @cached_property
    def overall(self) -> str:
        """Where the verdict is taken: the macro mean, or the first set if there is none; empty without scores."""
        names = {score.set for score in self.scores}
        return MACRO if MACRO in names else next(iter(self.sets), "")

    @cached_property
    def models(self) -> list[str]:
        """All models, the LSTMs first."""
        return ordered(score.model for score in self.scores)

    @cached_property
    def horizons(self) -> list[int]:
        """Steps ahead, rising."""
        return sorted({score.horizon for score in self.scores})

    @property
    def ends(self) -> list[int]:
        """The nearest and the farthest horizon."""
        return sorted({*self.horizons[:1], *self.horizons[-1:]})

    def score(self, place: str, model: str, horizon: int) -> Score | None:
        """One score, if there is one."""
        return self._by_place.get((place, model, horizon))


def ordered(models: Iterable[str]) -> list[str]:
    """Each name once, those of ORDER first, the others as they came."""
    names = dict.fromkeys(models)
    return [name for name in ORDER if name in names] + [name for name in names if name not in ORDER]


def read(evaluation: Path, details: Path) -> Evaluation:
    """Both files. Raises ReportError if one is missing or is not what it should be."""
    found = _parse(details, TypeAdapter(Details))
    scores = _parse(evaluation, TypeAdapter(list[Score]))
    wanted = tuple(score for score in scores if score.split == found.split and score.segment == ALL)
    paired = [pair for pair in found.paired if pair.segment == ALL]
    return Evaluation(wanted, found.model_copy(update={"paired": paired}))


def _parse(path: Path, adapter: TypeAdapter[_Content]) -> _Content:
    try:
        return adapter.validate_json(path.read_bytes())
    except FileNotFoundError:
        raise ReportError(f"there is no {path}; {REMEDY}") from None
    except OSError as error:
        raise ReportError(f"cannot read {path}: {error.strerror}; {REMEDY}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ReportError(
            f"{path} is not what `make evaluate` writes ({place + ': ' if place else ''}{first['msg']}); {REMEDY}"
        ) from error
