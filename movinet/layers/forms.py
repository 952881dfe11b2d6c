"""How convolutions and normalisations are computed: the forms that are fast on a CPU.

No Conv3D and no Pool3D: grouped 3-D convolutions are slow and do not survive export.  A depthwise 3-D convolution is
a sum over its time taps of 2-D depthwise convolutions of frames, shifted in time; a 1x1x1 one is a matrix product.
Clips are (B, T, H, W, C).  A `shift` (F,) is added to every result where one is given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from movinet.layers.activation import hard_swish
from movinet.layers.backend import ops
from movinet.layers.frames import clip_of, frames_of

ON_TENSORFLOW = keras.backend.backend() == "tensorflow"  # the one switch between keras.ops and TensorFlow's own forms
if ON_TENSORFLOW:
    from movinet.layers import tensorflow_forms


def pointwise(clip: Any, kernel: Any, shift: Any = None) -> Any:
    """A 1x1x1 convolution with (C, F)."""
    *outer, channels = ops.shape(clip)
    product = _shifted(ops.matmul(ops.reshape(clip, (-1, channels)), kernel), shift)
    return ops.reshape(product, (*outer, kernel.shape[-1]))


def full(clip: Any, kernel: Any, stride: int, before: int, after: int, shift: Any = None) -> Any:
    """A 3-D convolution with (kt, kh, kw, C, F), 'same' in space, with zero frames `before` and `after`."""
    taps, height, width, channels, filters = kernel.shape
    if taps > 1:
        clip = _unfold_time(pad_time(clip, before, after), taps)
        kernel = ops.transpose(kernel, (1, 2, 0, 3, 4))
    if height == width == stride == 1:
        return pointwise(clip, ops.reshape(kernel, (taps * channels, filters)), shift)
    kernel = ops.reshape(kernel, (height, width, taps * channels, filters))
    return clip_of(_shifted(ops.conv(frames_of(clip), kernel, strides=stride, padding="same"), shift), clip)


def depthwise(clip: Any, kernel: Any, stride: int, before: int, after: int, shift: Any = None) -> Any:
    """A depthwise 3-D convolution with (kt, kh, kw, C), 'same' in space, with zero frames `before` and `after`."""
    if ON_TENSORFLOW:
        return tensorflow_forms.depthwise(clip, kernel, stride, before, after, shift)
    taps, clip = kernel.shape[0], pad_time(clip, before, after)
    frames = ops.shape(clip)[1] - (taps - 1)
    parts = [
        ops.depthwise_conv(frames_of(clip[:, tap : tap + frames]), kernel[tap][..., None], stride, padding="same")
        for tap in range(taps)
    ]
    return clip_of(_shifted(sum(parts[1:], parts[0]), shift), clip)


def average_pool(clip: Any) -> Any:
    """3x3 average of every frame with stride 2; padding is not counted."""
    return clip_of(ops.average_pool(frames_of(clip), 3, strides=2, padding="same"), clip)


def pad_time(clip: Any, before: int, after: int) -> Any:
    """Zero frames before and after a clip."""
    return ops.pad(clip, ((0, 0), (before, after), (0, 0), (0, 0), (0, 0))) if before or after else clip


def normalize_batch(
    x: Any, gamma: Any, beta: Any, mean: Any, variance: Any, momentum: float, epsilon: float
) -> tuple[Any, Any, Any]:
    """Batch normalisation of (B, T, H, W, C) by its own statistics: the result, next moving mean and variance (C,).

    The moving variance follows the sample's, n - 1 in the denominator.
    """
    if ON_TENSORFLOW:
        return tensorflow_forms.normalize_batch(x, gamma, beta, mean, variance, momentum, epsilon)
    own_mean, own_variance = ops.moments(ops.cast(x, gamma.dtype), (0, 1, 2, 3))
    scale = gamma * ops.rsqrt(own_variance + epsilon)
    y = x * ops.cast(scale, x.dtype) + ops.cast(beta - own_mean * scale, x.dtype)
    count = ops.cast(ops.size(x) // x.shape[-1], gamma.dtype)
    sample = own_variance * (count / ops.maximum(count - 1, 1))
    return y, mean + (own_mean - mean) * (1 - momentum), variance + (sample - variance) * (1 - momentum)


def in_training(activate: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The activation in the form whose gradient is quick; its values are the same."""
    return tensorflow_forms.hard_swish if ON_TENSORFLOW and activate is hard_swish else activate


def strided(stride: int, *sizes: int | None) -> tuple[int | None, ...]:
    """What 'same' padding and `stride` leave of each size."""
    return tuple(None if size is None else -(-size // stride) for size in sizes)


def symbolic(clip: Any, filters: int, stride: int, dtype: str) -> Any:
    """What a layer makes of a symbolic clip, without tracing it: building a network takes half the time."""
    return keras.KerasTensor((*clip.shape[:2], *strided(stride, *clip.shape[2:4]), filters), dtype=dtype)


def _shifted(x: Any, shift: Any) -> Any:
    if shift is None:
        return x
    return tensorflow_forms.shifted(x, shift) if ON_TENSORFLOW else x + shift


def _unfold_time(clip: Any, taps: int) -> Any:
    """(B, taps - 1 + T, H, W, C) -> (B, T, H, W, taps * C): each frame behind those before it."""
    if taps == 1:
        return clip
    frames = ops.shape(clip)[1] - (taps - 1)
    return ops.concatenate([clip[:, tap : tap + frames] for tap in range(taps)], axis=-1)
