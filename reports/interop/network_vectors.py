"""Test vectors of a network's figures (reports/src/network), by an implementation independent of it.

    pip install -r reports/interop/requirements.txt
    python reports/interop/network_vectors.py > reports/tests/vectors/network.json

Every figure is exact, a fraction of integers that is rounded once, but for those of the linear programs, which exact bounds
enclose within 1e-12, and of the sampled orderings. What has a closed form is also found without it: Shapley values from all
orderings and by quadrature, common causes from all outcomes.
"""

import json
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import combinations, permutations, product
from math import factorial, lcm, prod
from random import Random

import numpy
from network_capacity import capacity
from network_fleets import ENDS, MANY, Fleet, Rows, fleets, weight_lists

# Of each end of a machine's worth: the end of its own chances, and that of all others'.
OWN_OTHERS = {"value": ("value", "value"), "low": ("low", "high"), "high": ("high", "low")}
ORDERINGS = 100_000


# Coverage, and what is left out of it or added to it (1, 2, 5, 8).


def failure(chances: list[Fraction]) -> Fraction:
    return Fraction(prod(q.denominator - q.numerator for q in chances), prod(q.denominator for q in chances))


def coverage(shares: list[Fraction], rows: Rows) -> Fraction:
    return sum((d * (1 - failure(row)) for d, row in zip(shares, rows)), Fraction(0))


def columns(rows: list[list], machines: list[int]) -> list[list]:
    return [[row[i] for i in machines] for row in rows]


def joint_gain(shares: list[Fraction], own: Rows, others: Rows) -> Fraction:
    return sum((d * (1 - failure(u)) * failure(o) for d, u, o in zip(shares, own, others)), Fraction(0))


def marginals(fleet: Fleet, shares: list[Fraction]) -> list[dict[str, float]]:
    found = []
    for inside, outside in fleet.units():
        gains = {
            end: joint_gain(shares, columns(fleet.exact(own), inside), columns(fleet.exact(others), outside))
            for end, (own, others) in OWN_OTHERS.items()
        }
        rows = fleet.exact("value")
        assert gains["value"] == coverage(shares, rows) - coverage(shares, columns(rows, outside))
        assert gains["low"] <= gains["value"] <= gains["high"]
        found.append(rounded(gains))
    return found


def candidates(fleet: Fleet, shares: list[Fraction]) -> list[dict]:
    def marginal(candidate: dict[str, list[float]]) -> dict[str, float]:
        column = {end: [[Fraction(q)] for q in candidate[end]] for end in ENDS}
        return rounded(
            {end: joint_gain(shares, column[own], fleet.exact(others)) for end, (own, others) in OWN_OTHERS.items()}
        )

    return [{**candidate, "marginal": marginal(candidate)} for candidate in fleet.candidates]


def greedy(fleet: Fleet, shares: list[Fraction], steps: int = 8) -> dict:
    left = [d * failure(row) for d, row in zip(shares, fleet.exact("value"))]
    picks, gains = [], []
    for _ in range(steps):
        all_gains = [sum(loss * Fraction(q) for loss, q in zip(left, kind)) for kind in fleet.kinds]
        pick = all_gains.index(max(all_gains))
        assert all_gains[pick] > 0
        near = [kind for kind, gain in zip(fleet.kinds, all_gains) if all_gains[pick] - gain <= 1e-12 * all_gains[pick]]
        assert all(kind == fleet.kinds[pick] for kind in near), "a rounded gain may be another's"
        left = [loss * (1 - Fraction(q)) for loss, q in zip(left, fleet.kinds[pick])]
        picks.append(pick)
        gains.append(float(all_gains[pick]))
    return {"kinds": fleet.kinds, "picks": picks, "gains": gains}


def worst_groups(fleet: Fleet, shares: list[Fraction]) -> list[dict]:
    rows, count = fleet.exact("value"), len(fleet.p)
    by_group = [[failure([q for q, g in zip(row, fleet.group) if g == h]) for h in range(count)] for row in rows]
    # Coverage is exact in double precision too if every product and share has few bits.
    scale = lcm(*(q.denominator for row in rows for q in row)) ** len(fleet.group) * lcm(*(d.denominator for d in shares))
    found = []
    for k in range(1, min(count, 4) + 1):
        ranked = sorted(
            (sum(d * (1 - prod(f for h, f in enumerate(row) if h not in out)) for d, row in zip(shares, by_group)), out)
            for out in combinations(range(count), k)
        )
        # A tie that rounding may break is no test vector.
        if len(ranked) == 1 or ranked[1][0] - ranked[0][0] > 1e-9 or scale <= 2**53:
            found.append({"k": k, "groups": list(ranked[0][1]), "coverage": float(ranked[0][0])})
    return found


