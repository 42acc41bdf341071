"""Engines that take turns, and what their rounds say."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

# Gives the median duration of one call, in nanoseconds.
Measure = Callable[[], float]

# Worker threads spin for some milliseconds after their last task, and would take cores from the next engine.
SETTLE_SECONDS = 0.02


class Refusal(Exception):
    """An engine does not do what was asked."""


@dataclass
class Ratio:
    """How many times as long a peer takes as exact: the median of the rounds, and their extremes."""

    median: float
    least: float
    most: float


@dataclass
class Row:
    """One shape or task, with a median a round for each engine."""

    name: str
    sizes: dict[str, int]
    medians_ns: dict[str, list[float]]
    refusals: dict[str, str]

    def median_ms(self, engine: str) -> float | None:
        medians_ns = self.medians_ns.get(engine)
        return median(medians_ns) / 1e6 if medians_ns else None

    def fastest(self, engines: list[str]) -> str | None:
        measured = [engine for engine in engines if engine in self.medians_ns]
        return min(measured, key=lambda engine: median(self.medians_ns[engine]), default=None)

    def ratio(self, peer: str | None) -> Ratio | None:
        if peer not in self.medians_ns or "exact" not in self.medians_ns:
            return None
        # Within a round both ran under the same load and clock.
        pairs = zip(self.medians_ns[peer], self.medians_ns["exact"], strict=True)
        ratios = [peer_ns / exact_ns for peer_ns, exact_ns in pairs]
        return Ratio(median(ratios), min(ratios), max(ratios))


def alternate(engines: dict[str, Measure], rounds: int) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Medians by engine, one a round; and why an engine has none."""
    medians_ns: dict[str, list[float]] = {}
    refusals: dict[str, str] = {}
    for number in range(rounds):
        for engine in turns(list(engines), number):
            if engine in refusals:
                continue
            time.sleep(SETTLE_SECONDS)
            try:
                medians_ns.setdefault(engine, []).append(engines[engine]())
            except Refusal as refusal:
                del medians_ns[engine]
                refusals[engine] = str(refusal)
    return medians_ns, refusals


def turns(engines: list[str], number: int) -> list[str]:
    """Another one begins each round, so that none always inherits the caches of the same one."""
    first = number % len(engines)
    return engines[first:] + engines[:first]
