"""A second implementation of the arithmetic standards exact/1 and exact/q8, written from models/EXACT.md alone.

It is meant to be read beside that page: one part for each of its sections, in its order; but section 13, all that exact/q8
adds, is in eight_bits.py, and section 14 in audio_reference.py; whole_models.py puts them together. It was written without
sight of the Rust implementation, so that agreement of the two says something; but for two places whose Rust was seen
before: the shares and most of the choice of experts (section 9), and where a window begins (section 5). It favours evident
correctness over speed.

A binary32 value is a Python float that happens to be one exactly; every operation below takes such floats and returns
such floats. Bit patterns appear at the edges only (`from_hex`, `to_hex`). A row is a list of floats.

Python 3.11 and mpmath 1.3.0 (requirements.txt); mpmath serves the tables of section 7 and nothing else.
"""

import functools
import hashlib
import math
import struct

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


# A format by its number of digits, the exponent of its smallest subnormal, and that of the power of two it ends below.
FORMATS = {"f32": (24, -149, 128), "bf16": (8, -133, 128), "f16": (11, -24, 16)}


def round_exact(integer, exponent, precision="f32"):
    """What is nearest to `integer * 2^exponent`, ties to even; `integer` is not 0, so the sign is known."""
    digits_kept, smallest, end = FORMATS[precision]
    magnitude = abs(integer)
    dropped = max(magnitude.bit_length() - digits_kept, smallest - exponent, 0)
    digits = magnitude >> dropped
    rest = magnitude - (digits << dropped)
    middle = (1 << dropped) >> 1
    if dropped and (rest > middle or (rest == middle and digits % 2 == 1)):
        digits += 1
    if digits.bit_length() + exponent + dropped > end:
        return math.copysign(INFINITY, integer)
    return math.copysign(math.ldexp(digits, exponent + dropped), integer)


def narrowed(weight, precision):
    """A binary32 weight rounded to a workload's precision and widened again; refused if not finite, before or after."""
    value = weight
    if math.isfinite(weight) and weight != 0.0:  # a zero keeps its sign
        value = round_exact(in_smallest_units(weight), -149, precision)
    if not math.isfinite(value):
        raise ValueError(f"a weight that is not finite in {precision}")
    return value


def narrow_bits(value, precision):
    """The 16-bit pattern of a value that is one of bf16 or f16 exactly."""
    if precision == "bf16":
        return to_bits(value) >> 16
    return struct.unpack("<H", struct.pack("<e", value))[0]


def widened(pattern, precision):
    """The binary32 value of a bf16 or f16 bit pattern."""
    if precision == "bf16":
        return from_bits(pattern << 16)
    return struct.unpack("<e", struct.pack("<H", pattern))[0]


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


def conv2d(x, weight, bias, stride, padding, dilation):
    """`conv2d(x, W, b)`: `x[batch][channel][y][x]` and `W[output][channel][y][x]` to `y[batch][output][y][x]`.

    Stride, padding and dilation are pairs: vertical, horizontal. `bias` may be `None`.
    """
    kernel = len(weight[0][0]), len(weight[0][0][0])
    rows, columns = (output_size(len(line), *by_axis) for line, *by_axis in
                     zip((x[0][0], x[0][0][0]), kernel, stride, padding, dilation, strict=True))
    filters = [in_window_order(filter_, lambda plane, ky, kx: plane[ky][kx], kernel) for filter_ in weight]

    def pixels(image, oy, ox):
        """The value of `linear` over one window: all outputs of one place."""
        def element(plane, ky, kx):
            iy = oy * stride[0] - padding[0] + ky * dilation[0]
            ix = ox * stride[1] - padding[1] + kx * dilation[1]
            return plane[iy][ix] if 0 <= iy < len(plane) and 0 <= ix < len(plane[0]) else 0.0
        return linear(in_window_order(image, element, kernel), filters, bias)

    result = []
    for image in x:
        places = [[pixels(image, oy, ox) for ox in range(columns)] for oy in range(rows)]
        result.append([[[places[oy][ox][output] for ox in range(columns)] for oy in range(rows)]
                       for output in range(len(weight))])
    return result


