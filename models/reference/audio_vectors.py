"""audio.json: the log-mel front end, its tables, and Whisper."""

import hashlib
import struct

import audio_reference
import exact_reference as exact
from exact_reference import to_hex
from model_vectors import named_precision
from synthetic_weights import SyntheticWeights
from vector_inputs import Generator, flat, hexes

WHISPER = {"model_type": "whisper", "vocab_size": 40, "num_mel_bins": 6, "d_model": 12, "encoder_layers": 1,
           "encoder_attention_heads": 2, "encoder_ffn_dim": 20, "decoder_layers": 2, "decoder_attention_heads": 3,
           "decoder_ffn_dim": 16, "max_source_positions": 2, "max_target_positions": 12, "activation_function": "gelu"}


def audio():
    """All of it."""
    draw = Generator(30)
    log_mel = audio_reference.LogMel(6)
    return {
        "window": [hexes(audio_reference.hann_window())],
        "fourier": [sha256(flat(log_mel.cosines) + flat(log_mel.sines))],
        "mel": [mel_case(bands) for bands in (1, 6, 80, 128)],
        "log_mel": [log_mel_case(log_mel, waveform) for waveform in (
            draw.row(480, 0.5), draw.wild_row(320, 12), [0.0] * 320, [value * 2.0 ** -12 for value in draw.row(640)])],
        "whisper": [whisper_case(70, [500, 700], [3, 1, 17], 5), whisper_case(71, [640], [9], 4, "bf16")],
    }


def sha256(values):
    """Of the little-endian bytes."""
    return hashlib.sha256(struct.pack(f"<{len(values)}f", *values)).hexdigest()


def mel_case(bands):
    """The entries that are not 0: band, frequency, weight."""
    filters = audio_reference.mel_filters(bands)
    entries = [[m, k, to_hex(weight)] for m, row in enumerate(filters) for k, weight in enumerate(row) if weight != 0.0]
    return {"bands": bands, "sha256": sha256(flat(filters)), "entries": entries}


def log_mel_case(log_mel, waveform):
    """All frames of a waveform."""
    return {"bands": len(log_mel.filters), "waveform": hexes(waveform),
            "y": hexes(flat(log_mel.forward(waveform, len(waveform))))}


def whisper_case(seed, lengths, prompt, steps, weight_format=None):
    """Clips of some lengths; the model hears 640 samples."""
    weights = SyntheticWeights(seed, precision=weight_format or "f32")
    model = audio_reference.Whisper(WHISPER, weights)
    draw = Generator(seed)
    waveforms = [draw.row(length, 0.5) for length in lengths]
    outputs = [model.transcribe(waveform, prompt, steps) for waveform in waveforms]
    tokens, logits = [tokens for tokens, _ in outputs], flat(flat(logits for _, logits in outputs))
    return {"config": WHISPER, "seed": seed, **named_precision(weight_format), "waveforms": [hexes(wave) for wave in waveforms],
            "prompt": prompt, "steps": steps, "tokens": tokens, "logits": hexes(logits),
            "output_digest": exact.transcription_digest(len(lengths), steps, flat(tokens), logits).hex(),
            "weights_digest": weights.digest().hex()}
