"""A second implementation of the arithmetic standard exact/1, written from models/EXACT.md alone.

It is meant to be read beside that page: one part for each of its sections, in its order. It was written without sight of
the Rust implementation, so that agreement of the two says something. It favours evident correctness over speed.

A binary32 value is a Python float that happens to be one exactly; every operation below takes such floats and returns
such floats. Bit patterns appear at the edges only (`from_hex`, `to_hex`). A row is a list of floats.

Python 3.11 and mpmath 1.3.0 (requirements.txt); mpmath serves the tables of section 7 and nothing else.
"""

import hashlib
import math
import struct
from fractions import Fraction

import mpmath

INFINITY = math.inf
NAN = math.nan


# ----------------------------------------------------------------------------------------------------------------------
# Section 1. Machine and types: correctly rounded binary32
# ----------------------------------------------------------------------------------------------------------------------

def from_bits(pattern):
    """The binary32 value with this bit pattern."""
    return struct.unpack("<f", struct.pack("<I", pattern))[0]


def to_bits(value):
    """The bit pattern of a binary32 value."""
    return struct.unpack("<I", struct.pack("<f", value))[0]


def from_hex(pattern):
    """The binary32 value of eight hexadecimal digits, EXACT.md's notation for constants."""
    return from_bits(int(pattern, 16))


def to_hex(value):
    """Eight hexadecimal digits; every NaN is `nan`, since payloads have no meaning (section 1)."""
    return "nan" if math.isnan(value) else f"{to_bits(value):08x}"


def row_from_hex(patterns):
    """The binary32 values of patterns separated by blanks."""
    return [from_hex(pattern) for pattern in patterns.split()]


def f32(value):
    """`f32(x)` of EXACT.md: a number (binary64 or small integer) to the nearest binary32, ties to even."""
    try:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:  # struct's way to say that a finite number rounds to infinity
        return math.copysign(INFINITY, value)


# The next five compute in binary64 and round the result to binary32. The second rounding does no harm:
# - sums and differences: 53 >= 2 * 24 + 2 digits suffice (Figueroa 1995); sums in the subnormal range are exact;
# - products are exact in binary64: 48 digits, and no exponent below -298 or above 256;
# - quotients, roots: 53 digits suffice as above. A quotient in the subnormal range differs from the middle of two
#   neighbours, an odd m < 2^24 times 2^-150, by nothing or by a relative 2^-48 at least, which 53 digits tell apart.
#   A root is never subnormal.

def add(a, b):
    """`a + b`, correctly rounded."""
    return f32(a + b)


def sub(a, b):
    """`a - b`, correctly rounded."""
    return f32(a - b)


def mul(a, b):
    """`a * b`, correctly rounded."""
    return f32(a * b)


def div(a, b):
    """`a / b`, correctly rounded; Python raises on a zero divisor, IEEE-754 does not."""
    if b == 0.0:
        if a == 0.0 or math.isnan(a):
            return NAN
        return math.copysign(INFINITY, a) * math.copysign(1.0, b)
    return f32(a / b)


def sqrt(a):
    """`sqrt(a)`, correctly rounded; sqrt(-0) is -0."""
    if a < 0.0 or math.isnan(a):
        return NAN
    return f32(math.sqrt(a))


def fma(a, b, c):
    """`a * b + c` rounded once: in exact integers, since here binary64 would round twice and not always innocuously."""
    if not (math.isfinite(a) and math.isfinite(b) and math.isfinite(c)):
        return a * b + c
    total = in_smallest_units(a) * in_smallest_units(b) + (in_smallest_units(c) << 149)
    if total == 0:
        return a * b + c  # two zeros or a cancellation, both exact in binary64, which has the same rule for the sign
    return round_exact(total, -298)


def in_smallest_units(value):
    """A finite binary32 value as a whole number of 2^-149, the smallest subnormal."""
    return int(value * 2.0 ** 149)


def round_exact(integer, exponent):
    """The binary32 nearest to `integer * 2^exponent`, ties to even; `integer` is not 0, so the sign is known."""
    magnitude = abs(integer)
    dropped = max(magnitude.bit_length() - 24, -149 - exponent, 0)
    digits = magnitude >> dropped
    rest = magnitude - (digits << dropped)
    middle = (1 << dropped) >> 1
    if dropped and (rest > middle or (rest == middle and digits % 2 == 1)):
        digits += 1
    if digits.bit_length() + exponent + dropped > 128:
        return math.copysign(INFINITY, integer)
    return math.copysign(math.ldexp(digits, exponent + dropped), integer)