def output_size(size, kernel, stride, padding, dilation):
    """How many places a window has along one axis."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def in_window_order(planes, element, kernel):
    """`element(plane, ky, kx)` of every channel's plane, in the order (`ky`, `kx`, `channel`), `channel` fastest."""
    return [element(plane, ky, kx) for ky in range(kernel[0]) for kx in range(kernel[1]) for plane in planes]


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
QUICK_GELU_SCALE = from_hex("3fd9db23")


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
    """`tanh(x)`."""
    if math.isnan(x):
        return NAN
    a = abs(x)
    if a < TANH_SPLIT:
        q = mul(a, a)
        value = fma(mul(q, a), horner(q, TANH), a)
    else:
        value = sub(1.0, div(2.0, add(exp(add(a, a)), 1.0)))
    return math.copysign(value, x)


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


def quick_gelu(x):
    """`x / (1 + exp(-(3fd9db23 * x)))`."""
    return div(x, add(1.0, exp(-mul(QUICK_GELU_SCALE, x))))


def gated(gate, up, activation=silu):
    """The gated product `activation(gate) * up` of two rows."""
    return [mul(activation(g), u) for g, u in zip(gate, up, strict=True)]


# ----------------------------------------------------------------------------------------------------------------------
# Section 5. Attention
# ----------------------------------------------------------------------------------------------------------------------

def score_scale(width):
    """`1 / sqrt(f32(width))`; `width` is `head_dim`, or `query_pre_attn_scalar` where the family has that."""
    return div(1.0, sqrt(f32(width)))


def attend(query, keys, values, visible, scale):
    """One query of one head; `visible` is the range of key positions that it sees."""
    if len(visible) == 0:
        raise ValueError("a query that sees no key")
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


def sliding(first, window):
    """The same with a window: the last `window` of those keys, the query's own among them."""
    return lambda sequence, i: range(first + i + 1)[-window:]


def within(lengths):
    """Visibility in an encoder: every query sees its own sequence's tokens."""
    return lambda sequence, i: range(lengths[sequence])


def attention(q, k, v, visibility, scale_width=None):
    """All queries: `q[batch][head][position]` is a row; the same for the keys and values, by key head."""
    scale = score_scale(scale_width or len(q[0][0][0]))
    return [[[attend(query, k[b][key_head(h, len(q[b]), len(k[b]))], v[b][key_head(h, len(q[b]), len(k[b]))],
                     visibility(b, i), scale)
              for i, query in enumerate(q[b][h])]
             for h in range(len(q[b]))]
            for b in range(len(q))]


# ----------------------------------------------------------------------------------------------------------------------
# Section 6. Normalisation
# ----------------------------------------------------------------------------------------------------------------------

def batch_norm(x, mean, variance, weight, bias, eps):
    """One pixel's channels by their running statistics."""
    inverse = [div(1.0, sqrt(add(value, f32(eps)))) for value in variance]
    return [fma(mul(sub(value, m), i), w, b) for value, m, i, w, b in zip(x, mean, inverse, weight, bias, strict=True)]


def inverse_deviation(row, eps):
    """`1 / sqrt(sum_of_squares(row) / n + eps)`."""
    return div(1.0, sqrt(add(div(sum_of_squares(row), f32(len(row))), f32(eps))))


def rms_norm(x, weight, eps):
    """Root mean square normalisation of a row."""
    i = inverse_deviation(x, eps)
    return [mul(mul(value, i), w) for value, w in zip(x, weight, strict=True)]


def one_plus(weight):
    """The `weight` of a norm that scales by `1 + weight`: one `+` an element."""
    return [add(1.0, w) for w in weight]


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
    if i == 0:
        return 1.0
    # Never a tie: were theta^(-2i / head_dim) = m * 2^e with an odd m of 25 digits, then theta^(2i) * m^head_dim would be
    # a power of two, which it is not for theta an integer times a power of two.
    return correctly_rounded(lambda: mpmath.exp(-mpmath.mpf(2 * i) / head_dim * mpmath.log(mpmath.mpf(theta))))


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
    # Never ties: cosine and sine of a rational number other than 0 are transcendental.
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


def correctly_rounded(compute):
    """Round the real number that `compute` gives in mpmath's current precision: until an interval settles the rounding.

    Of its digits 20 bits are granted to mpmath's errors. The search ends unless the number is a tie of two binary32.
    """
    precision = 80
    while True:
        with mpmath.workprec(precision):
            value = compute()
            exponent = mpmath.frexp(value)[1] - precision
            digits = int(mpmath.ldexp(value, -exponent))
        lower, upper = (round_exact(digits + slack, exponent) for slack in (-(1 << 20), 1 << 20))
        if lower == upper:
            return lower
        precision *= 2


