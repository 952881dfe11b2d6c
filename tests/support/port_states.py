"""State dicts as the PyTorch port's modules have them: names and shapes from a table of their own, values by the
official names of tests/official_values."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tests.support.official_values import official_value

# stem, blocks of (width, layers of (expansion, time taps, space taps)), head, dense; the fourth block has no stride
T0 = (
    8,
    (
        (8, ((16, 1, 5),)),
        (32, ((72, 3, 3), (72, 1, 5))),
        (56, ((112, 5, 3), (112, 1, 5), (112, 3, 3))),
        (56, ((184, 5, 3), (184, 1, 5), (184, 3, 3), (184, 3, 3))),
        (104, ((344, 5, 3), (344, 1, 5), (344, 1, 5), (344, 3, 3))),
    ),
    240,
    1024,
)
A0 = (
    8,
    (
        (8, ((24, 1, 5),)),
        (32, ((80, 3, 3), (80, 3, 3), (80, 3, 3))),
        (56, ((184, 5, 3), (112, 3, 3), (184, 3, 3))),
        (56, ((184, 5, 3), (184, 3, 3), (184, 3, 3), (184, 3, 3))),
        (104, ((384, 5, 3), (280, 1, 5), (280, 1, 5), (344, 1, 5))),
    ),
    480,
    2048,
)


def port_state(network: tuple = T0, stream: bool = False, older: bool = False, classes: int = 5) -> dict:
    """The state dict of a network, NumPy arrays by the port's names of the newer or the older generation."""
    state = _State(stream, older)
    stem, blocks, head, dense = network
    state.convolution("conv1", "stem/stem", 3, stem, (1, 3, 3))
    width = stem
    for b, (filters, layers) in enumerate(blocks):
        for index, (expanded, time, space) in enumerate(layers):
            ours, theirs = f"blocks.b{b}_l{index}", f"block{b}_layer{index}"
            twice = 2 if stream else 1
            squeezed = _eighths(twice * expanded / 4)
            state.convolution(f"{ours}.expand", f"{theirs}/bneck/expansion", width, expanded)
            state.depthwise(f"{ours}.deep", f"{theirs}/bneck/feature", expanded, time, space)
            state.dense(f"{ours}.se.fc1", f"{theirs}/bneck/se/se_reduce", twice * expanded, squeezed)
            state.dense(f"{ours}.se.fc2", f"{theirs}/bneck/se/se_expand", squeezed, expanded)
            state.convolution(f"{ours}.project", f"{theirs}/bneck/projection", expanded, filters)
            if index == 0 and b != 3:
                state.convolution(f"{ours}.res.1", f"{theirs}/bneck/skip/skip_project", width, filters)
            state.tensors[f"{ours}.alpha"] = official_value(f"{theirs}/scale", ())
            width = filters
    state.convolution("conv7", "head/project", width, head)
    state.dense("classifier.0", "classifier_head/head", head, dense)
    state.dense("classifier.3", "classifier_head/classifier", dense, classes)
    return state.tensors


def _eighths(width: float) -> int:
    """To a multiple of eight, but by no more than a tenth down."""
    rounded = max(8, int(width + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * width else rounded + 8


@dataclass
class _State:
    stream: bool
    older: bool
    tensors: dict[str, np.ndarray] = field(default_factory=dict)

    def convolution(self, port, official, into, out, taps=(1, 1, 1)):
        scope = self._scope(port)
        if self.stream:
            kernel = official_value(f"{official}/conv2d/conv2d/kernel", (*taps[1:], into, out))
            self.tensors[f"{scope}.conv2d.weight"] = kernel.transpose(3, 2, 0, 1)
        else:
            kernel = official_value(f"{official}/conv3d/kernel", (*taps, into, out))
            self.tensors[f"{scope}.conv3d.weight"] = kernel.transpose(4, 3, 0, 1, 2)
        self._norm(f"{scope}.norm", f"{official}/conv2d/bn" if self.stream else f"{official}/bn", out)

    def depthwise(self, port, official, channels, time, space):
        scope = self._scope(port)
        if not self.stream:
            kernel = official_value(f"{official}/conv3d/kernel", (time, space, space, 1, channels))
            self.tensors[f"{scope}.conv3d.weight"] = kernel.transpose(4, 3, 0, 1, 2)
            self._norm(f"{scope}.norm", f"{official}/bn", channels)
            return
        halves = [(scope, "conv2d", "bn", (space, space))]
        if time > 1:
            halves.append((scope.replace("conv_1", "conv_2"), "conv2d_temporal", "bn_temporal", (time, 1)))
        for scope, conv, norm, taps in halves:
            name = f"{official}/{conv}/depthwise_conv2d/depthwise_kernel"
            # The number that Keras appends to the temporal layer's own name is part of it in the values' rule.
            name = name if conv == "conv2d" else name.replace("depthwise_conv2d/", "depthwise_conv2d_1/")
            kernel = official_value(name, (*taps, channels, 1))
            self.tensors[f"{scope}.conv2d.weight"] = kernel.transpose(2, 3, 0, 1)
            self._norm(f"{scope}.norm", f"{official}/{conv}/{norm}", channels)

    def dense(self, port, official, into, out):
        inner = "conv2d/conv2d" if self.stream else "conv3d"
        kernel = official_value(f"{official}/{inner}/kernel", (1,) * (2 if self.stream else 3) + (into, out))
        scope = port if self.older else f"{port}.conv_1.{inner.split('/')[0]}"
        kernel = np.moveaxis(kernel, (-1, -2), (0, 1))
        self.tensors[f"{scope}.weight"] = kernel.reshape(out, into, 1, 1, 1) if self.older else kernel
        self.tensors[f"{scope}.bias"] = official_value(f"{official}/{inner}/bias", (out,))

    def _scope(self, port):
        if not self.older:
            return f"{port}.conv_1"
        return f"{port}.2plus1s.conv_1" if self.stream else port

    def _norm(self, port, official, channels):
        names = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
        for theirs, ours in names.items():
            self.tensors[f"{port}.{theirs}"] = official_value(f"{official}/{ours}", (channels,))
        self.tensors[f"{port}.num_batches_tracked"] = np.array(70, np.int64)
