"""Every operation of a network, with shapes, read off its spec: what costs are counted from.

The operations are those of one forward pass in inference, named as the official model names its parts.  Structure:
arXiv:2103.11511, section 3, and Model Garden's `movinet_layers.py`.  Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any, NamedTuple

from movinet.config.errors import InputError
from movinet.operation import Mode, Operation, Place, Shape, convolution
from movinet.operators import OPERATORS
from movinet.spec import HeadSpec, LayerSpec, MovinetSpec, StemSpec

ELEMENT_BYTES = 4  # float32 activations, int32 frame counters


class Part(NamedTuple):
    """The stem, one layer or the head: `build(*arguments)` gives its operations; equal arguments, equal operations."""

    name: str
    build: Callable[..., tuple[Operation, ...]]
    arguments: tuple[Any, ...]


def operations(
    spec: MovinetSpec, frames: int | None = None, size: int | None = None, num_classes: int = 600
) -> Iterator[Operation]:
    """Every operation on one clip of `frames` frames of `size` x `size` pixels (default: the spec's own clip).

    Names are the official ones: "block0_layer1/expansion" is in the paper's block 2.
    """
    for part in parts(spec, frames, size, num_classes):
        for op in part.build(*part.arguments):
            yield op._replace(name=f"{part.name}/{op.name}")


def parts(
    spec: MovinetSpec, frames: int | None = None, size: int | None = None, num_classes: int = 600
) -> Iterator[Part]:
    """Stem, layers and head in the order of a forward pass. Raises InputError for a clip without frames or pixels."""
    frames = spec.clip.frames if frames is None else frames
    size = spec.clip.resolution if size is None else size
    for name, value in {"frames": frames, "size": size, "num_classes": num_classes}.items():
        if value < 1:
            raise InputError(f"{name}={value!r} is not allowed; allowed: an integer >= 1")
    mode, place = Mode.of(spec), Place(frames, size, 3)
    yield Part("stem", stem_operations, (spec.stem, place, mode))
    place = place.behind(spec.stem.stride, spec.stem.filters)
    for i, block in enumerate(spec.blocks):
        stride = block.stride
        for j, layer in enumerate(block.layers):
            yield Part(f"block{i}_layer{j}", layer_operations, (layer, block.base_filters, stride, place, mode))
            place, stride = place.behind(stride, block.base_filters), 1
    yield Part("head", head_operations, (spec.head, spec.average_pooling_type, num_classes, place, mode))


def stem_operations(stem: StemSpec, place: Place, mode: Mode) -> tuple[Operation, ...]:
    """The convolution of RGB frames."""
    return tuple(convolution("stem", "convolution", place, stem.filters, mode, stem.kernel, stem.stride))


def layer_operations(layer: LayerSpec, filters: int, stride: int, place: Place, mode: Mode) -> tuple[Operation, ...]:
    """One bottleneck with its skip; the layer's input waits for the skip from the expansion on."""
    expanded, feature = place.behind(1, layer.expand_filters), place.behind(stride, layer.expand_filters)
    block_input, output, kept = place.shape, place.behind(stride, filters).shape, prod(place.shape)
    ops = [Operation("expansion", "pointwise", block_input, expanded.shape, batch_norm=True)]
    ops += convolution("feature", "depthwise", expanded, layer.expand_filters, mode, layer.kernel, stride, kept)
    for operator in OPERATORS:
        ops += operator.of_layer(layer, feature, mode, kept)
    ops.append(Operation("projection", "pointwise", feature.shape, output, batch_norm=True, waiting=kept))
    ops += _skip(block_input, output, stride)
    ops.append(Operation("rezero", "residual", output, output, waiting=prod(output)))
    return tuple(ops)


def head_operations(head: HeadSpec, pooling: str, num_classes: int, place: Place, mode: Mode) -> tuple[Operation, ...]:
    """Projection, average over the clip ("3d") or over its newest frame ("2d"), dense layer and classifier."""
    projected = place.behind(1, head.project_filters).shape
    pooled, hidden = (1, 1, 1, head.project_filters), (1, 1, 1, head.head_filters)
    return (
        Operation("project", "pointwise", place.shape, projected, batch_norm=True),
        Operation("pool", "pool", projected, pooled, stateful=mode.causal and pooling == "3d"),
        Operation("head", "dense", pooled, hidden, bias=True),
        Operation("classifier", "dense", hidden, (1, 1, 1, num_classes), bias=True),
    )


def _skip(block_input: Shape, output: Shape, stride: int) -> Iterator[Operation]:
    """What brings the layer's input to its output's shape: nothing, a 1x1x1 convolution, or an average pool first."""
    if stride == 1 and block_input[3] == output[3]:
        return
    if stride > 1:
        pooled = (*output[:3], block_input[3])
        yield Operation("skip/pool", "pool", block_input, pooled, kernel=(1, 3, 3), waiting=prod(output))
        block_input = pooled
    yield Operation("skip/project", "pointwise", block_input, output, batch_norm=True, waiting=prod(output))