def maximum(a, b):
    """`maximum(a, b)`: `b` if `b > a`, else `a`."""
    return b if b > a else a


def relu(x):
    """ReLU: `x` if `x > 0`, else `+0`."""
    return maximum(0.0, x)


# ----------------------------------------------------------------------------------------------------------------------
# Section 2. Dot products
# ----------------------------------------------------------------------------------------------------------------------

BLOCK = 256


def dot(x, w):
    """`dot(x, w)`: blocks of 256, each a chain of fma from +0; then the blocks, ascending."""
    value = None
    for start in range(0, len(x), BLOCK):
        accumulator = 0.0
        for k in range(start, min(start + BLOCK, len(x))):
            accumulator = fma(x[k], w[k], accumulator)
        value = accumulator if value is None else add(value, accumulator)
    return value


def linear(x, weight, bias=None):
    """`linear(x, W, b)` of one row `x`; `weight` is a list of rows."""
    y = [dot(x, row) for row in weight]
    return y if bias is None else add_rows(y, bias)


def add_rows(a, b):
    """One `+` an element, as for a bias or a residual."""
    return [add(left, right) for left, right in zip(a, b, strict=True)]


# ----------------------------------------------------------------------------------------------------------------------
# Section 3. Row sums
# ----------------------------------------------------------------------------------------------------------------------

LANES = 16


def row_sum(values, first=0):
    """The row sum; `first` is the index of the first value, so that its lane is `first mod 16`."""
    lanes = [0.0] * LANES
    for i, value in enumerate(values, first):
        lanes[i % LANES] = add(lanes[i % LANES], value)
    return fold(lanes)


def sum_of_squares(values):
    """The row sum of squares."""
    lanes = [0.0] * LANES
    for i, value in enumerate(values):
        lanes[i % LANES] = fma(value, value, lanes[i % LANES])
    return fold(lanes)


def fold(lanes):
    """All 16 lanes to one value: distances 8, 4, 2 and 1."""
    for distance in (8, 4, 2, 1):
        lanes = [add(lanes[j], lanes[j + distance]) for j in range(distance)]
    return lanes[0]


# ----------------------------------------------------------------------------------------------------------------------
# Section 4. Elementary functions
# ----------------------------------------------------------------------------------------------------------------------

ROUND = from_hex("4b400000")
LOG2_E = from_hex("3fb8aa3b")
LN2_HIGH = from_hex("3f318000")
LN2_LOW = from_hex("b95e8083")

EXP_OVERFLOWS_ABOVE = from_hex("42b17217")
EXP_VANISHES_BELOW = from_hex("c2cff1b4")
EXP = row_from_hex("3efffffe 3e2aaa49 3d2aac79 3c091cf1 3ab51225")

SMALLEST_NORMAL = from_hex("00800000")
TWO_POW_23 = from_hex("4b000000")
LOG_SPLIT = 0x3f3504f3
LOG = row_from_hex("3eaaaaaa be800114 3e4cd004 be2a3922 3e116d0a be06c2a2 3e02add3 bd9c5b04")

TANH_SPLIT = from_hex("3f200000")
TANH = row_from_hex("beaaaa99 3e088393 bd5c1e2e 3ca91351 bbbaf0f2")

ERF_END = from_hex("407ccccd")
ERF_SMALL = row_from_hex("3e0375d4 bec0939f 3de7167c bcdbfc87 3baa02da ba51fb88 38a4b52f")
ERF_LARGE = row_from_hex("3f90790e 3f228d5d 3dda2cdd bcc4b0cd 3b764028 b9b7d001 376a416b")

SQRT_HALF = from_hex("3f3504f3")
GELU_CUBE = from_hex("3d372713")
GELU_SCALE = from_hex("3f4c422a")


def horner(x, coefficients):
    """`horner(x, c)`: from the last coefficient down, one fma each."""
    s = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        s = fma(x, s, coefficient)
    return s


def exp(x):
    """`exp(x)`."""
    if math.isnan(x):
        return NAN
    if x > EXP_OVERFLOWS_ABOVE:
        return INFINITY
    if x < EXP_VANISHES_BELOW:
        return 0.0
    t = fma(x, LOG2_E, ROUND)
    k = sub(t, ROUND)
    r = fma(k, -LN2_HIGH, x)
    r = fma(k, -LN2_LOW, r)
    p = add(fma(mul(r, r), horner(r, EXP), r), 1.0)
    h = math.floor(k / 2.0)
    return mul(mul(p, 2.0 ** h), 2.0 ** (int(k) - h))


