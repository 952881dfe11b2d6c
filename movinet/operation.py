"""One step of a forward pass, with shapes: what an operator says of itself, and what costs are counted from.

Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import NamedTuple

from movinet.spec import Kernel, MovinetSpec

Shape = tuple[int, int, int, int]  # (time, height, width, filters), without the batch

CONVOLUTIONS = ("convolution", "pointwise", "depthwise", "dense")
IN_PLACE = ("position", "gate", "residual")


class Place(NamedTuple):
    """Where in a network something stands, by what it is given: `frames` frames of `size` x `size` x `filters`."""

    frames: int
    size: int
    filters: int

    @property
    def shape(self) -> Shape:
        return (self.frames, self.size, self.size, self.filters)

    def behind(self, stride: int, filters: int) -> Place:
        """The place behind a 'same' convolution of that stride to so many filters."""
        return Place(self.frames, -(-self.size // stride), filters)


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


def convolution(
    name: str,
    kind: str,
    place: Place,
    filters: int,
    mode: Mode,
    kernel: Kernel = (1, 1, 1),
    stride: int = 1,
    waiting: int = 0,
) -> Iterator[Operation]:
    """A convolution in space and time, whole or as (2+1)D, with its batch norms, as `layers.conv.ConvBlock` does it.

    Its stream buffer holds frames before the stride in a 3-D convolution, and after it in a (2+1)D one.
    """
    clip, output = place.shape, place.behind(stride, filters).shape
    groups = place.filters if kind == "depthwise" else 1
    stateful = mode.causal and kernel[0] > 1
    if mode.separable and kernel[0] > 1:
        yield Operation(name, kind, clip, output, (1, *kernel[1:]), groups, batch_norm=True, waiting=waiting)
        groups = filters if kind == "depthwise" else 1
        clip, name, kernel = output, f"{name}_temporal", (kernel[0], 1, 1)
    yield Operation(name, kind, clip, output, kernel, groups, batch_norm=True, stateful=stateful, waiting=waiting)
