"""Whole vision models: ViT, ResNet and CLIP, composed of the sections of EXACT.md. Images are `image[channel][y][x]`."""

import exact_reference as exact
from eight_bits import linear_of_precision
from pre_norm_reference import PreNormLayer, clip_names, vit_names

BATCH_NORM_EPS = 1e-5


class PatchEmbedding:
    """The class token and the patches, each with its position."""

    def __init__(self, weights, config, class_token, positions, projection, has_bias):
        hidden, patch = config["hidden_size"], config["patch_size"]
        self.patch, self.class_token, self.positions = patch, class_token, positions
        self.kernel = weights.tensor(projection + ".weight", [hidden, config["num_channels"], patch, patch])
        self.bias = weights.bias(projection + ".bias", hidden) if has_bias else None

    def tokens(self, image):
        """The rows of one image."""
        planes = exact.conv2d([image], self.kernel, self.bias, (self.patch, self.patch), (0, 0), (1, 1))[0]
        return [exact.add_rows(row, position)
                for row, position in zip([self.class_token] + pixels(planes), self.positions, strict=True)]


def pixels(planes):
    """The channels of each pixel, row by row."""
    return [[plane[y][x] for plane in planes] for y in range(len(planes[0])) for x in range(len(planes[0][0]))]


def planes_of(rows, height, width):
    """The inverse of `pixels`."""
    return [[[rows[y * width + x][channel] for x in range(width)] for y in range(height)] for channel in range(len(rows[0]))]


class VitClassifier:
    """ViTForImageClassification with biases everywhere."""

    def __init__(self, config, weights):
        hidden, side = config["hidden_size"], config["image_size"] // config["patch_size"]
        self.eps = config["layer_norm_eps"]
        class_token = weights.tensor("vit.embeddings.cls_token", [1, 1, hidden])[0][0]
        positions = weights.tensor("vit.embeddings.position_embeddings", [1, side * side + 1, hidden])[0]
        self.embedding = PatchEmbedding(weights, config, class_token, positions,
                                        "vit.embeddings.patch_embeddings.projection", has_bias=True)
        self.layers = [PreNormLayer(weights, vit_names(f"vit.encoder.layer.{i}."), hidden, config["intermediate_size"],
                                    config["num_attention_heads"], exact.gelu, self.eps)
                       for i in range(config["num_hidden_layers"])]
        self.norm = weights.scale("vit.layernorm.weight", hidden), weights.bias("vit.layernorm.bias", hidden)
        labels = len(config["id2label"])
        self.classifier = weights.matrix("classifier.weight", labels, hidden), weights.bias("classifier.bias", labels)

    def logits(self, image):
        """The logits of one image."""
        rows = self.embedding.tokens(image)
        for layer in self.layers:
            rows = layer.forward(rows, exact.within([len(rows)]))
        return linear_of_precision(exact.layer_norm(rows[0], *self.norm, self.eps), *self.classifier)


class Convolution:
    """A convolution without bias and the normalisation behind it."""

    def __init__(self, weights, name, channels, outputs, kernel, stride):
        self.stride, self.padding = stride, kernel // 2
        self.kernel = weights.tensor(name + ".convolution.weight", [outputs, channels, kernel, kernel])
        norm = name + ".normalization."
        self.weight, self.bias = weights.scale(norm + "weight", outputs), weights.bias(norm + "bias", outputs)
        self.mean = weights.bias(norm + "running_mean", outputs)
        self.variance = weights.scale(norm + "running_var", outputs)

    def forward(self, planes):
        """One image."""
        planes = exact.conv2d([planes], self.kernel, None, (self.stride,) * 2, (self.padding,) * 2, (1, 1))[0]
        rows = [exact.batch_norm(row, self.mean, self.variance, self.weight, self.bias, BATCH_NORM_EPS)
                for row in pixels(planes)]
        return planes_of(rows, len(planes[0]), len(planes[0][0]))


def pixelwise(function, *images):
    """A function of each element of one image, or of two."""
    return [[[function(*values) for values in zip(*lines, strict=True)] for lines in zip(*planes, strict=True)]
            for planes in zip(*images, strict=True)]