def log(x):
    """`log(x)`."""
    if math.isnan(x) or x < 0.0:
        return NAN
    if x == 0.0:
        return -INFINITY
    if x == INFINITY:
        return x
    k0 = 0
    if x < SMALLEST_NORMAL:
        x = mul(x, TWO_POW_23)
        k0 = -23
    d = to_bits(x) - LOG_SPLIT
    k = float((d >> 23) + k0)
    m = from_bits((d & 0x007fffff) + LOG_SPLIT)
    t = sub(m, 1.0)
    q = mul(t, t)
    s = mul(mul(q, t), horner(t, LOG))
    s = fma(k, LN2_LOW, s)
    s = fma(q, -0.5, s)
    return fma(k, LN2_HIGH, add(t, s))


def tanh(x):
    """`tanh(x)`. By the formula, tanh(-0) is +0."""
    if math.isnan(x):
        return NAN
    a = abs(x)
    if a < TANH_SPLIT:
        q = mul(x, x)
        return fma(mul(q, x), horner(q, TANH), x)
    return math.copysign(sub(1.0, div(2.0, add(exp(add(a, a)), 1.0))), x)


def erf(x):
    """`erf(x)`."""
    if math.isnan(x):
        return NAN
    a = abs(x)
    if a < 1.0:
        q = mul(x, x)
        return fma(x, horner(q, ERF_SMALL), x)
    c = ERF_END if a > ERF_END else a
    return math.copysign(sub(1.0, exp(-mul(c, horner(c, ERF_LARGE)))), x)


def sigmoid(x):
    """`1 / (1 + exp(-x))`."""
    return div(1.0, add(1.0, exp(-x)))


def silu(x):
    """`x / (1 + exp(-x))`."""
    return div(x, add(1.0, exp(-x)))


def gelu(x):
    """`(0.5 * x) * (1 + erf(x * 3f3504f3))`."""
    return mul(mul(0.5, x), add(1.0, erf(mul(x, SQRT_HALF))))


def gelu_tanh(x):
    """The approximation of gelu by tanh."""
    return mul(mul(0.5, x), add(1.0, tanh(gelu_tanh_argument(x))))


def gelu_tanh_argument(x):
    """What `gelu_tanh` hands to `tanh`."""
    return mul(GELU_SCALE, fma(mul(mul(x, x), x), GELU_CUBE, x))


def gated(gate, up):
    """The gated product `silu(gate) * up` of two rows."""
    return [mul(silu(g), u) for g, u in zip(gate, up, strict=True)]


# ----------------------------------------------------------------------------------------------------------------------
# Section 5. Attention
# ----------------------------------------------------------------------------------------------------------------------

def attend(query, keys, values, visible):
    """One query of one head; `visible` is the range of key positions that it sees."""
    if len(visible) == 0:
        raise ValueError("a query that sees no key")
    scale = div(1.0, sqrt(f32(len(query))))
    scores = [mul(dot(query, keys[j]), scale) for j in visible]
    m = max(scores)
    p = [exp(sub(score, m)) for score in scores]
    z = row_sum(p, first=visible.start)
    return [div(weighted_value(p, values, visible, dimension), z) for dimension in range(len(values[0]))]


