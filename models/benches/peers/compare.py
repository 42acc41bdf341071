"""Exact kernels against candle, candle-transformers, PyTorch and transformers, interleaved in one run."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import machine
import tables
from foreign_load import ForeignLoad
from pytorch import TransformersLlama, linear_ns, packed_linear_ns
from rounds import Measure, Row, alternate
from server import Server

# (m, n, k): rows of x, outputs, inputs.
LINEAR_SHAPES = [
    (1, 1024, 1024),
    (1, 2048, 2048),
    (1, 4096, 4096),
    (1, 11008, 4096),
    (4, 2048, 2048),
    (16, 2048, 2048),
    (64, 2048, 2048),
    (128, 768, 768),
    (128, 3072, 768),
    (128, 768, 3072),
    (512, 2048, 2048),
    (512, 1024, 4096),
]
LINEAR_SECONDS = 0.2
BYTES_A_WEIGHT = {"f32": 4, "bf16": 2}
PREFILL = {"tokens": 512}
DECODE = {"context": 64, "tokens": 16}
MODEL_REPETITIONS = 3
CONFIG = Path(__file__).parent / "smollm2-135m.json"


def main() -> None:
    options = parse_options()
    load = ForeignLoad()
    with Server(options.threads) as server:
        facts = machine.facts(server, options.threads)
        print(tables.facts(facts))
        sections = run_sections(server, options)
    facts["foreign_processors"] = load.processors()
    print(tables.foreign_load(facts["foreign_processors"]))
    if options.json:
        options.json.write_text(json.dumps({"facts": facts, "sections": sections}, indent=2) + "\n")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=positive, default=len(os.sched_getaffinity(0)), help="of every engine")
    parser.add_argument("--rounds", type=positive, default=5, help="times that the engines take turns")
    parser.add_argument("--only", choices=["linear", "models"])
    parser.add_argument("--bf16", action="store_true", help="in bf16 as well as in f32")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round there")
    return parser.parse_args()


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("less than 1")
    return number


def run_sections(server: Server, options: argparse.Namespace) -> list[dict[str, Any]]:
    sections = []
    for precision in ["f32", "bf16"] if options.bf16 else ["f32"]:
        if options.only != "models":
            rows = [linear_row(server, shape, precision, options) for shape in LINEAR_SHAPES]
            sections.append(section("linear", precision, rows))
            print(tables.linear(precision, rows))
            print(tables.share_of_bandwidth(rows))
        if options.only != "linear":
            rows = model_rows(server, precision, options.rounds)
            sections.append(section("models", precision, rows))
            print(tables.models(precision, rows))
    return sections


def linear_row(server: Server, shape: tuple[int, int, int], precision: str, options: argparse.Namespace) -> Row:
    m, n, k = shape
    request = {"op": "linear", "m": m, "n": n, "k": k, "precision": precision, "seconds": LINEAR_SECONDS}
    engines: dict[str, Measure] = {
        "exact": lambda: server.median_ns(request | {"engine": "exact"}),
        "candle": lambda: server.median_ns(request | {"engine": "candle"}),
        "torch": lambda: linear_ns(m, n, k, precision, LINEAR_SECONDS),
        "torch packed": lambda: packed_linear_ns(m, n, k, precision, LINEAR_SECONDS),
    }
    weight_bytes = n * k * BYTES_A_WEIGHT[precision]
    if m == 1:
        # Takes its turn as well: the memory's speed changes with what others do.
        engines["read"] = lambda: weight_bytes / machine.read_gigabytes_per_s(server, options.threads)
    sizes = {"m": m, "n": n, "k": k, "weight_bytes": weight_bytes}
    return row(f"{m}, {n}, {k}", engines, options.rounds, sizes)


def model_rows(server: Server, precision: str, rounds: int) -> list[Row]:
    llama = TransformersLlama(CONFIG, precision)
    common = {"precision": precision, "repetitions": MODEL_REPETITIONS}

    def served(engine: str, request: dict[str, Any]) -> Measure:
        return lambda: server.median_ns(common | request | {"engine": engine})

    prefill: dict[str, Measure] = {
        "exact": served("exact", {"op": "prefill"} | PREFILL),
        "candle-transformers": served("candle-transformers", {"op": "prefill"} | PREFILL),
        "transformers sdpa": lambda: llama.prefill_ns("sdpa", PREFILL["tokens"], MODEL_REPETITIONS),
        "transformers eager": lambda: llama.prefill_ns("eager", PREFILL["tokens"], MODEL_REPETITIONS),
    }
    decode: dict[str, Measure] = {
        "exact": served("exact", {"op": "decode"} | DECODE),
        "candle-transformers": served("candle-transformers", {"op": "decode"} | DECODE),
        "transformers sdpa": lambda: llama.decode_ns("sdpa", **DECODE, repetitions=MODEL_REPETITIONS),
        "transformers eager": lambda: llama.decode_ns("eager", **DECODE, repetitions=MODEL_REPETITIONS),
    }
    return [
        row(f"prefill {PREFILL['tokens']}", prefill, rounds, PREFILL),
        row(f"decode at {DECODE['context']}, a token", decode, rounds, DECODE),
    ]


def row(name: str, engines: dict[str, Measure], rounds: int, sizes: dict[str, int]) -> Row:
    print(f"{name} ..", file=sys.stderr)
    measured, refusals = alternate(engines, rounds)
    return Row(name, sizes, measured, refusals)


def section(what: str, precision: str, rows: list[Row]) -> dict[str, Any]:
    return {"what": what, "precision": precision, "rows": [vars(row) for row in rows]}


if __name__ == "__main__":
    main()
