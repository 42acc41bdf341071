"""What a fleet serves at most at a rate of requests (a linear program), and what each unit is worth in it.

HiGHS finds the solutions; exact bounds from both sides say that they are right within 1e-12.
"""

from collections.abc import Iterable
from fractions import Fraction
from math import isclose

from network_fleets import Fleet, Rows
from scipy.optimize import linprog
from scipy.sparse import csr_array


def optimum(gain: Rows, fleet: Fleet, machines: Iterable[int], unlimited: tuple[int, ...] = ()) -> tuple[Fraction, Fraction]:
    """The linear program's value, from below and from above: HiGHS's solution and prices, made feasible in exact arithmetic.

    A variable is the part of its time that a machine serves a row, or of the row's demand if it has no limit.
    """
    rate, shares = Fraction(fleet.rate), [Fraction(d) for d in fleet.shares]
    served_rows = [w for w, d in enumerate(shares) if d > 0]
    pairs = [(w, i) for w in served_rows for i in machines if gain[w][i] > 0 and fleet.mu[w][i] > 0]
    if not pairs:
        return Fraction(0), Fraction(0)
    # The part of all requests that a pair serves in all of the machine's time.
    served = [shares[w] if i in unlimited else Fraction(fleet.mu[w][i]) / rate for w, i in pairs]
    limited = sorted({i for _, i in pairs} - set(unlimited))
    entries = [(limited.index(i), k, 1.0) for k, (_, i) in enumerate(pairs) if i not in unlimited]
    entries += [(len(limited) + w, k, float(served[k])) for k, (w, _) in enumerate(pairs)]
    at_row, at_column, numbers = zip(*entries)
    found = linprog(
        [-float(gain[w][i] * s) for (w, i), s in zip(pairs, served)],
        A_ub=csr_array((numbers, (at_row, at_column)), shape=(len(limited) + len(shares), len(pairs))),
        b_ub=[1.0] * len(limited) + fleet.shares,
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    assert found.status == 0, found.message

    parts = [max(Fraction(x), Fraction(0)) for x in found.x]
    for w, d in enumerate(shares):
        inside = [k for k, pair in enumerate(pairs) if pair[0] == w]
        used = sum(parts[k] * served[k] for k in inside)
        for k in inside if used > d else []:
            parts[k] *= d / used
    for i in limited:
        inside = [k for k, pair in enumerate(pairs) if pair[1] == i]
        used = sum(parts[k] for k in inside)
        for k in inside if used > 1 else []:
            parts[k] /= used
    below = sum(gain[w][i] * s * x for (w, i), s, x in zip(pairs, served, parts))

    row_price = [max(Fraction(-x), Fraction(0)) for x in found.ineqlin.marginals[len(limited) :]]
    for w, i in pairs:
        if i in unlimited:
            row_price[w] = max(row_price[w], gain[w][i])
    time_price = dict.fromkeys(limited, Fraction(0))
    for (w, i), s in zip(pairs, served):
        if i in time_price:
            time_price[i] = max(time_price[i], s * (gain[w][i] - row_price[w]))
    above = sum(time_price.values()) + sum(d * price for d, price in zip(shares, row_price))
    assert 0 <= above - below < 1e-12
    return below, above


def capacity(fleet: Fleet) -> dict | None:
    if fleet.rate is None:
        return None
    q, everybody = fleet.exact("value"), fleet.machines()
    success, dual = optimum(q, fleet, everybody)
    worth = []
    for inside, outside in fleet.units():
        total = success - optimum(q, fleet, outside)[0]
        best = [max((row[j] for j in outside), default=Fraction(0)) for row in q]
        gain = [[max(x - b, Fraction(0)) for x in row] for row, b in zip(q, best)]
        part = optimum(gain, fleet, inside)[0]
        working = [max((row[j] for j in outside if mu[j] > 0), default=0) for row, mu in zip(q, fleet.mu)]
        assert working == best, "whether a machine that sustains nothing may be the best other one is not said"
        if len(everybody) <= 12:
            # By definition: all others without a limit of capacity, with the unit and without it.
            with_unit, bare = (optimum(q, fleet, machines, tuple(outside))[0] for machines in (everybody, outside))
            assert isclose(part, with_unit - bare, abs_tol=1e-11)
        # A request of the coverage part displaces at most one of the others' best plan, which is worth at most `best`.
        assert total - part > -1e-11
        worth.append({"total": float(total), "coverage_part": float(part), "volume_part": float(total - part)})
    return {"rate": fleet.rate, "mu": fleet.mu, "success": float(success), "dual": float(dual), "worth": worth}


