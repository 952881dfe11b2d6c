"""A spec becomes a Keras model."""

from __future__ import annotations

from typing import Any

import keras

from movinet.layers.bottleneck import Bottleneck
from movinet.layers.conv import ConvBlock
from movinet.layers.head import ClassifierHead, Head
from movinet.spec import MovinetSpec


def build_movinet(
    spec: MovinetSpec,
    num_classes: int,
    dropout: float = 0.0,
    stochastic_depth: float = 0.0,
    batch_norm_momentum: float = 0.99,
) -> keras.Model:
    """The network of `spec`: clip (B, T, H, W, 3) float32 in [0, 1] -> logits (B, num_classes), any B, T, H, W.

    dropout: rate before the classifier.  stochastic_depth: rate of the last layer; those before it rise linearly.
    Layers are called stem, block{b}_layer{l} (from 0), head, classifier_head, as in the published models.
    """
    clip = keras.Input((None, None, None, 3), name="image")
    x = _stem(spec, batch_norm_momentum)(clip)
    for layer in _bottlenecks(spec, stochastic_depth, batch_norm_momentum):
        x = layer(x)
    x = Head(
        spec.head.project_filters,
        spec.conv_type,
        spec.activation,
        spec.average_pooling_type,
        batch_norm_momentum,
        name="head",
    )(x)
    # The published classifier keeps its swish whatever the backbone's activation is.
    logits = ClassifierHead(
        spec.head.head_filters, num_classes, spec.conv_type, "swish", dropout, name="classifier_head"
    )(x)
    return keras.Model(clip, logits, name="movinet")


def _stem(spec: MovinetSpec, batch_norm_momentum: float) -> ConvBlock:
    return ConvBlock(
        spec.stem.filters,
        spec.stem.kernel,
        spec.stem.stride,
        causal=spec.causal,
        conv_type=spec.conv_type,
        activation=spec.activation,
        batch_norm_momentum=batch_norm_momentum,
        name="stem",
    )


def _bottlenecks(spec: MovinetSpec, stochastic_depth: float, batch_norm_momentum: float) -> list[Bottleneck]:
    common: dict[str, Any] = {
        "causal": spec.causal,
        "conv_type": spec.conv_type,
        "activation": spec.activation,
        "gating_activation": spec.gating_activation,
        "use_positional_encoding": spec.use_positional_encoding and spec.causal,
        "batch_norm_momentum": batch_norm_momentum,
    }
    layers: list[Bottleneck] = []
    for block_index, block in enumerate(spec.blocks):
        for index, layer in enumerate(block.layers):
            bottleneck = Bottleneck(
                block.base_filters,
                layer.expand_filters,
                layer.kernel,
                stride=block.stride if index == 0 else 1,
                se_type=spec.se_type if layer.squeeze_excite else "none",
                stochastic_depth=stochastic_depth * (len(layers) + 1) / spec.depth,
                name=f"block{block_index}_layer{index}",
                **common,
            )
            layers.append(bottleneck)
    return layers
