"""A second implementation of workloads/src/arrivals.rs, for the vector in its test: python workloads/reference/arrivals.py

Python's standard library only. ChaCha8 is written out; logarithms have 60 decimal digits, so each gap is the correctly
rounded nanosecond, where the program takes f64 on the way.
"""

import hashlib
import struct
from decimal import Decimal, ROUND_HALF_UP, getcontext

HOUR_NS = 3_600_000_000_000


def digest_of_fields(label, *fields):
    hash = hashlib.sha256()
    for field in (label, *fields):
        hash.update(struct.pack("<Q", len(field)) + field)
    return hash.digest()


def chacha8_block(key, counter):
    """RFC 8439's block function with 8 rounds, a nonce of zero and a 32-bit counter: 64 bytes."""
    mask = 0xFFFFFFFF
    start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *struct.unpack("<8I", key), counter, 0, 0, 0]
    state = start[:]

    def quarter(a, b, c, d):
        for target, source, turned, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[target] = (state[target] + state[source]) & mask
            word = state[turned] ^ state[target]
            state[turned] = (word << bits | word >> (32 - bits)) & mask

    for _ in range(4):
        for column in range(4):
            quarter(column, column + 4, column + 8, column + 12)
        for column in range(4):
            quarter(column, (column + 1) % 4 + 4, (column + 2) % 4 + 8, (column + 3) % 4 + 12)
    return struct.pack("<16I", *((a + b) & mask for a, b in zip(state, start)))


def words(key):
    counter = 0
    while True:
        yield from struct.unpack("<8Q", chacha8_block(key, counter))
        counter += 1


def arrivals(seed, requests_per_hour, count):
    mean_ns = Decimal(HOUR_NS) / requests_per_hour
    time_ns, stream = 0, words(digest_of_fields(b"proofmark/arrivals/1", seed))
    for _ in range(count):
        share = Decimal((next(stream) >> 11) + 1) / Decimal(1 << 53)
        time_ns += int((-share.ln() * mean_ns).to_integral_value(ROUND_HALF_UP))
        yield time_ns


if __name__ == "__main__":
    getcontext().prec = 60
    seed = hashlib.sha256(b"arrivals").digest()
    for rate in (60, 3600, 1_000_000_000):
        print(rate, list(arrivals(seed, rate, 10)))
