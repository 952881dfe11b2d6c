"""The deploy form of a network for one video: a graph of rank-4 tensors with constants for weights.

A clip is a batch of its frames, (T, H, W, C), so that nothing is reshaped between convolutions; batch norms and
ReZero's scalars are folded into kernels.  Operators are those that LiteRT has built in, unless `xla_forms` are
asked for.  TensorFlow only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from movinet.deploy import litert_forms
from movinet.layers.activation import ACTIVATION_FUNCTIONS
from movinet.layers.bottleneck import Bottleneck
from movinet.layers.conv import ConvBlock
from movinet.layers.head import ClassifierHead, Head
from movinet.layers.positional_encoding import PositionalEncoding
from movinet.model import check_movinet

ACTIVATION_NAMES = {function: name for name, function in ACTIVATION_FUNCTIONS.items()}
FLOAT = "kept_float"  # scope of what is not quantised: numbers that grow with the stream
States = dict[str, Any]


@dataclass(frozen=True)
class FrameGraph:
    """A `build_movinet` model, called on the frames of one video.

    int8: a form that is fast and exact enough once quantised: no HARD_SWISH and no AVERAGE_POOL_2D, which the int8
    delegate does not run, and which would cut the graph into pieces.  forms: the module that has the convolutions,
    `litert_forms`, or `xla_forms` for XLA.
    """

    model: keras.Model
    int8: bool = False
    forms: Any = litert_forms

    def __call__(self, frames: Any, states: States | None = None) -> tuple[Any, States]:
        """Frames (T, H, W, 3) -> logits (1, classes) after the newest one, and the next states.

        states: by the names of `initial_states`, then T is 1.  Stream buffers have those shapes, (1, frames, H, W, C),
        or are lists of past frames (1, H, W, C), of which only the newest is returned; sums have any rank.  None: the
        frames are a whole clip.  InputError for a model that `build_movinet` did not make.
        """
        check_movinet(self.model)
        x, later = frames, {}
        for layer in self.model.layers:
            with tf.name_scope(layer.name):
                known = None if states is None else _own(states, layer.name)
                if isinstance(layer, ConvBlock):
                    x, new = self.conv(layer, x, known)
                elif isinstance(layer, Bottleneck):
                    x, new = self._bottleneck(layer, x, known)
                elif isinstance(layer, Head):
                    x, new = self._head(layer, x, known)
                elif isinstance(layer, ClassifierHead):
                    x = self.conv(layer.classifier, self.conv(layer.head, x)[0])[0]
                    x = tf.reshape(x, (1, layer.num_classes), name="logits")
                    continue
                else:  # the input
                    continue
            later.update({f"state_{layer.name}_{name}": state for name, state in new.items()})
        return x, later

    def conv(self, block: ConvBlock, x: Any, states: States | None = None, gain: Any = None) -> tuple[Any, States]:
        """A block on (T, H, W, C), and its next states; gain: a scalar times its result."""
        later: States = {}
        for stage, (taps, stride) in enumerate(block.stages):
            with tf.init_scope():  # values, not operations of the graph that is being made
                kernel, shift = (np.asarray(value) for value in block.folded(stage, gain))
            form = self.forms.depthwise if block.depthwise else self.forms.full
            with tf.name_scope(f"{block.name}_{stage}"):
                if taps[0] == 1:
                    x = form([x], kernel, stride)
                else:
                    seen = _padded(x, block)
                    if states is not None:
                        seen, later["stream_buffer"] = _continued(states["stream_buffer"], x)
                    in_time = block.depthwise and taps[1:] == (1, 1) and stride == 1
                    windows = self.forms.windows
                    x = self.forms.in_time(seen, kernel) if in_time else form(windows(seen, taps[0]), kernel, stride)
                x = self._activated(tf.nn.bias_add(x, tf.constant(shift)), block.activate)
        return x, later

    def _activated(self, x: Any, function: Any) -> Any:
        if not self.int8 or ACTIVATION_NAMES[function] != "hard_swish":
            return function(x)
        return x * (tf.nn.relu6(x + 3.0) * 0.16667)  # the exact sixth would become a HARD_SWISH again

    def _bottleneck(self, layer: Bottleneck, x: Any, states: States | None) -> tuple[Any, States]:
        y, _ = self.conv(layer.expansion, x)
        y, later = self.conv(layer.feature, y, states)
        for operator, held in layer.held():
            with tf.name_scope(held.name):
                y, new = held.frames(self, y, None if states is None else operator.states_of(states))
            later |= operator.named(new)
        y, _ = self.conv(layer.projection, y, gain=layer.scale)
        if layer.has_skip:
            if layer.stride > 1:
                x = litert_forms.average_pooled(x) if self.int8 else tf.nn.avg_pool2d(x, 3, 2, "SAME")
            x, _ = self.conv(layer.skip, x)
        return y + x, later

    def _head(self, layer: Head, x: Any, states: States | None) -> tuple[Any, States]:
        frames = self.spatial_mean(self.conv(layer.project, x)[0])
        if layer.pooling == "2d":
            return frames[-1:], {}
        means, later = self.pooled(frames, states, causal=states is not None)
        return means[-1:], later

    @staticmethod
    def spatial_mean(x: Any) -> Any:
        """(T, H, W, C) -> (T, 1, 1, C)."""
        return tf.reduce_mean(x, (1, 2), keepdims=True)

    @staticmethod
    def pooled(frames: Any, states: States | None, causal: bool) -> tuple[Any, States]:
        """The mean of all frames so far of (T, 1, 1, C), or of all frames where the network is not causal.

        Sum, count and quotient stay float in an int8 graph, where they would be cut off at the calibration's range.
        The sum goes out as it is: a reshape would be done in int8.
        """
        if states is not None:
            buffer, count = states["pool_buffer"], states["pool_frame_count"] + 1
            frame = tf.reshape(frames, buffer.shape)
            with tf.name_scope(FLOAT):
                total = frame + buffer
                mean = total / tf.cast(count, tf.float32)
            return tf.reshape(mean, frames.shape), {"pool_buffer": total, "pool_frame_count": count}
        if not causal:
            return tf.reduce_mean(frames, 0, keepdims=True), {}
        counts = np.arange(1, frames.shape[0] + 1, dtype=np.float32)
        return tf.cumsum(frames, 0) / counts.reshape(-1, 1, 1, 1), {}

    @staticmethod
    def joined(mean: Any, frames: Any) -> Any:
        """(T or 1, 1, 1, C) beside (T, 1, 1, C), which one mean is repeated for: (T, 1, 1, 2C)."""
        if mean.shape[0] != frames.shape[0]:
            mean = tf.tile(mean, (frames.shape[0], 1, 1, 1))
        return tf.concat([mean, frames], -1)

    @staticmethod
    def positioned(layer: PositionalEncoding, x: Any, states: States | None) -> tuple[Any, States]:
        """(T, 1, 1, C) with the weighted encoding of its frames' index in the stream."""
        count: Any = np.arange(x.shape[0], dtype=np.int32) if states is None else states["pos_enc_frame_count"]
        with tf.init_scope():
            scale = np.asarray(layer.scale)
        with tf.name_scope(FLOAT):
            angles = tf.reshape(tf.cast(count, tf.float32), (-1, 1, 1, 1)) * layer.frequencies
            encoding = tf.concat([tf.sin(angles[..., 0::2]), tf.cos(angles[..., 1::2])], -1) * scale
        return x + encoding, {} if states is None else {"pos_enc_frame_count": count + 1}


def _own(states: States, layer: str) -> States:
    prefix = f"state_{layer}_"
    return {name.removeprefix(prefix): state for name, state in states.items() if name.startswith(prefix)}


def _padded(x: Any, block: ConvBlock) -> Any:
    past = block.reach if block.causal else block.reach // 2
    return tf.pad(x, ((past, block.reach - past), (0, 0), (0, 0), (0, 0)))


def _continued(buffer: Any, x: Any) -> tuple[Any, Any]:
    """What time taps see after a buffer, of the buffer's form, and the next buffer, or a list's newest frame."""
    if isinstance(buffer, list):
        return [*buffer, x], x
    seen = tf.concat([buffer, tf.expand_dims(x, 0)], 1)
    return seen, seen[:, 1:]
