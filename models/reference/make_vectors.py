"""Write the vectors of exact/1 and exact/q8 to models/tests/vectors, from exact_reference.py.

    python3 make_vectors.py           write them
    python3 make_vectors.py --check   write nothing; exit 1 with one line if a file differs from what would be written

The same bytes every time: inputs come from the small generator of vector_inputs.py; whole models are in
model_vectors.py, vision_vectors.py, audio_vectors.py and eight_bit_vectors.py. Binary32 values are bit patterns of eight
digits, or `nan`, those of 16 bits four digits; binary64 parameters are decimal numbers; tensors are flat lists, row-major.
A case takes one line.
"""

import functools
import hashlib
import json
import math
import sys
from pathlib import Path

import exact_reference as exact
from exact_reference import f32, from_bits, from_hex, to_bits, to_hex
from audio_vectors import audio
from eight_bit_vectors import q8
from model_vectors import encoders, generation, generation_precision
from vector_inputs import INFINITY_BITS, Generator, cut, flat, hexes
from vision_vectors import vision

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "vectors"
SIGN = 0x80000000


def main():
    """Write or check all files."""
    for name, document in (
        ("functions.json", functions),
        ("linear.json", linear),
        ("sums.json", sums),
        ("attention.json", attention),
        ("norms.json", norms),
        ("rotary.json", rotary),
        ("pooling.json", pooling),
        ("synthetic.json", synthetic),
        ("generation.json", generation),
        ("precision.json", precision),
        ("convolution.json", convolution),
        ("generation_precision.json", generation_precision),
        ("q8.json", q8),
        ("routing.json", routing),
        ("encoders.json", encoders),
        ("vision.json", vision),
        ("audio.json", audio),
    ):
        path = FOLDER / name
        data = (render(document()) + "\n").encode()
        if "--check" not in sys.argv[1:]:
            FOLDER.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        elif not path.exists() or path.read_bytes() != data:
            sys.exit(f"{path} differs from what make_vectors.py writes")


