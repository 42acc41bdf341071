"""The layers that ViT, CLIP and Whisper share, composed of the sections of EXACT.md by exact_reference.py."""

import exact_reference as exact
from eight_bits import linear_of_precision
from whole_models import merge_heads, split_heads


class PreNormLayer:
    """`y + mlp(norm(y))` with `y = x + attention(norm(x))`; a decoder's layer attends to the encoder's output in between.

    `names` says where its parts lie: `attention` (a prefix and four names), `attention_norm`, `mlp_norm`, `up`, `down`,
    and perhaps `cross` and `cross_norm`.
    """

    def __init__(self, weights, names, hidden, inner, heads, activation, eps, key_bias=True):
        self.weights, self.hidden, self.heads = weights, hidden, heads
        self.activation, self.eps, self.key_bias = activation, eps, key_bias
        self.attention_norm = self.norm(names["attention_norm"])
        self.attention = self.projections(names["attention"])
        if "cross" in names:
            self.cross_norm = self.norm(names["cross_norm"])
            self.cross = self.projections(names["cross"])
        self.mlp_norm = self.norm(names["mlp_norm"])
        self.up = weights.matrix(names["up"] + ".weight", inner, hidden), weights.bias(names["up"] + ".bias", inner)
        self.down = weights.matrix(names["down"] + ".weight", hidden, inner), weights.bias(names["down"] + ".bias", hidden)

    def norm(self, name):
        """Scale and bias of a layer norm."""
        return self.weights.scale(name + ".weight", self.hidden), self.weights.bias(name + ".bias", self.hidden)

    def projections(self, names):
        """Queries, keys, values, output; the keys perhaps without bias."""
        return [(self.weights.matrix(name + ".weight", self.hidden, self.hidden),
                 None if place == 1 and not self.key_bias else self.weights.bias(name + ".bias", self.hidden))
                for place, name in enumerate(names)]

    def forward(self, rows, visibility, heard=None):
        """All rows of one sequence."""
        rows = self._attended(rows, self.attention_norm, self.attention, None, visibility)
        if heard is not None:
            rows = self._attended(rows, self.cross_norm, self.cross, heard, exact.within([len(heard)]))
        return [exact.add_rows(row, self._mlp(exact.layer_norm(row, *self.mlp_norm, self.eps))) for row in rows]

    def _attended(self, rows, norm, projections, source, visibility):
        normed = [exact.layer_norm(row, *norm, self.eps) for row in rows]
        read = normed if source is None else source
        queries, keys, values, output = projections
        q, k, v = (split_heads([linear_of_precision(row, *projection) for row in rows_], self.heads)
                   for rows_, projection in ((normed, queries), (read, keys), (read, values)))
        merged = merge_heads(exact.attention([q], [k], [v], visibility)[0])
        return [exact.add_rows(row, linear_of_precision(update, *output)) for row, update in zip(rows, merged, strict=True)]

    def _mlp(self, row):
        inner = [self.activation(value) for value in linear_of_precision(row, *self.up)]
        return linear_of_precision(inner, *self.down)


def clip_names(prefix):
    """The names of one of CLIP's layers."""
    attention = prefix + "self_attn."
    return {"attention": [attention + name for name in ("q_proj", "k_proj", "v_proj", "out_proj")],
            "attention_norm": prefix + "layer_norm1", "mlp_norm": prefix + "layer_norm2",
            "up": prefix + "mlp.fc1", "down": prefix + "mlp.fc2"}


def vit_names(prefix):
    """The names of one of ViT's layers."""
    attention = prefix + "attention."
    return {"attention": [attention + "attention." + name for name in ("query", "key", "value")] + [attention + "output.dense"],
            "attention_norm": prefix + "layernorm_before", "mlp_norm": prefix + "layernorm_after",
            "up": prefix + "intermediate.dense", "down": prefix + "output.dense"}


def whisper_names(prefix, *, is_decoder):
    """The names of one of Whisper's layers."""
    def projections(name):
        return [f"{prefix}{name}.{part}" for part in ("q_proj", "k_proj", "v_proj", "out_proj")]

    names = {"attention": projections("self_attn"), "attention_norm": prefix + "self_attn_layer_norm",
             "mlp_norm": prefix + "final_layer_norm", "up": prefix + "fc1", "down": prefix + "fc2"}
    if is_decoder:
        names |= {"cross": projections("encoder_attn"), "cross_norm": prefix + "encoder_attn_layer_norm"}
    return names
