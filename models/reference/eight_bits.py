"""Section 13 of EXACT.md: eight bits, all that exact/q8 adds to exact/1."""

import math

from exact_reference import NAN, SMALLEST_NORMAL, add_rows, div, fma, linear, maximum, mul

Q8_BLOCK = 32


class QuantisedMatrix:
    """The rows of a matrix, each a list of blocks `(d, integers)`."""

    __iter__ = None  # so that section 2's `linear` refuses it, rather than multiply what look-ups give

    def __init__(self, rows):
        self.rows = [quantised(row) for row in rows]

    def __getitem__(self, index):
        """A look-up: `q * d`."""
        return [mul(float(q), d) for d, integers in self.rows[index] for q in integers]


def quantised(row):
    """A row's blocks: of 32 elements, the last one shorter."""
    return [quantised_block(row[start:start + Q8_BLOCK]) for start in range(0, len(row), Q8_BLOCK)]


def quantised_block(x):
    """`d` and the integers of one block."""
    if not all(math.isfinite(value) for value in x):
        return NAN, [0] * len(x)
    largest = 0.0
    for value in x:
        largest = maximum(largest, abs(value))
    d = div(largest, 127.0)
    if d < SMALLEST_NORMAL:
        return 0.0, [0] * len(x)
    return d, [round(div(value, d)) for value in x]  # Python's `round` is to nearest, ties to even


def dot8(x, w):
    """`dot8(x, w)` of two rows of blocks."""
    accumulator = 0.0
    for (d_x, integers_x), (d_w, integers_w) in zip(x, w, strict=True):
        n = sum(q_x * q_w for q_x, q_w in zip(integers_x, integers_w, strict=True))
        accumulator = fma(float(n), mul(d_x, d_w), accumulator)
    return accumulator


def linear_of_precision(x, weight, bias=None):
    """`linear(x, W, b)` of one row `x`, by integers if the matrix is quantised."""
    if not isinstance(weight, QuantisedMatrix):
        return linear(x, weight, bias)
    blocks = quantised(x)
    y = [dot8(blocks, row) for row in weight.rows]
    return y if bias is None else add_rows(y, bias)
