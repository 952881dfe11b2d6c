"""A spec becomes a Keras model."""

from __future__ import annotations

from typing import Any

import keras

from movinet.config.errors import InputError
from movinet.layers.bottleneck import Bottleneck
from movinet.layers.conv import ConvBlock
from movinet.layers.head import ClassifierHead, Head
from movinet.operators import OPERATORS
from movinet.spec import MovinetSpec


def build_movinet(
    spec: MovinetSpec,
    num_classes: int,
    dropout: float = 0.0,
    stochastic_depth: float = 0.0,
    batch_norm_momentum: float = 0.99,
    dtype: Any = None,
) -> keras.Model:
    """The network of `spec`: clip (B, T, H, W, 3) float32 in [0, 1] -> logits (B, num_classes), any B, T, H, W.

    dropout: rate before the classifier.  stochastic_depth: rate of the last layer; those before it rise linearly.
    dtype: of the layers, a Keras dtype policy or its name ("mixed_bfloat16"); default: the one set in Keras.
    Layers are called stem, block{b}_layer{l} (from 0), head, classifier_head, as in the published models.
    """
    return classifier(
        build_backbone(spec, stochastic_depth, batch_norm_momentum, dtype),
        ClassifierHead(
            spec.head.head_filters,
            num_classes,
            spec.conv_type,
            "swish",  # the published classifier keeps it whatever the backbone's activation is
            dropout,
            name="classifier_head",
            dtype=dtype,
        ),
    )


def build_backbone(
    spec: MovinetSpec, stochastic_depth: float = 0.0, batch_norm_momentum: float = 0.99, dtype: Any = None
) -> keras.Model:
    """`build_movinet` without its classifier: clip -> pooled features (B, 1, 1, 1, project_filters)."""
    common: dict[str, Any] = {
        "conv_type": spec.conv_type,
        "activation": spec.activation,
        "batch_norm_momentum": batch_norm_momentum,
        "dtype": dtype,
    }
    clip = keras.Input((None, None, None, 3), name="image")
    stem = spec.stem
    x = ConvBlock(stem.filters, stem.kernel, stem.stride, causal=spec.causal, name="stem", **common)(clip)
    for layer in _bottlenecks(spec, stochastic_depth, common):
        x = layer(x)
    pooled = Head(spec.head.project_filters, pooling=spec.average_pooling_type, name="head", **common)(x)
    return keras.Model(clip, pooled, name="movinet_backbone")


def classifier(backbone: keras.Model, head: ClassifierHead) -> keras.Model:
    """The network of a `build_backbone` and a classifier on top, sharing its layers: clip -> logits."""
    return keras.Model(backbone.input, head(backbone.output), name="movinet")


def embedding_model(model: keras.Model) -> keras.Model:
    """A `build_movinet` model without its classifier: clip -> pooled features (B, project_filters).

    Shares the model's layers, so that training one trains the other.
    """
    features = keras.layers.Reshape((-1,), name="embedding")(model.get_layer("head").output)
    return keras.Model(model.input, features, name=f"{model.name}_embedding")


def _bottlenecks(spec: MovinetSpec, stochastic_depth: float, common: dict[str, Any]) -> list[Bottleneck]:
    layers: list[Bottleneck] = []
    for block_index, block in enumerate(spec.blocks):
        for index, layer in enumerate(block.layers):
            bottleneck = Bottleneck(
                block.base_filters,
                layer.expand_filters,
                layer.kernel,
                stride=block.stride if index == 0 else 1,
                se_type=spec.se_type,
                stochastic_depth=stochastic_depth * (len(layers) + 1) / spec.depth,
                causal=spec.causal,
                gating_activation=spec.gating_activation,
                use_positional_encoding=spec.use_positional_encoding and spec.causal,
                operators={operator.field: getattr(layer, operator.field) for operator in OPERATORS},
                name=f"block{block_index}_layer{index}",
                **common,
            )
            layers.append(bottleneck)
    return layers


def in_float32(model: keras.Model) -> keras.Model:
    """A model that computes in float32, of the weights of one trained in mixed precision; itself if it does already."""
    if all(layer.compute_dtype == "float32" for layer in model.layers):
        return model
    twin = keras.models.clone_model(
        model, clone_function=lambda layer: type(layer).from_config({**layer.get_config(), "dtype": "float32"})
    )
    twin.set_weights(model.get_weights())
    return twin


def is_movinet(model: keras.Model) -> bool:
    """Whether a model is `build_movinet`'s from clip to logits, so that a `FrameGraph` gives what the model gives."""
    return foreign_part(model) is None


def check_movinet(model: keras.Model) -> None:
    """Raises InputError, which names the first part that is not `build_movinet`'s, where `is_movinet` does not hold."""
    if part := foreign_part(model):
        raise InputError(f"{model.name} has {part}; allowed: the layers of build_movinet, from stem to classifier_head")


def foreign_part(model: keras.Model) -> str | None:
    """The first layer or operation of a model that is not `build_movinet`'s, in words; None where all of it is."""
    kinds = (keras.layers.InputLayer, ConvBlock, Bottleneck, Head, ClassifierHead)
    parts = getattr(model, "operations", model.layers)  # model.layers lacks what keras.ops did
    for part in parts:
        if not isinstance(part, kinds):
            return f"the layer {part.name} of the class {type(part).__name__}"
    return None if parts and isinstance(parts[-1], ClassifierHead) else "no classifier_head"


def is_causal(model: keras.Model) -> bool:
    """Whether a network can run frame by frame."""
    return any(getattr(layer, "causal", False) for layer in model.layers)
