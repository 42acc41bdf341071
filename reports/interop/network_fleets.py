"""The fleets of `network_vectors.py`: drawn at random from fixed seeds, then made special by hand."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from random import Random

# A row a workload, a column a machine.
Rows = list[list[Fraction]]

ENDS = ("value", "low", "high")
MANY = "two hundred machines, weak"


@dataclass
class Fleet:
    name: str
    shares: list[float]
    chances: dict[str, list[list[float]]]
    unit: list[int]
    candidates: list[dict[str, list[float]]]
    group: list[int]
    p: list[float]
    kinds: list[list[float]]
    rate: float | None
    mu: list[list[float]]

    def exact(self, end: str) -> Rows:
        return [[Fraction(q) for q in row] for row in self.chances[end]]

    def machines(self) -> range:
        return range(len(self.unit))

    def units(self) -> Iterator[tuple[list[int], list[int]]]:
        """The machines of each unit, and all others."""
        for unit in range(max(self.unit) + 1):
            yield [i for i in self.machines() if self.unit[i] == unit], [i for i in self.machines() if self.unit[i] != unit]


def drawn(
    name: str,
    machines: int,
    rows: int,
    *,
    unit: list[int] | None = None,
    group: list[int] | None = None,
    p: list[float] | None = None,
    mass: float = 1.0,
    serves: float = 0.8,
    top: float = 1.0,
    bits: int = 53,
    load: float | None = 0.7,
) -> Fleet:
    """`serves`: how often a machine serves a row at all; `load`: the rate over about all machines' capacity."""
    rng = Random(name)
    group = group or [i % 3 % machines for i in range(machines)]
    p = p or [0.0 if g == 1 else 0.3 * rng.random() for g in range(max(group) + 1)]

    def short(x: float, limit: float) -> float:
        return min(int(x * 2**bits) / 2**bits, limit)

    def chance(limit: float) -> tuple[float, float, float]:
        if rng.random() >= serves:
            return 0.0, 0.0, short(0.02 * limit * rng.random(), limit)
        value = top * limit * rng.random()
        high = value + (limit - value) * 0.3 * rng.random()
        return short(value, limit), short(value * (0.7 + 0.3 * rng.random()), limit), short(high, limit)

    def table(limits: list[float]) -> dict[str, list[list[float]]]:
        drawn_rows = [[chance(limit) for limit in limits] for _ in range(rows)]
        return {end: [[entry[k] for entry in row] for row in drawn_rows] for k, end in enumerate(ENDS)}

    chances = table([1 - p[g] for g in group])
    masses = [0.1 + rng.random() for _ in range(rows)]
    # They add up exactly.
    shares = [int(mass * x / sum(masses) * 2**40) / 2**40 for x in masses[1:]]
    outside = table([1.0, 1.0])
    mu = [[0.0 if q == 0 else 10 ** rng.uniform(-1, 2) for q in row] for row in chances["value"]]
    sustained = sum(sum(column) / rows for column in zip(*mu))
    return Fleet(
        name=name,
        shares=[mass - sum(shares), *shares],
        chances=chances,
        unit=unit or list(range(machines)),
        candidates=[{end: [row[c] for row in outside[end]] for end in ENDS} for c in range(2)],
        group=group,
        p=p,
        kinds=[[short(top * rng.random(), 1.0) if rng.random() < 0.8 else 0.0 for _ in range(rows)] for _ in range(4)],
        rate=None if load is None else load * sustained,
        mu=mu,
    )


def put(fleet: Fleet, w: int, i: int, value: float, low: float, high: float) -> None:
    for end, q in zip(ENDS, (value, low, high)):
        fleet.chances[end][w][i] = q


