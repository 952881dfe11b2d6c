"""TensorFlow's own forms of what `movinet.layers.forms` computes slowly on a CPU.

Automatic differentiation of shifted slices dominated a training step (60 % of it was StridedSliceGrad), so the
depthwise 3-D convolution has a gradient of its own, made of convolutions again.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

ops: Any = keras.ops


def depthwise(clip: Any, kernel: Any, stride: int, before: int, after: int) -> Any:
    """A depthwise 3-D convolution, 'same' in space, with `before` and `after` zero frames added in time.

    clip: (B, T, H, W, C); kernel: (kt, kh, kw, C).  Returns (B, before + T + after - kt + 1, H', W', C).
    """
    taps = kernel.shape[0]

    @tf.custom_gradient
    def convolve(clip, kernel):
        def gradient(upstream):
            past, future = taps - 1 - before, taps - 1 - after
            if stride == 1:
                clip_gradient = _correlate(_pad_time(upstream, past, future), tf.reverse(kernel, [0, 1, 2]), 1)
            else:
                clip_gradient = _transposed(clip, _pad_time(upstream, past, future), kernel, stride)
            return clip_gradient, _kernel_gradient(_pad_time(clip, before, after), upstream, kernel, stride)

        return _correlate(_pad_time(clip, before, after), kernel, stride), gradient

    return convolve(clip, kernel)


def normalize_batch(x: Any, gamma: Any, beta: Any, epsilon: float) -> tuple[Any, Any, Any]:
    """Batch normalisation of (..., C) by its own statistics: the result, mean (C,) and variance (C,)."""
    shape = ops.shape(x)
    flat = tf.reshape(x, (-1, 1, 1, shape[-1]))
    y, mean, variance = tf.compat.v1.nn.fused_batch_norm(flat, gamma, beta, epsilon=epsilon, is_training=True)
    count = tf.cast(tf.shape(flat)[0], variance.dtype)
    return tf.reshape(y, shape), mean, variance * ((count - 1) / count)  # the kernel's variance is the sample's


def _correlate(padded: Any, kernel: Any, stride: int) -> Any:
    """(B, T + kt - 1, H, W, C) -> (B, T, H', W', C)."""
    strides = (1, stride, stride, 1)
    parts = [
        tf.nn.depthwise_conv2d(frames, tap[..., None], strides, "SAME")
        for frames, tap in zip(_windows(padded, kernel.shape[0]), tf.unstack(kernel), strict=True)
    ]
    return _clip_of(_total(parts), padded)


def _transposed(clip: Any, padded: Any, kernel: Any, stride: int) -> Any:
    """The gradient of a strided convolution by its input `clip`, from the upstream gradient padded in time."""
    frames = tf.shape(_frames_of(clip))
    parts = [
        tf.nn.depthwise_conv2d_backprop_input(frames, tap[..., None], upstream, (1, stride, stride, 1), "SAME")
        for upstream, tap in zip(_windows(padded, kernel.shape[0]), reversed(tf.unstack(kernel)), strict=True)
    ]
    return tf.reshape(_total(parts), tf.shape(clip))


def _kernel_gradient(padded: Any, upstream: Any, kernel: Any, stride: int) -> Any:
    upstream = _frames_of(upstream)
    shape = (*kernel.shape[1:], 1)
    parts = [
        tf.nn.depthwise_conv2d_backprop_filter(frames, shape, upstream, (1, stride, stride, 1), "SAME")
        for frames in _windows(padded, kernel.shape[0])
    ]
    return tf.stack(parts)[..., 0]


def _windows(padded: Any, taps: int) -> list[Any]:
    """What each time tap sees of (B, T + taps - 1, H, W, C), as (B * T, H, W, C)."""
    if taps == 1:
        return [_frames_of(padded)]
    if padded.shape[0] == 1:  # slices of the outermost axis are no copies
        padded = _frames_of(padded)
        count = ops.shape(padded)[0] - (taps - 1)
        return [padded[tap : tap + count] for tap in range(taps)]
    count = ops.shape(padded)[1] - (taps - 1)
    return [_frames_of(padded[:, tap : tap + count]) for tap in range(taps)]


def _total(parts: list[Any]) -> Any:
    return tf.add_n(parts) if len(parts) > 1 else parts[0]


def _pad_time(clip: Any, before: int, after: int) -> Any:
    return tf.pad(clip, ((0, 0), (before, after), (0, 0), (0, 0), (0, 0))) if before or after else clip


def _frames_of(clip: Any) -> Any:
    _, _, height, width, channels = ops.shape(clip)
    return tf.reshape(clip, (-1, height, width, channels))


def _clip_of(frames: Any, like: Any) -> Any:
    _, height, width, channels = ops.shape(frames)
    return tf.reshape(frames, (ops.shape(like)[0], -1, height, width, channels))
