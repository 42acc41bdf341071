"""q8.json: what exact/q8 adds, and whole models in it."""

import math

import exact_reference as exact
from eight_bits import QuantisedMatrix, linear_of_precision, quantised_block
from exact_reference import from_bits, from_hex, to_bits, to_hex
from model_vectors import LLAMA, bert_case, decoder_case
from vector_inputs import Generator, cut, flat, hexes


def q8():
    """Blocks, look-ups in a quantised table as `rows`, products of what is yet to be quantised, whole models."""
    draw = Generator(12)
    tied = {**LLAMA, "tie_word_embeddings": True}
    return {
        "blocks": [block_case(x) for x in block_inputs(draw)],
        "look_up": [look_up_case(draw.row(k * 3), k) for k in (1, 31, 32, 33, 70)],
        "linear": linear_cases(draw),
        "cases": [decoder_case(LLAMA, 47, [7, 0, 21, 33, 12, 5], 6, "q8"), decoder_case(tied, 48, [1, 38, 14, 2], 6, "q8")],
        "embedding_cases": [bert_case(49, 11, [11, 4], "q8")],
    }


def block_inputs(draw):
    """Blocks of every length and size; ties; scales about the smallest normal one; what is not finite."""
    least = exact.mul(exact.SMALLEST_NORMAL, 127.0)
    near = [from_bits(to_bits(least) + step) for step in range(-70, 70, 7)]
    rows = [draw.row(count) for count in (1, 2, 31, 32)] + [draw.wild_row(32) for _ in range(8)]
    rows += [draw.wild_row(32, 120), draw.wild_row(32, 120), draw.subnormal_row(32), draw.row(32, 1e-36), draw.row(32, 1e38)]
    rows += [[draw.bits_value() for _ in range(32)] for _ in range(4)]
    rows += [[value, draw.between(-1.0, 1.0) * least] for value in near]
    rows += [[127.0, *(0.5 + step for step in range(-15, 15))], [from_hex("7f7fffff"), -1.0], [0.0] * 5, [-0.0] * 32]
    rows += [[1.0, math.inf, 2.0], [-math.inf], [math.nan, 3.0], [0.0, exact.SMALLEST_NORMAL, from_bits(1)]]
    return rows


def block_case(x):
    """One block."""
    d, integers = quantised_block(x)
    return {"x": hexes(x), "d": to_hex(d), "q": integers}


def look_up_case(values, k):
    """The rows of a tied table as they are looked up."""
    matrix = QuantisedMatrix(cut(values, k))
    return {"k": k, "w": hexes(values), "rows": hexes(flat(matrix[row] for row in range(len(matrix.rows))))}


def linear_cases(draw):
    """Shapes about every block, panel and tile; wild sizes; zeros, subnormal and huge scales; sums that round."""
    cases = []
    for i, (k, n) in enumerate((k, n) for k in (1, 3, 31, 32, 33, 64, 65) for n in (1, 33)):
        rows = (1, 2, 7, 3)[i % 4]
        cases.append(linear_case(draw.row(rows * k), draw.row(n * k), draw.row(n) if i % 3 else None, rows))
    for k, n, rows in ((255, 2, 2), (256, 1, 3), (257, 2, 1), (513, 3, 2), (700, 1, 13), (40, 129, 1)):
        cases.append(linear_case(draw.row(rows * k), draw.row(n * k), draw.row(n), rows))
    zeros = [0.0] * 32
    return cases + [
        linear_case(draw.wild_row(2 * 100), draw.wild_row(5 * 100), None, 2),
        linear_case(draw.wild_row(3 * 96, 60), draw.wild_row(3 * 96, 60), draw.wild_row(3), 3),
        linear_case([1.0] * 96, [1.0] * 96 + [-1.0] * 96),
        # blocks of zeros in the middle, and sums of nothing but zeros, whose sign is plus
        linear_case(draw.row(32) + zeros + draw.row(32), draw.row(96)),
        linear_case([-0.0] * 40, draw.row(80), [-0.0, 1.0]),
        linear_case(draw.row(40), [-0.0] * 40),
        # products of scales that are subnormal, vanish, or are huge
        linear_case(draw.row(64, 1e-30), draw.row(2 * 64, 1e-12)),
        linear_case(draw.row(64, 1e-34), draw.row(2 * 64, 1e-30)),
        linear_case(draw.row(64, 1e30), draw.row(2 * 64, 1e6)),
        linear_case(draw.subnormal_row(32) + draw.row(32), draw.row(64)),
        # cancellation between blocks
        linear_case([1e8] * 32 + [1.0] * 32 + [-1e8] * 32, [1.0] * 96),
    ]


def linear_case(x, w, bias=None, rows=1):
    """One case; `x` and `w` are flat, as they are before they are quantised."""
    k = len(x) // rows
    matrix = QuantisedMatrix(cut(w, k))
    y = flat(linear_of_precision(row, matrix, bias) for row in cut(x, k))
    return {"precision": "q8", "rows": rows, "k": k, "n": len(matrix.rows), "x": hexes(x), "w": hexes(w),
            "b": None if bias is None else hexes(bias), "y": hexes(y)}