def fleets() -> Iterator[Fleet]:
    yield drawn("a single machine", 1, 2)
    for machines, rows, load in ((2, 1, 0.3), (3, 2, 2.0), (4, 6, 0.5), (5, 3, None), (7, 4, 1.0)):
        yield drawn(f"{machines} machines, {rows} rows", machines, rows, load=load, top=0.8)
    yield drawn("units of several machines", 7, 3, unit=[0, 1, 0, 2, 1, 0, 3])
    yield drawn("one unit that is all", 3, 2, unit=[0, 0, 0])
    yield drawn("shares that add up to six tenths", 5, 3, mass=0.6)
    units = [0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 9]
    yield drawn("twelve machines", 12, 4, group=[0, 1, 2, 3, 4, 4, 3, 2, 1, 0, 0, 5], unit=units, top=0.5)
    yield drawn("everybody alone in a group", 8, 3, group=list(range(8)))
    yield drawn("everybody in one group", 6, 3, group=[0] * 6, p=[0.25])
    yield drawn("no group ever fails", 6, 3, p=[0.0] * 3)
    yield drawn("load without end", 6, 3, load=100.0)
    yield drawn("hardly any load", 6, 3, load=1e-4)

    fleet = drawn("a row that nobody serves, a machine that serves nothing, a row without demand", 6, 4)
    for i in range(6):
        put(fleet, 1, i, 0.0, 0.0, 0.0)
        fleet.mu[1][i] = 0.0
    for w in range(4):
        put(fleet, w, 4, 0.0, 0.0, 0.0)
        fleet.mu[w][4] = 0.0
    fleet.shares[3] = 0.0
    for kind in fleet.kinds:
        kind[1] = 0.0
    yield fleet

    fleet = drawn("a machine that fails a row but works at it, and one that can but never does", 5, 3, serves=1.0)
    put(fleet, 0, 2, 0.0, 0.0, 0.125)
    worst = min(range(5), key=lambda i: fleet.chances["value"][1][i])
    fleet.mu[1][worst] = 0.0
    yield fleet

    fleet = drawn("certain successes", 6, 3, p=[0.0, 0.0, 0.2], load=1.3)
    for w, i in ((0, 0), (0, 3), (1, 1), (1, 4)):
        put(fleet, w, i, 1.0, 0.5 if i == 3 else 1.0, 1.0)
        fleet.mu[w][i] = fleet.mu[w][i] or 5.0
    yield fleet

    for name, load in (("clones, more load than capacity", 1.5), ("clones, less load than capacity", 1e-3)):
        fleet = drawn(name, 6, 3, serves=1.0, load=load, group=[0, 0, 1, 1, 2, 2])
        for table in (*fleet.chances.values(), fleet.mu):
            for row in table:
                row[1], row[3] = row[0], row[2]
        fleet.kinds[2] = fleet.kinds[0]
        yield fleet

    # Every product is exact in double precision: ties are ties.
    fleet = drawn("ties", 6, 2, group=[0, 1, 2, 3, 4, 4], p=[0.25, 0.0, 0.25, 0.5, 0.0])
    fleet.shares = [0.5, 0.5]
    for i, (first, second) in enumerate(((0.25, 0.5), (0.5, 0.25), (0.5, 0.25), (0.25, 0.5), (0.0, 0.0), (0.25, 0.25))):
        put(fleet, 0, i, first, first / 2, first)
        put(fleet, 1, i, second, second, second)
        fleet.mu[0][i], fleet.mu[1][i] = (8.0, 2.0) if first else (0.0, 0.0)
    fleet.rate, fleet.kinds = 16.0, [[0.25, 0.125], [0.5, 0.25], [0.5, 0.25], [0.0, 0.0]]
    yield fleet

    # 0.9 / (1 - 0.1) and 0.2 / (1 - 0.8) are above 1 as these numbers are in binary, by less than 1e-12.
    fleet = drawn("common causes that leave nothing else to fail", 5, 2, group=[0, 0, 1, 2, 2], p=[0.1, 0.8, 0.5])
    for w, i, value in ((0, 0, 0.9), (1, 1, 0.9), (0, 2, 0.2), (1, 3, 0.5 + 2e-13)):
        put(fleet, w, i, value, value / 2, value)
        fleet.mu[w][i] = fleet.mu[w][i] or 3.0
    yield fleet

    yield drawn("forty machines", 40, 5, unit=[i // 2 for i in range(40)], top=0.15, bits=24, serves=0.5, load=0.5)
    causes = {"group": [i * i // 7 % 8 for i in range(200)], "p": [0.0, 0.125, 0.0, 0.0625, 0.25, 0.125, 0.5, 0.25]}
    units = [i if i < 30 else 27 + i // 10 for i in range(200)]
    yield drawn(MANY, 200, 6, **causes, unit=units, top=0.03, bits=20, serves=0.6)
    yield drawn("two hundred machines, strong", 200, 3, **causes, top=1.0, bits=20, serves=0.9, load=None)


def weight_lists() -> Iterator[list[float]]:
    yield from ([1.0], [0.5, 0.5], [0.25, 0.5, 0.25], [0.125] * 8, [0.0, 0.75, 0.0, 0.25], [1 / 3] * 3, [0.4375, 0.0625, 0.5])
    rng = Random("concentration")
    for count in (2, 5, 17, 100):
        masses = [rng.paretovariate(1.2) if rng.random() < 0.8 else 0.0 for _ in range(count - 1)] + [1.0]
        yield [mass / sum(masses) for mass in masses]


