"""TensorFlow's own forms of what `movinet.layers.forms` computes slowly on a CPU.

Automatic differentiation of shifted slices dominated a training step (60 % of it was StridedSliceGrad), so the
depthwise 3-D convolution has a gradient of its own, made of convolutions again.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from movinet.layers.backend import ops
from movinet.layers.frames import clip_of, frames_of


def depthwise(clip: Any, kernel: Any, stride: int, before: int, after: int, shift: Any = None) -> Any:
    """A depthwise 3-D convolution, 'same' in space, with `before` and `after` zero frames added in time.

    clip: (B, T, H, W, C); kernel: (kt, kh, kw, C); shift: (C,), added to the result, or None.
    Returns (B, before + T + after - kt + 1, H', W', C).
    """
    if kernel.shape[0] > 1 and kernel.shape[1] == kernel.shape[2] == 1 and stride == 1:
        return _temporal(clip, kernel, before, after, shift)
    taps = kernel.shape[0]

    @tf.custom_gradient
    def convolve(clip, kernel, *shift):
        def gradient(upstream):
            past, future = taps - 1 - before, taps - 1 - after
            if stride == 1:
                clip_gradient = _correlate(_pad_time(upstream, past, future), tf.reverse(kernel, [0, 1, 2]), 1)
            else:
                clip_gradient = _transposed(clip, _pad_time(upstream, past, future), kernel, stride)
            kernel_gradient = _kernel_gradient(_pad_time(clip, before, after), upstream, kernel, stride)
            return clip_gradient, kernel_gradient, *(tf.reduce_sum(upstream, (0, 1, 2, 3)) for _ in shift)

        return _correlate(_pad_time(clip, before, after), kernel, stride, *shift), gradient

    return convolve(clip, kernel, *(() if shift is None else (tf.convert_to_tensor(shift),)))


def _temporal(clip: Any, kernel: Any, before: int, after: int, shift: Any) -> Any:
    """`depthwise` for a kernel (kt, 1, 1, C): one operation, two-dimensional over time and all of space.

    Four times as fast as one for each tap, forward and backward, and without their copies.
    """
    batch, _, height, width, channels = ops.shape(clip)
    planes = tf.reshape(clip, (batch, -1, height * width, channels))
    same = before == after == kernel.shape[0] // 2
    if not same and (before or after):
        planes = tf.pad(planes, ((0, 0), (before, after), (0, 0), (0, 0)))
    taps = tf.reshape(kernel, (kernel.shape[0], 1, channels, 1))
    planes = tf.nn.depthwise_conv2d(planes, taps, (1, 1, 1, 1), "SAME" if same else "VALID")
    planes = planes if shift is None else shifted(planes, shift)
    return tf.reshape(planes, (batch, -1, height, width, channels))


def normalize_batch(
    x: Any, gamma: Any, beta: Any, mean: Any, variance: Any, momentum: float, epsilon: float
) -> tuple[Any, Any, Any]:
    """`forms.normalize_batch` in one operation (oneDNN's, three times as fast as Eigen's, takes rank 4 only)."""
    shape = ops.shape(x)
    y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=tf.reshape(x, norm_layout(x.shape[-1])),
        scale=gamma,
        offset=beta,
        mean=mean,
        variance=variance,
        epsilon=epsilon,
        exponential_avg_factor=1.0 - momentum,
        is_training=True,
    )
    return tf.reshape(y, shape), mean, variance


def norm_layout(channels: int) -> tuple[int, int, int, int]:
    """The shape of rank 4 in which oneDNN normalises rows of so many channels quickly: benchmarks/kernel_rules.py.

    Up to four times as fast as the other one; for 24, 40, 56 and 72 channels it is the other way round.
    """
    return (1, -1, 1, channels) if on_cpu() and (channels % 16 == 0 or channels < 16) else (-1, 1, 1, channels)


@tf.custom_gradient
def hard_swish(x: Any) -> Any:
    """`activation.hard_swish` with a gradient of its own: eight passes over the values, both ways, instead of ten."""
    above = x + 3.0
    relu = tf.nn.relu6(above)

    def gradient(upstream):
        return upstream * (1.0 / 6.0) * (relu + tf.raw_ops.Relu6Grad(gradients=x, features=above))

    return x * (relu * (1.0 / 6.0)), gradient


def on_cpu() -> bool:
    """Whether oneDNN's rules are what counts."""
    return not tf.config.list_physical_devices("GPU")


def shifted(x: Any, shift: Any) -> Any:
    """(..., C) plus (C,): an operation that TensorFlow fuses with the convolution or product before it."""
    return tf.nn.bias_add(x, shift)


def _correlate(padded: Any, kernel: Any, stride: int, shift: Any = None) -> Any:
    """(B, T + kt - 1, H, W, C) -> (B, T, H', W', C); the shift is fused with the first tap's convolution."""
    strides = (1, stride, stride, 1)
    parts = [
        tf.nn.depthwise_conv2d(frames, tap, strides, "SAME")
        for frames, tap in zip(_windows(padded, kernel.shape[0]), _taps(kernel), strict=True)
    ]
    if shift is not None:
        parts[0] = shifted(parts[0], shift)
    return clip_of(_total(parts), padded)


