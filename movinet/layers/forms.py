"""How each convolution and normalisation is computed: the forms that are fast on a CPU, in one place.

No Conv3D and no Pool3D: grouped 3-D convolutions are slow and do not survive export.  A depthwise 3-D convolution is
a sum over its time taps of 2-D depthwise convolutions of frames, shifted in time; a 1x1x1 one is a matrix product.
"""

from __future__ import annotations

from typing import Any

import keras

ops: Any = keras.ops  # its inferred types are unions over backends

FUSED_BATCH_NORM = keras.backend.backend() == "tensorflow"


def frames_of(clip: Any) -> Any:
    """(B, T, H, W, C) -> (B * T, H, W, C)."""
    _, _, height, width, channels = ops.shape(clip)
    return ops.reshape(clip, (-1, height, width, channels))


def clip_of(frames: Any, like: Any) -> Any:
    """(B * T, H, W, C) -> (B, T, H, W, C), with batch and time of the clip `like`."""
    batch, time, *_ = ops.shape(like)
    _, height, width, channels = ops.shape(frames)
    if isinstance(time, int):
        return ops.reshape(frames, (-1, time, height, width, channels))
    return ops.reshape(frames, (batch, time, height, width, channels))


def pad_time(clip: Any, before: int, after: int) -> Any:
    """Zero frames before and after a clip (B, T, H, W, C)."""
    return ops.pad(clip, ((0, 0), (before, after), (0, 0), (0, 0), (0, 0))) if before or after else clip


def pointwise(x: Any, kernel: Any) -> Any:
    """A 1x1x1 convolution: (..., C) times (C, F)."""
    *outer, channels = ops.shape(x)
    product = ops.matmul(ops.reshape(x, (-1, channels)), kernel)
    return ops.reshape(product, (*outer, kernel.shape[-1]))


def spatial(clip: Any, kernel: Any, stride: int) -> Any:
    """A convolution of every frame of (B, T, H, W, C) with (kh, kw, C, F); 'same' padding."""
    return clip_of(ops.conv(frames_of(clip), kernel, strides=stride, padding="same"), clip)


def depthwise_spatial(clip: Any, kernel: Any, stride: int) -> Any:
    """A depthwise convolution of every frame of (B, T, H, W, C) with (kh, kw, C); 'same' padding."""
    if kernel.shape[0] == kernel.shape[1] == stride == 1:
        return clip * kernel[0, 0]
    frames = ops.depthwise_conv(frames_of(clip), kernel[..., None], strides=stride, padding="same")
    return clip_of(frames, clip)


def depthwise(clip: Any, kernel: Any, stride: int) -> Any:
    """A depthwise 3-D convolution with (kt, kh, kw, C), 'same' in space, 'valid' in time.

    clip: (B, kt - 1 + T, H, W, C), already padded or buffered in time.  Returns (B, T, H', W', C).
    """
    taps = kernel.shape[0]
    frames = ops.shape(clip)[1] - (taps - 1)
    parts = [depthwise_spatial(take_frames(clip, tap, frames), kernel[tap], stride) for tap in range(taps)]
    return sum(parts[1:], parts[0])


def temporal(clip: Any, kernel: Any) -> Any:
    """A full convolution over time only: (B, kt - 1 + T, H, W, C) with (kt, C, F), 'valid' in time."""
    return pointwise(unfold_time(clip, kernel.shape[0]), ops.reshape(kernel, (-1, kernel.shape[-1])))


def full(clip: Any, kernel: Any, stride: int) -> Any:
    """A 3-D convolution with (kt, kh, kw, C, F), 'same' in space, 'valid' in time."""
    taps, height, width, channels, filters = kernel.shape
    kernel = ops.reshape(ops.transpose(kernel, (1, 2, 0, 3, 4)), (height, width, taps * channels, filters))
    return spatial(unfold_time(clip, taps), kernel, stride)


def unfold_time(clip: Any, taps: int) -> Any:
    """(B, taps - 1 + T, H, W, C) -> (B, T, H, W, taps * C): each frame beside those before it."""
    if taps == 1:
        return clip
    frames = ops.shape(clip)[1] - (taps - 1)
    return ops.concatenate([take_frames(clip, tap, frames) for tap in range(taps)], axis=-1)


def take_frames(clip: Any, start: int, count: Any) -> Any:
    """`count` frames of (B, T, H, W, C) from the frame `start`.

    A slice of rank 3: the gradient of `clip[:, a:b]` (StridedSliceGrad, rank 5) took two thirds of a training step.
    """
    batch, time, height, width, channels = ops.shape(clip)
    if isinstance(time, int) and time == count:
        return clip
    pixels = height * width * channels
    taken = ops.slice(ops.reshape(clip, (batch, time, pixels)), (0, start, 0), (batch, count, pixels))
    return ops.reshape(taken, (batch, count, height, width, channels))


def average_pool(clip: Any) -> Any:
    """3x3 average of every frame with stride 2; padding is not counted."""
    return clip_of(ops.average_pool(frames_of(clip), 3, strides=2, padding="same"), clip)


def normalize_batch(x: Any, gamma: Any, beta: Any, epsilon: float) -> tuple[Any, Any, Any]:
    """Batch normalisation of (..., C) by its own statistics: the result, mean (C,) and variance (C,)."""
    if FUSED_BATCH_NORM:
        return _fused_normalize_batch(x, gamma, beta, epsilon)
    axes = tuple(range(len(x.shape) - 1))
    mean, variance = ops.moments(ops.cast(x, gamma.dtype), axes)
    return normalize(x, gamma, beta, mean, variance, epsilon), mean, variance


def normalize(x: Any, gamma: Any, beta: Any, mean: Any, variance: Any, epsilon: float) -> Any:
    """Normalisation of (..., C) by given statistics: one multiply-add an element."""
    scale = gamma * ops.rsqrt(variance + epsilon)
    return x * ops.cast(scale, x.dtype) + ops.cast(beta - mean * scale, x.dtype)


def _fused_normalize_batch(x: Any, gamma: Any, beta: Any, epsilon: float) -> tuple[Any, Any, Any]:
    import tensorflow as tf

    shape = ops.shape(x)
    flat = ops.reshape(x, (-1, 1, 1, shape[-1]))
    y, mean, variance = tf.compat.v1.nn.fused_batch_norm(flat, gamma, beta, epsilon=epsilon, is_training=True)
    count = tf.cast(tf.shape(flat)[0], variance.dtype)
    return ops.reshape(y, shape), mean, variance * ((count - 1) / count)  # the kernel's variance is the sample's
