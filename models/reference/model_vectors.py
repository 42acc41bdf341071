"""The vectors of whole models: tiny ones of every family, from synthetic weights.

Their configurations leave nothing to a default.
"""

import exact_reference as exact
from synthetic_weights import SyntheticWeights
from vector_inputs import Generator, flat, hexes
from whole_models import Decoder, Encoder

DECODER = {
    "vocab_size": 40, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 4, "hidden_act": "silu", "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
    "rope_scaling": None, "max_position_embeddings": 64, "tie_word_embeddings": False,
}

LLAMA = {"model_type": "llama", **DECODER, "attention_bias": False, "mlp_bias": False}

# The window is not used.
QWEN2 = {
    "model_type": "qwen2", **DECODER, "rms_norm_eps": 1e-6, "rope_theta": 1000000.0, "tie_word_embeddings": True,
    "use_sliding_window": False, "sliding_window": 3, "max_window_layers": 1,
}

# Heads wider than their share of the residual stream; biases everywhere in attention.
QWEN3 = {
    "model_type": "qwen3", **DECODER, "hidden_size": 18, "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 10,
    "rms_norm_eps": 1e-6, "attention_bias": True, "use_sliding_window": False, "sliding_window": None,
    "max_window_layers": 2,
}

# The middle layer has no experts.
QWEN3_MOE = {
    "model_type": "qwen3_moe", **DECODER, "num_hidden_layers": 3, "head_dim": 8, "rms_norm_eps": 1e-6,
    "attention_bias": False, "use_sliding_window": False, "sliding_window": None, "moe_intermediate_size": 10,
    "num_experts": 7, "num_experts_per_tok": 3, "norm_topk_prob": True, "decoder_sparse_step": 1, "mlp_only_layers": [1],
}

MISTRAL = {"model_type": "mistral", **DECODER, "num_key_value_heads": 1, "head_dim": 6, "sliding_window": 4}

# Of three layers the middle one sees every key; its positions are scaled.
GEMMA3 = {
    "model_type": "gemma3_text", **{name: value for name, value in DECODER.items() if name != "hidden_act"},
    "hidden_size": 20, "num_hidden_layers": 3, "head_dim": 8, "hidden_activation": "gelu_pytorch_tanh", "rms_norm_eps": 1e-6,
    "rope_theta": 1000000.0, "rope_scaling": {"rope_type": "linear", "factor": 8.0}, "rope_local_base_freq": 10000.0,
    "tie_word_embeddings": True, "attention_bias": False, "query_pre_attn_scalar": 24, "sliding_window": 4,
    "sliding_window_pattern": 2, "layer_types": None, "attn_logit_softcapping": None, "final_logit_softcapping": None,
    "use_bidirectional_attention": False,
}

BERT = {
    "model_type": "bert", "vocab_size": 40, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
    "num_attention_heads": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12, "max_position_embeddings": 32,
    "type_vocab_size": 2,
}

# A pad token of its own shifts positions by three.
XLM_ROBERTA = {
    **BERT, "model_type": "xlm-roberta", "hidden_size": 18, "num_attention_heads": 3, "layer_norm_eps": 1e-5,
    "type_vocab_size": 1, "pad_token_id": 2,
}

ROBERTA = {**XLM_ROBERTA, "model_type": "roberta", "pad_token_id": 1}

DISTILBERT = {
    "model_type": "distilbert", "vocab_size": 40, "dim": 16, "hidden_dim": 28, "n_layers": 2, "n_heads": 4,
    "activation": "gelu", "max_position_embeddings": 32, "pad_token_id": 0, "sinusoidal_pos_embds": False,
}


def generation():
    """Whole decoders of every family and a whole encoder."""
    return {"cases": [
        decoder_case(LLAMA, 42, [3, 17, 0, 39, 8], 6),
        decoder_case(QWEN2, 50, [3, 17, 0, 39, 8], 5),
        decoder_case({**QWEN2, "tie_word_embeddings": False}, 51, [9, 1, 30, 22, 5, 5], 3),
        decoder_case(QWEN3, 52, [11, 2, 38, 2, 7], 6),
        decoder_case(QWEN3_MOE, 53, [6, 29, 13, 0, 21, 34], 6),
        decoder_case({**QWEN3_MOE, "norm_topk_prob": False, "decoder_sparse_step": 2, "mlp_only_layers": []}, 54,
                     [1, 39, 12, 4], 4),
        decoder_case(MISTRAL, 55, [8, 19, 33, 2, 2, 16, 27, 5], 6),
        decoder_case({**MISTRAL, "sliding_window": None}, 56, [8, 19, 33, 2, 2, 16], 3),
        decoder_case(GEMMA3, 57, [2, 31, 7, 18, 0, 24, 39], 6),
    ], "embedding_cases": [bert_case(43, 9, [9, 6])]}