def _transposed(clip: Any, padded: Any, kernel: Any, stride: int) -> Any:
    """The gradient of a strided convolution by its input `clip`, from the upstream gradient padded in time."""
    frames = tf.shape(frames_of(clip))
    parts = [
        tf.nn.depthwise_conv2d_backprop_input(frames, tap, upstream, (1, stride, stride, 1), "SAME")
        for upstream, tap in zip(_windows(padded, kernel.shape[0]), reversed(_taps(kernel)), strict=True)
    ]
    return tf.reshape(_total(parts), tf.shape(clip))


def _kernel_gradient(padded: Any, upstream: Any, kernel: Any, stride: int) -> Any:
    upstream = frames_of(upstream)
    windows, taps = _windows(padded, kernel.shape[0]), kernel.shape[1:]
    slow = on_cpu() and has_no_jit(taps, windows[0].shape, upstream.shape)
    gradient = by_forward if slow else by_backprop
    parts = [gradient(frames, taps, upstream, stride) for frames in windows]
    return tf.reshape(tf.stack(parts), kernel.shape)


def has_no_jit(kernel: Any, frames: Any, upstream: Any) -> bool:
    """Whether oneDNN 3 is slow at the gradient of a kernel (kh, kw, C); frames, upstream: shapes (N, H, W, C).

    benchmarks/kernel_rules.py keeps this honest.  Elsewhere, and on large maps, `by_forward` is up to 20 times slower.
    """
    if None in (*frames, *upstream) or frames[1] * frames[2] > 100:
        return False
    return max(kernel[:2]) > 3 or (max(kernel[:2]) > 1 and min(frames[1:3]) < 3)


def by_backprop(frames: Any, kernel: Any, upstream: Any, stride: int) -> Any:
    """The gradient of a depthwise convolution by its kernel (kh, kw, C), of frames (N, H, W, C)."""
    shape, strides = (*kernel, 1), (1, stride, stride, 1)
    return tf.nn.depthwise_conv2d_backprop_filter(frames, shape, upstream, strides, "SAME")


def by_forward(frames: Any, kernel: Any, upstream: Any, stride: int) -> Any:
    """`by_backprop` as a forward convolution: the upstream gradient is its kernel, the stride its dilation, and each
    channel of each frame a channel of its own."""
    (count, *sizes, channels), (*taps, _) = frames.shape, kernel
    margins, spans = [], []
    for size, made, tap in zip(sizes, upstream.shape[1:3], taps, strict=True):
        spans.append(span := (made - 1) * stride + tap)
        margins.append(((missing := max(span - size, 0)) // 2, missing - missing // 2))
    padded = tf.pad(tf.transpose(frames, (1, 2, 0, 3)), (*margins, (0, 0), (0, 0)))[: spans[0], : spans[1]]
    image = tf.reshape(padded, (1, *spans, count * channels))
    weights = tf.reshape(tf.transpose(upstream, (1, 2, 0, 3)), (*upstream.shape[1:3], count * channels, 1))
    each = tf.nn.depthwise_conv2d(image, weights, (1, 1, 1, 1), "VALID", dilations=(stride, stride))
    return tf.reduce_sum(tf.reshape(each, (*taps, count, channels)), 2)


def _taps(kernel: Any) -> list[Any]:
    """The time taps of (kt, kh, kw, C), as 2-D depthwise kernels (kh, kw, C, 1)."""
    if kernel.shape[0] == 1:
        return [tf.reshape(kernel, (*kernel.shape[1:], 1))]
    return tf.unstack(tf.reshape(kernel, (*kernel.shape, 1)))


def _windows(padded: Any, taps: int) -> list[Any]:
    """What each time tap sees of (B, T + taps - 1, H, W, C), as (B * T, H, W, C)."""
    if taps == 1:
        return [frames_of(padded)]
    batch, time, height, width, channels = ops.shape(padded)
    size, count = height * width * channels, time - (taps - 1)
    if padded.shape[0] == 1:  # slices of the outermost axis are no copies
        rows = tf.reshape(padded, (time, size))
        slices = [rows[tap : tap + count] for tap in range(taps)]
    else:  # of few axes, slices are quick
        rows = tf.reshape(padded, (batch, time, size))
        slices = [rows[:, tap : tap + count] for tap in range(taps)]
    return [tf.reshape(part, (-1, height, width, channels)) for part in slices]


def _total(parts: list[Any]) -> Any:
    return tf.add_n(parts) if len(parts) > 1 else parts[0]


def _pad_time(clip: Any, before: int, after: int) -> Any:
    if not (before or after):
        return clip
    batch, time, height, width, channels = ops.shape(clip)
    rows = tf.reshape(clip, (batch, time, height * width * channels))
    padded = tf.pad(rows, ((0, 0), (before, after), (0, 0)))
    return tf.reshape(padded, (batch, time + before + after, height, width, channels))
