"""What vectors are made of: inputs from a small generator, and values as they are written."""

from exact_reference import f32, from_bits, to_hex

INFINITY_BITS = 0x7f800000


class Generator:
    """SplitMix64, and what the vectors draw from it."""

    def __init__(self, seed):
        self.state = seed

    def word(self):
        """The next 64 bits."""
        self.state = (self.state + 0x9e3779b97f4a7c15) % 2 ** 64
        z = self.state
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9 % 2 ** 64
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb % 2 ** 64
        return z ^ (z >> 31)

    def below(self, bound):
        """A whole number below a small bound."""
        return (self.word() >> 32) * bound >> 32

    def bits(self):
        """Any bit pattern of a finite value."""
        while True:
            pattern = self.word() >> 32
            if pattern & INFINITY_BITS != INFINITY_BITS:
                return pattern

    def bits_value(self):
        """Any finite value."""
        return from_bits(self.bits())

    def between(self, low, high):
        """A binary32 value, evenly between two bounds."""
        return f32(low + (high - low) * ((self.word() >> 11) * 2.0 ** -53))

    def row(self, count, size=1.0):
        """Values evenly between `-size` and `size`."""
        return [self.between(-size, size) for _ in range(count)]

    def wild_row(self, count, octaves=20):
        """Values whose magnitudes are spread over `2 * octaves` octaves about 1."""
        return [from_bits((self.below(2) << 31) | ((127 - octaves + self.below(2 * octaves)) << 23) | self.below(1 << 23))
                for _ in range(count)]

    def subnormal_row(self, count):
        """Subnormal values."""
        return [from_bits((self.below(2) << 31) | self.below(1 << 23)) for _ in range(count)]


def hexes(values):
    """A flat list of bit patterns."""
    return [to_hex(value) for value in values]


def flat(rows):
    """One level of nesting less."""
    return [value for row in rows for value in row]


def cut(values, size):
    """The inverse of `flat`, for rows of one size."""
    return [values[start:start + size] for start in range(0, len(values), size)]
