"""What the platform set out to reach, and whether it did."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import ge, le
from typing import Any, Final

Row = Mapping[str, Any]
"""`subject`, `connections`, `requests_per_cpu_second`, `p50_ms`, `p99_ms`"""
PEERS: Final = ("mlserver", "bentoml")


@dataclass(frozen=True)
class Verdict:
    """One target, and what was found."""

    name: str
    bound: float
    aim: float | None
    """what would be better still"""
    at_least: bool
    """otherwise at most"""
    found: float | None
    """None: not measured in this run"""
    by_the_clock: bool = False
    """whether it is a time: on a busy machine that says more of the machine than of the platform"""

    @property
    def reached(self) -> bool | None:
        """Whether the bound was kept; None where nothing was measured."""
        return None if self.found is None else self._keeps(self.bound)

    def is_missed_by(self, factor: float) -> bool:
        """Whether the bound was missed by more than this factor; never where nothing was measured, nor for a time."""
        if self.found is None or self.by_the_clock:
            return False
        return not self._keeps(self.bound / factor if self.at_least else self.bound * factor)

    @property
    def words(self) -> str:
        """Say it."""
        if self.found is None:
            return "not measured"
        if not self.reached:
            return "not reached"
        return "reached, and the aim, too" if self.aim is not None and self._keeps(self.aim) else "reached"

    def _keeps(self, bound: float) -> bool:
        return self.found is not None and (ge if self.at_least else le)(self.found, bound)


def judge(rows: Sequence[Row], footprint: Mapping[str, float]) -> list[Verdict]:
    """Compare what was measured with what was asked for."""
    cost = {(row["subject"], row["connections"]): row["requests_per_cpu_second"] for row in rows}
    tail = {row["connections"]: row["p99_ms"] for row in rows if row["subject"] == "pair"}

    def ratio(subject: str, *others: str) -> float | None:
        found = [cost[other, 16] for other in others if (other, 16) in cost]
        return cost[subject, 16] / max(found) if (subject, 16) in cost and found else None

    def least(name: str, bound: float, aim: float | None, found: float | None) -> Verdict:
        return Verdict(name, bound, aim, True, found)

    def most(name: str, bound: float, found: float | None) -> Verdict:
        return Verdict(name, bound, None, False, found, by_the_clock=name.endswith((", ms", ", s")))

    peers = ratio("inference", *PEERS) if all((peer, 16) in cost for peer in PEERS) else None
    observed = ratio("inference", "inference_unobserved")
    look: Callable[[str], float | None] = footprint.get
    return [
        least("pair / keras_pair, requests per CPU second at 16 connections", 250, 600, ratio("pair", "keras_pair")),
        least("pair / echo, the same", 0.35, 0.5, ratio("pair", "echo")),
        least("inference / echo, the same", 0.6, 1.2, ratio("inference", "echo")),
        least("inference / the best peer, the same", 2.5, None, peers),
        most("throughput that observability costs, %", 15, None if observed is None else 100 * (1 - observed)),
        most("pair, p99 at 1 connection, ms", 1.0, tail.get(1)),
        most("pair, p99 at 16 connections, ms", 6, tail.get(16)),
        most("pair, p99 at 64 connections, ms", 25, tail.get(64)),
        most("ml-inference, start to first forecast, s", 1.2, look("inference_cold_start_s")),
        most("api-gateway, start to first forecast, s", 1.2, look("gateway_cold_start_s")),
        most("ml-inference, PSS, MB", 95, look("inference_pss_mb")),
        most("api-gateway, PSS, MB", 55, look("gateway_pss_mb")),
        most("ml-inference, growth over 50,000 requests, %", 2, look("inference_growth_percent")),
        most("api-gateway, growth over 50,000 requests, %", 2, look("gateway_growth_percent")),
    ]