# ----------------------------------------------------------------------------------------------------------------------
# Section 8. Embeddings, pooling
# ----------------------------------------------------------------------------------------------------------------------

L2_FLOOR = from_hex("2b8cbccc")


def scaled_row(row, scale):
    """A row of a table whose model scales embeddings; `scale` is a binary32."""
    return [mul(value, scale) for value in row]


def encoder_embedding(word, token_type, position):
    """`(word + token type) + position` of three rows; without token types (`None`), `word + position`."""
    return add_rows(word if token_type is None else add_rows(word, token_type), position)


def mean_pool(rows):
    """The mean over a sequence's tokens, for each dimension."""
    return [div(row_sum([row[dimension] for row in rows]), f32(len(rows))) for dimension in range(len(rows[0]))]


def max_pool(plane, kernel, stride, padding):
    """One channel of an image, `plane[y][x]`; kernel, stride and padding are those of both axes."""
    rows, columns = (output_size(size, kernel, stride, padding, 1) for size in (len(plane), len(plane[0])))

    def pooled(oy, ox):
        inside = [plane[y][x]
                  for y in range(oy * stride - padding, oy * stride - padding + kernel) if 0 <= y < len(plane)
                  for x in range(ox * stride - padding, ox * stride - padding + kernel) if 0 <= x < len(plane[0])]
        return functools.reduce(maximum, inside)
    return [[pooled(oy, ox) for ox in range(columns)] for oy in range(rows)]


def similarity(image, text, logit_scale):
    """How alike two unit vectors are."""
    return mul(dot(text, image), exp(logit_scale))


def l2_normalise(x):
    """Divide a row by its length, or by 1e-12 if that is longer."""
    n = sqrt(sum_of_squares(x))
    if n < L2_FLOOR:
        n = L2_FLOOR
    return [div(value, n) for value in x]


# ----------------------------------------------------------------------------------------------------------------------
# Section 9. Choice
# ----------------------------------------------------------------------------------------------------------------------

def argmax(values):
    """The lowest index among the largest; a NaN is an error."""
    if any(math.isnan(value) for value in values):
        raise ValueError("argmax of a NaN")
    return values.index(max(values))  # Python's comparisons: -0 equals +0


def expert_shares(logits):
    """`p`: a router's logits as shares of one."""
    m = max(logits)
    e = [exp(sub(logit, m)) for logit in logits]
    z = row_sum(e)
    return [div(value, z) for value in e]


def route(logits, count, is_normalised):
    """The experts of a token, ascending, and their weights; a NaN is an error."""
    p = expert_shares(logits)
    if any(math.isnan(share) for share in p):
        raise ValueError("a share that is a NaN")
    chosen = sorted(sorted(range(len(p)), key=lambda j: (-p[j], j))[:count])
    weights = [p[j] for j in chosen]
    if is_normalised:
        t = row_sum(weights)
        weights = [div(weight, t) for weight in weights]
    return chosen, weights


def mixture(outputs, weights):
    """The outputs of the chosen experts, in ascending order of expert, each times its weight, added."""
    products = [[mul(value, weight) for value in output] for output, weight in zip(outputs, weights, strict=True)]
    return functools.reduce(add_rows, products)


# ----------------------------------------------------------------------------------------------------------------------
# Section 10. Synthetic weights
# ----------------------------------------------------------------------------------------------------------------------

MATRIX_SCALE = from_hex("3d0de3bd")
BIAS_SCALE = from_hex("3ca3d70a")
SCALE_SPREAD = from_hex("3dcccccd")
LOGIT_SCALE = from_hex("402a3055")


def hash_frame(*fields):
    """`H(fields)`: SHA-256 of every field's length, 64 bits little-endian, and its bytes. Text is UTF-8."""
    digest = hashlib.sha256()
    for field in fields:
        data = field.encode() if isinstance(field, str) else field
        digest.update(struct.pack("<Q", len(data)) + data)
    return digest.digest()


