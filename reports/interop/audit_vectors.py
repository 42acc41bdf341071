"""Test vectors of the audit's draws (reports/src/audit), by an implementation independent of it; standard library only.

    python3 reports/interop/audit_vectors.py > reports/tests/vectors/audit.json
"""

import json
from fractions import Fraction
from hashlib import sha256
from itertools import count as count_from
from math import ceil, comb


def h(label: str, *fields: bytes) -> bytes:
    return sha256(b"".join(len(f).to_bytes(8, "little") + f for f in (label.encode(), *fields))).digest()


def u64(number: int) -> bytes:
    return number.to_bytes(8, "little")


def places(seed: bytes, cell: int, count: int, wanted: int) -> list[int]:
    deck = list(range(count))
    for i in range(min(wanted, count)):
        left = count - i
        for attempt in count_from():
            draw = int.from_bytes(h("proofmark/draw/1", seed, u64(cell), u64(i), u64(attempt))[:8], "big")
            if draw < 2**64 // left * left:
                break
        other = i + draw % left
        deck[i], deck[other] = deck[other], deck[i]
    return sorted(deck[: min(wanted, count)])


def sketch_digest(tokens: list[list[int]], rows: list[dict[str, list[int]]]) -> bytes:
    fields = [u64(len(tokens))]
    fields += [b"".join(token.to_bytes(4, "little") for token in sequence) for sequence in tokens]
    for row in rows:
        fields.append(b"".join(place.to_bytes(4, "little") for place in row["places"]))
        fields.append(b"".join(value.to_bytes(8, "little", signed=True) for value in row["values"]))
    return h("proofmark/sketch/1", *fields)


def main() -> None:
    body, randomness = sha256(b"body_digest").digest(), sha256(b"randomness").digest()
    seed = h("proofmark/audit/1", body, randomness)
    # Round 1000 of drand quicknet; its random number is the SHA-256 of the signature.
    signature = "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"
    public_seed = h("proofmark/audit/1", body, sha256(bytes.fromhex(signature)).digest())
    # The first round later than a time: round r is due 3 (r - 1) seconds after the first.
    rounds = [
        {"time_s": time, "round": next(r for r in count_from(1) if 1692803367 + 3 * (r - 1) > time)}
        for time in (0, 1692803366, 1692803367, 1692803369, 1692803370, 1692806361, 1692806363, 1692806364)
    ]
    samples = [
        {"cell_index": cell, "count": count, "wanted": wanted, "places": places(seed, cell, count, wanted)}
        for cell, count, wanted in [(0, 0, 3), (0, 1, 1), (1, 6, 2), (2, 6, 6), (3, 7, 9), (4, 198, 5), (40, 1398, 20)]
    ]
    odds = [
        {"count": n, "faked": m, "checked": c, "miss_ppm": ceil(Fraction(comb(n - m, c), comb(n, c)) * 10**6)}
        for n, m, c in [(10, 1, 1), (10, 1, 10), (198, 1, 5), (198, 20, 5), (198, 99, 5), (1398, 140, 20), (6, 6, 1), (6, 3, 2)]
    ]
    sketch = {
        "tokens": [[49151, 7], [0, 7]],
        "rows": [{"places": [at, 3], "values": [5 << 20, -at - 1]} for at in (49151, 7, 0, 7)],
    }
    vectors = {
        "body_digest": body.hex(),
        "randomness": randomness.hex(),
        "audit_seed": seed.hex(),
        "public": {"round": 1000, "signature": signature, "audit_seed": public_seed.hex(), "places": places(public_seed, 1, 198, 5)},
        "first_rounds": rounds,
        "samples": samples,
        "odds": odds,
        "sketch": {"content": sketch, "digest": sketch_digest(**sketch).hex()},
    }
    print(json.dumps(vectors, indent=1, sort_keys=True))


if __name__ == "__main__":
    main()
