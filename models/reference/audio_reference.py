"""Section 14 of EXACT.md, and Whisper as a whole."""

import mpmath

import exact_reference as exact
from eight_bits import linear_of_precision
from exact_reference import correctly_rounded
from pre_norm_reference import PreNormLayer, whisper_names

FRAME, HOP, FREQUENCIES = 400, 160, 201
FLOOR = exact.from_hex("2edbe6ff")
LOG10_E = exact.from_hex("3ede5bd9")
WHISPER_EPS = 1e-5


def cos_of_turn(part, whole):
    """The cosine of `part / whole` of a turn, correctly rounded; rational only at multiples of a twelfth (Niven)."""
    part = part % whole
    known = {0: 1.0, whole: 0.0, 2 * whole: -1.0, 3 * whole: 0.0}
    if 4 * part in known:
        return known[4 * part]
    return correctly_rounded(lambda: mpmath.cos(2 * mpmath.pi * part / whole))


def sin_of_turn(part, whole):
    """The sine, a quarter of a turn behind; `whole` is a multiple of 4."""
    return cos_of_turn(part - whole // 4, whole)


def hann_window():
    """Step 1's table."""
    return [0.0 if n == 0 else 0.5 if 4 * n in (FRAME, 3 * FRAME) else 1.0 if 2 * n == FRAME else
            correctly_rounded(lambda n=n: (1 - mpmath.cos(2 * mpmath.pi * n / FRAME)) / 2) for n in range(FRAME)]


def mel_filters(bands):
    """Step 3's table: `[band][frequency]`."""
    return [[mel_weight(bands, m, k) for k in range(FREQUENCIES)] for m in range(bands)]


def mel_weight(bands, m, k):
    """One entry. Where it is 0 is settled first, at a precision at which no frequency but the ends lies near a corner."""
    with mpmath.workprec(200):
        low, high = corner(bands, m), corner(bands, m + 2)
        if (m == 0 and k == 0) or (m == bands - 1 and k == FREQUENCIES - 1) or not low < 40 * k < high:
            return 0.0

    def weight():
        low, middle, high = (corner(bands, m + i) for i in range(3))
        return min((40 * k - low) / (middle - low), (high - 40 * k) / (high - middle)) * 2 / (high - low)
    return correctly_rounded(weight)


def corner(bands, index):
    """The Hz of one corner, in mpmath's current precision."""
    step = mpmath.log(mpmath.mpf(64) / 10) / 27
    mel = (15 + mpmath.log(8) / step) * index / (bands + 1)
    return mel * 200 / 3 if mel < 15 else 1000 * mpmath.exp((mel - 15) * step)


class LogMel:
    """The front end for some number of bands."""

    def __init__(self, bands):
        self.window, self.filters = hann_window(), mel_filters(bands)
        turn = range(FRAME)
        cosines, sines = ([function(n, FRAME) for n in turn] for function in (cos_of_turn, sin_of_turn))
        self.cosines, self.sines = ([[table[n * k % FRAME] for n in turn] for k in range(FREQUENCIES)]
                                    for table in (cosines, sines))

    def forward(self, waveform, samples):
        """One row a frame, of the first `samples` samples or of all and silence."""
        heard = (waveform + [0.0] * samples)[:samples]
        rows = [self._logarithms(self._frame(heard, f)) for f in range(samples // HOP)]
        least = exact.sub(max(value for row in rows for value in row), 8.0)
        return [[exact.div(exact.add(exact.maximum(value, least), 4.0), 4.0) for value in row] for row in rows]

    def _frame(self, heard, f):
        last = len(heard) - 1
        places = [abs(i) for i in range(HOP * f - FRAME // 2, HOP * f + FRAME // 2)]
        samples = [heard[2 * last - i if i > last else i] for i in places]
        return [exact.mul(sample, weight) for sample, weight in zip(samples, self.window, strict=True)]

    def _logarithms(self, x):
        re, im = exact.linear(x, self.cosines), exact.linear(x, self.sines)
        power = [exact.fma(b, b, exact.mul(a, a)) for a, b in zip(re, im, strict=True)]
        return [exact.mul(exact.log(exact.maximum(energy, FLOOR)), LOG10_E) for energy in exact.linear(power, self.filters)]


class Whisper:
    """WhisperForConditionalGeneration for one clip, without a key/value cache."""

    def __init__(self, config, weights):
        self.config, self.weights = config, weights
        hidden, bands = config["d_model"], config["num_mel_bins"]
        self.log_mel = LogMel(bands)
        encoder, decoder = "model.encoder.", "model.decoder."
        self.convolutions = [(weights.tensor(encoder + name + ".weight", [hidden, channels, 3]),
                              weights.bias(encoder + name + ".bias", hidden), stride)
                             for name, channels, stride in (("conv1", bands, 1), ("conv2", hidden, 2))]
        self.source_positions = weights.table(encoder + "embed_positions.weight", config["max_source_positions"], hidden)
        self.encoder = self._layers(encoder, "encoder", is_decoder=False)
        self.encoder_norm = self._norm(encoder + "layer_norm")
        self.words = weights.matrix(decoder + "embed_tokens.weight", config["vocab_size"], hidden)
        self.target_positions = weights.table(decoder + "embed_positions.weight", config["max_target_positions"], hidden)
        self.decoder = self._layers(decoder, "decoder", is_decoder=True)
        self.decoder_norm = self._norm(decoder + "layer_norm")

    def _norm(self, name):
        size = self.config["d_model"]
        return self.weights.scale(name + ".weight", size), self.weights.bias(name + ".bias", size)

    def _layers(self, prefix, part, *, is_decoder):
        config = self.config
        return [PreNormLayer(self.weights, whisper_names(f"{prefix}layers.{i}.", is_decoder=is_decoder), config["d_model"],
                             config[part + "_ffn_dim"], config[part + "_attention_heads"], exact.gelu, WHISPER_EPS,
                             key_bias=False) for i in range(config[part + "_layers"])]

    def transcribe(self, waveform, prompt, steps):
        """The tokens chosen and, for each, the logits from which it was chosen."""
        heard = self.encoded(self.log_mel.forward(waveform, 320 * self.config["max_source_positions"]))
        tokens, logits = [], []
        for _ in range(steps):
            logits.append(self.next_logits(prompt + tokens, heard))
            tokens.append(exact.argmax(logits[-1]))
        return tokens, logits

    def encoded(self, rows):
        """The encoder's output for a log-mel spectrogram, frame by frame."""
        planes = [[list(band)] for band in zip(*rows, strict=True)]
        for kernel, bias, stride in self.convolutions:
            flat_kernel = [[[row] for row in output] for output in kernel]
            planes = exact.conv2d([planes], flat_kernel, bias, (1, stride), (0, 1), (1, 1))[0]
            planes = [[[exact.gelu(value) for value in line] for line in plane] for plane in planes]
        rows = [list(row) for row in zip(*(plane[0] for plane in planes), strict=True)]
        rows = [exact.add_rows(row, position) for row, position in zip(rows, self.source_positions, strict=True)]
        for layer in self.encoder:
            rows = layer.forward(rows, exact.within([len(rows)]))
        return [exact.layer_norm(row, *self.encoder_norm, WHISPER_EPS) for row in rows]

    def next_logits(self, ids, heard):
        """The logits after the last of these tokens."""
        rows = [exact.add_rows(self.words[token], self.target_positions[place]) for place, token in enumerate(ids)]
        for layer in self.decoder:
            rows = layer.forward(rows, exact.causal(0), heard)
        return linear_of_precision(exact.layer_norm(rows[-1], *self.decoder_norm, WHISPER_EPS), self.words)
