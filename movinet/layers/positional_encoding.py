"""Tells a causal squeeze-excite how many frames have passed."""

from __future__ import annotations

import keras
import numpy as np

from movinet.layers.backend import ops


@keras.saving.register_keras_serializable(package="movinet")
class PositionalEncoding(keras.layers.Layer):
    """Adds sines and cosines of the frame index, weighted by a scalar that starts at zero.

    Call arguments: x (B, T, 1, 1, C); count (1,), frames already seen, or None for none.  Returns x's shape.
    All sines stand before all cosines, as in the published weights.
    """

    def build(self, shape):
        self.scale = self.add_weight(shape=(), initializer="zeros", name="scale")
        channels = shape[-1]
        power = 2 * (np.arange(channels) // 2) / channels
        self.frequencies = (1.0 / 10_000.0**power).astype("float32")

    def call(self, x, count=None):
        index = ops.arange(ops.shape(x)[1], dtype="int32")
        index = ops.cast(index if count is None else index + count, "float32")
        angles = index[:, None] * ops.convert_to_tensor(self.frequencies)
        encoding = ops.concatenate([ops.sin(angles[:, 0::2]), ops.cos(angles[:, 1::2])], axis=-1)
        return x + self.scale * ops.cast(encoding, x.dtype)[None, :, None, None, :]