def generation_precision():
    """Models of generation.json with weights of 16 bits."""
    return {"cases": [
        decoder_case(LLAMA, 44, [7, 0, 21, 33, 12, 5], 6, "bf16"),
        decoder_case(LLAMA, 45, [1, 38, 14, 2], 6, "f16"),
        decoder_case(QWEN3_MOE, 58, [5, 26, 3, 39], 4, "f16"),
        decoder_case(GEMMA3, 59, [2, 12, 35, 6, 6, 1], 5, "bf16"),
    ], "embedding_cases": [bert_case(46, 11, [11, 4], "bf16")]}


def encoders():
    """Whole encoders of every family with what comes after them, in f32 and in 16 bits."""
    return {"cases": [
        encoder_case("embedding", BERT, 60, 7, [7, 5, 1]),
        encoder_case("embedding", XLM_ROBERTA, 61, 6, [3, 6]),
        encoder_case("embedding", DISTILBERT, 62, 6, [6, 2], "bf16"),
        encoder_case("reranking", BERT, 63, 9, [9, 8]),
        encoder_case("reranking", XLM_ROBERTA, 64, 9, [4, 9]),
        encoder_case("reranking", DISTILBERT, 65, 5, [5]),
        encoder_case("classification", BERT, 66, 6, [6], "f16", labels=4),
        encoder_case("classification", DISTILBERT, 67, 8, [8, 3, 5], labels=3),
        encoder_case("classification", XLM_ROBERTA, 68, 7, [2, 7], labels=5),
        encoder_case("classification", ROBERTA, 69, 7, [7, 6], "bf16", labels=2),
    ]}


def decoder_case(config, seed, prompt, steps, weight_format=None):
    """Greedy generation; where no precision is given it is f32 and goes unnamed."""
    weights = SyntheticWeights(seed, weight_format or "f32")
    tokens, logits = Decoder(config, weights).generate(prompt, steps)
    return {"config": config, "seed": seed, **named_precision(weight_format), "prompt": prompt, "steps": steps,
            "tokens": tokens, "logits": hexes(flat(logits)),
            "output_digest": exact.generation_digest(1, steps, tokens, flat(logits)).hex(),
            "weights_digest": weights.digest().hex()}


def bert_case(seed, seq, lengths, weight_format=None):
    """An embedding of a padded batch: padding has id 0; token type 1 from position 4; the precision as in `decoder_case`."""
    draw = Generator(9)
    ids = padded_ids(draw, seq, lengths, padding=0)
    token_types = [[int(position >= 4) for position in range(seq)] for _ in lengths]
    weights = SyntheticWeights(seed, weight_format or "f32")
    encoder = Encoder(BERT, weights)
    embedding = flat(encoder.embed(*unpadded) for unpadded in without_padding(ids, token_types, lengths))
    return {"config": BERT, "seed": seed, **named_precision(weight_format), "ids": flat(ids),
            "token_types": flat(token_types), "lengths": lengths, "embedding": hexes(embedding),
            "output_digest": exact.embedding_digest(len(lengths), embedding).hex(), "weights_digest": weights.digest().hex()}


def encoder_case(task, config, seed, seq, lengths, weight_format="f32", labels=1):
    """A task on a padded batch; the second token of each sequence has padding's id and is none."""
    draw = Generator(seed)
    padding = config.get("pad_token_id", 0)
    ids = [[padding if position == 1 else token for position, token in enumerate(row)]
           for row in padded_ids(draw, seq, lengths, padding)]
    types = config.get("type_vocab_size", 1)
    token_types = [[draw.below(types) for _ in range(seq)] for _ in lengths]
    weights = SyntheticWeights(seed, weight_format)
    if task != "embedding":
        config = {**config, "id2label": {str(label): f"LABEL_{label}" for label in range(labels)}}
    encoder = Encoder(config, weights, None if task == "embedding" else labels)
    of_sequence = encoder.embed if task == "embedding" else encoder.label_logits
    output = flat(of_sequence(*unpadded) for unpadded in without_padding(ids, token_types, lengths))
    digest = {
        "embedding": lambda: exact.embedding_digest(len(lengths), output),
        "reranking": lambda: exact.reranking_digest(output),
        "classification": lambda: exact.classification_digest(len(lengths), output),
    }[task]()
    return {"task": task, "config": config, "seed": seed, "precision": weight_format, "ids": flat(ids),
            "token_types": flat(token_types), "lengths": lengths, "output": hexes(output),
            "output_digest": digest.hex(), "weights_digest": weights.digest().hex()}


def padded_ids(draw, seq, lengths, padding):
    """Rows of drawn ids, each of its length and then padding."""
    return [[padding + 1 + draw.below(39 - padding) if position < length else padding for position in range(seq)]
            for length in lengths]


def without_padding(ids, token_types, lengths):
    """The ids and token types of each sequence."""
    return [(row[:length], types[:length]) for row, types, length in zip(ids, token_types, lengths, strict=True)]


def named_precision(weight_format):
    """The field that names a precision, where there is one."""
    return {} if weight_format is None else {"precision": weight_format}
