"""vision.json: operators of images, and whole models of them."""

import math

import exact_reference as exact
import vision_reference
from exact_reference import to_hex
from model_vectors import named_precision
from synthetic_weights import SyntheticWeights, nested
from vector_inputs import Generator, flat, hexes

LABELS = {str(label): f"LABEL_{label}" for label in range(5)}
VIT = {"model_type": "vit", "hidden_size": 12, "intermediate_size": 20, "num_hidden_layers": 2, "num_attention_heads": 3,
       "image_size": 11, "patch_size": 3, "num_channels": 2, "layer_norm_eps": 1e-12, "hidden_act": "gelu", "id2label": LABELS}
BOTTLENECK = {"model_type": "resnet", "num_channels": 3, "embedding_size": 5, "hidden_sizes": [8, 8, 36], "depths": [2, 1, 2],
              "layer_type": "bottleneck", "hidden_act": "relu", "downsample_in_first_stage": False,
              "downsample_in_bottleneck": False, "id2label": LABELS}
BASIC = {**BOTTLENECK, "embedding_size": 6, "hidden_sizes": [6, 33], "depths": [1, 2], "layer_type": "basic"}
CLIP = {
    "model_type": "clip", "projection_dim": 7,
    "text_config": {"vocab_size": 30, "hidden_size": 10, "intermediate_size": 16, "num_hidden_layers": 2,
                    "num_attention_heads": 2, "max_position_embeddings": 9, "layer_norm_eps": 1e-5,
                    "hidden_act": "quick_gelu", "eos_token_id": 29},
    "vision_config": {"hidden_size": 12, "intermediate_size": 18, "num_hidden_layers": 1, "num_attention_heads": 4,
                      "image_size": 8, "patch_size": 4, "num_channels": 3, "layer_norm_eps": 1e-5, "hidden_act": "quick_gelu"},
}


def vision():
    """All of it; tensors of images are `(batch, channels, height, width)`."""
    draw = Generator(20)
    return {
        "batch_norm": [batch_norm_case(draw, rows, channels, eps)
                       for rows, channels, eps in ((1, 1, 1e-5), (3, 7, 1e-5), (2, 33, 1e-3), (2, 300, 1e-5))],
        "max_pool": [max_pool_case(draw, *case) for case in (
            ((1, 1, 1, 1), 1, 1, 0), ((2, 3, 7, 6), 3, 2, 1), ((1, 2, 8, 9), 3, 2, 1), ((1, 5, 5, 5), 2, 2, 0),
            ((1, 33, 4, 3), 3, 1, 1), ((1, 1, 2, 3), 3, 2, 2))] + [zeros_case()],
        "similarity": [similarity_case(draw, *case) for case in ((1, 1, 1), (2, 3, 7), (2, 2, 300))],
        "vit": [classifier_case(vision_reference.VitClassifier, VIT, 60, (2, 2, 11, 11)),
                classifier_case(vision_reference.VitClassifier, VIT, 61, (1, 2, 11, 11), "bf16")],
        "resnet": [classifier_case(vision_reference.ResNetClassifier, BOTTLENECK, 62, (2, 3, 21, 18)),
                   classifier_case(vision_reference.ResNetClassifier, BASIC, 63, (1, 3, 17, 20)),
                   classifier_case(vision_reference.ResNetClassifier,
                                   {**BASIC, "downsample_in_first_stage": True}, 64, (1, 3, 17, 17), "f16"),
                   classifier_case(vision_reference.ResNetClassifier,
                                   {**BOTTLENECK, "downsample_in_bottleneck": True}, 65, (1, 3, 16, 16))],
        "clip": [clip_case(66, CLIP), clip_case(67, {**CLIP, "text_config": {**CLIP["text_config"], "eos_token_id": 2}})],
    }


def batch_norm_case(draw, rows, channels, eps):
    """Rows of channels."""
    x, mean, weight, bias = draw.row(rows * channels, 4.0), *(draw.row(channels) for _ in range(3))
    variance = [draw.between(0.01, 3.0) for _ in range(channels)]
    y = flat(exact.batch_norm(x[start:start + channels], mean, variance, weight, bias, eps)
             for start in range(0, len(x), channels))
    return {"eps": eps, "x": hexes(x), "mean": hexes(mean), "variance": hexes(variance), "weight": hexes(weight),
            "bias": hexes(bias), "y": hexes(y)}


def max_pool_case(draw, size, kernel, stride, padding):
    """A drawn case; negative numbers alone, so that a padded zero would show."""
    return pooled_case([-abs(value) for value in draw.row(math.prod(size))], size, kernel, stride, padding)


def zeros_case():
    """Of zeros the first stays, whatever its sign."""
    return pooled_case([-0.0, 0.0, 0.0, -0.0], (1, 1, 2, 2), 2, 1, 1)


def pooled_case(x, size, kernel, stride, padding):
    """One case of flat input."""
    images = nested(x, size)
    y = [value for image in images for plane in image for line in exact.max_pool(plane, kernel, stride, padding)
         for value in line]
    return {"dims": size, "kernel": kernel, "stride": stride, "padding": padding, "x": hexes(x), "y": hexes(y)}


def similarity_case(draw, images, texts, width):
    """Unit vectors by drawn ones."""
    vectors = [exact.l2_normalise(draw.row(width)) for _ in range(images + texts)]
    scale = draw.between(1.0, 4.0)
    values = [exact.similarity(image, text, scale) for image in vectors[:images] for text in vectors[images:]]
    return {"width": width, "logit_scale": to_hex(scale), "images": hexes(flat(vectors[:images])),
            "texts": hexes(flat(vectors[images:])), "values": hexes(values)}


def classifier_case(model_class, config, seed, size, weight_format=None):
    """The logits of some images."""
    weights = SyntheticWeights(seed, precision=weight_format or "f32")
    model = model_class(config, weights)
    values = Generator(seed).row(math.prod(size), 2.0)
    logits = flat(model.logits(image) for image in nested(values, size))
    return {"config": config, "seed": seed, **named_precision(weight_format), "dims": size, "pixel_values": hexes(values),
            "logits": hexes(logits), "output_digest": exact.classification_digest(size[0], logits).hex(),
            "weights_digest": weights.digest().hex()}


def clip_case(seed, config):
    """Two requests of an image and two texts each; the third text ends early, the last has no end token."""
    weights = SyntheticWeights(seed)
    model = vision_reference.Clip(config, weights)
    draw, size = Generator(seed), (2, 3, 8, 8)
    values = draw.row(math.prod(size), 2.0)
    texts = [[draw.below(29) for _ in range(6)] for _ in range(4)]
    texts[0][5] = texts[1][5] = texts[2][3] = texts[2][5] = 29
    images = nested(values, size)
    similarities = flat(flat(model.similarities([images[i]], texts[2 * i:2 * i + 2])) for i in range(2))
    return {"config": config, "seed": seed, "dims": size, "pixel_values": hexes(values), "texts": texts, "requests": 2,
            "values": hexes(similarities), "output_digest": exact.similarity_digest(2, similarities).hex(),
            "weights_digest": weights.digest().hex()}
