"""Sections 10 and 11 of EXACT.md together: what a model loads."""

import math

from eight_bits import QuantisedMatrix
from exact_reference import synthetic, tensor_digest, weights_digest


class SyntheticWeights:
    """The weights that a model loads: drawn by section 10, in one precision, remembered for the digest of section 11."""

    def __init__(self, seed, precision="f32"):
        self.seed = seed
        self.precision = precision
        self.digests = {}

    def table(self, name, rows, columns):
        """A table for look-up alone, as a list of rows."""
        return self.tensor(name, [rows, columns])

    def matrix(self, name, rows, columns):
        """A matrix that products read, as a list of rows or quantised."""
        values = self.tensor(name, [rows, columns])
        return QuantisedMatrix(values) if self.precision == "q8" else values

    def bias(self, name, size):
        """A bias."""
        return self._load(name, [size], "bias")

    def scale(self, name, size):
        """The `weight` of a norm."""
        return self._load(name, [size], "scale")

    def scale_offset(self, name, size):
        """The `weight` of a norm that scales by `1 + weight`."""
        return self._load(name, [size], "scale_offset")

    def tensor(self, name, dims, kind="matrix"):
        """A tensor of any shape that no linear layer multiplies by, as nested lists."""
        return nested(self._load(name, dims, kind), dims)

    def digest(self):
        """The digest of everything loaded so far."""
        return weights_digest(self.digests)

    def _load(self, name, dims, kind):
        precision = "f32" if self.precision == "q8" else self.precision
        values = synthetic(self.seed, name, kind, 0, math.prod(dims), precision)
        self.digests[name] = tensor_digest(dims, values)
        return values


def nested(values, dims):
    """A flat list as lists of lists, by its dimensions."""
    if not dims:
        return values[0]
    size = len(values) // dims[0]
    return [nested(values[start:start + size], dims[1:]) for start in range(0, len(values), size)]
