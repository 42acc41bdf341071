"""The polynomial coefficients of `exact/1` (EXACT.md, section 4), by Remez' exchange in 40 digits.

    pip install -r models/reference/requirements.txt && python models/reference/fit_polynomials.py

Each polynomial minimises the largest weighted error over its interval; the coefficients are then rounded to binary32. The weights
make the error relative to the function's value. EXACT.md, not this script, is normative: another exchange may end in other bits.
"""

import struct

from mpmath import cos, erf, erfc, exp, log, lu_solve, matrix, mp, mpf, pi, sqrt, tanh

mp.dps = 40
TINY = mpf(10) ** -9


def main():
    half_ln_2 = log(mpf(2)) / 2 * mpf("1.0001")
    show("EXP", fit(exp_tail, lambda r: r**2 / exp(r) + TINY / 1000, -half_ln_2, half_ln_2, 5))
    show("LOG", fit(log_tail, lambda t: abs(t**3 / (log(1 + t) if abs(t) > TINY else TINY)) + TINY,
                    sqrt(mpf(2)) / 2 - 1, sqrt(mpf(2)) - 1, 8))
    show("TANH", fit(tanh_tail, lambda s: s / (tanh(sqrt(s)) / sqrt(s) if s > 0 else 1) + TINY, 0, mpf("0.625") ** 2, 5))
    show("ERF_SMALL", fit(erf_tail, lambda s: 1 / (1 + erf_tail(s)), 0, 1, 7))
    show("ERF_LARGE", fit(lambda t: -log(erfc(t)) / t, lambda t: t * erfc(t) / erf(t), 1, mpf("3.95"), 7))


def exp_tail(r):
    """`(e^r - 1 - r) / r^2`"""
    return (exp(r) - 1 - r) / r**2 if abs(r) > mpf(10) ** -12 else mpf(1) / 2 + r / 6


def log_tail(t):
    """`(log(1 + t) - t + t^2 / 2) / t^3`"""
    return (log(1 + t) - t + t * t / 2) / t**3 if abs(t) > mpf(10) ** -8 else mpf(1) / 3 - t / 4 + t * t / 5


def tanh_tail(s):
    """`(tanh(x) / x - 1) / x^2` at `s = x^2`"""
    x = sqrt(s)
    return (tanh(x) / x - 1) / s if x > mpf(10) ** -8 else -mpf(1) / 3 + 2 * s / 15


def erf_tail(s):
    """`erf(x) / x - 1` at `s = x^2`"""
    x = sqrt(s)
    return erf(x) / x - 1 if x > mpf(10) ** -12 else 2 / sqrt(pi) - 1


def fit(function, weight, low, high, count):
    """The `count` coefficients whose largest weighted error is least, constant term first, and that error."""
    low, high = mpf(low), mpf(high)

    def nodes(number):
        return [(low + high) / 2 + (high - low) / 2 * cos(pi * (number - i) / number) for i in range(number + 1)]

    grid, points = nodes(400), nodes(count)
    for _ in range(12):
        system, values = matrix(count + 1, count + 1), matrix(count + 1, 1)
        for row, x in enumerate(points):
            for power in range(count):
                system[row, power] = x**power
            system[row, count] = (-1) ** row / weight(x)
            values[row] = function(x)
        coefficients = list(lu_solve(system, values))[:count]
        errors = [weight(x) * (function(x) - evaluate(coefficients, x)) for x in grid]
        extrema = alternating_extrema(errors)
        while len(extrema) > count + 1:
            extrema.pop(0 if abs(errors[extrema[0]]) < abs(errors[extrema[-1]]) else -1)
        if len(extrema) < count + 1:
            break
        points = [grid[index] for index in extrema]
    return coefficients, max(abs(error) for error in errors)


def evaluate(coefficients, x):
    """Horner's rule."""
    value = mpf(0)
    for coefficient in reversed(coefficients):
        value = value * x + coefficient
    return value


def alternating_extrema(errors):
    """The index of the largest error of each run of one sign."""
    extrema, start = [], 0
    while start < len(errors):
        end = start
        while end < len(errors) and (errors[end] > 0) == (errors[start] > 0):
            end += 1
        extrema.append(max(range(start, end), key=lambda index: abs(errors[index])))
        start = end
    return extrema


def show(name, fitted):
    """One line: the coefficients as binary32 bits, and the largest error."""
    coefficients, error = fitted
    bits = [f"{struct.unpack('<I', struct.pack('<f', float(c)))[0]:08x}" for c in coefficients]
    print(f"{name} = {' '.join(bits)}  (error {mp.nstr(error, 3)})")


if __name__ == "__main__":
    main()
