"""What ran where: versions, processor, threads, and how fast memory is read."""

import platform
import tomllib
from pathlib import Path
from typing import Any

import torch
import transformers

from server import Server

LOCK = Path(__file__).parent / "Cargo.lock"
READ_MEBIBYTES = 1024


def facts(server: Server, threads: int) -> dict[str, Any]:
    """Sets the threads of PyTorch to those of the server, and says what compares with what."""
    torch.set_num_threads(threads)
    about = server.ask({"op": "about"})
    if about["threads"] != threads:
        raise SystemExit(f"error: the server runs {about['threads']} threads, not {threads}")
    return {
        "cpu": cpu_model(),
        "threads": threads,
        "exact_isa": about["isa"],
        "torch_isa": torch.backends.cpu.get_cpu_capability(),
        "read_gigabytes_per_s": read_gigabytes_per_s(server, threads),
        "versions": versions(),
    }


def read_gigabytes_per_s(server: Server, threads: int) -> float:
    """The speed of summing a large buffer."""
    request = {"op": "bandwidth", "mebibytes": READ_MEBIBYTES, "threads": threads}
    return server.ask(request)["gigabytes_per_s"]


def cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def versions() -> dict[str, str]:
    packages = tomllib.loads(LOCK.read_text())["package"]
    locked = {package["name"]: package["version"] for package in packages}
    return {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "python": platform.python_version(),
    } | {name: locked[name] for name in ["proofmark-models", "candle-core", "candle-transformers"]}
