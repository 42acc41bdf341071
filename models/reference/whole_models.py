"""Whole models, composed of the sections in exact_reference.py and eight_bits.py. EXACT.md takes the architectures as known:
Hugging Face's, by their names and their configuration's fields.

`config` is a `config.json` in full: no field is left to its default. One sequence at a time, no key/value cache.
"""

from eight_bits import linear_of_precision
from exact_reference import (
    add_rows, argmax, attention, causal, encoder_embedding, f32, gated, gelu, gelu_tanh, inverse_frequencies, l2_normalise,
    layer_norm, mean_pool, mixture, one_plus, relu, rms_norm, rotate, route, scaled_row, silu, sliding, sqrt, tanh, within,
)

GEMMA = "gemma3_text"
QWEN2, QWEN3, QWEN3_MOE = "qwen2", "qwen3", "qwen3_moe"


# ----------------------------------------------------------------------------------------------------------------------
# Decoders
# ----------------------------------------------------------------------------------------------------------------------

class Decoder:
    """A causal language model: llama, qwen2, qwen3, qwen3_moe, mistral or gemma3_text."""

    def __init__(self, config, weights):
        self.config = config
        self.weights = weights
        self.family = config["model_type"]
        self.heads, self.kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
        self.hidden, self.eps = config["hidden_size"], config["rms_norm_eps"]
        self.head_dim = config.get("head_dim", self.hidden // self.heads)
        self.activation = gelu_tanh if self.family == GEMMA else silu
        is_tied = config["tie_word_embeddings"]
        self.embedding = (weights.matrix if is_tied else weights.table)(
            "model.embed_tokens.weight", config["vocab_size"], self.hidden)
        self.layers = [self._load_layer(i, f"model.layers.{i}.") for i in range(config["num_hidden_layers"])]
        self.final_norm = self._norm("model.norm", self.hidden)
        self.head = self.embedding if is_tied else weights.matrix("lm_head.weight", config["vocab_size"], self.hidden)

    def _load_layer(self, i, name):
        window = self._window(i)
        layer = {
            "window": window,
            "frequencies": self._frequencies(window),
            "attention_norm": self._norm(name + "input_layernorm", self.hidden),
            **self._load_projections(name + "self_attn."),
        }
        if self.family in (QWEN3, QWEN3_MOE, GEMMA):
            layer["q_norm"] = self._norm(name + "self_attn.q_norm", self.head_dim)
            layer["k_norm"] = self._norm(name + "self_attn.k_norm", self.head_dim)
        if self.family == GEMMA:
            layer["attention_output_norm"] = self._norm(name + "post_attention_layernorm", self.hidden)
            layer["mlp_norm"] = self._norm(name + "pre_feedforward_layernorm", self.hidden)
            layer["mlp_output_norm"] = self._norm(name + "post_feedforward_layernorm", self.hidden)
        else:
            layer["mlp_norm"] = self._norm(name + "post_attention_layernorm", self.hidden)
        if self._is_sparse(i):
            layer["router"] = self.weights.matrix(name + "mlp.gate.weight", self.config["num_experts"], self.hidden)
            layer["experts"] = [self._load_mlp(f"{name}mlp.experts.{e}.", self.config["moe_intermediate_size"])
                                for e in range(self.config["num_experts"])]
        else:
            layer["mlp"] = self._load_mlp(name + "mlp.", self.config["intermediate_size"])
        return layer

    def _load_projections(self, name):
        has_bias = self.family == QWEN2 or self.config.get("attention_bias", False)
        has_output_bias = self.family != QWEN2 and has_bias
        attended, keys = self.heads * self.head_dim, self.kv_heads * self.head_dim
        return {
            "q": self._dense(name + "q_proj", attended, self.hidden, has_bias),
            "k": self._dense(name + "k_proj", keys, self.hidden, has_bias),
            "v": self._dense(name + "v_proj", keys, self.hidden, has_bias),
            "o": self._dense(name + "o_proj", self.hidden, attended, has_output_bias),
        }

    def _load_mlp(self, name, inner):
        has_bias = self.config.get("mlp_bias", False)
        return {
            "gate": self._dense(name + "gate_proj", inner, self.hidden, has_bias),
            "up": self._dense(name + "up_proj", inner, self.hidden, has_bias),
            "down": self._dense(name + "down_proj", self.hidden, inner, has_bias),
        }

    def _dense(self, name, rows, columns, has_bias):
        weight = self.weights.matrix(name + ".weight", rows, columns)
        return weight, self.weights.bias(name + ".bias", rows) if has_bias else None

    def _norm(self, name, size):
        if self.family == GEMMA:
            return one_plus(self.weights.scale_offset(name + ".weight", size))
        return self.weights.scale(name + ".weight", size)

    def _window(self, i):
        """How many keys a query of layer `i` sees at most, or `None`; Qwen's windows are not used."""
        if self.family == GEMMA:
            types = self.config["layer_types"]
            slides = (i + 1) % self.config["sliding_window_pattern"] != 0 if types is None else types[i] == "sliding_attention"
            return self.config["sliding_window"] if slides else None
        return self.config["sliding_window"] if self.family == "mistral" else None

    def _frequencies(self, window):
        """Gemma's windowed layers have a base of their own, and no scaling."""
        if self.family == GEMMA and window is not None:
            return inverse_frequencies(self.config["rope_local_base_freq"], self.head_dim)
        return inverse_frequencies(self.config["rope_theta"], self.head_dim, self.config["rope_scaling"])

    def _is_sparse(self, i):
        return (self.family == QWEN3_MOE and self.config["num_experts"] > 0
                and i not in self.config["mlp_only_layers"] and (i + 1) % self.config["decoder_sparse_step"] == 0)

    def generate(self, prompt, steps):
        """Greedy: the tokens chosen and, for each, the logits from which it was chosen."""
        tokens, logits = [], []
        for _ in range(steps):
            logits.append(self.next_logits(prompt + tokens))
            tokens.append(argmax(logits[-1]))
        return tokens, logits

    def next_logits(self, ids):
        """The logits after the last of these tokens."""
        rows = [self.embedding[token] for token in ids]
        if self.family == GEMMA:
            rows = [scaled_row(row, sqrt(f32(self.hidden))) for row in rows]
        for layer in self.layers:
            rows = self._layer(layer, rows)
        return linear_of_precision(rms_norm(rows[-1], self.final_norm, self.eps), self.head)

    def _layer(self, layer, rows):
        rows = [add_rows(row, self._normed(update, layer.get("attention_output_norm")))
                for row, update in zip(rows, self._attention(layer, rows), strict=True)]
        return [add_rows(row, self._normed(self._feed_forward(layer, row), layer.get("mlp_output_norm"))) for row in rows]

    def _normed(self, row, weight):
        return row if weight is None else rms_norm(row, weight, self.eps)

    def _attention(self, layer, rows):
        normed = [rms_norm(row, layer["attention_norm"], self.eps) for row in rows]
        q = split_heads([linear_of_precision(row, *layer["q"]) for row in normed], self.heads)
        k = split_heads([linear_of_precision(row, *layer["k"]) for row in normed], self.kv_heads)
        v = split_heads([linear_of_precision(row, *layer["v"]) for row in normed], self.kv_heads)
        q, k = (self._rotated(layer, heads, layer.get(norm)) for heads, norm in ((q, "q_norm"), (k, "k_norm")))
        visibility = causal(0) if layer["window"] is None else sliding(0, layer["window"])
        scale_width = self.config["query_pre_attn_scalar"] if self.family == GEMMA else self.head_dim
        merged = merge_heads(attention([q], [k], [v], visibility, scale_width)[0])
        return [linear_of_precision(row, *layer["o"]) for row in merged]

    def _rotated(self, layer, heads, norm):
        return [[rotate(self._normed(row, norm), position, layer["frequencies"]) for position, row in enumerate(rows)]
                for rows in heads]

    def _feed_forward(self, layer, row):
        normed = rms_norm(row, layer["mlp_norm"], self.eps)
        if "mlp" in layer:
            return self._gated(layer["mlp"], normed)
        chosen, weights = route(linear_of_precision(normed, layer["router"]), self.config["num_experts_per_tok"],
                                self.config["norm_topk_prob"])
        return mixture([self._gated(layer["experts"][e], normed) for e in chosen], weights)

    def _gated(self, mlp, row):
        gate, up = (linear_of_precision(row, *mlp[name]) for name in ("gate", "up"))
        return linear_of_precision(gated(gate, up, self.activation), *mlp["down"])


# ----------------------------------------------------------------------------------------------------------------------
# Encoders
# ----------------------------------------------------------------------------------------------------------------------

# Names of BERT's and RoBERTa's layers and their heads; the encoder's prefix is part of the names in a head.
BERT_LAYER = {
    "layers": "encoder.layer.", "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
    "o": "attention.output.dense", "attention_norm": "attention.output.LayerNorm", "up": "intermediate.dense",
    "down": "output.dense", "output_norm": "output.LayerNorm",
}
ROBERTA = {**BERT_LAYER, "prefix": "roberta.", "head": ("classifier.dense", tanh, "classifier.out_proj")}
FAMILIES = {
    "bert": {**BERT_LAYER, "prefix": "bert.", "head": ("bert.pooler.dense", tanh, "classifier")},
    "roberta": ROBERTA,
    "xlm-roberta": ROBERTA,
    "distilbert": {
        "prefix": "distilbert.", "layers": "transformer.layer.", "q": "attention.q_lin", "k": "attention.k_lin",
        "v": "attention.v_lin", "o": "attention.out_lin", "attention_norm": "sa_layer_norm", "up": "ffn.lin1",
        "down": "ffn.lin2", "output_norm": "output_layer_norm", "head": ("pre_classifier", relu, "classifier"),
    },
}
# DistilBERT's fields by BERT's names; its layer norms' eps is no field.
DISTILBERT_FIELDS = {
    "hidden_size": "dim", "intermediate_size": "hidden_dim", "num_hidden_layers": "n_layers", "num_attention_heads": "n_heads",
}
DISTILBERT_EPS = 1e-12


class Encoder:
    """The encoder of bert, roberta, xlm-roberta or distilbert; with `labels`, a head for as many."""

    def __init__(self, config, weights, labels=None):
        family = config["model_type"]
        self.weights = weights
        self.names = FAMILIES[family]
        sizes = {name: config[DISTILBERT_FIELDS[name] if family == "distilbert" else name] for name in DISTILBERT_FIELDS}
        self.heads, self.hidden, self.inner = (
            sizes[name] for name in ("num_attention_heads", "hidden_size", "intermediate_size"))
        self.eps = DISTILBERT_EPS if family == "distilbert" else config["layer_norm_eps"]
        self.first_position = config["pad_token_id"] + 1 if "roberta" in family else 0
        prefix = self.names["prefix"]
        self.words, self.positions, self.types = (
            weights.table(f"{prefix}embeddings.{table}_embeddings.weight", config[rows], self.hidden) if rows in config else None
            for table, rows in (("word", "vocab_size"), ("position", "max_position_embeddings"),
                                ("token_type", "type_vocab_size")))
        self.embedding_norm = self._norm(prefix + "embeddings.LayerNorm")
        self.layers = [self._load_layer(f"{prefix}{self.names['layers']}{i}.") for i in range(sizes["num_hidden_layers"])]
        if labels is not None:
            dense, self.head_activation, classifier = self.names["head"]
            self.dense = self._dense(dense, self.hidden, self.hidden)
            self.classifier = self._dense(classifier, labels, self.hidden)

    def _load_layer(self, name):
        inner, hidden = self.inner, self.hidden
        shapes = {"q": (hidden, hidden), "k": (hidden, hidden), "v": (hidden, hidden), "o": (hidden, hidden),
                  "up": (inner, hidden), "down": (hidden, inner)}
        return {
            **{part: self._dense(name + self.names[part], *shape) for part, shape in shapes.items()},
            **{part: self._norm(name + self.names[part]) for part in ("attention_norm", "output_norm")},
        }

    def _dense(self, name, rows, columns):
        return self.weights.matrix(name + ".weight", rows, columns), self.weights.bias(name + ".bias", rows)

    def _norm(self, name):
        return self.weights.scale(name + ".weight", self.hidden), self.weights.bias(name + ".bias", self.hidden)

    def embed(self, ids, token_types):
        """A sequence's embedding: the mean over its tokens, normalised."""
        return l2_normalise(mean_pool(self.last_hidden(ids, token_types)))

    def label_logits(self, ids, token_types):
        """A sequence's logit for each label."""
        first_token = self.last_hidden(ids, token_types)[0]
        inner = [self.head_activation(value) for value in linear_of_precision(first_token, *self.dense)]
        return linear_of_precision(inner, *self.classifier)

    def last_hidden(self, ids, token_types):
        """The last layer's rows for the tokens of one sequence; padding takes no part, so none is computed."""
        rows = [layer_norm(encoder_embedding(self.words[token], self.types and self.types[token_type],
                                             self.positions[position]), *self.embedding_norm, self.eps)
                for position, (token, token_type) in enumerate(zip(ids, token_types, strict=True), self.first_position)]
        for layer in self.layers:
            rows = [self._after_attention(layer, row, update)
                    for row, update in zip(rows, self._attention(layer, rows), strict=True)]
        return rows

    def _attention(self, layer, rows):
        q, k, v = (split_heads([linear_of_precision(row, *layer[name]) for row in rows], self.heads) for name in "qkv")
        merged = merge_heads(attention([q], [k], [v], within([len(rows)]))[0])
        return [linear_of_precision(row, *layer["o"]) for row in merged]

    def _after_attention(self, layer, row, update):
        row = layer_norm(add_rows(update, row), *layer["attention_norm"], self.eps)
        inner = [gelu(value) for value in linear_of_precision(row, *layer["up"])]
        return layer_norm(add_rows(linear_of_precision(inner, *layer["down"]), row), *layer["output_norm"], self.eps)


def split_heads(rows, heads):
    """Rows of whole width to `[head][position]` rows."""
    size = len(rows[0]) // heads
    return [[row[head * size:(head + 1) * size] for row in rows] for head in range(heads)]


def merge_heads(heads):
    """The inverse of `split_heads`."""
    return [[value for row in rows for value in row] for rows in zip(*heads, strict=True)]
