"""PyTorch on a GPU, on the shapes of `cargo bench --bench device`, for the rows that its tables lack."""

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}

# Rows, outputs, inputs: as in ../device/products.rs.
PRODUCTS = [
    (1, 3072, 2048),
    (1, 16384, 2048),
    (1, 2048, 8192),
    (1, 6144, 4096),
    (1, 28672, 4096),
    (1, 4096, 14336),
    (8, 28672, 4096),
    (512, 16384, 2048),
    (512, 28672, 4096),
    (2048, 4096, 14336),
]
# Llama 3.2 1B: as in ../shapes/mod.rs.
DECODER = {
    "vocab_size": 128_256,
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 16,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 8192,
    "rms_norm_eps": 1e-5,
    "rope_theta": 100000.0,
    "tie_word_embeddings": True,
}
CONTEXT, STEPS, PROMPT = 64, 64, 512
ROTATED_BYTES = 1 << 30

SMALL_PRODUCTS = [(1, 64, 96), (20, 64, 96)]
SMALL_DECODER = DECODER | {
    "vocab_size": 100,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
SMALL_ROTATED_BYTES = 1 << 16

# As in ../device/engine.rs.
ROUNDS = 9
BURST_SECONDS = 0.04
WARM_UP_SECONDS = 0.3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="small shapes on the processor: shows that it works")
    small = parser.parse_args().small
    device = torch.device("cpu" if small else "cuda")
    # Products of f32 in f32, as cuBLAS has them for candle.
    torch.backends.cuda.matmul.allow_tf32 = False
    print(f"{device}, torch {torch.__version__}, CUDA {torch.version.cuda}")
    if not small:
        print(torch.cuda.get_device_name())
    with torch.inference_mode():
        for shape in SMALL_PRODUCTS if small else PRODUCTS:
            rows, outputs, inputs = shape
            rotated = SMALL_ROTATED_BYTES if small else ROTATED_BYTES
            products = {name: product(shape, dtype, rotated, device) for name, dtype in DTYPES.items()}
            table(f"{rows} x {inputs} by {inputs} x {outputs}", products, device)
        config = LlamaConfig(**(SMALL_DECODER if small else DECODER))
        models = {name: LlamaForCausalLM(config).to(device, dtype).eval() for name, dtype in DTYPES.items()}
        show(f"a token behind {CONTEXT} and more", decode_seconds(models, device))
        table(f"a prompt of {PROMPT}", {name: prefill(model, device) for name, model in models.items()}, device)


def product(
    shape: tuple[int, int, int], dtype: torch.dtype, rotated_bytes: int, device: torch.device
) -> Callable[[int], Any]:
    rows, outputs, inputs = shape
    copies = -(-rotated_bytes // (outputs * inputs * dtype.itemsize))
    x = [torch.empty(rows, inputs, device=device).uniform_(-1, 1).to(dtype) for _ in range(copies)]
    w = [torch.empty(outputs, inputs, device=device).uniform_(-0.02, 0.02).to(dtype) for _ in range(copies)]
    return lambda call: torch.nn.functional.linear(x[call % copies], w[call % copies])


def prefill(model: LlamaForCausalLM, device: torch.device) -> Callable[[int], Any]:
    ids = prompt(model, PROMPT, device)
    return lambda _: forward(model, ids, DynamicCache())


def decode_seconds(models: dict[str, LlamaForCausalLM], device: torch.device) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in models}
    for number in range(ROUNDS + 1):
        for name, model in models.items():
            seconds = step_seconds(model, device)
            # The first warms up.
            if number > 0:
                times[name].append(seconds)
    return times


def step_seconds(model: LlamaForCausalLM, device: torch.device) -> float:
    ids = prompt(model, CONTEXT + STEPS, device)
    cache = DynamicCache()
    forward(model, ids[:, : CONTEXT - 1], cache)
    forward(model, ids[:, CONTEXT - 1 : CONTEXT], cache)
    wait(device)
    begin = time.perf_counter()
    for place in range(CONTEXT, CONTEXT + STEPS):
        forward(model, ids[:, place : place + 1], cache)
    return (time.perf_counter() - begin) / STEPS


def forward(model: LlamaForCausalLM, ids: torch.Tensor, cache: DynamicCache) -> torch.Tensor:
    """Logits of the last token, on the processor, where the next would be chosen."""
    return model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1).logits.cpu()


def prompt(model: LlamaForCausalLM, tokens: int, device: torch.device) -> torch.Tensor:
    return torch.randint(3, model.config.vocab_size, (1, tokens), device=device)


def table(task: str, engines: dict[str, Callable[[int], Any]], device: torch.device) -> None:
    calls = {name: calls_of_a_burst(call, device) for name, call in engines.items()}
    times: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(ROUNDS):
        for name, call in engines.items():
            times[name].append(seconds_of(call, calls[name], device))
    show(task, times)


def show(task: str, times: dict[str, list[float]]) -> None:
    print(f"\n| {task} | us, median (least to most) |\n|---|---|")
    for name, seconds in times.items():
        print(f"| torch {name} | {median(seconds) * 1e6:.1f} ({min(seconds) * 1e6:.1f} to {max(seconds) * 1e6:.1f}) |")


def calls_of_a_burst(call: Callable[[int], Any], device: torch.device) -> int:
    # The first loads kernels and libraries.
    seconds_of(call, 1, device)
    begin, seconds = time.perf_counter(), seconds_of(call, 4, device)
    while time.perf_counter() - begin < WARM_UP_SECONDS:
        seconds = seconds_of(call, 4, device)
    return max(1, int(BURST_SECONDS / seconds))


def seconds_of(call: Callable[[int], Any], calls: int, device: torch.device) -> float:
    wait(device)
    begin = time.perf_counter()
    for number in range(calls):
        call(number)
    wait(device)
    return (time.perf_counter() - begin) / calls


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