def chacha8_block(key, counter):
    """The 16 words of one block: RFC 8439's state, a nonce of zeros, 8 rounds instead of 20."""
    state = list(struct.unpack("<4I", b"expand 32-byte k")) + list(struct.unpack("<8I", key)) + [counter, 0, 0, 0]
    words = state.copy()
    for _ in range(4):  # two rounds a turn: columns, diagonals
        quarter_round(words, 0, 4, 8, 12)
        quarter_round(words, 1, 5, 9, 13)
        quarter_round(words, 2, 6, 10, 14)
        quarter_round(words, 3, 7, 11, 15)
        quarter_round(words, 0, 5, 10, 15)
        quarter_round(words, 1, 6, 11, 12)
        quarter_round(words, 2, 7, 8, 13)
        quarter_round(words, 3, 4, 9, 14)
    return [(word + start) & 0xffffffff for word, start in zip(words, state)]


def quarter_round(words, a, b, c, d):
    """RFC 8439, section 2.1, in place."""
    for left, right, target, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        words[left] = (words[left] + words[right]) & 0xffffffff
        word = words[target] ^ words[left]
        words[target] = ((word << turn) | (word >> (32 - turn))) & 0xffffffff


def synthetic(seed, name, kind, start, count, precision="f32"):
    """Values `start .. start + count` of a tensor in a precision (section 1); `kind` is one of those below."""
    key = hash_frame("proofmark/synthetic/1", struct.pack("<Q", seed), name)
    first_block = start // 16
    words = []
    for counter in range(first_block, (start + count + 15) // 16):
        words += chacha8_block(key, counter)
    offset = start - 16 * first_block
    return [narrowed(synthetic_value(word, kind), precision) for word in words[offset:offset + count]]


def synthetic_value(word, kind):
    """One value from one word of the stream."""
    v = ((word >> 8) - 2 ** 23) * 2.0 ** -23
    if kind == "matrix":
        return mul(v, MATRIX_SCALE)
    if kind == "bias":
        return mul(v, BIAS_SCALE)
    if kind == "scale":
        return fma(v, SCALE_SPREAD, 1.0)
    if kind == "scale_offset":  # of a norm that scales by `1 + weight`
        return mul(v, SCALE_SPREAD)
    if kind == "logit_scale":
        return LOGIT_SCALE
    raise ValueError("kind is not matrix, bias, scale, scale_offset or logit_scale")


# ----------------------------------------------------------------------------------------------------------------------
# Section 11. Digests (bytes; the vectors hold them in hexadecimal)
# ----------------------------------------------------------------------------------------------------------------------

def floats_as_bytes(values):
    """Binary32 values as their little-endian bytes."""
    return struct.pack(f"<{len(values)}f", *values)


def tensor_digest(dims, values):
    """The digest of a tensor: its dimensions are one field, its values another."""
    return hash_frame("proofmark/tensor/1", struct.pack(f"<{len(dims)}Q", *dims), floats_as_bytes(values))


def weights_digest(digests):
    """The digest of all weights, given their digests by name."""
    by_name = sorted(digests.items(), key=lambda item: item[0].encode())
    return hash_frame("proofmark/weights/1", *(field for item in by_name for field in item))


def generation_digest(batch, steps, tokens, logits, task="generation"):
    """Output of a generation; tokens `(batch, step)` and logits `(batch, step, vocab)` as flat lists."""
    dims = struct.pack("<3Q", batch, steps, len(logits) // (batch * steps))
    return hash_frame("proofmark/output/1", task, dims, struct.pack(f"<{len(tokens)}I", *tokens), floats_as_bytes(logits))


def transcription_digest(batch, steps, tokens, logits):
    """Output of a transcription, as that of a generation."""
    return generation_digest(batch, steps, tokens, logits, "transcription")


def embedding_digest(batch, values, task="embedding"):
    """Output of an embedding, `(batch, hidden)` as a flat list."""
    dims = struct.pack("<2Q", batch, len(values) // batch)
    return hash_frame("proofmark/output/1", task, dims, floats_as_bytes(values))


def classification_digest(batch, logits):
    """Output of a classification, `(batch, classes)`."""
    return embedding_digest(batch, logits, "classification")


def similarity_digest(images, values):
    """Output of a similarity, `(images, texts)`."""
    return embedding_digest(images, values, "similarity")


def reranking_digest(scores):
    """Output of a reranking."""
    return hash_frame("proofmark/output/1", "reranking", struct.pack("<Q", len(scores)), floats_as_bytes(scores))
