"""Batch normalisation over all axes but the last."""

from __future__ import annotations

from typing import Any

import keras

from movinet.layers import forms
from movinet.layers.backend import ops


@keras.saving.register_keras_serializable(package="movinet")
class BatchNorm(keras.layers.Layer):
    """Batch normalisation in training; at inference its affine map is folded into the convolution before it.

    Call arguments: x (B, T, H, W, C), normalised by its own statistics, which the moving ones follow; gain, a scalar
    times the result, or None.  Weights and statistics are float32 under mixed precision too.
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

    def call(self, x, gain=None):
        moving = ops.convert_to_tensor(self.moving_mean), ops.convert_to_tensor(self.moving_variance)
        y, mean, variance = forms.normalize_batch(x, *self._affine(gain), *moving, self.momentum, self.epsilon)
        self.moving_mean.assign(mean)
        self.moving_variance.assign(variance)
        return y

    def folded(self, gain: Any = None) -> tuple[Any, Any]:
        """Scale and shift (C,), float32, that normalise by the moving statistics."""
        gamma, beta = self._affine(gain)
        scale = gamma * ops.rsqrt(self.moving_variance + self.epsilon)
        return scale, beta - self.moving_mean * scale

    def _affine(self, gain):
        gamma, beta = ops.convert_to_tensor(self.gamma), ops.convert_to_tensor(self.beta)
        return (gamma, beta) if gain is None else (gamma * gain, beta * gain)