# Shapley values (3): polynomials in t / scale, whose coefficients are integers.


def survival(chances: list[Fraction], scale: int) -> list[int]:
    polynomial = [1]
    for q in chances:
        polynomial = times(polynomial, [1, -int(q * scale)])
    return polynomial


def times(a: list[int], b: list[int]) -> list[int]:
    out = [0] * (len(a) + len(b) - 1)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            out[i + j] += x * y
    return out


def without(polynomial: list[int], q: Fraction, scale: int) -> list[int]:
    """Divided by one of its factors, 1 - q t."""
    quotient = [0]
    for coefficient in polynomial:
        quotient.append(coefficient + int(q * scale) * quotient[-1])
    assert quotient.pop() == 0
    return quotient[1:]


def integral(polynomial: list[int], scale: int) -> Fraction:
    """From t = 0 to 1."""
    terms = lcm(*range(1, len(polynomial) + 1))
    numerator = 0
    for k, coefficient in enumerate(polynomial):
        numerator = numerator * scale + coefficient * (terms // (k + 1))
    return Fraction(numerator, terms * scale ** (len(polynomial) - 1))


def shapley(shares: list[Fraction], own: Rows, others: Rows) -> list[Fraction]:
    values = [Fraction(0)] * len(own[0])
    for d, own_row, row in zip(shares, own, others):
        scale = lcm(*(q.denominator for q in row))
        everybody = survival(row, scale)
        for i, q in enumerate(own_row):
            values[i] += d * q * integral(without(everybody, row[i], scale), scale)
    return values


@cache
def arrivals(count: int) -> list[Counter]:
    """Of each machine, in how many orderings exactly these machines (a bit each) come before it."""
    found = [Counter() for _ in range(count)]
    for ordering in permutations(range(count)):
        before = 0
        for i in ordering:
            found[i][before] += 1
            before |= 1 << i
    return found


def shapley_by_orderings(worth: Callable[[int], Fraction], count: int, i: int) -> Fraction:
    total = sum(often * (worth(before | 1 << i) - worth(before)) for before, often in arrivals(count)[i].items())
    return Fraction(total, factorial(count))


def members(mask: int, count: int) -> list[int]:
    return [i for i in range(count) if mask >> i & 1]


def shapley_values(fleet: Fleet, shares: list[Fraction]) -> list[dict[str, float]]:
    count = len(fleet.unit)
    rows = {end: fleet.exact(end) for end in ENDS}
    values = {end: shapley(shares, rows[own], rows[others]) for end, (own, others) in OWN_OTHERS.items()}
    assert sum(values["value"]) == coverage(shares, rows["value"])
    for end, (own, others) in OWN_OTHERS.items():
        for i in range(count if count <= 7 else 0):
            mixed = [[o[j] if j == i else x for j, x in enumerate(row)] for o, row in zip(rows[own], rows[others])]
            worth = cache(lambda mask: coverage(shares, columns(mixed, members(mask, count))))
            assert values[end][i] == shapley_by_orderings(worth, count, i)
    check_quadrature(values["value"], fleet, list(range(count)), [0.0] * count)
    each = [{end: values[end][i] for end in ENDS} for i in range(count)]
    assert all(value["low"] <= value["value"] <= value["high"] for value in each)
    return [rounded(value) for value in each]


def check_quadrature(values: list[Fraction], fleet: Fleet, group: list[int], p: list[float]) -> None:
    """The integrals of points 3 and 4 in double precision; Gauss-Legendre's nodes are enough for the polynomials' degree."""
    nodes, weights = numpy.polynomial.legendre.leggauss(len(group) // 2 + 1)
    t = (nodes + 1) / 2
    found = numpy.zeros(len(group))
    for d, row in zip(fleet.shares, fleet.chances["value"]):
        q = numpy.array([min(x / (1 - p[g]), 1.0) for x, g in zip(row, group)])
        alive = 1 - numpy.outer(t, q)
        of_group = numpy.array([[g == h for g in group] for h in range(len(p))])
        ok = numpy.array([alive[:, mask].prod(axis=1) for mask in of_group])
        bracket = numpy.array(p)[:, None] + (1 - numpy.array(p))[:, None] * ok
        rest = [numpy.delete(bracket, h, axis=0).prod(axis=0) for h in range(len(p))]
        for i, g in enumerate(group):
            mates = of_group[g].copy()
            mates[i] = False
            found[i] += d * (1 - p[g]) * q[i] * (weights / 2 * alive[:, mates].prod(axis=1) * rest[g]).sum()
    assert max(abs(found - [float(value) for value in values])) < 1e-13


# Common causes (4).


def given_up(fleet: Fleet) -> Rows:
    """The chances given that the machine's group has not failed."""
    rows = [[q / (1 - Fraction(fleet.p[g])) for q, g in zip(row, fleet.group)] for row in fleet.exact("value")]
    assert max(q for row in rows for q in row) <= 1 + 1e-12
    return [[min(q, Fraction(1)) for q in row] for row in rows]


def grouping(fleet: Fleet, shares: list[Fraction]) -> dict:
    p, rows, count = [Fraction(x) for x in fleet.p], given_up(fleet), len(fleet.group)
    covered, values = joint_coverage(shares, rows, fleet.group, p), joint_shapley(shares, rows, fleet.group, p)
    assert sum(values) == covered
    if len(p) <= 8 and count <= 12:
        assert (covered, values) == by_outcomes(shares, rows, fleet.group, p)
    if count <= 7:

        @cache
        def worth(mask: int) -> Fraction:
            inside = members(mask, count)
            return joint_coverage(shares, columns(rows, inside), [fleet.group[i] for i in inside], p)

        assert values == [shapley_by_orderings(worth, count, i) for i in range(count)]
    check_quadrature(values, fleet, fleet.group, fleet.p)
    up = [[i for i, g in enumerate(fleet.group) if g != out] for out in range(len(p))]
    return {
        "group": fleet.group,
        "p": fleet.p,
        "coverage": float(covered),
        "shapley": [float(value) for value in values],
        "outages": [float(coverage(shares, columns(fleet.exact("value"), machines))) for machines in up],
        "worst": worst_groups(fleet, shares),
    }


def joint_coverage(shares: list[Fraction], rows: Rows, group: list[int], p: list[Fraction]) -> Fraction:
    total = Fraction(0)
    for d, row in zip(shares, rows):
        of_group = [[q for q, g in zip(row, group) if g == h] for h in range(len(p))]
        total += d * (1 - prod(x + (1 - x) * failure(inside) for x, inside in zip(p, of_group)))
    return total


def joint_shapley(shares: list[Fraction], rows: Rows, group: list[int], p: list[Fraction]) -> list[Fraction]:
    values, whole = [Fraction(0)] * len(group), lcm(*(x.denominator for x in p))
    for d, row in zip(shares, rows):
        scale = lcm(*(q.denominator for q in row))
        alive = [survival([q for q, g in zip(row, group) if g == h], scale) for h in range(len(p))]
        # Times `whole`, so that they are integers.
        brackets = [[int((1 - x) * whole) * c for c in polynomial] for x, polynomial in zip(p, alive)]
        for bracket, x in zip(brackets, p):
            bracket[0] += int(x * whole)
        for g in range(len(p)):
            rest = [1]
            for bracket in brackets[:g] + brackets[g + 1 :]:
                rest = times(rest, bracket)
            for i in (i for i, h in enumerate(group) if h == g):
                mean = integral(times(without(alive[g], row[i], scale), rest), scale) / whole ** (len(p) - 1)
                values[i] += d * (1 - p[g]) * row[i] * mean
    return values


def by_outcomes(shares: list[Fraction], rows: Rows, group: list[int], p: list[Fraction]) -> tuple[Fraction, list[Fraction]]:
    """Every set of groups that may fail, with its probability."""
    covered, values = Fraction(0), [Fraction(0)] * len(group)
    for failed in product([False, True], repeat=len(p)):
        probability = prod(x if out else 1 - x for x, out in zip(p, failed))
        up = [i for i, g in enumerate(group) if not failed[g]]
        covered += probability * coverage(shares, columns(rows, up))
        for i, value in zip(up, shapley(shares, columns(rows, up), columns(rows, up)) if up else []):
            values[i] += probability * value
    return covered, values


# Concentration (7).


def concentration(weights: list[float]) -> dict:
    shares = sorted((Fraction(w) for w in weights if w > 0), reverse=True)
    squares = sum(s * s for s in shares)
    logs = sum(Decimal(float(s)) * Decimal(float(s)).ln() for s in shares)
    sums = [sum(shares[:k]) for k in range(len(shares) + 1)]
    assert all(x == Fraction(1, 2) or abs(x - Fraction(1, 2)) > 1e-9 for x in sums), "rounding may decide"
    return {
        "weights": weights,
        "hill_0": len(shares),
        "hill_1": float((-logs).exp()),
        "hill_2": float(1 / squares),
        "hhi": float(squares),
        "nakamoto": next(k for k, x in enumerate(sums) if x > Fraction(1, 2)),
    }


# Orderings drawn at random (3).


def sampled(fleet: Fleet, exact: list[dict[str, float]], machines: tuple[int, ...] = (0, 1, 50, 120, 199)) -> dict:
    rng, count, batch = Random("orderings"), len(fleet.unit), 200
    rows, at = numpy.array(fleet.chances["value"]), numpy.arange(batch)[:, None]
    total, squares = numpy.zeros(count), numpy.zeros(count)
    for _ in range(ORDERINGS // batch):
        times_of_arrival = numpy.frombuffer(rng.randbytes(8 * batch * count), dtype="<u8").reshape(batch, count)
        order = times_of_arrival.argsort(axis=1)
        gains = numpy.zeros((batch, count))
        for d, row in zip(fleet.shares, rows):
            left = numpy.cumprod(1 - row[order], axis=1)
            before = numpy.concatenate([numpy.ones((batch, 1)), left[:, :-1]], axis=1)
            gains[at, order] += d * row[order] * before
        total += gains.sum(axis=0)
        squares += (gains**2).sum(axis=0)
    mean = total / ORDERINGS
    error = numpy.sqrt((squares - ORDERINGS * mean**2) / (ORDERINGS - 1) / ORDERINGS)
    distance = abs(mean - [value["value"] for value in exact])
    assert (distance <= 5 * error + 1e-12).all()
    found = [{"machine": i, "mean": float(mean[i]), "standard_error": float(error[i])} for i in machines]
    return {"fleet": fleet.name, "orderings": ORDERINGS, "machines": found}


def rounded(interval: dict[str, Fraction]) -> dict[str, float]:
    return {end: float(interval[end]) for end in ENDS}


def figures(fleet: Fleet) -> dict:
    shares = [Fraction(d) for d in fleet.shares]
    assert 0 < sum(shares) <= 1
    low, value, high = (sum(fleet.chances[end], []) for end in ("low", "value", "high"))
    assert all(0 <= a <= b <= c <= 1 for a, b, c in zip(low, value, high))
    return {
        "name": fleet.name,
        "shares": fleet.shares,
        **fleet.chances,
        "unit": fleet.unit,
        "coverage": rounded({end: coverage(shares, fleet.exact(end)) for end in ENDS}),
        "loss": [float(d * failure(row)) for d, row in zip(shares, fleet.exact("value"))],
        "marginal": marginals(fleet, shares),
        "shapley": shapley_values(fleet, shares),
        "candidates": candidates(fleet, shares),
        "grouping": grouping(fleet, shares),
        "capacity": capacity(fleet),
        "greedy": greedy(fleet, shares),
    }


def check_purposes(found: dict[str, dict]) -> None:
    """That the fleets with little or much to do show what they are there for."""
    worth_of_clones = {
        load: found[f"clones, {load} load than capacity"]["capacity"]["worth"][:4] for load in ("more", "less")
    }
    assert all(worth["coverage_part"] == 0 and worth["volume_part"] > 1e-3 for worth in worth_of_clones["more"])
    assert all(abs(worth["total"]) < 1e-12 for worth in worth_of_clones["less"])
    idle = found["hardly any load"]
    assert abs(idle["capacity"]["success"] - sum(d * max(row) for d, row in zip(idle["shares"], idle["value"]))) < 1e-12
    tied = found["ties"]["grouping"]
    assert tied["outages"][0] == tied["outages"][3] and [entry["k"] for entry in tied["worst"]] == [1, 2, 3, 4]


def main() -> None:
    drawn_fleets = {fleet.name: fleet for fleet in fleets()}
    found = {name: figures(fleet) for name, fleet in drawn_fleets.items()}
    check_purposes(found)
    vectors = {
        "fleets": list(found.values()),
        "concentration": [concentration(weights) for weights in weight_lists()],
        "sampled": sampled(drawn_fleets[MANY], found[MANY]["shapley"]),
    }
    print(json.dumps(vectors, sort_keys=True, separators=(",", ":")))


if __name__ == "__main__":
    main()