def render(section):
    """A section as JSON: objects and the arrays in them spread over lines, every case in an array on one line."""
    parts = []
    for key, value in section.items():
        if isinstance(value, dict):
            text = render(value)
        else:
            lines = (json.dumps(case, separators=(",", ":"), allow_nan=False) for case in value)
            text = "[\n" + ",\n".join(lines) + "\n]"
        parts.append(f"{json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}"


# ----------------------------------------------------------------------------------------------------------------------
# functions.json
# ----------------------------------------------------------------------------------------------------------------------

def functions():
    """Every elementary function at common inputs and about its own thresholds."""
    common = common_inputs()
    gelu_argument = functools.partial(exact.mul, exact.SQRT_HALF)
    thresholds = {
        "exp": [exact.EXP_OVERFLOWS_ABOVE, exact.EXP_VANISHES_BELOW, *exp_reduction_edges()],
        "log": [1.0, *(from_bits(exact.LOG_SPLIT + (octave << 23)) for octave in (-126, -125, -23, -1, 0, 1, 2, 127))],
        "tanh": [exact.TANH_SPLIT, lowest(lambda x: exact.exp(exact.add(x, x)) == math.inf), saturation(exact.tanh)],
        "erf": [1.0, exact.ERF_END, saturation(exact.erf)],
        "sigmoid": [exact.EXP_OVERFLOWS_ABOVE, exact.EXP_VANISHES_BELOW, *exp_reduction_edges()],
        "silu": [exact.EXP_OVERFLOWS_ABOVE, exact.EXP_VANISHES_BELOW, *exp_reduction_edges()],
        "quick_gelu": [lowest(lambda x: exact.mul(exact.QUICK_GELU_SCALE, x) > edge)
                       for edge in (exact.EXP_OVERFLOWS_ABOVE, -exact.EXP_VANISHES_BELOW)],
        "gelu": [lowest(lambda x: gelu_argument(x) >= 1.0), lowest(lambda x: gelu_argument(x) > exact.ERF_END)],
        "gelu_tanh": [
            lowest(lambda x: exact.gelu_tanh_argument(x) >= exact.TANH_SPLIT),
            lowest(lambda x: exact.exp(exact.mul(2.0, exact.gelu_tanh_argument(x))) == math.inf),
            lowest(lambda x: exact.mul(exact.mul(x, x), x) == math.inf),
            lowest(lambda x: exact.mul(x, x) == math.inf),
        ],
    }
    return {name: [[pattern_to_hex(pattern), to_hex(getattr(exact, name)(from_bits(pattern)))]
                   for pattern in unique(flat(map(neighbours, edges)) + common)]
            for name, edges in thresholds.items()}


def common_inputs():
    """Bit patterns that every function gets."""
    draw = Generator(1)
    patterns = [0x00000000, INFINITY_BITS, 0x7fc00000, 0x7f7fffff, 0x7f7ffffe, 0x00000001, 0x00000002, 0x007fffff,
                0x00800000, 0x00800001, *(to_bits(f32(x)) for x in (0.1, 0.25, 0.5, 1, 1.5, 2, 3, 4, 10, 16, 50, 100))]
    patterns += [pattern ^ SIGN for pattern in patterns if pattern != 0x7fc00000]
    for sign in (0, SIGN):
        patterns += [sign | (exponent << 23) | draw.below(1 << 23) for exponent in range(255)]
        patterns += [sign | (exponent << 23) | draw.below(1 << 23) for exponent in range(113, 135) for _ in range(7)]
        patterns += [sign | draw.below(1 << 23) >> draw.below(20) for _ in range(20)]
    patterns += [to_bits(draw.between(-105.0, 90.0)) for _ in range(200)]
    patterns += [to_bits(draw.between(-104.0, -87.0)) for _ in range(40)]  # where exp is subnormal
    patterns += [draw.bits() for _ in range(250)]
    return patterns


def neighbours(threshold):
    """A threshold, two bit patterns to each side of it, and all these with the other sign."""
    near = [to_bits(threshold) + step for step in (-2, -1, 0, 1, 2)]
    return near + [pattern ^ SIGN for pattern in near]


def exp_reduction_edges():
    """About where `k` of exp steps from one whole number to the next."""
    return [f32((k + 0.5) * math.log(2.0)) for k in (0, 1, 2, 3, 10, 63, 64, 125, 126, 127)]


def saturation(function):
    """Where a function that rises to 1 first is 1."""
    return lowest(lambda x: function(x) == 1.0)


def lowest(holds):
    """The lowest positive value for which a condition holds that keeps holding above it."""
    low, high = 0, INFINITY_BITS
    while low < high:
        middle = (low + high) // 2
        if holds(from_bits(middle)):
            high = middle
        else:
            low = middle + 1
    return from_bits(low)


def unique(patterns):
    """Without repetitions, in order of first appearance."""
    return list(dict.fromkeys(patterns))


def pattern_to_hex(pattern):
    """An input keeps its bit pattern, a NaN's too."""
    return f"{pattern:08x}"


# ----------------------------------------------------------------------------------------------------------------------
# linear.json
# ----------------------------------------------------------------------------------------------------------------------

def linear():
    """Shapes about every block and vector width, then rows made to tell wrong orders and roundings."""
    draw = Generator(2)
    cases = []
    for k in (1, 2, 15, 16, 17, 63, 255, 256, 257, 300, 511, 512, 513, 770):
        cases.append(linear_case(draw.row(k), draw.row(k)))
        cases.append(linear_case(draw.row(2 * k), draw.row(3 * k), draw.row(3), rows=2))
    for n in (31, 32, 33, 65):
        cases.append(linear_case(draw.wild_row(2 * 5, 4), draw.wild_row(n * 5, 4), draw.row(n), rows=2))
    for m in range(1, 10):
        cases.append(linear_case(draw.row(m * 7), draw.row(3 * 7), draw.row(3) if m % 2 else None, rows=m))
    for k in (17, 300):
        cases.append(linear_case(draw.wild_row(k), draw.wild_row(k)))
        cases.append(linear_case(draw.subnormal_row(k), draw.row(k), draw.subnormal_row(1)))
        cases.append(linear_case(draw.wild_row(k, 60), draw.wild_row(k, 60), draw.wild_row(1, 60)))
    return {"cases": cases + special_linear_cases(draw)}


def special_linear_cases(draw):
    """Signed zeros, cancellation, and fma against its imitations."""
    smallest, above_one, below_one = from_bits(1), from_hex("3f800001"), from_hex("3f7ffffe")
    tie = f32(2.0 ** -24)
    huge = [draw.between(0.5, 1.0) * 2.0 ** 127 for _ in range(20)]
    cancelling = flat([x, draw.between(-1.0, 1.0), -x] for x in huge)
    return [
        # every product is -0: the start from +0 makes the value +0, and so does a second block
        linear_case([-0.0] * 3, [1.0] * 3),
        linear_case([-0.0] * 300, [1.0] * 300),
        linear_case([-0.0] * 3, [1.0] * 3, [-0.0]),
        # a product below the smallest subnormal rounds to -0 under fma
        linear_case([-smallest], [tie]),
        linear_case([-smallest], [tie], [-0.0]),
        linear_case([-smallest] * 257, [tie] * 257),
        linear_case([-smallest, 0.0], [tie, 1.0]),
        # 1.5 * 2^-149 and 0.5 * 2^-149: ties among the subnormals
        linear_case([from_bits(3)], [0.5]),
        linear_case([smallest], [0.5]),
        linear_case([smallest, smallest], [0.5, 0.5]),
        # just beside a tie, by less than binary64 shows
        linear_case([above_one, tie * above_one], [1.0, below_one]),
        linear_case([above_one, -tie * above_one], [1.0, below_one]),
        linear_case([2.0 ** 80, above_one], [1.0, 2.0 ** 56]),
        linear_case([above_one, 2.0 ** -100], [1.0, 2.0 ** -100]),
        linear_case([above_one + 2.0 ** -23, -tie, 2.0 ** -90], [1.0, 1.0, 2.0 ** -40]),
        # the product alone would overflow, or lose what remains after a cancellation
        linear_case([-2.0 ** 127, 2.0 ** 64], [1.0, 2.0 ** 64]),
        linear_case([from_hex("bf800002"), above_one], [1.0, above_one]),
        # huge magnitudes that cancel, within a block and across its end
        linear_case(cancelling, [1.0] * len(cancelling)),
        linear_case([huge[0]] + [1.0] * 255 + [-huge[0]] + [0.25] * 43, [1.0] * 300),
        linear_case([1.0] + [0.0] * 255 + [tie] + [0.0] * 255 + [tie], [1.0] * 513),
        linear_case([1.0, -1.0], [1.0, 1.0], [-0.0]),
    ]


def linear_case(x, w, bias=None, rows=1):
    """One case; `x` and `w` are flat."""
    k = len(x) // rows
    weight = cut(w, k)
    y = flat(exact.linear(row, weight, bias) for row in cut(x, k))
    return {"rows": rows, "k": k, "n": len(weight), "x": hexes(x), "w": hexes(w),
            "b": None if bias is None else hexes(bias), "y": hexes(y)}


# ----------------------------------------------------------------------------------------------------------------------
# sums.json
# ----------------------------------------------------------------------------------------------------------------------

def sums():
    """Row sums of every kind of length, from several lanes."""
    draw = Generator(3)
    lengths = (0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 18, 24, 31, 32, 33, 47, 48, 49, 50, 100, 257)
    rows = [draw.wild_row(length, 8) for length in lengths]
    rows += [draw.row(40, 1e38), draw.wild_row(50, 60), draw.subnormal_row(50), [-0.0] * 20, [-0.0]]
    return {
        "sum": [{"first": first, "values": hexes(row), "value": to_hex(exact.row_sum(row, first))}
                for row in rows for first in (0, 1, 5, 15, 16, 31)],
        "sum_of_squares": [{"values": hexes(row), "value": to_hex(exact.sum_of_squares(row))}
                           for row in rows + [draw.wild_row(33, 70)]],
    }


# ----------------------------------------------------------------------------------------------------------------------
# attention.json
# ----------------------------------------------------------------------------------------------------------------------

def attention():
    """Causal and by lengths, grouped heads, keys past the first block of 256."""
    draw = Generator(4)
    return {"cases": [
        drawn_attention(draw, dims(1, 1, 1, 1, 1, 2), causal=0),
        drawn_attention(draw, dims(1, 2, 1, 5, 5, 4), causal=0),
        drawn_attention(draw, dims(1, 2, 2, 18, 18, 2), causal=0),
        drawn_attention(draw, dims(2, 4, 2, 3, 10, 16), causal=7),
        drawn_attention(draw, dims(1, 2, 2, 2, 4, 33), causal=2),
        drawn_attention(draw, dims(1, 6, 2, 1, 17, 40), causal=16),
        drawn_attention(draw, dims(1, 1, 1, 2, 40, 16), causal=38, size=12.0),
        drawn_attention(draw, dims(1, 2, 1, 3, 257, 4), causal=254),
        drawn_attention(draw, dims(1, 2, 1, 3, 259, 4), causal=256),
        drawn_attention(draw, dims(1, 1, 1, 2, 300, 2), causal=298, size=6.0),
        drawn_attention(draw, dims(1, 1, 1, 1, 514, 2), causal=513),
        drawn_attention(draw, dims(2, 3, 1, 2, 17, 40), lengths=[3, 17]),
        drawn_attention(draw, dims(3, 2, 2, 4, 16, 16), lengths=[16, 1, 15]),
        drawn_attention(draw, dims(2, 4, 2, 3, 33, 33), lengths=[33, 32], size=4.0),
        drawn_attention(draw, dims(4, 2, 1, 2, 300, 4), lengths=[300, 256, 257, 20]),
        *special_attention_cases(),
        *sliding_attention_cases(draw),
        drawn_attention(draw, dims(1, 2, 1, 3, 12, 8), causal=9, scale_width=24),
        drawn_attention(draw, dims(2, 2, 2, 2, 20, 6), lengths=[20, 7], scale_width=168),
        drawn_attention(draw, dims(1, 2, 1, 1, 30, 6), causal=29, window=9, scale_width=10),
    ]}


def sliding_attention_cases(draw):
    """Windows about one lane sum and one block, that begin within a block, at its start, and as the sequence does."""
    return [
        *(drawn_attention(draw, dims(1, 2, 1, 40, 40, 2), causal=0, window=window) for window in (1, 2, 15, 16, 17, 39, 40)),
        drawn_attention(draw, dims(2, 4, 2, 5, 23, 9), causal=18, window=17, size=6.0),
        drawn_attention(draw, dims(1, 1, 1, 260, 260, 1), causal=0, window=17),
        # the first key seen is in the second block, in the first, the last of the first, the first of the second
        *(drawn_attention(draw, dims(1, 2, 1, 4, 259, 2), causal=255, window=window) for window in (1, 2, 3, 16, 255, 256, 257)),
        *(drawn_attention(draw, dims(1, 1, 1, 14, 530, 1), causal=516, window=window, size=4.0)
          for window in (1, 16, 17, 255, 256, 257, 262, 530)),
        # one query: decoding
        *(drawn_attention(draw, dims(1, 2, 1, 1, keys, 1), causal=keys - 1, window=window)
          for keys, window in ((1, 1), (17, 1), (17, 16), (18, 17), (256, 1), (257, 1), (257, 256), (258, 257), (300, 255),
                               (512, 256), (513, 257), (513, 2), (520, 4096))),
        drawn_attention(draw, dims(2, 2, 1, 1, 270, 2), causal=269, window=17, size=8.0),
    ]


def special_attention_cases():
    """Signed zeros, and what must not be looked at."""
    tiny = f32(-1e-12)
    return [
        # all scores zero, all values -0: the start from +0
        attention_case([0.0, -0.0], [1.0, 1.0] * 3, [-0.0] * 6, dims(1, 1, 1, 1, 3, 2), causal=2),
        # the first weighted value rounds to -0 under fma and stays
        attention_case([1.0, 0.0], [-110.0, 0.0, 0.0, 0.0], [tiny, -tiny, -0.0, -0.0], dims(1, 1, 1, 1, 2, 2), causal=1),
        # the second key, far below the first, vanishes
        attention_case([1.0, 0.0], [0.0, 0.0, -500.0, 0.0], [1.0, -2.0, 3e38, -3e38], dims(1, 1, 1, 1, 2, 2), causal=1),
        # an invisible key's infinities reach nothing
        attention_case([1.0, 2.0] * 2, ([0.5, 0.25] + [math.inf] * 4) * 2, ([0.75, -1.5] + [math.inf] * 4) * 2,
                       dims(2, 1, 1, 1, 3, 2), lengths=[1, 1]),
    ]


def dims(batch, heads, kv_heads, q_len, k_len, head_dim):
    """The dimensions by name."""
    return {"batch": batch, "heads": heads, "kv_heads": kv_heads, "q_len": q_len, "k_len": k_len, "head_dim": head_dim}


def drawn_attention(draw, size_of, causal=None, lengths=None, size=2.0, **settings):
    """A case of drawn inputs; invisible keys and values by lengths are huge."""
    keys = size_of["batch"] * size_of["kv_heads"] * size_of["k_len"]
    q = draw.row(size_of["batch"] * size_of["heads"] * size_of["q_len"] * size_of["head_dim"], size)
    k, v = (draw.row(keys * size_of["head_dim"], scale) for scale in (size, 1.0))
    if lengths is not None:
        for index in range(len(k)):
            key = index // size_of["head_dim"]
            if key % size_of["k_len"] >= lengths[key // size_of["k_len"] // size_of["kv_heads"]]:
                k[index] = v[index] = from_hex("7f7fffff")
    return attention_case(q, k, v, size_of, causal, lengths, **settings)


def attention_case(q, k, v, size_of, causal=None, lengths=None, window=None, scale_width=None):
    """One case; the tensors are flat. Where no width is given for the scale, it is `head_dim` and goes unnamed."""
    q, k, v = (list(map(f32, tensor)) for tensor in (q, k, v))
    if lengths is not None:
        visibility, named = exact.within(lengths), {"lengths": lengths}
    elif window is None:
        visibility, named = exact.causal(causal), {"causal_first": causal}
    else:
        visibility, named = exact.sliding(causal, window), {"causal_first": causal, "window": window}
    output = exact.attention(cut_heads(q, size_of, "heads", "q_len"), cut_heads(k, size_of, "kv_heads", "k_len"),
                             cut_heads(v, size_of, "kv_heads", "k_len"), visibility, scale_width)
    return {"q": hexes(q), "k": hexes(k), "v": hexes(v), "dims": size_of, "visibility": named,
            **({} if scale_width is None else {"score_scale_width": scale_width}),
            "output": hexes(flat(flat(flat(output))))}


def cut_heads(values, size_of, heads, length):
    """A flat tensor as `[batch][head][position]` rows."""
    return cut(cut(cut(values, size_of["head_dim"]), size_of[length]), size_of[heads])


# ----------------------------------------------------------------------------------------------------------------------
# norms.json
# ----------------------------------------------------------------------------------------------------------------------

def norms():
    """Both norms over rows of many widths and magnitudes."""
    draw = Generator(5)
    rows = [draw.row(n) for n in (1, 3, 16, 17, 64, 576)]
    rows += [[f32(0.1)] * n for n in (3, 17, 64)] + [[0.0] * 5, [-0.0] * 17]
    rows += [draw.row(17, size) for size in (1e-3, 1e-7, 1e-25, 1e-40, 1e15, 1e18, 1e25)]
    rows += [draw.wild_row(64), [f32(1000.0 + value) for value in draw.row(64)]]
    cases = [(row, [f32(1.0 + value) for value in draw.row(len(row), 0.5)], draw.row(len(row), 0.5), eps)
             for row, eps in zip(rows, (1e-5, 1e-6, 1e-12, 1e-5) * len(rows))]
    return {
        "rms": [{"x": hexes(x), "weight": hexes(weight), "eps": eps, "y": hexes(exact.rms_norm(x, weight, eps))}
                for x, weight, _, eps in cases],
        "layer": [{"x": hexes(x), "weight": hexes(weight), "bias": hexes(bias), "eps": eps,
                   "y": hexes(exact.layer_norm(x, weight, bias, eps))}
                  for x, weight, bias, eps in cases],
        "rms_one_plus": one_plus_cases(draw, cases),
    }


def one_plus_cases(draw, cases):
    """Rows as of the other norms; `weight` is what is stored: about 0, -1 and -2, vanishing beside 1, or a tie in the sum."""
    special = [0.0, -0.0, -1.0, -2.0, from_bits(1), 2.0 ** -24, -2.0 ** -25, 3 * 2.0 ** -24, 2.0 ** -23, from_hex("33800001"),
               from_hex("bf7fffff"), from_hex("7f000000")]
    drawn = [(x, draw.row(len(x), 0.5), eps) for x, _, _, eps in cases]
    drawn.append((draw.row(len(special)), special, 1e-6))
    return [{"x": hexes(x), "weight": hexes(weight), "eps": eps, "y": hexes(exact.rms_norm(x, exact.one_plus(weight), eps))}
            for x, weight, eps in drawn]


# ----------------------------------------------------------------------------------------------------------------------
# rotary.json
# ----------------------------------------------------------------------------------------------------------------------

THETAS = (10000.0, 100000.0, 500000.0, 1000000.0)
HEAD_DIMS = (4, 16, 48, 64, 128)


def rotary():
    """Frequencies, whole tables by digest, points far out, and rotated rows."""
    draw = Generator(6)
    return {
        "frequencies": [frequencies_case(*case) for case in frequency_settings()],
        "tables": [table_case(draw, *case) for case in (
            (10000.0, 4, 64), (10000.0, 16, 128), (10000.0, 48, 512), (10000.0, 64, 512), (100000.0, 64, 512),
            (500000.0, 128, 64), (1000000.0, 128, 64))],
        "points": [point_case(theta, head_dim, position, draw.below(head_dim // 2))
                   for theta in THETAS for head_dim in HEAD_DIMS
                   for position in (1, draw.below(512), draw.below(8192), draw.below(32768), draw.below(131072), 131071)],
        "rotate": [rotate_case(theta, head_dim, first, draw.row(head_dim, 3.0))
                   for theta, head_dim in ((10000.0, 4), (10000.0, 48), (100000.0, 64), (500000.0, 128), (1000000.0, 16))
                   for first in (0, 1, 77, 2047, 131071)]
        + [rotate_case(10000.0, 4, 0, [-0.0, 0.0, -0.0, -0.0])],
    }


def frequency_settings():
    """`(theta, head_dim, scaling)`: plain ones, exact powers of two, both kinds of scaling."""
    settings = [(theta, head_dim, None) for theta in THETAS for head_dim in HEAD_DIMS]
    settings += [(65536.0, 16, None), (65536.0, 128, None)]
    settings += [(10000.0, 64, {"rope_type": "linear", "factor": factor}) for factor in (2.0, 2.5, 3.0, 8.0)]
    settings += [(500000.0, 48, {"rope_type": "linear", "factor": 1.3})]
    for theta, head_dim, factor, low, high, original in (
        (500000.0, 128, 8.0, 1.0, 4.0, 8192), (500000.0, 64, 32.0, 1.0, 4.0, 8192), (500000.0, 128, 3.3, 1.5, 7.0, 4096),
        (10000.0, 48, 8.0, 1.0, 4.0, 2048), (1000000.0, 128, 16.0, 1.0, 32.0, 32768),
    ):
        settings.append((theta, head_dim, {
            "rope_type": "llama3", "factor": factor, "low_freq_factor": low, "high_freq_factor": high,
            "original_max_position_embeddings": original}))
    return settings


def frequencies_case(theta, head_dim, scaling):
    """All inverse frequencies of a setting."""
    return {"theta": theta, "head_dim": head_dim, "scaling": scaling,
            "inverse": hexes(exact.inverse_frequencies(theta, head_dim, scaling))}


def table_case(draw, theta, head_dim, positions):
    """A pair of tables by their digests, with samples that say where a difference is."""
    half = head_dim // 2
    cos, sin = exact.rotary_tables(exact.inverse_frequencies(theta, head_dim), positions)
    sampled = [(0, 0), (1, 0), (1, half - 1), (positions - 1, 0), (positions - 1, half - 1)]
    sampled += [(draw.below(positions), draw.below(half)) for _ in range(20)]
    return {"theta": theta, "head_dim": head_dim, "scaling": None, "positions": positions,
            "sha256_cos": hashlib.sha256(exact.floats_as_bytes(cos)).hexdigest(),
            "sha256_sin": hashlib.sha256(exact.floats_as_bytes(sin)).hexdigest(),
            "samples": [[position, i, to_hex(cos[position * half + i]), to_hex(sin[position * half + i])]
                        for position, i in sampled]}


def point_case(theta, head_dim, position, i):
    """One entry of a table too long to write."""
    cos, sin = exact.cos_sin(position, exact.inverse_frequency(theta, i, head_dim))
    return {"theta": theta, "head_dim": head_dim, "position": position, "i": i, "cos": to_hex(cos), "sin": to_hex(sin)}


def rotate_case(theta, head_dim, first, x):
    """One row at position `first`."""
    y = exact.rotate(x, first, exact.inverse_frequencies(theta, head_dim))
    return {"theta": theta, "head_dim": head_dim, "first": first, "x": hexes(x), "y": hexes(y)}


# ----------------------------------------------------------------------------------------------------------------------
# pooling.json
# ----------------------------------------------------------------------------------------------------------------------

def pooling():
    """Mean and length of batches; padding holds values that must not count."""
    draw = Generator(7)
    zero = [0.0] * (6 * 3)
    return {"mean_pool_l2": [
        pooling_case(5, 40, [1, 15, 16, 17, 40], draw.row(5 * 40 * 5)),
        pooling_case(17, 18, [18, 16, 2], draw.wild_row(3 * 18 * 17, 6)),
        pooling_case(1, 3, [3, 1], draw.row(2 * 3)),
        pooling_case(64, 2, [2], draw.row(2 * 64)),
        pooling_case(3, 6, [6, 4], zero + draw.row(6 * 3)),
        pooling_case(3, 2, [2, 1], [-0.0] * 6 + [-0.0] * 3 + [1.0] * 3),
        pooling_case(4, 3, [3, 3, 2], draw.row(12, 1e-12) + draw.row(12, 1e-13) + draw.row(12, 1e-30)),
    ]}


def pooling_case(hidden, seq, lengths, x):
    """One batch; `x` is flat."""
    sequences = cut(cut(x, hidden), seq)
    y = flat(exact.l2_normalise(exact.mean_pool(rows[:length])) for rows, length in zip(sequences, lengths, strict=True))
    return {"hidden": hidden, "seq": seq, "lengths": lengths, "x": hexes(x), "y": hexes(y)}


# ----------------------------------------------------------------------------------------------------------------------
# routing.json
# ----------------------------------------------------------------------------------------------------------------------

def routing():
    """A router's logits, all shares, and the experts chosen with their weights; `refused` logits give a NaN."""
    draw = Generator(13)
    settings = [(6, 1), (6, 2), (8, 8), (16, 3), (17, 17), (33, 20), (60, 4), (128, 8), (130, 130)]
    drawn = [(draw.row(experts, size), count) for experts, count in settings for size in (0.1, 3.0, 40.0)]
    return {
        "cases": [routing_case(logits, count, is_normalised)
                  for logits, count in drawn + special_routing(draw) for is_normalised in (False, True)],
        "refused": [{"logits": hexes_of_any(logits), "count": count} for logits, count in (
            ([0.0, math.nan, 1.0], 1), ([math.nan, 0.0], 1), ([1.0, math.inf], 1), ([-math.inf, -math.inf], 2))],
    }


def special_routing(draw):
    """Equal shares, also of unlike logits; zeros of both signs; shares that are subnormal or vanish."""
    below_one = from_hex("b3000000")  # its exp is a tie of 1 and what is next below
    return [
        ([0.5] * 8, 3),
        ([0.0, -0.0, 0.0, -0.0, -1.0], 3),
        ([-0.0, 0.0, -0.0], 2),
        ([-0.0], 1),
        ([1.0, 2.0, 1.0, 2.0, 1.0, 2.0], 4),
        ([f32(-0.3), 1.5, f32(-0.3), 0.25, 1.5, 1.5, f32(-0.3)], 5),
        # logits differ, shares do not: the lower index comes first though its logit is lower
        ([0.0, 1e-10, -1e-10, 2e-10, -1.0], 1),
        ([below_one, from_hex("b2ffffff"), 0.0, from_hex("b3000001"), from_hex("b3400000"), from_hex("b3c00000")], 3),
        ([-104.0, -103.5, -103.7, 0.0, -103.3], 3),
        # subnormal shares, those that an exact zero ends, and equal ones among them
        ([-88.0, -90.0, -95.0, -100.0, -102.0, -103.0, -103.9, -104.0, 0.0, 0.0], 7),
        ([-97.0, -97.0, -97.5, 0.0, -97.5, -97.0], 4),
        ([0.0] + draw_between(draw, 40, -104.5, -86.0), 30),
        ([0.0] + draw_between(draw, 17, -104.5, -100.0), 18),
        ([5.0, -200.0, -300.0, -math.inf, -200.0], 4),
        ([from_hex("7f7fffff"), from_hex("ff7fffff"), 0.0], 2),
        (draw.subnormal_row(20), 7),
    ]


def draw_between(draw, count, low, high):
    """Values evenly between two bounds."""
    return [draw.between(low, high) for _ in range(count)]


def hexes_of_any(values):
    """Bit patterns, a NaN's too."""
    return [pattern_to_hex(to_bits(value)) for value in values]


def routing_case(logits, count, is_normalised):
    """One token."""
    logits = [f32(logit) for logit in logits]
    experts, weights = exact.route(logits, count, is_normalised)
    return {"logits": hexes(logits), "count": count, "normalised": is_normalised,
            "shares": hexes(exact.expert_shares(logits)), "experts": experts, "weights": hexes(weights)}


# ----------------------------------------------------------------------------------------------------------------------
# synthetic.json
# ----------------------------------------------------------------------------------------------------------------------

def synthetic():
    """Synthetic weights from several places of the stream, and digests."""
    draw = Generator(8)
    return {
        "cases": [synthetic_case(*case) for case in (
            (0, "lm_head.weight", "matrix", 0),
            (42, "model.embed_tokens.weight", "matrix", 0),
            (42, "model.embed_tokens.weight", "matrix", 5),
            (42, "model.embed_tokens.weight", "matrix", 1_000_003),
            (42, "model.norm.weight", "scale", 0),
            (42, "model.layers.0.input_layernorm.weight", "scale", 16),
            (43, "bert.encoder.layer.0.attention.self.query.bias", "bias", 0),
            (43, "bert.embeddings.LayerNorm.bias", "bias", 63),
            (43, "bert.embeddings.word_embeddings.weight", "matrix", 4_194_297),
            (2 ** 32, "lm_head.weight", "matrix", 0),
            (2 ** 63 + 5, "model.layers.10.mlp.down_proj.weight", "matrix", 31),
            (2 ** 64 - 1, "classifier.bias", "bias", 15),
            (44, "model.layers.1.pre_feedforward_layernorm.weight", "scale_offset", 0),
            (44, "model.layers.1.self_attn.q_norm.weight", "scale_offset", 37),
            (44, "model.layers.0.mlp.experts.12.down_proj.weight", "matrix", 0),
            (45, "roberta.embeddings.position_embeddings.weight", "matrix", 1),
        )],
        "digests": {
            "output": [
                generation_output(draw, 1, 1, 3), generation_output(draw, 2, 3, 5),
                embedding_output(draw, 4, 8), reranking_output(draw, 7),
                classification_output(draw, 3, 5), similarity_output(draw, 2, 3),
                generation_output(draw, 2, 3, 5, "transcription"),
            ],
        },
    }


def synthetic_case(seed, name, kind, start):
    """Forty values of a tensor."""
    return {"seed": seed, "name": name, "kind": kind, "start": start,
            "values": hexes(exact.synthetic(seed, name, kind, start, 40))}


def generation_output(draw, batch, steps, vocab, task="generation"):
    """The digest of a generation or a transcription."""
    logits = [draw.row(vocab, 5.0) for _ in range(batch * steps)]
    tokens = [exact.argmax(row) for row in logits]
    digest = {"generation": exact.generation_digest, "transcription": exact.transcription_digest}[task]
    return {"task": task, "batch": batch, "steps": steps, "vocab": vocab, "tokens": tokens,
            "logits": hexes(flat(logits)), "digest": digest(batch, steps, tokens, flat(logits)).hex()}


def embedding_output(draw, batch, hidden):
    """The digest of an embedding."""
    values = draw.row(batch * hidden)
    return {"task": "embedding", "batch": batch, "values": hexes(values),
            "digest": exact.embedding_digest(batch, values).hex()}


def classification_output(draw, batch, classes):
    """The digest of a classification."""
    values = draw.row(batch * classes, 5.0)
    return {"task": "classification", "batch": batch, "values": hexes(values),
            "digest": exact.classification_digest(batch, values).hex()}


def similarity_output(draw, images, texts):
    """The digest of a similarity."""
    values = draw.row(images * texts, 30.0)
    return {"task": "similarity", "images": images, "values": hexes(values),
            "digest": exact.similarity_digest(images, values).hex()}


def reranking_output(draw, count):
    """The digest of a reranking."""
    values = draw.row(count)
    return {"task": "reranking", "values": hexes(values), "digest": exact.reranking_digest(values).hex()}


# ----------------------------------------------------------------------------------------------------------------------
# precision.json
# ----------------------------------------------------------------------------------------------------------------------

NARROW = ("bf16", "f16")
REFUSED = "refused"
# By format: the smallest normal value and infinity, as 16-bit patterns; the exponent field of its smallest value and of
# the first power of two that is too large, in binary32.
EDGES = {"bf16": (0x0080, 0x7f80, 0, 255), "f16": (0x0400, 0x7c00, 102, 143)}


def precision():
    """Weights in 16 bits: rounded, widened, in products, drawn.

    `narrow` holds pairs [f32, 16 bits or `refused`], `widen` pairs [16 bits, f32 or `refused`]. The weights and biases of
    `linear` are given in binary32 and are yet to be rounded to the case's precision; `x` stays as it is.
    """
    draw = Generator(10)
    return {
        "narrow": {name: [[pattern_to_hex(pattern), narrow_to_hex(pattern, name)]
                          for pattern in narrowing_inputs(draw, name)] for name in NARROW},
        "widen": {name: [[f"{pattern:04x}", widen_to_hex(pattern, name)]
                         for pattern in widening_inputs(draw, name)] for name in NARROW},
        "linear": flat(precision_linear_cases(draw, name) for name in NARROW),
        "synthetic": [precision_synthetic_case(name, *case) for name in NARROW for case in (
            (42, "model.embed_tokens.weight", "matrix", 0),
            (42, "model.embed_tokens.weight", "matrix", 2060),  # one of these is subnormal in f16
            (42, "model.embed_tokens.weight", "matrix", 1_000_003),
            (42, "model.norm.weight", "scale", 0),
            (43, "bert.encoder.layer.0.attention.self.query.bias", "bias", 0),
            (2 ** 64 - 1, "classifier.bias", "bias", 15),
        )],
    }


def narrow_to_hex(pattern, name):
    """The 16-bit pattern that a binary32 pattern is rounded to."""
    try:
        return f"{exact.narrow_bits(exact.narrowed(from_bits(pattern), name), name):04x}"
    except ValueError:
        return REFUSED


def widen_to_hex(pattern, name):
    """The binary32 pattern of a 16-bit pattern."""
    value = exact.widened(pattern, name)
    return to_hex(value) if math.isfinite(value) else REFUSED


def narrowing_inputs(draw, name):
    """Every kind of neighbourhood, its middle with what lies beside it, both signs; then values drawn."""
    smallest_normal, infinity, low, high = EDGES[name]
    one = exact.narrow_bits(1.0, name)
    patterns = [0, 1, 0x007fffff, 0x00800000, 0x7f7fffff, INFINITY_BITS, 0x7fc00000]
    for target in (0, 1, 2, smallest_normal // 2, smallest_normal - 2, smallest_normal - 1, smallest_normal,
                   one - 1, one, one + 1, infinity - 2):
        middle = middle_above(target, name)
        patterns += [to_bits(exact.widened(target, name)), middle - 1, middle, middle + 1]
    top = middle_above(infinity - 1, name)  # from here on the nearest is infinity
    patterns += [to_bits(exact.widened(infinity - 1, name)), top - 1, top, top + 1]
    patterns = [pattern ^ sign for i, pattern in enumerate(unique(patterns))
                for sign in ((0, SIGN) if pattern < 2 or pattern >= top - 1 or i % 4 == 0 else ((i & 1) << 31,))]
    for _ in range(24):  # somewhere in the range, then in the middle of two or beside it
        patterns.append((draw.below(2) << 31) | ((low + draw.below(high - low)) << 23) | draw.below(1 << 23))
        patterns.append(middle_above(1 + draw.below(infinity - 2), name) - 1 + draw.below(3) | (draw.below(2) << 31))
    return unique(patterns)


def middle_above(target, name):
    """The binary32 pattern in the middle of a finite 16-bit pattern and the next, which for the largest is a power of two."""
    if target + 1 == EDGES[name][1]:
        next_value = 2.0 ** exact.FORMATS[name][2]
    else:
        next_value = exact.widened(target + 1, name)
    return to_bits((exact.widened(target, name) + next_value) / 2.0)


def widening_inputs(draw, name):
    """Every power of two among the subnormals, the ends of both ranges, what is not finite, and values drawn."""
    smallest_normal, infinity, _, _ = EDGES[name]
    one = exact.narrow_bits(1.0, name)
    patterns = [0, *(1 << digit for digit in range(smallest_normal.bit_length())), 3, smallest_normal - 2,
                smallest_normal - 1, smallest_normal + 1, one - 1, one, one + 1, infinity - 1, infinity, infinity + 1, 0x7fff]
    patterns += [pattern | 0x8000 for pattern in patterns]
    patterns += [(draw.below(2) << 15) | draw.below(smallest_normal) for _ in range(10)]
    patterns += [(draw.below(2) << 15) | draw.below(infinity) for _ in range(30)]
    return unique(patterns)


def precision_linear_cases(draw, name):
    """Shapes about every block and vector width, then weights whose rounding is what matters."""
    cases = []
    for i, (k, n) in enumerate((k, n) for k in (1, 7) for n in (1, 15, 16, 31, 32, 33, 40)):
        rows = (1, 2, 5, 13)[i % 4]
        cases.append(precision_linear_case(name, draw.row(rows * k), draw.row(n * k), draw.row(n) if i % 3 else None, rows))
    for k, n, rows in ((255, 1, 2), (256, 1, 2), (257, 2, 1), (300, 1, 5)) + {
        "bf16": ((257, 33, 1), (513, 1, 2)), "f16": ((257, 17, 1), (513, 2, 1)),
    }[name]:
        cases.append(precision_linear_case(name, draw.row(rows * k), draw.row(n * k), draw.row(n) if k % 2 else None, rows))
    return cases + special_precision_linear_cases(draw, name)


def special_precision_linear_cases(draw, name):
    """Subnormal and vanishing weights, ties, the largest ones; inputs and sums that do not fit into 16 bits."""
    smallest_normal, infinity, _, _ = EDGES[name]
    largest = exact.widened(infinity - 1, name)
    subnormals = [from_bits(middle_above(draw.below(smallest_normal), name) - 1 + draw.below(3) ^ (draw.below(2) << 31))
                  for _ in range(3 * 17)]
    ties = [from_bits(middle_above(exact.narrow_bits(1.0, name) + step, name)) for step in (0, 1, 2, 3)]
    vanishing = from_bits(middle_above(0, name))  # a tie of zero and the smallest
    return [
        precision_linear_case(name, draw.wild_row(2 * 17), subnormals, None, 2),
        precision_linear_case(name, draw.row(17, 2.0 ** 100), subnormals, subnormals[:3]),
        precision_linear_case(name, draw.wild_row(2 * 20, 60), draw.wild_row(15 * 20, 6), draw.wild_row(15, 6), 2),
        precision_linear_case(name, [1.0] * 4, ties + [-tie for tie in ties], ties[1::-1]),
        # rounded to zero, or only just not, before the product
        precision_linear_case(name, [2.0 ** 100], [vanishing, -vanishing, from_bits(to_bits(vanishing) + 1)]),
        precision_linear_case(name, [-0.0] * 2, [vanishing] * 2, [-vanishing]),
        # the largest, and what only just rounds to it; the sums are none of 16 bits
        precision_linear_case(name, [1.0, 2.0 ** -20], [from_bits(middle_above(infinity - 1, name) - 1), 1.0]),
        precision_linear_case(name, [2.0 ** -3] * 7, [largest, -largest, largest, largest, -1.0, largest, 1.0], [-largest]),
        # binary32 inputs keep all their digits, subnormal ones too
        precision_linear_case(name, draw.subnormal_row(33), draw.row(33), [0.0]),
        precision_linear_case(name, [from_hex("3f800001"), -1.0], [1.0, 1.0]),
    ]


def precision_linear_case(name, x, w, bias=None, rows=1):
    """A case of `linear.json` with its weights and biases rounded first; it shows them as they were before."""
    def rounded(values):
        return [exact.narrowed(value, name) for value in values]

    case = linear_case(x, rounded(w), None if bias is None else rounded(bias), rows)
    return {"precision": name, **case, "w": hexes(w), "b": None if bias is None else hexes(bias)}


def precision_synthetic_case(name, seed, tensor, kind, start):
    """Forty values of a tensor, rounded and widened again."""
    return {"precision": name, "seed": seed, "name": tensor, "kind": kind, "start": start,
            "values": hexes(exact.synthetic(seed, tensor, kind, start, 40, name))}


# ----------------------------------------------------------------------------------------------------------------------
# convolution.json
# ----------------------------------------------------------------------------------------------------------------------

def convolution():
    """Kernels of every kind; pairs are vertical, horizontal."""
    draw = Generator(11)
    return {"cases": [
        drawn_convolution(draw, (1, 1, 1, 1), 1, (1, 1)),
        drawn_convolution(draw, (2, 5, 3, 4), 3, (1, 1), bias=True),
        drawn_convolution(draw, (1, 3, 5, 6), 4, (3, 3), padding=(1, 1), bias=True),
        drawn_convolution(draw, (2, 3, 7, 6), 3, (3, 3), stride=(2, 2), padding=(1, 1)),
        drawn_convolution(draw, (1, 2, 8, 9), 3, (3, 3), stride=(2, 2), bias=True),  # a row is left over, no column
        drawn_convolution(draw, (1, 3, 6, 7), 2, (3, 3), padding=(2, 2), dilation=(2, 2), bias=True),
        drawn_convolution(draw, (1, 2, 7, 5), 2, (3, 3), dilation=(2, 2)),  # one column
        # patches: kernel and stride agree; the second is of three blocks
        drawn_convolution(draw, (2, 3, 8, 12), 33, (4, 4), stride=(4, 4), bias=True),
        drawn_convolution(draw, (1, 3, 32, 16), 2, (16, 16), stride=(16, 16), bias=True),
        # one dimension
        drawn_convolution(draw, (1, 4, 1, 17), 5, (1, 3), padding=(0, 1), bias=True),
        drawn_convolution(draw, (2, 3, 1, 20), 4, (1, 3), stride=(1, 2), padding=(0, 1)),
        # the axes differ in everything
        drawn_convolution(draw, (2, 2, 5, 11), 3, (2, 3), stride=(2, 1), padding=(1, 0), dilation=(1, 2), bias=True),
        drawn_convolution(draw, (1, 2, 9, 4), 2, (3, 2), stride=(1, 3), padding=(0, 2), dilation=(2, 1)),
        # about one block and beyond, not in multiples of 32
        drawn_convolution(draw, (1, 255, 1, 2), 3, (1, 1), bias=True),
        drawn_convolution(draw, (1, 256, 1, 2), 2, (1, 1)),
        drawn_convolution(draw, (2, 257, 1, 2), 2, (1, 1), bias=True),
        drawn_convolution(draw, (1, 37, 3, 5), 5, (3, 3), padding=(1, 1), bias=True),
        drawn_convolution(draw, (1, 29, 4, 3), 3, (3, 3), stride=(2, 1), padding=(1, 1)),
        drawn_convolution(draw, (1, 5, 3, 11), 33, (3, 3), padding=(1, 1), bias=True),
        # more padding than image: blocks that end in it, or lie in it
        drawn_convolution(draw, (1, 100, 2, 2), 2, (3, 3), padding=(1, 1), bias=True),
        drawn_convolution(draw, (1, 70, 1, 2), 1, (1, 5), padding=(0, 4)),
        drawn_convolution(draw, (1, 2, 3, 3), 2, (5, 5), padding=(2, 2)),
        drawn_convolution(draw, (1, 2, 2, 2), 2, (1, 1), padding=(1, 2), bias=True),  # windows without a pixel
        # magnitudes that tell another order of the sum
        drawn_convolution(draw, (1, 3, 5, 5), 4, (3, 3), padding=(1, 1), bias=True, octaves=20),
        drawn_convolution(draw, (1, 33, 3, 3), 2, (3, 3), padding=(1, 1), octaves=60),
        *special_convolution_cases(),
    ]}


def special_convolution_cases():
    """Padding and the sign of zero."""
    smallest, tie = from_bits(1), 2.0 ** -24
    return [
        # -0, for the product underflows; a padded position after it makes +0 of it if its weight is positive
        convolution_case([-smallest, -smallest], [1, 1, 1, 2], [tie, 1.0], 1, (1, 2), padding=(0, 1)),
        convolution_case([-smallest, -smallest], [1, 1, 1, 2], [tie, -1.0], 1, (1, 2), padding=(0, 1)),
        convolution_case([-0.0] * 4, [1, 1, 2, 2], [1.0] * 9, 1, (3, 3), padding=(1, 1)),
        convolution_case([-0.0] * 4, [1, 1, 2, 2], [1.0, -1.0], 2, (1, 1), padding=(1, 1), bias=[-0.0, -0.0]),
    ]


def drawn_convolution(draw, size, outputs, kernel, *, bias=False, octaves=None, **steps):
    """A case of drawn inputs; `size` is (batch, channels, height, width)."""
    def values(count):
        return draw.row(count) if octaves is None else draw.wild_row(count, octaves)

    x, weight = values(math.prod(size)), values(outputs * size[1] * math.prod(kernel))
    return convolution_case(x, size, weight, outputs, kernel, bias=values(outputs) if bias else None, **steps)


def convolution_case(x, size, weight, outputs, kernel, *, stride=(1, 1), padding=(0, 0), dilation=(1, 1), bias=None):
    """One case; `x` and `weight` are flat."""
    batch, channels, height, width = size
    images = cut(cut(cut(x, width), height), channels)
    filters = cut(cut(cut(weight, kernel[1]), kernel[0]), channels)
    y = flat(flat(flat(exact.conv2d(images, filters, bias, stride, padding, dilation))))
    return {"batch": batch, "channels": channels, "height": height, "width": width, "outputs": outputs,
            "kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation,
            "x": hexes(x), "w": hexes(weight), "b": None if bias is None else hexes(bias), "y": hexes(y)}


if __name__ == "__main__":
    main()
