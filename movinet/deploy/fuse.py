"""The deploy form of a network: no batch norms and no ReZero scalars, equal logits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras

from movinet.layers.backend import ops
from movinet.layers.bottleneck import Bottleneck
from movinet.layers.conv import ConvBlock
from movinet.layers.head import Head


def fuse(model: keras.Model) -> keras.Model:
    """A network of its own that gives the logits of a `build_movinet` model, as that gives them at inference.

    Every batch norm, by its moving statistics, is part of the kernel before it and of a bias that takes its place; each
    stage of a (2+1)D convolution has its own.  ReZero's scalar is part of the projection.  The result can be saved,
    streamed (`stream_model`, `initial_states`) and exported like any other; `model` stays as it is.

    Raises ValueError for a model that is fused already, and for one that `build_movinet` did not make.
    """
    blocks = dict(_conv_blocks(model))
    if not blocks:
        raise ValueError(f"{model.name} has no MoViNet layer to fuse; allowed: a model of build_movinet, not its twin")
    if not any(block.norms for block, _ in blocks.values()):
        raise ValueError(f"{model.name} is fused already: it has no batch norm")
    fused = keras.models.clone_model(model, clone_function=_without_norms)
    values = {weight.path: weight for weight in model.weights}
    for weight in fused.weights:  # the classifier's, and scalars; convolutions follow
        if weight.path in values:
            weight.assign(values[weight.path])
    for name, (twin, _) in _conv_blocks(fused):
        block, gain = blocks[name]
        for stage, weights in enumerate(zip(twin.kernels, twin.biases, strict=True)):
            for weight, value in zip(weights, block.folded(stage, gain), strict=True):
                weight.assign(ops.reshape(value, weight.shape))
    return fused


def _without_norms(layer: Any) -> Any:
    config = layer.get_config()
    if isinstance(layer, ConvBlock | Bottleneck | Head):
        config["batch_norm_momentum"] = None
    return type(layer).from_config(config)


def _conv_blocks(model: keras.Model) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Name, block, and the scalar times its result, of each convolution before the classifier."""
    for layer in model.layers:
        if isinstance(layer, ConvBlock):
            yield layer.name, (layer, None)
        elif isinstance(layer, Head):
            yield f"{layer.name}/project", (layer.project, None)
        elif isinstance(layer, Bottleneck):
            skips = [layer.skip] if layer.has_skip else []
            for block in (layer.expansion, layer.feature, *skips):
                yield f"{layer.name}/{block.name}", (block, None)
            for operator, held in layer.held():
                for block in held.parts():
                    yield f"{layer.name}/{operator.name}/{block.name}", (block, None)
            yield f"{layer.name}/projection", (layer.projection, layer.scale)
