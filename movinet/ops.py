"""Every operation of a network, with shapes, read off its spec: what costs are counted from.

The operations are those of one forward pass in inference, named as the official model names its parts.  Structure:
arXiv:2103.11511, section 3, and Model Garden's `movinet_layers.py`.  Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any, NamedTuple

from movinet.config.errors import InputError
from movinet.spec import HeadSpec, Kernel, LayerSpec, MovinetSpec, StemSpec, make_divisible

Shape = tuple[int, int, int, int]  # (time, height, width, filters), without the batch

CONVOLUTIONS = ("convolution", "pointwise", "depthwise", "dense")
IN_PLACE = ("position", "gate", "residual")
ELEMENT_BYTES = 4  # float32 activations, int32 frame counters


class Mode(NamedTuple):
    """What a spec says to all of its layers."""

    causal: bool
    separable: bool  # (2+1)D: a spatial convolution, then a temporal one
    se_type: str
    positional: bool

    @classmethod
    def of(cls, spec: MovinetSpec) -> Mode:
        positional = spec.use_positional_encoding and spec.causal
        return cls(spec.causal, spec.conv_type != "3d", spec.se_type, positional)


class Operation(NamedTuple):
    """One step of the forward pass.

    kind: "convolution" (mixes space and filters), "pointwise" (1x1x1), "depthwise", "dense" (on pooled vectors),
        "pool" (an average), "position" (adds an encoding of the frame's index), "gate" (multiplies by the
        squeeze-excite's answer) or "residual" (scales by ReZero, adds the skip).
    stateful: in a stream it keeps something from frame to frame: a convolution the last kernel[0] - 1 frames of its
        input, a pool a sum and a frame counter, a position the counter.
    waiting: elements of the tensors that it does not read and a later operation does.
    """

    name: str
    kind: str
    input: Shape
    output: Shape
    kernel: Kernel = (1, 1, 1)
    groups: int = 1
    bias: bool = False
    batch_norm: bool = False
    stateful: bool = False
    waiting: int = 0

    @property
    def flops(self) -> int:
        """Multiply-adds of a convolution or dense product, 'same' padding counted as if it were data; else 0."""
        return prod(self.output) * self._fan_in if self.kind in CONVOLUTIONS else 0

    @property
    def parameters(self) -> int:
        """Kernel, bias, batch norm's scale, offset, mean and variance; one scalar for ReZero and position."""
        if self.kind in CONVOLUTIONS:
            return self.output[3] * (self._fan_in + self.bias + 4 * self.batch_norm)
        return int(self.kind in ("position", "residual"))

    @property
    def activation_elements(self) -> int:
        """Elements alive while it runs: input, output and what waits. Element-wise operations overwrite the input."""
        return prod(self.input) + self.waiting + (0 if self.kind in IN_PLACE else prod(self.output))

    @property
    def buffer_elements(self) -> int:
        """Elements of its state in a stream, a frame counter being one."""
        if not self.stateful:
            return 0
        _, height, width, filters = self.input
        if self.kind in CONVOLUTIONS:
            return (self.kernel[0] - 1) * height * width * filters
        return filters + 1 if self.kind == "pool" else 1

    @property
    def _fan_in(self) -> int:
        return prod(self.kernel) * self.input[3] // self.groups


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
    mode = Mode.of(spec)
    yield Part("stem", stem_operations, (spec.stem, frames, size, mode))
    size, filters = strided(size, spec.stem.stride), spec.stem.filters
    for i, block in enumerate(spec.blocks):
        stride = block.stride
        for j, layer in enumerate(block.layers):
            arguments = (layer, filters, block.base_filters, stride, frames, size, mode)
            yield Part(f"block{i}_layer{j}", layer_operations, arguments)
            size, filters, stride = strided(size, stride), block.base_filters, 1
    arguments = (spec.head, filters, frames, size, spec.average_pooling_type, num_classes, mode)
    yield Part("head", head_operations, arguments)


def strided(size: int, stride: int) -> int:
    """Pixels after a 'same' convolution or pool of that stride."""
    return -(-size // stride)


def stem_operations(stem: StemSpec, frames: int, size: int, mode: Mode) -> tuple[Operation, ...]:
    """The convolution of RGB frames."""
    image = (frames, size, size, 3)
    return tuple(_convolution("stem", "convolution", image, stem.filters, stem.kernel, stem.stride, mode, 0))


def layer_operations(
    layer: LayerSpec, filters_in: int, filters_out: int, stride: int, frames: int, size: int, mode: Mode
) -> tuple[Operation, ...]:
    """One bottleneck with its skip; the layer's input waits for the skip from the expansion on."""
    block_input = (frames, size, size, filters_in)
    small = strided(size, stride)
    expanded = (frames, size, size, layer.expand_filters)
    feature = (frames, small, small, layer.expand_filters)
    output = (frames, small, small, filters_out)
    kept = prod(block_input)
    ops = [Operation("expansion", "pointwise", block_input, expanded, batch_norm=True)]
    ops += _convolution("feature", "depthwise", expanded, layer.expand_filters, layer.kernel, stride, mode, kept)
    if layer.squeeze_excite and mode.se_type != "none":
        ops += _squeeze_excite(feature, mode, kept)
    ops.append(Operation("projection", "pointwise", feature, output, batch_norm=True, waiting=kept))
    ops += _skip(block_input, output, stride)
    ops.append(Operation("rezero", "residual", output, output, waiting=prod(output)))
    return tuple(ops)


def head_operations(
    head: HeadSpec, filters_in: int, frames: int, size: int, pooling: str, num_classes: int, mode: Mode
) -> tuple[Operation, ...]:
    """Projection, average over the clip ("3d") or over its newest frame ("2d"), dense layer and classifier."""
    feature = (frames, size, size, filters_in)
    projected = (frames, size, size, head.project_filters)
    pooled, hidden = (1, 1, 1, head.project_filters), (1, 1, 1, head.head_filters)
    return (
        Operation("project", "pointwise", feature, projected, batch_norm=True),
        Operation("pool", "pool", projected, pooled, stateful=mode.causal and pooling == "3d"),
        Operation("head", "dense", pooled, hidden, bias=True),
        Operation("classifier", "dense", hidden, (1, 1, 1, num_classes), bias=True),
    )


def _convolution(
    name: str, kind: str, clip: Shape, filters: int, kernel: Kernel, stride: int, mode: Mode, waiting: int
) -> Iterator[Operation]:
    """A convolution in space and time, whole or as (2+1)D, with its batch norms.

    Its stream buffer holds frames before the stride in a 3-D convolution, and after it in a (2+1)D one.
    """
    frames, size, _, filters_in = clip
    output = (frames, strided(size, stride), strided(size, stride), filters)
    groups = filters_in if kind == "depthwise" else 1
    stateful = mode.causal and kernel[0] > 1
    if mode.separable and kernel[0] > 1:
        yield Operation(name, kind, clip, output, (1, *kernel[1:]), groups, batch_norm=True, waiting=waiting)
        groups = filters if kind == "depthwise" else 1
        clip, name, kernel = output, f"{name}_temporal", (kernel[0], 1, 1)
    yield Operation(name, kind, clip, output, kernel, groups, batch_norm=True, stateful=stateful, waiting=waiting)


def _squeeze_excite(feature: Shape, mode: Mode, kept: int) -> Iterator[Operation]:
    """Pool, two dense layers and the gate. "2plus3d" joins the frame's average with that of the clip (so far)."""
    frames, _, _, filters = feature
    both = mode.se_type == "2plus3d"
    by_frame = mode.causal or mode.se_type != "3d"
    hidden_filters = make_divisible(0.25 * filters * (2 if both else 1))
    vector = (frames if by_frame else 1, 1, 1, filters)
    squeezed, hidden = (*vector[:3], filters * (2 if both else 1)), (*vector[:3], hidden_filters)
    waiting = kept + prod(feature)
    if both:
        yield Operation("se/spatial_pool", "pool", feature, vector, waiting=kept)
        yield Operation("se/pool", "pool", vector, squeezed, stateful=mode.causal, waiting=waiting)
    else:
        stateful = mode.causal and mode.se_type == "3d"
        yield Operation("se/pool", "pool", feature, squeezed, stateful=stateful, waiting=kept)
    if mode.positional:
        yield Operation("se/position", "position", squeezed, squeezed, stateful=True, waiting=waiting)
    yield Operation("se/reduce", "dense", squeezed, hidden, bias=True, waiting=waiting)
    yield Operation("se/expand", "dense", hidden, vector, bias=True, waiting=waiting)
    yield Operation("se/gate", "gate", feature, feature, waiting=kept + prod(vector))


def _skip(block_input: Shape, output: Shape, stride: int) -> Iterator[Operation]:
    """What brings the layer's input to its output's shape: nothing, a 1x1x1 convolution, or an average pool first."""
    if stride == 1 and block_input[3] == output[3]:
        return
    if stride > 1:
        pooled = (*output[:3], block_input[3])
        yield Operation("skip/pool", "pool", block_input, pooled, kernel=(1, 3, 3), waiting=prod(output))
        block_input = pooled
    yield Operation("skip/project", "pointwise", block_input, output, batch_norm=True, waiting=prod(output))