class ResNetClassifier:
    """ResNetForImageClassification of either kind of block."""

    def __init__(self, config, weights):
        channels = config["embedding_size"]
        self.stem = Convolution(weights, "resnet.embedder.embedder", config["num_channels"], channels, 7, 2)
        self.blocks = []
        for stage, (outputs, depth) in enumerate(zip(config["hidden_sizes"], config["depths"], strict=True)):
            for layer in range(depth):
                halves = layer == 0 and (stage > 0 or config["downsample_in_first_stage"])
                name = f"resnet.encoder.stages.{stage}.layers.{layer}."
                self.blocks.append(self._block(config, weights, name, channels, outputs, 2 if halves else 1))
                channels = outputs
        labels = len(config["id2label"])
        self.classifier = weights.matrix("classifier.1.weight", labels, channels), weights.bias("classifier.1.bias", labels)

    @staticmethod
    def _block(config, weights, name, channels, outputs, stride):
        if config["layer_type"] == "basic":
            shapes = [(channels, outputs, 3, stride), (outputs, outputs, 3, 1)]
        else:
            reduced = outputs // 4
            first, second = (stride, 1) if config["downsample_in_bottleneck"] else (1, stride)
            shapes = [(channels, reduced, 1, first), (reduced, reduced, 3, second), (reduced, outputs, 1, 1)]
        branch = [Convolution(weights, f"{name}layer.{i}", *shape) for i, shape in enumerate(shapes)]
        has_shortcut = channels != outputs or stride != 1
        return branch, Convolution(weights, name + "shortcut", channels, outputs, 1, stride) if has_shortcut else None

    def logits(self, image):
        """The logits of one image."""
        image = pixelwise(exact.relu, self.stem.forward(image))
        image = [exact.max_pool(plane, 3, 2, 1) for plane in image]
        for branch, shortcut in self.blocks:
            residual = image if shortcut is None else shortcut.forward(image)
            for convolution in branch[:-1]:
                image = pixelwise(exact.relu, convolution.forward(image))
            image = pixelwise(exact.relu, pixelwise(exact.add, branch[-1].forward(image), residual))
        return linear_of_precision(exact.mean_pool(pixels(image)), *self.classifier)


class Clip:
    """CLIPModel."""

    def __init__(self, config, weights):
        self.text, self.vision = config["text_config"], config["vision_config"]
        hidden = self.text["hidden_size"]
        self.words = weights.table("text_model.embeddings.token_embedding.weight", self.text["vocab_size"], hidden)
        self.positions = weights.table("text_model.embeddings.position_embedding.weight",
                                       self.text["max_position_embeddings"], hidden)
        self.text_layers = self._layers(weights, "text_model.", self.text)
        self.text_norm = self._norm(weights, "text_model.final_layer_norm", hidden)
        self.text_projection = weights.matrix("text_projection.weight", config["projection_dim"], hidden)
        hidden, side = self.vision["hidden_size"], self.vision["image_size"] // self.vision["patch_size"]
        class_token = weights.tensor("vision_model.embeddings.class_embedding", [hidden])
        positions = weights.table("vision_model.embeddings.position_embedding.weight", side * side + 1, hidden)
        self.patches = PatchEmbedding(weights, self.vision, class_token, positions,
                                      "vision_model.embeddings.patch_embedding", has_bias=False)
        self.pre_norm = self._norm(weights, "vision_model.pre_layrnorm", hidden)
        self.vision_layers = self._layers(weights, "vision_model.", self.vision)
        self.post_norm = self._norm(weights, "vision_model.post_layernorm", hidden)
        self.visual_projection = weights.matrix("visual_projection.weight", config["projection_dim"], hidden)
        self.logit_scale = weights.tensor("logit_scale", [], "logit_scale")

    @staticmethod
    def _layers(weights, prefix, config):
        return [PreNormLayer(weights, clip_names(f"{prefix}encoder.layers.{i}."), config["hidden_size"],
                             config["intermediate_size"], config["num_attention_heads"], exact.quick_gelu,
                             config["layer_norm_eps"]) for i in range(config["num_hidden_layers"])]

    @staticmethod
    def _norm(weights, name, size):
        return weights.scale(name + ".weight", size), weights.bias(name + ".bias", size)

    def similarities(self, images, texts):
        """One row an image, one value a text."""
        images = [self.image_embedding(image) for image in images]
        texts = [self.text_embedding(text) for text in texts]
        return [[exact.similarity(image, text, self.logit_scale) for text in texts] for image in images]

    def image_embedding(self, image):
        """A unit vector."""
        eps = self.vision["layer_norm_eps"]
        rows = [exact.layer_norm(row, *self.pre_norm, eps) for row in self.patches.tokens(image)]
        for layer in self.vision_layers:
            rows = layer.forward(rows, exact.within([len(rows)]))
        return exact.l2_normalise(linear_of_precision(exact.layer_norm(rows[0], *self.post_norm, eps), self.visual_projection))

    def text_embedding(self, ids):
        """A unit vector."""
        rows = [exact.add_rows(self.words[token], self.positions[place]) for place, token in enumerate(ids)]
        for layer in self.text_layers:
            rows = layer.forward(rows, exact.causal(0))
        last = max(ids) if self.text["eos_token_id"] == 2 else self.text["eos_token_id"]
        end = ids.index(last) if last in ids else 0
        pooled = exact.layer_norm(rows[end], *self.text_norm, self.text["layer_norm_eps"])
        return exact.l2_normalise(linear_of_precision(pooled, self.text_projection))
