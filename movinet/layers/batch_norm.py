"""Batch normalisation over all axes but the last."""

from __future__ import annotations

from typing import Any

import keras

from movinet.layers import forms

ops: Any = keras.ops  # its inferred types are unions over backends


@keras.saving.register_keras_serializable(package="movinet")
class BatchNorm(keras.layers.Layer):
    """Batch normalisation with epsilon 1e-3; frozen (`trainable = False`) it also uses its moving statistics.

    Call arguments: x (..., C).  Returns the same shape.  Statistics are float32 under mixed precision.
    """

    def __init__(self, momentum: float = 0.99, epsilon: float = 1e-3, **kwargs):
        super().__init__(**kwargs)
        self.momentum, self.epsilon = momentum, epsilon

    def build(self, shape):
        size = (shape[-1],)
        self.gamma = self.add_weight(shape=size, initializer="ones", name="gamma", autocast=False)
        self.beta = self.add_weight(shape=size, initializer="zeros", name="beta", autocast=False)
        frozen: dict[str, Any] = {"trainable": False, "autocast": False}
        self.moving_mean = self.add_weight(shape=size, initializer="zeros", name="moving_mean", **frozen)
        self.moving_variance = self.add_weight(shape=size, initializer="ones", name="moving_variance", **frozen)

    def call(self, x, training=False):
        gamma, beta = ops.convert_to_tensor(self.gamma), ops.convert_to_tensor(self.beta)
        if not (training and self.trainable):
            return forms.normalize(x, gamma, beta, self.moving_mean, self.moving_variance, self.epsilon)
        y, mean, variance = forms.normalize_batch(x, gamma, beta, self.epsilon)
        self._move(self.moving_mean, mean)
        self._move(self.moving_variance, variance)
        return y

    def _move(self, average: Any, value: Any) -> None:
        average.assign(average * self.momentum + ops.cast(value, average.dtype) * (1.0 - self.momentum))
