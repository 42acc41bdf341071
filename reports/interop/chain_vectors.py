"""Test vectors of the chain (reports/src/chain.rs), by an implementation independent of it; standard library only.

    python3 reports/interop/chain_vectors.py > reports/tests/vectors/chain.json
"""

import hashlib
import json


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def h(label: str, *fields: bytes) -> bytes:
    frames = [label.encode(), *fields]
    return sha256(b"".join(len(f).to_bytes(8, "little") + f for f in frames))


def u64(number: int) -> bytes:
    return number.to_bytes(8, "little")


def main() -> None:
    named = {
        name: sha256(name.encode())
        for name in ["suite_digest", "operator_key", "machine_commitment", "binary_digest", "challenge_digest", "weights"]
    }
    head = h(
        "proofmark/run/1",
        named["suite_digest"],
        named["operator_key"],
        named["machine_commitment"],
        named["binary_digest"],
        named["challenge_digest"],
    )
    cell = {
        "workload": "embed-exact-f32",
        "numerics": "exact/1",
        "precision": "f32",
        "device": "cpu",
        "threads": 2,
        "batch": 4,
        "weights": named["weights"].hex(),
        "attempt": 0,
    }
    canonical = json.dumps(cell, sort_keys=True, separators=(",", ":")).encode()
    seed_0 = h("proofmark/cell/2", head, u64(4), u64(3), sha256(canonical))
    outputs = [sha256(b"output" + u64(i)) for i in range(5)]
    seed = seed_0
    for step, output in enumerate(outputs):
        seed = h("proofmark/step/1", seed, u64(step), output)
    trial = h("proofmark/trial/1", seed, u64(2))
    vectors = {name: value.hex() for name, value in named.items()}
    vectors["head_0"] = head.hex()
    vectors["seed_0"] = seed_0.hex()
    vectors["output_digests"] = [o.hex() for o in outputs]
    vectors["chain_head"] = seed.hex()
    vectors["trial_seed"] = trial.hex()
    vectors["request_seed"] = h("proofmark/request/1", trial, u64(1)).hex()
    vectors["head_after_trial"] = h("proofmark/served/1", trial, u64(7200), b"".join(outputs[:3])).hex()
    print(json.dumps(vectors, indent=1, sort_keys=True))


if __name__ == "__main__":
    main()
