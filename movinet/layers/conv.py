"""Convolution, batch norm, activation: the block every part of a MoViNet is made of."""

from __future__ import annotations

import math
from typing import Any

import keras

from movinet.layers import forms
from movinet.layers.activation import ACTIVATION_FUNCTIONS
from movinet.layers.backend import ops
from movinet.layers.batch_norm import BatchNorm


@keras.saving.register_keras_serializable(package="movinet")
class ConvBlock(keras.layers.Layer):
    """A 3-D convolution, batch norm and activation; (2+1)D forms do it in space, then in time, each with its own.

    Call arguments: clip (B, T, H, W, C); states, None for a whole clip, or (as `state_shapes` says) stream_buffer, the
    kt - 1 frames before what the time taps see; gain, a scalar times the batch norm's result, or None.
    Returns (B, T, H', W', F), and the next states where states were given.  A causal block pads the past only
    (arXiv:2103.11511, 3.2).  In (2+1)D forms the buffer lies behind the spatial stride.
    Kernels have the shapes of the official ones for the same `conv_type`, and start He-normal, or normal with
    `kernel_stddev`.  Where `batch_norm_momentum` is None, each stage has a bias in place of its batch norm.
    """

    def __init__(
        self,
        filters: int,
        kernel: tuple[int, int, int] = (1, 1, 1),
        stride: int = 1,
        depthwise: bool = False,
        causal: bool = False,
        conv_type: str = "3d",
        activation: str | None = None,
        batch_norm_momentum: float | None = 0.99,
        kernel_stddev: float | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        time, height, width = kernel
        self.filters, self.depthwise, self.causal, self.conv_type = filters, depthwise, causal, conv_type
        self.stride, self.reach, self.kernel_stddev = stride, time - 1, kernel_stddev
        self.activate = ACTIVATION_FUNCTIONS[activation]
        whole, halves = [((time, height, width), stride)], [((1, height, width), stride), ((time, 1, 1), 1)]
        self.stages = halves if conv_type != "3d" and time > 1 else whole
        norms = ("bn", "bn_temporal")[: len(self.stages)] if batch_norm_momentum is not None else ()
        self.norms: Any = [BatchNorm(batch_norm_momentum or 0.0, name=name, dtype=self.dtype_policy) for name in norms]

    def build(self, shape):
        self.kernels, self.biases, self.channels = [], [], shape[-1]
        for stage, (taps, _) in enumerate(self.stages):
            part, channels = ("temporal_", self.filters) if stage else ("", shape[-1])
            kernel = self._kernel_shape(taps, channels)
            initializer = self._initializer(kernel)
            self.kernels.append(self.add_weight(shape=kernel, initializer=initializer, name=f"{part}kernel"))
            if not self.norms:
                bias = self.add_weight(shape=(self.filters,), initializer="zeros", name=f"{part}bias")
                self.biases.append(bias)
        for norm in self.norms:
            norm.build((self.filters,))

    def call(self, clip, states=None, gain=None, training=False):
        x, later = clip, {}
        buffer = states.get("stream_buffer") if states is not None else None
        for stage, (taps, _) in enumerate(self.stages):
            if buffer is not None and taps[0] > 1:
                x = ops.concatenate([ops.cast(buffer, x.dtype), x], axis=1)
                later["stream_buffer"] = x[:, -self.reach :]
            x = self._stage(stage, x, buffer is not None, gain, training)
        return x if states is None else (x, later)

    def state_shapes(self, batch: int | None, height: int | None, width: int | None) -> dict[str, tuple]:
        """Shapes of the states for `batch` streams of frames (height, width), by name."""
        if not self.reach:
            return {}
        if len(self.stages) == 1:
            return {"stream_buffer": (batch, self.reach, height, width, self.channels)}
        return {"stream_buffer": (batch, self.reach, *forms.strided(self.stride, height, width), self.filters)}

    def compute_output_spec(self, clip, states=None, gain=None, training=False):
        return forms.symbolic(clip, self.filters, self.stride, self.compute_dtype)

    def folded(self, stage: int, gain: Any = None) -> tuple[Any, Any]:
        """The kernel (kt, kh, kw[, C], F) and shift (F,) of a stage, with its batch norm by the moving statistics."""
        kernel = self._kernel(stage)
        if not self.norms:
            return kernel, ops.convert_to_tensor(self.biases[stage])
        scale, shift = self.norms[stage].folded(gain)
        return kernel * ops.cast(scale, kernel.dtype), ops.cast(shift, kernel.dtype)

    def _stage(self, stage, x, buffered, gain, training):
        """One convolution with its batch norm, which is part of the kernel where its statistics do not move."""
        norm: Any = self.norms[stage] if self.norms and training and self.norms[stage].trainable else None
        kernel, shift = self.folded(stage, gain) if norm is None else (self._kernel(stage), None)
        taps, stride = self.stages[stage]
        past, future = (0, 0) if buffered or taps[0] == 1 else self._padding
        form = forms.depthwise if self.depthwise else forms.full
        x = form(x, kernel, stride, past, future, shift)
        return self.activate(x) if norm is None else forms.in_training(self.activate)(norm(x, gain))

    def _kernel(self, stage):
        taps = self.stages[stage][0]
        kernel = ops.convert_to_tensor(self.kernels[stage])
        return ops.reshape(kernel, (*taps, self.filters) if self.depthwise else (*taps, -1, self.filters))

    @property
    def _padding(self):
        """Frames of zeros before and after a clip."""
        return (self.reach, 0) if self.causal else (self.reach // 2, self.reach // 2)

    def _kernel_shape(self, taps, channels):
        if self.conv_type == "2plus1d":  # those of Conv2D: (height, width) or (time, 1)
            taps = (taps[0], 1) if taps[0] > 1 else taps[1:]
            return (*taps, self.filters, 1) if self.depthwise else (*taps, channels, self.filters)
        return (*taps, 1 if self.depthwise else channels, self.filters)

    def _initializer(self, shape):
        if self.kernel_stddev is not None:
            return keras.initializers.RandomNormal(stddev=self.kernel_stddev)
        fan_in = math.prod(shape) / self.filters  # Keras' he_normal would count a Conv2D depthwise kernel's channels
        return keras.initializers.TruncatedNormal(stddev=math.sqrt(2 / fan_in) / 0.8796)  # cut at 2 sigma: 0.88 sigma