def weighted_value(p, values, visible, dimension):
    """Step 5: the block of key `j` is `j div 256`, whatever the first visible key is."""
    blocks = {}
    for weight, j in zip(p, visible, strict=True):
        blocks[j // BLOCK] = fma(weight, values[j][dimension], blocks.get(j // BLOCK, 0.0))
    total, *further = (blocks[block] for block in sorted(blocks))
    for accumulator in further:
        total = add(total, accumulator)
    return total


def key_head(head, heads, kv_heads):
    """The key head of a query head."""
    return head // (heads // kv_heads)


def causal(first):
    """Visibility in a decoder: the `i`-th query of a call stands at position `first + i`."""
    return lambda sequence, i: range(first + i + 1)


def within(lengths):
    """Visibility in an encoder: every query sees its own sequence's tokens."""
    return lambda sequence, i: range(lengths[sequence])


def attention(q, k, v, visibility):
    """All queries: `q[batch][head][position]` is a row; the same for the keys and values, by key head."""
    return [[[attend(query, k[b][key_head(h, len(q[b]), len(k[b]))], v[b][key_head(h, len(q[b]), len(k[b]))],
                     visibility(b, i))
              for i, query in enumerate(q[b][h])]
             for h in range(len(q[b]))]
            for b in range(len(q))]


# ----------------------------------------------------------------------------------------------------------------------
# Section 6. Normalisation
# ----------------------------------------------------------------------------------------------------------------------

def inverse_deviation(row, eps):
    """`1 / sqrt(sum_of_squares(row) / n + eps)`."""
    return div(1.0, sqrt(add(div(sum_of_squares(row), f32(len(row))), f32(eps))))


def rms_norm(x, weight, eps):
    """Root mean square normalisation of a row."""
    i = inverse_deviation(x, eps)
    return [mul(mul(value, i), w) for value, w in zip(x, weight, strict=True)]


def layer_norm(x, weight, bias, eps):
    """Layer normalisation of a row, in two passes."""
    mean = div(row_sum(x), f32(len(x)))
    d = [sub(value, mean) for value in x]
    i = inverse_deviation(d, eps)
    return [fma(mul(value, i), w, b) for value, w, b in zip(d, weight, bias, strict=True)]


# ----------------------------------------------------------------------------------------------------------------------
# Section 7. Rotary position embedding
# ----------------------------------------------------------------------------------------------------------------------

TWO_PI = struct.unpack(">d", bytes.fromhex("401921fb54442d18"))[0]


def inverse_frequencies(theta, head_dim, scaling=None):
    """All `head_dim / 2` of them, scaled as a configuration's `rope_scaling` says."""
    return [scaled_frequency(inverse_frequency(theta, i, head_dim), scaling) for i in range(head_dim // 2)]


def inverse_frequency(theta, i, head_dim):
    """The real number `theta^(-2i / head_dim)`, correctly rounded; `theta` is the exact value of a binary64."""
    def power():
        return mpmath.exp(-mpmath.mpf(2 * i) / head_dim * mpmath.log(mpmath.mpf(theta)))

    def is_exactly(candidate):  # powers with both sides whole: candidate^head_dim = theta^(-2i)
        return candidate ** head_dim * Fraction(theta) ** (2 * i) == 1

    return correctly_rounded(power, is_exactly)


def scaled_frequency(f, scaling):
    """Binary64, each operation rounded (as Python's are), and the result rounded to binary32."""
    if scaling is None:
        return f
    factor = float(scaling["factor"])
    if scaling["rope_type"] == "linear":
        return f32(f / factor)
    if scaling["rope_type"] != "llama3":
        raise ValueError("rope_type is neither linear nor llama3")
    low, high = float(scaling["low_freq_factor"]), float(scaling["high_freq_factor"])
    original = float(scaling["original_max_position_embeddings"])
    w = TWO_PI / f
    if w < original / high:
        return f
    if w > original / low:
        return f32(f / factor)
    b = (original / w - low) / (high - low)
    return f32((1.0 - b) * (f / factor) + b * f)


def cos_sin(position, f):
    """Cosine and sine of the exact product `position * f`, correctly rounded."""
    if position == 0:
        return 1.0, 0.0
    # Of an algebraic number other than 0 both are transcendental, so neither is ever a binary32 or a tie.
    return (correctly_rounded(lambda: mpmath.cos(mpmath.mpf(position) * mpmath.mpf(f))),
            correctly_rounded(lambda: mpmath.sin(mpmath.mpf(position) * mpmath.mpf(f))))


def rotary_tables(frequencies, positions):
    """The cosine and sine tables, `(positions, head_dim / 2)` row-major, as flat lists."""
    pairs = [cos_sin(position, f) for position in range(positions) for f in frequencies]
    return [cos for cos, _ in pairs], [sin for _, sin in pairs]


def rotate(row, position, frequencies):
    """Rotate one head's elements to a position: first half against second half."""
    half = len(row) // 2
    left, right = [], []
    for x, y, f in zip(row[:half], row[half:], frequencies, strict=True):
        cos, sin = cos_sin(position, f)
        left.append(fma(x, cos, -mul(y, sin)))
        right.append(fma(y, cos, mul(x, sin)))
    return left + right


def correctly_rounded(compute, is_exactly=None):
    """Round a positive or negative real to binary32: more digits until an interval about it rounds to one value.

    `compute` gives the number in mpmath's current precision, to which 20 digits of slack are granted. `is_exactly` tells
    whether the number is a given fraction; without it the number is taken to be neither a binary32 nor a tie, for these
    are the cases that no precision settles.
    """
    precision = 80
    while True:
        with mpmath.workprec(precision):
            _, digits, exponent, length = mpmath.mpf(compute())._mpf_ if False else _parts(compute())
        slack = 1 << max(length - precision + 20, 0)
        lower, upper = round_exact(digits - slack, exponent), round_exact(digits + slack, exponent)
        if lower == upper:
            return lower
        precision *= 2
