"""The same tasks in PyTorch and transformers."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}

# As in src/stopwatch.rs.
MIN_REPETITIONS = 5


@torch.inference_mode()
def linear_ns(m: int, n: int, k: int, precision: str, seconds: float) -> float:
    x, weight = draw(m, n, k, precision)
    return repeat_for_ns(seconds, lambda: torch.nn.functional.linear(x, weight))


@torch.inference_mode()
def packed_linear_ns(m: int, n: int, k: int, precision: str, seconds: float) -> float:
    """Over weights that oneDNN packed before, as exact's are; `torch.compile` with frozen weights emits these calls.

    Stock linear layers go to MKL in f32, which on an AMD EPYC took twice as long as oneDNN for 512 rows.
    """
    x, weight = draw(m, n, k, precision)
    packed = torch.ops.mkldnn._reorder_linear_weight(weight, m)
    multiply = torch.ops.mkldnn._linear_pointwise
    return repeat_for_ns(seconds, lambda: multiply(x, packed, None, "none", [], ""))


class TransformersLlama:
    """A random model of that shape; `attention` is an implementation that transformers names."""

    def __init__(self, config: Path, precision: str) -> None:
        self.model = LlamaForCausalLM(LlamaConfig.from_json_file(config)).to(DTYPES[precision]).eval()

    @torch.inference_mode()
    def prefill_ns(self, attention: str, tokens: int, repetitions: int) -> float:
        self.model.set_attn_implementation(attention)
        prompt = self.prompt(tokens)
        self.forward(prompt, DynamicCache())
        return median(time_ns(lambda: self.forward(prompt, DynamicCache())) for _ in range(repetitions))

    @torch.inference_mode()
    def decode_ns(self, attention: str, context: int, tokens: int, repetitions: int) -> float:
        self.model.set_attn_implementation(attention)
        ids = self.prompt(context + tokens)
        durations: list[int] = []
        for _ in range(repetitions):
            cache = DynamicCache()
            self.forward(ids[:, :context], cache)
            for position in range(context, context + tokens):
                durations.append(time_ns(lambda: self.forward(ids[:, position : position + 1], cache)))
        return median(durations)

    def forward(self, ids: torch.Tensor, cache: DynamicCache) -> None:
        # Logits of the last token alone, as in generation and in the other engines.
        self.model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)

    def prompt(self, tokens: int) -> torch.Tensor:
        return torch.randint(3, self.model.config.vocab_size, (1, tokens))


def draw(m: int, n: int, k: int, precision: str) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.empty(m, k).uniform_(-1, 1)
    weight = torch.empty(n, k).uniform_(-0.02, 0.02)
    return x.to(DTYPES[precision]), weight.to(DTYPES[precision])


def repeat_for_ns(seconds: float, run: Callable[[], object]) -> float:
    run()
    durations: list[int] = []
    begin = time.perf_counter()
    while len(durations) < MIN_REPETITIONS or time.perf_counter() - begin < seconds:
        durations.append(time_ns(run))
    return median(durations)


def time_ns(run: Callable[[], object]) -> int:
    begin = time.perf_counter_ns()
    run()
    return time.perf_counter_ns() - begin
