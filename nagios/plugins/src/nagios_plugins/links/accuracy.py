"""What a forecaster said of a link, joined with what came, and the figures that follow: coverage, bias, skill.

Bandwidths are fractions of capacity here, so that links of any size are told alike. Whether the figures are good enough
is said in verdict.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import isfinite, sqrt
from operator import add, sub
from typing import Final, NamedTuple

from nagios_plugins.links.records import Forecaster, Outlook, Sample

FLOOR: Final = 0.005
"""fraction of capacity that no forecast has to be better than: an idle link cannot be forecast wrongly"""
FASTEST: Final = 1e12
"""Mbps; no link is"""
STILL: Final = 1e-6
"""fraction of capacity: a link that changes by less from one sample to the next does not change"""
WORST: Final = 1.0
"""fraction of capacity that an error counts for at most: no single one may weigh like hundreds"""

Key = tuple[int, int]
"""epoch and cell: the order in which forecasts were made"""


@dataclass(frozen=True)
class Due:
    """A forecast whose time has come. Bandwidths are fractions of capacity."""

    key: Key
    wall: float
    """s since 1970 when the value came"""
    version: str
    capacity_mbps: float
    last: float
    """the value before"""
    mean: float
    lower: float
    upper: float
    came: float


class Tally(NamedTuple):
    """Sums over some forecasts that have come due; bandwidths are fractions of capacity."""

    number: float = 0
    """of forecasts"""
    outside: float = 0
    """values outside the 80 % interval"""
    error: float = 0
    """forecast less value"""
    error_mbps: float = 0
    error_squared: float = 0
    absolute: float = 0
    last_absolute: float = 0
    """of the last value in the forecast's place; so the next one"""
    squared: float = 0
    """of what is beyond the floor"""
    last_squared: float = 0
    worse: float = 0
    """squared error less the last value's"""
    worse_squared: float = 0

    @property
    def coverage(self) -> float:
        """% of the values within the 80 % interval."""
        return 100 * (1 - self.outside / self.number)

    @property
    def bias(self) -> float:
        """% of capacity that the forecasts are too high on average."""
        return 100 * self.error / self.number

    @property
    def bias_mbps(self) -> float:
        """Mbps that the forecasts are too high on average."""
        return self.error_mbps / self.number

    @property
    def skill(self) -> float | None:
        """% by which the mean absolute error is smaller than the last value's; None where that has none."""
        return _gain(self.absolute / self.number, self.last_absolute / self.number)

    @property
    def skill_rms(self) -> float | None:
        """% by which the root mean square error (beyond the floor) is smaller than the last value's."""
        own, last = (sqrt(max(squares / self.number, 0)) for squares in (self.squared, self.last_squared))
        return _gain(own, last)


class Record:
    """The forecasts of one forecaster that have come due, summed up so that any run of them costs the same."""

    def __init__(self, dues: Iterable[Due]) -> None:
        self.dues = list(dues)
        self._sums = list(accumulate(map(_terms, self.dues), _plus, initial=Tally()))

    def newest(self, count: int, end: int | None = None) -> Tally:
        """Sums over the newest `count`, or those there are, as of when only the first `end` had come due."""
        end = len(self.dues) if end is None else end
        return Tally(*map(sub, self._sums[end], self._sums[max(end - count, 0)]))


def due(outlooks: Iterable[Outlook], samples: Iterable[Sample], forecaster: Forecaster, step: int = 1) -> list[Due]:
    """Join what was said for `step` steps ahead with what came: oldest first, one for each cell.

    An outlook and its value are of one epoch. An outlook that its own sample does not fit was made on another grid (the
    sampling interval was another) and is left out, as is one that has no finite numbers.
    """
    came = {(sample.epoch, sample.cell): sample for sample in samples}
    found: dict[Key, Due] = {}
    for outlook in outlooks:
        key = outlook.epoch, outlook.cell
        origin, value = came.get(key), came.get((outlook.epoch, outlook.cell + step))
        if outlook.forecaster != forecaster or key in found or origin is None or value is None:
            continue
        if abs(origin.mbps - outlook.last_mbps) > FLOOR * outlook.capacity_mbps or len(outlook.path) < step:
            continue
        said, capacity = outlook.path[step - 1], outlook.capacity_mbps
        numbers = (outlook.last_mbps, said.mean, said.lower, said.upper, value.mbps)
        if 0 < capacity < FASTEST and all(map(isfinite, numbers)):
            shares = (number / capacity for number in numbers)
            found[key] = Due(key, value.wall, outlook.model_version, capacity, *shares)
    return [found[key] for key in sorted(found)]


def of_newest_version(dues: Sequence[Due]) -> list[Due]:
    """Those of the version that made the newest: a model does not answer for its predecessor."""
    return [each for each in dues if each.version == dues[-1].version]


def _gain(own: float, other: float) -> float | None:
    return 100 * (1 - own / other) if other > STILL else None


def _terms(forecast: Due) -> Tally:
    came = _at_most_capacity(forecast.came, forecast.mean)
    bound = _at_most_capacity(forecast.came, forecast.upper)
    error = _bounded(forecast.mean - came)
    last_error = _bounded(forecast.last - _at_most_capacity(forecast.came, forecast.last))
    squared, last_squared = max(abs(error) - FLOOR, 0) ** 2, last_error**2
    return Tally(
        number=1,
        outside=not forecast.lower - FLOOR <= bound <= forecast.upper + FLOOR,
        error=error,
        error_mbps=error * forecast.capacity_mbps,
        error_squared=error**2,
        absolute=abs(error),
        last_absolute=abs(last_error),
        squared=squared,
        last_squared=last_squared,
        worse=squared - last_squared,
        worse_squared=(squared - last_squared) ** 2,
    )


def _bounded(error: float) -> float:
    return min(max(error, -WORST), WORST)


def _at_most_capacity(came: float, said: float) -> float:
    """More than the capacity counts as the capacity, unless that was said: a capacity set too low is nobody's lie."""
    return min(came, max(1.0, said))


def _plus(first: Tally, second: Tally) -> Tally:
    return Tally(*map(add, first, second))
