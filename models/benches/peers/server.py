"""The Rust side: a process that measures on request (src/main.rs)."""

import json
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rounds import Refusal

MANIFEST = Path(__file__).parent / "Cargo.toml"


class Server:
    def __init__(self, threads: int) -> None:
        command = ["cargo", "run", "--release", "--manifest-path", str(MANIFEST)]
        environment = os.environ | {"RAYON_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The server ends with its input.
        self.process.communicate()

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # an ended server is found by its missing answer
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"error: the server ended with status {self.process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise Refusal(answer["error"])
        return answer

    def median_ns(self, request: dict[str, Any]) -> float:
        return self.ask(request)["median_ns"]
